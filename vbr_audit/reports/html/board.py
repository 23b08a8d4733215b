"""What a board asks of a run: the grade and how it came, the worst risks, what was fixed, what nobody could answer."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from vbr_audit.checks.logic.three_valued import surely
from vbr_audit.display import NOT_KNOWN, count, day, is_known, number, shorten
from vbr_audit.findings.gaps import LimitKind
from vbr_audit.findings.lifecycle import State
from vbr_audit.findings.rating import GRADES, NOT_RATED, Rating
from vbr_audit.histories.trends import MONTHS_SHOWN
from vbr_audit.reports.figures.month_trend import month_names_before
from vbr_audit.reports.record import NO_NAME, cell_text, check_anchor, severity_rank
from vbr_audit.reports.words import Badge, badge
from vbr_audit.vocabulary import SEVERITIES

if TYPE_CHECKING:
    from vbr_audit.findings.changes import Changes
    from vbr_audit.findings.failures import Failures
    from vbr_audit.findings.results import Results
    from vbr_audit.reports.figures.month_trend import MonthTrend

MOST_RISKS: Final = 5
MOST_WHERE: Final = 3
MOST_OWNERS: Final = 2
MOST_FIXED: Final = 3
MOST_AREAS: Final = 4
LINE: Final = 120
"""Characters of a line; the full report has the rest."""
MOST_CONSEQUENCE: Final = 200
"""Characters of what may come of a risk."""
NAME: Final = 32
"""Characters of a name within a line."""
_GRADE_STYLES: Final = {"A": "pass", "B": "pass", "C": "warn", "D": "fail", "E": "fail", NOT_RATED: "unk"}


@dataclass(frozen=True)
class GradeLine:
    """One grade of the scale with its rule, and whether it is that of the run."""

    letter: str
    rule: str
    style: str
    is_own: bool


@dataclass(frozen=True)
class RatedMonth:
    """One month: its grade, empty where no run is about it, its critical causes, what else changed before it."""

    month: str
    grade: str
    style: str
    note: str
    critical: str
    changed: str


@dataclass(frozen=True)
class Risk:
    """The causes of one severity of one check: what may come of it and why, where, who owns it, by when it is due.

    `causes` counts the causes of this severity alone, so that those of all risks add up to no more than the report has;
    `where` names the first of them, `owner` those who own their machines, `due` is the first day by which one is due.
    """

    badge: Badge
    check_id: str
    check_anchor: str
    consequence: str
    causes: str
    where: str
    owner: str
    due: str
    is_overdue: bool


@dataclass(frozen=True)
class Fixed:
    """What was fixed since the earlier run: how many findings, and the first of them by object and check."""

    number: str
    names: str


def grade_style(rating: Rating) -> str:
    """The class of a grade in the style; the letter says it, too."""
    return _GRADE_STYLES[rating.grade]


def scale_of(rating: Rating) -> tuple[GradeLine, ...]:
    """The whole scale, the best grade first."""
    return tuple(
        GradeLine(grade.letter, grade.rule, _GRADE_STYLES[grade.letter], grade.letter == rating.grade)
        for grade in GRADES
    )


def rated_months(months: MonthTrend | None) -> tuple[RatedMonth, ...]:
    """Twelve months, the oldest first; those before the first run have none. Empty where no earlier run is known."""
    if months is None:
        return ()
    missing = MONTHS_SHOWN - len(months.months)
    before = [RatedMonth(name, "", "gap", "no run", "", "") for name in month_names_before(months.months[0], missing)]
    return (*before, *(_rated_month(months, at) for at in range(len(months.months))))


def _rated_month(months: MonthTrend, at: int) -> RatedMonth:
    rating, critical = months.ratings[at], dict(months.causes)[SEVERITIES[0]][at]
    if rating is None:
        return RatedMonth(months.months[at], "", "gap", "no run", "", "")
    return RatedMonth(
        month=months.months[at],
        grade=rating.grade if rating.is_rated else "–",
        style=grade_style(rating),
        note="at best" if rating.at_best else "" if rating.is_rated else NOT_RATED,
        critical="" if critical is None else f"{number(critical)} critical",
        changed=months.marks[at],
    )


def worst_risks(results: Results, most: int) -> tuple[Risk, ...]:
    """The causes by severity and check, the worst first, then those of most findings; at most so many."""
    groups, failing = [], results.failed.groupby(["check_id", "cause"]).size().to_dict()
    for key, rows in results.causes.groupby(["severity", "check_id"], sort=True):
        severity, check_id = map(str, key)
        findings = sum(failing.get((check_id, cause), 0) for cause in set(rows["cause"]))
        rank = severity_rank(severity)
        groups.append((rank, -findings, check_id, rows))
    worst = sorted(groups, key=lambda entry: entry[:3])[:most]
    return tuple(_risk(rows, -fewer, results.failures) for _, fewer, _, rows in worst)


def _risk(causes: pd.DataFrame, findings: int, failures: Failures) -> Risk:
    """The `causes` of one severity of one check, of which so many `findings` are."""
    one = causes.iloc[0]
    check_id, servers = cell_text(one["check_id"]), causes["server"].nunique()
    return Risk(
        badge=badge("FAIL", cell_text(one["severity"])),
        check_id=check_id,
        check_anchor=check_anchor(check_id),
        consequence=shorten(failures.told_alone(check_id, findings) or cell_text(one["title"]), MOST_CONSEQUENCE),
        causes=count(len(causes), "cause"),
        where=first_names([name if is_known(name) else NO_NAME for name in causes["name"].tolist()], MOST_WHERE)
        + (f" on {count(servers, 'server')}" if servers > 1 else ""),
        owner=first_names(causes["owner"].dropna().tolist(), MOST_OWNERS) or "nobody named",
        due=_due(causes["due"]),
        is_overdue=bool(surely(causes["overdue"]).any()),
    )


def first_names(names: Iterable[str], most: int) -> str:
    """`Web frontends, Test lab and 4 more`: the first names, each once."""
    each = list(dict.fromkeys(shorten(name, NAME) for name in names))
    return ", ".join(each[:most]) + (f" and {number(len(each) - most)} more" if len(each) > most else "")


def _due(days: pd.Series) -> str:
    """The first of the days by which causes are due."""
    known = days.dropna()
    return day(dt.date.fromisoformat(str(known.min()))) if len(known) else NOT_KNOWN


def causes_left(results: Results, shown: tuple[Risk, ...]) -> str:
    """The causes that none of the risks `shown` has, by severity: `2 critical, 74 high`; empty where there is none."""
    named = {(risk.badge.word, risk.check_id) for risk in shown}
    pairs = zip(results.causes["severity"].tolist(), results.causes["check_id"].tolist(), strict=True)
    left = Counter(severity for severity, check_id in pairs if (severity, check_id) not in named)
    return ", ".join(f"{number(left[severity])} {severity}" for severity in SEVERITIES if left[severity])


def what_was_fixed(changes: Changes | None) -> Fixed | None:
    """What was fixed since the earlier run; None where none is at hand."""
    if changes is None:
        return None
    rows = changes.having(State.FIXED)
    pairs = dict.fromkeys(zip(rows["object_name"].tolist(), rows["check_id"].tolist(), strict=True))
    names = [f"{shorten(name if is_known(name) else NO_NAME, NAME)} ({check})" for name, check in pairs]
    more = f" and {number(len(names) - MOST_FIXED)} more" if len(names) > MOST_FIXED else ""
    return Fixed(number(len(rows)), ", ".join(names[:MOST_FIXED]) + more)


def not_answered(results: Results) -> tuple[str, ...]:
    """What nobody could answer: open questions by area, what the policy leaves out, what lies outside."""
    return tuple(_not_answered(results))


def _not_answered(results: Results) -> Iterator[str]:
    areas = [(area.counts["UNKNOWN"] + area.counts["ERROR"], area.area) for area in results.summary.by_area]
    asked = sorted(((unknown, name) for unknown, name in areas if unknown), key=lambda entry: -entry[0])
    total = sum(unknown for unknown, _ in asked)
    parts = ", ".join(f"{name} {number(unknown)}" for unknown, name in asked[:MOST_AREAS])
    more = f" and {count(len(asked) - MOST_AREAS, 'other area')}" if len(asked) > MOST_AREAS else ""
    yield f"{count(total, 'question')} without an answer{f': {parts}{more}' if asked else ''}"
    limits = Counter(limit.kind for limit in results.outside)
    scopes = (limit.subject for limit in results.outside if limit.kind == LimitKind.SCOPE)
    yield from (f"Only jobs whose name fits {shorten(subject, NAME)} are in scope" for subject in scopes)
    if limits[LimitKind.DISABLED]:
        yield f"{count(limits[LimitKind.DISABLED], 'check')} turned off by the policy"
    if limits[LimitKind.NOT_WHOLE]:
        yield f"{count(limits[LimitKind.NOT_WHOLE], 'dataset')} that no check needs, not read whole"
    if limits[LimitKind.OUT_OF_REACH]:
        yield " ".join(str(limit) for limit in results.outside if limit.kind == LimitKind.OUT_OF_REACH)
