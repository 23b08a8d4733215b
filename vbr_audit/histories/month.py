"""The runs of a month, from the daily tables of all runs of a history that saw a part of it.

Each part of a day is taken from one run alone: of those that know it, from one that knows the whole day, and of several
such from the latest by its clock. So nothing is counted twice, and neither the order of the runs nor a run that is
there twice changes anything. What no run knows is unknown, with its hours, and never a zero.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.three_valued import Cells, surely, worded
from vbr_audit.histories import daily, evidence
from vbr_audit.histories.evidence import HOUR, SERVER_COLUMNS, RunTables
from vbr_audit.histories.month_parts import NO_RUN_SAW, MonthParts, covered_length, job_keys, parts_of_month, separate
from vbr_audit.histories.month_unfinished import (
    RESULT_COUNTS,
    UNFINISHED_SPEC,
    carried_counts,
    unfinished_runs,
    with_results,
)
from vbr_audit.tables.build.arrays import micros_of
from vbr_audit.tables.build.schema import Column, TableSpec, conform, empty

MET, MISSED, UNKNOWN, NO_RUN = "met", "missed", "unknown", "no run"
_SUMS: Final = (*daily.DUE_COUNTS, *(name for name in daily.RUN_COUNTS if name != "carried_in"))

SPEC: Final = TableSpec(
    "month_runs",
    ("server_id", "job_id"),
    (
        *SERVER_COLUMNS,
        Column("job_id", "string", "The job; NA for runs that name no job.", holds="id"),
        Column("job_name", "string", "The job's name in the latest run that lists it.", holds="job"),
        Column("is_listed", "boolean", "The latest run that knows it has it in `jobs`."),
        Column("due", "Int64", "Starts that its schedule required; NA if it cannot be evaluated on any day."),
        Column("made", "Int64", "Due starts at which it ran."),
        Column("missed", "Int64", "Due starts at which it did not start."),
        Column("overlapped", "Int64", "Due starts at which it was still running."),
        Column("unclear", "Int64", "Due starts for which it is not known whether it started."),
        Column("runs", "Int64", "Runs that started in the month, with their retries one each."),
        Column("success", "Int64", "Of these, those that ended with Success."),
        Column("warning", "Int64", "Of these, those that ended with Warning."),
        Column("failed", "Int64", "Of these, those that failed."),
        Column("other", "Int64", "Of these, those that ended otherwise, or of which state or result is not known."),
        Column("open", "Int64", "Of these, those of which no run of the history saw the end."),
        Column("first_attempt_success", "Int64", "Ended runs whose first attempt ended with Success or Warning."),
        Column("failed_seen", "Int64", "Failed runs in what was read, also where a day is not wholly known."),
        Column("undated", "Int64", "Runs of which the start is not known."),
        Column("carried_in", "Int64", "Runs that started before the month and ended in it: counted nowhere else."),
        Column("carried_in_failed", "Int64", "Of these, those that failed."),
        Column("success_rate", "Float64", "Success and Warning of the runs with a result; NA if a day is not known."),
        Column("first_attempt_rate", "Float64", "The same share by the first attempt of each run."),
        Column("required_rate", "Float64", "The highest success rate that a policy of the month required."),
        Column(
            "sla",
            "string",
            "`met` if the runs under each promise reach it, each promise as of the run that saw the day; `missed`, "
            "`unknown`, or `no run` if nothing was due and nothing ran.",
            holds="word",
        ),
        Column("hours", "Float64", "The length of the month.", "h"),
        Column("known_h", "Float64", "Hours that the session history covers.", "h"),
        Column("unlisted_h", "Float64", "Hours seen by runs that list no such job and read all jobs.", "h"),
        Column("unknown_h", "Float64", "The other hours: nothing is known of them.", "h"),
        Column("due_unknown_h", "Float64", "Known hours whose due starts cannot be evaluated.", "h"),
        Column("reason", "string", "Why hours or due starts are not known.", holds="own text"),
    ),
    "One row per job: its runs in one month. Counts are those of the known hours; NA if none are known.",
)

COVERAGE_SPEC: Final = TableSpec(
    "month_coverage",
    ("server_id",),
    (
        *SERVER_COLUMNS,
        Column("hours", "Float64", "The length of the month.", "h"),
        Column("sessions_h", "Float64", "Hours of which all sessions were read by some run.", "h"),
        Column("unknown_h", "Float64", "The other hours.", "h"),
        Column("share", "Float64", "The share of the month that the session history covers."),
        Column("first_unknown", "datetime", "The first instant of the month that is not covered; NaT for none."),
        Column("runs", "Int64", "Runs of the history that saw a part of the month."),
        Column("reason", "string", "Why hours are not covered.", holds="own text"),
    ),
    "One row per server: how much of the month the session history that the server still had covers.",
)


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The rows of `job_runs_daily` that count, and those of hours of which no run knows all (`loose`).

    `named` has of each job the row of the latest run; `unlisted` are of each job the hours seen by runs that list no
    such job.
    """

    rows: pd.DataFrame
    loose: pd.DataFrame
    named: pd.DataFrame
    keys: pd.Index
    unlisted: Cells


