"""Time stamps by RFC 3161: a time authority signs that it saw a hash at a time. Needs the extra `seal`.

What it answers is signed, so that plain http is as good as https: nobody on the way can forge it, and all that leaves
is a hash. An answer is kept only if it is about this hash and this request, and signed by a certificate that leads to
one of the authorities that the user named.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vbr_audit.config.given_file import read_given
from vbr_audit.errors import ConfigurationError, TimeStampError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

MOST_TOKEN: Final = 256 * 1024
"""Maximum size in bytes of a token; one with its chain of certificates has 3 to 10 KB."""
_MOST_CA: Final = 1024 * 1024
_TIMEOUT_S: Final = 15.0
_SHA256: Final = "2.16.840.1.101.3.4.2.1"


@dataclass(frozen=True)
class Stamped:
    """What a token says: when the authority saw the hash, in UTC, and the name in its certificate."""

    at: dt.datetime
    by: str


@dataclass(frozen=True)
class TimeAuthority:
    """Where tokens come from, and the certificates that they must lead to."""

    url: str
    roots: tuple[Certificate, ...]
    timeout_s: float = _TIMEOUT_S

    def stamp(self, content: bytes) -> bytes:
        """A token over the SHA-256 of `content`, as DER, checked; raises `TimeStampError`."""
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

        asked = (
            TimestampRequestBuilder()
            .data(content)
            .hash_algorithm(HashAlgorithm.SHA256)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        token = self._answer(asked.as_bytes())
        read_token(token, content, self.roots, nonce=asked.nonce)
        return token

    def _answer(self, request: bytes) -> bytes:
        """The body of the answer, of a bounded size and in a bounded time."""
        import httpx

        from vbr_audit.api.tls import Tls

        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        until, parts, size = time.monotonic() + self.timeout_s, list[bytes](), 0
        try:
            with (
                httpx.Client(timeout=self.timeout_s, verify=Tls().context()) as client,
                client.stream("POST", self.url, content=request, headers=headers) as response,
            ):
                if response.status_code != 200:
                    raise TimeStampError(f"the time authority answered with HTTP {response.status_code}", hint=_LATER)
                for part in response.iter_raw():
                    parts.append(part)
                    size += len(part)
                    if size > MOST_TOKEN:
                        raise TimeStampError(
                            f"the answer of the time authority is longer than {MOST_TOKEN // 1024} KB", hint=_OTHER
                        )
                    if time.monotonic() > until:
                        raise TimeStampError("the time authority did not answer in time", hint=_LATER)
        except httpx.TimeoutException:
            raise TimeStampError("the time authority did not answer in time", hint=_LATER) from None
        except (httpx.RequestError, OSError) as error:
            raise TimeStampError(f"the time authority cannot be reached: {type(error).__name__}", hint=_LATER) from None
        return b"".join(parts)


_LATER: Final = "Stamp the history later with: vbr-audit history seal HISTORY --timestamp URL"
_OTHER: Final = "Check the address of the time authority, and that --timestamp-ca is its certificate."


def time_authority(url: str, ca_file: Path | None, *, timeout_s: float = _TIMEOUT_S) -> TimeAuthority:
    """The authority at `url`, trusted by the certificates in `ca_file`; raises `ConfigurationError`."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigurationError(
            "--timestamp is no address of a time authority", hint="Write it as http://timestamp.example/ or https://…"
        )
    if parsed.userinfo:
        raise ConfigurationError(
            "the address of a time authority holds a user name or a password", hint="Leave out what stands before @."
        )
    if ca_file is None:
        raise ConfigurationError(
            "--timestamp needs --timestamp-ca: a token is worth what its certificate leads to",
            hint="Give the PEM file with the CA of the time authority, which it publishes.",
        )
    return TimeAuthority(url, load_roots(ca_file), timeout_s)


def load_roots(path: Path) -> tuple[Certificate, ...]:
    """The certificates in a PEM file that tokens must lead to; raises `ConfigurationError`."""
    try:
        import rfc3161_client  # noqa: F401 - asked for here, where the user can still do something about it
        from cryptography.x509 import load_pem_x509_certificates
    except ImportError as error:
        raise ConfigurationError(
            f"time stamps need the package {error.name}", hint="Install it with: pip install 'vbr-audit[seal]'"
        ) from None
    try:
        return tuple(load_pem_x509_certificates(read_given(path, most=_MOST_CA)))
    except OSError as error:
        why = str(error.strerror or error)
    except ValueError:
        why = "no certificate in PEM form is in it"
    raise ConfigurationError(
        f"cannot read the CA file of the time authority {path}: {why}",
        hint="Give a file with one or more certificates in PEM form.",
    )


def read_token(token: bytes, content: bytes, roots: tuple[Certificate, ...], *, nonce: int | None = None) -> Stamped:
    """What a token says of `content`; raises `TimeStampError` for one that does not hold.

    It must be granted, be about the SHA-256 of `content`, answer the request with this `nonce`, and be signed by a
    certificate for time stamps that led to one of `roots` at the time that it states.
    """
    from rfc3161_client import VerificationError, VerifierBuilder

    answer = decoded_token(token)
    if answer.status != 0:
        raise TimeStampError(f"the time authority refused the request (status {answer.status})", hint=_OTHER)
    try:
        info = answer.tst_info
        if info.message_imprint.hash_algorithm.dotted_string != _SHA256:
            raise TimeStampError("the token is not about a SHA-256", hint=_OTHER)
        VerifierBuilder(roots=list(roots), nonce=nonce).build().verify_message(answer, content)
    except VerificationError as error:
        raise TimeStampError(f"the token does not hold: {_reason(str(error))}", hint=_OTHER) from None
    except ValueError:
        raise TimeStampError("the token is damaged", hint=_OTHER) from None
    return Stamped(info.gen_time.astimezone(dt.UTC), _signer_name(answer))


def decoded_token(token: bytes) -> TimeStampResponse:
    """The answer of a time authority from its DER, not checked; raises `TimeStampError` for another content."""
    from rfc3161_client import decode_timestamp_response

    try:
        return decode_timestamp_response(token)
    except ValueError:
        raise TimeStampError("what the time authority answered is no time stamp", hint=_OTHER) from None


def _signer_name(answer: TimeStampResponse) -> str:
    """The name in the certificate that signed; empty where the token does not hold that certificate."""
    from cryptography.x509 import load_der_x509_certificate

    (signer, *_) = answer.signed_data.signer_infos
    for der in answer.signed_data.certificates:
        certificate = load_der_x509_certificate(der)
        if certificate.serial_number == signer.serial_number and certificate.issuer == signer.issuer:
            return certificate.subject.rfc4514_string()
    return ""


_NO_CHAIN: Final = "its certificate leads to none of the given authorities"
_WORDS: Final = {
    "Nonce mismatch": "it answers another request",
    "Mismatch between messages": "it is about another hash",
    "unable to get local issuer certificate": _NO_CHAIN,
    "self-signed certificate in certificate chain": _NO_CHAIN,
    "certificate signature failure": _NO_CHAIN,
    "certificate has expired": "the certificate of the time authority had expired by the time that it states",
}


def _reason(text: str) -> str:
    """What the libraries say, in a few words; what they say of OpenSSL's own files is left out."""
    found = re.search(r"Verify error: ([^\"\]]+)", text)
    short = found.group(1).strip() if found else text.partition("ErrorStack")[0].strip(" :")
    return _WORDS.get(short, short)
