"""Requests that change the server: sent once, and plain about what is not known when no clear answer comes."""

from __future__ import annotations

import json
import re
import ssl
from typing import Any, NoReturn

import httpx

from vbr_audit.api.answers import decode, error_fields, raise_for_answer
from vbr_audit.api.auth import TOKEN_PATH
from vbr_audit.errors import (
    ApiError,
    BadAnswerError,
    ConfigurationError,
    DeniedError,
    OutcomeUnknownError,
    TransientError,
    WriteRefusedError,
)

METHODS = ("POST", "PUT", "DELETE")

_PATH = re.compile(r"/api/v1(/[A-Za-z0-9_-]+)+")
_LOOK_FIRST = "Look at the server before you ask again: it may have done what was asked."


def check_write(method: str, path: str, *, allowed: bool) -> None:
    """Raise `WriteRefusedError` for a write that is not allowed, is no known method, or leaves `/api/v1`."""
    if not allowed:
        raise WriteRefusedError(
            f"{method} {path} would change the server; this client only reads",
            hint="Change jobs in the Veeam console, or connect with allow_writes=True.",
        )
    if method not in METHODS:
        raise WriteRefusedError(f"{method} is not used by the API", hint=f"It writes with {', '.join(METHODS)}.")
    if not _PATH.fullmatch(path):
        raise WriteRefusedError(f"{path[:80]!r} is no path of the API", hint="Write it as /api/v1/jobs.")


def encode_body(body: Any) -> bytes | None:
    """`body` as JSON, keys in their order; None for no body. Raises `ConfigurationError` for what is no JSON.

    The standard library writes it, because orjson refuses whole numbers beyond 64 bits.
    """
    if body is None:
        return None
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError(
            "the body is no JSON", hint="Use dictionaries, lists, texts, numbers, true, false and None."
        ) from None


def send_write(
    http: httpx.Client, method: str, path: str, *, body: Any = None, params: dict[str, str] | None = None
) -> tuple[bytes, Any]:
    """Send one write and answer body and document, `(b"", None)` for an empty answer; never sends it again.

    A 401 is no answer to the write: the token is renewed and the write sent with it, because the server had refused
    it before acting. Raises `DeniedError`, `AbsentError` or `ApiError` when the server refused, and
    `OutcomeUnknownError` after a timeout, a broken connection, a 5xx or an answer that cannot be read.
    """
    content = encode_body(body)
    headers = None if content is None else {"Content-Type": "application/json"}
    try:
        response = http.request(method, path, params=params, content=content, headers=headers)
    except (httpx.RequestError, ConnectionError, ssl.SSLError) as error:
        _raise_broken(error, method, path)
    if response.status_code >= 500:
        code, message = error_fields(response)
        detail = f": {message}" if message else ""
        answer = f"answered HTTP {response.status_code}{detail}"
        raise _unknown(method, path, answer, status=response.status_code, code=code)
    if 200 <= response.status_code < 300:
        return response.content, _document(response, method, path)
    raise _refusal(response, path)


def _document(response: httpx.Response, method: str, path: str) -> Any:
    if not response.content:
        return None
    try:
        return decode(response, path)
    except (TransientError, BadAnswerError):
        answer = f"answered HTTP {response.status_code} with something that cannot be read"
        raise _unknown(method, path, answer, status=response.status_code) from None


def _refusal(response: httpx.Response, path: str) -> ApiError:
    try:
        raise_for_answer(response, path)
    except DeniedError as error:
        error.hint = "Jobs are changed by the Veeam Backup Administrator; an operator may start and stop them."
        return error
    except ApiError as error:
        return error
    return ApiError(f"{path} answered HTTP {response.status_code}", status=response.status_code, path=path)


def _raise_broken(error: Exception, method: str, path: str) -> NoReturn:
    """No answer came. A failure before the request was sent is reported as such; otherwise the outcome is not known."""
    kind = type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError) or _is_sign_in(error):
        hint = "Nothing was sent. Check that the server answers, and try again."
        raise TransientError(f"{method} {path}: cannot connect ({kind})", hint=hint, path=path) from None
    answer = "no answer in time" if isinstance(error, httpx.TimeoutException) else "the connection broke off"
    raise _unknown(method, path, f"{answer} ({kind})") from None


def _is_sign_in(error: Exception) -> bool:
    request = getattr(error, "_request", None)
    return isinstance(request, httpx.Request) and request.url.path == TOKEN_PATH


def _unknown(method: str, path: str, answer: str, **facts: Any) -> OutcomeUnknownError:
    message = f"{method} {path}: {answer}; whether the server acted is not known"
    return OutcomeUnknownError(message, hint=_LOOK_FIRST, path=path, **facts)
