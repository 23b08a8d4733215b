"""What could lock an account out, or press a server that has enough to do, does not leave the client."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr
from raw_server import Asked, Raw, document, raw_server

from vbr_audit.api.client import MOST_AT_ONCE, Client
from vbr_audit.api.time_limit import TimeLimit
from vbr_audit.errors import DeadlinePassedError, DeniedError, SignInError, TransientError

JOBS, SESSIONS = "/api/v1/jobs", "/api/v1/sessions"
STATUSES = {"400": "400 Bad Request", "401": "401 Unauthorized", "403": "403 Forbidden", "429": "429 Too Many Requests"}
SLOW_DOWN = document({"message": "busy"}, "Retry-After: 30", status=STATUSES["429"])


def client_of(url: str) -> Client:
    return Client(url, username="auditor", password=SecretStr("horse-battery-9419"))


def refusal(status: str) -> bytes:
    return document({"errorCode": "AccessDenied", "message": "Authentication failed"}, status=STATUSES[status])


@pytest.mark.parametrize(("status", "sent"), [("401", 1), ("403", 1), ("400", 2)])
def test_a_refused_sign_in_is_never_repeated(status: str, sent: int) -> None:
    """A 400 is asked once more, with the other spelling of the grant type that revisions differ in."""
    asked: Counter[str] = Counter()

    def answering(request: Asked) -> Raw | None:
        asked[request.path] += 1
        return refusal(status) if request.path.endswith("/token") else None

    with raw_server(answering) as url, client_of(url) as client:
        for path in (JOBS, SESSIONS, JOBS):
            with pytest.raises(SignInError, match="refused to sign in"):
                client.get(path)
    assert asked == {"/api/oauth2/token": sent}


def test_a_password_that_is_refused_midway_is_sent_once_by_all_threads() -> None:
    """The token ends, its renewal is refused, and then the password: eight threads notice, one asks."""
    grants: Counter[str] = Counter()
    signed_in = threading.Event()

    def answering(request: Asked) -> Raw | None:
        if request.path.endswith("/token"):
            grants[request.body.split(b"grant_type=")[1].split(b"&")[0].decode()] += 1
            return refusal("401") if signed_in.is_set() else None
        return refusal("401") if signed_in.is_set() else None

    with raw_server(answering) as url, client_of(url) as client:
        client.settle()
        signed_in.set()
        with ThreadPoolExecutor(8) as pool:
            errors = [each.exception() for each in [pool.submit(client.get, JOBS) for _ in range(8)]]
    assert {type(error) for error in errors} == {SignInError}
    assert grants == {"password": 2, "refresh_token": 1}


def test_what_is_denied_is_asked_once() -> None:
    asked: Counter[str] = Counter()

    def answering(request: Asked) -> Raw | None:
        asked[request.path] += 1
        return refusal("403") if request.path == JOBS else None

    with raw_server(answering) as url, client_of(url) as client, pytest.raises(DeniedError):
        client.get(JOBS)
    assert asked[JOBS] == 1


def test_no_more_than_four_requests_wait_for_one_server() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def answering(request: Asked) -> Raw | None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return document({})

    def answer(request: Asked) -> Raw | None:
        return answering(request) if request.path == JOBS else None

    with raw_server(answer) as url, client_of(url) as client, ThreadPoolExecutor(16) as pool:
        client.settle()
        list(pool.map(client.get, [JOBS] * 24))
    assert most == MOST_AT_ONCE == 4


@pytest.mark.parametrize(("asked_for", "least", "most"), [(None, 4, 5), (0.0, 0, 1), (20.0, 20, 25), (60.0, 60, 75)])
def test_part_of_every_wait_is_left_to_chance(asked_for: float | None, least: float, most: float) -> None:
    client = client_of("http://127.0.0.1:1")
    waits = [client._wait_after(TransientError("busy", retry_after=asked_for), 4) for _ in range(20)]
    assert all(least <= wait <= most for wait in waits)
    assert len(set(waits)) > 15
    client.close()


def test_a_wait_that_would_go_on_beyond_the_limit_is_not_begun() -> None:
    with (
        raw_server(lambda asked: SLOW_DOWN if asked.path == JOBS else None) as url,
        client_of(url) as client,
        client.within(TimeLimit.of(5)),
    ):
        started = time.monotonic()
        with pytest.raises(TransientError, match=r"429.*after one try"):
            client.get(JOBS)
        assert time.monotonic() - started < 4


def test_nothing_is_sent_when_the_time_is_over() -> None:
    asked: list[str] = []

    def note(request: Asked) -> None:
        asked.append(request.path)

    with raw_server(note) as url, client_of(url) as client:
        client.settle()
        before = len(asked)
        with (
            client.within(TimeLimit.of(0)),
            pytest.raises(DeadlinePassedError, match="deadline of 0 s passed") as caught,
        ):
            client.get(JOBS)
        assert len(asked) == before
        assert "--deadline" in (caught.value.hint or "")
        assert client.get(JOBS).document is not None
