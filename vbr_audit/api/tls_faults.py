"""What is wrong where a TLS handshake fails, in words that say what to do: certificate, port, or address."""

from __future__ import annotations

import ssl
from typing import Final

from vbr_audit.api.address import DEFAULT_PORT, is_loopback
from vbr_audit.api.tls import PinMismatchError, seen_fingerprint
from vbr_audit.errors import TlsError

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
    """The error that says what is wrong with TLS to this port, and what to do."""
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
    """Whether a TLS handshake with this port succeeds, whatever the certificate; nothing else is sent."""
    return seen_fingerprint(host, port, _PROBE_S) is not None


def plain_on_tls(host: str, port: int) -> TlsError:
    """The error for plain http that was sent to a port that speaks TLS."""
    return TlsError(
        f"{host}:{port} speaks TLS (https), and was asked in plain http", hint=f"Write it as https://{host}:{port}."
    )
