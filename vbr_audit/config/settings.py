"""Settings from arguments, the environment and settings files, where each came from, and the password's own way.

The stronger place counts: an argument, a variable `VBR_AUDIT_…`, the file that `--config` or `VBR_AUDIT_CONFIG`
names or else `vbr_audit.toml` in the current folder, `config.toml` in the user's own folder, and what is built in.
A file holds no password. One that nobody named may have been laid there by anybody: it cannot decide where a password
goes, nor what is run, nor where a run is kept, who vouches for it or who is told of it (`GUARDED`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints

from vbr_audit.config.time_spans import seconds_of
from vbr_audit.config.toml_file import SECRETS, TomlFile
from vbr_audit.config.yaml_file import Problem, model_problems, raise_problems, suggestion
from vbr_audit.errors import ConfigurationError
from vbr_audit.vocabulary import Threshold

KEYRING_SERVICE = "vbr_audit"
PREFIX: Final = "VBR_AUDIT_"
FILE_NAME: Final = "vbr_audit.toml"
_QUESTIONS: Final = (("ca_file", "fingerprint", "insecure"), ("url", "servers"))
"""Settings that answer one question together: the strongest place that answers it silences the weaker ones."""
_TO_WHOM: Final = "decides to whom your password is sent"
GUARDED: Final = {
    **dict.fromkeys(("url", "servers", "ca_file", "fingerprint", "insecure", "proxy"), _TO_WHOM),
    "checks": "names Python files that are run",
    "sign_pdf": "decides whose key signs a report, and can name a command that is run",
    "templates": "can bring script into a report",
    "history": "decides where a copy of what was read is kept",
    "sign": "decides in whose name a run is signed",
    **dict.fromkeys(("timestamp", "timestamp_ca"), "decides who is asked for the time of a seal, and believed"),
    "deliver": "decides who is told what a run says",
}
"""Settings taken only from a file that the user named, or from their own; and what each could do."""
_PATHS: Final = (
    *("servers", "ca_file", "waivers", "site", "checks", "sign_pdf", "templates", "history", "sign", "timestamp_ca"),
    *("deliver", "brand"),
)
_NOT_IN_FILES: Final = ("password", "brand_name", "brand_logo", "brand_colour", "brand_accent")
_REFUSED: Final = (
    "a password does not belong in this file; set VBR_AUDIT_PASSWORD, store it in the keyring, or use --password-stdin"
)
_HINT: Final = "Correct the settings file; `vbr-audit init` writes one that explains every key."


def _joined(value: Any) -> Any:
    """A list of words as one text, as the command line takes it."""
    is_words = isinstance(value, list) and all(isinstance(word, str) for word in value)
    return ",".join(value) if is_words else value


def _span(text: str) -> str:
    """`text`, if it is a span of time; raises `ValueError`."""
    try:
        seconds_of(text)
    except ConfigurationError as error:
        raise ValueError(f"not a span of time from 1s to 168h; {error.hint}") from None
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Span = Annotated[Text, AfterValidator(_span)]
"""A span of time as people write it, such as `30m`."""


class Settings(BaseModel):
    """The standing choices: which servers, how to reach them, what to judge them by, how reports look."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Text | None = None
    servers: Path | None = None
    username: Text | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    fingerprint: Text | None = None
    insecure: bool = False
    revision: Text | None = None
    timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0
    deadline: Span | None = None
    dataset_deadline: Span | None = None
    proxy: Text | None = None
    timezone: Text | None = None
    mask_accounts: bool = False
    policy: Text | None = None
    waivers: Path | None = None
    site: Path | None = None
    checks: Path | None = None
    fail_on: Threshold | None = None
    fail_on_new: Threshold | None = None
    format: Annotated[Text | None, BeforeValidator(_joined)] = None
    sign_pdf: Path | None = None
    templates: Path | None = None
    history: Path | None = None
    sign: Path | None = None
    timestamp: Text | None = None
    timestamp_ca: Path | None = None
    deliver: Path | None = None
    classification: Text | None = None
    brand: Path | None = None
    brand_name: str | None = None
    brand_logo: str | None = None
    brand_colour: str | None = None
    brand_accent: str | None = None


