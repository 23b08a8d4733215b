"""Restores and verifications are read for a year, kind by kind, independent of the period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr
from specification_facts import schemas_of

from vbr_audit.api.client import Client
from vbr_audit.checks.catalogue.restore_tests.restore_tests import TESTS
from vbr_audit.collection.collector import CollectionRequest, read_snapshot
from vbr_audit.collection.manifest import DatasetRecord
from vbr_audit.collection.period import PeriodRequest
from vbr_audit.datasets import DATASETS
from vbr_audit.revisions import KNOWN
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, create_app

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
WANTED = ("sessions", "restore_sessions", "restore_tasks")


@pytest.mark.parametrize("revision", KNOWN)
def test_all_of_them_come_whatever_the_period(collect: Callable[..., Any], revision: str) -> None:
    period = {"since": "2026-10-20", "until": "2026-10-22"}
    snapshot, simulator = collect(revision=revision, datasets=WANTED, now=NOW, **period)
    truth = [row for row in simulator.truth(revision).sessions if row["sessionType"] in TESTS]
    found = snapshot.tables["restore_sessions"]
    assert set(found["session_id"]) == {row["id"] for row in truth}
    assert found["created"].min() < snapshot.since
    assert found["created"].max() > snapshot.until
    assert len(snapshot.sessions) == 0 or snapshot.sessions["created"].min() >= snapshot.since
    record = snapshot.manifest.dataset("vbr01", "restore_sessions")
    assert (record.status, record.api_total, record.rows_kept) == ("complete", len(truth), len(truth))
    assert record.query["typeFilter"].split(",") == list(DATASETS["restore_sessions"].kinds_at(revision))
    if snapshot.manifest.dataset("vbr01", "restore_tasks").status == "complete":
        tasks = snapshot.tables["restore_tasks"]
        assert set(tasks["type"]) == {"Restore"}
        assert set(tasks["session_id"]) <= set(found["session_id"])


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev1"])
def test_the_kinds_asked_for_are_those_that_the_revision_has(revision: str) -> None:
    words = schemas_of(revision)["ESessionType"]["enum"]
    assert set(DATASETS["restore_sessions"].kinds_at(revision)) == set(TESTS) & set(words)


def test_older_revisions_are_asked_for_the_kinds_of_the_first_list() -> None:
    dataset = DATASETS["restore_sessions"]
    assert dataset.kinds_at("1.1-rev0") == dataset.kinds_at("1.2-rev1")
    assert set(dataset.kinds_at("1.3-rev2")) == set(TESTS)


def read_refusing(revision: str, refused: tuple[str, ...]) -> DatasetRecord:
    """The record of the restores of a server that answers 400 to some kinds."""
    app = create_app(jobs=4, sessions=80, now=NOW, revision=revision)

    def picky(environ: Any, start_response: Any) -> Any:
        kind = parse_qs(environ["QUERY_STRING"]).get("typeFilter", [""])[0]
        if kind in refused:
            start_response("400 Bad Request", [("Content-Type", "application/json")])
            return [b'{"errorCode": "UnknownError", "message": "not a kind", "resourceId": null}']
        return app(environ, start_response)

    with Client(
        "http://127.0.0.1",
        name="vbr01",
        username=DEMO_USERNAME,
        password=SecretStr(DEMO_PASSWORD),
        transport=httpx.WSGITransport(app=picky),
    ) as client:
        request = CollectionRequest(period=PeriodRequest.of(), datasets=("restore_sessions",))
        snapshot = read_snapshot(client, request, tool_version="test")
        record = snapshot.manifest.dataset("vbr01", "restore_sessions")
        snapshot.close()
    assert record is not None
    return record


def test_a_word_that_an_old_revision_does_not_have_is_no_gap() -> None:
    record = read_refusing("1.1-rev0", ("SureBackup", "NasRestore"))
    assert (record.status, record.reason, record.notes["kinds_refused"]) == ("complete", None, 2)
    assert record.rows_kept > 0


def test_a_kind_that_the_revision_has_and_that_was_not_answered_is_a_gap() -> None:
    record = read_refusing("1.3-rev1", ("SureBackup",))
    assert record.status == "partial"
    assert (record.reason or "").startswith("of 1 of 16 kinds nothing could be read")
    assert record.api_total is None


@pytest.mark.parametrize("revision", ["1.1-rev0", "1.3-rev1"])
def test_no_kind_at_all_is_a_failure(revision: str) -> None:
    record = read_refusing(revision, TESTS)
    assert record.status in ("failed", "absent")
    assert record.rows_kept == 0
