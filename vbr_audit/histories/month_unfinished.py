"""Runs of jobs that pass the edge of a month or of a reading: each is named, and counted in one month alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.three_valued import Cells, surely, surely_one, worded
from vbr_audit.histories import daily, evidence
from vbr_audit.histories.evidence import HOUR, NO_INSTANT
from vbr_audit.histories.month_parts import MonthParts, job_keys
from vbr_audit.tables.build.arrays import micros, micros_of
from vbr_audit.tables.build.schema import Column, TableSpec, empty

RESULT_COUNTS: Final = {"Success": "success", "Warning": "warning", "Failed": "failed"}
"""The count of each result of a run that ended."""

UNFINISHED_SPEC: Final = TableSpec(
    "month_unfinished",
    ("server_id", "first_session_id"),
    (
        *daily.CARRIED_SPEC.columns,
        Column(
            "kind",
            "string",
            "`carried in` if it started before the month, `open` if it started in the month.",
            holds="word",
        ),
        Column("outcome", "string", "`ended`, `open`, or `unknown` if no later run lists it any more.", holds="word"),
    ),
    "One row per run that was under way when the month began, or had not ended when it was read.",
)


def unfinished_runs(parts: MonthParts, chosen: pd.DataFrame) -> pd.DataFrame:
    """The rows of `month_unfinished`, each with the row of `chosen` that counts it with an earlier state.

    `place` is that row, -1 for none, and `counted_as` the count there: `open`, or `failed` for a run whose retry came
    after the reading.
    """
    rows = _listed(parts)
    if not len(rows):
        nothing = {"place": np.zeros(0, dtype=np.int64), "counted_as": np.zeros(0, dtype=object)}
        return empty(UNFINISHED_SPEC).assign(**nothing, ends_inside=np.zeros(0, dtype=bool))
    last = rows.drop_duplicates(_IDENTITY, keep="last")
    last = last.sort_values(["started", "server_id", "run_id"], kind="stable", ignore_index=True)
    last = _with_places(parts, rows, last, chosen)
    began, ended = micros_of(last["started"]), micros_of(last["ended"])
    rank = last["rank"].to_numpy(dtype=np.int64)
    read = np.array([micros(run.now) for run in parts.runs], dtype=np.int64)[rank]
    is_open, before = ended == NO_INSTANT, began < parts.start
    newest = last["server_id"].map(dict(_latest_ranks(parts))).fillna(-1).to_numpy(dtype=np.int64)
    outcome = worded(last.index, (~is_open, "ended"), (rank >= newest, "open"), default="unknown")
    lost = surely(outcome == "unknown")
    last = last.assign(
        outcome=outcome,
        kind=worded(last.index, (before, "carried in"), default="open"),
        state=last["state"].mask(lost),
        result=last["result"].mask(is_open),
        ends_inside=~is_open & (ended >= parts.start) & (ended < parts.end),
    )
    lasts = np.where(is_open, read >= parts.start - _MONTH, ended >= parts.start)
    kept = (before & lasts) | (~before & (last["place"] >= 0).to_numpy())
    frame: pd.DataFrame = last[kept].reset_index(drop=True)
    return frame


def _listed(parts: MonthParts) -> pd.DataFrame:
    """The open and the carried runs of all runs of the history; what the latest one shows of a run comes last."""
    tables = [parts.rows(daily.OPEN_SPEC), parts.rows(daily.CARRIED_SPEC)]
    rows = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    rows = rows.reindex(columns=[*daily.CARRIED_SPEC.names, "rank"]).astype(empty(daily.CARRIED_SPEC).dtypes)
    began = micros_of(rows["started"])
    rows = rows[(began < parts.end) & (began != NO_INSTANT)]
    listed: pd.DataFrame = rows.assign(is_ended=rows["ended"].notna()).sort_values(["rank", "is_ended"], kind="stable")
    return listed


def _with_places(parts: MonthParts, rows: pd.DataFrame, last: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """Each run with the chosen row that counts it as open, or as failed before its last attempt, as `place`."""
    opened = rows[rows["ended"].isna().to_numpy() & rows["state"].notna().to_numpy()]
    retried = last[last["ended"].notna().to_numpy() & ~surely(last["run_id"] == last["first_session_id"])]
    found = []
    if len(retried):
        failed = _inside(retried, chosen[(chosen["failed"] > 0).to_numpy(dtype=bool, na_value=False)], same_run=False)
        read = np.array([micros(run.now) for run in parts.runs], dtype=np.int64)
        failed = failed[read[failed["rank_of_row"].to_numpy(dtype=np.int64)] < micros_of(failed["last_attempt"])]
        found.append(failed.assign(counted_as="failed"))
    if len(opened):
        counted = _inside(opened, chosen[(chosen["open"] > 0).to_numpy(dtype=bool, na_value=False)], same_run=True)
        found.append(counted.assign(counted_as="open"))
    if not any(map(len, found)):
        return last.assign(place=-1, counted_as=np.full(len(last), np.nan, dtype=object))
    every = pd.concat(found)
    places = every.drop_duplicates(_IDENTITY, keep="last").set_index(_IDENTITY)
    own = places[["place", "counted_as"]].reindex(pd.MultiIndex.from_frame(last[_IDENTITY]))
    place = own["place"].fillna(-1).to_numpy(dtype=np.int64)
    return last.assign(place=place, counted_as=own["counted_as"].to_numpy(dtype=object))


def _inside(runs: pd.DataFrame, held: pd.DataFrame, *, same_run: bool) -> pd.DataFrame:
    """The `runs` that started in one of the daily rows `held` of their job, with that row as `place`.

    With `same_run` the row must be of the run of the history that lists them.
    """
    asked = runs.assign(key=job_keys(runs), began=micros_of(runs["started"]))
    places = {"key": job_keys(held), "start": held["start"], "end": held["end"], "place": held.index}
    rows = pd.DataFrame(places | {"rank_of_row": held["rank"]})
    both = asked.merge(rows, on="key")
    inside = (both["start"] <= both["began"]) & (both["began"] < both["end"])
    return both[inside & (both["rank"] == both["rank_of_row"])] if same_run else both[inside]


_IDENTITY: Final = ["server_id", "first_session_id"]
"""What identifies a run of a job in all runs of a history: its last session may change."""
_MONTH: Final = 31 * 24 * HOUR
"""For how long a run that no later run lists any more is named."""


def _latest_ranks(parts: MonthParts) -> Iterable[tuple[str, int]]:
    """Each server with the latest run that saw it."""
    for rank, run in enumerate(parts.runs):
        for server_id in run.table(evidence.SPEC)["server_id"].dropna().unique():
            yield server_id, rank


def with_results(rows: pd.DataFrame, unfinished: pd.DataFrame) -> pd.DataFrame:
    """The chosen daily rows, where the runs that a later run saw the end of have their result."""
    done = unfinished[(unfinished["place"] >= 0).to_numpy() & surely(unfinished["outcome"] == "ended")]
    if not len(done):
        return rows
    columns = {name: rows[name].fillna(0).to_numpy(dtype=np.int64, copy=True) for name in daily.RUN_COUNTS}
    place, before = done["place"].to_numpy(dtype=np.int64), done["counted_as"].to_numpy(dtype=object)
    result = done["result"].map(RESULT_COUNTS).fillna("other").to_numpy(dtype=object)
    for name in ("open", "failed"):
        np.subtract.at(columns[name], place[before == name], 1)
    for name in (*RESULT_COUNTS.values(), "other"):
        np.add.at(columns[name], place[result == name], 1)
    at_once = surely(done["run_id"] == done["first_session_id"]) & np.isin(result, ["success", "warning"])
    np.add.at(columns["first_attempt_success"], place[at_once], 1)
    return rows.assign(**{name: pd.array(cells, dtype="Int64") for name, cells in columns.items()})


def carried_counts(unfinished: pd.DataFrame, owner: Cells, size: int) -> dict[str, Any]:
    """`carried_in` and `carried_in_failed` by job: the runs that started before the month and ended in it."""
    ended = surely(unfinished["kind"] == "carried in") & unfinished["ends_inside"].to_numpy(dtype=bool)
    failed = ended & surely_one(unfinished["result"], "Failed")
    return {
        name: pd.arrays.IntegerArray(np.bincount(owner[rows], minlength=size), np.zeros(size, dtype=bool))
        for name, rows in (("carried_in", ended), ("carried_in_failed", failed))
    }
