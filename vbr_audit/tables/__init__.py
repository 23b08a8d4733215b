"""The server's answers as typed tables. Pure: decoded JSON in, DataFrames out; no HTTP, no files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from vbr_audit.tables import (
    agents,
    backups,
    hardening,
    history,
    infrastructure,
    keys,
    licence_use,
    mounts,
    provenance,
    replicas,
    repositories,
    scale_out,
    security,
    server_facts,
    server_info,
    server_settings,
    server_time,
    sessions,
    task_sessions,
)
from vbr_audit.tables.build.schema import TableBuilder, TableSpec
from vbr_audit.tables.jobs import settings as job_settings
from vbr_audit.tables.jobs import states as job_states
from vbr_audit.tables.jobs import table as jobs
from vbr_audit.tables.jobs.control_list import CONTROLS

__all__ = ["BUILDERS", "CONTROLS", "SPECS"]

_DECLARED: Final = (
    *server_facts.TABLES,
    *task_sessions.TABLES,
    *backups.TABLES,
    *replicas.TABLES,
    *repositories.TABLES,
    scale_out.REPOSITORIES,
    *infrastructure.TABLES,
    *keys.TABLES,
    *server_settings.TABLES,
    *security.TABLES,
    *agents.TABLES,
    *mounts.TABLES,
    *hardening.TABLES,
    *licence_use.TABLES,
)

SPECS: Final[dict[str, TableSpec]] = {
    spec.name: spec
    for spec in (
        jobs.SPEC,
        job_settings.SPEC,
        job_states.SPEC,
        sessions.SPEC,
        sessions.RESTORES,
        sessions.EDGES,
        history.SPEC,
        server_time.SPEC,
        server_info.SPEC,
        *(table.spec for table in _DECLARED),
        scale_out.EXTENTS.spec,
        provenance.SERVERS,
        provenance.DATASETS,
    )
}
"""Every table by name."""

BUILDERS: Final[dict[str, Callable[[str, dt.tzinfo | None], TableBuilder]]] = {
    "job_states": job_states.builder,
    "sessions": sessions.builder,
    "restore_sessions": sessions.restores_builder,
    "session_history": history.builder,
    **{table.name: table.builder for table in _DECLARED},
    "scale_out_extents": scale_out.Extents,
}
"""For each table that is built page by page: what gives a builder of it for a server's name and zone."""
