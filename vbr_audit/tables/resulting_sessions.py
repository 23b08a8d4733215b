"""The table `resulting_sessions`: what came of each run once its retries are folded into it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.tables.arrays import STRING, strings_of
from vbr_audit.tables.schema import Column, TableSpec, empty, from_arrays

BY_RETRY_INFO: Final = "retry info"
BY_DAY: Final = "day"

SPEC: Final = TableSpec(
    "resulting_sessions",
    ("session_id",),
    (
        Column("server", "string", "The server."),
        Column("job_id", "string", "The job that ran."),
        Column("session_id", "string", "The last session of the run: its result is what came of it."),
        Column("first_session_id", "string", "The first session of the run."),
        Column("folded_by", "string", "`retry info` where the server tells which session a retry repeats, else `day`."),
        Column("started", "datetime", "When the first session was created."),
        Column("created", "datetime", "When the last session was created."),
        Column("ended", "datetime", "When the last session ended; NA while it runs."),
        Column("state", "string", "The state of the last session."),
        Column("result", "string", "The result of the last session."),
        Column("first_result", "string", "The result of the first session."),
        Column("result_message", "string", "What the last session says of its result."),
        Column("is_canceled", "boolean", "Somebody stopped the last session."),
        Column("duration_s", "Float64", "How long the last session took.", "s"),
        Column("attempts", "Int64", "The sessions that were folded, the last one included.", "sessions"),
        Column("retries", "Int64", "Those of them that repeat another; a repeated health check is none."),
        Column("initiated_by", "string", "Who started the first session."),
    ),
    "One row per run of a job in the period, made of `sessions`. Where the server tells which session a retry repeats "
    "(1.3-rev2), a session and its retries are one run; else the sessions of a job on one day are, in the zone of the "
    "report, and the last one counts. Sessions without a job are left out.",
)


_RETRY_INFO: Final = ("original_session_id", "retry_number", "is_recheck_retry")
_DECIDING: Final = ("server", "job_id", "session_id", "created", "result", *_RETRY_INFO)
"""The columns that decide which sessions are one run."""


@dataclass(frozen=True, eq=False)
class _Folded:
    """Rows in order of server, job, run and time: where runs start and end there, and which rows are retries.

    `is_informed` says of each row, in its own place, whether its server tells of retries at all.
    """

    order: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    is_retry: np.ndarray
    is_informed: np.ndarray


def derive(sessions: pd.DataFrame, zone: dt.tzinfo) -> pd.DataFrame:
    """The resulting sessions of the rows of `sessions`, by server, job and time; days are those of `zone`.

    A session whose start is not known is a run of its own where days are folded. Among retries that the server names
    it counts as the last, so that the start of the whole run is not known. Of sessions that started at the same
    moment, the failed one counts as the last.
    """
    known = np.flatnonzero(sessions["job_id"].notna().to_numpy())
    if not len(known):
        return empty(SPEC)
    runs = _fold(_deciding(sessions, known), zone)
    first, last = known[runs.order[runs.starts]], known[runs.order[runs.ends]]
    columns: dict[str, Any] = {
        "first_session_id": sessions["session_id"].array.take(first),
        "folded_by": strings_of([BY_DAY, BY_RETRY_INFO]).take(runs.is_informed[runs.order[runs.ends]].astype(np.int64)),
        "started": sessions["created"].array.take(first),
        "first_result": sessions["result"].array.take(first),
        "initiated_by": sessions["initiated_by"].array.take(first),
        "attempts": pd.array(runs.ends - runs.starts + 1, dtype=pd.Int64Dtype()),
        "retries": pd.array(np.add.reduceat(runs.is_retry.astype(np.int64), runs.starts), dtype=pd.Int64Dtype()),
    }
    columns |= {name: sessions[name].array.take(last) for name in SPEC.names if name not in columns}
    return from_arrays({name: columns[name] for name in SPEC.names}, len(last))


def runs_of(sessions: pd.DataFrame, zone: dt.tzinfo) -> pd.DataFrame:
    """For each row of `sessions`, on its index: `is_retry`, and `run_session_id`, the `session_id` of its run.

    Both are NA for a session without a job.
    """
    known = np.flatnonzero(sessions["job_id"].notna().to_numpy())
    found = pd.DataFrame({"is_retry": pd.NA, "run_session_id": pd.NA}, index=sessions.index)
    found = found.astype({"is_retry": pd.BooleanDtype(), "run_session_id": STRING})
    if not len(known):
        return found
    rows = _deciding(sessions, known)
    runs = _fold(rows, zone)
    places, last = known[runs.order], np.repeat(runs.order[runs.ends], runs.ends - runs.starts + 1)
    found.iloc[places, 0] = runs.is_retry
    found.iloc[places, 1] = rows["session_id"].array.take(last)
    return found


def _deciding(sessions: pd.DataFrame, known: np.ndarray) -> pd.DataFrame:
    """What decides of the rows at these positions, numbered from 0."""
    rows = sessions[list(_DECIDING)]
    return (rows if len(known) == len(rows) else rows.iloc[known]).reset_index(drop=True)


def _fold(rows: pd.DataFrame, zone: dt.tzinfo) -> _Folded:
    """Put the rows, of which each has a job, in order, and find where runs start and end."""
    servers, names = pd.factorize(rows["server"].to_numpy(dtype=object), use_na_sentinel=False)
    informed = _informed(rows, servers)
    failed = (rows["result"] == "Failed").to_numpy(dtype=bool, na_value=False)
    job = pd.factorize(rows["job_id"].to_numpy(dtype=object))[0]
    if len(names) > 1:
        job = pd.factorize(job * len(names) + servers)[0]
    order, ends = _runs(rows, job, informed, failed, zone)
    starts = np.append(0, ends[:-1] + 1)
    after_failure = np.append(False, failed[order][:-1])
    after_failure[starts] = False
    is_retry = _told(rows, informed)[order] | (after_failure & ~informed[order])
    return _Folded(order, starts, ends, is_retry, informed)


def _informed(rows: pd.DataFrame, servers: np.ndarray) -> np.ndarray:
    """Whether the server of each row tells of retries at all."""
    told = np.logical_or.reduce([rows[name].notna().to_numpy() for name in _RETRY_INFO])
    return np.asarray((np.bincount(servers[told], minlength=servers.max() + 1) > 0)[servers])


def _runs(
    rows: pd.DataFrame, job: np.ndarray, informed: np.ndarray, failed: np.ndarray, zone: dt.tzinfo
) -> tuple[np.ndarray, np.ndarray]:
    """The rows in order of server, job, run and time, and at which places of that order runs end."""
    created = rows["created"]
    instants = created.to_numpy(dtype="datetime64[us]").astype(np.int64)
    dateless = created.isna().to_numpy()
    instants[dateless] = np.iinfo(np.int64).max
    days = created.dt.tz_convert(zone).dt.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)
    # Places of single rows lie far from any day, so that no session without a start falls on one.
    alone = np.iinfo(np.int64).max - np.arange(len(rows))
    own = np.where(dateless, alone, days)
    if informed.any():
        own[informed] = _roots(rows["session_id"][informed], rows["original_session_id"][informed], job[informed])
    order = np.lexsort((failed, instants, own, job))
    changed = (np.diff(own[order]) != 0) | (np.diff(job[order]) != 0)
    return order, np.append(np.flatnonzero(changed), len(rows) - 1)


def _roots(ids: pd.Series, originals: pd.Series, job: np.ndarray) -> np.ndarray:
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
    found = nameless.copy()
    found[start >= 0] = lowest[above[start[start >= 0]]]
    return found


def _told(rows: pd.DataFrame, informed: np.ndarray) -> np.ndarray:
    """Whether the server says of each row that it repeats another session; False where it tells of no retries."""
    found = np.zeros(len(rows), dtype=bool)
    own = rows.loc[informed, ["session_id", *_RETRY_INFO]]
    recheck = own["is_recheck_retry"].to_numpy(dtype=bool, na_value=False)
    numbered = (own["retry_number"] > 0).to_numpy(dtype=bool, na_value=False)
    another = (own["original_session_id"] != own["session_id"]).to_numpy(dtype=bool, na_value=False)
    found[informed] = (numbered | another) & ~recheck
    return found
