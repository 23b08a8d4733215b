"""The table `job_runs`: one start of a job with its retries, made of its sessions.

A run belongs to the period in which it started, and its result is that of its last attempt, also when that ended after
the period. No calendar day and no zone has a part in the folding.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.tables.build.arrays import STRING, are_known, are_missing, strings_of
from vbr_audit.tables.build.enums import JOB_RUN_TYPES, OWN_RUN_TYPES, POLICY_RUN_TYPE, SESSION_TYPES
from vbr_audit.tables.build.schema import Column, Sheet, TableSpec, empty, from_arrays
from vbr_audit.tables.schedule import plain, step_of

BY_RETRY_INFO: Final = "retry info"
BY_WAIT: Final = "retry wait"

LEAD: Final = dt.timedelta(days=7)
"""How far before the period sessions are read, so that a run which passes its first instant is seen whole."""

SPEC: Final = TableSpec(
    "job_runs",
    ("run_id",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("job_id", "string", "The job that ran.", holds="id"),
        Column(
            "worker_id", "string", "For a copy job, the worker that ran: each source has its own worker.", holds="id"
        ),
        Column("run_id", "string", "The id of the run: the id of its last session.", holds="id"),
        Column("session_id", "string", "The last session of the run: its result is the result of the run.", holds="id"),
        Column("first_session_id", "string", "The first session of the run.", holds="id"),
        Column("session_type", "string", "The type of the last session.", holds="word"),
        Column(
            "folded_by",
            "string",
            "`retry info` if the server reports which session a retry repeats, else `retry wait`.",
            holds="word",
        ),
        Column("started", "datetime", "When the first session was created; it determines `in_period`."),
        Column("created", "datetime", "When the last session was created."),
        Column("ended", "datetime", "When the last session ended; NA while it runs."),
        Column(
            "state",
            "string",
            "The state of the last session; NA for an unknown type of session.",
            holds="word",
        ),
        Column(
            "result",
            "string",
            "The result of the last session; NA for an unknown type of session.",
            holds="word",
        ),
        Column("first_result", "string", "The result of the first session.", holds="word"),
        Column("result_message", "string", "The message of the last session about its result.", holds="server text"),
        Column("is_canceled", "boolean", "The last session was stopped by a user."),
        Column("is_open", "boolean", "The run had not ended when it was read."),
        Column("in_period", "boolean", "The run started in the period; NA if its start is not known."),
        Column("is_carried_in", "boolean", "The run started before the period and had not ended when it began."),
        Column("is_listed", "boolean", "Its job is in `jobs`."),
        Column("duration_s", "Float64", "The duration of the last session.", "s"),
        Column("attempts", "Int64", "The number of sessions of the run.", "sessions"),
        Column("retries", "Int64", "Sessions that repeat another one; a repeated health check does not count."),
        Column("initiated_by", "string", "Who started the first session.", holds="user"),
    ),
    "One row per job run: one start with its retries, derived from `sessions` and `edge_sessions`. Only top-level "
    "sessions of the types that are runs of that type of job count. If the server reports which session a retry "
    "repeats (1.3-rev2), that counts; else a retry is a session that starts within the job's own wait after the end of "
    "a failed one (with some time for a busy server), not at a start time of its own schedule, at most as often as the "
    "job allows. The table has the runs that started in the period, and those that were running when it began.",
    sheet=Sheet(
        "Runs of jobs",
        first=(
            "server",
            "job_name",
            "result",
            "started",
            "ended",
            "duration_s",
            "attempts",
            "retries",
            "result_message",
        ),
        rank=30,
    ),
)

_RETRY_INFO: Final = ("original_session_id", "retry_number", "is_recheck_retry")
_DECIDING: Final = (
    "server",
    "job_id",
    "worker_id",
    "session_id",
    "parent_session_id",
    "session_type",
    "name",
    "created",
    "ended",
    "result",
    *_RETRY_INFO,
)
"""The columns that decide which sessions are one run."""

_SLACK_S: Final = 1800
"""A busy server starts a retry later than the job's own wait says."""
_SLACK_BY_DAYS_S: Final = 5400
"""A job that starts once a day or more seldom cannot start by its schedule so soon after a failure."""
_ON_GRID_S: Final = 90
_DEFAULT_RETRIES: Final = 3
_DEFAULT_WAIT_MIN: Final = 10
_NAMED_RETRY: Final = re.compile(r"\(Retry [0-9]{1,3}\)\s*\Z", re.IGNORECASE)
_MICROS: Final = 1_000_000
_NEVER: Final = np.iinfo(np.int64).max

