"""The table `offload_sessions`: what moved or copied backups to the capacity and archive tiers."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from vbr_audit.checks.codes import codes_of
from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.checks.logic import Cells, surely_one, texts
from vbr_audit.tables.schema import Column, TableSpec, conform

OFFLOADS: Final = ("ArchiveBackup", "ArchiveCopy", "ArchiveFreezing", "ArchiveSync")
"""The kinds of session that bring backups to a further tier; named from 1.3-rev0 on, none before."""

SPEC: Final = TableSpec(
    "offload_sessions",
    ("session_id",),
    (
        Column("server", "string", "The server."),
        Column("session_id", "string", "The session."),
        Column("name", "string", "The session's name."),
        Column("session_type", "string", "ArchiveBackup, ArchiveCopy, ArchiveFreezing or ArchiveSync."),
        Column(
            "scale_out_repository_id",
            "string",
            "The scale-out repository: what the session names as its resource, else the one whose name the session's "
            "begins with, else the only one with a capacity or archive tier; NA where none of that tells.",
        ),
        Column("state", "string", "Stopped when it has ended."),
        Column("result", "string", "Success, Warning, Failed, or the word None."),
        Column("result_message", "string", "The server's words on the result."),
        Column("created", "datetime", "When it started."),
        Column("ended", "datetime", "When it ended; NaT while it runs."),
    ),
    "One row per session that took backups to a capacity or archive tier in the period.",
)


def _make(material: Material) -> pd.DataFrame:
    sessions = material.frame("sessions")
    chosen = surely_one(material.text("sessions", "session_type"), *OFFLOADS)
    found = sessions[chosen].reset_index(drop=True)
    columns: dict[str, Any] = {name: found[name].array for name in SPEC.names if name in found}
    columns["scale_out_repository_id"] = texts(_targets(material, found), found.index).array
    return conform(columns, SPEC)[0]


def _targets(material: Material, found: pd.DataFrame) -> Cells:
    """The scale-out repository of each session, as an object array of `str` and NA."""
    scale_out = material.frame("scale_out_repositories").dropna(subset=["scale_out_repository_id"])
    ids = dict.fromkeys(scale_out["scale_out_repository_id"].tolist())
    tiered = scale_out["capacity_tier_enabled"].fillna(True) | scale_out["archive_tier_enabled"].fillna(True)
    only = scale_out["scale_out_repository_id"][tiered.to_numpy(dtype=bool)].tolist()
    whole = material.is_whole("scale_out_repositories") and len(only) == 1
    named = [(str(name), key) for name, key in zip(scale_out["name"], ids, strict=False) if isinstance(name, str)]
    # The longest name first: "SOBR 1 east" begins with "SOBR 1" too.
    named.sort(key=lambda pair: -len(pair[0]))
    titles = codes_of(found["name"])
    by_name = [next((key for name, key in named if text.startswith(name)), None) for text in titles.texts.tolist()]
    rows: Cells = titles.spread(by_name, object, missing=None)
    for place, resource in enumerate(found["resource_id"].tolist()):
        told = resource if resource in ids else rows[place]
        rows[place] = told if told is not None else only[0] if whole else pd.NA
    return rows


TABLE: Final = Derived(SPEC, ("sessions",), _make, also=("scale_out_repositories",))
