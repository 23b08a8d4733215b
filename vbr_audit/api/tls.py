"""How a server's certificate is trusted, what it contains, and what is wrong where TLS fails."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import truststore

from vbr_audit.api.address import DEFAULT_PORT, is_loopback
from vbr_audit.errors import ConfigurationError, TlsError

_HEX64 = re.compile(r"[0-9a-f]{64}")


class PinMismatchError(ssl.SSLCertVerificationError):
    """The server showed another certificate than the pinned one; `seen` is its SHA-256."""

    def __init__(self, seen: str) -> None:
        super().__init__(f"certificate SHA-256 is {seen}, not the pinned one")
        self.seen = seen


@dataclass(frozen=True)
class Tls:
    """Which certificates to trust; at most one of the fields may be set, none means the system's store."""

    ca_file: Path | None = None
    fingerprint: str | None = None
    insecure: bool = False

    def __post_init__(self) -> None:
        chosen = [bool(self.ca_file), bool(self.fingerprint), self.insecure]
        if sum(chosen) > 1:
            raise ConfigurationError(
                "--ca-file, --fingerprint and --insecure exclude each other",
                hint="Keep the strictest one that works: --ca-file, else --fingerprint.",
            )
        if self.fingerprint is not None:
            object.__setattr__(self, "fingerprint", normal_fingerprint(self.fingerprint))

    def describe(self) -> str:
        """One phrase for the manifest and the reports."""
        if self.insecure:
            return "NOT VERIFIED (--insecure)"
        if self.fingerprint:
            return f"pinned SHA-256 {self.fingerprint}"
        return f"CA file {self.ca_file.name}" if self.ca_file else "system certificate store"

    def context(self) -> ssl.SSLContext:
        """The `ssl.SSLContext` that holds this choice; raises `ConfigurationError` for an unusable CA file."""
        if self.fingerprint:
            return _PinnedContext.of(self.fingerprint)
        if self.insecure:
            return _unverified(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        if self.ca_file is None:
            return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cafile=str(self.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"cannot read the CA file {self.ca_file}: {getattr(error, 'strerror', None) or error}",
                hint="Give a file with one or more certificates in PEM form.",
            ) from None
        return context


class _PinnedContext(ssl.SSLContext):
    """Trusts exactly one certificate, checked after the handshake and before the first byte is sent."""

    pinned: str

    @classmethod
    def of(cls, fingerprint: str) -> _PinnedContext:
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        _unverified(context)
        context.pinned = fingerprint
        return context

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        wrapped = super().wrap_socket(*args, **kwargs)
        seen = hashlib.sha256(wrapped.getpeercert(True) or b"").hexdigest()
        if seen != self.pinned:
            wrapped.close()
            raise PinMismatchError(seen)
        return wrapped

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        raise ssl.SSLError("a pinned certificate cannot be checked through a TLS proxy")


def _unverified(context: ssl.SSLContext) -> ssl.SSLContext:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def normal_fingerprint(text: str) -> str:
    """`text` as 64 lower-case hex digits; colons and spaces may stand between them."""
    digits = re.sub(r"[:\s]", "", text).lower().removeprefix("sha256")
    if not _HEX64.fullmatch(digits):
        raise ConfigurationError(
            f"not a SHA-256 fingerprint: {text[:100]!r}",
            hint="Give 64 hex digits, with or without colons, e.g. from: openssl x509 -noout -fingerprint -sha256.",
        )
    return digits


def seen_fingerprint(host: str, port: int, timeout: float = 10.0) -> str | None:
    """The SHA-256 of the certificate that `host` shows now, or None; nothing is sent but the handshake."""
    context = _unverified(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    try:
        with (
            socket.create_connection((host, port), timeout=timeout) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            return hashlib.sha256(wrapped.getpeercert(True) or b"").hexdigest()
    except OSError:
        return None


# What is wrong where a TLS handshake fails, and what to do: certificate, port, or address.

_NO_TLS: Final = frozenset(
    {
        *("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL", "NOT_SSL_RECORD"),
        *("PACKET_LENGTH_TOO_LONG", "RECORD_TOO_SMALL", "BAD_RECORD_TYPE", "RECORD_LAYER_FAILURE"),
    }
)
"""What OpenSSL calls an answer to its hello that is no TLS at all."""
_PROBE_S: Final = 3.0


def tls_cause(error: BaseException | None) -> ssl.SSLError | None:
    """The error of TLS behind an error of the HTTP client, None for another one."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


def tls_fault(cause: ssl.SSLError, host: str, port: int) -> TlsError:
    """The error for TLS on this port, with what is wrong and what to do."""
    where = f"{host}:{port}"
    if isinstance(cause, PinMismatchError):
        return TlsError(
            f"{where} showed a certificate with SHA-256 {cause.seen}, not the pinned one",
            hint="If the certificate was renewed on purpose, pin the new SHA-256; if not, do not sign in.",
            fingerprint=cause.seen,
        )
    reason = getattr(cause, "verify_message", None) or cause.reason or str(cause)
    if isinstance(cause, ssl.SSLCertVerificationError):
        seen = seen_fingerprint(host, port)
        shown = f"\nThe certificate it shows has SHA-256 {seen}" if seen else ""
        return TlsError(
            f"TLS with {where} failed: {reason}{shown}",
            hint="Give the company's CA with --ca-file, or check the SHA-256 on the server and pin it (--fingerprint).",
            fingerprint=seen,
        )
    if cause.reason in _NO_TLS:
        plain = f"; where a simulator listens there without TLS, write http://{where}" if is_loopback(host) else ""
        return TlsError(
            f"{where} does not speak TLS (https): what answers there is another service, or plain http",
            hint=f"Check the port: VBR's REST service listens on {DEFAULT_PORT} and speaks https only{plain}.",
        )
    if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return TlsError(
            f"{where} closed the connection during the TLS handshake",
            hint=f"Check the port (VBR's REST service listens on {DEFAULT_PORT}) and what filters TLS on the way.",
        )
    return TlsError(
        f"TLS with {where} failed: {reason}",
        hint="Server and client agree on no version or cipher of TLS: look at the TLS settings of the server.",
    )


def speaks_tls(host: str, port: int) -> bool:
    """Whether a TLS handshake with this port succeeds with any certificate; nothing else is sent."""
    return seen_fingerprint(host, port, _PROBE_S) is not None


def plain_on_tls(host: str, port: int) -> TlsError:
    """The error for plain http that was sent to a port that speaks TLS."""
    return TlsError(
        f"{host}:{port} speaks TLS (https), and was asked in plain http", hint=f"Write it as https://{host}:{port}."
    )


# The certificate that a server shows: its SHA-256 and the day it expires, read before anything is sent to it.

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_DATE_FORMATS = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}


@dataclass(frozen=True)
class Certificate:
    """What identifies a certificate; `expires` is in UTC, None where the certificate has no readable date."""

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
        (_, certificate), *_ = _der_parts(der)
        (_, signed), *_ = _der_parts(certificate)
        fields = [part for part in _der_parts(signed) if part[0] != _VERSION]
        tag, validity = fields[3]
        if tag != _SEQUENCE:
            return None
        _, (kind, text) = _der_parts(validity)
        return dt.datetime.strptime(text.decode("ascii"), _DATE_FORMATS[kind]).replace(tzinfo=dt.UTC)
    except (ValueError, IndexError, KeyError):
        return None


def _der_parts(der: bytes) -> Iterator[tuple[int, bytes]]:
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
