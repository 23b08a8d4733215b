"""The rows of the executive page: what a manager must know of a run, on one sheet of paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vbr_audit.display import count, day, number, percent, shorten, size
from vbr_audit.reports.causes import causes_text
from vbr_audit.reports.html.board import (
    LINE,
    MOST_RISKS,
    NAME,
    Fixed,
    GradeLine,
    RatedMonth,
    Risk,
    causes_left,
    first_names,
    grade_style,
    not_answered,
    rated_months,
    scale_of,
    what_was_fixed,
    worst_risks,
)
from vbr_audit.reports.since import Since, since_of
from vbr_audit.reports.words import Badge, badge

if TYPE_CHECKING:
    from vbr_audit.findings.results import AreaCount, Results
    from vbr_audit.findings.waivers import Waiver
    from vbr_audit.reports.context import ReportContext
    from vbr_audit.reports.figures.digits import Protection
    from vbr_audit.reports.figures.repository_space import RepositorySpace

MOST_REMEDIES: Final = 2
MOST_LINES: Final = 4
"""Maximum number of lines of a list on the sheet; what is left out is counted."""
MOST_SERVERS: Final = 3
"""A line names so many servers, and counts the others."""
MOST_GAP: Final = 240
"""Characters of why something is missing: what a reader of this page must not miss."""
_GIB: Final = 2**30
MOST_DETAIL: Final = 420
"""Characters of what the verdict says in detail."""


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
    """What the executive page shows beside the big numbers, in lines that fit on it; `grade` is how its grade looks."""

    servers: str
    note: str
    unverified: str
    title: str
    detail: str
    grade: str
    scale: tuple[GradeLine, ...]
    months: tuple[RatedMonth, ...]
    risks: tuple[Risk, ...]
    causes: str
    causes_left: str
    fixed: Fixed | None
    areas: tuple[AreaLine, ...]
    digits: tuple[DigitLine, ...]
    objects: str
    capacity: Lines
    restore_tests: str
    exceptions: Lines
    incomplete: Lines
    remedies: tuple[str, ...]
    not_known: tuple[str, ...]
    since: Since | None


def build_brief(context: ReportContext) -> Brief:
    """The rows of the executive page, worst first."""
    results = context.results
    rating, risks = results.summary.rating, worst_risks(results, MOST_RISKS)
    return Brief(
        title=shorten(context.title, LINE),
        detail=shorten(results.summary.verdict.detail, MOST_DETAIL),
        grade=grade_style(rating),
        scale=scale_of(rating),
        months=rated_months(context.figures.months),
        servers=first_names((server.name for server in context.manifest.servers), MOST_SERVERS) or "no server",
        note=shorten(context.manifest.run.note, LINE) if context.manifest.run.note else "",
        unverified=first_names(context.unverified, MOST_SERVERS),
        risks=risks,
        causes=causes_text(results.causes),
        causes_left=causes_left(results, risks),
        fixed=what_was_fixed(results.changes),
        areas=tuple(_area_line(area) for area in results.summary.by_area),
        digits=_digit_lines(context.figures.protection),
        objects=count(context.figures.protection.objects, "protected object"),
        capacity=_capacity(context.figures.spaces),
        restore_tests=_restore_tests(results.summary.by_area),
        exceptions=_lines(_exceptions(results)),
        incomplete=_lines([gap.text for gap in context.gaps], MOST_GAP),
        remedies=tuple(dict.fromkeys(gap.remedy for gap in context.gaps))[:MOST_REMEDIES],
        not_known=not_answered(results),
        since=since_of(results.changes, context.zone),
    )


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
        f"{shorten(space.name, NAME)}: {percent(space.free_share)} free of {size((space.capacity_gb or 0) * _GIB)}"
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
    return f"{shorten(waiver.id, NAME)} for {shorten(waiver.check, NAME)}, owner {shorten(waiver.owner, NAME)}"


def _lines(texts: list[str], longest: int = LINE) -> Lines:
    return Lines(_short(texts[:MOST_LINES], longest), max(len(texts) - MOST_LINES, 0))


def _short(texts: list[str], longest: int = LINE) -> tuple[str, ...]:
    return tuple(shorten(text, longest) for text in texts)
