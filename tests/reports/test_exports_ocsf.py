"""findings.ocsf.jsonl: events that the model of OCSF takes, and that say what the findings say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from py_ocsf_models import OCSF_VERSION
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports.encoding import records
from vbr_audit.reports.exports.ocsf import findings_ocsf

NOT_IN_THE_MODEL = {"compliance.status", "compliance.status_code"}
"""Attributes of OCSF 1.5.0 that the model leaves out."""
ANSWERS = {"PASS": 1, "FAIL": 3, "UNKNOWN": 0, "ERROR": 0, "NOT_APPLICABLE": 99}
SEVERITIES = {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}


@cache
def events(context: ReportContext) -> list[dict[str, Any]]:
    """The events of a run, to be read only."""
    return [json.loads(line) for line in findings_ocsf(context).splitlines()]


def shape(told: Any) -> Any:
    """The attributes of an event, and where it has none, without what they hold."""
    if isinstance(told, dict):
        return tuple((key, shape(value)) for key, value in told.items())
    return tuple(map(shape, told)) if isinstance(told, list) else told is None


def foreign(told: Any, read: Any, place: str = "") -> Iterator[str]:
    """The attributes that were written and that the model does not know."""
    if isinstance(told, dict):
        for key, value in told.items():
            at = f"{place}.{key}" if place else key
            if key not in read:
                yield at
            else:
                yield from foreign(value, read[key], at)
    elif isinstance(told, list):
        for one, other in zip(told, read, strict=True):
            yield from foreign(one, other, place)


@pytest.fixture(scope="module", params=["small", "hostile names", "hostile estate"])
def any_context(
    request: pytest.FixtureRequest, context: ReportContext, hostile_context: ReportContext, hostile_estate: Audit
) -> ReportContext:
    chosen = {"small": context, "hostile names": hostile_context, "hostile estate": hostile_estate.context}
    return chosen[request.param]


def test_the_model_takes_every_event_and_knows_every_attribute(any_context: ReportContext) -> None:
    unknown, seen = set[str](), set[Any]()
    for event in events(any_context):
        taken = ComplianceFinding.model_validate(event)
        if (own := shape(event)) not in seen:  # what the model knows hangs on the attributes alone
            seen.add(own)
            unknown |= set(foreign(event, taken.model_dump(mode="json", exclude_none=True)))
        assert event["metadata"]["version"] == OCSF_VERSION
    assert unknown <= NOT_IN_THE_MODEL


def test_every_finding_is_an_event_of_its_status(any_context: ReportContext) -> None:
    rows, found = records(any_context.results.findings), events(any_context)
    now = any_context.manifest.run.now
    assert len(found) == len(rows) > 0
    for row, event in zip(rows, found, strict=True):
        quiet = row["status"] in ("PASS", "NOT_APPLICABLE")
        assert event["class_uid"] == 2003
        assert event["type_uid"] == 2003 * 100 + event["activity_id"]
        assert event["finding_info"]["uid"] == row["finding_id"]
        assert event["status_code"] == row["status"]
        assert event["compliance"]["status_id"] == ANSWERS[row["result"]]
        assert event["compliance"]["checks"][0]["severity_id"] == SEVERITIES[row["severity"]]
        assert event["severity_id"] == (1 if quiet else SEVERITIES[row["severity"]])
        assert event["status_id"] == (3 if row["status"] == "WAIVED" else 99 if quiet else 1)
        assert event["time"] == round(now.timestamp() * 1000)
        assert event["resources"][0].get("name") == row["object_name"]
        assert event["resources"][0]["namespace"] == row["server"]
        assert event["unmapped"].get("observed") == row["observed"]
    assert len({event["metadata"]["uid"] for event in found}) == len(found)


def test_the_requirements_of_the_frameworks_are_named(context: ReportContext) -> None:
    requirements = records(context.results.requirements)
    for event in events(context):
        check_id = event["metadata"]["event_code"]
        mapped = [row for row in requirements if check_id in row["checks"].split(", ")]
        assert event["compliance"].get("requirements", []) == [
            f"{row['framework']} ({row['edition']}) {row['requirement']}: {row['title']}" for row in mapped
        ]
        standards = {f"{row['framework']} ({row['edition']})" for row in mapped}
        assert set(event["compliance"].get("standards", [])) == standards
