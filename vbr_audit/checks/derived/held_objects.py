"""The table `held_objects`: what of the protected objects lies on each repository."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived import protection
from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.checks.logic.three_valued import all_of, beside, number_of, places_of, surely, taken
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.tables.build.schema import Column, TableSpec

SPEC: Final = TableSpec(
    "held_objects",
    ("repository_id",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("repository_id", "string", "The repository.", holds="id"),
        Column("objects_count", "Int64", "The number of protected objects with a backup on it.", "objects"),
        Column(
            "are_protected_elsewhere",
            "boolean",
            "Each of them has an immutable or offline copy; NA if there are none, or if not known for one of them.",
        ),
    ),
    "One row per repository: the protected objects with backups on it, also as an extent of a performance tier.",
)


def _make(material: Material) -> pd.DataFrame:
    repositories, extents = material.frame("repositories"), material.frame("scale_out_extents")
    units = material.frame("backup_objects")
    objects = protection.objects_of(units)
    where = beside(units["backup_id"], material.frame("backups")[["backup_id", "repository_id"]], "backup_id")
    held = pd.DataFrame({"outer": where["repository_id"].array, "object": objects}).drop_duplicates()
    tier = extents[surely(extents["tier"] == "Performance")]
    inner = pd.DataFrame({"outer": tier["scale_out_repository_id"].array, "repository_id": tier["repository_id"].array})
    spread = held.dropna().merge(inner.dropna(), on="outer")[["repository_id", "object"]]
    rows = pd.concat([held.rename(columns={"outer": "repository_id"}), spread], ignore_index=True)
    rows = rows[are_known(rows["repository_id"])].drop_duplicates().reset_index(drop=True)
    owner = places_of(rows["repository_id"], repositories["repository_id"])
    safe = material.frame(protection.ALL.name)["has_protected_copy"]
    reported = taken(safe, rows["object"].to_numpy(dtype=np.int64), rows.index)
    count = number_of(owner, np.ones(len(rows), dtype=bool), repositories.index)
    whole = material.is_whole("backups") and material.is_whole("backup_objects")
    all_safe = all_of(owner, reported, repositories.index).mask((count == 0).to_numpy(dtype=bool) | (not whole))
    return pd.DataFrame(
        {
            "server": repositories["server"],
            "repository_id": repositories["repository_id"],
            "objects_count": count,
            "are_protected_elsewhere": all_safe,
        }
    )


TABLE: Final = Derived(
    SPEC,
    ("repositories", "backup_objects", "backups"),
    _make,
    also=protection.TABLE.also,
)
