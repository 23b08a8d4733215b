"""The rows of the page about jobs: the scorecard, and the runs of the period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.display import NOT_KNOWN, duration, number, percent, shorten
from vbr_audit.reports.figures.scorecard import GLANCE, JobScore
from vbr_audit.reports.record import NO_NAME, Capped, cell_text, clock_text
from vbr_audit.reports.words import STATUS_WORDS, Badge, badge

if TYPE_CHECKING:
    import pandas as pd

    from vbr_audit.reports.context import ReportContext

_RESULT_STYLES: Final = {"Success": "PASS", "Warning": "WARNING", "Failed": "FAIL"}
_RESULTS: Final = ("Failed", "Warning", "Success")
_MESSAGE: Final = 200


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
        findings=", ".join(_statuses(score)) or "none",
        settings=tuple(value or NOT_KNOWN for value in score.settings),
        last_result=_result_badge(score.last_result),
        last_run=clock_text(score.last_run, zone),
        last_run_sort=_sortable(score.last_run),
        runs=number(score.runs),
        success_rate=percent(score.success_rate) if score.known else "no run",
    )


def _statuses(score: JobScore) -> Iterator[str]:
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
    names = _names(jobs)
    rows = tuple(_run_row(record, names, context.zone) for record in chosen.to_dict("records"))
    return Capped(rows, len(runs))


def _names(jobs: pd.DataFrame) -> dict[tuple[Any, Any], str]:
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
        message=shorten(record["result_message"], _MESSAGE) if cell_text(record["result_message"]) else "",
    )


def _result_badge(result: str) -> Badge:
    if result in ("", "None"):
        return badge("NOT_APPLICABLE", "no result")
    return badge(_RESULT_STYLES.get(result, "UNKNOWN"), result.lower())


def _sortable(moment: Any) -> str:
    return str(int(moment.timestamp())) if cell_text(moment) else ""
