"""Every check declares examples of each kind, and what else a reader needs: test_mutations.py runs them."""

from __future__ import annotations

import re

import pytest

from vbr_audit.checks import REGISTRY, SEVERITIES
from vbr_audit.checks.engine.registry import Check
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.vocabulary import AREAS

each_check = pytest.mark.parametrize("check", REGISTRY.all(), ids=lambda check: check.id)


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
