"""The published JSON Schema: every findings.json fits it, it describes every field, and it refuses what is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, meta
from typer.testing import CliRunner

from vbr_audit.cli import app
from vbr_audit.findings import FINDING_COLUMNS, STATUSES
from vbr_audit.findings.evaluation import COVERAGE_COLUMNS
from vbr_audit.findings.requirements import REQUIREMENT_COLUMNS
from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports.json import findings_json, findings_schema
from vbr_audit.vocabulary import SEVERITIES

SCHEMA = json.loads(findings_schema())
VALIDATOR = Draft202012Validator(SCHEMA, validate_formats=True)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def document(hostile_estate: Audit) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(findings_json(hostile_estate.context))
    return found


@pytest.fixture(scope="module")
def short(document: dict[str, Any]) -> dict[str, Any]:
    """The same with the first entries of each list: to copy every one of thousands takes seconds."""
    found = {name: part[:3] if isinstance(part, list) else part for name, part in document.items()}
    assert VALIDATOR.is_valid(found)
    return found


def test_it_is_a_schema_of_2020_12() -> None:
    meta.validate(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_findings_json_fits(context: ReportContext, hostile_context: ReportContext, document: Any) -> None:
    for fitting in (document, json.loads(findings_json(context)), json.loads(findings_json(hostile_context))):
        assert [error.message for error in VALIDATOR.iter_errors(fitting)] == []


def undescribed(value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    """The fields of `value` that `schema` says nothing about."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if isinstance(value, list):
        for entry in value:
            yield from undescribed(entry, schema["items"], place)
    elif isinstance(value, dict):
        known = schema.get("properties", {})
        for key, entry in value.items():
            if key in known:
                yield from undescribed(entry, known[key], f"{place}.{key}")
            elif "additionalProperties" not in schema:
                yield f"{place}.{key}"


def test_it_describes_every_field(document: dict[str, Any]) -> None:
    assert set(undescribed(document, SCHEMA, "")) == set()
    parts = {"finding": FINDING_COLUMNS, "coverage": COVERAGE_COLUMNS, "requirement": REQUIREMENT_COLUMNS}
    for name, columns in parts.items():
        part = SCHEMA["$defs"][name]
        assert set(part["properties"]) == set(part["required"]) == set(columns)
        assert all(entry.get("description") or "$ref" in entry for entry in part["properties"].values())
    assert set(SCHEMA["$defs"]["status"]["enum"]) == set(STATUSES)
    assert tuple(SCHEMA["$defs"]["severity"]["enum"]) == tuple(SEVERITIES)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found.update(schema=2),
        lambda found: found.pop("coverage"),
        lambda found: found["findings"][0].pop("finding_id"),
        lambda found: found["findings"][0].update(status="OK"),
        lambda found: found["findings"][0].update(result="WAIVED"),
        lambda found: found["findings"][0].update(waiver_expires="soon"),
        lambda found: found["coverage"][0].update(fail=-1),
        lambda found: found["coverage"][0].update(population="many"),
        lambda found: found["requirements"][0].update(answer="compliant"),
        lambda found: found["summary"].update(compliance=101),
        lambda found: found["summary"]["counts"].pop("UNKNOWN"),
        lambda found: found["run"].update(now="yesterday"),
        lambda found: found["run"].update(servers=None),
    ],
)
def test_it_refuses_a_wrong_document(short: dict[str, Any], spoil: Change) -> None:
    wrong = copy.deepcopy(short)
    spoil(wrong)
    assert not VALIDATOR.is_valid(wrong)


@pytest.mark.parametrize(
    "grow",
    [
        lambda found: found["findings"][0].update(object_type="quantum vault"),
        lambda found: found["summary"]["sessions_by_result"].update(Postponed=3),
        lambda found: found["run"]["servers"][0].update(revision="1.9-rev0", cluster="yes"),
        lambda found: found["findings"][0].update(first_seen="2026-10-01"),
    ],
)
def test_what_newer_servers_and_versions_add_still_fits(short: dict[str, Any], grow: Change) -> None:
    newer = copy.deepcopy(short)
    grow(newer)
    assert VALIDATOR.is_valid(newer)


def test_the_command_line_prints_it(tmp_path: Path) -> None:
    runner, path = CliRunner(), tmp_path / "findings.schema.json"
    assert runner.invoke(app, ["schema"]).stdout == findings_schema()
    assert runner.invoke(app, ["schema", "--out", str(path)]).exit_code == 0
    assert path.read_text("utf-8") == findings_schema()
    assert runner.invoke(app, ["schema", "--out", str(path)]).exit_code == 2
    assert runner.invoke(app, ["schema", "--out", str(path), "--force"]).exit_code == 0
