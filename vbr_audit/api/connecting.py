"""The first step: a client for a server, from arguments and settings; nothing is sent yet, and no pandas is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from vbr_audit.api.client import Client, parse_url
from vbr_audit.api.tls import Tls
from vbr_audit.config.settings import find_password, load_settings
from vbr_audit.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx


def connect(
    url: str,
    *,
    username: str | None = None,
    password: str | SecretStr | None = None,
    name: str | None = None,
    revision: str | None = None,
    ca_file: str | Path | None = None,
    fingerprint: str | None = None,
    insecure: bool | None = None,
    timeout: float | None = None,
    proxy: str | None = None,
    transport: httpx.BaseTransport | None = None,
    allow_writes: bool = False,
) -> Client:
    """A client for the VBR server at `url`; nothing is sent before its first read.

    The password is `password`, else `VBR_AUDIT_PASSWORD`, else the keyring's, else asked for. Raises
    `ConfigurationError` for a wrong address or setting. `allow_writes` is for the functions of
    `vbr_audit.api.job_operations` that change jobs; no report or audit command ever uses it.
    """
    settings = load_settings(
        username=username,
        password=password,
        revision=revision,
        ca_file=ca_file,
        fingerprint=fingerprint,
        insecure=insecure,
        timeout=timeout,
        proxy=proxy,
    )
    address = str(parse_url(url)).rstrip("/")
    if not settings.username:
        raise ConfigurationError(f"no user name for {address}", hint="Give --username, or set VBR_AUDIT_USERNAME.")
    tls = Tls(ca_file=settings.ca_file, fingerprint=settings.fingerprint, insecure=settings.insecure)
    return Client(
        url,
        username=settings.username,
        password=find_password(settings.username, address, settings.password),
        name=name,
        revision=settings.revision,
        tls=tls,
        timeout=settings.timeout,
        proxy=settings.proxy,
        transport=transport,
        allow_writes=allow_writes,
    )
