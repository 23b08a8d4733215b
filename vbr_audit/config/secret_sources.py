"""Where a secret is found, such as the password of a server: a reference that may travel, resolved where it is used.

Neither the reference nor an error about it ever holds the secret.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import SecretStr

from vbr_audit.config.settings import password_in_keyring
from vbr_audit.errors import ConfigurationError

Kind = Literal["environment", "file", "keyring", "command"]
COMMAND_S: Final = 60.0
"""Seconds that a command which prints a password may take."""
_MOST_BYTES: Final = 64 * 1024
_WORDS: Final[Mapping[Kind, str]] = {
    "environment": "the environment variable for the {}",
    "file": "the file of the {}",
    "keyring": "the keyring",
    "command": "the command for the {}",
}
KEYS: Final[Mapping[str, Kind]] = {
    "env": "environment",
    "file": "file",
    "command": "command",
    "keyring": "keyring",
}
"""How a file of the user's names the place of a secret: `password_env`, `password_file` …"""


@dataclass(frozen=True)
class SecretSource:
    """One place that holds a password: an environment variable, a file, the keyring, or what a command prints.

    `value` is the name of the variable, the path of the file, or the words of the command; nothing for the keyring.
    `subject` is what is kept there, in one word.
    """

    kind: Kind
    value: tuple[str, ...] = field(default=(), repr=False)
    subject: str = "password"

    def resolve(self, username: str, url: str, *, environ: Mapping[str, str] = os.environ) -> SecretStr:
        """The password of `username` at `url`; the keyring is asked for these two.

        Of a file and of a command the first line counts. Raises `ConfigurationError` where nothing is found, which
        repeats neither what was found nor what a command wrote.
        """
        found = {"environment": self._of_environment, "file": self._of_file, "command": self._of_command}
        text = self._of_keyring(username, url) if self.kind == "keyring" else found[self.kind](environ)
        if not text:
            raise ConfigurationError(
                f"{self} holds no {self.subject}", hint="Put it there, on the machine that reads it."
            )
        return SecretStr(text)

    def __str__(self) -> str:
        """What kind of place it is; its name is not repeated, as somebody may have written the password there."""
        return _WORDS[self.kind].format(self.subject)

    def _of_environment(self, environ: Mapping[str, str]) -> str:
        return environ.get(self.value[0], "")

    def _of_file(self, _: Mapping[str, str]) -> str:
        try:
            with Path(self.value[0]).open("rb") as stream:
                content = stream.read(_MOST_BYTES)
        except OSError as error:
            raise ConfigurationError(
                f"{self} cannot be read: {error.strerror or error}", hint="Check its path and permissions."
            ) from None
        return _first_line(content)

    def _of_command(self, environ: Mapping[str, str]) -> str:
        try:
            done = subprocess.run(  # noqa: S603  the user's own words, and no shell between
                self.value, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_S, check=False, env=environ
            )
        except subprocess.TimeoutExpired:
            raise ConfigurationError(
                f"{self} did not end within {COMMAND_S:.0f} s", hint="Run it by hand on that machine."
            ) from None
        except OSError as error:
            raise ConfigurationError(
                f"{self} cannot be run: {error.strerror or error}", hint="Run it by hand on that machine."
            ) from None
        if done.returncode:
            raise ConfigurationError(
                f"{self} ended with exit code {done.returncode}", hint="Run it by hand on that machine."
            )
        return _first_line(done.stdout)

    def _of_keyring(self, username: str, url: str) -> str:
        stored = password_in_keyring(username, url)
        return "" if stored is None else stored.get_secret_value()


def named_source(entry: Mapping[str, Any], subject: str, folder: Path) -> SecretSource | None:
    """The place of the secret `subject` that a table of a file names, whose paths begin at `folder`; None without one.

    The keys are `<subject>_env`, `_file`, `_command` (a list of words) and `_keyring` (true).
    """
    for ending, kind in KEYS.items():
        value = entry.get(f"{subject}_{ending}")
        if not value:
            continue
        if kind == "keyring":
            return SecretSource(kind, subject=subject)
        words = tuple(value) if kind == "command" else (value,)
        return SecretSource(kind, (str((folder / value).absolute()),) if kind == "file" else words, subject)
    return None


def _first_line(content: bytes) -> str:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ConfigurationError("a secret is not UTF-8 text", hint="Store it as UTF-8.") from None
    return lines[0] if lines else ""


ANYWHERE: Final = (SecretSource("environment", ("VBR_AUDIT_PASSWORD",)), SecretSource("keyring"))
"""Where the password of a server is looked for that names no place."""


def password_without_asking(source: SecretSource | None, username: str, url: str) -> SecretStr:
    """The password from `source`, else from `VBR_AUDIT_PASSWORD` or the keyring; raises `ConfigurationError`.

    Nobody is asked for one: nobody sits at a worker.
    """
    if source is not None:
        return source.resolve(username, url)
    for each in ANYWHERE:
        try:
            return each.resolve(username, url)
        except ConfigurationError:
            continue
    raise ConfigurationError(
        f"no password for {username!r} at {url}",
        hint="Name its place in the file of servers: password_env, _file, _command or _keyring.",
    )
