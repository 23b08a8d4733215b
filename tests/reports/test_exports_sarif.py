"""findings.sarif: a log as SARIF 2.1.0 demands it, which says what the findings say."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pandas as pd
import pytest
from sarif_demands import sarif_faults

from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports.encoding import records
from vbr_audit.reports.exports.ocsf import findings_ocsf
from vbr_audit.reports.exports.oscal import assessment_results
from vbr_audit.reports.exports.sarif import BASELINE_STATES, findings_sarif
from vbr_audit.tables.build.arrays import STRING

LISTED = ("FAIL", "WAIVED", "UNKNOWN", "ERROR")
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}


def run_of(context: ReportContext) -> dict[str, Any]:
    document = json.loads(findings_sarif(context))
    assert sarif_faults(document) == []
    (run,) = document["runs"]
    return run


def with_columns(context: ReportContext, **columns: list[Any]) -> ReportContext:
    """The run with these text columns of its findings, repeated down to the last row."""
    findings = context.results.findings
    made = {
        name: pd.array([values[place % len(values)] for place in range(len(findings))], dtype=STRING)
        for name, values in columns.items()
    }
    return dataclasses.replace(context, results=dataclasses.replace(context.results, findings=findings.assign(**made)))


@pytest.fixture(scope="module", params=["small", "hostile names", "hostile estate"])
def any_context(
    request: pytest.FixtureRequest, context: ReportContext, hostile_context: ReportContext, hostile_estate: Audit
) -> ReportContext:
    chosen = {"small": context, "hostile names": hostile_context, "hostile estate": hostile_estate.context}
    return chosen[request.param]


def test_what_needs_a_look_is_a_result_of_its_level(any_context: ReportContext) -> None:
    rows = [row for row in records(any_context.results.findings) if row["status"] in LISTED]
    run = run_of(any_context)
    assert len(run["results"]) == len(rows) > 0
    for row, result in zip(rows, run["results"], strict=True):
        unanswered = row["status"] in ("UNKNOWN", "ERROR")
        assert result["ruleId"] == row["check_id"]
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == row["check_id"]
        assert result["kind"] == ("open" if unanswered else "fail")
        assert result["level"] == ("none" if unanswered else LEVELS[row["severity"]])
        assert result["properties"]["severity"] == row["severity"]
        assert result["partialFingerprints"] == {"findingId/v1": row["finding_id"]}
        assert len(result["suppressions"]) == (row["status"] == "WAIVED")
        (place,) = result["locations"][0]["logicalLocations"]
        assert place["name"] == (row["object_name"] if row["object_name"] is not None else row["object_id"])
        assert place["fullyQualifiedName"].startswith(f"{row['server']}/{row['object_type']}/")
        assert "baselineState" not in result
        assert "provenance" not in result
    assert len({result["correlationGuid"] for result in run["results"]}) == len(rows)


def test_the_rules_are_the_enabled_checks(context: ReportContext) -> None:
    rules = run_of(context)["tool"]["driver"]["rules"]
    uses = [use for use in context.results.uses if use.enabled]
    assert [rule["id"] for rule in rules] == [use.check.id for use in uses]
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == [LEVELS[use.severity] for use in uses]


def test_a_waiver_is_an_accepted_suppression_with_its_reason(context: ReportContext) -> None:
    reasons = {outcome.waiver.id: outcome.waiver.reason for outcome in context.results.waivers.outcomes}
    suppressions = [result["suppressions"][0] for result in run_of(context)["results"] if result["suppressions"]]
    assert suppressions
    for suppression in suppressions:
        assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
        assert suppression["justification"] == reasons[suppression["properties"]["waiver_id"]]


def test_a_run_that_is_not_whole_did_not_succeed(context: ReportContext) -> None:
    (invocation,) = run_of(context)["invocations"]
    incomplete = context.results.incomplete
    assert invocation["executionSuccessful"] == (not incomplete)
    assert len(invocation["toolExecutionNotifications"]) == len(incomplete)
    whole = dataclasses.replace(context, results=dataclasses.replace(context.results, gaps=()))
    assert run_of(whole)["invocations"][0]["executionSuccessful"] is True


def test_equal_results_give_equal_bytes(context: ReportContext) -> None:
    assert findings_sarif(context) == findings_sarif(context)


@pytest.mark.parametrize("change", BASELINE_STATES)
def test_a_change_is_a_state_of_the_baseline(context: ReportContext, change: str) -> None:
    changed = with_columns(context, change=[change], first_seen=["2026-08-01T06:00:00Z"])
    rows, results = records(changed.results.findings), run_of(changed)["results"]
    state = BASELINE_STATES[change]
    assert {result["baselineState"] for result in results} == {state}
    assert {result["provenance"]["firstDetectionTimeUtc"] for result in results} == {"2026-08-01T06:00:00Z"}
    assert {result["properties"]["change"] for result in results} == {change}
    assert len(results) == (len(rows) if state == "absent" else sum(row["status"] in LISTED for row in rows))


def test_what_is_fixed_is_absent_and_does_not_fail(context: ReportContext) -> None:
    changed = with_columns(context, change=["STILL"])
    findings = changed.results.findings
    good = (findings["status"] == "PASS").to_numpy(dtype=bool).nonzero()[0][0]
    findings.loc[good, "change"] = "FIXED"
    absent = [result for result in run_of(changed)["results"] if result["baselineState"] == "absent"]
    assert [result["partialFingerprints"]["findingId/v1"] for result in absent] == [findings.loc[good, "finding_id"]]
    assert (absent[0]["kind"], absent[0]["level"]) == ("pass", "none")


def test_without_an_earlier_run_there_is_no_state(context: ReportContext) -> None:
    without = with_columns(context, change=[None], first_seen=[None])
    assert findings_sarif(without) == findings_sarif(context)
    assert findings_ocsf(without) == findings_ocsf(context)
    assert assessment_results(without) == assessment_results(context)


def test_ocsf_and_oscal_say_when_a_finding_was_seen_first(context: ReportContext) -> None:
    seen = with_columns(context, first_seen=["2026-08-01T08:00:00+02:00", None, "2026-08-02", "no date"])
    events = [json.loads(line) for line in findings_ocsf(seen).splitlines()]
    moments = [event["finding_info"].get("first_seen_time") for event in events[:4]]
    assert moments == [1_785_564_000_000, None, 1_785_628_800_000, None]
    (result,) = json.loads(assessment_results(seen))["assessment-results"]["results"]
    properties = [{prop["name"]: prop["value"] for prop in one["props"]} for one in result["observations"][:4]]
    assert [told.get("first-seen") for told in properties] == [
        "2026-08-01T06:00:00Z",
        None,
        "2026-08-02T00:00:00Z",
        None,
    ]


def test_text_from_outside_is_no_link_and_no_placeholder(context: ReportContext) -> None:
    hostile = with_columns(context, observed=["[here](https://evil.example) {0} \\[x\\](javascript:1)\x1b[31m"])
    text = run_of(hostile)["results"][0]["message"]["text"]
    assert "\\[here\\](https://evil.example) {{0}} \\\\\\[x\\\\\\](javascript:1)␛\\[31m" in text
    plain = with_columns(context, observed=["D:\\Backup [old]"])
    assert "D:\\Backup [old]" in run_of(plain)["results"][0]["message"]["text"]
