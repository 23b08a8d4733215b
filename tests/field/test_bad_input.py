"""Odd answers of real servers, each alone and beside each other, through the real command line over a socket.

Whatever they are: nothing that was received is lost, the manifest says what was assumed, and there is no traceback.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import orjson
import pytest
from command_line import invoke, write
from small_server import Document, SmallServer, id_of

READ = {
    "jobs": "jobs",
    "job_states": "jobs/states",
    "sessions": "sessions",
    "task_sessions": "taskSessions",
    "backups": "backups",
    "restore_points": "restorePoints",
    "repository_states": "backupInfrastructure/repositories/states",
    "authorization_events": "authorization/events",
}
"""The datasets that are read whole, and their collections."""
DATASETS = (*READ, "backup_objects", "restore_sessions")
CHECKS = ("RUN-005", "RPO-001", "RPO-011", "SEC-002", "TST-001", "EVD-001")
IN_PAIRS = tuple(check for check in CHECKS if not check.startswith("RPO"))
"""What machines have is dear to work out: it is judged where a server is odd in one way, and in all."""


def policy_of(checks: tuple[str, ...]) -> str:
    """A policy of these checks alone."""
    aside = '  "*": {enabled: false, reason: not part of this test}'
    return "\n".join(["version: 1", "checks:", aside, *(f"  {check}: {{enabled: true}}" for check in checks), ""])


class Odd(SmallServer):
    """A small server whose pages `bend` changes, by path."""

    def __init__(self) -> None:
        super().__init__("1.3-rev1", now="2026-11-01T06:00:00+01:00")
        self.bend: dict[str, list[Callable[[Document, dict[str, list[str]]], Document]]] = {}
        self.deaf = False
        self.add_repository()
        for name in ("Nightly", "Files"):
            job = self.add_job(name)
            self.add_state(job, "2026-10-31T22:00:00+01:00")
            backup = self.add_backup(job)
            self.add_object(backup, f"{name}-1", points=3)
            for day in ("29", "30", "31"):
                session = self.add_session(job, f"2026-10-{day}T22:00:00+01:00")
                self.add_task(session, f"{name}-1")
                self.add_point(backup, f"{name}-1", f"2026-10-{day}T22:01:00+01:00")
        restore = self.add_session(job, "2026-10-30T12:00:00+01:00", sessionType="RestoreVm", jobId=None)
        self.add_task(restore, "Files-1", type="Restore")

    def _answer(self, path: str, query: dict[str, list[str]], revision: str) -> tuple[int, Any]:
        if self.deaf and "typeFilter" in query:
            query = {**query, "createdAfterFilter": ["2999-01-01T00:00:00Z"]}
        status, document = super()._answer(path, query, revision)
        for change in self.bend.get(path.removeprefix("/api/v1/"), []) if status == 200 else ():
            document = change(dict(document), query)
        return status, document

    def bent(self, path: str, change: Callable[[Document, dict[str, list[str]]], Document]) -> None:
        """Let `change` have each page of a collection."""
        self.bend.setdefault(path, []).append(change)


@dataclass(frozen=True)
class Oddity:
    """How a server is odd, and what the manifest says of it: a note of a dataset, or that it is partial."""

    name: str
    make: Callable[[Odd], None]
    dataset: str = ""
    note: str = ""
    partial: bool = False

    def __str__(self) -> str:
        return self.name


def paged(path: str, **pagination: Any) -> Callable[[Odd], None]:
    """Pages of `path` with these changes of `pagination`."""

    def change(document: Document, _query: dict[str, list[str]]) -> Document:
        return document | {"pagination": document["pagination"] | pagination}

    return lambda server: server.bent(path, change)


def without_pagination(path: str, **instead: Any) -> Callable[[Odd], None]:
    """Pages of `path` that hold rows alone, or with something else instead."""
    return lambda server: server.bent(path, lambda page, _query: {"data": page["data"], **instead})


def each(path: str, **changes: Any) -> Callable[[Odd], None]:
    """All rows of `path` with these keys changed."""

    def make(server: Odd) -> None:
        for row in server.rows(path):
            row.update(changes)

    return make


def first(path: str, **changes: Any) -> Callable[[Odd], None]:
    """The first row of `path` with these keys changed."""
    return lambda server: server.rows(path)[0].update(changes)


def _one_page_for_ever(server: Odd) -> None:
    everything = server.rows("restorePoints")
    server.bent("restorePoints", lambda page, _query: page | {"data": list(everything)})


def _deaf(server: Odd) -> None:
    server.deaf = True


def _refused_objects(server: Odd) -> None:
    server.statuses[f"backups/{server.rows('backups')[1]['id']}/objects"] = 400


def _other_spelling(server: Odd) -> None:
    for task in server.rows("taskSessions"):
        task["progress"]["transferedSize"] = task["progress"].pop("transferredSize")


def _without_offset(server: Odd) -> None:
    for task in server.rows("taskSessions"):
        task.update(creationTime=task["creationTime"][:19], endTime=task["endTime"][:19])


def _new_keys(server: Odd) -> None:
    for session in server.rows("sessions"):
        session["result"]["newKey"] = {"deep": 1}


def _four_eyes_off(server: Odd) -> None:
    event = {"id": "e1", "name": "Disable four-eyes authorization", "state": "Approved", "createdBy": "a"}
    server.add("authorization/events", event | {"creationTime": "2026-10-30T10:00:00", "processedBy": "b"})


def _no_objects(server: Odd) -> None:
    server.bent(
        "jobs/states", lambda page, query: page | {"data": [*page["data"], 7, None]} if _is_first(query) else page
    )


def _is_first(query: dict[str, list[str]]) -> bool:
    return query.get("skip", ["0"]) == ["0"]


def _doubled(server: Odd) -> None:
    server.rows("backups").append(dict(server.rows("backups")[0]))


SESSIONS, POINTS, STATES = "sessions", "restorePoints", "backupInfrastructure/repositories/states"
ODDITIES = (
    Oddity("total negative", paged(SESSIONS, total=-1), "sessions", "pages_without_total", partial=True),
    Oddity("total a text", paged("jobs", total="2", count="x", skip=None), "jobs", "pages_without_total", partial=True),
    Oddity("no pagination", without_pagination(POINTS), "restore_points", "pages_without_total", partial=True),
    Oddity(
        "pagination null",
        without_pagination("backups", pagination=None),
        "backups",
        "pages_without_total",
        partial=True,
    ),
    Oddity("deaf filter", _deaf, "restore_sessions", "type_filter_unheard"),
    Oddity("objects refused", _refused_objects, "backup_objects", "read_below", partial=True),
    Oddity("transferedSize", _other_spelling),
    Oddity("capacity -1", each(STATES, capacityGB=-1, freeGB=-1, type="AmazonS3")),
    Oddity("dates without offset", _without_offset, "task_sessions", "assumed_dates"),
    Oddity("keys of a new build", _new_keys, "sessions", "unknown_fields"),
    Oddity("four eyes switched off", _four_eyes_off),
    Oddity("not scanned", each(POINTS, malwareStatus=None)),
    Oddity("words of a new build", first(SESSIONS, state="Pondering"), "sessions", "unknown_values"),
    Oddity("skip ignored", _one_page_for_ever),
    Oddity("rows that are no objects", _no_objects, "job_states", "not_objects", partial=True),
    Oddity("a year one date", first("jobs/states", lastRun="0001-01-01T00:00:00")),
    Oddity("another type", first("taskSessions", result=7, progress=[]), "task_sessions", "uncastable"),
    Oddity("a row twice", _doubled),
)
PAIRED = ODDITIES[:12]
"""Those that stand in pairs; the others stand alone, and all together."""
TOGETHER = 6
"""So many stand in one server: then few servers have all pairs."""


def with_all_pairs() -> list[tuple[Oddity, ...]]:
    """Groups of `TOGETHER`, so that each pair of `PAIRED` stands in one of them at least."""
    groups: list[tuple[Oddity, ...]] = []
    left = set(itertools.combinations(PAIRED, 2))
    while left:
        group = max(
            itertools.combinations(PAIRED, TOGETHER),
            key=lambda found: len(left & set(itertools.combinations(found, 2))),
        )
        left -= set(itertools.combinations(group, 2))
        groups.append(group)
    return groups


BATCHES = {
    "alone": [(oddity,) for oddity in ODDITIES],
    "beside each other": with_all_pairs(),
    "all at once": [ODDITIES],
}
"""Servers that are audited by one command, each odd in its own way: that costs less than a command for each."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing of each request."""


