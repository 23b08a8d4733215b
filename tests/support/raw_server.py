"""A hostile server on a plain socket of loopback: it writes bytes, not answers, where it is told to.

    with raw_server(lambda asked: gzip_bomb() if asked.path.endswith("/jobs") else None) as url:
        ...

What the function leaves to it (None) is answered as a small, honest server would.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from small_server import SmallServer

PASSWORD = "horse-battery-9419"
TOKEN = "eyJ-the-token-of-this-test-0123456789"
REFRESH = "a-refresh-token-of-this-test-0123456789"
Raw = bytes | Callable[[socket.socket], None]


@dataclass(frozen=True)
class Asked:
    """One request as it came: method, path, query, headers with small names, body."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


Answering = Callable[[Asked], Raw | None]


def answer(body: bytes, *headers: str, status: str = "200 OK", length: bool = True) -> bytes:
    """An HTTP answer with these header lines."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def document(content: Any, *headers: str, status: str = "200 OK") -> bytes:
    """An HTTP answer with a JSON document."""
    return answer(orjson.dumps(content), *headers, status=status)


@contextlib.contextmanager
def raw_server(
    answering: Answering | None = None,
    *,
    honest: SmallServer | None = None,
    context: ssl.SSLContext | None = None,
    on_connect: Callable[[socket.socket], bool] | None = None,
) -> Iterator[str]:
    """Serve on loopback; yield the address. `on_connect` may take a whole connection, before any TLS, as its own."""
    inner = honest or SmallServer()
    listener = socket.create_server(("127.0.0.1", 0))
    ending = threading.Event()
    opened: list[socket.socket] = []

    def serve_one(plain: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if on_connect is not None and on_connect(plain):
                return
            stream = context.wrap_socket(plain, server_side=True) if context else plain
            opened.append(stream)
            with stream, stream.makefile("rb") as reader:
                while not ending.is_set() and (asked := _read(reader)) is not None:
                    raw = answering(asked) if answering else None
                    if callable(raw):
                        raw(stream)
                        return
                    stream.sendall(raw if raw is not None else _honest(inner, asked))

    def accept() -> None:
        while not ending.is_set():
            with contextlib.suppress(OSError):
                plain, _ = listener.accept()
                plain.settimeout(20)
                opened.append(plain)
                threading.Thread(target=serve_one, args=(plain,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        scheme = "https" if context else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ending.set()
        with contextlib.suppress(OSError):
            socket.create_connection(listener.getsockname(), 1).close()  # so that nobody waits for another connection
        thread.join(5)
        for stream in opened:
            with contextlib.suppress(OSError):
                stream.close()
        listener.close()


def _read(reader: Any) -> Asked | None:
    line = reader.readline().decode("latin-1").split()
    if len(line) < 2:
        return None
    headers: dict[str, str] = {}
    while (text := reader.readline().decode("latin-1").strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    path, _, query = line[1].partition("?")
    body = reader.read(int(headers.get("content-length", 0)))
    return Asked(line[0], path, query, headers, body)


def _honest(inner: SmallServer, asked: Asked) -> bytes:
    if asked.path == "/api/oauth2/token":
        return document({"access_token": TOKEN, "token_type": "bearer", "refresh_token": REFRESH, "expires_in": 900})
    told: list[str] = []
    environ = {
        "PATH_INFO": asked.path,
        "QUERY_STRING": asked.query,
        "HTTP_X_API_VERSION": asked.headers.get("x-api-version", ""),
    }
    body = b"".join(inner(environ, lambda status, headers: told.append(status)))
    return answer(body, status=told[0])
