"""The copies of each protected object: where they lie, and what that is worth by the 3-2-1-1-0 rule."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Material
from vbr_audit.checks.derived.protection_links import Points
from vbr_audit.checks.logic.codes import codes_of, combined
from vbr_audit.checks.logic.dates import LEEWAY
from vbr_audit.checks.logic.machine_names import names_of_backup_server, on_backup_server
from vbr_audit.checks.logic.three_valued import (
    Cells,
    any_of,
    beside,
    listed,
    nullable,
    number_of,
    one_of,
    places_of,
    surely,
    surely_not,
    surely_one,
    taken,
)
from vbr_audit.tables.build.arrays import STRING, are_known, are_missing, micros, micros_of
from vbr_audit.tables.build.enums import GOOD_RESULTS
from vbr_audit.tables.build.schema import named_frame
from vbr_audit.tables.jobs.controls import support

CLOUD_TYPES: Final = (
    "AmazonS3",
    "AmazonS3Glacier",
    "AzureArchive",
    "AzureBlob",
    "Cloud",
    "ElevenElevenS3",
    "GoogleCloud",
    "IBMCloud",
    "VeeamDataCloudVault",
    "VeeamDataCloudVaultArchive",
    "VeeamDataCloudVaultAwsExternal",
    "VeeamDataCloudVaultAzureExternal",
    "VeeamVault",
    "WasabiCloud",
)
"""The types of repositories that lie with a provider, hence surely away from the site; `Cloud` is Cloud Connect."""

OFFLOAD_PROVES: Final = dt.timedelta(days=7)
"""So long a good offload proves that the capacity tier holds a copy: it is due every few hours."""

PRODUCTION_MEDIUM: Final = "local disk"
"""Production counts as disk: a second medium is any storage class but this one."""

_NO_HOST: Final = ("object storage", "archive storage", "network share", "appliance")
_HEALTH: Final = ("job_id", "health_check_enabled", "health_check_scheduled", "settings_profile")
_PLACE_COLUMNS: Final = ("place", "name", "medium", "offsite", "protected", "lock_days", "host")
_OF_EXTENTS: Final = ("medium", "offsite", "protected", "host")
"""What holds for a tier where it holds for each of its extents alike."""
_PLACE_TYPES: Final[dict[str, Any]] = {
    **dict.fromkeys(("repository_id", "tier", "place", "name", "medium", "host"), STRING),
    **dict.fromkeys(("offsite", "protected", "exists"), pd.BooleanDtype()),
    "lock_days": pd.Float64Dtype(),
}
_OWN_DAYS: Final = ("hardened", "object storage", "appliance", "governance", "other")
"""The kinds of immutability that go by days of the repository, if not by those of the retention."""
_DAY: Final = 86_400_000_000


def copies_of(material: Material, units: pd.DataFrame, owners: Cells, chains: Chains) -> pd.DataFrame:
    """One row per copy of an object: `owner`, what stands in `_PLACE_COLUMNS`, `present` (NA: perhaps) and `held`.

    A backup on a scale-out repository is one copy on its performance tier; a capacity or archive tier to which it is
    copied at once is one more while its offload succeeds. Tiers to which backups are only moved are none. A chain that
    is `held` and not `present` is stale. It is `protected` while its lock lasts: from its newest restore point on for
    the days of the repository; `until` is when that ends, NaT where it has no end of its own.
    """
    backups = material.frame("backups")
    where = taken(backups["repository_id"], places_of(units["backup_id"], backups["backup_id"]), units.index)
    held = (units["restore_points_count"] > 0).array
    held[chains.known & held.isna()] = True
    fresh = chains.fresh.array
    places = places_of_repositories(material)
    # Each copy is a unit at a place; what is known of both is taken together at the end.
    unit, place, tiers = [], [], []
    kept = ~surely_not(pd.Series(held)) & (owners >= 0)
    for tier in ("main", "capacity", "archive"):
        rows = np.flatnonzero(surely(places["tier"] == tier))
        found = np.append(rows, -1)[places_of(where, places["repository_id"].iloc[rows])]
        if tier == "main":
            # A repository of which nothing was read may be a scale-out one with further tiers.
            unread = np.flatnonzero(kept & (found < 0))
            unit, place, tiers = [unread], [found[unread]], [np.full(len(unread), "?", dtype=object)]
        there = np.flatnonzero(kept & ((found >= 0) | (tier == "main")))
        unit.append(there)
        place.append(found[there])
        tiers.append(np.full(len(there), tier, dtype=object))
    at, of_place, tier_of = np.concatenate(unit), np.concatenate(place), np.concatenate(tiers)
    cells = {name: places[name].array.take(of_place, allow_fill=True) for name in _PLACE_COLUMNS}
    held, fresh = held.take(at), fresh.take(at)
    present = held & fresh
    is_open, is_further = tier_of == "?", (tier_of != "main") & (tier_of != "?")
    present[is_further] = (present & places["exists"].array.take(of_place, allow_fill=True))[is_further]
    present[is_open & ~surely_not(pd.Series(present))] = pd.NA
    unnamed = (tier_of == "main") & (of_place < 0)
    cells["place"][unnamed] = where.array.take(at)[unnamed]
    cells |= {"owner": owners[at], "present": present, "held": held}
    return named_frame(cells | _locked(cells, chains, at, material.now), pd.RangeIndex(len(at)), labels="objects")


def _locked(copies: dict[str, Any], chains: Chains, unit: Cells, now: dt.datetime) -> dict[str, Any]:
    """`protected`, `is_over` and `until` of the lock on each chain; the lock counts from its last restore point on.

    What is kept for the long term may be locked for as long, and a newer restore point that may be there locks anew.
    """
    days = copies["lock_days"].to_numpy(dtype=float, na_value=np.nan)
    known, long_term, is_last = chains.known[unit], chains.long_term[unit], chains.is_last[unit]
    ends = known & np.isfinite(days)
    ends_at = np.where(known, chains.latest[unit], 0) + (np.where(ends, days, 0) * _DAY).astype(np.int64)
    over = ends & (ends_at < micros(now))
    unsure = (over & (long_term | ~is_last)) | (np.isfinite(days) & ~known) | np.isnan(days)
    until = ends_at.astype("datetime64[us]")
    until[~ends] = np.datetime64("NaT", "us")
    held = copies["protected"]
    lasting = held & pd.arrays.BooleanArray(~over, unsure)
    return {
        "protected": lasting,
        "is_over": surely(pd.Series(held & ~lasting)),
        "until": pd.DatetimeIndex(until).tz_localize("UTC").array,
    }


def places_of_repositories(material: Material) -> pd.DataFrame:
    """The places behind each repository id: one `main`, and for scale-out ones their tiers; `exists` NA: perhaps."""
    repositories = _simple_places(material)
    simple = {str(name): values.tolist() for name, values in repositories.items()}
    size = len(simple["place"])
    parts = [simple | {"repository_id": simple["place"], "tier": ["main"] * size, "exists": [True] * size}]
    # Most servers have none of them.
    if not material.frame("scale_out_repositories").empty:
        parts += _places_of_scale_out(material, simple)
    joined = {name: [value for part in parts for value in part[name]] for name in _PLACE_TYPES}
    arrays = {name: pd.array(values, dtype=_PLACE_TYPES[name]) for name, values in joined.items()}
    return named_frame(arrays, pd.RangeIndex(len(joined["place"])), labels="objects")


def _places_of_scale_out(material: Material, simple: dict[str, list[Any]]) -> list[dict[str, list[Any]]]:
    """The places behind each scale-out repository, a table for each tier."""
    scale_out, parts = material.frame("scale_out_repositories"), []
    offloaded = _offloaded(material, scale_out["scale_out_repository_id"])
    for tier, kind, switch in (
        ("main", "Performance", None),
        ("capacity", "Capacity", scale_out["capacity_tier_enabled"] & scale_out["capacity_copy_enabled"]),
        ("archive", "Archive", scale_out["archive_tier_enabled"] & scale_out["archive_copy_enabled"]),
    ):
        rows = _tier_places(material, simple, kind, tier)
        exists = [True] * len(rows) if switch is None else (switch & offloaded).tolist()
        off = [False] * len(rows) if switch is None else surely_not(switch).tolist()
        own = [
            row | {"tier": tier, "exists": there}
            for row, there, is_off in zip(rows, exists, off, strict=True)
            if not is_off
        ]
        parts.append({name: [row[name] for row in own] for name in _PLACE_TYPES})
    return parts


def _offloaded(material: Material, ids: pd.Series) -> pd.Series:
    """Whether the newest offload of each scale-out repository succeeded, and lately; NA where no session tells."""
    offloads = beside(ids, material.frame("scale_out_offloads"), "scale_out_repository_id")
    good, recent = one_of(offloads["last_result"], GOOD_RESULTS), offloads["last_good"] >= material.now - OFFLOAD_PROVES
    return good & recent.astype("boolean").mask((offloads["last_good"].isna() & good.isna()).to_numpy())


def _simple_places(material: Material) -> pd.DataFrame:
    repositories = material.frame("repositories")
    tags = [material.site.tags_of(None if name is pd.NA else name) for name in repositories["name"]]
    offsite = pd.Series([True if "offsite" in t else False if "onsite" in t else pd.NA for t in tags], dtype="boolean")
    cloud = repositories["type"].isin(CLOUD_TYPES).to_numpy(dtype=bool)
    tagged = pd.Series([bool(t & {"offline", "immutable"}) for t in tags], dtype="boolean", index=repositories.index)
    names = names_of_backup_server(material.frame("server_info"), material.frame("managed_servers"))
    own_share = on_backup_server(repositories, names)
    medium = repositories["storage_class"].mask(own_share, PRODUCTION_MEDIUM)
    rotated = repositories["rotated_drives"].mask(surely(medium.isin(_NO_HOST).astype("boolean")), False)
    at_home = surely(medium.isin(_NO_HOST).astype("boolean"))
    return pd.DataFrame(
        {
            "place": repositories["repository_id"],
            "name": repositories["name"],
            "medium": medium,
            "offsite": offsite.mask(are_missing(offsite) & cloud, True),
            "protected": repositories["immutability_enabled"] | rotated | tagged,
            "lock_days": _lock_days(repositories).mask(surely(rotated | tagged), np.inf),
            "host": repositories["host_id"]
            .mask(at_home, repositories["repository_id"])
            .mask(own_share, _own(material)),
        }
    )


def _lock_days(repositories: pd.DataFrame) -> pd.Series:
    """For how many days each repository locks; infinite where it has no days of its own, as the retention's hold."""
    kind = repositories["immutability_kind"]
    own = surely(one_of(kind, _OWN_DAYS)) & ~surely(repositories["immutability_mode"] == "RetentionSettings")
    days = repositories["immutability_days"].astype("Float64")
    return days.mask(~own & are_missing(days), np.inf)


