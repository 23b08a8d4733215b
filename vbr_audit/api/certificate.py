"""The certificate that a server shows: its SHA-256 and the day it expires, read before anything is sent to it."""

from __future__ import annotations

import datetime as dt
import hashlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_FORMATS = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}


@dataclass(frozen=True)
class Certificate:
    """What identifies a certificate; `expires` is in UTC, None where the certificate does not say it readably."""

    sha256: str
    expires: dt.datetime | None


def shown_certificate(host: str, port: int, timeout: float = 10.0) -> Certificate | None:
    """The certificate that `host` shows now, trusted or not, or None; nothing is sent but the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=timeout) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            shown = wrapped.getpeercert(True)
    except OSError:
        return None
    return None if shown is None else Certificate(hashlib.sha256(shown).hexdigest(), expiry_of(shown))


def expiry_of(der: bytes) -> dt.datetime | None:
    """The end of validity of a certificate in DER (RFC 5280, 4.1), or None where it cannot be read.

    The standard library decodes only certificates that it has verified, and the one in question may not be trusted.
    """
    try:
        (_, certificate), *_ = _parts(der)
        (_, signed), *_ = _parts(certificate)
        fields = [part for part in _parts(signed) if part[0] != _VERSION]
        tag, validity = fields[3]
        if tag != _SEQUENCE:
            return None
        _, (kind, text) = _parts(validity)
        return dt.datetime.strptime(text.decode("ascii"), _FORMATS[kind]).replace(tzinfo=dt.UTC)
    except (ValueError, IndexError, KeyError):
        return None


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element that stands in `der`; raises `ValueError` where one is cut."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        if at + length > len(der):
            raise ValueError("the certificate is cut")
        yield tag, der[at : at + length]
        at += length
