"""The tables of the HTML page, in words: at most `MAX_ROWS` rows of each, the worst first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.checks.derived.protection import DIGITS
from vbr_audit.display import NOT_KNOWN, count, day, duration, is_known, number, percent, plain, shorten, size
from vbr_audit.findings.gaps import LimitKind
from vbr_audit.findings.results import WaiverOutcome, WaiverState
from vbr_audit.reports.causes import Urgent, cause_rows, causes_text, due_rule, urgent_causes, with_findings
from vbr_audit.reports.figures.digits import DigitCount
from vbr_audit.reports.figures.scorecard import GLANCE, JobScore
from vbr_audit.reports.html.board import Risk, worst_risks
from vbr_audit.reports.html.checks import (
    Area,
    Wrong,
    check_areas,
    check_rows,
    disabled_checks,
    finding_rows,
    findings_beneath,
    open_questions,
    wrong_in_short,
)
from vbr_audit.reports.html.estate_part import EstateRows, estate_rows
from vbr_audit.reports.html.first_screen import TrendLine, trend_line
from vbr_audit.reports.record import NO_NAME, Capped, anchor, cell_text, clock_text, first_rows, record_text
from vbr_audit.reports.since import Since, since_of
from vbr_audit.reports.words import STATUS_WORDS, Badge, badge
from vbr_audit.vocabulary import COUNT_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from vbr_audit.findings.results import Results
    from vbr_audit.findings.waivers import Waiver
    from vbr_audit.reports.context import ReportContext


MAX_ROWS = 1_000
"""The page shows so many rows of a table; the workbook has them all."""
MAX_WIDE_ROWS = 500
"""The tables of causes, of jobs and of protected objects show half as many, so that the page stays below 2 MB."""
MOST_FIRST = 3
"""So many of the worst risks stand on the first screen; the executive page has more of them."""
MOST_BENEATH = 50
"""So many findings of one cause stand beneath it; the workbook has them all."""
PRINT_BENEATH = 3
"""On paper, so many of them."""
PRINT_ROWS = 100
"""On paper a table has so many rows, and says so; the page and the workbook have more."""


@dataclass(frozen=True)
class Page:
    """The tables of the page."""

    many_servers: bool
    causes: Capped
    causes_told: str
    plan: tuple[Urgent, ...]
    due_rule: str
    trend: TrendLine | None
    risks: tuple[Risk, ...]
    in_short: tuple[Wrong, ...]
    wrong: Capped
    questions: Capped
    accepted: Capped
    checks: Capped
    areas: tuple[Area, ...]
    glance: tuple[str, ...]
    jobs: Capped
    runs: Capped
    waivers: Capped
    access: Capped
    not_asked: Capped
    out_of_reach: tuple[str, ...]
    limits: tuple[str, ...]
    disabled: tuple[tuple[str, str, str], ...]
    frameworks: tuple[FrameworkTable, ...]
    digits: tuple[DigitCount, ...]
    protection: Capped
    left: tuple[LeftRow, ...]
    since: Since | None
    estate: EstateRows


def build_page(context: ReportContext) -> Page:
    """The rows that the page shows."""
    results = context.results
    findings, status = results.findings, results.findings["status"]
    causes = cause_rows(results.causes, MAX_WIDE_ROWS)
    anchors = {row.anchor for row in causes.rows}
    beneath = findings_beneath(results.failed, anchors, MOST_BENEATH)
    wrong = Capped(finding_rows(beneath, MAX_ROWS, results.failures, anchors).rows, len(results.failed))
    shown = {row.finding_id for row in wrong.rows}
    return Page(
        many_servers=len(context.manifest.servers) > 1,
        causes=with_findings(causes, wrong.rows),
        causes_told=causes_text(results.causes),
        plan=urgent_causes(results.causes),
        due_rule=due_rule(),
        trend=trend_line(context.figures.months),
        risks=worst_risks(results, MOST_FIRST),
        in_short=wrong_in_short(results),
        wrong=wrong,
        questions=open_questions(findings[status.isin(["UNKNOWN", "ERROR"])], MAX_ROWS),
        accepted=finding_rows(findings[status == "WAIVED"], MAX_ROWS, results.failures),
        checks=check_rows(context, MAX_ROWS),
        areas=check_areas(context, shown),
        glance=GLANCE_WORDS,
        jobs=job_rows(context, MAX_WIDE_ROWS),
        runs=run_rows(context, MAX_ROWS),
        waivers=waiver_rows(results, MAX_ROWS),
        access=_capped(row for row in context.access if row.is_asked),
        not_asked=_capped(row for row in context.access if not row.is_asked),
        out_of_reach=tuple(str(limit) for limit in results.outside if limit.kind == LimitKind.OUT_OF_REACH),
        limits=tuple(str(limit) for limit in results.outside if limit.kind != LimitKind.OUT_OF_REACH),
        disabled=tuple(disabled_checks(results.uses)),
        frameworks=framework_tables(results.requirements),
        digits=context.figures.protection.digits,
        protection=Capped(protection_rows(results.protected, MAX_WIDE_ROWS), len(results.protected)),
        left=left_rows(results.left, context.zone),
        since=since_of(results.changes, context.zone, shown),
        estate=estate_rows(context),
    )


def _capped(rows: Iterable[Any]) -> Capped:
    return first_rows(tuple(rows), MAX_ROWS)


# The rows of the page that answer to frameworks: each requirement, what the run says to it, and by which checks.

_ANSWER_STYLES = {
    "supports": "PASS",
    "exception": "FAIL",
    "exception, accepted": "WAIVED",
    "insufficient evidence": "UNKNOWN",
}
_COUNTED = tuple(name for name in COUNT_COLUMNS if name != "not_applicable")


@dataclass(frozen=True)
class RequirementRow:
    """One requirement of a framework: the badge of its answer, its checks with anchors, and the counts in words."""

    requirement: str
    title: str
    judgement: str
    badge: Badge
    why: str
    checks: tuple[tuple[str, str], ...]
    counts: str


@dataclass(frozen=True)
class FrameworkTable:
    """One framework with its requirements, and how many of them have which answer."""

    name: str
    anchor: str
    told: str
    rows: tuple[RequirementRow, ...]


def framework_tables(requirements: pd.DataFrame) -> tuple[FrameworkTable, ...]:
    """The requirements by framework, in their order."""
    records = requirements.to_dict("records")
    return tuple(
        _framework_table(str(name), list(rows)) for name, rows in groupby(records, key=lambda row: row["framework"])
    )


def _framework_table(name: str, records: list[dict[Any, Any]]) -> FrameworkTable:
    rows = tuple(_requirement_row(record) for record in records)
    words = [row.badge.word for row in rows]
    description = ", ".join(f"{number(words.count(word))} {word}" for word in _ANSWER_STYLES if word in words)
    edition = plain(records[0]["edition"]) if is_known(records[0]["edition"]) else ""
    title = f"{plain(name)}, {edition}" if edition and edition not in name else plain(name)
    return FrameworkTable(title, anchor("framework", name), f"{count(len(rows), 'requirement')}: {description}", rows)


def _requirement_row(record: dict[Any, Any]) -> RequirementRow:
    text = record_text(record)
    ids = [name for name in text["checks"].split(", ") if name]
    return RequirementRow(
        requirement=text["requirement"],
        title=text["title"],
        judgement=text["judgement"],
        badge=badge(_ANSWER_STYLES.get(text["answer"], "UNKNOWN"), text["answer"]),
        why=text["why"],
        checks=tuple((check_id, anchor("check", check_id)) for check_id in ids),
        counts=", ".join(_counted(record)),
    )


def _counted(record: dict[Any, Any]) -> Iterator[str]:
    for name in _COUNTED:
        if record[name]:
            yield f"{number(record[name])} {name}"


# The register of exceptions on the page: every waiver, those that end soon first.

_WAIVER_LOOKS: Final = {
    WaiverState.ENDS_SOON: "UNKNOWN",
    WaiverState.IN_FORCE: "WAIVED",
    WaiverState.EXPIRED: "FAIL",
    WaiverState.TOO_LONG: "FAIL",
    WaiverState.FITS_NOTHING: "NOT_APPLICABLE",
}
"""What may become of a waiver, in the order of the register, with the status whose looks it has."""
_WAIVER_ORDER: Final = tuple(_WAIVER_LOOKS)


@dataclass(frozen=True)
class WaiverRow:
    """One waiver: what became of it, what it accepts, who answers for it, until when, and how many findings it meets.

    `note` says why it accepts nothing, where that is so.
    """

    badge: Badge
    rank: int
    waiver_id: str
    check: str
    about: str
    reason: str
    owner: str
    approver: str
    ticket: str
    created: str
    expires: str
    expires_sort: str
    matched: str
    note: str


def waiver_rows(results: Results, limit: int) -> Capped:
    """Every waiver of the run by what became of it, then by its last day."""
    rows = [_waiver_row(outcome) for outcome in results.waivers.outcomes]
    return first_rows(sorted(rows, key=lambda row: (row.rank, row.expires_sort, row.waiver_id)), limit)


def _waiver_row(outcome: WaiverOutcome) -> WaiverRow:
    waiver, state = outcome.waiver, outcome.state
    accepts = state in (WaiverState.IN_FORCE, WaiverState.ENDS_SOON)
    return WaiverRow(
        badge=badge(_WAIVER_LOOKS[state], state),
        rank=_WAIVER_ORDER.index(state),
        waiver_id=cell_text(waiver.id),
        check=cell_text(waiver.check),
        about=_about(waiver),
        reason=cell_text(waiver.reason),
        owner=cell_text(waiver.owner),
        approver=cell_text(waiver.approved_by),
        ticket=cell_text(waiver.ticket),
        created=_day(waiver.created),
        expires=_day(waiver.expires),
        expires_sort=waiver.expires.isoformat(),
        matched=number(outcome.accepted),
        note="" if accepts else state.meaning,
    )


def _about(waiver: Waiver) -> str:
    subject = waiver.object_name or waiver.object_id
    where = f" on {cell_text(waiver.server)}" if waiver.server else ""
    return f"{cell_text(subject)}{where}"


def _day(date: Any) -> str:
    return day(date) if isinstance(date, dt.date) else NOT_KNOWN


# The rows of the page that show 3-2-1-1-0 for each protected object, the least protected first.


@dataclass(frozen=True)
class ProtectionRow:
    """One protected object: its five digits, the facts behind them, and how many are met."""

    server: str
    name: str
    kind: str
    tier: str
    digits: tuple[Badge, ...]
    copies: str
    repositories: str
    media: str
    offsite: str
    protected: str
    score: str
    rank: int


def protection_rows(objects: pd.DataFrame, limit: int) -> tuple[ProtectionRow, ...]:
    """The first `limit` objects, the least protected first: by digits that are surely met, then by name."""
    met = objects[list(DIGITS)].fillna(False).sum(axis=1)
    order = objects.assign(met=met).sort_values(["met", "name", "server"], kind="stable").head(limit)
    return tuple(_protection_row(record) for record in order.to_dict("records"))


def _protection_row(record: dict[Any, Any]) -> ProtectionRow:
    text = record_text(record)
    kind = ", ".join(_known([text["type"], text["platform"]]))
    return ProtectionRow(
        server=text["server"],
        name=text["name"] or "(no name)",
        kind=kind,
        tier=text["tier"],
        digits=tuple(_digit(record[name]) for name in DIGITS),
        copies=text["copies_count"],
        repositories=text["repositories"],
        media=text["media"],
        offsite=text["offsite_repositories"],
        protected=text["protected_repositories"],
        score=text["score"] or NOT_KNOWN,
        rank=int(record["met"]),
    )


@dataclass(frozen=True)
class LeftRow:
    """The objects of one server that no job backs up any more for one reason, and what their backups take."""

    server: str
    standing: str
    objects: str
    points: str
    size: str
    oldest: str
    names: str


def left_rows(groups: pd.DataFrame, zone: dt.tzinfo) -> tuple[LeftRow, ...]:
    """The rows of `left_objects`; what is not known says so."""
    return tuple(_left_row(record, zone) for record in groups.to_dict("records"))


def _left_row(record: dict[Any, Any], zone: dt.tzinfo) -> LeftRow:
    text = record_text(record)
    return LeftRow(
        server=text["server"],
        standing=text["standing"],
        objects=number(record["objects_count"]),
        points=number(record["points_count"]),
        size=size(record["backup_bytes"]),
        oldest=clock_text(record["oldest_end"], zone),
        names=shorten(text["names"], 300),
    )


def _digit(value: Any) -> Badge:
    if not is_known(value):
        return badge("UNKNOWN", NOT_KNOWN)
    return badge("PASS", "yes") if value else badge("FAIL", "no")


def _known(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


# The rows of the page about jobs: the scorecard, and the runs of the period.

_RESULT_STYLES: Final = {"Success": "PASS", "Warning": "WARNING", "Failed": "FAIL"}
_RESULTS: Final = ("Failed", "Warning", "Success")
_LONGEST_MESSAGE: Final = 200


@dataclass(frozen=True)
class JobRow:
    """One job of the scorecard: its worst finding, what is off or missing of its settings, how its runs went."""

    server: str
    name: str
    type: str
    note: str
    badge: Badge
    rank: int
    findings: str
    settings: tuple[str, ...]
    last_result: Badge
    last_run: str
    last_run_sort: str
    runs: str
    success_rate: str


@dataclass(frozen=True)
class RunRow:
    """One run of a job, its retries folded into it."""

    server: str
    job: str
    badge: Badge
    rank: int
    started: str
    started_sort: str
    duration: str
    duration_s: str
    attempts: str
    message: str


def job_rows(context: ReportContext, limit: int) -> Capped:
    """The first `limit` jobs of the scorecard, the worst first."""
    scores = context.figures.scores
    rows = tuple(_job_row(score, rank, context.zone) for rank, score in enumerate(scores[:limit]))
    return Capped(rows, len(scores))


def _job_row(score: JobScore, rank: int, zone: dt.tzinfo) -> JobRow:
    note = "disabled" if score.is_disabled else "" if score.is_disabled is False else "disabled or not: not known"
    return JobRow(
        server=cell_text(score.server),
        name=cell_text(score.name) or NO_NAME,
        type=cell_text(score.type),
        note=note,
        badge=badge(score.status or "NOT_APPLICABLE", score.severity or (None if score.status else "not judged")),
        rank=rank,
        findings=", ".join(_job_statuses(score)) or "none",
        settings=tuple(value or NOT_KNOWN for value in score.settings),
        last_result=_result_badge(score.last_result),
        last_run=clock_text(score.last_run, zone),
        last_run_sort=_sortable(score.last_run),
        runs=number(score.runs),
        success_rate=percent(score.success_rate) if score.known else "no run",
    )


def _job_statuses(score: JobScore) -> Iterator[str]:
    for status in ("FAIL", "ERROR", "UNKNOWN", "WAIVED"):
        if score.statuses[status]:
            yield f"{number(score.statuses[status])} {STATUS_WORDS[status]}"


GLANCE_WORDS: Final = tuple(word for _, word in GLANCE)
"""The headers of the settings of the scorecard."""


def run_rows(context: ReportContext, limit: int) -> Capped:
    """The first `limit` runs of the period: failed ones, then warnings, then the others; the newest first."""
    runs, jobs = context.figures.runs, context.snapshot.jobs
    rank = runs["result"].map({name: place for place, name in enumerate(_RESULTS)}).fillna(1.5)
    chosen = runs.assign(rank=rank.astype(float)).sort_values("rank", kind="stable").head(limit)
    names = _job_names(jobs)
    rows = tuple(_run_row(record, names, context.zone) for record in chosen.to_dict("records"))
    return Capped(rows, len(runs))


def _job_names(jobs: pd.DataFrame) -> dict[tuple[Any, Any], str]:
    keys = zip(jobs["server"].tolist(), jobs["job_id"].tolist(), strict=True)
    return dict(zip(keys, (cell_text(name) for name in jobs["name"].tolist()), strict=True))


def _run_row(record: dict[Any, Any], names: dict[tuple[Any, Any], str], zone: dt.tzinfo) -> RunRow:
    seconds = record["duration_s"]
    return RunRow(
        server=cell_text(record["server"]),
        job=names.get((record["server"], record["job_id"])) or NO_NAME,
        badge=_result_badge(cell_text(record["result"])),
        rank=int(record["rank"] * 2),
        started=clock_text(record["started"], zone),
        started_sort=_sortable(record["started"]),
        duration=duration(seconds),
        duration_s="" if cell_text(seconds) == "" else f"{seconds:.0f}",
        attempts=number(record["attempts"]),
        message=shorten(record["result_message"], _LONGEST_MESSAGE) if cell_text(record["result_message"]) else "",
    )


def _result_badge(result: str) -> Badge:
    if result in ("", "None"):
        return badge("NOT_APPLICABLE", "no result")
    return badge(_RESULT_STYLES.get(result, "UNKNOWN"), result.lower())


def _sortable(moment: Any) -> str:
    return str(int(moment.timestamp())) if cell_text(moment) else ""
