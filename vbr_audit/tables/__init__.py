"""The server's answers as typed tables. Pure: decoded JSON in, DataFrames out; no HTTP, no files."""

from __future__ import annotations

from typing import Final

from vbr_audit.tables import (
    history,
    job_settings,
    job_states,
    jobs,
    provenance,
    server_info,
    server_time,
    sessions,
)
from vbr_audit.tables.control_list import CONTROLS
from vbr_audit.tables.schema import TableSpec

__all__ = ["CONTROLS", "SPECS"]

SPECS: Final[dict[str, TableSpec]] = {
    spec.name: spec
    for spec in (
        jobs.SPEC,
        job_settings.SPEC,
        job_states.SPEC,
        sessions.SPEC,
        history.SPEC,
        server_time.SPEC,
        server_info.SPEC,
        provenance.SERVERS,
        provenance.DATASETS,
    )
}
"""Every table by name."""