def runs_of_month(month: str, zone: dt.tzinfo, runs: Iterable[RunTables]) -> pd.DataFrame:
    """The table `month_runs` of a history."""
    return runs_of_parts(parts_of_month(month, zone, runs))


def runs_of_parts(parts: MonthParts) -> pd.DataFrame:
    """The table `month_runs` of what runs hold of one span of time."""
    chosen = _chosen(parts)
    unfinished = unfinished_runs(parts, chosen.rows)
    keys = chosen.keys.append(pd.Index(job_keys(unfinished)).difference(chosen.keys))
    if not len(keys):
        return empty(SPEC)
    rows = with_results(chosen.rows, unfinished)
    owner, loose, late = (keys.get_indexer(pd.Index(job_keys(each))) for each in (rows, chosen.loose, unfinished))
    size = len(keys)
    unlisted = np.append(chosen.unlisted, np.zeros(size - len(chosen.keys)))
    columns = _names(chosen.named, unfinished, keys) | _hours(parts, rows, owner, unlisted)
    columns |= _counts(rows, owner, columns["known_h"] == 0) | carried_counts(unfinished, late, size)
    seen = columns["failed"].to_numpy(dtype=np.int64, na_value=0) + _most_failed(chosen.loose, loose, size)
    columns["failed_seen"] = pd.arrays.IntegerArray(seen, np.zeros(size, dtype=bool))
    columns |= _rates(rows, owner, columns)
    columns["reason"] = _reasons(rows, owner, chosen.loose, loose, columns)
    frame = conform(columns, SPEC)[0]
    return frame.sort_values(["server_id", "job_name", "job_id"], kind="stable", ignore_index=True)


def unfinished_of_month(month: str, zone: dt.tzinfo, runs: Iterable[RunTables]) -> pd.DataFrame:
    """The table `month_unfinished` of a history."""
    parts = parts_of_month(month, zone, runs)
    return conform(unfinished_runs(parts, _chosen(parts).rows)[list(UNFINISHED_SPEC.names)], UNFINISHED_SPEC)[0]


def coverage_of_month(month: str, zone: dt.tzinfo, runs: Iterable[RunTables]) -> pd.DataFrame:
    """The table `month_coverage` of a history."""
    return coverage_of_parts(parts_of_month(month, zone, runs))


