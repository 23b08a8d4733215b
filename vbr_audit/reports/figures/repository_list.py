"""Each repository in one row: its space and growth, when it is full, its lock, and what lies there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.protection import owners_and_keys
from vbr_audit.checks.engine.views import ServerView, views_of
from vbr_audit.checks.logic.three_valued import Cells, number_of, places_of, surely, taken
from vbr_audit.errors import ConfigurationError
from vbr_audit.histories.capacities import CAPACITY, LEAST_DAYS, LEAST_SPAN, OUTLOOK, capacity_of, days_to_full
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.build.schema import Column, TableSpec, conform, empty

if TYPE_CHECKING:
    from vbr_audit.collection.snapshot import Snapshot

SCALE_OUT: Final = "scale-out repository"
TOO_FEW: Final = f"no earlier run is at hand: samples of {LEAST_DAYS} days that span {LEAST_SPAN} are needed"
OF_EXTENTS: Final = "see its extents"

_OUTLOOK: Final = {
    "verdict": "outlook",
    "reason": "outlook_reason",
    "slope_bytes_per_day": "growth_bytes",
    "days_to_full": "days_to_full",
    "days_low": "days_low",
    "days_high": "days_high",
    "full_on": "full_on",
}
"""What is taken of `capacity_outlook`, with its name here."""
_LOCK: Final = ("immutability_kind", "immutability_enabled", "immutability_days")
_HELD: Final = ("backups", "backup_objects")

SPEC: Final = TableSpec(
    "shown_repositories",
    ("server", "repository_id"),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("repository_id", "string", "The repository's id.", holds="id"),
        Column("name", "string", "The repository's name.", holds="repository"),
        Column("type", "string", "The repository's type.", holds="word"),
        Column("kind", "string", "Repository, extent of a tier, or scale-out repository.", holds="kept"),
        Column("part_of", "string", "The scale-out repository that it is an extent of.", holds="repository"),
        Column("storage_class", "string", "The storage class of its type.", holds="word"),
        Column("host_name", "string", "The server that stores it or is its gateway.", holds="host"),
        Column("path", "string", "Its folder, share or bucket.", holds="path"),
        Column("is_online", "boolean", "It could be reached."),
        Column("capacity_bytes", "Int64", "The capacity; NA if there is none, or if it is not known.", "bytes"),
        Column("used_bytes", "Int64", "Capacity less free space; without a capacity what backups use.", "bytes"),
        Column("free_bytes", "Int64", "Free space; NA if it is not known.", "bytes"),
        Column("free_share", "Float64", "Free share of the capacity; NA without a capacity."),
        Column(
            "growth_bytes",
            "Float64",
            "Growth of the used space per day, the median of the slopes between samples (Theil-Sen), since its last "
            "lasting jump.",
            "bytes",
        ),
        Column("outlook", "string", "What can be said of when it is full.", holds="kept"),
        Column("outlook_reason", "string", "Why, in a sentence.", holds="own text"),
        Column("days_to_full", "Float64", "Days until the used space reaches the capacity.", "days"),
        Column("days_low", "Float64", "Days until then at the fastest growth that fits the samples.", "days"),
        Column("days_high", "Float64", "Days until then at the slowest growth that fits; NA if never.", "days"),
        Column("full_on", "datetime", "When it is full."),
        Column("immutability_kind", "string", "How it can make backups immutable.", holds="kept"),
        Column("immutability_enabled", "boolean", "Immutability is enabled; NA if not known."),
        Column("immutability_days", "Int64", "Number of days that backups are immutable.", "days"),
        Column("backups_count", "Int64", "Backups that name it as their repository.", "backups"),
        Column("objects_count", "Int64", "The distinct objects in them; NA if not known.", "objects"),
        Column("points_count", "Int64", "Their restore points; NA if the count of one is not known.", "restore points"),
        Column("backup_bytes", "Int64", "The size of their files; NA if the size of one is not known.", "bytes"),
    ),
    "One row per repository, extent and scale-out repository: space, growth, lock, and what lies there. The backups on "
    "a scale-out repository are counted at it, as its server does not report which extent has them.",
)


def shown_repositories(snapshot: Snapshot, samples: pd.DataFrame | None) -> pd.DataFrame:
    """The repositories of a run, with the columns of `SPEC`; first those that are full soonest, then the fullest.

    `samples` is the space in earlier runs, with the columns of `capacity`; None where no earlier run is at hand.
    """
    capacity = capacity_of(snapshot)
    columns: dict[str, Any] = {name: capacity[name] for name in SPEC.names if name in capacity}
    columns |= {"name": capacity["repository"]}
    keys = _keys(capacity)
    columns |= _settings(snapshot, keys, capacity.index) | _outlook(snapshot, capacity, samples)
    columns["free_share"] = capacity["free_bytes"].astype("Float64") / capacity["capacity_bytes"].astype("Float64")
    single = conform(columns, SPEC)[0]
    frame = pd.concat([single, _scale_out(snapshot)], ignore_index=True)
    frame = frame.assign(**_held(snapshot, _keys(frame), frame.index))
    return _ordered(conform({name: frame[name] for name in SPEC.names}, SPEC)[0])


def _keys(rows: pd.DataFrame) -> pd.Series:
    """The server and the repository of each row as one text."""
    return rows["server"].astype(STRING) + "\n" + rows["repository_id"].astype(STRING)


def _settings(snapshot: Snapshot, keys: pd.Series, index: pd.Index) -> dict[str, Any]:
    """What the settings, the states and the extents say of each repository."""
    settings, states = snapshot.tables["repositories"], snapshot.tables["repository_states"]
    extents = snapshot.tables["scale_out_extents"]
    at, state, extent = (places_of(keys, _keys(each)) for each in (settings, states, extents))
    columns = {name: taken(settings[name], at, index) for name in ("storage_class", *_LOCK)}
    columns |= {name: taken(states[name], state, index) for name in ("host_name", "path", "type")}
    for name in ("path", "type"):
        columns[name] = columns[name].fillna(taken(settings[name], at, index))
    own = taken(states["scale_out_repository"], state, index)
    columns["part_of"] = own.fillna(taken(extents["scale_out_repository"], extent, index))
    return columns


def _outlook(snapshot: Snapshot, capacity: pd.DataFrame, samples: pd.DataFrame | None) -> dict[str, Any]:
    """When each repository is full, from the samples of earlier runs and this one's own."""
    outlook, reason = empty(OUTLOOK), TOO_FEW
    if samples is not None and len(samples):
        try:
            outlook = days_to_full(pd.concat([samples, capacity[list(CAPACITY.names)]]), now=snapshot.now)
        except ConfigurationError as error:  # a part that this takes is not installed: that is said, and no more
            reason = str(error)
    keys = ("server_id", "repository_id")
    wanted, there = (rows[keys[0]].astype(STRING) + "\n" + rows[keys[1]].astype(STRING) for rows in (capacity, outlook))
    place = places_of(wanted, there)
    columns = {new: taken(outlook[name], place, capacity.index) for name, new in _OUTLOOK.items()}
    return columns | {
        "outlook": columns["outlook"].fillna("unknown"),
        "outlook_reason": columns["outlook_reason"].fillna(reason),
    }