@contextmanager
def served(servers: list[Odd]) -> Iterator[list[str]]:
    """The addresses of sockets with these servers behind them."""
    with ExitStack() as stack:
        urls = []
        for server in servers:
            http = stack.enter_context(make_server("127.0.0.1", 0, server, _Server, _Quiet))
            thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            stack.callback(thread.join)
            stack.callback(http.shutdown)
            urls.append(f"http://127.0.0.1:{http.server_port}")
        yield urls


def named(odd: tuple[Oddity, ...]) -> str:
    """The name of the server that is odd in these ways."""
    return " + ".join(oddity.name for oddity in odd) if len(odd) <= TOGETHER else "all at once"


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_odd_answers_lose_nothing_and_are_told(
    batch: list[tuple[Oddity, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [Odd() for _ in batch]
    for number, (server, odd) in enumerate(zip(servers, batch, strict=True)):
        server.objects["serverInfo"]["vbrId"] = id_of("server", number)
        for oddity in odd:
            oddity.make(server)
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", "p")
    checks = IN_PAIRS if len(batch[0]) == TOGETHER else CHECKS
    policy = write(tmp_path / "policy.yaml", policy_of(checks))
    words = ("--username", "auditor", "--since", "2026-10-29", "--until", "2026-11-01", "--timezone", "Europe/Berlin")
    # A page shows all servers one after the other: that of the server which is odd in every way has all there is.
    formats = "html,json" if batch == [ODDITIES] else "json"
    words += ("--policy", str(policy), "--datasets", ",".join(DATASETS), "--format", formats, "--quiet")
    with served(servers) as urls:
        named_urls = zip(batch, urls, strict=True)
        listed = "\n".join(f'[[server]]\nname = "{named(odd)}"\nurl = "{url}"' for odd, url in named_urls)
        file = write(tmp_path / "servers.toml", listed)
        result = invoke("audit", "--servers", file, *words, "--out", tmp_path / "run")

    assert result.exit_code in (0, 1, 4), result.output
    assert "Traceback" not in result.output
    manifest = orjson.loads((tmp_path / "run" / "manifest.json").read_bytes())
    findings = orjson.loads((tmp_path / "run" / "findings.json").read_bytes())["findings"]
    for server, odd in zip(servers, batch, strict=True):
        records = {record["name"]: record for record in manifest["datasets"] if record["server"] == named(odd)}
        for name, path in READ.items():
            _nothing_is_lost(records[name], server.collections.get(path, []))
        for oddity in odd:
            _is_told(oddity, records)
        judged = [finding for finding in findings if finding["server"] == named(odd)]
        assert {finding["check_id"] for finding in judged} == set(checks), named(odd)
        assert "ERROR" not in {finding["status"] for finding in judged}
        whole = {finding["object_name"] for finding in judged if finding["check_id"] == "EVD-001" and _passes(finding)}
        assert not {oddity.dataset for oddity in odd if oddity.partial} & whole


def _passes(finding: Document) -> bool:
    return bool(finding["status"] == "PASS")


def _nothing_is_lost(record: Document, rows: list[Document]) -> None:
    """Each row of the server came once, and is in its table."""
    distinct = len({row["id"] for row in rows})
    broken = record["notes"].get("not_objects", 0)
    assert record["rows_received"] - record["rows_duplicate"] == distinct + broken, record
    assert record["rows_kept"] + record["notes"].get("rows_at_edges", 0) == distinct, record


def _is_told(oddity: Oddity, records: dict[str, Document]) -> None:
    """What was assumed stands in the manifest; a gap is one, and has a reason."""
    if oddity.note:
        assert oddity.note in records[oddity.dataset]["notes"], records[oddity.dataset]
    if oddity.partial:
        assert records[oddity.dataset]["status"] == "partial"
        assert records[oddity.dataset]["reason"]