def coverage_of_parts(parts: MonthParts) -> pd.DataFrame:
    """The table `month_coverage` of what runs hold of one span of time."""
    rows = parts.clipped(evidence.SPEC)
    records = []
    for server_id, name in sorted(_servers(parts).items()):
        own = rows[surely(rows["server_id"] == server_id)]
        known = own[surely(own["sessions_known"])]
        length, first = covered_length(known["start"].to_numpy(), known["end"].to_numpy(), parts.start, parts.end)
        whys = own["why"].dropna().drop_duplicates().sort_values().tolist()
        records.append(
            {
                "server_id": server_id,
                "server": name,
                "hours": parts.hours,
                "sessions_h": length / HOUR,
                "unknown_h": parts.hours - length / HOUR,
                "share": length / (parts.end - parts.start),
                "first_unknown": None if first is None else pd.Timestamp(first, unit="us", tz="UTC"),
                "runs": int(own["rank"].nunique()),
                "reason": None if first is None else "; ".join(whys) or NO_RUN_SAW,
            }
        )
    return conform(pd.DataFrame(records, columns=list(COVERAGE_SPEC.names)), COVERAGE_SPEC)[0]


def _servers(parts: MonthParts) -> dict[str, str]:
    """Every server of the history with its latest name."""
    names: dict[str, str] = {}
    for run in parts.runs:
        seen = run.table(evidence.SPEC).drop_duplicates("server_id")
        names |= dict(zip(seen["server_id"], seen["server"], strict=True))
    return names


def _chosen(parts: MonthParts) -> _Chosen:
    """Of all daily rows of jobs those that count: no two of a job overlap."""
    rows = parts.clipped(daily.SPEC)
    seen = parts.clipped(evidence.SPEC)
    # A part that passes an edge of the month, as days of another zone may, cannot be divided.
    whole = (rows["start"] == micros_of(rows["since"])) & (rows["end"] == micros_of(rows["until"]))
    codes, keys = pd.factorize(job_keys(rows))
    edges = np.unique(np.concatenate([rows["start"], rows["end"], seen["start"], seen["end"]]).astype(np.int64))
    rows = rows.assign(
        code=codes, first=np.searchsorted(edges, rows["start"]), last=np.searchsorted(edges, rows["end"])
    )
    taken = np.zeros((len(keys), max(len(edges) - 1, 0)), dtype=bool)
    fit = rows[whole.to_numpy() & surely(rows["known"])]
    fit = fit[~fit.duplicated(["rank", "code", "first"])]
    parts_known = _places(fit, "rank", "first", "last")
    kept: list[Cells] = []
    for (_, begin, stop), place in sorted(parts_known.items(), key=lambda item: _preference(item[0], edges)):
        own = fit["code"].to_numpy()[place]
        free = ~taken[own, begin:stop].any(axis=1)
        taken[own[free], begin:stop] = True
        kept.append(place[free])
    used = np.sort(np.concatenate(kept)) if kept else np.zeros(0, dtype=np.int64)
    loose = rows[~surely(rows["known"]) | ~whole.to_numpy()]
    spans = zip(*(loose[name].tolist() for name in ("code", "first", "last")), strict=True)
    loose = loose[np.array([not taken[code, first:last].all() for code, first, last in spans], dtype=bool)]
    unlisted = _unlisted(rows, seen, keys, edges, taken)
    newest = np.zeros(len(keys), dtype=np.int64)
    newest[codes] = np.arange(len(codes))
    chosen, aside = (each.reset_index(drop=True) for each in (fit.iloc[used], loose))
    return _Chosen(chosen, aside, rows.iloc[newest], pd.Index(keys), unlisted)


def _places(rows: pd.DataFrame, *names: str) -> dict[tuple[Any, ...], Cells]:
    """The positions of the rows that are equal in these columns, by what they have there."""
    grouped: Any = rows.groupby(list(names), sort=False).indices
    return {key: np.asarray(places) for key, places in grouped.items()}


def _preference(part: Any, edges: Cells) -> tuple[int, int, int]:
    """Longer parts first, then those of later runs."""
    rank, first, last = part
    return -int(edges[last] - edges[first]), -rank, first


