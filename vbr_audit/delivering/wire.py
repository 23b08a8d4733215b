"""One HTTPS request to a receiver: no redirect, a limit on time and size, and errors that name the host only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
from pydantic import SecretStr

from vbr_audit import __version__
from vbr_audit.api.address import is_loopback
from vbr_audit.api.hiding import Hiding
from vbr_audit.api.tls import PinMismatchError, Tls, tls_cause
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError, DeliveryError

MOST_ANSWER: Final = 1024 * 1024
"""Bytes that are read of an answer."""
SECRET_HEADERS: Final = frozenset({"Authorization", "Session-Token"})
_UNSURE_STATUS: Final = 504
"""A gateway that waited in vain: what is behind it may have acted."""
_NOT_BEGUN: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@dataclass(frozen=True)
class Request:
    """What is asked of a receiver; `url` may hold a token, and the headers named in `secret_headers` hold one."""

    method: str
    url: SecretStr
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    secret_headers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Answer:
    """The status and body of an answer."""

    status: int
    body: bytes = field(repr=False)


def host_of(url: str) -> str:
    """The host of an address, and nothing else of it; raises `ConfigurationError` for one that is not https.

    Plain http is accepted for this machine alone.
    """
    try:
        parsed = httpx.URL(url.strip())
        host, scheme = parsed.host, parsed.scheme
    except (httpx.InvalidURL, ValueError):
        host, scheme = "", ""
    if not host or not (scheme == "https" or (scheme == "http" and is_loopback(host))):
        raise ConfigurationError(
            "its address is not one that begins with https://", hint="Correct it where it is kept."
        )
    return plain(host)


def ask(request: Request, trust: Tls, timeout: float) -> Answer:
    """Send a request once; the answer with a status below 400, or of 404 and 410, which say that a thing is gone.

    Raises `DeliveryError`: for certain not taken, or `unsure` where the receiver may have acted.
    """
    url = request.url.get_secret_value().strip()
    host = host_of(url)
    hidden = Hiding(request.url)  # what logs this request or fails in it does not show its address
    for name in (SECRET_HEADERS | request.secret_headers) & request.headers.keys():
        hidden.add_token(SecretStr(request.headers[name]))
    headers = {"User-Agent": f"vbr-audit/{__version__}", **request.headers}
    try:
        with (
            httpx.Client(verify=trust.context(), timeout=timeout, follow_redirects=False) as client,
            client.stream(request.method, url, content=request.content, headers=headers) as response,
        ):
            return _answer(response.status_code, host, _read(response, timeout))
    except _NOT_BEGUN as error:
        raise DeliveryError(_unreached(error, host, timeout), hint="It is sent again with the next delivery.") from None
    except httpx.TimeoutException:
        raise DeliveryError(f"{host} took the message and said nothing for {timeout:g} s", unsure=True) from None
    except httpx.HTTPError:
        raise DeliveryError(f"{host} broke the connection before it answered", unsure=True) from None


def _read(response: httpx.Response, timeout: float) -> bytes:
    body, end = b"", time.monotonic() + timeout
    for part in response.iter_bytes():
        body += part
        if len(body) > MOST_ANSWER or time.monotonic() > end:
            break
    return body[:MOST_ANSWER]


def _answer(status: int, host: str, body: bytes) -> Answer:
    if status < 300 or status in (404, 410):
        return Answer(status, body)
    if status < 400:
        raise DeliveryError(
            f"{host} answered {status}, which leads elsewhere", hint="Give the address that it leads to."
        )
    hint = "Look at the address, the account and what it may do." if status < 500 else "It is sent again next time."
    raise DeliveryError(f"{host} answered {status}", hint=hint, unsure=status == _UNSURE_STATUS)


def _unreached(error: httpx.HTTPError, host: str, timeout: float) -> str:
    cause = tls_cause(error)
    if isinstance(cause, PinMismatchError):
        return f"{host} showed another certificate than the pinned one"
    if cause is not None:
        return f"TLS with {host} failed: {getattr(cause, 'verify_message', None) or cause.reason or 'no handshake'}"
    if isinstance(error, httpx.TimeoutException):
        return f"{host} did not answer within {timeout:g} s"
    return f"{host} cannot be reached"
