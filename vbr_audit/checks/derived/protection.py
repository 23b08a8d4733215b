"""The table `protected_objects`: each protected machine with its restore points and its 3-2-1-1-0 digits.

An object is one over all its backups: rows of `backup_objects` are one object where they have one id, or the same
platform, host, id on that platform and name. The host is the first part of the path in the inventory: two vCenters
have the same `vm-17`. The same machine seen from a platform and from inside itself stays two.

A copy is there where restore points of today's data are: no older than the interval of its job allows, and not left
behind by the object's other backups. What a scale-out repository copies to its capacity tier is there while its
offload sessions succeed; that the policy is on proves nothing.

The digits, for one object: **3** production and at least two backup copies on different repositories (the performance
tier of a scale-out repository is one, and so is each tier to which backups are copied at once); **2** at least one of
them on another medium than local disk, as production counts as disk (own judgement); **1** one off-site: its
repository is tagged so, or lies with a provider; **1** one immutable or offline; **0** verified: by the health check
of its job, or by a content scan. Copies on tape are not visible over REST: where sessions of tape jobs are, a digit is
never surely missed for want of another copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.checks.derived.protection_copies import (
    Chains,
    chains_of,
    copies_of,
    copy_facts,
    first_pairs,
    uses_tape,
    verified,
)
from vbr_audit.checks.derived.protection_gaps import Tasks, gap_facts, left_by_failed_runs, point_facts, tasks_of
from vbr_audit.checks.derived.protection_links import Points, link_points
from vbr_audit.checks.derived.protection_promises import (
    at_the_pace_of_sources,
    first_job,
    gfs_facts,
    jobs_of,
    retention_facts,
)
from vbr_audit.checks.derived.protection_standing import STANDINGS, standing_facts
from vbr_audit.checks.logic.codes import codes_of, combined
from vbr_audit.checks.logic.machine_names import find_machine, held_by_name
from vbr_audit.checks.logic.three_valued import Cells, any_of, listed, number_of, one_of, surely, surely_not, surely_one
from vbr_audit.tables.build.arrays import are_known, are_missing
from vbr_audit.tables.build.enums import JOB_TYPES
from vbr_audit.tables.build.schema import Column, ObjectKind, TableSpec, conform, empty
from vbr_audit.tables.jobs.copy_workers import COPY_JOBS, SEPARATOR

_KNOWN_JOBS: Final = frozenset(JOB_TYPES) - {"Unknown"}

_NOT_SCANNED: Final = ("UnstructuredData", "EntraID", "Tape")
"""The platforms whose restore points no scan marks."""

_HOSTS: Final = "has_separate_hosts"

DIGITS: Final = ("has_three_copies", "has_two_media", "has_offsite", "has_protected_copy", "is_verified")
"""The five digits of 3-2-1-1-0, in their order."""

SHOWN: Final = (
    "name",
    "type",
    "platform",
    "tier",
    "jobs",
    "latest_point",
    "latest_clean_point",
    "worst_malware",
    "copies_count",
    "repositories",
    "media",
    "offsite_repositories",
    "protected_repositories",
    *DIGITS,
    "score",
)
"""The columns that a reader of the table wants to see, in their order."""

SPEC: Final = TableSpec(
    "protected_objects",
    ("object_key",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("object_key", "string", "The key of the object across its backups: the lowest of its ids.", holds="id"),
        Column("name", "string", "The object's name.", holds="object"),
        Column("type", "string", "The type of the object.", holds="word"),
        Column("platform", "string", "Its platform.", holds="word"),
        Column(
            "tier",
            "string",
            "Its tier in the site file, by its name, else by the names of its jobs; NA for none.",
            holds="word",
        ),
        Column("is_whole", "boolean", "Every backup that may contain it was read."),
        Column("rpo_hours", "Int64", "The maximum age of its newest restore point by its tier.", "hours"),
        Column("loosest_rpo_hours", "Int64", "The longest maximum age in any tier of the site file.", "hours"),
        Column(
            "pause_h",
            "Int64",
            "The longest time between two starts of the job that backs it up (of several jobs, the most frequent one); "
            "0 if no schedule determines it.",
            "hours",
        ),
        Column(
            "tier_known",
            "boolean",
            "Its tier, or that it has none, is known; no if the names that determine it are not known.",
        ),
        Column("backups_count", "Int64", "The number of backups that contain it.", "backups"),
        Column("jobs", "string", "The jobs of these backups without copy jobs, by name.", holds="jobs"),
        Column("job_id", "string", "The first job in `jobs` by name; NA if not known.", holds="id"),
        Column("primary_jobs_count", "Int64", "The number of jobs that still back it up, without copy jobs.", "jobs"),
        Column(
            "is_backed_up",
            "boolean",
            "An existing job, or a backup chain that still grows, backs it up or copies it; NA if not known, for "
            "example if not all types of jobs are listed.",
        ),
        Column("last_run_failed", "boolean", "The last run of one of its backups failed for it. From 1.3-rev0 on."),
        Column("points_count", "Int64", "The number of its restore points in all backups.", "restore points"),
        Column("points_known", "boolean", "For every restore point it is known whether it belongs to the object."),
        Column("latest_point", "datetime", "Its newest restore point; NaT for none, or if a newer one may exist."),
        Column("newest_point", "datetime", "The newest one that is certainly its own, even if a newer one may exist."),
        Column("newest_known", "boolean", "No restore point newer than `newest_point` can be its own."),
        Column("newest_failed", "boolean", "A failed run of its job is known to have created `newest_point`."),
        Column("oldest_point", "datetime", "Its oldest restore point; NaT for none, or if not all are known."),
        Column("latest_clean_point", "datetime", "Its newest restore point certainly marked Clean; NaT for none."),
        Column("clean_known", "boolean", "No newer one can be clean: all newer ones and their marks are known."),
        Column("newest_is_clean", "boolean", "Its newest restore point is marked Clean."),
        Column(
            "has_marks",
            "boolean",
            "A restore point has a malware mark; no if the object is not scanned and none has one.",
        ),
        Column("latest_full", "datetime", "Its newest restore point that is certainly a full; NaT for none."),
        Column("full_known", "boolean", "No newer one can be a full: all newer ones and their types are known."),
        Column(
            "has_fulls", "boolean", "One of its jobs creates periodic fulls; no for forever forward incremental chains."
        ),
        Column("latest_source_point", "datetime", "Its newest restore point that is not a copy."),
        Column("latest_copy_point", "datetime", "Its newest restore point that a copy job created."),
        Column("has_clean_point", "boolean", "A restore point is marked Clean; no only if all marks are known."),
        Column(
            "worst_malware", "string", "Its worst known mark; a good one only if all marks are known.", holds="word"
        ),
        Column(
            "longest_gap_h",
            "Float64",
            "The longest time without a new restore point that reaches into the period.",
            "hours",
        ),
        Column(
            "gaps_h",
            "string",
            "The longest of these times in hours, separated by commas, the longest first.",
            holds="word",
        ),
        Column(
            "maybe_gaps_h",
            "string",
            "The same for the time before its first trace, in which it may have existed.",
            holds="word",
        ),
        Column("gaps_known", "boolean", "No restore point other than the known ones can have existed in the period."),
        Column("retention_due", "boolean", "It has been in one of its backups for the whole retention time."),
        Column(
            "kept_percent",
            "Float64",
            "The lowest share of the restore points required by retention in one of its backups, since its own first.",
            "%",
        ),
        Column("gfs_promised", "boolean", "One of its jobs keeps weekly, monthly or yearly restore points (GFS)."),
        Column(
            "gfs_owed",
            "Int64",
            "Finished weeks, months and years that must each have a GFS restore point by now.",
            "periods",
        ),
        Column(
            "gfs_missing", "Int64", "Finished weeks, months and years without their restore point.", "restore points"
        ),
        Column("has_copies", "boolean", "A copy job backs it up; NA if the types of its jobs are not known."),
        Column(
            "copy_interval_h",
            "Int64",
            "The longest time between two starts of a copy job that backs it up, of several the shortest; 0 for a copy "
            "job without a pause, NA if one of them is not known.",
            "hours",
        ),
        Column("copies_count", "Int64", "Copies that certainly exist, on different repositories.", "copies"),
        Column(
            "stale_repositories",
            "string",
            "Repositories whose restore points no longer count as a copy: too old for the interval of their job, or "
            "the offload fails.",
            holds="repositories",
        ),
        Column("repositories", "string", "The repositories of the copies.", holds="repositories"),
        Column("media", "string", "The storage classes of the copies.", holds="word"),
        Column("offsite_repositories", "string", "The repositories that are certainly off-site.", holds="repositories"),
        Column(
            "protected_repositories",
            "string",
            "The repositories that are certainly immutable or offline.",
            holds="repositories",
        ),
        Column(
            "locked_until",
            "datetime",
            "Until when the copy with the longest lock cannot be deleted, if no restore point is added: the lock lasts "
            "for the days of its repository from the last restore point of the chain on; NaT for none, and if the lock "
            "has no days of its own.",
        ),
        Column(
            "unlocked_repositories",
            "string",
            "Immutable repositories on which the lock of its chain has expired, as no restore point was added in time.",
            holds="repositories",
        ),
        Column("has_three_copies", "boolean", "3: there are three copies, including production."),
        Column("has_two_media", "boolean", "2: the copies are on two media."),
        Column("has_offsite", "boolean", "1: one copy is off-site."),
        Column("has_protected_copy", "boolean", "1: one copy is immutable or offline."),
        Column("is_verified", "boolean", "0: one copy is verified."),
        Column("has_separate_hosts", "boolean", "Its copies are on at least two hosts; NA for one copy."),
        Column("score", "Int64", "The number of the five digits that are met; NA if one is not known.", "digits"),
        Column(
            "standing",
            "string",
            f"Why no job backs it up any longer: {', '.join(STANDINGS)}; NA if one does, or if not known.",
            holds="word",
        ),
        Column("backup_bytes", "Int64", "The size of its backup files; NA if the size of one is not known.", "bytes"),
    ),
    "One row per protected object. Objects that no job backs up any longer are in `left_objects`, unless the site "
    "file lists them as machines to protect.",
    kind=ObjectKind("protected object", "object_key", "name", cause="machine", causes=(("job", "job_id"),)),
)

ALL: Final = replace(
    SPEC,
    name="all_protected_objects",
    help="The rows of `protected_objects`, and the objects no longer backed up by a job: all backups on repositories.",
    kind=None,
)


@dataclass(frozen=True, eq=False)
class Followed:
    """What the tables of a server alone tell of its protected objects.

    The rows of `units` (`backup_objects`), with the object of each as a position (`owners`) and the `keys` of those;
    their jobs, the restore points and the tasks of each.
    """

    units: pd.DataFrame
    owners: Cells
    keys: list[str]
    jobs: pd.DataFrame
    points: Points
    tasks: Tasks


def followed(material: Material) -> Followed:
    """What is known of the objects of one server without a site file; made once for a snapshot."""
    made = material.once("followed", lambda: _followed(material))
    # Restore points are as many as all else: the frame is that of whoever asks, and not kept beside it.
    return replace(made, points=replace(made.points, frame=material.frame("restore_points")))


def _followed(material: Material) -> Followed:
    units = material.frame("backup_objects")
    owners, keys = owners_and_keys(units)
    jobs, points = jobs_of(material, units), link_points(material, units)
    tasks = tasks_of(material, units, jobs, owners)
    return Followed(units, owners, keys, jobs, replace(points, frame=points.frame.iloc[:0]), tasks)


@dataclass(frozen=True, eq=False)
class Linked:
    """What the tables of protected objects have in common, worked out once for each server.

    What is known of its objects, for each unit whether a copy job made it, how fresh its chain is, and the copies of
    the objects.
    """

    known: Followed
    is_copy: pd.Series
    chains: Chains
    copies: pd.DataFrame


_LINKED: Final[WeakKeyDictionary[Material, Linked]] = WeakKeyDictionary()


def linked(material: Material) -> Linked:
    """What is in common for the objects of one server; made anew only for other material."""
    made = _LINKED.get(material)
    if made is None:
        known = followed(material)
        is_copy = _is_copy(material, known.jobs)
        chains = chains_of(material, known.jobs, known.points, known.owners, is_copy)
        copies = copies_of(material, known.units, known.owners, chains)
        made = _LINKED[material] = Linked(known, is_copy, chains, copies)
    return made


def _make_all(material: Material) -> pd.DataFrame:
    if material.frame("backup_objects").empty:
        return empty(SPEC)
    each = linked(material)
    units, owners, keys, jobs = each.known.units, each.known.owners, each.known.keys, each.known.jobs
    points, tasks = each.known.points, each.known.tasks
    is_copy, chains = each.is_copy, each.chains
    count, index = len(keys), pd.RangeIndex(len(keys))
    first = np.full(count, len(units), dtype=np.int64)
    np.minimum.at(first, owners, np.arange(len(units)))
    columns: dict[str, Any] = {name: units[name].iloc[first].array for name in ("server", "name", "type", "platform")}
    columns["object_key"] = keys
    columns |= _job_facts(material, units, jobs, is_copy, chains.fresh, points, owners, index, columns["name"])
    unscanned = surely_one(units["platform"].iloc[first], *_NOT_SCANNED)
    columns["has_marks"] = columns["has_marks"].mask(are_missing(columns["has_marks"]) & unscanned, False)
    gaps, seen, is_new = gap_facts(material, units, jobs, points, tasks, owners, count)
    paced = at_the_pace_of_sources(jobs, owners, is_copy)
    columns |= gaps | retention_facts(material, paced, points, owners, seen, is_new)
    newest = columns["newest_point"]
    columns["newest_failed"] = left_by_failed_runs(material, jobs, points, tasks, owners, newest)
    columns |= gfs_facts(material, jobs, points, owners, count)
    columns["is_whole"] = _read_whole(material, units, owners, index)
    columns |= standing_facts(material, units, jobs, points, tasks, owners, columns)
    # A backup that was not read may hold one more copy of the objects that are not whole.
    copies = copy_facts(each.copies, index, whole=True, tape=uses_tape(material))
    part = ~surely(columns["is_whole"])
    columns |= copies | {name: copies[name].mask(surely_not(copies[name]) & part) for name in (*DIGITS[:4], _HOSTS)}
    columns["is_verified"] = verified(material, units, owners, index)
    score = sum((columns[name].astype("Int64") for name in DIGITS), pd.Series(0, index=index, dtype="Int64"))
    return conform({**columns, "score": score}, SPEC)[0]


def _make(material: Material) -> pd.DataFrame:
    every = material.frame(ALL.name)
    left = left_behind(material, every)
    return every[~left].reset_index(drop=True) if left.any() else every


def _is_copy(material: Material, jobs: pd.DataFrame) -> pd.Series:
    """Whether a copy job made each unit; what a kind of job that nobody knows does is not known either.

    Where no list names the copy jobs (12.x), their workers are known by the name: `Copy job\\Source`, and the source
    is a job or a backup itself.
    """
    kind = jobs["job_type"].fillna(jobs["type"])
    answers = one_of(kind, COPY_JOBS).mask(~surely(one_of(kind, _KNOWN_JOBS)))
    sources = {name.casefold() for table in ("backups", "jobs") for name in material.frame(table)["name"].dropna()}
    names = jobs["backup_name"].where(answers.isna() & jobs["job_id"].isna())
    parts = codes_of(names.fillna(""))
    ends = (text.casefold().partition(SEPARATOR)[2] in sources for text in parts.texts.tolist())
    worker = parts.spread(list(ends), bool, missing=False)
    return answers.mask(worker, True)


def _job_facts(
    material: Material,
    units: pd.DataFrame,
    jobs: pd.DataFrame,
    is_copy: pd.Series,
    fresh: pd.Series,
    points: Points,
    owners: Cells,
    index: pd.RangeIndex,
    names: Any,
) -> dict[str, Any]:
    """What the backups and their jobs say about each object."""
    count = len(index)
    primary = surely_not(is_copy) & are_known(jobs["backup_job_id"])
    # A chain that ended is the work of a job that backs it up no more.
    alive = primary & ~surely_not(fresh)
    distinct = first_pairs(owners, codes_of(jobs["backup_job_id"]).rows, alive)
    unsure = number_of(owners, are_missing(is_copy) | are_missing(jobs["backup_job_id"]), index) > 0
    lost = number_of(owners, are_missing(units["restore_points_count"]), index) > 0
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, owners, units["restore_points_count"].fillna(0).to_numpy(dtype=np.int64))
    labels = jobs["name"].where(pd.Series(primary, index=jobs.index))
    # A tier is told by any job that may be no copy job.
    own = jobs["name"].where(pd.Series(~surely(is_copy), index=jobs.index))
    tiers = _tiers(material, names, own, owners, count)
    unnamed, jobless = are_missing(own) & ~surely(is_copy), are_missing(jobs["backup_job_id"])
    nameless, strays, named = (
        number_of(owners, chosen, index).to_numpy(dtype=np.int64) > 0
        for chosen in (unnamed & ~jobless, unnamed & jobless, are_known(own))
    )
    uncertain = nameless | (strays & ~named)
    return {
        "pause_h": _pauses(jobs, owners, primary, index),
        "loosest_rpo_hours": _loosest(material, count),
        "tier": [tier and tier.name for tier in tiers],
        "rpo_hours": [tier and tier.rpo_hours for tier in tiers],
        "tier_known": _are_tiers_known(material, names, uncertain),
        "backups_count": number_of(owners, np.ones(len(units), dtype=bool), index),
        "jobs": listed(owners, labels, index),
        "job_id": first_job(jobs, owners, ~surely(is_copy), index),
        "primary_jobs_count": number_of(owners, distinct, index).mask(surely(unsure.astype("boolean"))),
        "last_run_failed": any_of(owners, units["last_run_failed"], index),
        "points_count": pd.Series(total, dtype="Int64").mask(surely(lost.astype("boolean"))),
        "is_backed_up": any_of(owners, _backed_up(material, jobs, fresh), index),
        "has_copies": any_of(owners, is_copy, index),
        "copy_interval_h": _copy_intervals(jobs["start_interval_h"], owners, surely(is_copy), index),
        "has_fulls": _makes_fulls(jobs, owners, primary, index),
        **point_facts(points, owners, is_copy, count, material.now),
    }


def _backed_up(material: Material, jobs: pd.DataFrame, fresh: pd.Series) -> pd.Series:
    """Whether the job of each unit is there, or its chain still grows; a job of a type that no list shows may be."""
    hidden = surely((jobs["seen_in"] == "backups").astype("boolean"))
    there = pd.Series(are_known(jobs["job_id"]) & ~hidden, index=jobs.index, dtype="boolean") | fresh
    open_ = hidden | are_missing(jobs["job_type"]) | (not material.is_whole("jobs"))
    return there.mask(surely_not(there) & open_)


def _read_whole(material: Material, units: pd.DataFrame, owners: Cells, index: pd.RangeIndex) -> pd.Series:
    """The objects that no backup which was not read can hold: none of its restore points bears their name."""
    if material.is_whole("backup_objects") and material.is_whole("backups"):
        return pd.Series(True, index=index, dtype="boolean")
    unread, points = material.unread_below("backup_objects"), material.frame("restore_points")
    backups, nothing = material.frame("backups"), pd.Series(False, index=index, dtype="boolean")
    if not unread or not material.is_whole("restore_points") or not set(unread) <= set(backups["backup_id"].dropna()):
        return nothing
    theirs = points[are_missing(points["backup_id"]) | points["backup_id"].isin(unread).to_numpy()]
    if theirs["name"].isna().any():
        return nothing
    named = {name.casefold() for name in theirs["name"]}
    # Agents are named by the object, followed by the backup.
    ends = [" " + name.casefold() for name in backups["name"][backups["backup_id"].isin(unread)].dropna()]
    named |= {name.removesuffix(end) for name in named for end in ends if name.endswith(end)}
    held = np.array([name is pd.NA or name.casefold() in named for name in units["name"]], dtype=bool)
    return ~any_of(owners, pd.Series(held, dtype="boolean"), index)


def _loosest(material: Material, count: int) -> Any:
    """The longest age that any tier allows, for all objects alike; NA where a tier sets none, and without tiers."""
    hours = [tier.rpo_hours for tier in material.site.document.tiers]
    least = max((each for each in hours if each is not None), default=None)
    return pd.array([least] * count, dtype="Int64")


def _makes_fulls(jobs: pd.DataFrame, owners: Cells, primary: Cells, index: pd.RangeIndex) -> pd.Series:
    """Whether a job makes fulls from time to time; a chain that goes forward for ever has but one, which moves on."""
    fulls = jobs["synthetic_fulls_enabled"] | jobs["active_fulls_enabled"] | jobs["gfs_enabled"]
    return any_of(np.where(primary, owners, -1), fulls, index)


def _pauses(jobs: pd.DataFrame, owners: Cells, primary: Cells, index: pd.RangeIndex) -> pd.Series:
    """How long the most frequent of the jobs that back it up rests between two starts; 0 where none tells that."""
    hours = jobs["start_interval_h"].to_numpy(dtype=float, na_value=np.nan)
    least = np.full(len(index), np.inf)
    chosen = primary & ~np.isnan(hours) & (owners >= 0)
    np.minimum.at(least, owners[chosen], hours[chosen])
    return pd.Series(np.where(np.isinf(least), 0, least), index=index).astype("Int64")


def _copy_intervals(hours: pd.Series, owners: Cells, copies: Cells, index: pd.RangeIndex) -> pd.Series:
    """How often the copy job that starts most often starts; NA where there is none, or one is not known."""
    known = are_known(hours)
    least = np.full(len(index), np.iinfo(np.int64).max)
    mine = copies & known & (owners >= 0)
    np.minimum.at(least, owners[mine], hours.to_numpy(dtype=np.int64, na_value=0)[mine])
    unclear = surely((number_of(owners, copies & ~known, index) > 0).astype("boolean"))
    lost = unclear | (least == np.iinfo(np.int64).max)
    return pd.Series(pd.arrays.IntegerArray(np.where(lost, 0, least), lost), index=index)


def objects_of(units: pd.DataFrame) -> Cells:
    """The place among `protected_objects` of the object of each row of `backup_objects`."""
    return owners_and_keys(units)[0]


def owners_and_keys(units: pd.DataFrame) -> tuple[Cells, list[str]]:
    """The object of each row, as a position, and the keys of the objects in the order of their first row."""
    # A row without an id is an object all the same: it must not vanish.
    other = units["backup_id"].fillna("?") + "/" + units["name"].fillna("?")
    ids = units["backup_object_id"].fillna(other)
    names = codes_of(units["name"])
    folded = pd.factorize(np.array([text.casefold() for text in names.texts], dtype=object))[0]
    parts = [codes_of(units[name]).rows for name in ("platform", "object_id")]
    parts.append(names.spread(folded, np.int64, missing=-1))
    is_complete = np.logical_and.reduce([part >= 0 for part in parts])
    # A zero or missing id of the platform is one platform; two that differ are two.
    parts.append(codes_of(units["platform_id"]).rows)
    machine = combined([*parts, _hosts(units["path"], combined(parts, len(units)))], len(units))
    machine[~is_complete] = -1
    owners = pd.factorize(_linked(codes_of(ids).rows, machine))[0]
    keys = [""] * (int(owners.max(initial=-1)) + 1)
    for own, owner in zip(ids.tolist(), owners.tolist(), strict=True):
        keys[owner] = min(keys[owner] or own, own)
    return owners, keys


def _hosts(paths: pd.Series, machine: Cells) -> Cells:
    """A number for the host of each row, by the first part of its path in the inventory.

    A row without a path is on the only host that rows of the same `machine` name; -1 where they name none or several.
    """
    codes = codes_of(paths)
    first = [text.replace("/", "\\").lstrip("\\").split("\\")[0].casefold() for text in codes.texts.tolist()]
    host = codes.spread(pd.factorize(np.array(first, dtype=object))[0], np.int64, missing=-1)
    size, there = int(machine.max(initial=-1)) + 1, host >= 0
    least, most = np.full(size, np.iinfo(np.int64).max), np.full(size, -1)
    np.minimum.at(least, machine[there], host[there])
    np.maximum.at(most, machine[there], host[there])
    return np.where(~there & (least == most)[machine], most[machine], host)


def _linked(*columns: Cells) -> Cells:
    """For each row the first one that it hangs together with: by an equal number in one of `columns`, -1 for none."""
    links = np.arange(len(columns[0]))
    while True:
        before = links
        for column in columns:
            known = column >= 0
            least = np.full(column.max(initial=-1) + 1, len(column))
            np.minimum.at(least, column[known], links[known])
            links = links.copy()
            links[known] = least[column[known]]
        links = links[links]
        if np.array_equal(links, before):
            return links


def _tiers(material: Material, names: Any, jobs: pd.Series, owners: Cells, count: int) -> list[Any]:
    """The tier of each object: the first that fits its name, else the strictest one of its jobs' names."""
    site = material.site
    if not site.document.tiers:
        return [None] * count
    by_job = {name: site.tier_of(job=name) for name in jobs.dropna().unique()}
    tiers: list[Any] = [None if name is pd.NA else site.tier_of(object_name=name) for name in names]
    own = [tier is not None for tier in tiers]
    for owner, name in zip(owners.tolist(), jobs.tolist(), strict=True):
        tier = None if name is pd.NA else by_job[name]
        if own[owner] or tier is None:
            continue
        if tiers[owner] is None or (tier.rpo_hours or np.inf) < (tiers[owner].rpo_hours or np.inf):
            tiers[owner] = tier
    return tiers


