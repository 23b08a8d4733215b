"""Tables that the checks make of several others, of the site file, and of an earlier run.

Each is one module with its `TABLE`; `DERIVED` lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vbr_audit.checks.derived import (
    assets,
    drift_tables,
    held_objects,
    left_objects,
    object_copies,
    offloads,
    protection,
    runs,
    schedules,
    site_tables,
)
from vbr_audit.checks.derived.material import EARLIER, GIVEN, SITE, Derived, Material

__all__ = ["DERIVED", "EARLIER", "GIVEN", "SITE", "Derived", "Material"]

DERIVED: Final[Mapping[str, Derived]] = {
    table.spec.name: table
    for table in (
        runs.ALL_TABLE,
        runs.TABLE,
        offloads.TABLE,
        offloads.BY_REPOSITORY_TABLE,
        schedules.TABLE,
        protection.ALL_TABLE,
        protection.TABLE,
        left_objects.TABLE,
        held_objects.TABLE,
        object_copies.TABLE,
        site_tables.DEMANDS,
        site_tables.TAGS,
        assets.TABLE,
        site_tables.WINDOW,
        site_tables.BUILDS,
        drift_tables.OBJECTS,
        drift_tables.CHANGES,
        drift_tables.REGISTERED,
        drift_tables.APPROVED,
    )
}
"""Every derived table by name."""