def _own(material: Material) -> Any:
    """The id of the managed server that is the backup server; a word of its own where none is reported to be."""
    servers = material.frame("managed_servers")
    ids = servers["managed_server_id"][surely(servers["is_backup_server"])].dropna()
    return ids.iloc[0] if len(ids) else "backup server"


def uses_tape(material: Material) -> bool:
    """Whether the server writes to tape: a session, backup or repository says so, though no tape job is listed."""
    sources = [(sessions, "session_type") for sessions in ("sessions", "edge_sessions")]
    for table, name in (*sources, ("backups", "job_type"), ("repositories", "type")):
        if any("tape" in text.casefold() for text in codes_of(material.text(table, name)).texts.tolist()):
            return True
    return any(surely_one(material.text(table, "state"), "WaitingTape").any() for table, _ in sources)


def _tier_places(material: Material, simple: dict[str, list[Any]], kind: str, tier: str) -> list[dict[str, Any]]:
    """One tier of every scale-out repository as one place: what holds for all of its extents alike, else NA."""
    scale_out, extents = material.frame("scale_out_repositories"), material.frame("scale_out_extents")
    own = np.flatnonzero(surely(extents["tier"] == kind))
    first = {place: at for at, place in reversed(list(enumerate(simple["place"]))) if place is not pd.NA}
    members_of: dict[Any, list[int | None]] = {}
    names = ("scale_out_repository_id", "repository_id")
    for key, repository in zip(*(extents[name].array.take(own).tolist() for name in names), strict=True):
        members_of.setdefault(key, []).append(first.get(repository))
    rows: list[dict[str, Any]] = []
    for key, name in zip(scale_out["scale_out_repository_id"].tolist(), scale_out["name"].tolist(), strict=True):
        members = [] if key is pd.NA else members_of.get(key, [])
        seen = {
            column: [pd.NA if at is None else simple[column][at] for at in members]
            for column in (*_OF_EXTENTS, "lock_days")
        }
        tags = material.site.tags_of(None if name is pd.NA or tier != "main" else name)
        row = {column: _alike(seen[column]) for column in _OF_EXTENTS}
        # Nobody knows on which extent a chain lies: the shortest lock holds.
        days = seen["lock_days"]
        row["lock_days"] = min(days) if days and all(each is not pd.NA for each in days) else pd.NA
        row["offsite"] = True if "offsite" in tags else False if "onsite" in tags else row["offsite"]
        if tags & {"offline", "immutable"}:
            row |= {"protected": True, "lock_days": np.inf}
        label = name if tier == "main" or name is pd.NA else f"{name} ({tier} tier)"
        rows.append({"repository_id": key, "place": f"{key}/{tier}" if tier != "main" else key, "name": label, **row})
    return rows


