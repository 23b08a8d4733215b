"""The rows of the executive page: what a manager must know of a run, on one sheet of paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from vbr_audit.display import count, day, is_known, number, percent, plain, shorten
from vbr_audit.findings.gaps import LimitKind
from vbr_audit.reports.causes import causes_text
from vbr_audit.reports.record import NO_NAME, cell_text, severity_rank
from vbr_audit.reports.since import Since, since_of
from vbr_audit.reports.words import Badge, badge
from vbr_audit.vocabulary import SEVERITIES

if TYPE_CHECKING:
    from vbr_audit.findings.failures import Failures
    from vbr_audit.findings.results import AreaCount, Results
    from vbr_audit.findings.waivers import Waiver
    from vbr_audit.reports.context import ReportContext
    from vbr_audit.reports.figures.digits import Protection
    from vbr_audit.reports.figures.month_trend import MonthTrend
    from vbr_audit.reports.figures.repository_space import RepositorySpace

MOST_RISKS: Final = 5
MOST_CAUSES: Final = 3
MOST_AREAS: Final = 3
MOST_REMEDIES: Final = 2
MOST_LINES: Final = 4
"""Maximum number of lines of a list on the sheet; what is left out is counted."""
LINE: Final = 120
"""Characters of a line; the full report has the rest."""
NAME: Final = 24
"""Characters of a name within a line."""


@dataclass(frozen=True)
class Risk:
    """One check that fails: how bad, what is wrong on how many objects of how many over all servers (`failure`), and
    what to do.

    `causes` says how many causes that has, `where` the first of them with the number of findings that each settles.
    """

    badge: Badge
    check_id: str
    title: str
    failure: str
    failing: str
    population: str
    causes: str
    where: str
    remedy: str


@dataclass(frozen=True)
class AreaLine:
    """One area: how many findings fail, are accepted and have no answer, and its compliance."""

    area: str
    badge: Badge
    failing: str
    waived: str
    not_answered: str
    passing: str
    compliance: str


@dataclass(frozen=True)
class DigitLine:
    """One digit of 3-2-1-1-0: how many protected objects meet it, do not, or are not known to."""

    digit: str
    word: str
    met: str
    not_met: str
    not_known: str


@dataclass(frozen=True)
class Lines:
    """The first lines of a list, and how many were left out."""

    shown: tuple[str, ...]
    more: int


@dataclass(frozen=True)
class Brief:
    """What the executive page shows beside the verdict and the big numbers, in lines that fit on it."""

    servers: str
    note: str
    unverified: str
    risks: tuple[Risk, ...]
    more_risks: int
    causes: str
    areas: tuple[AreaLine, ...]
    digits: tuple[DigitLine, ...]
    objects: str
    capacity: Lines
    restore_tests: str
    exceptions: Lines
    incomplete: Lines
    remedies: tuple[str, ...]
    not_known: Lines
    since: Since | None
    months: tuple[tuple[str, str], ...]


def build_brief(context: ReportContext) -> Brief:
    """The rows of the executive page, worst first."""
    results = context.results
    risks = _risks(results)
    return Brief(
        servers=shorten(context.servers_text, LINE),
        note=shorten(context.manifest.run.note, LINE) if context.manifest.run.note else "",
        unverified=shorten(", ".join(context.unverified), LINE),
        risks=risks[:MOST_RISKS],
        more_risks=max(len(risks) - MOST_RISKS, 0),
        causes=causes_text(results.causes),
        areas=tuple(_area_line(area) for area in results.summary.by_area),
        digits=_digit_lines(context.figures.protection),
        objects=count(context.figures.protection.objects, "protected object"),
        capacity=_capacity(context.figures.spaces),
        restore_tests=_restore_tests(results.summary.by_area),
        exceptions=_lines(_exceptions(results)),
        incomplete=_lines([gap.text for gap in context.gaps]),
        remedies=tuple(dict.fromkeys(gap.remedy for gap in context.gaps))[:MOST_REMEDIES],
        not_known=_lines(_not_known(results)),
        since=since_of(results.changes, context.zone),
        months=_months(context.figures.months),
    )


def _months(months: MonthTrend | None) -> tuple[tuple[str, str], ...]:
    """Each month with the causes of what failed; a month without a run has none, and says so."""
    if months is None:
        return ()
    pairs = zip(months.months, months.totals, strict=True)
    return tuple((name, "no run" if total is None else number(total)) for name, total in pairs)


def _risks(results: Results) -> tuple[Risk, ...]:
    """The checks that fail, by the worst severity of their findings, then by the number of objects."""
    causes = results.causes
    population = results.coverage.groupby("check_id")["population"].agg(lambda values: values.sum(skipna=False))
    risks = []
    for check_id, rows in results.failed.groupby("check_id", sort=True):
        rank = min(severity_rank(severity) for severity in rows["severity"])
        own = causes[causes["cause"].isin(rows["cause"])]
        risks.append((rank, -len(rows), str(check_id), _risk(rows, own, rank, population[check_id], results.failures)))
    return tuple(risk for *_, risk in sorted(risks, key=lambda entry: entry[:3]))


def _risk(failed: pd.DataFrame, causes: pd.DataFrame, rank: int, population: Any, failures: Failures) -> Risk:
    """One check that fails, with its findings and their causes; the worst of these come first."""
    one = failed.iloc[0]
    return Risk(
        badge=badge("FAIL", SEVERITIES[rank]),
        check_id=cell_text(one["check_id"]),
        title=cell_text(one["title"]),
        failure=failures.of_check(cell_text(one["check_id"])),
        failing=number(len(failed)),
        population=number(population if is_known(population) else None),
        causes=count(len(causes), "cause"),
        where=_where(causes),
        remedy=shorten(" ".join(cell_text(one["remediation"]).split()), LINE),
    )


def _where(causes: pd.DataFrame) -> str:
    """`Web frontends (10), Test lab (3) and 4 more`: the first causes with the findings that each would settle."""
    first = causes.head(MOST_CAUSES)
    names = ", ".join(
        f"{shorten(name if is_known(name) else NO_NAME, NAME)} ({number(findings)})"
        for name, findings in zip(first["name"].tolist(), first["findings"].tolist(), strict=True)
    )
    return names + (f" and {number(len(causes) - len(first))} more" if len(causes) > len(first) else "")


def _area_line(area: AreaCount) -> AreaLine:
    counts = area.counts
    open_questions = counts["UNKNOWN"] + counts["ERROR"]
    answered = counts["PASS"] + counts["WAIVED"]
    state = "FAIL" if counts["FAIL"] else "UNKNOWN" if open_questions else "PASS" if answered else "NOT_APPLICABLE"
    return AreaLine(
        area=area.area,
        badge=badge(state),
        failing=number(counts["FAIL"]),
        waived=number(counts["WAIVED"]),
        not_answered=number(open_questions),
        passing=number(counts["PASS"]),
        compliance=percent(area.compliance),
    )


def _digit_lines(protection: Protection) -> tuple[DigitLine, ...]:
    return tuple(
        DigitLine(row.digit, row.word, number(row.met), number(row.not_met), number(row.not_known))
        for row in protection.digits
    )


def _capacity(spaces: tuple[RepositorySpace, ...]) -> Lines:
    """The fullest repositories, and how many do not report their space."""
    known = [space for space in spaces if space.free_share is not None]
    silent = len(spaces) - len(known)
    shown = [
        f"{plain(space.name)}: {percent(space.free_share)} free of {number(space.capacity_gb)} GB"
        for space in known[: MOST_LINES - 1]
    ]
    unknown = [f"{count(silent, 'repository', 'repositories')} of unknown capacity"] if silent else []
    return Lines(_short(shown + unknown), len(known) - len(shown))


def _restore_tests(areas: tuple[AreaCount, ...]) -> str:
    """What the checks of restore tests say, in one sentence."""
    own = next((area for area in areas if area.area == "Restore tests"), None)
    if own is None:
        return "No check of restore tests is enabled."
    counts = own.counts
    counted = ((counts["PASS"], "good"), (counts["FAIL"], "bad"), (counts["WAIVED"], "accepted"))
    unanswered = counts["UNKNOWN"] + counts["ERROR"]
    parts = [f"{number(number_of)} {word}" for number_of, word in counted if number_of]
    parts += [f"{number(unanswered)} without an answer"] if unanswered else []
    asked = count(sum(number_of for number_of, _ in counted) + unanswered, "question")
    return f"Restore tests: of {asked}, {', '.join(parts)}." if parts else "Restore tests: nothing to judge."


def _exceptions(results: Results) -> list[str]:
    """Waivers that have expired, that are too long and that end soon, the nearest end first."""
    waivers = results.waivers
    expired = [f"expired on {day(waiver.expires)}: {_waiver(waiver)}" for waiver in _by_end(waivers.expired)]
    ending = [f"ends on {day(waiver.expires)}: {_waiver(waiver)}" for waiver in _by_end(waivers.expiring_soon)]
    long = [f"too long, so it accepts nothing: {_waiver(waiver)}" for waiver in _by_end(waivers.too_long)]
    return expired + long + ending


def _by_end(waivers: tuple[Waiver, ...]) -> list[Waiver]:
    return sorted(waivers, key=lambda waiver: (waiver.expires, waiver.id))


def _waiver(waiver: Waiver) -> str:
    return f"{waiver.id} for {waiver.check}, owner {waiver.owner}"


def _not_known(results: Results) -> list[str]:
    """The areas with the most questions that have no answer, what was not looked at, how many checks are off."""
    areas = [(area.counts["UNKNOWN"] + area.counts["ERROR"], area.area) for area in results.summary.by_area]
    asked = sorted(((unknown, name) for unknown, name in areas if unknown), key=lambda entry: -entry[0])
    parts = ", ".join(f"{name} {number(unknown)}" for unknown, name in asked[:MOST_AREAS])
    more = f" and {count(len(asked) - MOST_AREAS, 'other area')}" if len(asked) > MOST_AREAS else ""
    off = [use.check.id for use in results.uses if not use.enabled]
    return [
        *([f"Questions without an answer: {parts}{more}"] if asked else []),
        *([f"{count(len(off), 'check')} turned off by the policy"] if off else []),
        *(str(limit) for limit in results.outside if limit.kind != LimitKind.DISABLED),
    ]


def _lines(texts: list[str]) -> Lines:
    return Lines(_short(texts[:MOST_LINES]), max(len(texts) - MOST_LINES, 0))


def _short(texts: list[str]) -> tuple[str, ...]:
    return tuple(shorten(text, LINE) for text in texts)
