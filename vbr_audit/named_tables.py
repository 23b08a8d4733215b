"""Tables that are made of several others for a person who analyses a snapshot: protected objects, names beside ids."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from vbr_audit.checks.derived import protection
from vbr_audit.checks.engine.views import views_of
from vbr_audit.checks.logic.three_valued import all_of, number_of, places_of, surely, taken
from vbr_audit.checks.site import Site, load_site
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError
from vbr_audit.tables.build.arrays import STRING, strings_of
from vbr_audit.tables.build.schema import empty, relabelled

_FIRST: Final = (
    *("server", "name", "type", "platform", "latest_point", "age_h", "jobs", "copies_count", "repositories"),
    *("points_count", "backup_bytes"),
)
"""The columns of `protected` that are asked for most."""


def protected(snapshot: Snapshot, *, site: str | Path | Site | None = None) -> pd.DataFrame:
    """One row per protected object, such as a machine or a share, over all its backups and all servers.

    The columns are those of the table `protected_objects` (docs/tables.md has dtypes and units), the most wanted ones
    in front, and `age_h` (Float64, hours): the time from `latest_point` to the server's clock at collection; NA where
    `latest_point` is NaT, as no restore point is known, or a newer one may exist. `copies_count` are the repositories
    that certainly hold today's data, `jobs` and `repositories` their names. Made of the datasets `backups` and
    `backup_objects`, with `restore_points`, `backup_files`, `jobs`, `sessions` and `repositories`: what follows from
    one that was not read is NA. `site` is a site file, for tiers and off-site repositories.

    Rows may be missing where `backups` or `backup_objects` was not read whole: a warning names the server and the
    dataset. Raises `SiteError`.
    """
    made = _MADE.get(snapshot) if site is None else None
    if made is None:
        made = _protected(snapshot, site if isinstance(site, Site) else load_site(site))
    if site is None:
        _MADE[snapshot] = made
    for text in made.gaps:
        warnings.warn(text, stacklevel=2)
    return made.frame.copy()


@dataclass(frozen=True, eq=False)
class _Protected:
    """The table `protected`, and for each server that was not read whole a sentence that says so."""

    frame: pd.DataFrame
    gaps: tuple[str, ...]


_MADE: Final[WeakKeyDictionary[Snapshot, _Protected]] = WeakKeyDictionary()
"""What was made without a site file: a notebook asks for it in cell after cell, and it takes seconds."""


def _protected(snapshot: Snapshot, site: Site) -> _Protected:
    views, name = views_of(snapshot, frozenset(), site), protection.SPEC.name
    parts = [_with_age(relabelled(view.frame(name), "text"), view.now) for view in views]
    frame = pd.concat(parts, ignore_index=True) if parts else _with_age(empty(protection.SPEC), snapshot.now)
    lacking = {view.name: "; ".join(view.gaps(name)) for view in views}
    return _Protected(
        frame,
        tuple(plain(f"{server}: protected objects may be missing: {why}") for server, why in lacking.items() if why),
    )


def _with_age(frame: pd.DataFrame, now: dt.datetime) -> pd.DataFrame:
    age = (pd.Timestamp(now) - frame["latest_point"]).dt.total_seconds() / 3600
    with_age = frame.assign(age_h=age.astype("Float64"))
    return with_age[[*_FIRST, *(name for name in protection.SPEC.names if name not in _FIRST)]]


def with_names(frame: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    """The rows of `frame`, a table of `snapshot` or some rows of one, with the names of what its ids stand for.

    Added behind the columns of `frame`, on the same index, unless it has a column of that name:

    - beside `restore_point_id`: `object_key` and `object_name`, the protected object that the restore point is of, as
      `protected` has it (made of `backup_objects`, `backups`, `backup_files` and `restore_points`);
    - beside `backup_id`: `backup_name`, `job_id` and `repository_id` (of `backups`);
    - beside `job_id`: `job_name` (of `jobs`);
    - beside `repository_id`: `repository_name` and `repository_is_immutable` (of `repositories`; of a scale-out
      repository: whether all extents of its performance tier are, of `scale_out_repositories` and
      `scale_out_extents`).

    Names and ids are text, `repository_is_immutable` is boolean. NA means not known: nothing with this id was read,
    or its dataset was not read at all. Raises `ConfigurationError` for a table without the column `server`.
    """
    if "server" not in frame:
        raise ConfigurationError(
            "the table has no column server, without which an id says nothing",
            hint="Keep the column server, and reset the index if it is there.",
        )
    named = frame
    for key, look_up in _LOOK_UPS.items():
        if key in named:
            named = _beside(named, look_up(snapshot), key)
    return named.copy() if named is frame else named


def _beside(frame: pd.DataFrame, table: pd.DataFrame, key: str) -> pd.DataFrame:
    """`frame` with the columns of `table` that it lacks, from the row of the same server and `key`."""
    wanted, there = (_both(rows["server"], rows[key]) for rows in (frame, table))
    places = places_of(wanted, there)
    added = [str(name) for name in table if name not in frame]
    return frame.assign(**{name: taken(table[name], places, frame.index) for name in added})


def _both(servers: pd.Series, ids: pd.Series) -> pd.Series:
    """A text for each pair of a server and an id; NA where one of them is."""
    return servers.astype(STRING) + "\n" + ids.astype(STRING)


def _objects(snapshot: Snapshot) -> pd.DataFrame:
    """The protected object of each restore point."""
    parts = []
    for view in views_of(snapshot, frozenset()):
        known = protection.followed(view)
        points, unit = known.points.frame, known.points.unit
        of_unit = np.array([*(known.keys[owner] for owner in known.owners.tolist()), pd.NA], dtype=object)
        name = taken(known.units["name"], unit, points.index)
        found = points[["server", "restore_point_id"]].assign(object_key=strings_of(of_unit[unit]), object_name=name)
        parts.append(found)
    columns = ["server", "restore_point_id", "object_key", "object_name"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns, dtype=STRING)


def _backups(snapshot: Snapshot) -> pd.DataFrame:
    backups = snapshot.tables["backups"][["server", "backup_id", "name", "job_id", "repository_id"]]
    return backups.rename(columns={"name": "backup_name"})


def _jobs(snapshot: Snapshot) -> pd.DataFrame:
    return snapshot.jobs[["server", "job_id", "name"]].rename(columns={"name": "job_name"})


def _repositories(snapshot: Snapshot) -> pd.DataFrame:
    """Every repository, scale-out ones among them, with its name and whether it is immutable."""
    single = snapshot.tables["repositories"][["server", "repository_id", "name", "immutability_enabled"]]
    several = snapshot.tables["scale_out_repositories"][["server", "scale_out_repository_id", "name"]]
    extents = snapshot.tables["scale_out_extents"]
    extents = extents[surely(extents["tier"] == "Performance")]
    outer = _both(several["server"], several["scale_out_repository_id"])
    inner = _both(single["server"], single["repository_id"])
    owner = places_of(_both(extents["server"], extents["scale_out_repository_id"]), outer)
    at = places_of(_both(extents["server"], extents["repository_id"]), inner)
    is_immutable = all_of(owner, taken(single["immutability_enabled"], at, extents.index), several.index)
    known = number_of(owner, np.ones(len(extents), dtype=bool), several.index) > 0
    scale_out = several.rename(columns={"scale_out_repository_id": "repository_id"})
    scale_out = scale_out.assign(immutability_enabled=is_immutable.mask(~surely(known)))
    names = {"name": "repository_name", "immutability_enabled": "repository_is_immutable"}
    return pd.concat([single, scale_out], ignore_index=True).rename(columns=names)


_LOOK_UPS: Final[Mapping[str, Callable[[Snapshot], pd.DataFrame]]] = {
    "restore_point_id": _objects,
    "backup_id": _backups,
    "job_id": _jobs,
    "repository_id": _repositories,
}
"""What stands beside each id, in the order in which one leads to the next."""
