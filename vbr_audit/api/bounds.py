"""How large an answer may be, packed and unpacked: what is larger is no answer, but an attack or a defect.

Answers are unpacked here and not by `httpx`, which would make gigabytes of a few packed kilobytes at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import httpx

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
                told = f"it is larger than {MOST_BYTES // 1024**2:,} MB"
                raise UnusableAnswer(told, request=self._request)
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
