"""The page about concepts states the rule of the rating as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

from vbr_audit.display import percent
from vbr_audit.findings.rating import BEST_OF_PARTIAL, GOOD_SHARE, GRADES, MOST_CRITICAL

TEXT = " ".join((Path(__file__).parents[2] / "docs" / "concepts.md").read_text("utf-8").split())


def test_the_rule_of_each_grade_is_that_of_the_code() -> None:
    told = re.findall(r"\| \*\*([A-E])\*\* \| ([^|]+) \|", TEXT)
    assert told == [(grade.letter, grade.rule) for grade in GRADES]
    assert f"less than {percent(GOOD_SHARE, 0)} of its questions, is {BEST_OF_PARTIAL} at best" in TEXT
    assert f"unless more than {MOST_CRITICAL} critical causes are known" in TEXT
