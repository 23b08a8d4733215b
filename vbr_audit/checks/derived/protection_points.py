"""What the restore points of each protected object tell of it."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Material
from vbr_audit.checks.derived.protection_gaps import Tasks
from vbr_audit.checks.derived.protection_links import ANY_TIME, NEVER, Points, micros_of
from vbr_audit.checks.logic.dates import LEEWAY
from vbr_audit.checks.logic.three_valued import Cells, nullable, surely, surely_one

MALWARE: Final = ("Clean", "Informative", "Suspicious", "Infected")
"""The marks of restore points, the worst last."""


def point_facts(points: Points, owners: Cells, is_copy: pd.Series, count: int, now: dt.datetime) -> dict[str, Any]:
    """The columns that restore points tell of `count` objects; `owners` gives the object of each unit.

    `is_copy` says of each unit whether a copy job made it. `latest_…` are NaT wherever a newer restore point may be
    there, `newest_…` are the newest of those that are surely its own.
    """
    index = pd.RangeIndex(count)
    linked = points.unit >= 0
    frame, unit = points.frame[linked], points.unit[linked]
    owner, created = owners[unit], frame["created"]
    doubt = np.full(count, NEVER, dtype=np.int64)
    np.maximum.at(doubt, owners[owners >= 0], points.doubt[owners >= 0])
    unclear = doubt > NEVER
    marks = frame["malware_status"]
    rank = marks.map({word: place for place, word in enumerate(MALWARE)}).astype("Float64")
    unmarked, is_clean = rank.isna().to_numpy(), surely(marks == "Clean")
    full, kind = surely(frame["type"] == "Full"), frame["type"].isna().to_numpy()
    copied = is_copy.iloc[unit].reset_index(drop=True)
    side_unknown = _any(owners, is_copy.isna().to_numpy() & (owners >= 0), count)
    believed = surely((created <= pd.Timestamp(now) + LEEWAY).astype("boolean"))

    def latest(chosen: Cells, *, oldest: bool = False) -> Cells:
        return _edges(owner, created, chosen & believed, count, oldest=oldest)

    every = latest(np.ones(len(frame), dtype=bool))
    clean, whole = latest(is_clean), latest(full)
    # What may be a newer one: one that is not known to be its own, or not known to be of that kind.
    maybe_clean = np.maximum(doubt, latest(unmarked))
    maybe_full = np.maximum(doubt, latest(kind))
    has_clean, marked = _any(owner, is_clean, count), _any(owner, marks.notna().to_numpy(), count)
    return {
        "points_known": pd.array(~unclear, dtype="boolean"),
        "latest_point": _instants(every, unclear & (doubt > every)),
        "newest_point": _instants(every),
        "newest_known": pd.array(doubt <= every, dtype="boolean"),
        "oldest_point": _instants(latest(np.ones(len(frame), dtype=bool), oldest=True), unclear),
        "latest_clean_point": _instants(clean),
        "clean_known": pd.array(maybe_clean <= clean, dtype="boolean"),
        "newest_is_clean": nullable((clean == every) & (clean > NEVER), (doubt > every) | (maybe_clean > clean), index),
        "latest_full": _instants(whole),
        "full_known": pd.array(maybe_full <= whole, dtype="boolean"),
        "latest_source_point": _instants(latest(surely(~copied)), unclear | side_unknown),
        "latest_copy_point": _instants(latest(surely(copied)), unclear | side_unknown),
        "has_clean_point": nullable(has_clean, (unclear | _any(owner, unmarked, count)) & ~has_clean, index),
        "has_marks": nullable(marked, ~marked, index),
        "worst_malware": _worst(owner, rank, count, unclear | _any(owner, unmarked, count)),
    }


def left_by_failed_runs(
    material: Material, jobs: pd.DataFrame, points: Points, tasks: Tasks, owners: Cells, newest: pd.Series
) -> pd.Series:
    """Of which objects the `newest` restore point was made during a run of its job that is known to have failed.

    `jobs` are on the units. A run in which a task of the object ended well did not fail for it.
    """
    linked = np.flatnonzero(points.unit >= 0)
    unit, at = points.unit[linked], micros_of(points.frame["created"].iloc[linked])
    owner, latest = owners[unit], micros_of(newest)
    chosen = (owner >= 0) & (at == latest[owner]) & newest.notna().to_numpy()[owner]
    runs = material.frame("all_job_runs")
    runs = runs[
        surely_one(material.text("all_job_runs", "result"), "Failed") & runs["ended"].notna() & runs["started"].notna()
    ]
    made = pd.DataFrame({"job_id": jobs["backup_job_id"].array.take(unit[chosen]), "owner": owner[chosen]})
    made = made.assign(at=at[chosen]).dropna()
    failed = pd.DataFrame({"job_id": runs["job_id"].array, "begin": micros_of(runs["started"])})
    failed = failed.assign(end=micros_of(runs["ended"]))[runs["job_id"].notna().to_numpy()]
    both = pd.merge_asof(
        made.sort_values("at"), failed.sort_values("begin"), left_on="at", right_on="begin", by="job_id"
    )
    both = both[(both["at"] <= both["end"]).to_numpy()]
    good = pd.DataFrame({"owner": tasks.owner[tasks.good], "task": tasks.at[tasks.good]})
    spared = both.merge(good[good["owner"].isin(both["owner"])], on="owner")
    spared = spared[(spared["begin"] <= spared["task"]) & (spared["task"] <= spared["end"])]
    found = np.zeros(len(newest), dtype=bool)
    found[both["owner"].to_numpy(dtype=np.int64)] = True
    found[spared["owner"].to_numpy(dtype=np.int64)] = False
    return pd.Series(found, dtype="boolean")


def _any(owner: Cells, chosen: Cells, count: int) -> Cells:
    found = np.zeros(count, dtype=bool)
    found[owner[chosen & (owner >= 0)]] = True
    return found


def _edges(owner: Cells, created: pd.Series, chosen: Cells, count: int, *, oldest: bool = False) -> Cells:
    """The newest (or oldest) chosen instant per object in microseconds; `NEVER` (or `ANY_TIME`) for none."""
    usable = chosen & (owner >= 0)
    best = np.full(count, ANY_TIME if oldest else NEVER, dtype=np.int64)
    (np.minimum if oldest else np.maximum).at(best, owner[usable], micros_of(created[usable]))
    return best


def _instants(micros: Cells, unclear: Cells | None = None) -> pd.Series:
    """Microseconds as instants; NaT for none, and where it is not clear."""
    instants = micros.astype("datetime64[us]")
    nothing = (micros == NEVER) | (micros == ANY_TIME)
    instants[nothing if unclear is None else nothing | unclear] = np.datetime64("NaT", "us")
    return pd.Series(pd.DatetimeIndex(instants).tz_localize("UTC"))


def _worst(owner: Cells, rank: pd.Series, count: int, unmarked: Cells) -> list[str | None]:
    """The worst mark per object; a bad one is told even where others are not known, a good one only where all are."""
    known = rank.notna().to_numpy() & (owner >= 0)
    worst = np.full(count, -1, dtype=np.int64)
    np.maximum.at(worst, owner[known], rank.to_numpy(dtype=float, na_value=-1)[known].astype(np.int64))
    bad = worst >= MALWARE.index("Suspicious")
    sure = bad | ((worst >= 0) & ~unmarked)
    return [MALWARE[place] if told else None for place, told in zip(worst.tolist(), sure.tolist(), strict=True)]
