"""Every table that a check can read: those of the snapshot, and those that are derived; and where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from vbr_audit.checks.derived import DERIVED, GIVEN
from vbr_audit.datasets import DATASETS, SPECS
from vbr_audit.tables.build.schema import TableSpec

TABLES: Final[Mapping[str, TableSpec]] = SPECS | {name: table.spec for name, table in DERIVED.items()}
"""The tables by name."""

_DATASET_OF: Final[Mapping[str, str]] = {
    spec.name: dataset.name for dataset in DATASETS.values() for spec in dataset.specs
}
ALSO_LISTED_BY: Final[Mapping[str, tuple[str, ...]]] = {"jobs": ("job_states",), "job_settings": ("job_states",)}
"""Some jobs are known by their state alone."""


@cache
def sources_of(table: str) -> tuple[str, ...]:
    """The datasets without which `table` is not there, and `site` or the earlier run; none for one of the manifest."""
    if table in DERIVED:
        sources = (name for source in DERIVED[table].sources for name in sources_of(source))
        return tuple(dict.fromkeys(sources))
    if table in GIVEN:
        return (table,)
    return (_DATASET_OF[table],) if table in _DATASET_OF else ()


def datasets_behind_table(table: str) -> tuple[str, ...]:
    """The datasets whose rows are looked at in `table`, those included that only fill single columns of it."""
    if table in DERIVED:
        derived = DERIVED[table]
        names = [name for source in (*derived.sources, *derived.also) for name in datasets_behind_table(source)]
    else:
        names = [*sources_of(table), *ALSO_LISTED_BY.get(table, ())]
    return tuple(name for name in dict.fromkeys(names) if name not in GIVEN)


def site_parts_behind(tables: Iterable[str]) -> tuple[str, ...]:
    """The parts of the site file that decide what stands in `tables`.

    Not the list of assets: it says which machines are asked for, and nothing of any other.
    """
    parts: set[str] = set()
    for table in tables:
        if table in DERIVED:
            derived = DERIVED[table]
            parts |= {derived.part, *derived.site_parts, *site_parts_behind((*derived.sources, *derived.also))}
    return tuple(sorted(parts - {"", "assets"}))
