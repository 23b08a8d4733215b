"""The jobs and repositories that objects of one server have to do with, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived import drift_tables, protection
from vbr_audit.checks.drift.compare import SPEC as DRIFT
from vbr_audit.checks.drift.sources import TABLES_OF_SETTINGS
from vbr_audit.checks.engine.objects import OBJECTS
from vbr_audit.checks.logic.three_valued import Cells, beside
from vbr_audit.collection.snapshot import Snapshot

Links = Iterable[tuple[Any, Any]]
"""Pairs of the id of an object and the id of a job or a repository; either may be NA."""

_JOB_NAMES: Final = (("backups", "job_id", "name"), ("job_states", "job_id", "name"), ("jobs", "job_id", "name"))
_REPOSITORY_NAMES: Final = (
    ("backups", "repository_id", "repository_name"),
    ("repository_states", "repository_id", "name"),
    ("scale_out_repositories", "scale_out_repository_id", "name"),
    ("repositories", "repository_id", "name"),
)
"""Where names stand: table, column of the id and of the name; the last that knows one counts."""

CHANGES: Final = (DRIFT.name, drift_tables.REGISTERED_SPEC.name)
APPROVED: Final = drift_tables.APPROVED_SPEC.name
"""The changes that a register lists: they go by the object as that calls it, its id or its name."""
COMPARED: Final = (*CHANGES, APPROVED, drift_tables.OBJECTS_SPEC.name)


class Related:
    """What the objects of one `server` have to do with; tables are looked at when they are asked for."""

    def __init__(self, server: str, snapshot: Snapshot, drift: pd.DataFrame) -> None:
        self.server = server
        self._snapshot, self._drift = snapshot, drift
        self._frames: dict[str, pd.DataFrame] = {}
        self._lists: dict[tuple[str, str], list[Any]] = {}

    def names(self, population: str, ids: Sequence[Any]) -> tuple[Cells, Cells]:
        """The names of the jobs and of the repositories of each object of a table, as object arrays.

        Of several, the first in the alphabet and the number of the others; NA for none.
        """
        jobs, repositories = _LINKS.get(population, _none)(self)
        return _worded(ids, jobs, self._job_names), _worded(ids, repositories, self._repository_names)

    def changed_objects(self, population: str, ids: Sequence[Any]) -> Sequence[Any]:
        """The object of each change: its id or, of a setting of the server, its kind."""
        if population in CHANGES:
            own = self._drift[self._drift["server"].eq(self.server).to_numpy(dtype=bool, na_value=False)]
            objects = own["object_id"].fillna(own["object_type"]).tolist()
            known = dict(zip(own["change_id"].tolist(), objects, strict=True))
            return [known.get(each, each) for each in ids]
        return [self._called.get(str(each).casefold(), each) for each in ids] if population == APPROVED else ids

    def scale_out_of(self, extents: Sequence[Any]) -> Sequence[Any]:
        """The scale-out repository of each extent."""
        known = dict(self.pairs("scale_out_extents", "repository_id", "scale_out_repository_id"))
        return [known.get(each, each) for each in extents]

    def backups_of(self, jobs: Sequence[Any]) -> Sequence[Any]:
        """A backup of each job; NA for none."""
        known = dict(reversed(self.pairs("backups", "job_id", "backup_id")))
        return [known.get(each, pd.NA) for each in jobs]

    def pairs(self, table: str, key: str, value: str) -> list[tuple[Any, Any]]:
        """Two columns of the rows of a table."""
        return list(zip(self._cells(table, key), self._cells(table, value), strict=True))

    def _cells(self, table: str, name: str) -> list[Any]:
        if (table, name) not in self._lists:
            self._lists[table, name] = self.frame(table)[name].tolist()
        return self._lists[table, name]

    def frame(self, table: str) -> pd.DataFrame:
        """The rows of the server in a table."""
        if table not in self._frames:
            frame = self._snapshot.tables[table]
            # Most runs are of one server: told sooner than which rows are of which.
            is_alone = frame["server"].tolist().count(self.server) == len(frame)
            own = None if is_alone else frame["server"].eq(self.server).to_numpy(dtype=bool, na_value=False)
            self._frames[table] = frame if own is None else frame[own]
        return self._frames[table]

    @cached_property
    def _called(self) -> dict[str, str]:
        """The ids of objects with settings, by their names in small letters."""
        called: dict[str, str] = {}
        for each in TABLES_OF_SETTINGS:
            if each.id_column:
                named = self.pairs(each.table, each.name_column, each.id_column)
                called |= {name.casefold(): value for name, value in named if name is not pd.NA and value is not pd.NA}
        return called

    @cached_property
    def _job_names(self) -> dict[Any, Any]:
        return self._names_in(_JOB_NAMES)

    @cached_property
    def _repository_names(self) -> dict[Any, Any]:
        return self._names_in(_REPOSITORY_NAMES)

    def _names_in(self, places: Iterable[tuple[str, str, str]]) -> dict[Any, Any]:
        names: dict[Any, Any] = {}
        for table, key, name in places:
            names |= {one: word for one, word in self.pairs(table, key, name) if word is not pd.NA}
        return names


def _worded(ids: Sequence[Any], links: Links, names: Mapping[Any, Any]) -> Cells:
    """The names that each object is linked with, in words."""
    found: dict[Any, set[str]] = {}
    for one, other in links:
        if other is not pd.NA and one is not pd.NA and (name := names.get(other)) is not None:
            found.setdefault(one, set()).add(name)
    words = {one: in_words(several) for one, several in found.items()}
    cells = np.empty(len(ids), dtype=object)
    cells[:] = [words.get(each, pd.NA) for each in ids]
    return cells


def in_words(names: Iterable[str]) -> str:
    """The first of some names and how many more there are: `Payroll and 2 more`."""
    first, *more = sorted(names)
    return f"{first} and {len(more):,} more" if more else first


# The links of the objects of a table with jobs, and with repositories.


def _none(_: Related) -> tuple[Links, Links]:
    return (), ()


def _of_jobs(related: Related) -> tuple[Links, Links]:
    return related.pairs("jobs", "job_id", "job_id"), related.pairs("jobs", "job_id", "repository_id")


def _of_repositories(related: Related) -> tuple[Links, Links]:
    """The jobs that write to them; an extent is what the jobs of its scale-out repository write to."""
    jobs = related.pairs("jobs", "repository_id", "job_id")
    writing: dict[Any, list[Any]] = {}
    for repository, job in jobs:
        writing.setdefault(repository, []).append(job)
    extents = related.pairs("scale_out_extents", "repository_id", "scale_out_repository_id")
    jobs += [(extent, job) for extent, outer in extents if outer is not pd.NA for job in writing.get(outer, ())]
    own = related.pairs("repositories", "repository_id", "repository_id")
    own += related.pairs("repository_states", "repository_id", "repository_id")
    return jobs, own + related.pairs("scale_out_repositories", "scale_out_repository_id", "scale_out_repository_id")


def _of_both(related: Related) -> tuple[Links, Links]:
    """The links of jobs and of repositories, of objects that may be either."""
    (jobs, targets), (writing, own) = _of_jobs(related), _of_repositories(related)
    return [*jobs, *writing], [*targets, *own]


def _of_backups(related: Related) -> tuple[Links, Links]:
    return related.pairs("backups", "backup_id", "job_id"), related.pairs("backups", "backup_id", "repository_id")


def _of_protected(related: Related) -> tuple[Links, Links]:
    """The jobs and the repositories of all backups of an object."""
    units = related.frame("backup_objects")
    owners, keys = protection.owners_and_keys(units)
    where = beside(units["backup_id"], related.frame("backups")[["backup_id", "job_id", "repository_id"]], "backup_id")
    objects = [keys[owner] for owner in owners.tolist()]
    jobs, repositories = (where[name].tolist() for name in ("job_id", "repository_id"))
    return zip(objects, jobs, strict=True), zip(objects, repositories, strict=True)


def _of_replicas(related: Related) -> tuple[Links, Links]:
    return related.pairs("replicas", "replica_id", "job_id"), ()


def _of_published(related: Related) -> tuple[Links, Links]:
    """A published disk is of a backup."""
    backups = related.pairs("published_disks", OBJECTS["published_disks"].id_column, "backup_id")
    jobs, repositories = (dict(links) for links in _of_backups(related))
    return (
        [(disk, jobs.get(backup, pd.NA)) for disk, backup in backups],
        [(disk, repositories.get(backup, pd.NA)) for disk, backup in backups],
    )


_LINKS: Final[Mapping[str, Callable[[Related], tuple[Links, Links]]]] = {
    "jobs": _of_jobs,
    **dict.fromkeys(
        ("repositories", "repository_states", "scale_out_repositories", "scale_out_extents"), _of_repositories
    ),
    **dict.fromkeys(COMPARED, _of_both),
    "backups": _of_backups,
    protection.SPEC.name: _of_protected,
    "replicas": _of_replicas,
    "published_disks": _of_published,
}
"""By the table that is judged; objects of other tables have to do with no job and no repository of their own."""
