"""Receivers of deliveries on real sockets: one for HTTPS, one for mail; each keeps what it was sent."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from vbr_audit.simulator.certificate import Certificate


@dataclass(frozen=True)
class Got:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What an HTTPS server was sent, and how it answers: `reply(got)` gives status and body, after `delay` seconds."""

    url: str
    ca_file: Path
    got: list[Got] = field(default_factory=list)
    reply: Callable[[Got], tuple[int, bytes]] = lambda got: (200, b"{}")
    delay: float = 0.0

    def reset(self) -> None:
        self.got, self.reply, self.delay = [], lambda got: (200, b"{}"), 0.0


@contextmanager
def https_receiver(certificate: Certificate) -> Iterator[Receiver]:
    """A receiver over TLS."""
    receiver = Receiver("", certificate.certificate_file)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            got = Got(self.command, self.path, dict(self.headers), body)
            receiver.got.append(got)
            status, answer = receiver.reply(got)
            time.sleep(receiver.delay)
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(answer)
            self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815  the names of the library

        def log_message(self, *words: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *words: Any) -> None:
            pass  # a client that refuses the certificate

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class PostOffice:
    """A mail server with STARTTLS and accounts: what it took, and the recipients that it knows not."""

    port: int = 0
    taken: list[Any] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    refuses: str = ""

    def reset(self) -> None:
        self.taken, self.unknown, self.refuses = [], set(), ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.unknown:
            return "550 unknown here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return self.refuses
        self.taken.append(envelope)
        return "250 OK"


@contextmanager
def post_office(certificate: Certificate, accounts: dict[str, str], *, implicit: bool = False) -> Iterator[PostOffice]:
    """A mail server that takes mail only over TLS, from the first byte if it is `implicit`, and of these accounts."""
    office = PostOffice()
    logging.getLogger("mail.log").propagate = False  # the log of the server is none of the command
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)

    def known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        fits = isinstance(data, LoginPassword) and accounts.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=fits, handled=False)

    class Office(Controller):
        def factory(self) -> SMTP:
            tls = {"auth_require_tls": False} if implicit else {"tls_context": context, "require_starttls": True}
            return SMTP(self.handler, hostname="localhost", auth_required=not implicit, authenticator=known, **tls)

    wrapped = context if implicit else None
    controller = Office(office, hostname="127.0.0.1", port=0, ready_timeout=10, ssl_context=wrapped)
    with socket.socket() as probe:  # the controller asks its own port whether it is ready, and so must know it
        probe.bind(("127.0.0.1", 0))
        controller.port = probe.getsockname()[1]
    controller.start()
    office.port = controller.port
    try:
        yield office
    finally:
        controller.stop()


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
