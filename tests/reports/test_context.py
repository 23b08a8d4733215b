"""The terms of the run in words, and the runs by day."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

import pytest

from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.display import time_zone
from vbr_audit.reports.context import Fact, ReportContext
from vbr_audit.reports.figures.runs import count_daily_runs
from vbr_audit.reports.words import parameters_text, prose

MakeRun = Callable[..., ReportContext]


def moved(snapshot: Snapshot, **changes: object) -> Snapshot:
    """The same snapshot under other terms."""
    run = snapshot.manifest.run.model_copy(update=changes)
    return dataclasses.replace(snapshot, manifest=snapshot.manifest.model_copy(update={"run": run}))


def test_the_cover(context: ReportContext) -> None:
    facts = {fact.label: fact for fact in context.cover}
    assert facts["Period"].value == "1 to 31 October 2026 (Europe/Berlin)"
    assert facts["Read on"].value == "1 November 2026, 07:00 (Europe/Berlin)"
    assert facts["Server"].value == (
        "vbr01.example, https://vbr01.example:9419, VBR 13.0.1.180, API 1.3-rev1 (the server also speaks 1.3-rev2)"
    )
    assert facts["Read as"].value == "auditor; Backup Viewer"
    assert facts["Policy"].value == "monthly.yaml, SHA-256 " + "ab" * 32
    assert facts["Jobs in scope"].value == "all jobs"
    assert facts["Server's clock"] == Fact("Server's clock", "−1 min 30 s from the collector's clock", loud=True)
    assert not facts["Certificate"].loud


def test_what_narrows_or_weakens_a_run_is_on_the_cover(make_run: MakeRun) -> None:
    context = make_run(jobs_pattern="SQL*", tls="NOT VERIFIED (--insecure)", title="Ours", servers=("a", "b"))
    assert context.title == "Ours"
    assert context.servers_text == "a, b"
    assert context.unverified == ("a", "b")
    assert Fact("Jobs in scope", "names that match SQL*") in context.cover
    assert [fact for fact in context.cover if fact.label == "Certificate"] == [
        Fact("Certificate", "a: NOT VERIFIED (--insecure)", loud=True),
        Fact("Certificate", "b: NOT VERIFIED (--insecure)", loud=True),
    ]
    assert [fact.value for fact in context.cover if fact.label == "Read as"] == [
        "a: auditor; Backup Viewer",
        "b: auditor; Backup Viewer",
    ]


def test_the_title_names_the_month_or_the_days(context: ReportContext) -> None:
    from vbr_audit.reports.context import build_context

    assert context.title == "Backup compliance, October 2026"
    part = moved(context.snapshot, since=dt.datetime(2026, 10, 9, 22, tzinfo=dt.UTC))
    assert build_context(part, context.results).title == "Backup compliance, 10 to 31 October 2026 (Europe/Berlin)"


def test_runs_by_day_add_up_to_the_summary(context: ReportContext) -> None:
    runs = context.figures.daily_runs
    counted = {result: total for result, total in context.summary.sessions_by_result.items() if total}
    assert runs.totals == counted
    assert runs.results == ("Success", "Warning", "Failed")
    assert (runs.step, len(runs.starts)) == ("day", 31)
    assert runs.starts[0] == dt.date(2026, 10, 1)


def test_days_are_those_of_the_zone(context: ReportContext) -> None:
    created = context.snapshot.sessions["created"].dt.tz_convert("Europe/Berlin").dt.date
    for index, start in enumerate(context.figures.daily_runs.starts):
        day_total = sum(values[index] for values in context.figures.daily_runs.counts.values())
        assert day_total == int((created == start).sum())


def test_a_long_period_is_counted_by_weeks(context: ReportContext) -> None:
    long = moved(context.snapshot, since=dt.datetime(2026, 5, 1, tzinfo=dt.UTC))
    runs = count_daily_runs(long, time_zone("UTC"))
    assert runs.step == "week"
    assert all(start.weekday() == 0 for start in runs.starts)
    assert runs.totals == context.figures.daily_runs.totals


def test_days_to_come_are_not_shown(context: ReportContext) -> None:
    early = moved(context.snapshot, now=dt.datetime(2026, 10, 10, 12, tzinfo=dt.UTC))
    assert count_daily_runs(early, time_zone("Europe/Berlin")).starts[-1] == dt.date(2026, 10, 10)


def test_notes_are_sentences(context: ReportContext) -> None:
    assert context.notes == (
        "vbr01.example, sessions: words that no known revision lists in state: Dreaming (3×).",
        "vbr01.example, sessions: fields that no known revision lists: newField (12×).",
        "vbr01.example, sessions: a date without an offset, taken as not known, in created (1×).",
        "vbr01.example, sessions: 1 row without an id.",
    )


def test_many_notes_are_counted(make_run: MakeRun) -> None:
    fields = {f"field{index:02}": 1 for index in range(20)}
    changes = {"jobs": {"notes": {"unknown_fields": fields}, "redacted": ["url"]}}
    context = make_run(changes=changes)
    assert context.notes[0].endswith("field07 (1×) and 12 more.")
    assert context.notes[1] == "vbr01.example, jobs: replaced before anything was stored: url."


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, ""),
        ({"min_retries": 1}, "min_retries = 1"),
        ({"days": {"a": [1, 2]}, "x": None}, "days = {a: [1, 2]}, x = not known"),
    ],
)
def test_parameters_in_words(params: dict[str, object], text: str) -> None:
    assert parameters_text(params) == text


def test_a_docstring_as_prose() -> None:
    assert prose("The server says\n    `None` then.") == "The server says “None” then."
