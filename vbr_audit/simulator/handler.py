"""How the simulator speaks HTTP over a socket: connections stay open, and faults of transport are real ones.

Werkzeug's own handler closes the connection after each answer. A backup server keeps it open, and a client
that pages through thousands of sessions must be tested, and measured, against that.
"""

from io import BytesIO
from time import sleep
from typing import Any

from werkzeug.serving import WSGIRequestHandler

from vbr_audit.simulator.misbehaviour import DRIP

_BUFFER = 64 * 1024


class Handler(WSGIRequestHandler):
    """Serves one connection, request after request, until either side has had enough."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = _BUFFER
    timeout = 60

    def run_wsgi(self) -> None:
        """Answer one request with the body that the application gives, be it shorter than declared."""
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = [(status, headers)]

        try:
            body = self._application_body(start_response)
        except ConnectionError:
            self.close_connection = True
            return
        status, headers = started[0]
        try:
            self._send(status, headers, body)
        except OSError:
            self.close_connection = True  # the client did not wait for the end
        self.server.answered(self)  # type: ignore[attr-defined]

    def _application_body(self, start_response: Any) -> bytes:
        """Run the application with the request body read whole: none of it stays on the connection."""
        length = int(self.headers.get("Content-Length") or 0)
        sent = BytesIO(self.rfile.read(length))
        self.environ = environ = self.make_environ()
        environ["wsgi.input"] = sent
        chunks = self.server.app(environ, start_response)
        try:
            return b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        declared = len(body)
        for name, value in headers:
            self.send_header(name, value)
            if name.lower() == "content-length":
                declared = int(value)
        if declared > len(body) and self.command != "HEAD":
            self.close_connection = True
        self.end_headers()
        pause = self.environ.get(DRIP)
        for part in [body] if pause is None else (body[at : at + 1] for at in range(len(body))):
            self.wfile.write(part)
            self.wfile.flush()
            if pause:
                sleep(pause)

    def log(self, type: str, message: str, *args: Any) -> None:
        """Stay silent: the terminal belongs to whoever started the simulator."""
