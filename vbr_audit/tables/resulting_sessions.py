"""The table `resulting_sessions`: what came of each run once its retries are folded into it."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.tables.arrays import STRING, strings_of
from vbr_audit.tables.schema import Column, TableSpec, empty

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


def derive(sessions: pd.DataFrame, zone: dt.tzinfo) -> pd.DataFrame:
    """The resulting sessions of the rows of `sessions`, by server, job and time; days are those of `zone`.

    A session whose start is not known is a run of its own where days are folded. Among retries that the server names
    it counts as the last, so that the start of the whole run is not known. Of sessions that started at the same
    moment, the failed one counts as the last.
    """
    rows = sessions[sessions["job_id"].notna().to_numpy()].reset_index(drop=True)
    if rows.empty:
        return empty(SPEC)
    informed = _informed(rows)
    order, ends = _runs(rows, informed, zone)
    starts = np.append(0, ends[:-1] + 1)
    first, last = order[starts], order[ends]
    retries = np.add.reduceat(_retry_flags(rows, informed, order, starts), starts)
    columns: dict[str, Any] = {
        "first_session_id": rows["session_id"].array.take(first),
        "folded_by": strings_of(np.where(informed[last], BY_RETRY_INFO, BY_DAY).astype(object)),
        "started": rows["created"].array.take(first),
        "first_result": rows["result"].array.take(first),
        "initiated_by": rows["initiated_by"].array.take(first),
        "attempts": pd.array(ends - starts + 1, dtype=pd.Int64Dtype()),
        "retries": pd.array(retries, dtype=pd.Int64Dtype()),
    }
    columns |= {name: rows[name].array.take(last) for name in SPEC.names if name not in columns}
    return pd.DataFrame({name: columns[name] for name in SPEC.names})


def _informed(rows: pd.DataFrame) -> np.ndarray:
    """Whether the server of each row tells of retries at all."""
    told = rows[["original_session_id", "retry_number", "is_recheck_retry"]].notna().any(axis=1)
    return np.asarray(told.groupby(rows["server"], dropna=False).transform("any").to_numpy(dtype=bool))


def _runs(rows: pd.DataFrame, informed: np.ndarray, zone: dt.tzinfo) -> tuple[np.ndarray, np.ndarray]:
    """The rows in order of server, job, run and time, and at which places of that order runs end."""
    created = rows["created"]
    instants = created.to_numpy(dtype="datetime64[us]").astype(np.int64)
    dateless = created.isna().to_numpy()
    instants[dateless] = np.iinfo(np.int64).max
    days = created.dt.tz_convert(zone).dt.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)
    # Places of single rows lie far from any day, so that no session without a start falls on one.
    alone = np.iinfo(np.int64).max - np.arange(len(rows))
    job = pd.factorize(rows["server"].fillna("") + "\0" + rows["job_id"])[0]
    own = np.where(informed, _roots(rows, job), np.where(dateless, alone, days))
    failed = (rows["result"] == "Failed").to_numpy(dtype=bool, na_value=False)
    order = np.lexsort((failed, instants, own, job))
    changed = (np.diff(own[order]) != 0) | (np.diff(job[order]) != 0)
    return order, np.append(np.flatnonzero(changed), len(rows) - 1)


def _roots(rows: pd.DataFrame, job: np.ndarray) -> np.ndarray:
    """A number per row that equal runs share: that of the session at which its chain of retries begins.

    A session that is named and was not read still holds together those that name it; a chain that bites its own tail
    is one run. Only sessions of the same job are followed.
    """
    size, prefix = len(rows), pd.Series(job, index=rows.index).astype(STRING) + "\0"
    keys, named = prefix + rows["session_id"], prefix + rows["original_session_id"]
    codes, distinct = pd.factorize(pd.concat([keys, named], ignore_index=True))
    mine, parent = codes[:size], codes[size:]
    above, lowest = np.arange(len(distinct)), np.arange(len(distinct))
    linked = (mine >= 0) & (parent >= 0)
    above[mine[linked]] = parent[linked]
    # Each step doubles how far every pointer reaches; `lowest` is the least of all that were passed.
    for _ in range(len(distinct).bit_length()):
        lowest = np.minimum(lowest, lowest[above])
        above = above[above]
    nameless = np.arange(size) + len(distinct)
    start = np.where(mine >= 0, mine, parent)
    found = nameless.copy()
    found[start >= 0] = lowest[above[start[start >= 0]]]
    return found


def _retry_flags(rows: pd.DataFrame, informed: np.ndarray, order: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """1 for each row of the order that repeats a failed session of its run."""
    recheck = rows["is_recheck_retry"].to_numpy(dtype=bool, na_value=False)
    numbered = (rows["retry_number"] > 0).to_numpy(dtype=bool, na_value=False)
    another = (rows["original_session_id"] != rows["session_id"]).to_numpy(dtype=bool, na_value=False)
    told = (numbered | another) & ~recheck
    failed = (rows["result"] == "Failed").to_numpy(dtype=bool, na_value=False)
    after_failure = np.append(False, failed[order][:-1])
    after_failure[starts] = False
    return np.where(informed[order], told[order], after_failure).astype(np.int64)
