"""Whom the client trusts, over real TLS on loopback."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import invoke
from pydantic import SecretStr

from vbr_audit.api.client import Client
from vbr_audit.api.tls import Tls, normal_fingerprint
from vbr_audit.errors import ConfigurationError, TlsError
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl, serve

TIME = "/api/v1/serverTime"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerUrl]:
    with serve(tls=True, jobs=1, sessions=1) as url:
        yield url


def connect(url: str, tls: Tls) -> Client:
    return Client(url, username=DEMO_USERNAME, password=SecretStr(DEMO_PASSWORD), tls=tls)


def test_an_untrusted_certificate_is_refused_and_its_fingerprint_shown(server: ServerUrl) -> None:
    before = len(server.simulator.counts.log)
    with connect(server, Tls()) as client, pytest.raises(TlsError) as caught:
        client.get(TIME)
    assert caught.value.fingerprint == server.fingerprint
    assert str(server.fingerprint) in caught.value.message
    assert "--fingerprint" in (caught.value.hint or "")
    assert len(server.simulator.counts.log) == before


@pytest.mark.parametrize("spelling", [str, str.upper, lambda text: ":".join(text[i : i + 2] for i in range(0, 64, 2))])
def test_the_pinned_certificate_is_trusted(server: ServerUrl, spelling) -> None:
    assert server.fingerprint is not None
    with connect(server, Tls(fingerprint=spelling(server.fingerprint))) as client:
        client.get(TIME)
    assert "pinned SHA-256" in client.tls


def test_another_certificate_than_the_pinned_one_never_sees_a_byte(server: ServerUrl) -> None:
    before = len(server.simulator.counts.log)
    another = Tls(fingerprint=hashlib.sha256(b"another").hexdigest())
    with connect(server, another) as client, pytest.raises(TlsError, match="not the pinned one") as caught:
        client.get(TIME)
    assert caught.value.fingerprint == server.fingerprint
    assert len(server.simulator.counts.log) == before


def test_a_ca_file_is_enough_and_insecure_is_said(server: ServerUrl) -> None:
    with connect(server, Tls(ca_file=server.ca_file)) as client:
        client.get(TIME)
    with connect(server, Tls(insecure=True)) as client:
        client.get(TIME)
    assert client.tls.startswith("NOT VERIFIED")


def test_a_pin_through_a_tls_proxy_is_refused() -> None:
    context = Tls(fingerprint="00" * 32).context()
    with pytest.raises(ssl.SSLError, match="TLS proxy"):
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())


def test_the_choices_exclude_each_other() -> None:
    with pytest.raises(ConfigurationError, match="exclude each other"):
        Tls(insecure=True, fingerprint="00" * 32)


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "00" * 20])
def test_what_is_no_sha256_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a SHA-256"):
        normal_fingerprint(text or " ")


def test_an_unusable_ca_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match=path.name):
            Tls(ca_file=path).context()


@contextlib.contextmanager
def listening(answer: bytes, *, first: bool = False) -> Iterator[int]:
    """A port on which each connection is given `answer`, with `first` before it said a word, and is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def serve_all() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer, contextlib.suppress(OSError):
                        peer.settimeout(5)
                        if not first:
                            peer.recv(4096)
                        peer.sendall(answer)
                        peer.shutdown(socket.SHUT_WR)
                        while peer.recv(4096):
                            pass

        thread = threading.Thread(target=serve_all, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


TRUSTS = {"store": Tls(), "insecure": Tls(insecure=True), "pinned": Tls(fingerprint="ab" * 32)}


@pytest.mark.parametrize("trust", TRUSTS)
@pytest.mark.parametrize(
    ("answer", "first"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", False),
        (b"SSH-2.0-OpenSSH_9.2\r\n", True),
        (b"220 mail.example ESMTP\r\n", True),
    ],
)
def test_https_to_a_port_without_tls_says_so(trust: str, answer: bytes, first: bool) -> None:
    with (
        listening(answer, first=first) as port,
        connect(f"https://127.0.0.1:{port}", TRUSTS[trust]) as client,
        pytest.raises(TlsError, match=rf"^127\.0\.0\.1:{port} does not speak TLS \(https\)") as caught,
    ):
        client.get(TIME)
    assert "port: VBR's REST service listens on 9419" in str(caught.value.hint)
    assert "--fingerprint" not in str(caught.value)


def test_https_to_a_simulator_without_tls_names_the_address_that_works() -> None:
    with serve(jobs=1, sessions=1) as url:
        address = str(url).replace("http://", "https://")
        with connect(address, Tls()) as client, pytest.raises(TlsError) as caught:
            client.get(TIME)
        assert f"write {url}" in str(caught.value.hint)
        with connect(str(url), Tls()) as client:
            client.get(TIME)


def test_a_port_that_closes_during_the_handshake_is_no_question_of_trust() -> None:
    with (
        listening(b"") as port,
        connect(f"https://127.0.0.1:{port}", Tls()) as client,
        pytest.raises(TlsError, match="closed the connection during the TLS handshake") as caught,
    ):
        client.get(TIME)
    assert "--ca-file" not in str(caught.value)


def test_plain_http_to_a_port_with_tls_says_so_at_once(server: ServerUrl) -> None:
    address = str(server).replace("https://", "http://")
    with connect(address, Tls()) as client, pytest.raises(TlsError, match="speaks TLS") as caught:
        client.get(TIME)
    assert caught.value.hint == f"Write it as {server}."
    assert client.retries == 0


@pytest.mark.parametrize("command", ["doctor", "audit"])
@pytest.mark.parametrize(("tls", "told"), [(True, "speaks TLS (https)"), (False, "does not speak TLS (https)")])
def test_the_command_line_tells_it_in_plain_words(
    command: str, tls: bool, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", DEMO_PASSWORD)
    with serve(tls=tls, jobs=1, sessions=1) as url:
        wrong = str(url).replace("https://", "x").replace("http://", "https://").replace("x", "http://")
        out = ("--out", tmp_path / "run") if command == "audit" else ()
        done = invoke(command, wrong, "--username", DEMO_USERNAME, *out)
    assert done.exit_code == 3
    assert told in done.stdout + done.stderr
    assert f"http{'s' if tls else ''}://127.0.0.1:" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
