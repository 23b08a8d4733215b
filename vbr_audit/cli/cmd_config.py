"""`vbr-audit config`: the settings in force, and which place said each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import complain, guarded
from vbr_audit.display import plain

if TYPE_CHECKING:
    from vbr_audit.config.settings import SettingsInForce

config_app = typer.Typer(help="Show the settings in force.", no_args_is_help=True, rich_markup_mode=None)

STARS = "**********"
_OTHER_VARIABLES = ("CONFIG", "DEBUG", "KEYRING", "PROGRESS", "SIGN_PASSPHRASE")


@config_app.command("show")
@guarded
def config_show(config: o.Config = None, debug: o.Debug = False) -> None:
    """Print every setting with its source: variable, file and line, or default. Secrets are shown as stars.

    A vbr_audit.toml that is not given with --config cannot set servers, trust, or code to run.
    """
    import os

    from vbr_audit.config.settings import reading_settings_from, settings_files, settings_in_force

    with reading_settings_from(settings_files(config)):
        in_force = settings_in_force()
    typer.echo(_files_line(in_force))
    rows = list(_rows(in_force))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, place in rows:
        typer.echo(f"{name:{widths[0]}}  {value:{widths[1]}}  {place}")
    for text in unknown_variables(os.environ):
        complain(text)


def unknown_variables(names: Any) -> list[str]:
    """What is to be said of variables that look like settings and are none."""
    from vbr_audit.config.settings import PREFIX, Settings
    from vbr_audit.config.yaml_file import suggestion

    known = [PREFIX + name.upper() for name in (*Settings.model_fields, *_OTHER_VARIABLES)]
    strange = sorted(name for name in names if name.startswith(PREFIX) and name not in known)
    return [f"{name} is not a setting of vbr-audit{suggestion(name, known)}" for name in strange]


def _files_line(in_force: SettingsInForce) -> str:
    from vbr_audit.config.settings import FILE_NAME, user_file

    if in_force.files:
        return plain(f"Settings files: {', '.join(str(path) for path in in_force.files)}")
    return plain(f"No settings file: neither {FILE_NAME} in this folder nor {user_file()} exists")


def _rows(in_force: SettingsInForce) -> Iterator[tuple[str, str, str]]:
    """Name, value and place of each setting, safe for a terminal."""
    for name, value in in_force.settings:
        if name == "password":
            yield name, *_password(in_force)
        elif name in in_force.refused:
            yield name, "-", plain(f"not taken from {in_force.refused[name]}: give the file with --config")
        else:
            place = in_force.places.get(name) or ("not set" if value is None else "default")
            yield name, _shown(value), plain(place)


def _shown(value: Any) -> str:
    from vbr_audit.api.client import without_userinfo

    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else plain(without_userinfo(str(value)))


def _password(in_force: SettingsInForce) -> tuple[str, str]:
    """Where the password would come from; never how long it is."""
    from vbr_audit.api.client import parse_url
    from vbr_audit.config.settings import can_ask, password_in_keyring
    from vbr_audit.errors import ConfigurationError

    settings = in_force.settings
    if settings.password is not None:
        return STARS, in_force.places["password"]
    if settings.username and settings.url:
        try:
            address = str(parse_url(settings.url)).rstrip("/")
        except ConfigurationError as error:
            raise ConfigurationError(f"{in_force.places['url']}: {error.message}", hint=error.hint) from None
        if password_in_keyring(settings.username, address) is not None:
            return STARS, "the keyring"
    return "-", "the keyring, else a prompt" if can_ask() else "the keyring, else --password-stdin"
