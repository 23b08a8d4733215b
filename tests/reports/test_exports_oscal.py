"""assessment-results.json: OSCAL that trestle takes, with ids that stay and references that resolve."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from trestle.oscal import OSCAL_VERSION
from trestle.oscal.assessment_results import Model

from vbr_audit.findings.requirements import SUPPORTS
from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports.encoding import records
from vbr_audit.reports.exports.oscal import assessment_results

MakeRun = Callable[..., ReportContext]


@cache
def document_of(context: ReportContext) -> dict[str, Any]:
    """The document of a run, to be read only."""
    found: dict[str, Any] = json.loads(assessment_results(context))["assessment-results"]
    return found


def values_of(tree: Any, *names: str) -> Iterator[str]:
    """The values of the keys `names` anywhere in `tree`."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key in names:
                yield value
            else:
                yield from values_of(value, *names)
    elif isinstance(tree, list):
        for entry in tree:
            yield from values_of(entry, *names)


def told(part: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in part.get("props", [])}


@pytest.fixture(scope="module", params=["small", "hostile names", "hostile estate", "nothing"])
def any_context(
    request: pytest.FixtureRequest,
    context: ReportContext,
    hostile_context: ReportContext,
    hostile_estate: Audit,
    run_of: MakeRun,
) -> ReportContext:
    chosen = {
        "small": lambda: context,
        "hostile names": lambda: hostile_context,
        "hostile estate": lambda: hostile_estate.context,
        "nothing": lambda: run_of(job_count=0, session_count=0, waivers=None),
    }
    return chosen[request.param]()


def test_trestle_takes_it(any_context: ReportContext) -> None:
    read = Model.model_validate_json(assessment_results(any_context))
    assert document_of(any_context)["metadata"]["oscal-version"] == OSCAL_VERSION
    observations = read.assessment_results.results[0].observations or []
    assert len(observations) == len(any_context.results.findings)


def test_ids_are_unique_and_references_resolve(any_context: ReportContext) -> None:
    document = document_of(any_context)
    ids = list(values_of(document, "uuid"))
    assert [one for one, number in Counter(ids).items() if number > 1] == []
    referred = values_of(
        document, "subject-uuid", "observation-uuid", "risk-uuid", "actor-uuid", "component-uuid", "party-uuid"
    )
    assert set(referred) <= set(ids)
    assert document["import-ap"]["href"].removeprefix("#") in ids


def test_only_what_the_evidence_supports_is_satisfied(hostile_estate: Audit, context: ReportContext) -> None:
    for run in (hostile_estate.context, context):
        result = document_of(run)["results"][0]
        by_id = {told(one)["finding-id"]: one for one in result["observations"]}
        status = {by_id[row["finding_id"]]["uuid"]: row["status"] for row in records(run.results.findings)}
        for row, finding in zip(records(run.results.requirements), result["findings"], strict=True):
            target = finding["target"]["status"]
            assert told(finding)["evidence"] == row["answer"]
            assert (target["state"] == "satisfied") == (row["answer"] == SUPPORTS)
            related = [status[one["observation-uuid"]] for one in finding.get("related-observations", [])]
            if target["state"] == "satisfied":
                assert set(related) == {"PASS"}
            assert related.count("UNKNOWN") == row["unknown"]
            assert related.count("FAIL") == row["fail"]
        states = {told(one)["evidence"]: one["target"]["status"]["state"] for one in result["findings"]}
        assert states["insufficient evidence"] == "not-satisfied"
        counted = {name: int(value) for name, value in told(result).items() if name.startswith("count-")}
        assert counted == {f"count-{name.lower()}": number for name, number in run.summary.counts.items()}


def test_a_waived_finding_is_a_risk_with_a_deadline(context: ReportContext) -> None:
    result = document_of(context)["results"][0]
    waived = [row for row in records(context.results.findings) if row["status"] == "WAIVED"]
    assert len(result["risks"]) == len(waived) > 0
    for row, risk in zip(waived, result["risks"], strict=True):
        assert risk["status"] == "deviation-approved"
        assert risk["deadline"] == f"{row['waiver_expires']}T23:59:59Z"
        assert "moved in May" in risk["statement"]


def test_objects_and_findings_keep_their_ids(context: ReportContext, run_of: MakeRun) -> None:
    def ids(context: ReportContext) -> set[str]:
        result = document_of(context)["results"][0]
        parts = result["observations"] + result["findings"] + result["local-definitions"]["inventory-items"]
        return {part["uuid"] for part in parts}

    assert ids(context) == ids(run_of(session_count=30))
    assert document_of(context)["uuid"] != document_of(run_of(jobs_pattern="SQL*"))["uuid"]


def test_text_from_outside_is_no_markup_in_titles_and_remarks(hostile_context: ReportContext) -> None:
    document = document_of(hostile_context)
    texts = [*values_of(document, "title"), *values_of(document, "description", "remarks", "statement")]
    hostile = [text for text in texts if "<script>" in text]
    assert hostile
    for text in hostile:
        outside = "".join(text.split("`")[::2])
        assert "<" not in outside, text
