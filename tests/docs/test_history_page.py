"""The page about runs over time says of each state what the reports say of it."""

from __future__ import annotations

import re
from pathlib import Path

from vbr_audit.findings.lifecycle import State

PAGE = Path(__file__).parents[2] / "docs" / "history.md"


def test_the_table_of_states_says_what_the_reports_say() -> None:
    section = PAGE.read_text("utf-8").partition("| state | meaning |")[2].partition("\n\n")[0]
    rows = re.findall(r"(?m)^\| ([A-Z_]+) \| (.+) \|$", section)
    assert rows == [(str(state), state.meaning) for state in State]
