"""The tables `offload_sessions` and `scale_out_offloads`: what brought backups to the capacity and archive tiers.

They go up to the moment of reading, independent of the period: whether a copy is there is a question of now.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived.material import Derived, Material
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.three_valued import Cells, number_of, one_of, places_of, surely, surely_one, taken, texts
from vbr_audit.revisions import KNOWN, is_at_least
from vbr_audit.tables.build.arrays import are_known, are_missing
from vbr_audit.tables.build.enums import ENDED_RESULTS, GOOD_RESULTS
from vbr_audit.tables.build.schema import Column, Sheet, TableSpec, conform
from vbr_audit.tables.job_runs import joined

OFFLOADS: Final = ("ArchiveBackup", "ArchiveCopy", "ArchiveFreezing", "ArchiveSync")
"""The kinds of session that bring backups to a further tier; named from 1.3-rev0 on, none before."""

SPEC: Final = TableSpec(
    "offload_sessions",
    ("session_id",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("session_id", "string", "The session.", holds="id"),
        Column("name", "string", "The session's name.", holds="job"),
        Column("session_type", "string", "ArchiveBackup, ArchiveCopy, ArchiveFreezing or ArchiveSync.", holds="word"),
        Column(
            "scale_out_repository_id",
            "string",
            "The scale-out repository: the resource that the session names, else the one whose name starts the session "
            "name, else the only one with a capacity or archive tier; NA if none of these determines it.",
            holds="id",
        ),
        Column("scale_out_repository", "string", "The name of the scale-out repository.", holds="repository"),
        Column("state", "string", "Stopped if the session has ended.", holds="word"),
        Column("result", "string", "Success, Warning, Failed, or the word None.", holds="word"),
        Column("result_message", "string", "The server's message about the result.", holds="server text"),
        Column("created", "datetime", "When the session started."),
        Column("ended", "datetime", "When the session ended; NaT while it runs."),
    ),
    "One row per session that moved or copied backups to a capacity or archive tier, from the days before the period "
    "to the time of collection.",
    sheet=Sheet(
        first=("server", "scale_out_repository", "name", "session_type", "result", "created", "ended", "result_message")
    ),
)

_NAMED: Final = tuple(revision for revision in KNOWN if is_at_least(revision, "1.3-rev0"))

BY_REPOSITORY: Final = TableSpec(
    "scale_out_offloads",
    ("scale_out_repository_id",),
    (
        Column("server", "string", "The server.", holds="server"),
        Column("scale_out_repository_id", "string", "The scale-out repository.", holds="id"),
        Column("offloads_count", "Int64", "Its finished offload sessions.", "sessions"),
        Column("failed_count", "Int64", "Finished offload sessions that failed.", "sessions"),
        Column("good_count", "Int64", "Finished offload sessions that succeeded.", "sessions"),
        Column(
            "last_result",
            "string",
            "The result of the newest finished one; NA for none, or if a newer one may have finished.",
            holds="word",
        ),
        Column("last_good", "datetime", "When the newest successful one started; NaT for none."),
        Column("is_clear", "boolean", "No other session can be a successful offload of it."),
        Column("seen_since", "datetime", "The time from which its offloads were read; NaT if the server names none."),
    ),
    "One row per scale-out repository: the results of its offload sessions.",
)


def _make(material: Material) -> pd.DataFrame:
    sessions, edges = material.frame("sessions"), material.frame("edge_sessions")
    chosen = surely_one(material.text("sessions", "session_type"), *OFFLOADS)
    offloads = joined(sessions[chosen], edges[surely_one(edges["session_type"], *OFFLOADS)]).reset_index(drop=True)
    columns: dict[str, Any] = {name: offloads[name].array for name in SPEC.names if name in offloads}
    target = texts(_targets(material, offloads), offloads.index)
    owners = material.frame("scale_out_repositories")
    columns["scale_out_repository_id"] = target.array
    columns["scale_out_repository"] = taken(
        owners["name"], places_of(target, owners["scale_out_repository_id"]), offloads.index
    ).array
    return conform(columns, SPEC)[0]


def _targets(material: Material, offloads: pd.DataFrame) -> Cells:
    """The scale-out repository of each session, as an object array of `str` and NA."""
    scale_out = material.frame("scale_out_repositories").dropna(subset=["scale_out_repository_id"])
    ids = dict.fromkeys(scale_out["scale_out_repository_id"].tolist())
    tiered = scale_out["capacity_tier_enabled"].fillna(True) | scale_out["archive_tier_enabled"].fillna(True)
    only = scale_out["scale_out_repository_id"][tiered.to_numpy(dtype=bool)].tolist()
    whole = material.is_whole("scale_out_repositories") and len(only) == 1
    named = [(str(name), key) for name, key in zip(scale_out["name"], ids, strict=False) if isinstance(name, str)]
    # The longest name first: "SOBR 1 east" begins with "SOBR 1" too.
    named.sort(key=lambda pair: -len(pair[0]))
    titles = codes_of(offloads["name"])
    by_name = [next((key for name, key in named if text.startswith(name)), None) for text in titles.texts.tolist()]
    rows: Cells = titles.spread(by_name, object, missing=None)
    for place, resource in enumerate(offloads["resource_id"].tolist()):
        target = resource if resource in ids else rows[place]
        rows[place] = target if target is not None else only[0] if whole else pd.NA
    return rows


def _by_repository(material: Material) -> pd.DataFrame:
    repositories, offloads = material.frame("scale_out_repositories"), material.frame("offload_sessions")
    ids, index = repositories["scale_out_repository_id"], repositories.index
    owner, started = places_of(offloads["scale_out_repository_id"], ids), offloads["created"]
    result, dated = offloads["result"], are_known(started)
    ended = surely(one_of(result, ENDED_RESULTS))
    good = surely(one_of(result, GOOD_RESULTS))
    # A session of nobody, without a date or a result may be the newest one of any.
    unclear = (owner < 0) | ~dated | are_missing(result)
    nobody = bool((owner < 0).any()) or not material.is_whole("sessions")
    clear = np.logical_and(not nobody, (number_of(owner, unclear, index) == 0).to_numpy(dtype=bool))
    last = _newest(owner, ended & dated, started, len(index))
    best = _newest(owner, good & dated, started, len(index))
    columns: dict[str, Any] = {
        "server": repositories["server"].array,
        "scale_out_repository_id": ids.array,
        "offloads_count": number_of(owner, ended, index).array,
        "failed_count": number_of(owner, ended & surely(result == "Failed"), index).array,
        "good_count": number_of(owner, good & dated, index).array,
        "last_result": taken(result, last, index).where(clear).array,
        "last_good": taken(started, best, index).array,
        "is_clear": pd.array(clear, dtype="boolean"),
        "seen_since": pd.Series(_seen_since(material), index=index),
    }
    return conform(columns, BY_REPOSITORY)[0]


def _newest(owner: Cells, chosen: Cells, started: pd.Series, count: int) -> Cells:
    """The row of the newest of the chosen sessions of each owner, -1 for none."""
    rows = np.flatnonzero(chosen & (owner >= 0))
    rows = rows[np.argsort(started.iloc[rows].to_numpy(), kind="stable")]
    last = np.full(count, -1)
    last[owner[rows]] = rows
    return last


def _seen_since(material: Material) -> Any:
    """From when on the offloads of the server were read; NaT where it names none, or remembers no such sessions."""
    if not surely_one(material.frame("servers")["revision"], *_NAMED).any() or not material.is_whole("sessions"):
        return pd.NaT
    since, oldest = pd.Timestamp(material.since), material.frame("edge_sessions")["created"].min()
    return since if oldest is pd.NaT else min(since, oldest)


TABLE: Final = Derived(SPEC, ("sessions",), _make, also=("scale_out_repositories",))
BY_REPOSITORY_TABLE: Final = Derived(BY_REPOSITORY, ("scale_out_repositories", "sessions"), _by_repository)
