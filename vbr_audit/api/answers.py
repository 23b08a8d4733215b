"""Reading an HTTP answer: what kind of failure it is, and what to tell the user about it."""

from __future__ import annotations

import datetime as dt
import math
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from vbr_audit.api.bounds import has_too_many_values
from vbr_audit.api.hiding import hidden
from vbr_audit.errors import AbsentError, ApiError, BadAnswerError, DeniedError, TransientError

_RETRY_AFTER_MOST_S = 60.0
_SHOWN = 60
_READ = 4000


def error_fields(response: httpx.Response) -> tuple[str | None, str]:
    """The server's `errorCode` and `message`; a refused token can come with an empty body, so both may be empty."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None, ""
    if not isinstance(body, dict):
        return None, ""
    code, message = body.get("errorCode"), body.get("message")
    told = hidden(message, response)[:500] if isinstance(message, str) else ""
    return (hidden(code, response)[:100] if isinstance(code, str) else None), told


def error_text(response: httpx.Response) -> str:
    """The server's message, or an empty text."""
    return error_fields(response)[1]


def is_transient(response: httpx.Response) -> bool:
    """Whether the same request may succeed a little later."""
    return response.status_code == 429 or response.status_code >= 500


def transient_error(response: httpx.Response, path: str) -> TransientError:
    """The error for an answer that is worth another try, with the wait that the server asks for."""
    code, message = error_fields(response)
    return TransientError(
        f"{path} answered HTTP {response.status_code}" + (f": {message}" if message else ""),
        hint="The server is busy or faulty; look at its REST service and try again later.",
        status=response.status_code,
        code=code,
        path=path,
        retry_after=retry_after(response),
    )


def retry_after(response: httpx.Response) -> float | None:
    """The seconds of the `Retry-After` header (a number or a date), at most a minute; None without one."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
        if math.isnan(seconds):
            return None
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - dt.datetime.now(dt.UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), _RETRY_AFTER_MOST_S)


def raise_for_answer(response: httpx.Response, path: str) -> None:
    """Raise the error that `response` stands for; return for a 200."""
    status = response.status_code
    if status == 200:
        return
    if is_transient(response):
        raise transient_error(response, path)
    code, message = error_fields(response)
    facts: dict[str, Any] = {"status": status, "code": code, "path": path}
    detail = f": {message}" if message else ""
    if status in (401, 403):
        raise DeniedError(
            f"{path} is denied to this account (HTTP {status}){detail}",
            hint="Give the account a role that may read it, or accept that it is not assessed.",
            **facts,
        )
    if status == 404:
        raise AbsentError(f"{path} does not exist on this server (HTTP 404){detail}", **facts)
    if 300 <= status < 400:
        raise BadAnswerError(
            f"{path} was redirected (HTTP {status})",
            hint="Give the address of the VBR server itself; redirects are not followed with a token.",
            **facts,
        )
    raise ApiError(f"{path} answered HTTP {status}{detail}", **facts)


def decode(response: httpx.Response, path: str) -> Any:
    """The JSON document of a 200 answer.

    Raises `TransientError` for a body that is shorter than announced or breaks off in mid-JSON, and
    `BadAnswerError`, naming the path and the first bytes, for anything that is no JSON at all.
    """
    body = response.content
    announced = response.headers.get("content-length")
    encoded = response.headers.get("content-encoding")
    if announced and not encoded and announced.isdigit() and int(announced) != len(body):
        raise TransientError(f"{path}: {len(body):,} of {int(announced):,} announced bytes came", path=path)
    if has_too_many_values(body):
        raise BadAnswerError(f"{path}: an answer with more values than any page has", path=path, status=200)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        shown = hidden(body[:_READ].decode("utf-8", "replace"), response)[:_SHOWN]
        if body[:1] in (b"{", b"["):
            raise TransientError(
                f"{path}: the JSON breaks off or is damaged at byte {error.pos:,} of {len(body):,}; "
                f"it begins with {shown!r}",
                hint="Something between here and the server cuts its answers: look at proxies and at the server's log.",
                path=path,
                status=response.status_code,
            ) from None
        raise BadAnswerError(
            f"{path}: expected JSON, got {shown!r}",
            hint="Is this the VBR REST service (port 9419), or a web page, a proxy or a portal in front of it?",
            path=path,
            status=response.status_code,
        ) from None
