"""The checks of drift, from a snapshot to findings."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from small_server import SmallServer, audited

from vbr_audit.checks.drift.compare import SettingsOfRun
from vbr_audit.checks.drift.events import ChangeEvent, ChangeEvents
from vbr_audit.checks.drift.register import load_register
from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.findings.evaluation import evaluate
from vbr_audit.histories.drift.settings import settings_of_run

POLICY = load_policy("version: 1\nchecks:\n  '*': {enabled: false, reason: another test}\n  DRF-*: {enabled: true}\n")
HEAD = "object,control,from,to,approved_by\n"


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    vbr = SmallServer("1.3-rev1", now="2026-11-01T06:00:00+01:00")
    vbr.add_job("Nightly")
    vbr.add_job("Weekly")
    return audited(vbr, month="2026-10", timezone="Europe/Berlin").snapshot


def _before(snapshot: Snapshot, changes: dict[str, str | None], *, days: float = 5) -> SettingsOfRun:
    """An earlier run, in which single settings of a job had other values."""
    run = settings_of_run(snapshot)
    settings = run.settings.copy()
    for control, value in changes.items():
        rows = settings["control"].eq(control) & settings["object_name"].eq("Nightly")
        settings["value"] = settings["value"].mask(rows, value if value is not None else pd.NA)
    return SettingsOfRun(run.now - dt.timedelta(days=days), settings, run.read)


def _found(snapshot: Snapshot, earlier: Earlier | None) -> dict[str, dict[str, Any]]:
    findings = evaluate(snapshot, POLICY, earlier=earlier, frameworks=[]).findings
    by_check: dict[str, dict[str, Any]] = {}
    for row in findings.to_dict("records"):
        by_check.setdefault(row["check_id"], {})[row["object_name"]] = row
    return by_check


def _status(found: dict[str, dict[str, Any]], check: str) -> dict[str, str]:
    return {name: row["status"] for name, row in found.get(check, {}).items()}


def test_without_an_earlier_run_nothing_applies(snapshot: Snapshot) -> None:
    run = settings_of_run(snapshot)
    later = SettingsOfRun(run.now + dt.timedelta(days=1), run.settings, run.read)
    others = {name: run.read[name].mask(run.read[name].notna(), "other") for name in ("server_id", "server")}
    stranger = SettingsOfRun(run.now, run.settings, run.read.assign(**others))
    for earlier, why in (
        (None, "no earlier run"),
        (Earlier(), "no earlier run"),
        (Earlier(later), "the run to compare with is a later one"),
        (Earlier(stranger), "the earlier run has no such server"),
    ):
        found = _found(snapshot, earlier)
        assert set(found) == {"DRF-001", "DRF-002", "DRF-003", "DRF-004"}
        rows = [row for each in found.values() for row in each.values()]
        assert {(row["status"], row["reason"]) for row in rows} == {("NOT_APPLICABLE", why)}


def test_without_a_register_nothing_is_approved(snapshot: Snapshot) -> None:
    found = _found(snapshot, Earlier(_before(snapshot, {})))
    for check in ("DRF-003", "DRF-004"):
        assert [row["reason"] for row in found[check].values()] == ["no change register"]
    assert set(_status(found, "DRF-002").values()) <= {"PASS", "UNKNOWN"}


def test_a_weaker_job_fails(snapshot: Snapshot) -> None:
    found = _found(snapshot, Earlier(_before(snapshot, {"retention_quantity": "700"})))
    nightly = found["DRF-001"]["Nightly"]
    assert nightly["status"] == "FAIL"
    assert nightly["observed"].startswith("retention_quantity: 700 → ")
    assert "retentionPolicy.quantity" in nightly["json_path"]
    assert _status(found, "DRF-001")["Weekly"] == "PASS"


def test_several_weaker_settings_within_a_week_are_critical(snapshot: Snapshot) -> None:
    weaker: dict[str, str | None] = {"retention_quantity": "700", "gfs_weekly_count": "99", "retry_count": "99"}
    (row,) = _found(snapshot, Earlier(_before(snapshot, weaker)))["DRF-002"].values()
    assert (row["status"], row["severity"]) == ("FAIL", "critical")
    (row,) = _found(snapshot, Earlier(_before(snapshot, weaker, days=30)))["DRF-002"].values()
    assert row["status"] == "UNKNOWN"
    times = [snapshot.now - dt.timedelta(days=3, hours=hour) for hour in range(2)]
    job = settings_of_run(snapshot).settings.query("object_name == 'Nightly'")["object_id"].iloc[0]
    events = ChangeEvents(tuple(ChangeEvent(23050, at, object_id=job, user="x") for at in times))
    (row,) = _found(snapshot, Earlier(_before(snapshot, weaker, days=30), events))["DRF-002"].values()
    assert row["status"] == "FAIL"


def test_what_is_not_known_is_no_pass(snapshot: Snapshot) -> None:
    found = _found(snapshot, Earlier(_before(snapshot, {"retry_enabled": None})))
    assert found["DRF-001"]["Nightly"]["status"] == "UNKNOWN"
    assert "retry_enabled: the value is not known in the earlier run" in found["DRF-001"]["Nightly"]["reason"]
    assert _status(found, "DRF-001")["Weekly"] == "PASS"


def test_what_was_not_read_is_named(snapshot: Snapshot) -> None:
    run = _before(snapshot, {})
    denied = run.read["object_type"].eq("users")
    cells = {"status": "denied", "reason": "403"}
    read = run.read.assign(**{name: run.read[name].mask(denied, cell) for name, cell in cells.items()})
    found = _found(snapshot, Earlier(SettingsOfRun(run.now, run.settings, read)))
    assert found["DRF-001"]["users"]["status"] == "UNKNOWN"
    assert "earlier run: denied (403)" in found["DRF-001"]["users"]["reason"]


def test_changes_are_held_against_the_register(snapshot: Snapshot) -> None:
    now = settings_of_run(snapshot).settings
    quantity = now.query("object_name == 'Nightly' and control == 'retention_quantity'")["value"].iloc[0]
    register = load_register(
        HEAD
        + f"Nightly,retention_quantity,700,{quantity},boss\n"
        + f"Nightly,retry_count,1,{10**6},boss\n"
        + "Nobody,retry_count,1,2,boss\n"
    )
    changes: dict[str, str | None] = {"retention_quantity": "700", "is_disabled": "true"}
    found = _found(snapshot, Earlier(_before(snapshot, changes), register=register))
    findings = evaluate(snapshot, POLICY, earlier=Earlier(_before(snapshot, changes), register=register)).findings
    approved = findings[findings["check_id"] == "DRF-003"].set_index("object_id")["status"].to_dict()
    assert sorted(approved.values()) == ["FAIL", "PASS"]
    made = findings[findings["check_id"] == "DRF-004"]
    assert sorted(made["status"]) == ["FAIL", "PASS", "UNKNOWN"]
    assert made.loc[made["status"] == "UNKNOWN", "object_name"].tolist() == ["Nobody"]
    assert found["DRF-001"]["Nightly"]["status"] == "FAIL"