def _alike(values: list[Any]) -> Any:
    """The one value that all have; NA where they differ, where one is not known, and for none at all."""
    is_known = bool(values) and all(value is not pd.NA for value in values)
    return values[0] if is_known and len(set(values)) == 1 else pd.NA


def copy_facts(copies: pd.DataFrame, index: pd.Index, *, whole: bool, tape: bool) -> dict[str, Any]:
    """The columns about copies; with `whole` false or `tape`, further ones may be there: nothing is surely bad."""
    whole = whole and not tape
    stale = surely_not(copies["present"])
    stale_names = listed(np.where(stale, copies["owner"], -1), copies["name"].astype(object), index)
    copies = copies[~stale].reset_index(drop=True)
    owner = copies["owner"].to_numpy(dtype=np.int64)
    present = copies["present"].astype("boolean")
    sure = surely(present) & are_known(copies["place"])
    count = number_of(owner, first_pairs(owner, codes_of(copies["place"]).rows, sure), index)
    open_copies = number_of(owner, ~sure, index) + (0 if whole else 2)
    other_medium = (copies["medium"] != PRODUCTION_MEDIUM).astype("boolean").mask(are_missing(copies["medium"]))
    names = copies["name"].astype(object)
    certain = pd.Series(names.where(sure, pd.NA), dtype=object)

    def names_of(yes: pd.Series) -> pd.Series:
        return listed(np.where(sure & surely(yes), owner, -1), certain, index)

    return {
        "copies_count": count,
        "stale_repositories": stale_names,
        "repositories": listed(np.where(sure, owner, -1), certain, index),
        "media": listed(np.where(sure, owner, -1), copies["medium"].astype(object), index),
        "offsite_repositories": names_of(copies["offsite"]),
        "protected_repositories": names_of(copies["protected"]),
        "has_three_copies": _enough(count, open_copies, 2),
        "has_two_media": _digit(owner, present, other_medium, index, whole),
        "has_offsite": _digit(owner, present, copies["offsite"], index, whole),
        "has_protected_copy": _digit(owner, present, copies["protected"], index, whole),
        "locked_until": copies["until"]
        .where(sure & surely(copies["protected"]) & (owner >= 0))
        .groupby(owner)
        .max()
        .reindex(index),
        "unlocked_repositories": listed(np.where(sure & copies["is_over"].to_numpy(bool), owner, -1), certain, index),
        "has_separate_hosts": _separate_hosts(owner, sure, copies["host"], count, open_copies, index),
    }


