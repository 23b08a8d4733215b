"""One server cannot hold up the rest: each has its time, and what had come by then is kept."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs

import pytest
from beside import begun
from pydantic import SecretStr
from raw_server import Answering, Asked, Raw, document, raw_server
from small_server import SmallServer

from vbr_audit.api.client import Client
from vbr_audit.collection.collector import CollectionRequest, read_snapshot
from vbr_audit.collection.manifest import DEADLINE_PASSED, DatasetRecord
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.errors import ConfigurationError, UnreachableError

TIME_S = 1.5
ASKED = ("jobs", "job_states", "sessions", "backups", "repositories")
Together = tuple[Snapshot, float, "Counter[str]"]
REFUSED = document({"errorCode": "AccessDenied", "message": "wrong"}, status="401 Unauthorized")


def hang(stream: socket.socket) -> None:
    """Take the request, and answer nothing until the client goes."""
    stream.settimeout(20)
    stream.recv(1)


def drip(stream: socket.socket) -> None:
    """One byte of an answer that has no end, every 20 ms."""
    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        stream.sendall(b" ")
        time.sleep(0.02)


def at(part: str, raw: Raw) -> Answering:
    """Answer so where the path ends with `part`."""
    return lambda asked: raw if asked.path.endswith(part) else None


def one_row_a_page(asked: Asked) -> Raw | None:
    """Sessions one by one, slowly, and very many."""
    if not asked.path.endswith("/sessions"):
        return None
    time.sleep(0.1)
    skip = int(parse_qs(asked.query)["skip"][0])
    return document({"data": [{"id": f"s{skip}"}], "pagination": {"total": 9000, "count": 1, "skip": skip, "limit": 1}})


class Dying:
    """A server that closes every connection once the job states were asked for."""

    def __init__(self) -> None:
        self.dead = False

    def __call__(self, asked: Asked) -> Raw | None:
        self.dead = self.dead or asked.path.endswith("/jobs/states")
        return (lambda _: None) if self.dead else None


def read_together() -> Together:
    """A run over servers of which one only is well, the seconds that it took, and the refused sign-ins."""
    refused: Counter[str] = Counter()

    def refusing(asked: Asked) -> Raw | None:
        refused[asked.path] += 1
        return REFUSED if asked.path.endswith("/token") else None

    ways: dict[str, Answering | None] = {
        "well": None,
        "mute": lambda asked: hang,
        "hung": at("/jobs", hang),
        "drips": at("/sessions", drip),
        "slow": one_row_a_page,
        "refuses": refusing,
        "dies": Dying(),
    }
    with ExitStack() as stack:
        clients = []
        for name, way in ways.items():
            url = stack.enter_context(raw_server(way, honest=SmallServer(name=name)))
            clients.append(stack.enter_context(Client(url, name=name, username="a", password=SecretStr("pass-word-1"))))
        limits = dict.fromkeys(set(ways) - {"well"}, TIME_S)
        started = time.monotonic()
        snapshot = read_snapshot(clients, CollectionRequest(datasets=ASKED, deadlines_s=limits), tool_version="test")
        return snapshot, time.monotonic() - started, refused


def read_longer_than_allowed() -> tuple[Snapshot, list[str]]:
    """A run over a server whose time is over while jobs are asked for, and the paths that were asked for."""
    asked: list[str] = []

    def answering(request: Asked) -> Raw | None:
        asked.append(request.path)
        return hang if "/jobs" in request.path else None

    request = CollectionRequest(datasets=ASKED, deadline_s=0.6, dataset_deadline_s=0.6)
    with raw_server(answering) as url, Client(url, username="a", password=SecretStr("pass-word-1")) as client:
        snapshot = read_snapshot(client, request, tool_version="test")
    return snapshot, asked


def read_beside_a_slow_clock() -> Snapshot:
    """A run over two servers of which one takes its time to tell its own."""

    def slow_clock(asked: Asked) -> Raw | None:
        time.sleep(0.8 if asked.path.endswith("/serverTime") else 0)
        return None

    with ExitStack() as stack:
        urls = [stack.enter_context(raw_server(way, honest=SmallServer(name=name))) for name, way in
                (("quick", None), ("slow", slow_clock))]  # fmt: skip
        clients = [
            stack.enter_context(Client(url, name=name, username="a", password=SecretStr("pass-word-1")))
            for name, url in zip(("quick", "slow"), urls, strict=True)
        ]
        request = CollectionRequest(datasets=ASKED, deadlines_s={"quick": 0.7}, dataset_deadline_s=5)
        return read_snapshot(clients, dataclasses.replace(request, workers=1), tool_version="test")


@pytest.fixture(scope="module")
def read() -> Iterator[Callable[[str], Any]]:
    """The runs that wait for their servers, which all begin at once."""
    works = {"together": read_together, "longer": read_longer_than_allowed, "clock": read_beside_a_slow_clock}
    with begun(works) as read:
        yield read
        for snapshot in (read("together")[0], read("longer")[0], read("clock")):
            snapshot.close()


@pytest.fixture(scope="module")
def together(read: Callable[[str], Any]) -> Together:
    """The run over servers of which one only is well."""
    found: Together = read("together")
    return found


def of(snapshot: Snapshot, server: str) -> dict[str, DatasetRecord]:
    return {record.name: record for record in snapshot.manifest.datasets if record.server == server}


def test_all_ends_soon_after_the_deadline(together: Together) -> None:
    assert together[1] < 2 * TIME_S + 10


def test_the_server_that_is_well_is_read_whole(together: Together) -> None:
    assert {record.status for name, record in of(together[0], "well").items() if name in ASKED} == {"complete"}


@pytest.mark.parametrize(("server", "dataset"), [("hung", "jobs"), ("drips", "sessions"), ("slow", "sessions")])
def test_what_had_come_by_the_deadline_is_kept_and_the_rest_is_told(
    together: Together, server: str, dataset: str
) -> None:
    records = of(together[0], server)
    assert records["server_time"].status == "complete"
    assert records[dataset].status == ("partial" if server == "slow" else "failed")
    assert records[dataset].reason == "deadline of 0.75 s for one dataset passed"
    assert records[dataset].notes[DEADLINE_PASSED] == "dataset"


def test_pages_that_came_before_the_deadline_are_rows(together: Together) -> None:
    snapshot = together[0]
    record = of(snapshot, "slow")["sessions"]
    assert 0 < record.rows_received < 9000
    assert record.pages > 0
    assert record.sha256 is not None


def test_a_server_that_answers_nothing_is_not_read_and_takes_nothing_away(together: Together) -> None:
    records = of(together[0], "mute")
    assert {record.status for record in records.values()} == {"failed"}
    reasons = {record.reason for record in records.values()}
    assert reasons == {"cannot sign in: no answer before the deadline of 0.75 s for one dataset passed"}


def test_a_wrong_password_is_sent_once(together: Together) -> None:
    snapshot, _, refused = together
    assert {record.status for record in of(snapshot, "refuses").values()} == {"failed"}
    assert refused == {"/api/oauth2/token": 1}


def test_a_server_that_dies_midway_keeps_what_it_gave(together: Together) -> None:
    records = of(together[0], "dies")
    assert records["jobs"].status == "complete"
    assert records["job_states"].status == "failed"
    assert "the connection broke off" in (records["job_states"].reason or "")


def test_a_server_whose_time_is_over_is_not_asked_any_more(read: Callable[[str], Any]) -> None:
    snapshot, asked = read("longer")
    records = {record.name: record for record in snapshot.manifest.datasets}
    assert [path for path in asked if path.endswith(("/sessions", "/backups"))] == []
    assert records["backups"].reason == "deadline of 0.6 s passed"
    assert records["backups"].notes[DEADLINE_PASSED] == "server"
    assert asked[-1].endswith("/logout")


def test_the_only_server_that_answers_nothing_is_an_error() -> None:
    request = CollectionRequest(datasets=ASKED, deadline_s=0.4)
    with (
        raw_server(lambda asked: hang) as url,
        Client(url, username="a", password=SecretStr("pass-word-1")) as client,
        pytest.raises(UnreachableError, match=r"no answer before the deadline of 0\.2 s for one dataset passed"),
    ):
        read_snapshot(client, request, tool_version="test")


def test_waiting_for_other_servers_costs_no_time(read: Callable[[str], Any]) -> None:
    """The clocks of all servers are read first; one that is slow to tell its own does not use up another's time."""
    snapshot = read("clock")
    assert {record.status for name, record in of(snapshot, "quick").items() if name in ASKED} == {"complete"}


def test_one_server_under_two_names_is_found_before_it_is_read() -> None:
    asked: list[str] = []
    lock = threading.Lock()

    def answering(request: Asked) -> Raw | None:
        with lock:
            asked.append(request.path)
        return None

    with raw_server(answering) as url, ExitStack() as stack:
        clients = [
            stack.enter_context(Client(each, name=name, username="a", password=SecretStr("pass-word-1")))
            for name, each in (("Hamburg", url), ("Ulm", url.replace("127.0.0.1", "localhost")))
        ]
        with pytest.raises(ConfigurationError, match="Hamburg and Ulm are the same server: both report the id"):
            read_snapshot(clients, CollectionRequest(datasets=ASKED), tool_version="test")
    assert not [path for path in asked if path.endswith(("/jobs", "/sessions"))]
