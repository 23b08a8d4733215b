"""Several servers in one run: read at the same time, each whole or not by itself."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import ExitStack

import httpx
import pytest
from pydantic import SecretStr

from vbr_audit.api.client import Client
from vbr_audit.collection.collector import CollectionRequest, read_snapshot
from vbr_audit.datasets import DATASETS
from vbr_audit.errors import CollectionInterrupted, UnreachableError
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, create_app

NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)


class Down(httpx.BaseTransport):
    """A server that is not there."""

    def handle_request(self, request):
        raise httpx.ConnectError("connection refused")


class Interrupting(httpx.BaseTransport):
    """Passes requests on, and at the given one sends Ctrl-C to the main thread."""

    def __init__(self, inner, at):
        self.inner, self.left, self.lock = inner, at, threading.Lock()

    def handle_request(self, request):
        with self.lock:
            self.left -= 1
            if self.left == 0:
                import _thread

                _thread.interrupt_main()
        return self.inner.handle_request(request)


def client(stack, name, transport):
    made = Client(
        "http://127.0.0.1", name=name, username=DEMO_USERNAME, password=SecretStr(DEMO_PASSWORD), transport=transport
    )
    return stack.enter_context(made)


def simulated(**options):
    return httpx.WSGITransport(
        app=create_app(**{"jobs": 8, "sessions": 120, "now": NOW, "role": "Administrator", **options})
    )


@pytest.fixture
def stack():
    with ExitStack() as opened:
        yield opened


def test_each_server_has_its_rows_and_they_stand_in_the_order_given(stack):
    clients = [client(stack, f"vbr{n}", simulated(seed=n, jobs=6 + n)) for n in range(1, 5)]
    snapshot = read_snapshot(clients, CollectionRequest(), tool_version="test")
    assert list(snapshot.jobs["server"].unique()) == ["vbr1", "vbr2", "vbr3", "vbr4"]
    assert [server.name for server in snapshot.manifest.servers] == ["vbr1", "vbr2", "vbr3", "vbr4"]
    assert snapshot.is_complete
    alone = read_snapshot(client(stack, "vbr3", simulated(seed=3, jobs=9)), CollectionRequest(), tool_version="test")
    together = snapshot.jobs[snapshot.jobs["server"] == "vbr3"].reset_index(drop=True)
    assert together.equals(alone.jobs)


def test_one_server_down_is_that_servers_failure_and_the_others_are_whole(stack):
    clients = [
        client(stack, "gone", Down()),
        client(stack, "there", simulated()),
        client(stack, "too", simulated(seed=2)),
    ]
    snapshot = read_snapshot(clients, CollectionRequest(), tool_version="test")
    gone = [record for record in snapshot.manifest.datasets if record.server == "gone"]
    assert {record.status for record in gone} == {"failed"}
    assert all("cannot connect" in record.reason for record in gone)
    others = [record for record in snapshot.manifest.datasets if record.server != "gone"]
    assert {record.status for record in others} == {"complete"}
    assert len(gone) * 2 == len(others)


def test_no_server_answering_is_an_error(stack):
    clients = [client(stack, "gone", Down()), client(stack, "gone too", Down())]
    with pytest.raises(UnreachableError):
        read_snapshot(clients, CollectionRequest(), tool_version="test")


def test_more_servers_than_are_read_at_a_time(stack):
    clients = [client(stack, f"vbr{n:02d}", simulated(seed=n, jobs=3, sessions=20)) for n in range(11)]
    snapshot = read_snapshot(clients, CollectionRequest(), tool_version="test")
    assert snapshot.jobs["server"].nunique() == 11
    assert snapshot.is_complete


def test_an_interruption_keeps_what_had_come_of_every_server(stack):
    interrupting = Interrupting(simulated(faults=["limit-cap=5"]), at=8)
    clients = [client(stack, "first", interrupting), client(stack, "second", simulated(seed=2, faults=["slow=0.05"]))]
    with pytest.raises(CollectionInterrupted) as caught:
        read_snapshot(clients, CollectionRequest(), tool_version="test")
    partial = caught.value.partial
    assert partial.manifest.interrupted
    assert {record.server for record in partial.manifest.datasets} == {"first", "second"}
    unread = [record for record in partial.manifest.datasets if record.status != "complete"]
    assert unread
    assert all("interrupted" in record.reason for record in unread)


class Mute(httpx.BaseTransport):
    """Passes requests on until the jobs are asked for; then no answer comes any more."""

    def __init__(self, inner):
        self.inner, self.mute, self.asked = inner, False, []

    def handle_request(self, request):
        self.mute = self.mute or request.url.path.endswith("/jobs")
        self.asked.append(request.url.path)
        if self.mute:
            raise httpx.ReadTimeout("timed out")
        return self.inner.handle_request(request)


def test_a_server_that_falls_silent_is_not_asked_for_ever(stack):
    mute = Mute(simulated())
    request = CollectionRequest(datasets=tuple(DATASETS))
    snapshot = read_snapshot([client(stack, "mute", mute)], request, tool_version="test")
    status = {record.name: record for record in snapshot.manifest.datasets}
    assert len(status) == len(DATASETS)
    assert status["sessions"].status == "failed"
    assert status["repositories"].reason.startswith(
        "not asked: the server gave no answer to the 3 datasets before it ("
    )
    assert len({path for path in mute.asked if "/repositories" in path}) == 0
    assert status["server_time"].status == "complete"
