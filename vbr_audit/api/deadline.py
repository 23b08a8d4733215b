"""A time limit on each whole answer: a server that drips byte after byte never trips the timeout of a single read.

The limit holds for the headers too, and for answers in between (`100 Continue`): it is looked at before each read
from the network, which no hook of `httpx` sees.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpcore
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


class Deadline:
    """Ends the reading of an answer `seconds` after its request left; each thread reads one answer at a time.

    `timeout` is that of the single steps. `httpx` gives it to no request that an `httpx.Auth` makes: sign-in would
    wait for ever.
    """

    def __init__(self, seconds: float, timeout: httpx.Timeout) -> None:
        self._seconds = seconds
        self._timeout = timeout.as_dict()
        self._running = threading.local()

    @property
    def left(self) -> float:
        """The seconds that the answer being read by this thread still has; below 0 when they are over."""
        until: float | None = getattr(self._running, "until", None)
        return self._seconds if until is None else until - time.monotonic()

    def leaving(self, request: httpx.Request) -> None:
        """Start the time of the answer to `request`: a hook for `httpx.Client`."""
        self._running.until = time.monotonic() + self._seconds
        request.extensions = {"timeout": self._timeout, **request.extensions, _KEY: self._running.until}

    def arriving(self, response: httpx.Response) -> None:
        """Let the body of `response` end in time, whatever carries it: a hook for `httpx.Client`."""
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
        until = self._request.extensions[_KEY]
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
