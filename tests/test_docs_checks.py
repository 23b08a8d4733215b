"""`docs/checks.md` says what the checks declare.

`VBR_AUDIT_UPDATE_DOCS=1 pytest tests/test_docs_checks.py` rewrites it.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from pathlib import Path
from typing import Annotated

import pandas as pd
from checks_page import render_checks, supported_by

from vbr_audit.checks import Registry, load_policy, param
from vbr_audit.checks.engine.outcome import EXAMPLE_NOW, Example
from vbr_audit.checks.engine.registry import check
from vbr_audit.findings.requirements import load_frameworks

PAGE = Path(__file__).parents[1] / "docs" / "checks.md"
UPDATE = os.environ.get("VBR_AUDIT_UPDATE_DOCS") == "1"


def test_the_page_is_what_the_checks_declare() -> None:
    text = render_checks(load_policy(), supported_by(load_frameworks()))
    if UPDATE:
        PAGE.write_text(text, encoding="utf-8")
    fresh = PAGE.read_text(encoding="utf-8") == text
    assert fresh, "stale: VBR_AUDIT_UPDATE_DOCS=1 pytest tests/test_docs_checks.py"


def test_each_check_has_its_section_and_every_table_its_columns() -> None:
    policy = load_policy()
    text = render_checks(policy)
    assert re.findall(r"^### (.+)$", text, re.MULTILINE) == re.findall(r"^\| \[([A-Z]+-\d{3})\]", text, re.MULTILINE)
    assert len(re.findall(r"^### ", text, re.MULTILINE)) == len(policy.uses)
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block.splitlines()[0]


def test_what_a_section_tells() -> None:
    registry = Registry()

    @check(
        "TST-001",
        "Runs are | young",
        severity="low",
        tables=("jobs", "job_demands", "task_sessions"),
        fallback=("job_demands",),
        reads=("name", "task_sessions.result"),
        expected="≤ {limit} h",
        remediation="Do: it.",
        examples=(
            Example("PASS", {"name": None}, {"task_sessions": [{"result": "a"}, {"result": "a"}, {"result": "<b>"}]}),
            Example("FAIL", {"is_disabled": True}, params={"limit": 3}, severity="info"),
            Example("UNKNOWN", {}, {"sessions": [{"created": EXAMPLE_NOW + dt.timedelta(days=9)}]}),
            Example("UNKNOWN", {"name": ""}, datasets={"jobs": "denied"}),
        ),
    )
    def young(
        jobs: pd.DataFrame,
        demands: pd.DataFrame,
        tasks: pd.DataFrame,
        *,
        limit: Annotated[int, param("Most.", unit="h", ge=1)] = 2,
    ) -> pd.Series:
        """Because."""
        return jobs["is_disabled"]

    registry.add(young)
    off = load_policy("version: 1\nchecks: {TST-001: {enabled: false, reason: too new}}\n", registry=registry)
    lines = render_checks(off, {"TST-001": ["CIS v8 11.2"]}).splitlines()
    assert "| [TST-001](#tst-001) | Runs are \\| young (off by default) | low | 1.2-rev1 | used if given |" in lines
    assert "## Restore tests" in lines
    assert lines[lines.index("### TST-001") + 2 :] == [
        "**Runs are | young** (low)",
        "",
        "Because.",
        "",
        "- Off by default: too new",
        "- Judges: each job",
        "- Expected: ≤ {limit} h",
        "- Remediation: Do: it.",
        "- Reads: `jobs` (name); `job_demands`°; `task_sessions` (result)",
        "- From: `jobs`, `job_states`, `task_sessions`",
        "- Since: 1.2-rev1; roles: Backup Administrator, Backup Operator, Restore Operator, Tape Operator, "
        "Backup Viewer",
        "- Site file: used if given",
        "- Supports: CIS v8 11.2",
        "",
        "| parameter | type | default | bounds | unit | |",
        "|---|---|---|---|---|---|",
        "| `limit` | int | `2` | at least 1 | h | Most. |",
        "",
        "| result | object | beside it |",
        "|---|---|---|",
        "| PASS | name not known | `task_sessions`: 2 × (result a), (result &lt;b>) |",
        "| FAIL (info) | is_disabled yes | with limit 3 |",
        "| UNKNOWN | as usual | `sessions`: (created 9 d after now) |",
        '| UNKNOWN | name "" | `jobs` denied |',
    ]
