"""The figures behind the pictures and the scorecard: each number is one that the results or the tables hold too."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Callable

import pandas as pd
import pytest

from vbr_audit.checks.derived import protection
from vbr_audit.display import number
from vbr_audit.findings import FINDING_COLUMNS
from vbr_audit.findings.summary import counted_runs
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.figures.repository_space import repository_spaces
from vbr_audit.reports.figures.run_calendar import DAY_STATES, build_calendar
from vbr_audit.reports.figures.runs import DailyRuns, slowest_runs, success_trend_of
from vbr_audit.reports.figures.scorecard import GLANCE, score_jobs
from vbr_audit.reports.html.page import build_page
from vbr_audit.tables.build.arrays import STRING

MakeRun = Callable[..., ReportContext]


def test_the_calendar_holds_every_run_once_or_its_worst(whole_context: ReportContext) -> None:
    calendar, runs = whole_context.figures.calendar, whole_context.figures.runs
    zone = whole_context.zone
    worst: dict[tuple[str, dt.date], str] = {}
    for job_id, created, result in zip(runs["job_id"], runs["started"], runs["result"], strict=True):
        key = (job_id, created.astimezone(zone).date())
        state = result if result in DAY_STATES else "other"
        worst[key] = max(worst.get(key, "idle"), state, key=DAY_STATES.index)
    assert len(worst) > 500
    seen = {
        (row.job_id, day): state
        for row in calendar.rows
        for day, state in zip(calendar.days, row.days, strict=True)
        if state in ("Success", "Warning", "Failed", "other")
    }
    assert seen == worst


def test_the_calendar_misses_the_runs_that_the_check_misses(whole_context: ReportContext) -> None:
    findings = whole_context.results.findings
    told = findings[(findings["check_id"] == "RUN-014") & findings["result"].isin(["PASS", "FAIL"])]
    by_check = {
        job_id: int(text.split(" of ")[0]) for job_id, text in zip(told["object_id"], told["observed"], strict=True)
    }
    assert sum(by_check.values()) > 0
    rows = {row.job_id: row.counts["missed"] for row in whole_context.figures.calendar.rows}
    often = {job_id for job_id, text in zip(told["object_id"], told["observed"], strict=True) if " of 120 " in text}
    assert {job_id: rows[job_id] for job_id in by_check if job_id not in often} == {
        job_id: missed for job_id, missed in by_check.items() if job_id not in often
    }
    # Several starts of one day may be missed, and a day with a run shows how that ended.
    assert all(rows[job_id] <= by_check[job_id] for job_id in often)
    assert {job_id for job_id, missed in rows.items() if missed} <= set(by_check)


def test_the_worst_jobs_come_first_and_disabled_ones_owe_no_run(whole_context: ReportContext) -> None:
    rows = whole_context.figures.calendar.rows
    bad = [row.counts["Failed"] + row.counts["missed"] for row in rows]
    assert bad == sorted(bad, reverse=True)
    jobs = whole_context.snapshot.jobs
    disabled = set(jobs.loc[jobs["is_disabled"].fillna(False).astype(bool), "job_id"])
    assert disabled
    for row in rows:
        if row.job_id in disabled:
            assert not row.counts["missed"]
            assert not row.counts["unclear"]


def test_nothing_is_missed_where_sessions_were_not_read_whole(whole_context: ReportContext) -> None:
    snapshot = whole_context.snapshot
    records = [
        record.model_copy(update={"status": "partial"}) if record.name == "sessions" else record
        for record in snapshot.manifest.datasets
    ]
    partial = dataclasses.replace(snapshot, manifest=snapshot.manifest.model_copy(update={"datasets": records}))
    calendar = build_calendar(partial, counted_runs(partial), whole_context.zone)
    assert not calendar.counts["missed"]
    assert calendar.counts["Failed"] == whole_context.figures.calendar.counts["Failed"]


def test_a_long_period_shows_its_last_days(context: ReportContext) -> None:
    snapshot = context.snapshot
    run = snapshot.manifest.run.model_copy(update={"since": snapshot.until - dt.timedelta(days=200)})
    long = dataclasses.replace(snapshot, manifest=snapshot.manifest.model_copy(update={"run": run}))
    calendar = build_calendar(long, counted_runs(long), context.zone)
    assert calendar.is_cut
    assert len(calendar.days) == 92
    assert calendar.days[-1] == dt.date(2026, 10, 31)


def test_the_trend_counts_the_runs_of_the_days(context: ReportContext) -> None:
    daily, trend = context.figures.daily_runs, context.figures.trend
    assert trend.step == "week"
    assert trend.starts[0] == dt.date(2026, 9, 28)
    assert sum(trend.known) == sum(daily.totals[name] for name in ("Success", "Warning", "Failed"))
    days = tuple(dt.date(2026, 10, day) for day in (1, 2))
    short = success_trend_of(DailyRuns("day", days, {"Success": (3, 0), "Failed": (1, 0), "not known": (5, 5)}))
    assert (short.step, short.rates) == ("day", (0.75, None))


def test_slow_runs_are_measured_against_their_own_job() -> None:
    def rows(job_id: str, *seconds: float | None) -> list[dict[str, object]]:
        at = pd.Timestamp("2026-10-05", tz="UTC")
        return [
            {"server": "a", "job_id": job_id, "result": "Success", "started": at, "duration_s": took}
            for took in seconds
        ]

    runs = pd.DataFrame(
        [*rows("few", 1, 9, 9, 9000), *rows("calm", 10, 10, 10, 10, 12), *rows("wild", 60, 60, 60, None, 60, 600)]
    )
    runs.loc[len(runs)] = {**rows("wild", 9999)[0], "result": "Failed"}
    runs["duration_s"] = runs["duration_s"].astype("Float64")
    jobs = pd.DataFrame({"server": ["a", "a"], "job_id": ["calm", "wild"], "name": ["Calm", pd.NA]})
    found = slowest_runs(runs, jobs)
    assert [(run.name, run.slowest_s, run.median_s, run.runs) for run in found] == [
        ("", 600, 60, 5),
        ("Calm", 12, 10, 5),
    ]


def test_an_unknown_capacity_is_never_full_or_empty(whole_context: ReportContext) -> None:
    states = whole_context.snapshot.repository_states
    spaces = repository_spaces(states)
    assert len(spaces) == len(states)
    shares = [space.free_share for space in spaces]
    known = [share for share in shares if share is not None]
    assert shares == [*sorted(known), *[None] * (len(shares) - len(known))]
    assert None in shares
    assert all((space.free_share is None) == (space.capacity_gb is None) for space in spaces)


def test_the_scorecard_adds_up(whole_context: ReportContext) -> None:
    figures, summary = whole_context.figures, whole_context.summary
    assert len(figures.scores) == summary.jobs_in_scope
    assert sum(score.runs for score in figures.scores) == sum(summary.sessions_by_result.values())
    good = sum(score.good for score in figures.scores)
    assert good / sum(score.known for score in figures.scores) == summary.success_rate
    findings, protected = whole_context.results.findings, whole_context.results.protected
    jobs = dict(zip(protected["object_key"], protected["job_id"], strict=True))
    jobs |= dict(zip(protected["name"], protected["job_id"], strict=True))
    about = findings["cause_key"].where(findings["cause_kind"] == "job")
    about = about.fillna(findings["object_id"].where(findings["object_type"] == "job"))
    about = about.fillna(findings["cause_key"].map(jobs).where(findings["cause_kind"] == "machine"))
    own = findings.assign(job_id=about)[about.isin([score.job_id for score in figures.scores])]
    statuses = sum((score.statuses for score in figures.scores), Counter[str]())
    assert statuses == Counter(own["status"].tolist())
    bad = own[(own["status"] == "FAIL") & own["severity"].isin(["critical", "high"])]
    assert figures.jobs_at_risk == bad["job_id"].nunique()
    assert set(bad["object_type"]) > {"job"}, "a machine that fails puts its job at risk"
    for score in figures.scores:
        assert len(score.settings) == len(GLANCE)
        assert set(score.settings) <= {"yes", "no", "n/a", None}
    assert None in {value for score in figures.scores for value in score.settings}


@pytest.mark.parametrize(
    "about",
    [
        {"object_type": "job", "object_id": "j1"},
        {"object_type": "protected object", "object_id": "m1", "cause_kind": "job", "cause_key": "j1"},
        {"object_type": "protected object", "object_id": "m1", "cause_kind": "machine", "cause_key": "m1"},
        {"object_type": "malware event", "object_id": "e1", "cause_kind": "machine", "cause_key": "app01"},
    ],
)
def test_a_job_is_at_risk_by_its_own_findings_and_by_those_of_its_machines(
    about: dict[str, str], context: ReportContext
) -> None:
    job = context.snapshot.jobs.iloc[0]
    told = {name: str(job["job_id"]) if value == "j1" else value for name, value in about.items()}
    finding = {"server": job["server"], "status": "FAIL", "severity": "high", **told}
    protected = {"server": job["server"], "object_key": "m1", "name": "app01", "job_id": job["job_id"]}
    results = dataclasses.replace(
        context.results,
        findings=pd.DataFrame([finding], columns=list(FINDING_COLUMNS), dtype=STRING),
        protected=pd.DataFrame([protected], columns=list(protection.SPEC.names)).astype({"job_id": STRING}),
    )
    scores = score_jobs(context.snapshot, results, context.figures.runs)
    assert [score.job_id for score in scores if score.is_at_risk] == [job["job_id"]]
    other = dataclasses.replace(results, findings=results.findings.assign(object_id="x", cause_key="x"))
    assert not any(score.is_at_risk for score in score_jobs(context.snapshot, other, context.figures.runs))


def test_jobs_at_risk_are_not_known_where_no_job_was_read(make_run: MakeRun) -> None:
    denied = {"status": "denied", "reason": "HTTP 403"}
    context = make_run(job_count=0, session_count=0, changes={"jobs": denied, "job_states": denied})
    assert context.figures.jobs_at_risk is None
    assert "not known" in [tile.value for tile in context.tiles if "jobs at risk" in tile.label]


def test_objects_behind_their_recovery_point_are_those_of_the_check(whole_context: ReportContext) -> None:
    coverage = whole_context.results.coverage
    (record,) = coverage[coverage["check_id"] == "RPO-001"].to_dict("records")
    rpo = whole_context.figures.rpo
    assert rpo is not None
    assert (rpo.late, rpo.unknown, rpo.objects) == (record["fail"], record["unknown"], record["population"])


def test_every_check_has_its_part_with_its_failing_objects(whole_context: ReportContext) -> None:
    page = build_page(whole_context)
    parts = {part.check_id: part for area in page.areas for part in area.parts}
    coverage = whole_context.results.coverage
    assert set(parts) == set(coverage["check_id"])
    on_page = {row.anchor for row in page.wrong.rows}
    for record in coverage.to_dict("records"):
        part = parts[record["check_id"]]
        assert part.objects.total == record["fail"]
        assert part.told.startswith(number(record["fail"])) == (record["fail"] > 0) or not record["fail"]
        assert {item.anchor for item in part.objects.rows if item.anchor} <= on_page
        (line,) = part.servers
        assert int(line.tested.replace(",", "")) <= sum(int(count.replace(",", "")) for count in line.counts)
    assert any(item.anchor for part in parts.values() for item in part.objects.rows)


def test_the_register_lists_each_waiver_once_the_urgent_first(context: ReportContext) -> None:
    page = build_page(context)
    assert [(row.waiver_id, row.badge.word) for row in page.waivers.rows] == [
        ("W-1", "in force"),
        ("W-2", "expired"),
        ("W-3", "fits nothing"),
    ]
    assert page.waivers.rows[2].note == "no finding is of its check and object"
    assert sum(int(row.matched) for row in page.waivers.rows) == context.summary.counts["WAIVED"] > 0


def test_runs_are_listed_worst_first_and_newest_first(context: ReportContext) -> None:
    rows = build_page(context).runs.rows
    assert len(rows) == sum(context.summary.sessions_by_result.values())
    words = [row.badge.word for row in rows]
    assert words == sorted(words, key=("failed", "warning", "success").index)
    failed = [int(row.started_sort) for row in rows if row.badge.word == "failed"]
    assert failed == sorted(failed, reverse=True)


@pytest.mark.parametrize("sessions", [0, 3])
def test_an_estate_with_few_runs_has_figures(make_run: MakeRun, sessions: int) -> None:
    figures = make_run(session_count=sessions).figures
    assert len(figures.runs) == sessions
    assert figures.slow_runs == ()
    assert figures.rpo is None