def _enough(count: pd.Series, unclear: pd.Series, needed: int) -> pd.Series:
    """Yes from `needed` on; no where even all unclear ones would not do."""
    yes = surely((count >= needed).astype("boolean"))
    no = surely((count + unclear < needed).astype("boolean"))
    return nullable(yes, ~(yes | no), count.index)


def _digit(owner: Cells, present: pd.Series, good: pd.Series, index: pd.Index, whole: bool) -> pd.Series:
    """Whether any copy is surely there and good; NA where one might be."""
    answer = any_of(owner, present & good.astype("boolean"), index)
    return answer if whole else answer.mask(surely_not(answer))


def _separate_hosts(
    owner: Cells, sure: Cells, host: pd.Series, count: pd.Series, unclear: pd.Series, index: pd.Index
) -> pd.Series:
    """Whether the copies lie on at least two hosts; NA for fewer than two copies too."""
    named = sure & are_known(host)
    hosts = number_of(owner, first_pairs(owner, codes_of(host).rows, named), index)
    homeless = number_of(owner, sure & ~named, index)
    return _enough(hosts, homeless + unclear, 2).mask(surely((count < 2).astype("boolean")))


def first_pairs(owners: Cells, others: Cells, chosen: Cells) -> Cells:
    """A plain boolean array: of the `chosen` rows the first with each pair of an owner and another number."""
    rows = np.flatnonzero(chosen)
    is_first = np.zeros(len(chosen), dtype=bool)
    is_first[rows[~pd.Series(combined([owners[rows], others[rows]], len(rows))).duplicated().to_numpy()]] = True
    return is_first


