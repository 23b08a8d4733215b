"""From a snapshot to results: columns, order, numbers, verdict, what is missing."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from core_checks import CORE_TEXT, core_policy

from vbr_audit.checks import load_policy
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.findings import FINDING_COLUMNS, Results, evaluate, failing_at
from vbr_audit.findings.evaluation import COVERAGE_COLUMNS
from vbr_audit.findings.summary import assessed, compliance
from vbr_audit.findings.table import finding_ids, in_order
from vbr_audit.tables.build.arrays import STRING

Estate = Callable[..., Any]
BAD = {"encryption_enabled": False, "gfs_level_enabled": False, "retry_enabled": False}
STRANGE = {
    "type": "ProxmoxBackup",
    "settings_profile": None,
    "is_scheduled": None,
    "retry_enabled": None,
    "retry_count": None,
    "retention_type": None,
    "retention_quantity": None,
    "gfs_enabled": None,
    "gfs_level_enabled": None,
    "encryption_enabled": None,
    "health_check_enabled": None,
    "health_check_scheduled": None,
    "app_aware_enabled": None,
}


def rows(results: Results, **chosen: str) -> pd.DataFrame:
    frame = results.findings
    for column, value in chosen.items():
        frame = frame[(frame[column] == value).to_numpy(dtype=bool, na_value=False)]
    return frame


def test_columns_are_the_contract_and_all_text(estate: Estate) -> None:
    results = evaluate(estate(), core_policy())
    assert tuple(results.findings.columns) == FINDING_COLUMNS
    assert FINDING_COLUMNS == (
        "finding_id", "server", "check_id", "title", "area", "severity", "object_type", "object_id", "object_name",
        "status", "result", "observed", "expected", "json_path", "reason", "remediation", "waiver_id", "waiver_owner",
        "waiver_expires", "cause", "cause_kind", "cause_key", "cause_name",
        "rule", "first_seen", "change", "job_name", "repository_name", "evidence_file", "evidence_entry",
        "evidence_row", "evidence_sha256",
    )  # fmt: skip
    assert set(results.findings.drop(columns="evidence_row").dtypes) == {STRING}
    assert results.findings["evidence_row"].dtype == pd.Int64Dtype()
    assert tuple(results.coverage.columns) == COVERAGE_COLUMNS
    assert COVERAGE_COLUMNS == (
        "server", "check_id", "title", "area", "severity", "population", "pass", "fail", "waived", "unknown", "error",
        "not_applicable", "whole", "reason", "worst_severity", "meaning",
    )  # fmt: skip
    assert [str(results.coverage[name].dtype) for name in ("population", "pass", "whole")] == [
        "Int64",
        "Int64",
        "boolean",
    ]


def test_columns_and_dtypes_stay_when_there_is_nothing(estate: Estate) -> None:
    text = "version: 1\nchecks:\n  '*': {enabled: false, reason: nothing wanted}\n"
    results = evaluate(estate(), load_policy(text))
    assert results.findings.empty
    assert set(results.findings.drop(columns="evidence_row").dtypes) == {STRING}
    assert tuple(results.coverage.columns) == COVERAGE_COLUMNS
    assert results.summary.compliance is None
    assert results.summary.assessed is None
    assert results.summary.verdict.level == "incomplete"
    assert results.summary.verdict.headline == "There was nothing to judge."
    assert results.summary.by_area == ()
    assert "JOB-001 is disabled by the policy: nothing wanted" in results.limits


def test_rows_are_worst_first_and_do_not_depend_on_the_order_read(estate: Estate) -> None:
    jobs = {"b": BAD, "a": BAD, "x": STRANGE, "c": {}}
    first = evaluate(estate(jobs), core_policy()).findings
    assert first["status"].drop_duplicates().tolist() == ["FAIL", "UNKNOWN", "PASS", "NOT_APPLICABLE"]
    failing = first[(first["status"] == "FAIL").to_numpy(dtype=bool)]
    assert failing[["severity", "check_id", "object_name"]].to_numpy().tolist() == [
        ["medium", "JOB-004", "a"],
        ["medium", "JOB-004", "b"],
        ["medium", "JOB-008", "a"],
        ["medium", "JOB-008", "b"],
        ["low", "JOB-003", "a"],
        ["low", "JOB-003", "b"],
    ]
    shuffled = list(jobs.items())
    random.Random(3).shuffle(shuffled)
    pd.testing.assert_frame_equal(first, evaluate(estate(dict(shuffled)), core_policy()).findings)


def test_finding_ids_are_stable_and_differ(estate: Estate) -> None:
    findings = evaluate(estate(), core_policy()).findings
    assert findings["finding_id"].is_unique
    assert findings["finding_id"].str.fullmatch("[0-9a-f]{16}").all()
    renamed = evaluate(estate({"Payroll DB": {"name": "Wages DB"}, "Files HQ": {}}), core_policy()).findings
    assert set(renamed["finding_id"]) == set(findings["finding_id"]), "a new name is the same object"


def test_objects_without_an_id_still_have_their_own_finding() -> None:
    frame = pd.DataFrame(
        {
            "server": ["s"] * 4,
            "check_id": ["C"] * 4,
            "object_id": [None, None, None, "1"],
            "object_name": ["a", "a", None, "a"],
        },
        dtype=STRING,
    )
    assert len(set(finding_ids(frame))) == 4


def test_missing_names_sort_last() -> None:
    frame = pd.DataFrame(
        {
            "status": ["PASS"] * 3,
            "severity": ["low"] * 3,
            "area": ["Other"] * 3,
            "check_id": ["C"] * 3,
            "server": ["s"] * 3,
            "object_name": [None, "b", "a"],
            "object_id": ["1", "2", "3"],
        },
        dtype=STRING,
    )
    assert in_order(frame)["object_id"].tolist() == ["3", "2", "1"]


def test_of_equal_severity_a_gap_comes_first_then_a_run_then_a_setting() -> None:
    areas = ["Job settings", "Other", "Job runs", "Evidence"]
    same = {name: ["x"] * 4 for name in ("check_id", "server", "object_name", "object_id")}
    frame = pd.DataFrame({"status": ["FAIL"] * 4, "severity": ["high"] * 4, "area": areas} | same, dtype=STRING)
    assert in_order(frame)["area"].tolist() == ["Evidence", "Job runs", "Job settings", "Other"]


def test_coverage_counts_every_finding_once(estate: Estate) -> None:
    results = evaluate(estate({"a": BAD, "x": STRANGE}), core_policy())
    names = ["pass", "fail", "waived", "unknown", "error", "not_applicable"]
    assert results.coverage[names].to_numpy().sum() == len(results.findings)
    job008 = results.coverage.set_index("check_id").loc["JOB-008"]
    assert job008[["population", *names]].tolist() == [2, 0, 1, 0, 1, 0, 0]
    for status, name in zip(("PASS", "FAIL", "WAIVED", "UNKNOWN", "ERROR", "NOT_APPLICABLE"), names, strict=True):
        assert results.coverage[name].sum() == results.summary.counts[status]
    assert sum(sum(area.counts.values()) for area in results.summary.by_area) == len(results.findings)


def test_compliance_keeps_unknown_in_the_denominator() -> None:
    counts = {"PASS": 6, "FAIL": 1, "WAIVED": 1, "UNKNOWN": 1, "ERROR": 1, "NOT_APPLICABLE": 90}
    assert compliance(counts) == 0.6
    assert assessed(counts) == 0.8
    nothing = dict.fromkeys(counts, 0) | {"NOT_APPLICABLE": 5}
    assert compliance(nothing) is None
    assert assessed(nothing) is None


def test_a_policy_that_asks_for_one_dataset_or_none(estate: Estate) -> None:
    none = "version: 1\nchecks:\n  '*': {enabled: false, reason: x}\n  EVD-001: {enabled: true}\n"
    one = none + "  EVD-003: {enabled: true}\n"
    details = [evaluate(estate(), load_policy(text)).summary.verdict.detail for text in (one, none)]
    assert details == [
        "The one dataset that the checks need was read whole.",
        "The enabled checks need nothing that a server could withhold.",
    ]


def test_what_a_revision_does_not_offer_is_counted_beside_what_was_read_whole(estate: Estate) -> None:
    rules = CORE_TEXT + "  MAL-001: {enabled: true}\n"
    snapshot = estate()
    snapshot.manifest.servers[0].revision_newest = "1.1-rev0"
    detail = evaluate(snapshot, load_policy(rules)).summary.verdict.detail
    assert detail == (
        "All 6 datasets that the checks need and the server offers were read whole (2 jobs, 2 job states, 2 sessions, "
        "0 restore points); 1 more is not offered by its revision."
    )
    only = "version: 1\nchecks:\n  '*': {enabled: false, reason: x}\n  MAL-001: {enabled: true}\n"
    assert evaluate(snapshot, load_policy(only)).summary.verdict.detail == (
        "Of what the checks need nothing could be read; 1 is not offered by its revision."
    )
    snapshot = estate(status={"sessions": "denied"})
    snapshot.manifest.servers[0].revision_newest = "1.1-rev0"
    assert evaluate(snapshot, load_policy(rules)).summary.verdict.detail == (
        "The run is incomplete: 1 of 6 needed datasets not read whole (2 jobs, 2 job states, 2 sessions, "
        "0 restore points); 1 more is not offered by its revision."
    )


def test_dataset_that_was_never_asked_for_is_named(estate: Estate) -> None:
    snapshot = estate()
    snapshot.manifest.datasets[:] = [one for one in snapshot.manifest.datasets if one.name != "sessions"]
    assert evaluate(snapshot, core_policy()).incomplete == ("sessions of vbr01 was not collected.",)
    snapshot.manifest.datasets.clear()
    snapshot.manifest.servers.clear()
    empty = Snapshot.from_tables(
        {}, now=snapshot.now, since=snapshot.since, until=snapshot.until, manifest=snapshot.manifest
    )
    assert evaluate(empty, core_policy()).incomplete == ("No server was read.",)


def test_failed_is_a_view_of_the_findings(estate: Estate) -> None:
    assert evaluate(estate({"a": BAD}), core_policy()).failed["check_id"].tolist() == ["JOB-004", "JOB-008", "JOB-003"]


def test_good_estate(estate: Estate) -> None:
    results = evaluate(estate(), core_policy())
    summary = results.summary
    assert summary.verdict.level == "pass"
    assert summary.verdict.headline == "All 36 findings are good."
    assert summary.verdict.detail == (
        "All 6 datasets that the checks need were read whole (2 jobs, 2 job states, 2 sessions, 0 restore points)."
    )
    assert results.incomplete == ()
    assert (summary.jobs_in_scope, summary.jobs_disabled) == (2, 0)
    assert summary.sessions_by_result == {"Success": 2, "Warning": 0, "Failed": 0, "None": 0, "not known": 0}
    assert summary.success_rate == 1.0
    assert (summary.datasets_complete, summary.datasets_total) == (8, 8)


def test_failing_estate(estate: Estate) -> None:
    summary = evaluate(estate({"a": BAD, "x": STRANGE, "d": {"is_disabled": True}}), core_policy()).summary
    assert summary.verdict.level == "fail"
    assert summary.verdict.headline == (
        "3 medium findings need attention, and 1 of lower severity; 7 questions could not be answered."
    )
    assert summary.failing_by_severity == {"critical": 0, "high": 0, "medium": 3, "low": 1, "info": 0}
    assert summary.jobs_disabled == 1


@pytest.mark.parametrize("status", ["denied", "partial", "absent", "failed"])
def test_needed_dataset_not_whole_makes_the_run_incomplete(estate: Estate, status: str) -> None:
    results = evaluate(estate(status={"sessions": status}), core_policy())
    assert results.incomplete == (f"sessions of vbr01: {status} (403).",)
    assert results.summary.success_rate is None
    assert results.summary.verdict.detail.startswith(
        "The run is incomplete: 1 of 6 needed datasets not read whole (2 jobs"
    )
    assert rows(results, check_id="EVD-001", status="FAIL")["object_id"].tolist() == ["sessions"]


def test_dataset_that_no_check_needs_is_a_limit(estate: Estate) -> None:
    results = evaluate(estate(status={"server_info": "denied"}), core_policy())
    assert results.incomplete == ()
    assert results.limits[0] == "server_info of vbr01: denied (403)."
    assert any("Tape" in text for text in results.limits)
    found = rows(results, check_id="EVD-001", object_id="server_info")
    assert found[["status", "reason"]].to_numpy().tolist() == [["NOT_APPLICABLE", "no enabled check needs it"]]
    assert results.summary.verdict.level == "pass"


def test_dataset_of_disabled_checks_is_not_needed(estate: Estate) -> None:
    text = CORE_TEXT + "".join(f"  RUN-00{one}: {{enabled: false, reason: judged elsewhere}}\n" for one in (1, 3, 4, 5))
    text = text.replace("".join(f"  RUN-00{one}: {{enabled: true}}\n" for one in (1, 3, 4, 5)), "")
    results = evaluate(estate(status={"sessions": "denied"}), load_policy(text))
    assert results.incomplete == ()
    assert rows(results, check_id="EVD-001", object_id="sessions")["status"].tolist() == ["NOT_APPLICABLE"]
    assert "RUN-005 is disabled by the policy: judged elsewhere" in results.limits


def test_no_jobs_shown(estate: Estate) -> None:
    results = evaluate(estate({}, status={"jobs": "denied"}), core_policy())
    assert results.summary.jobs_disabled is None
    job001 = results.coverage.set_index("check_id").loc["JOB-001"]
    assert job001["population"] is pd.NA
    assert job001["unknown"] == 1


def test_interrupted_and_narrowed_runs_say_so(estate: Estate) -> None:
    results = evaluate(estate(interrupted=True, jobs_pattern="Pay*"), core_policy())
    assert results.incomplete == ("The collection was interrupted.",)
    assert results.summary.verdict.level == "incomplete"
    assert results.summary.verdict.headline == "Nothing fails in what was read."
    assert results.summary.verdict.detail == "The run is incomplete: The collection was interrupted."
    assert "Only jobs whose name fits Pay* are in scope." in results.limits


def test_an_override_that_fits_nothing_is_told_once(estate: Estate) -> None:
    text = CORE_TEXT + (
        "overrides:\n"
        "  - {match: {object_name: Lab*}, checks: {JOB-00*: {severity: low}}}\n"
        "  - {match: {object_name: a}, checks: {JOB-008: {severity: low}}}\n"
        "  - {match: {object_name: a}, checks: {SEC-001: {severity: low}}}\n"
        "  - {match: {object_name: a, object_type: server}, checks: {JOB-008: {severity: low}}}\n"
    )
    found = [text for text in evaluate(estate({"a": {}}), load_policy(text)).limits if text.startswith("The override")]
    first = text[: text.index("overrides:")].count("\n") + 2
    assert sorted(found) == [
        f"The override for {match} (policy.yaml:{first + place}) fits no object that its checks judged, "
        "so it changes nothing."
        for place, match in ((0, "object_name Lab*"), (2, "object_name a"), (3, "object_type server, object_name a"))
    ]


def test_failing_at(estate: Estate) -> None:
    findings = evaluate(estate({"a": BAD}, status={"server_info": "denied"}), core_policy()).findings
    assert [len(failing_at(findings, word)) for word in ("critical", "high", "medium", "low", "info", "never")] == [
        0, 0, 2, 3, 3, 0,
    ]  # fmt: skip
    assert len(failing_at(findings, "low", without=("JOB-003",))) == 2


def test_results_do_not_change_the_snapshot(estate: Estate) -> None:
    snapshot = estate({"a": BAD})
    before = {name: frame.copy(deep=True) for name, frame in snapshot.tables.items()}
    evaluate(snapshot, core_policy())
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, snapshot.tables[name])
    assert not np.shares_memory(before["jobs"]["retry_count"].array._data, snapshot.jobs["retry_count"].array._data)


def test_a_dataset_that_no_revision_of_the_server_offers_is_not_missed(estate: Estate) -> None:
    snapshot = estate(status={"sessions": "absent"})
    users = snapshot.manifest.dataset("vbr01", "sessions").model_copy(update={"name": "users"})
    manifest = snapshot.manifest.model_copy(update={"datasets": [*snapshot.manifest.datasets, users]})
    for newest, status in (("1.2-rev1", "NOT_APPLICABLE"), ("1.3-rev1", "FAIL")):
        server = manifest.servers[0].model_copy(update={"revision": "1.2-rev1", "revision_newest": newest})
        own = manifest.model_copy(update={"servers": [server]})
        again = Snapshot.from_tables(
            {name: frame for name, frame in snapshot.tables.items() if name not in ("servers", "datasets")},
            now=snapshot.now, since=snapshot.since, until=snapshot.until, manifest=own,
        )  # fmt: skip
        results = evaluate(again, load_policy())
        found = rows(results, check_id="EVD-001", object_id="users")
        assert found["status"].tolist() == [status]
        assert rows(results, check_id="EVD-001", object_id="sessions")["status"].tolist() == ["FAIL"]
