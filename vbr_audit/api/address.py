"""Addresses of VBR servers: what is accepted as one, and how one is shown without a password in it."""

from __future__ import annotations

import ipaddress
import re

import httpx

from vbr_audit.errors import ConfigurationError

DEFAULT_PORT = 9419
_URL_HINT = f"Write it as https://vbr01.example or https://vbr01.example:{DEFAULT_PORT}."


def parse_url(text: str) -> httpx.URL:
    """`text` as the base address of a VBR server: https and port 9419 by default, nothing else in it.

    Raises `ConfigurationError` for user info, a path, another scheme, or plain http beyond loopback.
    """
    text = text.strip()
    shown = repr(without_userinfo(text)[:200])
    try:
        url = httpx.URL(text if "://" in text else f"https://{text}")
        url.host.encode("idna")  # as the socket will do it
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise ConfigurationError(f"not an address: {shown}", hint=_URL_HINT) from None
    if url.userinfo or "@" in text:
        raise ConfigurationError(
            "user name and password do not belong into the address", hint="Use --username and the password prompt."
        )
    if url.scheme not in ("http", "https") or not url.host or url.path.strip("/") or url.query or url.fragment:
        raise ConfigurationError(f"not the address of a VBR server: {shown}", hint=_URL_HINT)
    if url.port is not None and not 0 < url.port < 65536:
        raise ConfigurationError(f"not an address: {shown} (no such port)", hint=_URL_HINT)
    if url.scheme == "http" and not is_loopback(url.host):
        raise ConfigurationError(
            f"{shown} would send the password in the clear; http is accepted for loopback only",
            hint="Use https://; VBR's REST service does not speak plain http.",
        )
    explicit = url.port is not None or text.rstrip("/").endswith((":80", ":443"))
    return url.copy_with(path="/", port=url.port if explicit else DEFAULT_PORT)


def without_userinfo(text: str) -> str:
    """`text` with everything before an `@` as asterisks: it may be a name and a password."""
    return re.sub(r"[^\s/=@]*@", "***@", text)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