def verified(material: Material, units: pd.DataFrame, owners: Cells, index: pd.Index) -> pd.Series:
    """Whether one of its backups is verified: by the health check of its job, or by a content scan of it.

    A health check has no session of its own: it is taken as done where it is on, has a time, and the job has had a
    good session in the period.
    """
    backups, jobs = material.frame("backups"), material.frame("jobs")[list(_HEALTH)]
    job_ids = taken(backups["job_id"], places_of(units["backup_id"], backups["backup_id"]), units.index)
    job = beside(job_ids, jobs, "job_id")
    on = job["health_check_enabled"] & job["health_check_scheduled"]
    on = on.mask(surely_not(support(job["settings_profile"], "health_check_enabled")), False)
    jobs_of, results = (codes_of(material.text("job_runs", name)) for name in ("job_id", "result"))
    good = jobs_of.texts_of(results.among(GOOD_RESULTS))
    open_ = jobs_of.texts_of(results.rows < 0)
    unread = not material.is_whole("sessions")
    ran = job_ids.isin(good).astype("boolean")
    ran = ran.mask(~surely(ran) & (are_missing(job_ids) | unread | job_ids.isin(open_).to_numpy()))
    return any_of(owners, (on & ran) | _scanned(material, job_ids, good), index)


def _scanned(material: Material, job_ids: pd.Series, ran: Cells) -> pd.Series:
    """Whether a content scan that ran well in the period takes the backups of the job; `ran` are the jobs that did."""
    jobs = material.frame("jobs")[["job_id", "type", "source_job_ids"]]
    scans = jobs[surely(jobs["type"] == "SureBackupContentScan")]
    good = scans[scans["job_id"].isin(ran).to_numpy()]
    taken_ids = {each for cell in good["source_job_ids"].dropna() for each in str(cell).split(",")}
    scanned = job_ids.isin(taken_ids).astype("boolean")
    open_scan = not (material.is_whole("sessions") and material.is_whole("jobs"))
    open_scan |= bool(scans["source_job_ids"].isna().any())
    return scanned.mask(~surely(scanned) & (are_missing(job_ids) | open_scan))


# Whether what lies on a repository holds today's data: the newest restore point of each row of `backup_objects`.
#
# A chain that ended is no copy of what the object holds now, however long it is kept.

_HOUR: Final = 3_600_000_000
_SLACK_H: Final = 24
"""How much later than its interval says the newest restore point may be: a run takes its time, and may be repeated."""
_RECENT: Final = 8
"""Number of the newest restore points that tell how often a chain grows, where no schedule does: a week of days."""
_LONGEST_H: Final = 366 * 24
"""No schedule rests for longer than a year."""


