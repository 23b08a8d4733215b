"""An HTTP answer: how long it may take, how large it may be, and which kind of failure it reports."""

from __future__ import annotations

import datetime as dt
import math
import threading
import time
import zlib
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpcore
import httpx
import orjson

from vbr_audit.api.hiding import hidden
from vbr_audit.api.time_limit import TimeLimit
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
    shown = hidden(message, response)[:500] if isinstance(message, str) else ""
    return (hidden(code, response)[:100] if isinstance(code, str) else None), shown


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


# How large an answer may be, packed and unpacked: what is larger is no answer, but an attack or a defect.
#
# Answers are unpacked here and not by `httpx`, which would make gigabytes of a few packed kilobytes at once.

ENCODINGS: Final = ("gzip", "deflate")
"""The content encodings that are asked for and understood."""
MOST_BYTES: Final = 128 * 1024 * 1024
"""Maximum size of one answer in bytes."""
MOST_VALUES: Final = 8_000_000
"""Maximum number of values of one JSON document: each costs ten times the memory of its two or three letters."""
_PIECE: Final = 1024 * 1024
_EITHER_FORM: Final = 32 + zlib.MAX_WBITS  # zlib's own header, or gzip's


class UnusableAnswer(httpx.DecodingError):
    """An answer that is too large, or packed in a way that was not asked for; asking again would not help."""


def bound(response: httpx.Response) -> None:
    """Let the body of `response` come unpacked, up to the limit: a hook for `httpx.Client`."""
    words = response.headers.get("content-encoding", "").lower().split(",")
    packed = [word.strip() for word in words if word.strip() not in ("", "identity")]
    if len(packed) > 1 or not set(packed) <= {*ENCODINGS, "x-gzip"}:
        shown = ", ".join(packed)[:40]
        raise UnusableAnswer(f"it is packed as {shown!r}, which was not asked for", request=response.request)
    stream = response.stream
    if not isinstance(stream, httpx.SyncByteStream):
        return
    if packed:
        for name in ("content-encoding", "content-length"):  # they are about the packed bytes
            response.headers.pop(name, None)
    response.stream = _BoundStream(stream, response.request, packed=bool(packed))


