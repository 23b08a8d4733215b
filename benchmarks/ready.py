"""A server that is as fast as a file: it answers what it was asked before with the bytes that it remembers.

The estate is that of the simulator. Each GET is answered by it once; from then on the answer is ready, so that who
reads a second time is measured, not the simulator. Runs in a process of its own: `python benchmarks/ready.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, create_app, read_moment

CPU = "/cpu"
"""The path that tells the seconds of processor time that the server has used."""


@contextlib.contextmanager
def ready_server(*, jobs: int, sessions: int, now: str, seed: int = 1) -> Iterator[str]:
    """The address of such a server, in a process of its own; `now` is where its clock stands still.

    Those of two seeds are two servers, with an id each.
    """
    numbers = {"--jobs": jobs, "--sessions": sessions, "--seed": seed}
    given = [word for name, number in numbers.items() for word in (name, str(number))]
    command = [sys.executable, str(Path(__file__)), *given, "--now", now]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def cpu_seconds(url: str) -> float:
    """The processor time that the server at `url` has used, in seconds."""
    return float(httpx.get(f"{url}{CPU}").text)


def token_of(client: httpx.Client, revision: str) -> str:
    """A token of the server; `client` has its address as base."""
    form = {"grant_type": "password", "username": DEMO_USERNAME, "password": DEMO_PASSWORD}
    answer = client.post("/api/oauth2/token", data=form, headers={"x-api-version": revision})
    return str(answer.json()["access_token"])


class _Server(ThreadingHTTPServer):
    """Holds the simulated server and its ready answers, each with its head, by path, query and revision."""

    daemon_threads = True

    def __init__(self, *, jobs: int, sessions: int, now: datetime, seed: int) -> None:
        app = create_app(jobs=jobs, sessions=sessions, now=now, seed=seed, role="Administrator")
        self.application = app.test_client()
        self.ready: dict[tuple[str, str], bytes] = {}
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers on connections that stay open; reads no more of a request than it needs."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def parse_request(self) -> bool:
        """Read the head of a request: the standard parser of headers would be most of the work of this server."""
        self.command, self.path, self.request_version = self.raw_requestline.decode("latin-1").split()
        self.given = dict[str, str]()
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            self.given[name.lower()] = value.strip()
        self.close_connection = self.given.get("connection") == "close"
        return True

    def do_GET(self) -> None:
        """Answer from memory, else from the simulated server."""
        if self.path == CPU:
            used = resource.getrusage(resource.RUSAGE_SELF)
            self.wfile.write(_message(200, "text/plain", str(used.ru_utime + used.ru_stime).encode()))
            return
        key = self.path, self.given.get("x-api-version", "")
        if key not in self.server.ready:
            answer, status = self._asked(b"")
            if status != 200:
                self.wfile.write(answer)
                return
            self.server.ready[key] = answer
        self.wfile.write(self.server.ready[key])

    def do_POST(self) -> None:
        """Sign in or out."""
        answer, _ = self._asked(self.rfile.read(int(self.given.get("content-length", 0))))
        self.wfile.write(answer)

    def _asked(self, body: bytes) -> tuple[bytes, int]:
        """The simulated server's own answer, and its status."""
        answer = self.server.application.open(self.path, method=self.command, headers=self.given, data=body)
        return _message(answer.status_code, answer.content_type, answer.data), answer.status_code


def _message(status: int, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def main() -> None:
    """Serve until the end of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--sessions", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--now", default="2026-11-15T09:00")
    options = parser.parse_args()
    estate = {"jobs": options.jobs, "sessions": options.sessions, "seed": options.seed}
    with _Server(**estate, now=read_moment(options.now)) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