def _unlisted(rows: pd.DataFrame, seen: pd.DataFrame, keys: Any, edges: Cells, taken: Cells) -> Cells:
    """Of each job the hours that only runs know which read all jobs and sessions, and have no such job."""
    absent = np.zeros_like(taken)
    server = np.array([separate(key)[0] for key in keys.tolist()], dtype=object)
    held = {rank: own.unique() for rank, own in rows.groupby("rank")["code"]}
    whole = seen[surely(seen["sessions_known"] & seen["jobs_known"])]
    first, last = (np.searchsorted(edges, whole[name].to_numpy(dtype=np.int64)) for name in ("start", "end"))
    for (rank, server_id), place in _places(whole, "rank", "server_id").items():
        away = server == server_id
        away[held.get(rank, np.zeros(0, dtype=np.int64))] = False
        for one in place.tolist():
            absent[away, first[one] : last[one]] = True
    lengths = np.diff(edges) / HOUR
    return np.asarray((absent & ~taken) @ lengths if len(edges) > 1 else np.zeros(len(keys)))


def _names(named: pd.DataFrame, unfinished: pd.DataFrame, keys: pd.Index) -> dict[str, Any]:
    """What the latest run that has rows of each job calls it."""
    names = ["server_id", "server", "job_id", "job_name", "is_listed"]
    beside = unfinished.assign(is_listed=pd.array([pd.NA] * len(unfinished), dtype="boolean"))
    every = pd.concat([beside[names], named[names]], ignore_index=True) if len(beside) else named[names]
    every = every.assign(key=job_keys(every)).drop_duplicates("key", keep="last").set_index("key")
    return {name: every[name].reindex(keys).array for name in names}


def _hours(parts: MonthParts, rows: pd.DataFrame, owner: Cells, unlisted: Cells) -> dict[str, Any]:
    known, blind = np.zeros(len(unlisted), dtype=np.int64), np.zeros(len(unlisted), dtype=np.int64)
    lengths = (rows["end"] - rows["start"]).to_numpy(dtype=np.int64)
    np.add.at(known, owner, lengths)
    gone = rows["due"].isna().to_numpy()
    np.add.at(blind, owner[gone], lengths[gone])
    unknown = np.round(parts.hours - known / HOUR - unlisted, 6)
    return {
        "hours": np.full(len(known), parts.hours).tolist(),
        "known_h": known / HOUR,
        "unlisted_h": unlisted,
        "unknown_h": unknown,
        "due_unknown_h": blind / HOUR,
    }


def _counts(rows: pd.DataFrame, owner: Cells, nothing: Cells) -> dict[str, Any]:
    """The sum of each count by job; NA where no hour is known, and where no row has that count."""
    columns: dict[str, Any] = {}
    for name in _SUMS:
        cells, held = np.zeros(len(nothing), dtype=np.int64), np.zeros(len(nothing), dtype=bool)
        np.add.at(cells, owner, rows[name].fillna(0).to_numpy(dtype=np.int64))
        held[owner[rows[name].notna().to_numpy()]] = True
        columns[name] = pd.arrays.IntegerArray(cells, nothing | ~held)
    undated = np.zeros(len(nothing), dtype=np.int64)
    np.maximum.at(undated, owner, rows["undated"].fillna(0).to_numpy(dtype=np.int64))
    return columns | {"undated": pd.arrays.IntegerArray(undated, nothing)}


def _most_failed(loose: pd.DataFrame, owner: Cells, size: int) -> Cells:
    """Of each job the most failed runs that one run of the history saw in hours that are not known."""
    most = np.zeros(size, dtype=np.int64)
    if len(loose):
        inside = loose.assign(owner=owner)[surely(~loose["known"])]
        failed = inside.groupby(["owner", "rank"])["failed_seen"].sum().groupby("owner").max()
        most[failed.index.to_numpy(dtype=np.int64)] = failed.to_numpy(dtype=np.int64)
    return most


