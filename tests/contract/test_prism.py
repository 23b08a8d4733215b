"""The whole slice against the vendor's specification: all is read, nothing crashes, nothing partial passes as whole."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from core_checks import core_policy
from specification_facts import ANSWERS, FILE, answers_written, written

import vbr_audit as va
from vbr_audit.datasets import DATASETS, SPECS

pytestmark = [pytest.mark.prism, pytest.mark.slow]


def test_the_specification_is_collected_audited_and_reported(prism: tuple[str, str], tmp_path: Path) -> None:
    url, revision = prism
    with va.connect(url, username="auditor", password="any", revision=revision, name="prism") as client:
        snapshot = va.collect(client, since="2023-01-01", until="2024-02-01", timezone="UTC", policy=core_policy())
    status = {record.name: (record.status, record.reason) for record in snapshot.manifest.datasets}
    assert {name: state for name, (state, _) in status.items() if state not in ("complete", "partial")} == {}
    assert len(snapshot.jobs) >= 1
    assert len(snapshot.job_states) >= 1
    for frame in snapshot.tables.values():
        assert "object" not in set(frame.dtypes.astype(str))

    sessions = snapshot.manifest.dataset("prism", "sessions")
    assert sessions is not None
    assert sessions.api_total == 307
    assert sessions.status == "partial"
    assert "brought no new row" in (sessions.reason or "")

    audit = va.audit(snapshot, policy=core_policy())
    assert audit.results.incomplete
    over_sessions = audit.findings[audit.findings["check_id"].isin(["RUN-005"])]
    assert not (over_sessions["status"] == "PASS").any()
    folder = audit.save(tmp_path / "run")
    assert va.verify(folder) == []
    assert "INCOMPLETE" in (folder / "report.html").read_text("utf-8").upper()


def test_a_server_that_wants_the_capitalised_word_is_signed_in_to(prism: tuple[str, str]) -> None:
    url, revision = prism
    with va.connect(url, username="auditor", password="any", revision=revision) as client:
        document = client.get("/api/v1/serverTime").document
    assert "serverTime" in document
    assert client.revision == revision


class Counting(httpx.BaseTransport):
    """Where the specification has no example, Prism makes up a page with negative counts; this counts its rows."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        response.read()
        document = response.json() if response.content else None
        made_up = isinstance(document, dict) and document.get("pagination", {}).get("total", 0) < 0
        if not made_up:
            return response
        number = len(document["data"])
        return httpx.Response(200, json={**document, "pagination": {"total": number, "count": number}})

    def close(self) -> None:
        self._inner.close()


_WRONG_SAMPLES = (("1.2-rev1", "license_sockets"),)
"""Answers of which the specification's own sample is none by its schema: one object in place of the array of rows."""

_MISSPELT = "emailSettings.advancedSmtpOptions.authRequred"
"""A key that the sample of 1.2-rev1 spells otherwise than its schema."""


def test_every_dataset_of_the_specification_becomes_tables(prism: tuple[str, str], tmp_path: Path) -> None:
    url, revision = prism
    with va.connect(
        url, username="auditor", password="any", revision=revision, name="prism", transport=Counting()
    ) as client:
        snapshot = va.collect(client, since="2015-01-01", until="2026-01-01", timezone="UTC", datasets=list(DATASETS))
    records = {record.name: record for record in snapshot.manifest.datasets}
    assert list(records) == list(DATASETS)
    offered = {name for name, dataset in DATASETS.items() if dataset.is_offered(revision)}
    offered -= {name for wrong, name in _WRONG_SAMPLES if wrong == revision}
    found = {name: (record.status, record.reason) for name, record in records.items() if name in offered}
    assert {name: told for name, told in found.items() if told[0] not in ("complete", "partial")} == {}
    absent = {name for name, dataset in DATASETS.items() if not dataset.is_offered(revision)}
    assert {name: records[name].status for name in absent} == dict.fromkeys(absent, "absent")
    for name in offered:
        for table in DATASETS[name].tables:
            frame = snapshot.tables[table]
            assert tuple(frame.columns) == SPECS[table].names
            assert "object" not in set(frame.dtypes.astype(str))
    unknown = {name: keys for name in offered if (keys := records[name].notes.get("unknown_fields"))}
    assert unknown == ({"general_options": {_MISSPELT: 1}} if revision == "1.2-rev1" else {})
    folder = snapshot.save(tmp_path / "run")
    again = va.load(folder)
    for table, frame in snapshot.tables.items():
        assert frame.equals(again.tables[table]), table
    assert va.verify(folder) == []


def test_the_facts_that_other_tests_stand_on_are_those_of_the_specifications(shared: Path) -> None:
    assert written(shared) == FILE.read_text("utf-8"), "stale: python tests/support/specification_facts.py FOLDER"
    assert answers_written(shared) == ANSWERS.read_text("utf-8")
