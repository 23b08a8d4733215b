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
        super().__init__(*args, **options)

    def use_tls(self, certificate: Certificate) -> None:
        """Speak TLS from now on; the handshake happens in the thread of each connection."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate_file, certificate.key_file)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.ssl_context = context

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

    def close_connections(self) -> None:
        """Hang up on every client."""
        with self._open_lock:
            still_open = list(self._open)
        for each in still_open:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was quicker