def _scale_out(snapshot: Snapshot) -> pd.DataFrame:
    """The scale-out repositories: space and locks are those of their extents."""
    rows = snapshot.tables["scale_out_repositories"]
    nothing = pd.Series(OF_EXTENTS, index=rows.index, dtype=STRING)
    columns = {
        "server": rows["server"],
        "repository_id": rows["scale_out_repository_id"],
        "name": rows["name"],
        "kind": pd.Series(SCALE_OUT, index=rows.index, dtype=STRING),
        "outlook": pd.Series("unknown", index=rows.index, dtype=STRING),
        "outlook_reason": nothing,
    }
    return conform(columns, SPEC)[0]


def _held(snapshot: Snapshot, keys: pd.Series, index: pd.Index) -> dict[str, pd.Series]:
    """What the backups of each repository hold; NA for a server whose backups were not read whole."""
    parts = [_held_of(view, keys, index) for view in views_of(snapshot, frozenset())]
    names = ("backups_count", "objects_count", "points_count", "backup_bytes")
    columns = {name: pd.Series(pd.NA, index=index, dtype="Int64") for name in names}
    for part in parts:
        columns = {name: values.fillna(part[name]) for name, values in columns.items()}
    return columns


def _held_of(view: ServerView, keys: pd.Series, index: pd.Index) -> dict[str, pd.Series]:
    backups, units, files = (view.frame(name) for name in (*_HELD, "backup_files"))
    place = places_of(_keys(backups), keys)
    mine = keys.str.startswith(f"{view.name}\n").fillna(False).to_numpy(dtype=bool)

    def of_backups(rows: pd.DataFrame) -> Cells:
        at = places_of(rows["backup_id"], backups["backup_id"])
        return np.where(at >= 0, np.append(place, -1)[at], -1)

    def total(owner: Cells, values: pd.Series, *, whole: bool) -> pd.Series:
        sums = np.zeros(len(index), dtype=np.int64)
        inside = owner >= 0
        np.add.at(sums, owner[inside], values.fillna(0).to_numpy(dtype=np.int64)[inside])
        gaps = surely(number_of(owner, values.isna().to_numpy(), index) > 0)
        return pd.Series(pd.arrays.IntegerArray(sums, gaps | ~mine | (not whole)), index=index)

    listed = view.is_whole("backups")
    whole = listed and view.is_whole("backup_objects")
    unit_place, objects = of_backups(units), owners_and_keys(units)[0]
    pairs = pd.DataFrame({"place": unit_place, "object": objects})[unit_place >= 0].drop_duplicates()
    distinct = pairs["place"].to_numpy(dtype=np.int64)
    ones = pd.Series(np.ones(len(distinct)), dtype="Int64")
    return {
        "backups_count": total(place, pd.Series(np.ones(len(place)), dtype="Int64"), whole=listed),
        "objects_count": total(distinct, ones, whole=whole),
        "points_count": total(unit_place, units["restore_points_count"], whole=whole),
        "backup_bytes": total(of_backups(files), files["backup_bytes"], whole=listed and view.is_whole("backup_files")),
    }


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows, those first that are full soonest, then the fullest; those of unknown space behind."""
    order = pd.DataFrame(
        {
            "days": frame["days_to_full"].fillna(frame["days_low"]),
            "free": frame["free_share"],
            "name": frame["name"].str.casefold(),
            "server": frame["server"],
            "id": frame["repository_id"],
        }
    )
    return frame.iloc[order.sort_values([str(name) for name in order], kind="stable").index.to_numpy()].reset_index(
        drop=True
    )
