"""Hostile servers on real sockets: what they send costs neither memory nor time without end, and repeats no secret."""

from __future__ import annotations

import base64
import gzip
import socket
import ssl
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from beside import begun
from command_line import invoke, write
from core_checks import CORE_TEXT
from pydantic import SecretStr
from raw_server import PASSWORD, REFRESH, TOKEN, Asked, Raw, answer, document, raw_server
from small_server import SmallServer

from vbr_audit.api import answers, tls
from vbr_audit.api.client import Client
from vbr_audit.api.tls import Tls
from vbr_audit.collection.run_folder import load
from vbr_audit.errors import (
    BadAnswerError,
    SignInError,
    TlsError,
    TransientError,
    UnreachableError,
    VbrAuditError,
)
from vbr_audit.simulator.certificate import make_certificate
from vbr_audit.verifying import verify_run

PAGE = orjson.dumps({"data": [], "pagination": {"total": 0, "count": 0, "skip": 0, "limit": 500}})
JOBS = "/api/v1/jobs"


def client_of(url: str, **more: float) -> Client:
    return Client(url, username="auditor", password=SecretStr(PASSWORD), revision="1.3-rev1", **more)


def for_jobs(raw: Raw) -> Callable[[Asked], Raw | None]:
    return lambda asked: raw if asked.path == JOBS else None


def for_sign_in(raw: Raw) -> Callable[[Asked], Raw | None]:
    return lambda asked: raw if asked.path.endswith("/token") else None


def gzip_bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * 1024**2) for _ in range(megabytes)) + packer.flush()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """The bounds, small enough to be met at once."""
    monkeypatch.setattr(answers, "MOST_BYTES", 4 * 1024**2)
    monkeypatch.setattr(answers, "MOST_VALUES", 10_000)
    return answers.MOST_BYTES


def endless(stream: socket.socket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        stream.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (lambda stream: stream.sendall(answer(gzip_bomb(64), "Content-Encoding: gzip")), "larger than 4 MB"),
        (answer(zlib.compress(b" " * 2**23), "Content-Encoding: deflate"), "larger than 4 MB"),
        (answer(b" " * 2**23), "larger than 4 MB"),
        (endless, "larger than 4 MB"),
        (answer(gzip.compress(gzip_bomb(8)), "Content-Encoding: gzip, gzip"), "packed as 'gzip, gzip'"),
        (answer(b"[]", "Content-Encoding: br"), "packed as 'br'"),
        (answer(b"[]", "Content-Encoding: zstd"), "packed as 'zstd'"),
        (answer(b"[]", "Content-Encoding: " + ", ".join(["gzip"] * 1000)), "packed as"),
        (answer(b"[" + b"[]," * 20_000 + b"[]]"), "more values than any page"),
    ],
    ids=["gzip", "deflate", "plain", "endless", "nested", "br", "zstd", "thousand encodings", "many values"],
)
def test_a_bomb_is_left_unopened_and_not_asked_for_again(small: int, raw: Raw, told: str) -> None:
    asked: list[str] = []

    def answering(request: Asked) -> Raw | None:
        asked.append(request.path)
        return for_jobs(raw)(request)

    with raw_server(answering) as url, client_of(url) as client, pytest.raises(BadAnswerError, match=told):
        client.get(JOBS)
    assert asked.count(JOBS) == 1


@pytest.mark.parametrize("packed", ["gzip", "deflate", "raw deflate", "x-gzip", "identity"])
def test_what_is_packed_honestly_is_read(packed: str) -> None:
    body = {
        "gzip": gzip.compress(PAGE),
        "x-gzip": gzip.compress(PAGE),
        "deflate": zlib.compress(PAGE),
        "raw deflate": zlib.compress(PAGE)[2:-4],
        "identity": PAGE,
    }[packed]
    raw = answer(body, f"Content-Encoding: {packed.rsplit(maxsplit=1)[-1]}")
    with raw_server(for_jobs(raw)) as url, client_of(url) as client:
        assert client.get(JOBS).body == PAGE


def test_what_is_packed_and_breaks_off_is_no_answer() -> None:
    broken = [answer(gzip.compress(PAGE)[:-12], "Content-Encoding: gzip")]
    answering = lambda asked: broken.pop() if asked.path == JOBS and broken else None  # noqa: E731
    with raw_server(answering) as url, client_of(url) as client:
        assert client.get(JOBS).document["data"] == []
        assert client.retries == 1


