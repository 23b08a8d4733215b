"""The simulator on a port of its own: `with serve(...) as url`."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, Thread
from typing import Any, Unpack

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer

from vbr_audit.simulator.app import create_app
from vbr_audit.simulator.certificate import Certificate, make_certificate
from vbr_audit.simulator.handler import Handler
from vbr_audit.simulator.options import OptionNames
from vbr_audit.simulator.simulator import Simulator

_HOST = "127.0.0.1"
_POLL_S = 0.02


class ServerUrl(str):
    """The base URL of a running simulator, which also leads to the simulator itself."""

    app: Flask
    simulator: Simulator
    ca_file: Path | None = None
    fingerprint: str | None = None


@contextmanager
def serve(*, tls: bool = False, port: int = 0, **options: Unpack[OptionNames]) -> Iterator[ServerUrl]:
    """Serve a simulated backup server on loopback, and yield its base URL.

    `port` 0 takes a free one. With `tls` the URL is https, and its `ca_file` and `fingerprint` (SHA-256 in
    lower-case hex) belong to the self-signed certificate. All other options are those of `SimulatorOptions`.
    """
    app = create_app(**options)
    simulator: Simulator = app.config["simulator"]
    simulator.view(simulator.options.revision)
    with ExitStack() as stack:
        certificate = make_certificate(Path(stack.enter_context(_folder()))) if tls else None
        server = stack.enter_context(_running(app, port, certificate))
        if tls and "certificate-change" in simulator.faults:
            other = make_certificate(Path(stack.enter_context(_folder())))
            server.change_certificate(other, after=simulator.faults.count("certificate-change"))
        url = ServerUrl(f"{'https' if tls else 'http'}://{_HOST}:{server.port}")
        url.app, url.simulator = app, simulator
        if certificate is not None:
            url.ca_file, url.fingerprint = certificate.certificate_file, certificate.fingerprint
        yield url


def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="vbr-audit-simulator-", ignore_cleanup_errors=True)


@contextmanager
def _running(app: Flask, port: int, certificate: Certificate | None) -> Iterator["_Server"]:
    # Bound here, because Werkzeug answers a port that is in use by ending the process.
    with socket.create_server((_HOST, port), backlog=128) as bound:
        server = _Server(_HOST, port, app, handler=Handler, fd=bound.fileno())
    if certificate is not None:
        server.use_tls(certificate)
    thread = Thread(target=server.serve_forever, args=(_POLL_S,), name="vbr-audit-simulator", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.close_connections()
        thread.join()


class _Server(ThreadedWSGIServer):
    """A threaded server that can hang up on clients which keep their connections open."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = Lock()
        self._answers = 0
        self._change_after = 0
        self._other: Certificate | None = None
        super().__init__(*args, **options)

    def use_tls(self, certificate: Certificate) -> None:
        """Speak TLS from now on; the handshake happens in the thread of each connection."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate_file, certificate.key_file)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.ssl_context = context

    def change_certificate(self, other: Certificate, *, after: int) -> None:
        """Show another certificate once so many requests were answered."""
        self._other, self._change_after = other, after

    def answered(self, handler: Handler) -> None:
        """Count an answer; at the turn of the certificate hang up on all, so that the new one is seen."""
        with self._open_lock:
            self._answers += 1
            other = self._other if self._answers == self._change_after else None
        if other is not None and self.ssl_context is not None:
            self.ssl_context.load_cert_chain(other.certificate_file, other.key_file)
            handler.close_connection = True
            self.close_connections(keep=handler.connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection while it is open."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection that is being closed."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self, keep: socket.socket | None = None) -> None:
        """Hang up on every client, or on all but the one at `keep`."""
        with self._open_lock:
            still_open = [each for each in self._open if each is not keep]
        for each in still_open:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was quicker
