"""The restore tests of a year, from what one run or several read of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from month_estate import moment, nightly, protected_part, protecting, snapshot_at

from vbr_audit.histories import restores
from vbr_audit.histories.evidence import RunTables
from vbr_audit.histories.restores import restore_tables, restore_tests_of_year
from vbr_audit.tables.build.schema import conform

OCTOBER = {"since": "2026-10-01", "until": "2026-11-01", "now": "2026-11-01T06:00"}


def task(name: str | None, created: str | None, result: str | None = "Success", **more: Any) -> dict[str, Any]:
    at = None if created is None else moment(created).astimezone(dt.UTC)
    return {
        "server": "vbr01", "task_session_id": f"{name} {created}", "type": "Restore", "session_type": "RestoreVm",
        "name": name, "created": at, "result": result, **more,
    }  # fmt: skip


def session(name: str, created: str, result: str | None = "Success", **more: Any) -> dict[str, Any]:
    at = moment(created).astimezone(dt.UTC)
    return {
        "server": "vbr01", "session_id": f"{name} {created}", "name": name, "session_type": "SureBackup",
        "state": "Stopped", "created": at, "result": result, **more,
    }  # fmt: skip


def run_of(
    tasks: list[dict[str, Any]], sessions: list[dict[str, Any]] | None = None, oldest: str = "2025-01-01", **more: Any
) -> RunTables:
    points = {name: [one[1] for one in nightly("2026-09-25", "2026-11-01")] for name in ("srv1", "srv2")}
    period = OCTOBER | more
    tables = protecting(points, now=period["now"]) | {"restore_tasks": tasks, "restore_sessions": sessions or []}
    snapshot = snapshot_at([], oldest=oldest, tables=tables, **period)
    kept = protected_part(snapshot)
    return RunTables(kept.run_id, kept.now, {**kept.tables, **restore_tables(snapshot)})


def row_of(name: str, *runs: RunTables, kind: str = "object", until: dt.datetime | None = None) -> dict[str, Any]:
    frame = restore_tests_of_year(runs, until=until)
    own = frame[(frame["name"] == name) & (frame["kind"] == kind)]
    assert len(own) == 1
    return {column: own[column].iloc[0] for column in own}


def test_tables_have_the_columns_and_dtypes_of_their_specification() -> None:
    run = run_of([task("srv1", "2026-05-01T10:00")])
    frames = {
        restores.SPEC: run.table(restores.SPEC),
        restores.EVIDENCE_SPEC: run.table(restores.EVIDENCE_SPEC),
        restores.YEAR_SPEC: restore_tests_of_year([run]),
    }
    for spec, frame in frames.items():
        assert len(frame)
        assert frame.columns.tolist() == list(spec.names)
        assert frame.dtypes.astype(str).to_dict() == conform({}, spec)[0].dtypes.astype(str).to_dict()
    assert restore_tests_of_year([]).columns.tolist() == list(restores.YEAR_SPEC.names)


def test_each_object_has_its_last_test_and_their_number_in_a_year() -> None:
    tasks = [
        task("SRV1", "2026-05-01T10:00"),
        task("srv1", "2026-08-01T10:00", "Failed"),
        task("srv1", "2025-10-01T10:00"),
        task("srv1", "2026-06-01T10:00", type="Backup"),
    ]
    run = run_of(tasks)
    row = row_of("srv1", run)
    assert (row["tests"], row["good"], row["unknown_days"]) == (2, 1, 0)
    assert (row["last_test"], row["last_good_test"]) == (moment("2026-08-01T10:00"), moment("2026-05-01T10:00"))
    none = row_of("srv2", run)
    assert (none["tests"], none["last_test"] is pd.NaT) == (0, True)


def test_a_job_that_verifies_has_a_row_of_its_own() -> None:
    row = row_of("Verify", run_of([], [session("Verify", "2026-09-01T10:00", "Warning")]), kind="job")
    assert (row["tests"], row["good"]) == (1, 1)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"oldest": "2026-08-01"}, "the server's history of sessions begins later"),
        ({"status": {"restore_tasks": "partial"}}, "restore_tasks: partial (403)"),
        ({"status": {"restore_tasks": "denied"}}, "restore_tasks: denied (403)"),
    ],
)
def test_what_is_not_known_of_the_year_is_no_zero(more: dict[str, Any], reason: str) -> None:
    run = run_of([task("srv1", "2026-09-01T10:00")], **more)
    for row in (row_of(name, run) for name in ("srv1", "srv2")):
        assert row["tests"] is pd.NA
        assert (row["unknown_days"] > 200, row["reason"]) == (True, reason)


def test_runs_of_a_history_fill_the_year_together_and_count_a_test_once() -> None:
    seen, later = task("srv1", "2026-04-01T10:00"), task("srv1", "2026-10-20T10:00")
    spring = run_of([seen], since="2026-04-01", until="2026-05-01", now="2026-08-01")
    autumn = run_of([later, seen], oldest="2026-03-01")
    assert row_of("srv1", autumn)["tests"] is pd.NA
    for runs in ([spring, autumn], [autumn, spring, spring]):
        assert (row_of("srv1", *runs)["tests"], row_of("srv1", *runs)["unknown_days"]) == (2, 0)
    assert row_of("srv1", spring, autumn, until=moment("2026-12-01"))["unknown_days"] == pytest.approx(29.75)


def test_an_odd_test_leaves_only_what_it_may_concern_unknown() -> None:
    good = task("srv1", "2026-09-01T10:00")
    undated = run_of([good, task("srv1", None)])
    assert row_of("srv1", undated)["tests"] is pd.NA
    assert row_of("srv2", undated)["tests"] == 0
    unclear = run_of([good, task("srv1", "2026-09-02T10:00", None)])
    assert (row_of("srv1", unclear)["tests"], row_of("srv1", unclear)["good"]) == (2, pd.NA)
    nameless = run_of([good, task(None, "2026-09-02T10:00")])
    assert row_of("srv2", nameless)["tests"] is pd.NA
    assert row_of("srv1", nameless)["tests_seen"] == 1
