"""Every check's examples hold, and no passing one passes once an input is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from vbr_audit.checks import REGISTRY, SEVERITIES
from vbr_audit.checks.engine.assessment import Assessment
from vbr_audit.checks.engine.examples import inputs_of, run_example
from vbr_audit.checks.engine.outcome import Example
from vbr_audit.checks.engine.registry import Check
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.vocabulary import AREAS

each_check = pytest.mark.parametrize("check", REGISTRY.all(), ids=lambda check: check.id)


def faults_of(example: Example, found: Assessment) -> Iterator[str]:
    """What is wrong with what a check found for one of its examples."""
    if found.result.tolist() != [example.result]:
        yield f"{found.result.tolist()}, not {example.result}: {found.reason.tolist()}"
    if example.severity is not None and found.severity.tolist() != [example.severity]:
        yield f"severity {found.severity.tolist()}, not {example.severity}"
    reason, observed, expected = found.reason[0], found.observed[0], found.expected[0]
    if example.result in ("UNKNOWN", "NOT_APPLICABLE") and not (isinstance(reason, str) and reason):
        yield "has no reason"
    if example.result in ("PASS", "FAIL") and not isinstance(observed, str):
        yield "what was observed must be said"
    if example.result in ("PASS", "FAIL") and not isinstance(expected, str):
        yield "what is expected must be said"
    if example.result == "PASS" and isinstance(reason, str):
        yield "what passes needs no excuse"


@each_check
def test_examples_hold(check: Check) -> None:
    faults = [
        f"example {number}, {example.result}: {fault}"
        for number, example in enumerate(check.examples)
        for fault in faults_of(example, run_example(check, example))
    ]
    assert faults == []


@each_check
def test_no_pass_without_an_input(check: Check) -> None:
    faults = []
    for number, example in enumerate(check.examples):
        if example.result == "PASS":
            inputs = list(inputs_of(check, example))
            assert inputs, number
            for name in inputs:
                found = run_example(check, example, without=name)
                if found.result.tolist() != ["UNKNOWN"] or not isinstance(found.reason[0], str):
                    faults.append(f"example {number} without {name}: {found.result[0]}, {found.reason[0]}")
    assert faults == []


@each_check
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
