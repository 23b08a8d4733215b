"""A filter by kind that matches nothing, or everything, is not believed: what was restored is known all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_server import SmallServer, audited

import vbr_audit as va
from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import data_notes

OCTOBER = {"month": "2026-10", "timezone": "Europe/Berlin"}


class Filtering(SmallServer):
    """A server whose filter by kind lets through what `heeds` says of the filter and a kind."""

    def __init__(self, heeds: str) -> None:
        super().__init__("1.3-rev1")
        self.heeds = heeds
        nightly = self.add_job("Nightly")
        self.add_state(nightly, "2026-10-31T22:00:00+01:00")
        for day in ("10", "11", "12"):
            self.add_session(nightly, f"2026-10-{day}T22:00:00+02:00")
        for number, (kind, day) in enumerate((("RestoreVm", "2026-10-13"), ("FileLevelRestore", "2026-03-01"))):
            row = self.add_session(nightly, f"{day}T12:00:00+01:00", sessionType=kind, jobId=None, id=f"r{number}")
            self.add_task(row, "srv1", type="Restore", id=f"t{number}")

    def _selected(self, path: str, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        kinds = query.get("typeFilter")
        if not kinds or self.heeds == "well":
            return super()._selected(path, query)
        everything = super()._selected(path, {name: value for name, value in query.items() if name != "typeFilter"})
        deaf_to = {"none": kinds, "no RestoreVm": ["RestoreVm"], "all": []}[self.heeds]
        if self.heeds == "all":
            return everything
        return [] if set(kinds) & set(deaf_to) else super()._selected(path, query)


def told(heeds: str) -> Audit:
    return audited(Filtering(heeds), **OCTOBER, only="TST")  # type: ignore[arg-type]


@pytest.mark.parametrize("heeds", ["well", "none", "no RestoreVm", "all"])
def test_the_restores_of_the_year_come_whatever_the_filter_does(heeds: str, tmp_path: Path) -> None:
    audit = told(heeds)
    snapshot = audit.snapshot
    restores, tasks = snapshot.tables["restore_sessions"], snapshot.tables["restore_tasks"]
    assert sorted(restores["session_id"]) == ["r0", "r1"]
    assert sorted(tasks["task_session_id"]) == ["t0", "t1"]
    records = {record.name: record for record in snapshot.manifest.datasets}
    assert records["restore_sessions"].status == records["restore_tasks"].status == "complete"
    record = records["restore_sessions"]
    assert record.rows_kept == record.rows_received - record.rows_duplicate == 2
    assert ("type_filter_unheard" in records["restore_sessions"].notes) == (heeds in ("none", "no RestoreVm"))
    assert ("rows_of_other_kinds" in records["restore_sessions"].notes) == (heeds != "well")
    findings = audit.findings.set_index("check_id")["status"]
    assert findings["TST-001"] == findings["TST-003"] == "PASS"
    if heeds == "none":
        assert any("did not heed its filter" in line for line in data_notes(snapshot.manifest.datasets))
        again = va.load(audit.save(tmp_path / "run", formats=["json"]))
        assert again.tables["restore_sessions"].equals(restores)


def test_a_deaf_filter_is_noticed_also_where_the_period_holds_no_restore() -> None:
    vbr = Filtering("none")
    vbr.rows("sessions")[:] = [row for row in vbr.rows("sessions") if row["id"] != "r0"]
    snapshot = audited(vbr, **OCTOBER, only="TST").snapshot  # type: ignore[arg-type]
    assert snapshot.tables["restore_sessions"]["session_id"].tolist() == ["r1"]


def test_what_cannot_be_read_without_the_filter_either_is_no_whole_dataset() -> None:
    vbr = Filtering("none")
    rows = vbr._answer

    def failing(path: str, query: dict[str, list[str]], revision: str) -> tuple[int, Any]:
        asks_a_year = query.get("createdAfterFilter", [""])[0].startswith("2025-") and "typeFilter" not in query
        return (400, {"errorCode": "E", "message": "too much"}) if asks_a_year else rows(path, query, revision)

    vbr._answer = failing  # type: ignore[method-assign]
    audit = audited(vbr, **OCTOBER, only="TST")  # type: ignore[arg-type]
    record = audit.snapshot.manifest.dataset("vbr01", "restore_sessions")
    assert record is not None
    assert record.status == "partial"
    assert "does not heed its filter by kind" in (record.reason or "")
    statuses = audit.findings.groupby("check_id")["status"].agg(set)
    assert "PASS" not in statuses["TST-002"]


def test_a_quiet_server_whose_filter_works_is_not_read_twice() -> None:
    vbr = Filtering("well")
    vbr.rows("sessions")[:] = [row for row in vbr.rows("sessions") if not str(row["id"]).startswith("r")]
    vbr.rows("taskSessions").clear()
    record = audited(vbr, **OCTOBER, only="TST").snapshot.manifest.dataset("vbr01", "restore_sessions")  # type: ignore[arg-type]
    assert record is not None
    assert (record.status, record.rows_received, record.notes) == ("complete", 0, {})