@dataclass(frozen=True, eq=False)
class Chains:
    """The newest restore point of each unit, in microseconds.

    `fresh` says whether it is of today's data (nullable boolean), `known` whether there is any that is known at all,
    `is_last` that no newer one can be there, `long_term` that a restore point of it is kept for the long term, or may.
    """

    fresh: pd.Series
    known: Cells
    latest: Cells
    is_last: Cells
    long_term: Cells


def chains_of(material: Material, jobs: pd.DataFrame, points: Points, owners: Cells, is_copy: pd.Series) -> Chains:
    """What the newest restore point of each unit tells.

    `jobs` and `is_copy` are on the units. The newest point may be as old as the longest time between two starts of the
    unit's job, else between its newest points, and a day more; that of a copy as much older as its source may rest.
    And it may lag no more than its own time behind the newest point of the same object, wherever that lies.
    """
    count = len(owners)
    unit, at = _points(material, points)
    known = np.bincount(unit, minlength=count) > 0
    own = jobs["start_interval_h"].to_numpy(dtype=float, na_value=np.nan)
    own = np.where(np.isnan(own), _pauses(unit, at, count), own)
    latest = np.full(count, np.iinfo(np.int64).min)
    np.maximum.at(latest, unit, at)
    size = int(owners.max(initial=-1)) + 1
    newest, rest = np.full(size, np.iinfo(np.int64).min), np.zeros(size)
    np.maximum.at(newest, owners[owners >= 0], latest[owners >= 0])
    primary = surely_not(is_copy) & (owners >= 0)
    np.fmax.at(rest, owners[primary], own[primary])
    now = (material.now - _EPOCH) // dt.timedelta(microseconds=1)
    source = np.where(primary | (owners < 0), 0, np.append(rest, 0)[owners])
    age = np.where(known, (now - np.where(known, latest, now)) / _HOUR, np.inf)
    lag = np.where(known & (owners >= 0), (np.append(newest, now)[owners] - np.where(known, latest, now)) / _HOUR, 0)

    def within(interval: Cells) -> Cells:
        return np.asarray((age <= interval + source + _SLACK_H) & (lag <= interval + _SLACK_H))

    yes = within(np.nan_to_num(own, nan=0.0))
    maybe = known & within(np.nan_to_num(own, nan=float(_LONGEST_H)))
    fresh = nullable(yes, ~yes & (maybe | points.open_units), jobs.index)
    return Chains(fresh, known, latest, points.doubt <= latest, _kept_long(points, jobs, count))


def _kept_long(points: Points, jobs: pd.DataFrame, count: int) -> Cells:
    """The units with a restore point of a weekly, monthly or yearly period, or of which that is not known."""
    flagged = points.periods.str.contains("ly", regex=False).fillna(False).to_numpy(dtype=bool)
    unsure = are_missing(points.periods) & ~np.append(surely_not(jobs["gfs_enabled"]), False)[points.unit]
    chosen = (points.unit >= 0) & (flagged | unsure)
    return np.bincount(points.unit[chosen], minlength=count) > 0


_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _points(material: Material, points: Points) -> tuple[Cells, Cells]:
    """The unit and the instant, in microseconds, of each restore point that belongs to one and can be believed."""
    created = points.frame["created"]
    future = (created > pd.Timestamp(material.now) + LEEWAY).to_numpy(dtype=bool)
    usable = (points.unit >= 0) & are_known(created) & ~future
    micros = micros_of(created)
    return points.unit[usable], micros[usable]


def _pauses(unit: Cells, at: Cells, count: int) -> Cells:
    """The longest time in hours between two of the newest restore points of each unit; NaN for fewer than two."""
    order = np.lexsort((-at, unit))
    unit, at = unit[order], at[order]
    place = np.arange(len(unit)) - np.searchsorted(unit, unit)
    paired = (place > 0) & (place < _RECENT)
    pauses = np.full(count, np.nan)
    rows = np.flatnonzero(paired)
    np.fmax.at(pauses, unit[rows], (at[rows - 1] - at[rows]) / _HOUR)
    return pauses