FILE_KEYS: Final = tuple(name for name in Settings.model_fields if name not in _NOT_IN_FILES)
"""The keys that a settings file takes."""


@dataclass(frozen=True)
class SettingsFile:
    """A settings file; `found`: nobody named it, it was found from the current folder."""

    path: Path
    found: bool = False


@dataclass(frozen=True)
class SettingsInForce:
    """The settings of a run, where each comes from (`--timeout`, `VBR_AUDIT_TIMEOUT`, `vbr_audit.toml:3`; what is
    built in has none), and the files that were read, the stronger first.

    `refused` holds the places of what would be in force if somebody had named its file.
    """

    settings: Settings
    places: Mapping[str, str]
    files: tuple[Path, ...]
    refused: Mapping[str, str]


@dataclass(frozen=True)
class _Layer:
    values: dict[str, Any]
    places: dict[str, str]
    found: bool = False


_FILES: ContextVar[tuple[SettingsFile, ...] | None] = ContextVar("settings_files", default=None)


@contextmanager
def reading_settings_from(files: Sequence[SettingsFile]) -> Iterator[None]:
    """Within, settings come from these files, the stronger first, in place of those that would be found."""
    token = _FILES.set(tuple(files))
    try:
        yield
    finally:
        _FILES.reset(token)


def settings_files(config: Path | None = None) -> tuple[SettingsFile, ...]:
    """The settings files, the stronger first: `config`, else `VBR_AUDIT_CONFIG`'s, else this folder's; the user's."""
    named = config or (Path(given) if (given := os.environ.get("VBR_AUDIT_CONFIG")) else None)
    own = user_file()
    # a relative path in the environment is another file in each folder: that is no way to name one
    is_named = config is not None or (named is not None and named.is_absolute())
    near = SettingsFile(named or Path(FILE_NAME), found=not is_named)
    files = [near] if named or near.path.is_file() else []
    if own.is_file() and own.absolute() != near.path.absolute():
        files.append(SettingsFile(own))
    return tuple(files)


def user_file() -> Path:
    """Where the user's own settings file stands, if there is one."""
    from platformdirs import user_config_path

    return user_config_path("vbr_audit", appauthor=False) / "config.toml"


def load_settings(**arguments: Any) -> Settings:
    """The settings of this run; an argument of None is not given. Raises `ConfigurationError`.

    How a certificate is trusted is one question: an argument that answers it silences the weaker places on it. An
    argument, even of None, means that its setting is used: it must not come from a file that nobody named.
    """
    in_force = settings_in_force(**arguments)
    refuse_unnamed(in_force, arguments)
    return in_force.settings


def refuse_unnamed(in_force: SettingsInForce, used: Collection[str]) -> None:
    """Raise `ConfigurationError` where one of the settings `used` comes from a file that nobody named."""
    refused = [
        f"{place}: {name}: not taken from a file that nobody named: it {GUARDED[name]}"
        for name, place in in_force.refused.items()
        if name in used
    ]
    if refused:
        raise ConfigurationError(
            "\n".join(refused),
            hint=f"If the file is yours, name it: --config {in_force.files[0]}, or VBR_AUDIT_CONFIG="
            f"{in_force.files[0].absolute()} in the environment. If not, look at it before you work in this folder.",
        )


def settings_in_force(**arguments: Any) -> SettingsInForce:
    """The settings with their places; an argument of None is not given. Raises `ConfigurationError`."""
    chosen = _FILES.get()
    files = settings_files() if chosen is None else chosen
    layers = [_from_arguments(arguments), _from_environment(), *(_from_file(file) for file in files)]
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    refused: dict[str, str] = {}
    for layer in layers:
        settled = {name for question in _QUESTIONS if values.keys() & set(question) for name in question}
        new = {name: value for name, value in layer.values.items() if name not in values.keys() | settled}
        values |= new
        places |= {name: layer.places[name] for name in new}
        refused |= {name: layer.places[name] for name in new if layer.found and name in GUARDED}
    for name in refused:
        del values[name], places[name]
    return SettingsInForce(Settings(**values), places, tuple(file.path for file in files), refused)