def _are_tiers_known(material: Material, names: Any, uncertain: Cells) -> list[bool]:
    """Whether the names that decide on the tier of each object are known: its own, else those of its jobs."""
    tiers, site = material.site.document.tiers, material.site
    by_name, by_job = any(tier.objects for tier in tiers), any(tier.jobs for tier in tiers)
    known = []
    for name, unsure in zip(names, uncertain.tolist(), strict=True):
        own = None if name is pd.NA else site.tier_of(object_name=name)
        known.append(own is not None or not ((by_name and name is pd.NA) or (by_job and unsure)))
    return known


def left_behind(material: Material, objects: pd.DataFrame) -> Cells:
    """The rows of `objects` that no job backs up any more, and that the site file does not list as to be protected.

    A machine of that list is not asked for twice: where it is backed up under another id, its old backups are left.
    """
    gone = are_known(objects["standing"])
    asked = [asset.name for asset in material.site.assets or () if not asset.exempt]
    if not gone.any() or not asked:
        return gone
    alive, dead = (
        held_by_name(objects[rows].rename(columns={"points_count": "restore_points_count"})) for rows in (~gone, gone)
    )
    wanted = {find_machine(dead, name)[0] for name in asked if find_machine(alive, name)[0] is None}
    return gone & ~objects["name"].isin(wanted - {None}).to_numpy(dtype=bool)


ALL_TABLE: Final = Derived(
    ALL,
    ("backup_objects", "backups"),
    _make_all,
    also=(
        "restore_points",
        "backup_files",
        "jobs",
        "sessions",
        "session_history",
        "task_sessions",
        "repositories",
        "scale_out_repositories",
        "managed_servers",
    ),
    whole="is_whole",
    site_parts=("repositories", "tiers"),
)
TABLE: Final = replace(ALL_TABLE, spec=SPEC, make=_make)
