"""A time limit on each whole answer: a server that drips byte after byte never trips the timeout of a single read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from vbr_audit.errors import TransientError

LEAST_S = 120.0
_KEY = "vbr_audit.deadline"


class WholeAnswerTimeout(httpx.ReadTimeout):
    """An answer had begun but was not whole when its time was up."""


class SlowAnswerError(TransientError):
    """No whole answer in time; `again` says whether another try is worth the wait."""

    def __init__(self, message: str, *, again: bool, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.again = again


def deadline_for(timeout: float) -> float:
    """The seconds that a whole answer may take when a single read may take `timeout`."""
    return max(5 * timeout, LEAST_S)


def deadline_hooks(seconds: float) -> dict[str, list[Callable[..., None]]]:
    """Event hooks for `httpx.Client` that end the reading of an answer `seconds` after its request left."""

    def leaving(request: httpx.Request) -> None:
        request.extensions = {**request.extensions, _KEY: time.monotonic() + seconds}

    def arriving(response: httpx.Response) -> None:
        stream = response.stream
        if isinstance(stream, httpx.SyncByteStream):
            response.stream = _TimedStream(stream, response.request)

    return {"request": [leaving], "response": [arriving]}


class _TimedStream(httpx.SyncByteStream):
    """The bytes of `stream`, until the time of its request is up; then `WholeAnswerTimeout`."""

    def __init__(self, stream: httpx.SyncByteStream, request: httpx.Request) -> None:
        self._stream = stream
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        until = self._request.extensions[_KEY]
        for part in self._stream:
            if time.monotonic() > until:
                raise WholeAnswerTimeout("the answer was not whole in time", request=self._request)
            yield part

    def close(self) -> None:
        self._stream.close()