Cells = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class _Habits:
    """What the settings of each job say of its retries; arrays in the order of the jobs that ran.

    A retry starts at most `near_s` after the end of a failed session; `every_s` are the seconds between two starts of a
    job that runs on such a grid, else 0.
    """

    retries: Cells
    near_s: Cells
    every_s: Cells


@dataclass(frozen=True, eq=False)
class _Folded:
    """Rows in order of server, job, run and time: where runs start and end there, and which rows are retries.

    `known` are the positions of the sessions that are attempts of runs; `is_listed` and `is_unclear` say of each of
    them, in its own place, whether its job is listed, and whether nobody knows if its kind is a run of jobs.
    """

    known: Cells
    order: Cells
    starts: Cells
    ends: Cells
    is_retry: Cells
    is_informed: Cells
    is_listed: Cells
    is_unclear: Cells


def joined(sessions: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """The sessions of the period and, after them, those beyond its edges."""
    return pd.concat([sessions, edges], ignore_index=True) if len(edges) else sessions


def runs_of_jobs(sessions: pd.DataFrame) -> Cells:
    """A plain boolean array: the sessions of a kind that is a run of some type of job."""
    return np.asarray(sessions["session_type"].isin(JOB_RUN_TYPES).to_numpy(dtype=bool))


def derive_all(sessions: pd.DataFrame, jobs: pd.DataFrame, *, since: dt.datetime, until: dt.datetime) -> pd.DataFrame:
    """The runs of the rows of `sessions`, by server, job and time; each is placed in the period from `since` to before
    `until`, or beyond its edges.

    `sessions` reach beyond both edges of the period. `jobs` tells the type of each job, its retries, and how often it
    starts; a job that it does not list is taken as any type, with the product's own default of retries.
    """
    runs = _fold(sessions, jobs)
    if runs is None:
        return empty(SPEC)
    first, last = runs.known[runs.order[runs.starts]], runs.known[runs.order[runs.ends]]
    place = runs.order[runs.ends]
    columns = _run_columns(sessions, runs, first, last, place)
    columns |= _placed(columns, since, until)
    return from_arrays({name: columns[name] for name in SPEC.names}, len(last))


def of_period(runs: pd.DataFrame) -> pd.DataFrame:
    """Those of all runs that may have started in the period, or were under way when it began."""
    kept = are_of_period(runs)
    return runs if kept.all() else runs[kept].reset_index(drop=True)


def are_of_period(runs: pd.DataFrame) -> Cells:
    """A plain boolean array: the runs that may have started in the period, or were under way when it began."""
    return np.asarray(~(runs["in_period"].eq(False) & ~runs["is_carried_in"]).to_numpy(dtype=bool, na_value=False))


def _run_columns(sessions: pd.DataFrame, runs: _Folded, first: Cells, last: Cells, place: Cells) -> dict[str, Any]:
    """What the first and the last session of each run say about it."""
    unclear = runs.is_unclear[place]
    columns: dict[str, Any] = {
        "run_id": sessions["session_id"].array.take(last),
        "first_session_id": sessions["session_id"].array.take(first),
        "folded_by": strings_of([BY_WAIT, BY_RETRY_INFO]).take(runs.is_informed[place].astype(np.int64)),
        "started": sessions["created"].array.take(first),
        "first_result": sessions["result"].array.take(first),
        "initiated_by": sessions["initiated_by"].array.take(first),
        "is_listed": pd.array(runs.is_listed[place], dtype="boolean"),
        "attempts": pd.array(runs.ends - runs.starts + 1, dtype=pd.Int64Dtype()),
        "retries": pd.array(np.add.reduceat(runs.is_retry.astype(np.int64), runs.starts), dtype=pd.Int64Dtype()),
    }
    taken = [name for name in SPEC.names if name not in columns and name in sessions.columns]
    columns |= {name: sessions[name].array.take(last) for name in taken}
    if unclear.any():
        for name in ("state", "result"):
            columns[name] = pd.Series(columns[name]).mask(unclear).array
    return columns


def _placed(columns: Mapping[str, Any], since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
    """`is_open`, `in_period` and `is_carried_in` of runs whose other columns are `columns`."""
    state, started, ended = pd.Series(columns["state"]), pd.Series(columns["started"]), pd.Series(columns["ended"])
    dateless = are_missing(started)
    is_open = (state != "Stopped").astype("boolean").mask(are_missing(state))
    inside = ((started >= since) & (started < until)).to_numpy(dtype=bool)
    under_way = (ended >= since).to_numpy(dtype=bool) | (are_missing(ended) & is_open.fillna(True).to_numpy(bool))
    carried = (started < since).to_numpy(dtype=bool) & under_way
    return {
        "is_open": is_open.array,
        "in_period": pd.arrays.BooleanArray(inside, dateless),
        "is_carried_in": pd.arrays.BooleanArray(carried, dateless),
    }


def runs_of(sessions: pd.DataFrame, jobs: pd.DataFrame) -> pd.DataFrame:
    """For each row of `sessions`, on its index: `is_retry`, and `run_session_id`, the `session_id` of its run.

    Both are NA for a session that is no attempt of a run of a job.
    """
    links = pd.DataFrame({"is_retry": pd.NA, "run_session_id": pd.NA}, index=sessions.index)
    links = links.astype({"is_retry": pd.BooleanDtype(), "run_session_id": STRING})
    runs = _fold(sessions, jobs)
    if runs is None:
        return links
    places = runs.known[runs.order]
    last = np.repeat(runs.known[runs.order[runs.ends]], runs.ends - runs.starts + 1)
    links.iloc[places, 0] = runs.is_retry
    links.iloc[places, 1] = sessions["session_id"].array.take(last)
    return links


def _fold(sessions: pd.DataFrame, jobs: pd.DataFrame) -> _Folded | None:
    """Find the sessions that are attempts of runs, put them in order, and find where runs start and end."""
    owned = np.flatnonzero(are_known(sessions["job_id"]))
    rows = _deciding(sessions, owned)
    if not len(rows):
        return None
    servers, job, row_of_job = _jobs_of(rows, jobs)
    listed = row_of_job >= 0
    is_run, unclear = _attempts(rows, job, row_of_job, _types_of(jobs, row_of_job))
    chosen = np.flatnonzero(is_run)
    if not len(chosen):
        return None
    rows = rows if len(chosen) == len(rows) else rows.iloc[chosen].reset_index(drop=True)
    servers, job = servers[chosen], job[chosen]
    informed = _informed(rows, servers)
    failed = (rows["result"] == "Failed").to_numpy(dtype=bool, na_value=False)
    order, begins = _runs(rows, job, informed, failed, _habits(jobs, row_of_job))
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(rows)) - 1
    is_retry = np.where(informed[order], _repeats(rows, informed)[order], ~begins)
    return _Folded(owned[chosen], order, starts, ends, is_retry, informed, listed[job], unclear[chosen])


def _deciding(sessions: pd.DataFrame, known: Cells) -> pd.DataFrame:
    """What decides of the rows at these positions, numbered from 0."""
    rows = sessions[list(_DECIDING)]
    return (rows if len(known) == len(rows) else rows.iloc[known]).reset_index(drop=True)


def _jobs_of(rows: pd.DataFrame, jobs: pd.DataFrame) -> tuple[Cells, Cells, Cells]:
    """A number for the server and one for the job of each row, and the row of `jobs` of each such job, -1 for none.

    Each worker of a copy job counts as a job: what one of them does repeats nothing of another's.
    """
    servers, names = pd.factorize(rows["server"].to_numpy(dtype=object), use_na_sentinel=False)
    ids = rows["job_id"].to_numpy(dtype=object)
    workers = rows["worker_id"].to_numpy(dtype=object)
    job = pd.factorize(np.where(pd.isna(workers), ids, workers))[0]
    if len(names) > 1:
        job = pd.factorize(job * len(names) + servers)[0]
    first = np.full(job.max(initial=-1) + 1, len(rows))
    first[job[::-1]] = np.arange(len(rows))[::-1]
    known = (jobs[name].to_numpy(dtype=object).tolist() for name in ("server", "job_id"))
    there = {pair: place for place, pair in enumerate(zip(*known, strict=True))}
    pairs = zip(rows["server"].to_numpy(dtype=object)[first].tolist(), ids[first].tolist(), strict=True)
    places = np.fromiter((there.get(pair, -1) for pair in pairs), dtype=np.int64, count=len(first))
    return servers, job, places


def _types_of(jobs: pd.DataFrame, row_of_job: Cells) -> list[str | None]:
    """The type of each job that ran; None where it is not known."""
    types = jobs["type"].array.take(row_of_job, allow_fill=True)
    return [None if kind is pd.NA else kind for kind in types]


def _attempts(rows: pd.DataFrame, job: Cells, row_of_job: Cells, types: list[str | None]) -> tuple[Cells, Cells]:
    """Which rows are attempts of runs of their job, and for which of them nobody knows whether their kind is one."""
    kinds, words = pd.factorize(rows["session_type"].to_numpy(dtype=object), use_na_sentinel=False)
    type_codes, type_words = pd.factorize(np.array(types, dtype=object), use_na_sentinel=False)
    answers = np.array([[_is_run(kind, word) for word in words] for kind in type_words], dtype=np.int64)
    answer = answers[type_codes[job], kinds]
    # A job and its workers are kin.
    kin = np.where(row_of_job >= 0, -1 - row_of_job, np.arange(len(types)))[job]
    is_child, has_children = _kinship(rows, kin, answer != 0)
    is_child |= _steps_of_copies(rows, row_of_job[job], answer == _RUN)
    is_run = (answer != 0) & ~is_child
    if (policies := answer == _IF_PARENT).any():
        is_run &= ~policies | has_children
    return is_run, is_run & (answer == _UNCLEAR)


_NO_RUN, _RUN, _UNCLEAR, _IF_PARENT = range(4)


def _is_run(job_type: str | None, session_type: Any) -> int:
    """Whether a kind of session is a run of a type of job: no, yes, nobody knows, or only where others hang on it."""
    if session_type is pd.NA or session_type not in _KNOWN_KINDS:
        return _UNCLEAR
    own = OWN_RUN_TYPES.get(job_type or "", None)
    if own is None:
        return _RUN if session_type in JOB_RUN_TYPES else _NO_RUN
    if session_type == POLICY_RUN_TYPE and session_type in own:
        return _IF_PARENT
    return _RUN if session_type in own else _NO_RUN


_KNOWN_KINDS: Final = frozenset(SESSION_TYPES)


def _kinship(rows: pd.DataFrame, job: Cells, counts: Cells) -> tuple[Cells, Cells]:
    """Which rows are children of a run of the same job, and which have such children.

    A session whose parent is no run of its job is at the top itself, however it was started. One whose parent was not
    read is a child by its own word.
    """
    child, parent = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    below = np.flatnonzero(are_known(rows["parent_session_id"]) & counts)
    if not len(below):
        return child, parent
    ids = pd.Index(rows["session_id"].to_numpy(dtype=object))
    above = pd.Series(np.arange(len(rows)), index=ids)[~ids.duplicated()]
    place = above.reindex(rows["parent_session_id"].to_numpy(dtype=object)[below]).fillna(-1).to_numpy(dtype=np.int64)
    unread = place < 0
    inside = ~unread & (place != below) & (job[place] == job[below]) & counts[place]
    child[below[unread | inside]] = True
    parent[place[inside]] = True
    return child, parent


def _steps_of_copies(rows: pd.DataFrame, owner: Cells, counts: Cells) -> Cells:
    """The sessions of workers that began while a session of their copy job's own ran, which has ended: its steps.

    An own session that never ends, as of an immediate copy, is no start of the job: there each worker's is a run.
    `owner` is the row of `jobs` of each row.
    """
    worked, step = are_known(rows["worker_id"]) & counts, np.zeros(len(rows), dtype=bool)
    if not worked.any():
        return step
    begun, ended = _micros(rows["created"]), _micros(rows["ended"])
    for one in np.unique(owner[worked]).tolist():
        own = np.flatnonzero((owner == one) & ~worked & counts & (begun != _NEVER) & (ended != _NEVER))
        theirs = np.flatnonzero((owner == one) & worked)
        own = own[np.argsort(begun[own], kind="stable")]
        last = np.searchsorted(begun[own], begun[theirs], side="right") - 1
        latest = np.maximum.accumulate(ended[own]) if len(own) else np.empty(0, dtype=np.int64)
        step[theirs[last >= 0]] = latest[last[last >= 0]] >= begun[theirs[last >= 0]]
    return step


def _informed(rows: pd.DataFrame, servers: Cells) -> Cells:
    """Whether the server of each row reports retries at all."""
    has_info = np.logical_or.reduce([are_known(rows[name]) for name in _RETRY_INFO])
    return np.asarray((np.bincount(servers[has_info], minlength=servers.max() + 1) > 0)[servers])


def _habits(jobs: pd.DataFrame, row_of_job: Cells) -> _Habits:
    """The habits of each job that ran, by its settings; the product's own defaults for a job that is not listed."""
    settings = {
        name: jobs[name].array.take(row_of_job, allow_fill=True)
        for name in (
            "retry_enabled",
            "retry_count",
            "retry_wait_min",
            "schedule_periodically_enabled",
            "schedule_periodically_kind",
            "schedule_periodically_frequency",
            "schedule_daily_enabled",
            "schedule_monthly_enabled",
            "schedule_continuously_enabled",
        )
    }
    number = pd.Series(settings["retry_count"]).fillna(_DEFAULT_RETRIES).to_numpy(dtype=np.int64)
    on = pd.Series(settings["retry_enabled"]).fillna(True).to_numpy(dtype=bool)
    wait = pd.Series(settings["retry_wait_min"]).fillna(_DEFAULT_WAIT_MIN).to_numpy(dtype=np.int64) * 60
    grid = (plain(settings[f"schedule_periodically_{part}"]) for part in ("kind", "frequency"))
    every = np.array([round(60 * (step_of(*one) or 0)) for one in zip(*grid, strict=True)], dtype=np.int64)
    on_grid = _switched(settings, "periodically")
    by_days, others = _switched(settings, "daily", "monthly"), _switched(settings, "periodically", "continuously")
    near = wait + np.where(by_days & ~others, _SLACK_BY_DAYS_S, _SLACK_S)
    return _Habits(np.where(on, np.maximum(number, 0), 0), near, np.where(on_grid, np.maximum(every, 0), 0))


def _switched(settings: Mapping[str, Any], *kinds: str) -> Cells:
    """The jobs of which any of these kinds of schedule is surely on."""
    switches = [pd.Series(settings[f"schedule_{kind}_enabled"]).fillna(False).to_numpy(dtype=bool) for kind in kinds]
    return np.asarray(np.logical_or.reduce(switches))


def _runs(rows: pd.DataFrame, job: Cells, informed: Cells, failed: Cells, habits: _Habits) -> tuple[Cells, Cells]:
    """The rows in order of job, run and time, and which places of that order begin a run."""
    instants = _micros(rows["created"])
    order = np.lexsort((failed, instants, job))
    begins = _begins_by_wait(rows, order, job, instants, failed, habits)
    if not informed.any():
        return order, begins
    run = np.cumsum(begins) - 1
    run_of = np.empty(len(rows), dtype=np.int64)
    run_of[order] = run
    roots = _roots(rows["session_id"][informed], rows["original_session_id"][informed], job[informed])
    run_of[informed] = len(rows) + roots
    # Runs follow one another as their first sessions do.
    place = pd.factorize(run_of[order])[0]
    order = order[np.argsort(place, kind="stable")]
    return order, np.append(True, np.diff(run_of[order]) != 0)


def _begins_by_wait(
    rows: pd.DataFrame, order: Cells, job: Cells, instants: Cells, failed: Cells, habits: _Habits
) -> Cells:
    """Which places of `order` begin a run, where only the waits of the jobs tell."""
    begins = np.ones(len(rows), dtype=bool)
    created, owner = instants[order], job[order]
    # Of a session that has no end, its start is the earliest moment after which a retry may come.
    ended = np.where((last := _micros(rows["ended"])) == _NEVER, instants, last)[order]
    same = np.append(False, owner[1:] == owner[:-1]) & (created != _NEVER)
    before = np.append(_NEVER, ended[:-1])
    gap = np.where(same & (before != _NEVER), (created - np.where(before == _NEVER, 0, before)) / _MICROS, np.inf)
    failed_before = np.append(False, failed[order][:-1])
    near = failed_before & (gap >= -1) & (gap <= habits.near_s[owner]) & (habits.retries[owner] > 0)
    named = _named_retries(rows)[order] & same & (created - np.append(0, created[:-1]) <= 86400 * _MICROS)
    start, attempt, previous = 0, 0, -2
    for place in np.flatnonzero(near | named).tolist():
        if place != previous + 1:
            start, attempt = place - 1, 0
        previous = place
        if not named[place]:
            every = int(habits.every_s[owner[place]])
            away = (int(created[place]) - int(created[start])) / _MICROS
            off_grid = min(away % every, every - away % every) > _ON_GRID_S if every else True
            if attempt >= habits.retries[owner[place]] or not off_grid:
                start, attempt = place, 0
                continue
        begins[place] = False
        attempt += 1
    return begins


def _named_retries(rows: pd.DataFrame) -> Cells:
    """Which sessions call themselves a retry."""
    codes, words = pd.factorize(rows["name"].to_numpy(dtype=object))
    called = np.array([*(_NAMED_RETRY.search(word) is not None for word in words), False], dtype=bool)
    return np.asarray(called[codes])


def _micros(instants: pd.Series) -> Cells:
    """Microseconds since 1970; `_NEVER` where the instant is not known."""
    micros = instants.to_numpy(dtype="datetime64[us]").astype(np.int64)
    micros[are_missing(instants)] = _NEVER
    return micros


def _roots(ids: pd.Series, originals: pd.Series, job: Cells) -> Cells:
    """A number per row that equal runs share: that of the session at which its chain of retries begins.

    A session that is named and was not read still holds together those that name it; a chain that bites its own tail
    is one run. Only sessions of the same job are followed.
    """
    size = len(ids)
    texts, distinct = pd.factorize(np.concatenate([ids.to_numpy(dtype=object), originals.to_numpy(dtype=object)]))
    codes, pairs = pd.factorize(np.tile(job, 2) * len(distinct) + texts)
    codes[texts < 0] = -1
    mine, parent = codes[:size], codes[size:]
    above, lowest = np.arange(len(pairs)), np.arange(len(pairs))
    linked = (mine >= 0) & (parent >= 0)
    above[mine[linked]] = parent[linked]
    # Each step doubles how far every pointer reaches; `lowest` is the least of all that were passed.
    for _ in range(len(pairs).bit_length()):
        lowest, farther = np.minimum(lowest, lowest[above]), above[above]
        if np.array_equal(farther, above):
            break
        above = farther
    nameless = np.arange(size) + len(pairs)
    start = np.where(mine >= 0, mine, parent)
    roots = nameless.copy()
    roots[start >= 0] = lowest[above[start[start >= 0]]]
    return roots


def _repeats(rows: pd.DataFrame, informed: Cells) -> Cells:
    """Whether the server says of each row that it repeats another session; False where it reports no retries."""
    repeats = np.zeros(len(rows), dtype=bool)
    own = rows.loc[informed, ["session_id", *_RETRY_INFO]]
    recheck = own["is_recheck_retry"].to_numpy(dtype=bool, na_value=False)
    numbered = (own["retry_number"] > 0).to_numpy(dtype=bool, na_value=False)
    another = (own["original_session_id"] != own["session_id"]).to_numpy(dtype=bool, na_value=False)
    repeats[informed] = (numbered | another) & ~recheck
    return repeats
