"""The table `left_objects`: the backups of objects that no job backs up any more, by why not."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived import protection
from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.checks.derived.protection_standing import STANDINGS
from vbr_audit.checks.logic.three_valued import listed
from vbr_audit.tables.build.schema import Column, ObjectKind, TableSpec, conform

SPEC: Final = TableSpec(
    "left_objects",
    ("standing",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("standing", "string", f"Why no job backs them up any longer: {', '.join(STANDINGS)}.", holds="word"),
        Column("objects_count", "Int64", "Number of objects.", "objects"),
        Column("points_count", "Int64", "Their restore points; NA if the count of one is not known.", "restore points"),
        Column("backup_bytes", "Int64", "The size of their backup files; NA if the size of one is not known.", "bytes"),
        Column("oldest_end", "datetime", "The oldest of the objects' newest restore points."),
        Column("names", "string", "The first of their names.", holds="objects"),
    ),
    "One row per server and reason: the objects that no job backs up any longer, and the size of their backups. "
    "Machines that the site file lists as machines to protect are not included.",
    kind=ObjectKind(
        "group of objects left", "standing", "standing", nouns=("group of objects left", "groups of objects left")
    ),
)


def _make(material: Material) -> pd.DataFrame:
    every = material.frame(protection.ALL.name)
    left = every[protection.left_behind(material, every)].reset_index(drop=True)
    words = [word for word in STANDINGS if word in set(left["standing"])]
    index = pd.RangeIndex(len(words))
    group = left["standing"].map({word: place for place, word in enumerate(words)}).to_numpy(dtype=np.int64)
    by_group = left.groupby(group)
    columns: dict[str, Any] = {
        name: by_group[name].agg(lambda values: values.sum(skipna=False)).reindex(index).array
        for name in ("points_count", "backup_bytes")
    }
    columns |= {
        "server": by_group["server"].first().reindex(index).array,
        "standing": words,
        "objects_count": by_group.size().reindex(index).array,
        "oldest_end": by_group["newest_point"].min().reindex(index).array,
        "names": listed(group, left["name"], index),
    }
    return conform(columns, SPEC)[0]


TABLE: Final = Derived(
    SPEC,
    protection.TABLE.sources,
    _make,
    also=protection.TABLE.also,
    site_parts=protection.TABLE.site_parts,
)
