"""Who owns the machines that fail, by the list of machines of the site file."""

from __future__ import annotations

from typing import Final

import pandas as pd

from vbr_audit.checks.engine.objects import OBJECTS
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.checks.logic.machine_names import held_by_name, machine_keys
from vbr_audit.checks.logic.three_valued import surely
from vbr_audit.checks.site import Site
from vbr_audit.tables.build.arrays import STRING

_MACHINES: Final = tuple(
    sorted(
        {
            kind.kind
            for table, kind in OBJECTS.items()
            if TABLES[table].holds.get(kind.name_column) in ("object", "host")
        }
    )
)
"""The kinds of objects that are called as machines are."""
MOST_OWNERS: Final = 3
"""So many owners of one cause are named."""


def owners_of(findings: pd.DataFrame, site: Site | None) -> pd.Series:
    """The owner of each failing finding about a machine that the site file gives an owner, by finding id, as strings.

    A machine is found as the checks find it: in any letter case, with or without its domain. Several machines of the
    list that it may be give one row for each of their owners.
    """
    owned = {one.name.casefold(): one.owner for one in (site and site.assets) or () if one.owner}
    failing = findings[surely(findings["status"] == "FAIL") & surely(findings["object_type"].isin(_MACHINES))]
    names = pd.DataFrame({"name": list(owned), "restore_points_count": 1})
    held = held_by_name(names)
    rows = [
        (finding, owner)
        for finding, name in zip(failing["finding_id"], failing["object_name"], strict=True)
        if owned and not pd.isna(name)
        for owner in dict.fromkeys(owned[key] for key in machine_keys(held, name))
    ]
    return pd.Series([owner for _, owner in rows], index=[finding for finding, _ in rows], dtype=STRING)


def owners_told(owners: list[str]) -> str:
    """Different owners in one text, in alphabetical order: the first of them, and how many more."""
    names = sorted(set(owners))
    more = len(names) - MOST_OWNERS
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:MOST_OWNERS])} and {more:,} more"
