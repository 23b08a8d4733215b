"""The rating of a run: a grade from A to E by a stated rule, of numbers that every run and every stored run has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vbr_audit.display import count, number, percent
from vbr_audit.vocabulary import SEVERITIES

MOST_CRITICAL: Final = 5
MOST_HIGH: Final = 10
"""So many causes of these severities a grade above E, or a grade above D, may have."""
GOOD_SHARE: Final = 0.9
"""The share of the questions that must have an answer for a grade better than C."""
LEAST_SHARE: Final = 0.5
"""With a smaller share of answers there is no grade, unless what is known suffices for the worst."""
NOT_RATED: Final = "not rated"
"""What stands in place of a grade where too little is known."""
NOT_RATED_RULE: Final = (
    f"Less than {percent(LEAST_SHARE, 0)} of the questions have an answer, and what is known does not suffice for E."
)


@dataclass(frozen=True)
class Grade:
    """One grade: its letter, its rule in one sentence, and how many causes of a severity it allows at most."""

    letter: str
    rule: str
    most: Mapping[str, int]

    def fits(self, causes: Mapping[str, int]) -> bool:
        """Whether so many causes by severity are not too many for this grade."""
        return all(causes[severity] <= most for severity, most in self.most.items())


GRADES: Final = (
    Grade("A", "No cause is critical, high or medium.", {"critical": 0, "high": 0, "medium": 0}),
    Grade("B", "No cause is critical or high.", {"critical": 0, "high": 0}),
    Grade("C", f"No cause is critical, and at most {MOST_HIGH} are high.", {"critical": 0, "high": MOST_HIGH}),
    Grade(
        "D",
        f"At most {MOST_CRITICAL} causes are critical, and one is, or more than {MOST_HIGH} are high.",
        {"critical": MOST_CRITICAL},
    ),
    Grade("E", f"More than {MOST_CRITICAL} causes are critical.", {}),
)
"""The grades, the best first; a run has the first that it fits."""
BEST_OF_PARTIAL: Final = "C"
"""The best grade of a run that is incomplete, or of which fewer than `GOOD_SHARE` of the questions have an answer."""
PARTIAL_RULE: Final = (
    f"A run that is incomplete, or that answers less than {percent(GOOD_SHARE, 0)} of its questions, is "
    f"{BEST_OF_PARTIAL} at best."
)


@dataclass(frozen=True)
class Rating:
    """The grade of a run: a letter of `GRADES` or `NOT_RATED`, the rule of that grade, and the numbers behind it.

    `at_best` says that the true grade can be worse, as not everything was read or answered.
    """

    grade: str
    at_best: bool
    rule: str
    reason: str

    @property
    def is_rated(self) -> bool:
        """Whether there is a grade."""
        return self.grade != NOT_RATED

    @property
    def told(self) -> str:
        """The grade in few words: `E`, `C at best`, `not rated`."""
        return f"{self.grade} at best" if self.at_best else self.grade


def rate(causes: Mapping[str, int], *, assessed: float | None, gaps: int) -> Rating:
    """The grade of what fails by so many `causes` of each severity; causes that are accepted are not among them.

    `assessed` is the fraction of the questions that have an answer, None where there is none; `gaps` counts the
    reasons why the run is incomplete. What is not known can only make a grade worse: it caps a good grade and is no
    excuse for the worst.
    """
    missing = [severity for severity in SEVERITIES if severity not in causes]
    if missing:
        return Rating(NOT_RATED, False, NOT_RATED_RULE, f"The number of causes is not known: {', '.join(missing)}.")
    share = 0.0 if assessed is None else assessed
    letters = [grade.letter for grade in GRADES]
    place = next(at for at, grade in enumerate(GRADES) if grade.fits(causes))
    is_worst = place == len(GRADES) - 1
    if share < LEAST_SHARE and not is_worst:
        return Rating(NOT_RATED, False, NOT_RATED_RULE, f"{_answered(assessed)}.")
    is_partial = bool(gaps) or share < GOOD_SHARE
    capped = max(place, letters.index(BEST_OF_PARTIAL)) if is_partial else place
    reason = f"{_counted(causes)}; {_answered(assessed)}{_incomplete(gaps)}."
    rule = GRADES[capped].rule if capped == place else PARTIAL_RULE
    return Rating(letters[capped], is_partial and not is_worst, rule, reason[:1].upper() + reason[1:])


def _counted(causes: Mapping[str, int]) -> str:
    """`10 critical causes, 75 high, 81 medium`; what no grade looks at is left out."""
    critical, *rest = (word for word in SEVERITIES if word in GRADES[0].most)
    parts = [count(causes[critical], f"{critical} cause"), *(f"{number(causes[word])} {word}" for word in rest)]
    return ", ".join(parts)


def _answered(assessed: float | None) -> str:
    if assessed is None:
        return "No question applies"
    return f"{percent(assessed)} of the questions have an answer"


def _incomplete(gaps: int) -> str:
    return f", and the run is incomplete for {count(gaps, 'reason')}" if gaps else ""
