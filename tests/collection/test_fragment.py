"""How a snapshot shows itself."""

from __future__ import annotations

import datetime as dt

from vbr_audit.collection.manifest import DatasetRecord, Manifest, RunRecord, ServerRecord
from vbr_audit.collection.snapshot import Snapshot, outcome_line
from vbr_audit.simulator.hostile import TEXTS

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)


def snapshot_of(records: list[DatasetRecord], servers: list[str]) -> Snapshot:
    since, until = NOW - dt.timedelta(days=30), NOW
    run = RunRecord(now=NOW, since=since, until=until, timezone="UTC", timezone_source="given", tool_version="0")
    known = [
        ServerRecord(
            name=name,
            url="https://vbr01.example:9419",
            revision="1.3-rev1",
            revision_newest="1.3-rev1",
            account="a",
            tls="system store",
        )
        for name in servers
    ]
    manifest = Manifest(run=run, servers=known, datasets=records)
    return Snapshot.from_tables({}, now=NOW, since=since, until=until, manifest=manifest)


def record(server: str, number: int, status: str = "complete", reason: str | None = None) -> DatasetRecord:
    facts = {"path": "/api/v1/x", "revision": "1.3-rev1", "started": NOW, "ended": NOW, "rows_kept": number}
    return DatasetRecord.model_validate(
        {"server": server, "name": f"dataset_{number}", "status": status, "reason": reason, **facts}
    )


def test_it_is_small_and_escaped_whatever_the_names() -> None:
    for text in TEXTS:
        name = (text or "x") * 40
        records = [record(name, number, "failed", name) for number in range(200)]
        page = snapshot_of(records, [name])._repr_html_()
        assert len(page.encode()) <= 20_000
        assert "<script" not in page
        assert "<img" not in page
        assert "more datasets are not shown" in page
        line = outcome_line(snapshot_of(records, [name]).manifest)
        assert len(line) < 250
        assert not set(line) & set("\x1b\n\u202e")


def test_what_was_not_read_is_shown_before_what_was() -> None:
    records = [record(f"vbr{server}", number) for server in range(8) for number in range(42)]
    page = snapshot_of([*records, record("last", 1, "denied", "the role")], ["vbr0"])._repr_html_()
    assert "<td>last</td><td>dataset_1</td><td>✕ denied</td><td>1</td><td>the role</td>" in page
    assert "257 more datasets are not shown" in page
    whole = snapshot_of(records[:42], ["vbr0"])._repr_html_()
    assert "not shown" not in whole


def test_the_line_says_what_came_and_what_did_not() -> None:
    some = snapshot_of([record("a", 5), record("a", 7, "partial", "x")], ["a", "b"]).manifest
    assert outcome_line(some) == "Read 2 datasets and 12 rows from a, b: not whole: dataset_7 partial."
    assert outcome_line(some.model_copy(update={"interrupted": True})).endswith(
        ": interrupted; not whole: dataset_7 partial."
    )
    assert outcome_line(snapshot_of([record("a", 1)], ["a"]).manifest) == "Read 1 dataset and 1 row from a: all whole."


def test_what_the_revision_does_not_offer_is_no_gap() -> None:
    absent = record("a", 2, "absent", "revision 1.3-rev1 does not offer it")
    beyond = absent.model_copy(update={"name": "malware_settings", "rows_kept": 0})
    removed = beyond.model_copy(update={"name": "jobs"})
    whole = snapshot_of([record("a", 1), beyond], ["a"])
    assert outcome_line(whole.manifest) == "Read 1 dataset and 1 row from a: all whole; 1 dataset not offered."
    assert whole.is_complete
    assert "all read whole" in repr(whole)
    lacking = snapshot_of([record("a", 1), beyond, removed], ["a"])
    line = "Read 2 datasets and 1 row from a: not whole: jobs absent; 1 dataset not offered."
    assert outcome_line(lacking.manifest) == line
    assert not lacking.is_complete
    assert "jobs absent" in repr(lacking)
