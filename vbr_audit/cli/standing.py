"""Standing choices: the settings stand in where the command line is silent."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from vbr_audit.cli import options as o
from vbr_audit.display import plain

_LOG = logging.getLogger(__name__)
Command = TypeVar("Command", bound=Callable[..., None])

_OPTION_OF = {"url": "urls", "format": "formats", "deliver": "to"}
"""Settings whose options are called otherwise inside a command."""


def settled(*kept: str) -> Callable[[Command], Command]:
    """Let the settings say what the command line does not; options in `kept` are the command's own affair."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(**options: Any) -> None:
            from vbr_audit.config.settings import reading_settings_from, settings_files

            files = settings_files(options.get("config"))
            for file in files:
                _LOG.info("settings from %s", plain(file.path))
            with reading_settings_from(files):
                command(**_with_standing(options, kept))

        return run  # type: ignore[return-value]

    return decorate


def without_settings_files(command: Command) -> Command:
    """Let a command be the same for everybody: no settings file is read."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        from vbr_audit.config.settings import reading_settings_from

        with reading_settings_from(()):
            command(**options)

    return run  # type: ignore[return-value]


def _with_standing(options: dict[str, Any], kept: tuple[str, ...]) -> dict[str, Any]:
    """The options, those that were not given filled from the settings; raises `ConfigurationError`."""
    from vbr_audit.config.settings import FILE_KEYS, refuse_unnamed, settings_in_force

    values = {name: options.get(_OPTION_OF.get(name, name)) for name in FILE_KEYS}
    given = {name: value for name, value in values.items() if not _is_silent(value)}
    trust = {name: given[name] for name in ("ca_file", "fingerprint", "insecure") if name in given}
    in_force = settings_in_force(**trust)
    options_of = {name: _OPTION_OF.get(name, name) for name in FILE_KEYS if name not in given}
    if given.keys() & {"url", "servers"}:
        options_of = {name: option for name, option in options_of.items() if name not in ("url", "servers")}
    options_of = {name: option for name, option in options_of.items() if option in options and option not in kept}
    refuse_unnamed(in_force, options_of)
    filled = dict(options)
    for name in options_of.keys() & in_force.places.keys():
        value = getattr(in_force.settings, name)
        _prove(name, value, in_force.places[name])
        filled[options_of[name]] = [value] if name == "url" else value
    return filled


def _is_silent(value: Any) -> bool:
    return value is None or value is False or value == []


def _prove(name: str, value: Any, place: str) -> None:
    """Raise `ConfigurationError`, which says where it stands, for a value that its part of the program refuses."""
    from vbr_audit.api.client import parse_url
    from vbr_audit.api.negotiate import check_pinned
    from vbr_audit.api.tls import normal_fingerprint
    from vbr_audit.errors import ConfigurationError

    proofs: dict[str, Callable[[str], object]] = {
        "url": parse_url,
        "revision": check_pinned,
        "fingerprint": normal_fingerprint,
        "format": o.split_formats,
    }
    if name not in proofs:
        return
    try:
        proofs[name](value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error.message}", hint=error.hint) from None