def _from_arguments(arguments: Mapping[str, Any]) -> _Layer:
    given = {name: value for name, value in arguments.items() if value is not None}
    return _checked(_Layer(given, {name: f"--{name.replace('_', '-')}" for name in given}))


def _from_environment() -> _Layer:
    variables = {name.upper(): value for name, value in os.environ.items() if value}
    given = {
        name: variables[variable] for name in Settings.model_fields if (variable := PREFIX + name.upper()) in variables
    }
    return _checked(_Layer(given, {name: PREFIX + name.upper() for name in given}))


def _checked(layer: _Layer) -> _Layer:
    """The layer; raises `ConfigurationError`, which names what is wrong but never a value, where it does not fit."""
    faults = {str(each.path[0]): each.message for each in model_problems(Settings, layer.values)}
    if faults:
        message = "\n".join(f"setting {name}: {fault}" for name, fault in faults.items())
        raise ConfigurationError(message, hint=f"Correct {', '.join(layer.places[name] for name in faults)}.")
    return layer


def _from_file(given: SettingsFile) -> _Layer:
    """The content of a settings file; its relative paths begin at its own folder. Raises `ConfigurationError`."""
    path = given.path
    file = TomlFile(str(path), TomlFile.read(path, error=ConfigurationError, default_name=path.name).text)
    content = file.content(hint=_HINT)
    problems = [*_file_problems(content)]
    if problems:
        raise_problems(file, problems, error=ConfigurationError, hint=_HINT)
    for name in _PATHS:
        if name in content:
            content[name] = path.parent / content[name]
    if any(sign in content.get("policy", "") for sign in "./\\"):  # else it is the name of a shipped one
        content["policy"] = str(path.parent / content["policy"])
    return _Layer(content, {name: f"{file.name}:{file.line_of((name,))}" for name in content}, given.found)


def _file_problems(content: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong in a file, never with a value that may be a password."""
    known = {name: value for name, value in content.items() if name in FILE_KEYS}
    for name in content.keys() - known.keys():
        message = _REFUSED if SECRETS.fullmatch(name) else f"unknown key{suggestion(name, FILE_KEYS) or _known()}"
        yield Problem((name,), message)
    for name in ("url", "proxy", "timestamp"):
        if "@" in str(known.get(name, "")):
            del known[name]
            yield Problem((name,), "user name and password do not belong into an address")
    yield from model_problems(Settings, known)


def _known() -> str:
    return f"; known: {', '.join(FILE_KEYS)}"


def find_password(username: str, url: str, given: SecretStr | None) -> SecretStr:
    """The password of `username`: `given` (argument or environment), else the keyring, else a prompt.

    Raises `ConfigurationError` when there is none and nobody to ask.
    """
    if given is not None and given.get_secret_value():
        return given
    stored = password_in_keyring(username, url)
    if stored is not None:
        return stored
    if can_ask():
        import getpass

        with suppress(EOFError, NotImplementedError):  # the latter is a kernel's, whose notebook nobody looks at
            return SecretStr(getpass.getpass(f"Password of {username} at {url}: "))
    raise ConfigurationError(
        f"no password for {username!r} at {url}",
        hint="Pipe it to --password-stdin, set VBR_AUDIT_PASSWORD, or store it: "
        f"keyring set {KEYRING_SERVICE} {username}@{url}",
    )


def can_ask() -> bool:
    """Whether there is a terminal or a notebook in which a password can be asked for."""
    return (sys.stdin is not None and sys.stdin.isatty()) or in_notebook()


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def password_in_keyring(username: str, url: str) -> SecretStr | None:
    """The password that the keyring holds for `username` at `url`; None without one, or without a keyring."""
    if os.environ.get("VBR_AUDIT_KEYRING") == "0":
        return None
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        stored = keyring.get_password(KEYRING_SERVICE, f"{username}@{url}")
    except (KeyringError, RuntimeError, OSError):
        return None
    return SecretStr(stored) if stored else None
