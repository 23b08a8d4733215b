"""Behaviour of the checks that hand on the analyzer and malware detection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pytest

from vbr_audit.checks import REGISTRY
from vbr_audit.checks.catalogue.analyzer.analyzer import best_practice_followed, suppression_explained
from vbr_audit.checks.catalogue.malware.events import malware_event_closed
from vbr_audit.checks.engine.assessment import Assessment
from vbr_audit.checks.engine.examples import run_example
from vbr_audit.checks.engine.outcome import EXAMPLE_SINCE, EXAMPLE_UNTIL, Example, hours_ago
from vbr_audit.datasets import SPECS
from vbr_audit.tables.build.naming import told_cells
from vbr_audit.tables.build.schema import conform


def table(name: str, /, **columns: Sequence[Any]) -> pd.DataFrame:
    return conform(dict(columns), SPECS[name])[0]


def ask(check_id: str, others: Mapping[str, Sequence[Mapping[str, Any]]], **more: Any) -> Assessment:
    return run_example(REGISTRY.get(check_id), Example("PASS", {}, others, **more))


@pytest.mark.parametrize(
    ("item", "severity"),
    [
        ("MFA for the backup console should be enabled", "critical"),
        ("Multi factor authentication", "critical"),
        ("The configuration backup is enabled and encrypted", "critical"),
        ("The configuration backup is not stored on the backup server", "high"),
        ("SSH is disabled on hardened repositories", "high"),
        ("SMB 1.0 is disabled", "high"),
        ("SMBv1 is disabled", "high"),
        ("Web Proxy Auto-Discovery is disabled", "low"),
        ("SMBv3 signing is required", "medium"),
        ("Quantum entanglement is stable", "medium"),
        (None, "medium"),
    ],
)
def test_items_weigh_by_their_words(item: str | None, severity: str) -> None:
    outcome = best_practice_followed(table("best_practices", best_practice=[item], status=["Violation"], note=[None]))

    assert isinstance(outcome.severity, pd.Series)
    assert outcome.severity.tolist() == [severity]


def test_suppressed_items_are_accepted_with_their_note() -> None:
    items = table(
        "best_practices",
        best_practice=["a", "b", "c", "d"],
        status=["Suppressed", "Suppressed", "Suppressed", "Violation"],
        note=["CHG-7", " ", None, "CHG-8"],
    )
    outcome = best_practice_followed(items)

    assert outcome.ok.tolist() == [False] * 4
    assert isinstance(outcome.accepted, pd.Series)
    assert told_cells(outcome.accepted.fillna("-").to_numpy(dtype=object)).tolist() == [
        "suppressed in Veeam Backup & Replication: CHG-7",
        "suppressed in Veeam Backup & Replication, without a note",
        "suppressed in Veeam Backup & Replication; without a note",
        "-",
    ]


def test_statuses_that_say_nothing_are_unknown_and_named() -> None:
    statuses = ["UnableToCheck", "Analyzing", "None", "Postponed", None]
    outcome = best_practice_followed(table("best_practices", status=statuses))

    assert outcome.ok.isna().all()
    assert isinstance(outcome.reason, pd.Series)
    for status, reason in zip(statuses, outcome.reason, strict=True):
        assert (status or "missing") in reason


def test_only_suppressed_items_need_a_note() -> None:
    items = table("best_practices", status=["OK", "Suppressed", "Suppressed", "New"], note=["", "", "why", "x"])
    outcome = suppression_explained(items)

    assert outcome.applies is not None
    assert outcome.applies.tolist() == [False, True, True, pd.NA]
    assert outcome.ok.tolist()[1:3] == [False, True]


def test_events_of_malware_weigh_by_what_was_seen() -> None:
    events = table(
        "malware_events",
        state=["Created", "Created", "Created", "Created", "FalsePositive", "Created"],
        severity=["Infected", "Suspicious", "Informative", "Clean", "Infected", "Odd"],
    )
    outcome = malware_event_closed(events)

    assert outcome.ok.tolist() == [False, False, False, pd.NA, True, pd.NA]
    assert isinstance(outcome.severity, pd.Series)
    assert outcome.severity.tolist()[:3] == ["critical", "high", "info"]
    assert outcome.applies is not None
    assert outcome.applies.tolist() == [True, True, True, False, True, True]


def test_scan_counts_from_the_first_to_before_the_last_instant() -> None:
    scan = {"session_type": "MalwareDetection", "state": "Stopped", "result": "Warning"}
    inside = ask("MAL-003", {"sessions": [{**scan, "created": EXAMPLE_SINCE}]})
    outside = ask("MAL-003", {"sessions": [{**scan, "created": EXAMPLE_UNTIL}]})

    assert [inside.result[0], outside.result[0]] == ["PASS", "FAIL"]


def test_row_without_a_kind_keeps_silence_open() -> None:
    row = {"state": "Stopped", "result": "Success", "created": hours_ago(3)}

    assert ask("MAL-003", {"sessions": [row]}).result.tolist() == ["UNKNOWN"]
    assert ask("MAL-003", {"sessions": [{**row, "session_type": "BackupJob"}]}).result.tolist() == ["FAIL"]


def test_failed_scans_are_counted_and_named() -> None:
    task = {"type": "Antivirus", "scan_state": "Finished"}
    tasks = [{**task, "scan_result": "Failed", "name": "a"}, {**task, "scan_result": "Clean"}, {"type": "Backup"}]

    found = ask("MAL-004", {"task_sessions": tasks})
    assert told_cells(found.observed).tolist() == ["1 of 2 scans without a result: a"]


def test_last_run_that_is_not_told_is_not_known() -> None:
    schedule = {"analyzer_schedule": [{"daily_scan_enabled": True}]}
    found = ask("SCA-000", schedule, datasets={"analyzer_last_run": "absent"})

    assert found.result.tolist() == ["UNKNOWN"]
    assert "may never have run" in found.reason[0]
    assert "absent" in found.reason[0]