def has_too_many_values(body: bytes) -> bool:
    """Whether the JSON in `body` has more values than a page of any server."""
    if len(body) <= MOST_VALUES:
        return False
    return sum(body.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES


class _BoundStream(httpx.SyncByteStream):
    """The bytes of `stream`, unpacked where they are packed, and no more than the limit."""

    def __init__(self, stream: httpx.SyncByteStream, request: httpx.Request, *, packed: bool) -> None:
        self._stream = stream
        self._request = request
        self._packed = packed

    def __iter__(self) -> Iterator[bytes]:
        came = 0
        for part in self._unpacked() if self._packed else self._stream:
            came += len(part)
            if came > MOST_BYTES:
                reason = f"it is larger than {MOST_BYTES // 1024**2:,} MB"
                raise UnusableAnswer(reason, request=self._request)
            yield part

    def _unpacked(self) -> Iterator[bytes]:
        machine, begun = zlib.decompressobj(_EITHER_FORM), False
        for part in self._stream:
            while part and not machine.eof:
                try:
                    yield machine.decompress(part, _PIECE)
                except zlib.error:
                    if begun:
                        raise self._damaged() from None
                    # Some servers call deflate what has no header at all.
                    machine = zlib.decompressobj(-zlib.MAX_WBITS)
                    begun = True
                    continue
                begun = True
                part = machine.unconsumed_tail
        if begun and not machine.eof:
            raise self._damaged()

    def _damaged(self) -> httpx.DecodingError:
        return httpx.DecodingError("the packed answer is damaged or breaks off", request=self._request)

    def close(self) -> None:
        self._stream.close()


# A time limit on each whole answer: a server that drips byte after byte never trips the timeout of a single read.
#
# The limit holds for the headers too, and for answers in between (`100 Continue`): it is looked at before each read
# from the network, which no hook of `httpx` sees.

LEAST_DEADLINE_S = 120.0
_DEADLINE_KEY = "vbr_audit.deadline"


class WholeAnswerTimeout(httpx.ReadTimeout):
    """An answer had begun but was not whole when its time was up."""


class SlowAnswerError(TransientError):
    """No whole answer in time; `again`: whether another try is worth the wait."""

    def __init__(self, message: str, *, again: bool, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.again = again


def deadline_for(timeout: float) -> float:
    """The seconds that a whole answer may take when a single read may take `timeout`."""
    return max(5 * timeout, LEAST_DEADLINE_S)


class Deadline:
    """Ends the reading of an answer `seconds` after its request left; each thread reads one answer at a time.

    `timeout` is that of the single steps. `httpx` gives it to no request that an `httpx.Auth` makes: sign-in would
    wait for ever. `limit` bounds all answers together: no step of any of them goes on beyond it.
    """

    def __init__(self, seconds: float, timeout: httpx.Timeout) -> None:
        self._seconds = seconds
        self._timeout = timeout.as_dict()
        self._running = threading.local()
        self.limit: TimeLimit | None = None

    @property
    def left(self) -> float:
        """The seconds that the answer being read by this thread still has; below 0 when they are over."""
        until: float | None = getattr(self._running, "until", None)
        return self._seconds if until is None else until - time.monotonic()

    def leaving(self, request: httpx.Request) -> None:
        """Start the time of the answer to `request`: a hook for `httpx.Client`.

        Raises `WholeAnswerTimeout`, before anything is sent, where the time of all answers is over.
        """
        limit = self.limit
        left = self._seconds if limit is None else min(self._seconds, limit.left)
        if left <= 0:
            raise WholeAnswerTimeout("the time to ask is over", request=request)
        self._running.until = time.monotonic() + left
        steps = self._timeout | request.extensions.get("timeout", {})
        if limit is not None:
            steps = {step: left if seconds is None else min(seconds, left) for step, seconds in steps.items()}
        request.extensions = {**request.extensions, "timeout": steps, _DEADLINE_KEY: self._running.until}

    def arriving(self, response: httpx.Response) -> None:
        """Bound the time for the body of `response`: a hook for `httpx.Client`."""
        stream = response.stream
        if isinstance(stream, httpx.SyncByteStream):
            response.stream = _TimedStream(stream, response.request)

    def guard(self, http: httpx.Client) -> None:
        """Hold the time limit at each read from the network by `http`."""
        for transport in (http._transport, *http._mounts.values()):
            pool = getattr(transport, "_pool", None)  # another transport brings no network of ours
            if pool is not None:
                pool._network_backend = _TimedBackend(pool._network_backend, self)


class _TimedStream(httpx.SyncByteStream):
    """The bytes of `stream`, until the time of its request is up; then `WholeAnswerTimeout`."""

    def __init__(self, stream: httpx.SyncByteStream, request: httpx.Request) -> None:
        self._stream = stream
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        until = self._request.extensions[_DEADLINE_KEY]
        for part in self._stream:
            if time.monotonic() > until:
                raise WholeAnswerTimeout("the answer was not whole in time", request=self._request)
            yield part

    def close(self) -> None:
        self._stream.close()


class _TimedBackend(httpcore.NetworkBackend):
    """Opens connections as `inner` does, whose reads keep the deadline."""

    def __init__(self, inner: httpcore.NetworkBackend, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _TimedConnection(self._inner.connect_tcp(*args, **kwargs), self._deadline)


class _TimedConnection(httpcore.NetworkStream):
    """One connection, whose single reads take no longer than the answer has left."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.left
        if left <= 0:
            raise httpcore.ReadTimeout("the answer was not whole in time")
        return self._inner.read(max_bytes, left if timeout is None else min(timeout, left))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _TimedConnection(self._inner.start_tls(*args, **kwargs), self._deadline)
