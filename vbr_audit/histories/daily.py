"""The runs of jobs by day, as a history keeps them of each run.

A day of which the server's history of sessions, or the reading of it, does not cover all has rows as well: there
`known` is no and every count is NA. A run of a job belongs to the day on which it started.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.schedules import follow
from vbr_audit.checks.engine.views import ServerView
from vbr_audit.checks.logic.sessions import finished
from vbr_audit.checks.logic.three_valued import Cells, nullable, places_of, surely, surely_one, taken, worded
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.findings.results import Results
from vbr_audit.findings.summary import runs_without_a_job
from vbr_audit.histories.evidence import (
    NO_INSTANT,
    PART_COLUMNS,
    SERVER_COLUMNS,
    Parts,
    constant,
    id_of,
    joined,
    parts_of,
    server_views,
)
from vbr_audit.tables import job_runs
from vbr_audit.tables.build.arrays import STRING, micros_of
from vbr_audit.tables.build.enums import ENDED_RESULTS, GOOD_RESULTS
from vbr_audit.tables.build.schema import Column, TableSpec, conform

DUE_COUNTS: Final = ("due", "made", "missed", "overlapped", "unclear")
RUN_COUNTS: Final = ("runs", "success", "warning", "failed", "other", "open", "carried_in", "first_attempt_success")

SPEC: Final = TableSpec(
    "job_runs_daily",
    ("server_id", "job_id", "since"),
    (
        *SERVER_COLUMNS,
        Column("job_id", "string", "The job; NA for runs that name no job.", holds="id"),
        Column("job_name", "string", "The job's name in the run.", holds="job"),
        Column("is_listed", "boolean", "The job is in `jobs`; NA if it is not, and not all jobs were read."),
        *PART_COLUMNS,
        Column("due", "Int64", "Starts that its schedule required; NA if it cannot be evaluated."),
        Column("made", "Int64", "Due starts at which it ran."),
        Column("missed", "Int64", "Due starts at which it did not start."),
        Column("overlapped", "Int64", "Due starts at which it was still running: they are not missed."),
        Column("unclear", "Int64", "Due starts for which it is not known whether it started."),
        Column("runs", "Int64", "Runs that started in that part of the day, with their retries one each."),
        Column("success", "Int64", "Of these, those whose last attempt ended with Success."),
        Column("warning", "Int64", "Of these, those whose last attempt ended with Warning."),
        Column("failed", "Int64", "Of these, those whose last attempt failed."),
        Column("other", "Int64", "Of these, those that ended otherwise, or of which state or result is not known."),
        Column("open", "Int64", "Of these, those that had not ended at the time of reading."),
        Column("carried_in", "Int64", "Runs that started before the period and ended in that part of the day."),
        Column("first_attempt_success", "Int64", "Ended runs whose first attempt ended with Success or Warning."),
        Column("failed_seen", "Int64", "Failed runs in what was read: at least so many where the day is not known."),
        Column("undated", "Int64", "Runs of the job in this run whose start is not known: they are of no day."),
        Column("promised_rate", "Float64", "The success rate that the policy of the run requires of the job."),
        Column("known", "boolean", "The evidence covers that part of the day."),
        Column("reason", "string", "Why the day is not known, or its due starts are not.", holds="own text"),
    ),
    "One row per job and part of a day of the period. Counts are NA where the session history that the server still "
    "had does not cover it.",
)

OPEN_SPEC: Final = TableSpec(
    "open_runs",
    ("server_id", "run_id"),
    (
        *SERVER_COLUMNS,
        Column("job_id", "string", "The job; NA for a run that names no job.", holds="id"),
        Column("job_name", "string", "The job's name.", holds="job"),
        Column("run_id", "string", "The id of the last session of the run.", holds="id"),
        Column("first_session_id", "string", "The id of its first session.", holds="id"),
        Column("started", "datetime", "When its first session was created."),
        Column("state", "string", "Its state at the time of reading; NA if not known.", holds="word"),
    ),
    "One row per run of a job that had not ended, or was not known to have ended, at the time of reading.",
)

CARRIED_SPEC: Final = TableSpec(
    "carried_runs",
    ("server_id", "run_id"),
    (
        *OPEN_SPEC.columns,
        Column("last_attempt", "datetime", "When its last session was created."),
        Column("ended", "datetime", "When its last session ended; NaT if it had not at the time of reading."),
        Column("result", "string", "The result of its last session.", holds="word"),
    ),
    "One row per run of a job that was under way when the period, or a month within it, began.",
)


@dataclass(frozen=True, eq=False)
class _Jobs:
    """The jobs of one server: those that are listed, then those that only runs name, then the one without an id.

    `place` is the place in `jobs` of each, -1 for one that is not listed; `owner` the place here of each run.
    """

    job_id: Any
    name: Any
    place: Cells
    owner: Cells


def job_runs_daily(snapshot: Snapshot, results: Results) -> pd.DataFrame:
    """The table `job_runs_daily` of one run."""
    return joined([_by_day(snapshot, results, view) for view in server_views(snapshot)], SPEC)


def open_runs(snapshot: Snapshot) -> pd.DataFrame:
    """The table `open_runs` of one run."""
    frames = []
    for view in server_views(snapshot):
        runs = runs_of_server(snapshot, view)
        frames.append(_named_runs(snapshot, view, runs[~surely(~runs["is_open"])], OPEN_SPEC))
    return joined(frames, OPEN_SPEC)


def carried_runs(snapshot: Snapshot) -> pd.DataFrame:
    """The table `carried_runs` of one run."""
    frames = []
    for view in server_views(snapshot):
        runs, parts = runs_of_server(snapshot, view), parts_of(view)
        edges = np.unique(np.append(parts.months, parts.start[:1]))
        started, ended = micros_of(runs["started"]), micros_of(runs["ended"])
        ended = np.where(ended == NO_INSTANT, np.iinfo(np.int64).max, ended)
        ahead = np.searchsorted(edges, started, side="right")
        crosses = (ahead < len(edges)) & (started != NO_INSTANT)
        crosses[crosses] = edges[ahead[crosses]] <= ended[crosses]
        frames.append(_named_runs(snapshot, view, runs[crosses], CARRIED_SPEC))
    return joined(frames, CARRIED_SPEC)


def runs_of_server(snapshot: Snapshot, view: ServerView) -> pd.DataFrame:
    """All runs of one server that are in hand, and the sessions of such kinds that name no job, as runs of none."""
    return view.once("runs of days", lambda: _runs_of_server(snapshot, view))


def _runs_of_server(snapshot: Snapshot, view: ServerView) -> pd.DataFrame:
    runs = view.frame("all_job_runs")
    nameless = runs_without_a_job(snapshot.all_sessions)
    nameless = nameless[surely(nameless["server"] == view.name)]
    if not len(nameless):
        return runs
    started, is_open = nameless["created"], ~finished(nameless)
    inside = nullable(
        ((started >= view.since) & (started < view.until)).to_numpy(), started.isna().to_numpy(), nameless.index
    )
    under_way = (nameless["ended"] >= view.since).to_numpy() | surely(is_open)
    rows = nameless.assign(
        run_id=nameless["session_id"],
        first_session_id=nameless["session_id"],
        first_result=nameless["result"],
        started=started,
        is_open=is_open,
        in_period=inside,
        is_carried_in=pd.array((started < view.since).to_numpy() & under_way, dtype="boolean"),
        is_listed=pd.array(np.zeros(len(nameless), dtype=bool), dtype="boolean"),
    )
    return pd.concat([runs, rows.reindex(columns=runs.columns).astype(runs.dtypes)], ignore_index=True)


def _named_runs(snapshot: Snapshot, view: ServerView, runs: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """Some runs of one server as rows of `spec`, with the name of the job of each, in order of start and id."""
    runs = runs.sort_values(["started", "run_id"], kind="stable", ignore_index=True)
    own = {"server_id": constant(id_of(snapshot, view.name), len(runs)), "server": constant(view.name, len(runs))}
    taken_over = {name: runs[name] for name in spec.names if name in runs and name not in own}
    taken_over["last_attempt"] = runs["created"]
    return conform({**own, **taken_over, "job_name": _names_of(view, runs)}, spec)[0]


def _names_of(view: ServerView, runs: pd.DataFrame) -> pd.Series:
    """The name of the job of each run; of one that is not listed, that of its last session."""
    jobs = view.frame("jobs")
    named = taken(jobs["name"], places_of(runs["job_id"], jobs["job_id"]), runs.index)
    for table in ("sessions", "edge_sessions"):
        sessions = view.frame(table)
        if named.isna().any() and len(sessions):
            place = places_of(runs["session_id"].fillna(runs["run_id"]), sessions["session_id"])
            named = named.fillna(taken(sessions["name"], place, runs.index))
    return named


def _by_day(snapshot: Snapshot, results: Results, view: ServerView) -> pd.DataFrame:
    parts = parts_of(view)
    runs = runs_of_server(snapshot, view)
    jobs = _jobs_of(view, runs)
    count, size = len(jobs.place), len(parts.start)
    if not count or not size:
        return conform({}, SPEC)[0]
    job, part = np.repeat(np.arange(count), size), np.tile(np.arange(size), count)
    known = parts.known[part]
    seen, undated = _run_counts(runs, jobs, parts)
    due, schedule_reason = _due_counts(view, jobs, parts)
    rows = np.zeros(count * size, dtype=bool)
    masked: dict[str, Any] = {name: pd.arrays.IntegerArray(cells.ravel(), ~known) for name, cells in seen.items()}
    for name, (cells, gaps) in due.items():
        masked[name] = pd.arrays.IntegerArray(cells.ravel(), ~known | gaps.ravel())
    why = pd.Series(pd.array(parts.why, dtype=STRING).take(part))
    columns: dict[str, Any] = {
        "server_id": constant(id_of(snapshot, view.name), count * size),
        "server": constant(view.name, count * size),
        "job_id": jobs.job_id.take(job),
        "job_name": jobs.name.take(job),
        "is_listed": pd.Series(jobs.place[job] >= 0, dtype="boolean").mask(jobs.place[job] < 0, _unlisted(view)),
        **parts.columns(part),
        **masked,
        "failed_seen": pd.arrays.IntegerArray(seen["failed"].ravel(), rows),
        "undated": pd.arrays.IntegerArray(undated[job], rows),
        "promised_rate": promised_rates(results, view, jobs.job_id, jobs.name)[job],
        "known": pd.array(known, dtype="boolean"),
        "reason": why.fillna(pd.Series(schedule_reason.array.take(job))),
    }
    return conform(columns, SPEC)[0]


def _jobs_of(view: ServerView, runs: pd.DataFrame) -> _Jobs:
    """The jobs of one server and of its runs, those of equal id once."""
    jobs = view.frame("jobs")
    listed = np.flatnonzero(~jobs["job_id"].duplicated().to_numpy() | jobs["job_id"].isna().to_numpy())
    place = places_of(runs["job_id"], jobs["job_id"].iloc[listed])
    strays = place < 0
    codes, ids = pd.factorize(runs["job_id"][strays], use_na_sentinel=False)
    owner = place.copy()
    owner[strays] = len(listed) + codes
    names = _names_of(view, runs[strays])
    first = pd.Series(names.array).groupby(codes).first().reindex(range(len(ids)))
    nothing = pd.Series(ids).isna().to_numpy()
    return _Jobs(
        pd.concat([jobs["job_id"].iloc[listed], pd.Series(ids, dtype=STRING)], ignore_index=True).array,
        pd.concat([jobs["name"].iloc[listed], first.mask(nothing).astype(STRING)], ignore_index=True).array,
        np.append(listed, np.full(len(ids), -1)),
        owner,
    )


def _run_counts(runs: pd.DataFrame, jobs: _Jobs, parts: Parts) -> tuple[dict[str, Cells], Cells]:
    """The counts of `RUN_COUNTS` by job and part, and for each job the number of runs of no known start."""
    shape = (len(jobs.place), len(parts.start))
    inside, carried = surely(runs["in_period"]), surely(runs["is_carried_in"])
    done, is_open = surely(finished(runs)), surely(runs["is_open"])
    results = {name: done & surely_one(runs["result"], name) for name in ENDED_RESULTS}
    ended_so = np.logical_or.reduce(list(results.values()))
    started, ended = micros_of(runs["started"]), micros_of(runs["ended"])

    def counted(chosen: Cells, at: Cells) -> Cells:
        keys = jobs.owner[chosen] * shape[1] + parts.place(at[chosen])
        return np.bincount(keys, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)

    in_time = carried & (ended < parts.end[-1]) & (ended != NO_INSTANT)
    counts = {
        "runs": counted(inside, started),
        "success": counted(inside & results["Success"], started),
        "warning": counted(inside & results["Warning"], started),
        "failed": counted(inside & results["Failed"], started),
        "other": counted(inside & ~ended_so & ~is_open, started),
        "open": counted(inside & is_open, started),
        "carried_in": counted(in_time, ended),
        "first_attempt_success": counted(inside & ended_so & surely_one(runs["first_result"], *GOOD_RESULTS), started),
    }
    undated = runs["in_period"].isna().to_numpy()
    return counts, np.bincount(jobs.owner[undated], minlength=shape[0]).astype(np.int64)


def _due_counts(view: ServerView, jobs: _Jobs, parts: Parts) -> tuple[dict[str, tuple[Cells, Cells]], pd.Series]:
    """The counts of `DUE_COUNTS` by job and part with where they are not known, and for each job why they are not."""
    shape = (len(jobs.place), len(parts.start))
    frame = view.frame("jobs")
    unlisted = "; ".join(view.gaps("jobs")) or "the job is not listed"
    if not len(frame):
        nothing = np.zeros(shape, dtype=np.int64), np.ones(shape, dtype=bool)
        return dict.fromkeys(DUE_COUNTS, nothing), worded(pd.RangeIndex(shape[0]), default=unlisted)
    followed, expected = follow(view), frame["expected_to_run"]
    where = np.full(len(frame), -1)
    listed = np.flatnonzero(jobs.place >= 0)
    where[jobs.place[listed]] = listed
    waits = np.append(np.zeros(len(followed.job), dtype=bool), np.ones(len(followed.waiting_job), dtype=bool))
    owner = where[np.append(followed.job, followed.waiting_job)]
    part = parts.place(np.append(followed.at, followed.waiting_at) * 1_000_000)
    usable = (followed.is_known & surely(expected)) | followed.always_runs
    gaps = np.ones(shape[0], dtype=bool)
    gaps[listed] = ~usable[jobs.place[listed]]
    chosen = {
        "due": np.ones(len(owner), dtype=bool),
        "made": _filled(followed.served, waits),
        "missed": _filled(followed.missed, waits),
        "overlapped": _filled(followed.overlapped, waits),
        # A start that was due shortly before the reading may still come: it is neither made nor missed.
        "unclear": _filled(followed.unclear, waits) | waits,
    }
    counts = {}
    for name, rows in chosen.items():
        rows = rows & (owner >= 0)
        keys = owner[rows] * shape[1] + part[rows]
        cells = np.bincount(keys, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int64)
        counts[name] = cells, np.repeat(gaps[:, None], shape[1], axis=1)
    reason = worded(
        frame.index,
        (followed.always_runs, pd.NA),
        (surely(~expected), "the job is disabled or not scheduled"),
        (expected.isna().to_numpy(), "whether the job is expected to run is not known"),
        default=followed.reason.to_numpy(dtype=object),
    )
    reasons = taken(reason, jobs.place, pd.RangeIndex(shape[0]))
    return counts, reasons.mask(jobs.place < 0, unlisted)


def _unlisted(view: ServerView) -> Any:
    """What is known of a job that the list of jobs does not have: that it is not listed, where all were read."""
    return False if view.is_whole("jobs") else pd.NA


def _filled(chosen: Cells, waits: Cells) -> Cells:
    """`chosen`, and no for the starts that still wait."""
    return np.append(chosen, np.zeros(int(waits.sum()), dtype=bool))


def promised_rates(results: Results, view: ServerView, ids: Any, names: Any) -> Any:
    """The success rate that the policy requires of each job, as `Float64`; NA where it requires none."""
    use = next((use for use in results.uses if use.check.id == "RUN-005"), None)
    if use is None or not use.enabled:
        return pd.array([pd.NA] * len(ids), dtype="Float64")
    if not use.overrides:
        return pd.array([_required(use.params)] * len(ids), dtype="Float64")
    plain = [[None if value is pd.NA else value for value in column] for column in (ids, names)]
    own = (use.for_object(view.name, "job", *pair) for pair in zip(*plain, strict=True))
    return pd.array([_required(one.params) if one.enabled else pd.NA for one in own], dtype="Float64")


def _required(params: Any) -> float:
    return float(max(params["warn_rate"], params["min_rate"]))


# Runs that were open when the last report was read.

CARRIED_IN_SPEC: Final = TableSpec(
    "carried_in",
    ("server_id", "run_id"),
    (
        *CARRIED_SPEC.columns,
        Column("outcome", "string", f"What became of it: {', '.join(('ended', 'open', 'unknown'))}.", holds="word"),
        Column("reason", "string", "Why its outcome is not known.", holds="own text"),
    ),
    "One row per run that was open when an earlier report was read, with what became of it since.",
)


def carried_in(open_before: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    """What became of runs that were open at an earlier reading, by the sessions of a later one; each once.

    `open_before` are rows of `open_runs`. A run that is not listed any more has no known outcome: it is named with
    state and result NA.
    """
    before = open_before.drop_duplicates(["server_id", "run_id"], ignore_index=True)
    views = {id_of(snapshot, view.name): view for view in server_views(snapshot)}
    frames = []
    for server_id, rows in before.groupby("server_id", sort=False):
        view = views.get(str(server_id))
        rows = rows.reset_index(drop=True)
        frames.append(_lost(rows, "the server was not read") if view is None else _resolved(rows, snapshot, view))
    return joined(frames, CARRIED_IN_SPEC)


def _lost(rows: pd.DataFrame, reason: str) -> pd.DataFrame:
    fields = {name: rows[name] for name in OPEN_SPEC.names if name != "state"}
    outcome = {"outcome": ["unknown"] * len(rows), "reason": [reason] * len(rows)}
    return conform({**fields, **outcome}, CARRIED_IN_SPEC)[0]


def _resolved(rows: pd.DataFrame, snapshot: Snapshot, view: ServerView) -> pd.DataFrame:
    """The runs of one server with what its later sessions show of each: by any session that the run is made of."""
    runs = runs_of_server(snapshot, view)
    sessions = job_runs.joined(view.frame("sessions"), view.frame("edge_sessions"))
    links = job_runs.runs_of(sessions, view.frame("jobs"))["run_session_id"].fillna(sessions["session_id"])
    place = places_of(rows["run_id"], sessions["session_id"])
    place = np.where(place >= 0, place, places_of(rows["first_session_id"], sessions["session_id"]))
    at = places_of(taken(links, place, rows.index), runs["run_id"])
    names = ("state", "ended", "result", "created")
    state, ended, result, attempt = (taken(runs[name], at, rows.index) for name in names)
    done = surely(finished(pd.DataFrame({"state": state})))
    still = surely(taken(runs["is_open"], at, rows.index))
    reason = worded(
        rows.index,
        (done | still, pd.NA),
        (at < 0, "; ".join(view.gaps("sessions")) or "the server does not list it any more"),
        default="its state is not known",
    )
    fields = {name: rows[name] for name in OPEN_SPEC.names if name != "state"}
    outcome = worded(rows.index, (done, "ended"), (still, "open"), default="unknown")
    data = {
        **fields,
        "last_attempt": attempt,
        "state": state,
        "ended": ended,
        "result": result.where(done),
        "outcome": outcome,
    }
    return conform({**data, "reason": reason}, CARRIED_IN_SPEC)[0]
