"""The whole slice against the vendor's specification: all is read, nothing crashes, nothing partial passes as whole."""

from __future__ import annotations

from pathlib import Path

import pytest

import vbr_audit as va

pytestmark = [pytest.mark.prism, pytest.mark.slow, pytest.mark.xdist_group("prism")]


def test_the_specification_is_collected_audited_and_reported(prism: tuple[str, str], tmp_path: Path) -> None:
    url, revision = prism
    with va.connect(url, username="auditor", password="any", revision=revision, name="prism") as client:
        snapshot = va.collect(client, since="2023-01-01", until="2024-02-01", timezone="UTC")
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

    audit = va.audit(snapshot)
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
