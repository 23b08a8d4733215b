"""How a server's certificate is trusted: the system's store, a CA file, a pinned SHA-256, or not at all."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import truststore

from vbr_audit.errors import ConfigurationError

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
