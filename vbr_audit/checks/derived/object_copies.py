"""The table `object_copies`: where the backups of each protected object lie, and what keeps each copy from changing."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from vbr_audit.checks.derived import protection
from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.checks.logic.three_valued import taken
from vbr_audit.tables.build.arrays import are_known, strings_of
from vbr_audit.tables.build.schema import Column, TableSpec, conform, empty

SPEC: Final = TableSpec(
    "object_copies",
    ("object_key", "place_id"),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("object_key", "string", "The object, as in `protected_objects`.", holds="id"),
        Column("place_id", "string", "The repository, or the tier of a scale-out repository.", holds="id"),
        Column("repository", "string", "Its name; NA if not known.", holds="repository"),
        Column("storage_class", "string", "Its storage class; NA if not known.", holds="word"),
        Column(
            "is_current",
            "boolean",
            "It holds today's data: its restore points are as new as the interval of their job allows.",
        ),
        Column("is_offsite", "boolean", "It is off-site, by the site file or as public cloud storage."),
        Column("is_locked", "boolean", "It is immutable or offline, and its lock has not expired."),
        Column("lock_is_over", "boolean", "It is on immutable storage, and the lock has surely expired."),
        Column(
            "locked_until",
            "datetime",
            "When its lock ends if no restore point is added; NaT for a lock without days of its own, and without one.",
        ),
    ),
    "One row per protected object and place of its backups: copies on several backups of one place are one.",
)

_BEST_FIRST: Final = ["owner", "place", "present", "protected", "until"]


def _make(material: Material) -> pd.DataFrame:
    if material.frame("backup_objects").empty:
        return empty(SPEC)
    each = protection.linked(material)
    copies = each.copies[are_known(each.copies["place"])]
    order = copies.sort_values(_BEST_FIRST, ascending=[True, True, False, False, False], kind="stable")
    places = order.drop_duplicates(["owner", "place"]).reset_index(drop=True)
    owner = places["owner"].to_numpy(dtype="int64")
    columns: dict[str, Any] = {
        "server": taken(material.frame(protection.ALL.name)["server"], owner, places.index),
        "object_key": strings_of(each.known.keys).take(owner),
        "place_id": places["place"],
        "repository": places["name"],
        "storage_class": places["medium"],
        "is_current": places["present"],
        "is_offsite": places["offsite"],
        "is_locked": places["protected"],
        "lock_is_over": places["is_over"].astype("boolean"),
        "locked_until": places["until"].where(places["protected"].fillna(False).to_numpy(dtype=bool)),
    }
    return conform(columns, SPEC)[0]


TABLE: Final = Derived(
    SPEC,
    protection.TABLE.sources,
    _make,
    also=protection.TABLE.also,
    site_parts=protection.TABLE.site_parts,
)
