"""The rating: the first grade that fits, capped where not everything is known, and no grade where too little is."""

from __future__ import annotations

import json
from collections.abc import Callable

import estates
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared import artefact

from vbr_audit.findings.rating import (
    BEST_OF_PARTIAL,
    GRADES,
    MOST_CRITICAL,
    MOST_HIGH,
    NOT_RATED,
    PARTIAL_RULE,
    rate,
)
from vbr_audit.findings.summary import cause_counts
from vbr_audit.histories.run_records import Point
from vbr_audit.pipeline import Audit
from vbr_audit.vocabulary import SEVERITIES

LETTERS = [grade.letter for grade in GRADES]
COUNTS = st.fixed_dictionaries({severity: st.integers(0, 20) for severity in SEVERITIES})
SHARES = st.none() | st.floats(0, 1)


def causes(critical: int = 0, high: int = 0, medium: int = 0, low: int = 0, info: int = 0) -> dict[str, int]:
    return dict(zip(SEVERITIES, (critical, high, medium, low, info), strict=True))


@pytest.mark.parametrize(
    ("found", "grade"),
    [
        (causes(), "A"),
        (causes(low=300, info=300), "A"),
        (causes(medium=1), "B"),
        (causes(high=1, medium=40), "C"),
        (causes(high=MOST_HIGH), "C"),
        (causes(high=MOST_HIGH + 1), "D"),
        (causes(critical=1), "D"),
        (causes(critical=MOST_CRITICAL, high=99), "D"),
        (causes(critical=MOST_CRITICAL + 1), "E"),
    ],
)
def test_the_first_grade_whose_rule_holds_is_that_of_the_run(found: dict[str, int], grade: str) -> None:
    rating = rate(found, assessed=1.0, gaps=0)
    assert (rating.grade, rating.at_best, rating.told) == (grade, False, grade)
    assert rating.rule == next(each.rule for each in GRADES if each.letter == grade)
    assert f"{found['critical']} critical" in rating.reason


@pytest.mark.parametrize(("assessed", "gaps"), [(0.89, 0), (0.95, 1), (0.5, 3)])
def test_a_run_that_is_not_whole_is_no_better_than_the_cap_and_says_so(assessed: float, gaps: int) -> None:
    capped, bad, worst = (rate(found, assessed=assessed, gaps=gaps) for found in (causes(), causes(1), causes(9)))
    assert (capped.told, capped.rule) == (f"{BEST_OF_PARTIAL} at best", PARTIAL_RULE)
    assert (bad.told, bad.rule) == ("D at best", GRADES[3].rule)
    assert worst.told == "E", "nothing is worse"
    for rating in (capped, bad, worst):
        assert f"{assessed:.1%}".replace("%", " %") in rating.reason
        assert ("the run is incomplete for" in rating.reason) == bool(gaps)


@pytest.mark.parametrize("assessed", [None, 0.0, 0.49])
def test_too_few_answers_give_no_grade_but_do_not_hide_the_worst(assessed: float | None) -> None:
    rating = rate(causes(), assessed=assessed, gaps=0)
    assert (rating.grade, rating.told, rating.is_rated) == (NOT_RATED, NOT_RATED, False)
    assert ("No question applies" in rating.reason) == (assessed is None)
    assert rate(causes(critical=6), assessed=assessed, gaps=0).grade == "E"


def test_numbers_that_a_run_does_not_have_are_not_taken_for_zero() -> None:
    rating = rate({"critical": 0, "high": 0}, assessed=1.0, gaps=0)
    assert rating.grade == NOT_RATED
    assert "medium" in rating.reason
    old = Point(level="pass", failing={}, causes={}, counts={})
    assert old.rating.grade == NOT_RATED


@given(COUNTS, SHARES, st.integers(0, 3), st.sampled_from(SEVERITIES))
def test_what_is_worse_is_never_rated_better(found: dict[str, int], share: float | None, gaps: int, more: str) -> None:
    def place(grade: str) -> int:
        return LETTERS.index(grade) if grade in LETTERS else -1

    rating = rate(found, assessed=share, gaps=gaps)
    worse = rate({**found, more: found[more] + 1}, assessed=share, gaps=gaps)
    blinder = rate(found, assessed=share, gaps=gaps + 1)
    assert place(worse.grade) >= place(rating.grade)
    assert place(blinder.grade) >= place(rating.grade)
    if rating.is_rated and not rating.at_best and rating.grade != "E":
        assert (share or 0.0) >= 0.9
        assert not gaps


def test_every_grade_has_a_rule_of_one_sentence() -> None:
    assert LETTERS == ["A", "B", "C", "D", "E"]
    assert all(grade.rule.count(".") == 1 and grade.rule.endswith(".") for grade in GRADES)


@pytest.mark.parametrize("made", [estates.demo, estates.incomplete, estates.nothing])
def test_the_rating_of_a_run_is_that_of_its_causes(
    made: Callable[[], Audit], tmp_path_factory: pytest.TempPathFactory
) -> None:
    audit = made()
    counted = {severity: int((audit.causes["severity"] == severity).sum()) for severity in SEVERITIES}
    assert cause_counts(audit.findings) == counted
    rating = rate(counted, assessed=audit.summary.assessed, gaps=len(audit.results.gaps))
    assert audit.summary.rating == rating
    told = json.loads(artefact(tmp_path_factory, made, "json").read_bytes())["summary"]["rating"]
    assert told == {"grade": rating.grade, "at_best": rating.at_best, "rule": rating.rule, "reason": rating.reason}
