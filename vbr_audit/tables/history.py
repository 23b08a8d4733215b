"""The table `session_history`: how far back the server remembers its sessions."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from vbr_audit.tables import sessions
from vbr_audit.tables.build.schema import Column, Sheet, TableResult, TableSpec, conform

SPEC: Final = TableSpec(
    name="session_history",
    key=("server",),
    help="One row per server that has any session: the oldest one.",
    columns=(
        Column("server", "string", "The server's name in this run.", holds="server"),
        Column("oldest_session_id", "string", "The id of the oldest session.", holds="id"),
        Column("oldest_session", "datetime", "When the oldest session started."),
    ),
    sheet=Sheet("Oldest session"),
)


class OldestSession:
    """Builds `session_history` of one server from rows of `/sessions`, whatever their order."""

    def __init__(self, server: str, zone: dt.tzinfo | None = None) -> None:
        self._sessions = sessions.builder(server, zone)

    def add(self, rows: list[Any]) -> None:
        """Take the decoded rows of one page."""
        self._sessions.add(rows)

    def finish(self) -> TableResult:
        """One row with the oldest session, or with NaT if no date could be read; no row if there is no session."""
        built = self._sessions.finish()
        oldest = built.frame.sort_values("created", kind="stable", na_position="last").head(1)
        columns = {"server": oldest["server"], "oldest_session_id": oldest["session_id"]}
        frame, _ = conform(columns | {"oldest_session": oldest["created"]}, SPEC)
        return TableResult(frame, built.notes)


def builder(server: str, zone: dt.tzinfo | None = None) -> OldestSession:
    """A builder of `session_history` for one server, whose zone is `zone`."""
    return OldestSession(server, zone)