def _rates(rows: pd.DataFrame, owner: Cells, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The rates of each job over the month, and whether each promise was kept on the days that it held for."""
    size = len(columns["known_h"])
    good, failed, first = (
        columns[name].to_numpy(dtype=float, na_value=0.0) for name in ("success", "failed", "first_attempt_success")
    )
    good = good + columns["warning"].to_numpy(dtype=float, na_value=0.0)
    ended = good + failed
    undated = columns["undated"].to_numpy(dtype=np.int64, na_value=0) > 0
    whole = (columns["unknown_h"] == 0) & (columns["known_h"] > 0)
    unclear = ~whole | undated | (ended == 0)
    required = np.full(size, -1.0)
    promised = rows["promised_rate"].to_numpy(dtype=float, na_value=-1.0)
    np.maximum.at(required, owner, promised)
    share = np.maximum(ended, 1)
    return {
        "success_rate": pd.arrays.FloatingArray(good / share, unclear),
        "first_attempt_rate": pd.arrays.FloatingArray(first / share, unclear),
        "required_rate": pd.arrays.FloatingArray(np.maximum(required, 0), required < 0),
        "sla": _kept(rows, owner, promised, whole & ~undated, columns),
    }


def _kept(rows: pd.DataFrame, owner: Cells, promised: Cells, whole: Cells, columns: Mapping[str, Any]) -> pd.Series:
    """Whether the runs under each promise reach it: the days of one promise are measured together."""
    size = len(whole)
    counts = {
        name: rows[name].fillna(0).to_numpy(dtype=np.int64) for name in (*RESULT_COUNTS.values(), "other", "open")
    }
    by_promise = pd.DataFrame({"owner": owner, "promised": promised, **counts}).groupby(["owner", "promised"])
    sums = by_promise.sum().reset_index()
    # A run that is still open may end either way.
    good, other = sums["success"] + sums["warning"], sums["other"] + sums["open"]
    possible = good + sums["failed"] + other
    ran = (possible > 0).to_numpy()
    least, most = good / possible.clip(lower=1), (good + other) / possible.clip(lower=1)
    places = sums["owner"].to_numpy(dtype=np.int64)
    bound = (sums["promised"] >= 0).to_numpy()

    def any_job(chosen: Any) -> Cells:
        marked = np.zeros(size, dtype=bool)
        marked[places[np.asarray(chosen, dtype=bool)]] = True
        return marked

    short = any_job(ran & bound & (most < sums["promised"]))
    doubt = any_job(ran & (~bound | ((least < sums["promised"]) & (most >= sums["promised"]))))
    active = any_job(ran)
    missed = columns["missed"].to_numpy(dtype=np.int64, na_value=0) > 0
    idle = ~active & (columns["due"].to_numpy(dtype=np.int64, na_value=-1) == 0)
    return worded(
        pd.RangeIndex(size),
        (~whole, UNKNOWN),
        (short | (~active & missed), MISSED),
        (doubt, UNKNOWN),
        (active, MET),
        (idle & (columns["due_unknown_h"] == 0), NO_RUN),
        default=UNKNOWN,
    )


def _reasons(
    rows: pd.DataFrame, owner: Cells, loose: pd.DataFrame, loose_owner: Cells, columns: Mapping[str, Any]
) -> pd.Series:
    """Why hours are not known, else why due starts are not."""
    index = pd.RangeIndex(len(columns["known_h"]))
    unknown = columns["unknown_h"] > 0
    names = loose["reason"].mask(surely(loose["known"]), "a day of another zone passes the edge of the month")
    gaps = pd.Series(names.array, index=loose_owner).dropna().groupby(level=0).min().reindex(index)
    due = pd.Series(rows["reason"].array, index=owner).dropna().groupby(level=0).min().reindex(index)
    return worded(index, (unknown, gaps.fillna(NO_RUN_SAW)), default=due.to_numpy(dtype=object))
