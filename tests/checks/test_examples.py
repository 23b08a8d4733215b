"""Every check's examples hold, and no passing one passes once an input is gone."""

from __future__ import annotations

import re

import pytest

from vbr_audit.checks import REGISTRY, SEVERITIES
from vbr_audit.checks.engine.examples import inputs_of, run_example
from vbr_audit.checks.engine.outcome import Example
from vbr_audit.checks.engine.registry import Check
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.vocabulary import AREAS

CASES = [
    pytest.param(check, example, id=f"{check.id}-{number}-{example.result}")
    for check in REGISTRY
    for number, example in enumerate(check.examples)
]
PASSING = [case for case in CASES if case.values[1].result == "PASS"]  # type: ignore[union-attr]


@pytest.mark.parametrize(("check", "example"), CASES)
def test_example_holds(check: Check, example: Example) -> None:
    found = run_example(check, example)

    assert found.result.tolist() == [example.result], found.reason.tolist()
    if example.severity is not None:
        assert found.severity.tolist() == [example.severity]
    if example.result in ("UNKNOWN", "NOT_APPLICABLE"):
        assert isinstance(found.reason[0], str)
        assert found.reason[0]
    if example.result in ("PASS", "FAIL"):
        assert isinstance(found.observed[0], str), "what was observed must be said"
        assert isinstance(found.expected[0], str), "what is expected must be said"
    if example.result == "PASS":
        assert not isinstance(found.reason[0], str), "what passes needs no excuse"


@pytest.mark.parametrize(("check", "example"), PASSING)
def test_no_pass_without_an_input(check: Check, example: Example) -> None:
    inputs = list(inputs_of(check, example))
    assert inputs
    for name in inputs:
        found = run_example(check, example, without=name)
        assert found.result.tolist() == ["UNKNOWN"], f"{check.id} without {name}: {found.result[0]}"
        assert isinstance(found.reason[0], str)


@pytest.mark.parametrize("check", REGISTRY.all(), ids=lambda check: check.id)
def test_declaration_is_whole(check: Check) -> None:
    results = {example.result for example in check.examples}
    assert {"PASS", "FAIL", "UNKNOWN"} <= results
    controls = [name for name in check.reads.get("jobs", ()) if name in CONTROLS and name != "is_disabled"]
    if controls or "expected_to_run" in check.reads.get("jobs", ()):
        assert "NOT_APPLICABLE" in results
    assert check.severity in SEVERITIES
    assert not re.search(r"\b(no|not enabled|missing|off)\b", check.title, re.IGNORECASE), "a title says the good state"
    assert ">" in check.remediation or ":" in check.remediation or ";" in check.remediation
    assert all(parameter.help for parameter in check.parameters)
    assert check.area in AREAS.values()
