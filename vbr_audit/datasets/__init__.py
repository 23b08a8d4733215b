"""What can be read: one card per dataset, in one file per family; all lists of datasets and tables follow from them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Final

from vbr_audit.datasets import (
    agents,
    backups,
    hardening,
    infrastructure,
    jobs,
    keys,
    licence,
    mounts,
    replicas,
    repositories,
    scale_out,
    security,
    server,
    sessions,
    settings,
)
from vbr_audit.datasets.card import Dataset, Shape
from vbr_audit.tables import provenance
from vbr_audit.tables.build.schema import TableBuilder, TableSpec

__all__ = [
    "BASIC",
    "BUILDERS",
    "CLOCK",
    "DATASETS",
    "SPECS",
    "Dataset",
    "Shape",
    "datasets_of",
    "is_never_offered",
    "parents_of",
]

_FAMILIES: Final = (
    *(server, jobs, sessions, backups, replicas, repositories, scale_out, infrastructure, keys, settings, security),
    *(agents, mounts, hardening, licence),
)

DATASETS: Final[dict[str, Dataset]] = {card.name: card for family in _FAMILIES for card in family.CARDS}
"""Every dataset by its name, in the order of reading."""

_READ: Final = tuple(table for card in DATASETS.values() for table in (card.table, *card.also))

SPECS: Final[dict[str, TableSpec]] = {
    spec.name: spec
    for spec in (
        *(spec for family in (jobs, sessions, *_FAMILIES) for card in family.CARDS for spec in card.specs),
        provenance.SERVERS,
        provenance.DATASETS,
    )
}
"""Every table of a snapshot by its name, those of jobs and sessions in front."""

BUILDERS: Final[dict[str, Callable[[str, dt.tzinfo | None], TableBuilder]]] = {
    table.spec.name: table.builder for table in _READ if table.builder is not None
}
"""For each table that is built page by page: what gives a builder of it for a server's name and zone."""

CLOCK = ("server_time", "server_info")
"""What is read first, whatever is chosen: it shows when and where all else was read."""

BASIC = (*CLOCK, "jobs", "job_states", "session_history", "sessions", "backups")
"""What every report shows."""


def datasets_of(tables: Iterable[str]) -> tuple[str, ...]:
    """The datasets that fill `tables`, in the order of reading, with the parents that they are read below."""
    wanted = set(tables)
    chosen = {name for name, dataset in DATASETS.items() if wanted & set(dataset.tables)}
    chosen |= parents_of(chosen)
    return tuple(name for name in DATASETS if name in chosen)


def parents_of(names: Iterable[str]) -> set[str]:
    """The datasets below whose rows those of `names` are read, in any revision."""
    each = [d for name in names for d in (DATASETS[name], *DATASETS[name].earlier)]
    return {d.parent for d in each if d.parent is not None}


def is_never_offered(name: str, newest: str | None) -> bool:
    """Whether not even `newest`, the newest revision that a server speaks, has dataset `name`.

    False where either is not known: then something may have been missed in reading.
    """
    return name in DATASETS and newest is not None and not DATASETS[name].is_offered(newest)
