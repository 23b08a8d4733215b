"""The table `protected_objects`: each protected machine with its restore points and its 3-2-1-1-0 digits."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.tables.schema import Column, TableSpec, conform

SPEC: Final = TableSpec(
    "protected_objects",
    ("object_key",),
    (
        Column("server", "string", "The server."),
        Column("object_key", "string", "What identifies the object over its backups."),
        Column("name", "string", "The object's name."),
        Column("type", "string", "What it is."),
        Column("platform", "string", "Its platform."),
        Column("backups_count", "Int64", "The backups that hold it."),
    ),
    "One row per protected object.",
)


def _make(material: Material) -> pd.DataFrame:
    objects = material.frame("backup_objects")
    key = objects["object_id"].fillna(objects["backup_object_id"])
    first = ~key.duplicated().to_numpy()
    columns: dict[str, Any] = {name: objects.loc[first, name] for name in ("server", "name", "type", "platform")}
    return conform({**columns, "object_key": key[first]}, SPEC)[0]


TABLE: Final = Derived(SPEC, ("backup_objects", "backups"), _make)
