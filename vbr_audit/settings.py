"""Settings from arguments and the environment, and where the password comes from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from vbr_audit.errors import ConfigurationError

KEYRING_SERVICE = "vbr_audit"
_TRUST: dict[str, Any] = {"ca_file": None, "fingerprint": None, "insecure": False}


class Settings(BaseSettings):
    """How to reach a server; an argument outranks its `VBR_AUDIT_*` variable."""

    model_config = SettingsConfigDict(env_prefix="VBR_AUDIT_", extra="ignore", hide_input_in_errors=True)

    username: str | None = None
    password: SecretStr | None = None
    revision: str | None = None
    ca_file: Path | None = None
    fingerprint: str | None = None
    insecure: bool = False
    timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0
    proxy: str | None = None
    timezone: str | None = None


def load_settings(**arguments: Any) -> Settings:
    """The settings of this run; an argument of None is not given. Raises `ConfigurationError`.

    How a certificate is trusted is one question: an argument that answers it silences the whole environment on it.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    if given.keys() & _TRUST.keys():
        given = _TRUST | given
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"setting {name}: {first['msg'].lower()}",
            hint=f"Correct --{name.replace('_', '-')} or the variable VBR_AUDIT_{name.upper()}.",
        ) from None


def find_password(username: str, url: str, given: SecretStr | None) -> SecretStr:
    """The password of `username`: `given` (argument or environment), else the keyring, else a prompt.

    Raises `ConfigurationError` when there is none and nobody to ask.
    """
    if given is not None and given.get_secret_value():
        return given
    stored = _from_keyring(username, url)
    if stored is not None:
        return stored
    if sys.stdin is not None and (sys.stdin.isatty() or "ipykernel" in sys.modules):
        import getpass

        return SecretStr(getpass.getpass(f"Password of {username} at {url}: "))
    raise ConfigurationError(
        f"no password for {username!r} at {url}",
        hint="Pipe it to --password-stdin, set VBR_AUDIT_PASSWORD, or store it: "
        f"keyring set {KEYRING_SERVICE} {username}@{url}",
    )


def _from_keyring(username: str, url: str) -> SecretStr | None:
    if os.environ.get("VBR_AUDIT_KEYRING") == "0":
        return None
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        found = keyring.get_password(KEYRING_SERVICE, f"{username}@{url}")
    except (KeyringError, RuntimeError, OSError):
        return None
    return SecretStr(found) if found else None
