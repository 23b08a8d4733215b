"""Phrases of failure and consequence: every shipped check has both, they agree in number, wrong ones are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from vbr_audit.checks import REGISTRY
from vbr_audit.checks.engine.failure import LONGEST as LONGEST_PHRASE
from vbr_audit.checks.engine.failure import predicate, subject, subject_alone
from vbr_audit.checks.engine.objects import OBJECTS
from vbr_audit.checks.engine.registry import Check, check
from vbr_audit.errors import CheckError

LONGEST = 120


def declared(failure: str | None, consequence: str | None = None) -> Check:
    @check(
        "ACME-001", "It is good", severity="low", table="repositories", reads=("name",), remediation="Do: x.",
        failure=failure, consequence=consequence,
    )  # fmt: skip
    def judge(repositories: Any, *, max_days: int = 7, share: float = 12.5) -> Any:
        """It matters."""
        return repositories["name"]

    return judge


@pytest.mark.parametrize("one", REGISTRY.all(), ids=lambda one: one.id)
def test_each_shipped_check_says_what_is_wrong_with_one_object_and_with_several(one: Check) -> None:
    assert one.failure is not None
    single, several = (
        f"{subject(one.object_kind, failing, 99)} {predicate(one.failure, one.defaults, failing)}" for failing in (1, 2)
    )
    for sentence in (single, several):
        assert not set("{}|") & set(sentence)
        assert len(sentence) <= LONGEST
        assert sentence[-1].isalnum() or sentence[-1] in ")%"
        assert one.title not in sentence
        assert "  " not in sentence
    assert single.startswith("1 of 99 ")
    assert several.startswith("2 of 99 ")


@pytest.mark.parametrize("one", REGISTRY.all(), ids=lambda one: one.id)
def test_each_shipped_check_says_what_may_come_of_it(one: Check) -> None:
    assert one.consequence is not None
    assert re.match("(could|may) ", one.consequence)  # which claims no more than the check knows
    assert not re.search(r"\b(its?|their|they|them)\b", re.sub(r"\{[^}]*\}", "", one.consequence))
    for failing in (1, 2):
        told = predicate(one.consequence, {}, failing)
        assert len(told) <= LONGEST_PHRASE
        assert told[-1].isalnum()
        assert told not in predicate(one.failure or "", one.defaults, failing)


def test_the_phrase_agrees_with_the_number_of_failing_objects() -> None:
    phrase = declared("{lies|lie} on {its} own disk for {max_days} days, {has} {share:g} % and {is} off").failure
    assert phrase is not None
    values = {"max_days": 9, "share": 12.5}
    assert predicate(phrase, values, 1) == "lies on its own disk for 9 days, has 12.5 % and is off"
    assert predicate(phrase, values, 2) == "lie on their own disk for 9 days, have 12.5 % and are off"


@pytest.mark.parametrize(
    ("failing", "judged", "expected"),
    [
        (1, 13, "1 of 13 repositories"),
        (1200, 1300, "1,200 of 1,300 repositories"),
        (1, 1, "The repository"),
        (2, None, "2 of an unknown number of repositories"),
    ],
)
def test_the_subject_counts_what_is_judged(failing: int, judged: int | None, expected: str) -> None:
    assert subject(OBJECTS["repositories"], failing, judged) == expected


def test_objects_that_stand_alone_are_counted_only_where_there_are_several() -> None:
    assert [subject_alone(OBJECTS["credentials"], failing) for failing in (1, 2)] == [
        "The credential record",
        "2 credential records",
    ]
    assert subject_alone(OBJECTS["jobs"], 3) == "3 jobs"


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ("{is} older than {days} days", r"names \{days\}; it may name \{is\}, .*\{max_days\}, \{share\}, or a verb"),
        ("{} off", r"names \{\}"),
        ("{is.upper} off", r"names \{is.upper\}"),
        ("{lies|lie|lay} off", r"names \{lies\|lie\|lay\}"),
        ("{is off", "cannot be read"),
        ("{max_days:%Q} off", "may write a number as"),
        ("{max_days:>9999999999} off", "may write a number as"),
        ("{max_days:{share}} off", "may write a number as"),
        ("{max_days!r} off", "may write a number as"),
        ("{is:.1f} off", "cannot be filled in"),
        ("{is} off.", "full stop"),
        (" ", "1 to 100 characters"),
        ("{is} " + "far " * 25, "1 to 100 characters"),
        ("It is good", "its title what is good"),
    ],
)
def test_a_wrong_phrase_is_refused_where_it_is_declared(failure: str, message: str) -> None:
    with pytest.raises(CheckError, match=message):
        declared(failure)


def test_a_check_of_ones_own_may_have_none() -> None:
    assert declared(None).failure_example is None
    assert declared("{is} offline").failure_example == "2 of 9 repositories are offline"
    assert declared("{is} offline").consequence_example is None


def test_the_consequence_stands_before_what_is_wrong() -> None:
    assert declared("{is} offline", "could lose {its} backups").consequence_example == (
        "2 of 9 repositories could lose their backups: they are offline"
    )
    assert (
        declared(None, "could lose {its} backups").consequence_example == "2 of 9 repositories could lose their backups"
    )


@pytest.mark.parametrize(
    ("consequence", "message"),
    [
        ("could be lost.", "its consequence ends with a full stop"),
        ("could be lost in {max_days} days", r"its consequence names \{max_days\}"),
        ("{is} offline", "must say what may come of the failure"),
        ("far " * 26, "its consequence needs 1 to 100 characters"),
    ],
)
def test_a_wrong_consequence_is_refused_where_it_is_declared(consequence: str, message: str) -> None:
    with pytest.raises(CheckError, match=message):
        declared("{is} offline", consequence)