def slow_headers(stream: socket.socket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        stream.sendall(b"X: y\r\n")
        time.sleep(0.05)


def only_promises(stream: socket.socket) -> None:
    while True:
        stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def slow_body(stream: socket.socket) -> None:
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        stream.sendall(b" ")
        time.sleep(0.05)


def ended_with(client: Client, asking: Callable[[], object]) -> tuple[Exception | None, float]:
    """The error with which a client leaves a server that lets it wait, and the seconds that it took."""
    started, caught = time.monotonic(), None
    with client:
        try:
            asking()
        except VbrAuditError as error:
            caught = error
        return caught, time.monotonic() - started


def leave_answer(raw: Raw) -> tuple[Exception | None, float]:
    """Ask for jobs, which are answered so."""
    with raw_server(for_jobs(raw)) as url:
        client = client_of(url, deadline=0.5)
        return ended_with(client, lambda: client.get(JOBS))


def leave_handshake() -> tuple[Exception | None, float]:
    """Meet a handshake of a byte at a time."""
    ending = threading.Event()

    def dripping(plain: socket.socket) -> bool:
        plain.sendall(b"\x16")  # a handshake record that never becomes whole
        while not ending.wait(0.1):
            plain.sendall(b"\x03")
        return True

    with raw_server(on_connect=dripping) as url:
        address = url.replace("http:", "https:")
        client = Client(address, username="a", password=SecretStr("b"), tls=Tls(insecure=True), timeout=0.5)
        try:
            return ended_with(client, lambda: client.get(JOBS))
        finally:
            ending.set()


def leave_sign_in() -> tuple[Exception | None, float]:
    """Sign in where nobody answers."""
    ending = threading.Event()

    def silent(stream: socket.socket) -> None:
        ending.wait(15)

    with raw_server(lambda asked: silent) as url:
        client = client_of(url, timeout=0.3)
        try:
            return ended_with(client, lambda: client._get_once(JOBS, None))
        finally:
            ending.set()


SLOW = (slow_headers, only_promises, slow_body)


@pytest.fixture(scope="module")
def left() -> Iterator[Callable[[str], tuple[Exception | None, float]]]:
    """What became of each server that lets the client wait: all wait beside each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tls, "_PROBE_S", 0.5)
        works = {raw.__name__: partial(leave_answer, raw) for raw in SLOW}
        with begun({**works, "handshake": leave_handshake, "sign-in": leave_sign_in}) as left:
            yield left


@pytest.mark.parametrize("name", [raw.__name__ for raw in SLOW])
def test_an_answer_that_never_becomes_whole_ends_at_the_deadline(left: Any, name: str) -> None:
    error, seconds = left(name)
    assert isinstance(error, TransientError)
    assert "no whole answer in time" in str(error)
    assert seconds < 8


def test_a_handshake_of_a_byte_at_a_time_ends_at_the_timeout(left: Any) -> None:
    error, seconds = left("handshake")
    assert isinstance(error, UnreachableError)
    assert seconds < 8


def test_a_sign_in_that_is_never_answered_ends_at_the_timeout(left: Any) -> None:
    error, seconds = left("sign-in")
    assert isinstance(error, TransientError)
    assert "no answer in time" in str(error)
    assert seconds < 5


def test_headers_without_end_are_left() -> None:
    flood = b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 2_000_000 + b"\r\n\r\n"
    with raw_server(for_jobs(flood)) as url, client_of(url) as client:
        client.settle()
        with pytest.raises(TransientError, match="broke off"):
            client._get_once(JOBS, None)


@pytest.mark.parametrize(
    "token",
    ["", "abc def", "abcdefghij\r\nX-Evil: 1", "abcdefghij\u00fc\u20ac", "a" * 1_000_000, "abc\x00def"],
    ids=["empty", "blank", "line break", "letters", "long", "nul"],
)
def test_a_token_that_fits_into_no_header_is_refused_at_once(token: str) -> None:
    tokens = {"access_token": token, "token_type": "bearer", "expires_in": 900}
    raw = document(tokens)
    with raw_server(for_sign_in(raw)) as url, client_of(url) as client, pytest.raises(SignInError, match="no token"):
        client.get(JOBS)


def test_cookies_are_not_taken() -> None:
    came: list[str] = []

    def answering(asked: Asked) -> Raw | None:
        came.append(asked.headers.get("cookie", ""))
        return answer(PAGE, *(f"Set-Cookie: a{number}=b" for number in range(500))) if asked.path == JOBS else None

    with raw_server(answering) as url, client_of(url) as client:
        for _ in range(3):
            client.get(JOBS)
    assert set(came) == {""}


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://127.0.0.1:1/x", "//127.0.0.1:1/"])
def test_no_redirect_takes_the_password_or_the_token_elsewhere(status: str, target: str) -> None:
    moved = answer(b"", f"Location: {target}", status=status)
    with raw_server(for_sign_in(moved)) as url, client_of(url) as client, pytest.raises(SignInError, match="HTTP 30"):
        client.get(JOBS)
    with (
        raw_server(for_jobs(moved)) as url,
        client_of(url) as client,
        pytest.raises(BadAnswerError, match="redirected"),
    ):
        client.get(JOBS)


@pytest.mark.parametrize("more", [(), ("--verbose",), ("--debug",)])
def test_what_the_server_repeats_of_a_secret_stands_in_no_log_and_no_file(
    more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VBR_AUDIT_USERNAME", "auditor")
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", PASSWORD)

    def echo(asked: Asked) -> Raw | None:
        if asked.path != JOBS:
            return None
        given = asked.headers["authorization"]
        body = orjson.dumps({"errorCode": PASSWORD, "message": f"{given} {PASSWORD}"})
        return answer(body, f"X-Echo: {given}", f"X-Echo-Too: {PASSWORD}", status=f"403 {PASSWORD} {given}")

    with raw_server(echo) as url:
        done = invoke("collect", url, "--out", tmp_path / "run", "--datasets", "jobs", "--month", "2026-10", *more)
    assert done.exit_code == 4, done.stderr
    kept = [path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()]
    for word in (PASSWORD, TOKEN):
        assert word not in done.stdout + done.stderr
        assert not any(word.encode() in content for content in kept)


def test_what_the_server_repeats_of_a_secret_among_its_data_is_kept_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VBR_AUDIT_USERNAME", "auditor")
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", PASSWORD)
    coded = base64.b64encode(f"auditor:{PASSWORD}".encode()).decode()
    in_url = PASSWORD.replace("-", "%2D")
    vbr = SmallServer()
    job = vbr.add_job("Nightly", description=f"made by {PASSWORD}, {in_url}, {coded}; Bearer {TOKEN} at 22:00")
    job["virtualMachines"]["includes"][0][TOKEN] = "a key"
    vbr.add_session(job, "2026-10-31T22:00:00+01:00", name=f"Nightly {TOKEN} {REFRESH}")
    state = vbr.add_state(job, "2026-10-31T22:00:00+01:00")
    failed = {"result": "Failed", "message": f"no sign-in with {PASSWORD}", "isCanceled": False}
    vbr.add_session(job, "2026-10-30T22:00:00+01:00", result="Failed")["result"] = failed
    run, core = tmp_path / "run", write(tmp_path / "core.yaml", CORE_TEXT)

    def twice(asked: Asked) -> Raw | None:
        if asked.path != "/api/v1/jobs/states":
            return None
        row = orjson.dumps({**state, "description": "kept"}).replace(
            b'{"', b'{"description":"' + TOKEN.encode() + b'","', 1
        )
        return answer(b'{"data":[' + row + b'],"pagination":{"total":1,"count":1,"skip":0,"limit":500}}')

    with raw_server(twice, honest=vbr) as url:
        done = invoke(
            *("audit", url, "--out", run, "--policy", core, "--month", "2026-10", "--format", "json,html", "--debug"),
            *("--datasets", "jobs,job_states,sessions", "--fail-on", "never", "--allow-incomplete"),
        )
    assert done.exit_code == 0, done.stderr
    snapshot = load(run)
    kept = [done.stdout.encode(), done.stderr.encode()]
    kept += [path.read_bytes() for path in run.rglob("*") if path.is_file() and path.suffix != ".zip"]
    for path in run.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            kept += [archive.read(name) for name in archive.namelist()]
    kept += [table.to_csv().encode() for table in snapshot.tables.values()]
    for word in (PASSWORD, in_url, coded, TOKEN, REFRESH):
        assert not any(word.encode() in content for content in kept), word
    row = snapshot.tables["jobs"].iloc[0]
    assert (row["name"], row["description"]) == (
        "Nightly",
        "made by (hidden), (hidden), (hidden)=; Bearer (hidden) at 22:00",
    )
    assert set(snapshot.manifest.dataset("127.0.0.1", "jobs").redacted) == {
        "description",
        "virtualMachines.includes[].(hidden)",
    }
    assert set(snapshot.manifest.dataset("127.0.0.1", "sessions").redacted) == {"name", "result.message"}
    assert len(snapshot.tables["sessions"]) == 2
    assert verify_run(run) == []


def test_a_server_that_speaks_old_tls_only_is_refused(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with raw_server(context=context) as url:
        client = Client(url, username="a", password=SecretStr("b"), tls=Tls(insecure=True), timeout=2)
        with client, pytest.raises(TlsError):
            client.get(JOBS)
