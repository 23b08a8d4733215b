"""The tables `settings` and `settings_read` of a run, made of its snapshot."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from vbr_audit.checks.drift.compare import SettingsOfRun
from vbr_audit.checks.drift.settings import (
    NARROWED,
    NOT_COLLECTED,
    READ_SPEC,
    SPEC,
    ServerId,
    settings_of_server,
    settings_read_of_server,
)
from vbr_audit.collection.manifest import DatasetStatus
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.tables.build.schema import conform, empty


@dataclass(frozen=True, eq=False)
class _ServerTables:
    """The tables of one server of a snapshot, and how far each was read."""

    snapshot: Snapshot
    name: str

    def frame(self, table: str) -> pd.DataFrame:
        """The rows of `table` of this server, on an index of their own."""
        frame = self.snapshot.tables[table]
        if frame.empty or self.snapshot.server_names == (self.name,):
            return frame
        return frame[frame["server"].eq(self.name).to_numpy(dtype=bool, na_value=False)].reset_index(drop=True)

    def status(self, dataset: str) -> tuple[str, str | None]:
        """How far `dataset` was read, and why no further."""
        record = self.snapshot.manifest.dataset(self.name, dataset)
        if record is None:
            return NOT_COLLECTED, None
        if dataset == "jobs" and self.snapshot.jobs_pattern is not None and record.status == DatasetStatus.COMPLETE:
            return NARROWED, f"jobs named {self.snapshot.jobs_pattern}"
        return str(record.status), record.reason


def settings_of(snapshot: Snapshot) -> pd.DataFrame:
    """The table `settings` of a run: one row per server, object and setting."""
    parts = [settings_of_server(server, _ServerTables(snapshot, server.name)) for server in servers_of(snapshot)]
    parts = [part for part in parts if len(part)]
    return conform(pd.concat(parts, ignore_index=True), SPEC)[0] if parts else empty(SPEC)


def settings_read_of(snapshot: Snapshot) -> pd.DataFrame:
    """The table `settings_read` of a run: one row per server and kind of object, with how far it was read."""
    servers = servers_of(snapshot)
    parts = [settings_read_of_server(server, _ServerTables(snapshot, server.name)) for server in servers]
    return conform(pd.concat(parts, ignore_index=True), READ_SPEC)[0] if parts else empty(READ_SPEC)


def settings_of_run(snapshot: Snapshot) -> SettingsOfRun:
    """Both tables of a run with its clock, as `drift_between` compares them."""
    hidden = snapshot.manifest.run.accounts_masked
    return SettingsOfRun(snapshot.now, settings_of(snapshot), settings_read_of(snapshot), hides_accounts=hidden)


def servers_of(snapshot: Snapshot) -> tuple[ServerId, ...]:
    """The servers of a run over time: by their own id, or by name where they reported none."""
    known = {record.name: record for record in snapshot.manifest.servers}
    ids = snapshot.manifest.server_ids
    names = dict.fromkeys((*known, *(record.server for record in snapshot.manifest.datasets)))
    for table in ("jobs", "job_settings"):
        names |= dict.fromkeys(snapshot.tables[table]["server"].dropna().unique().tolist())
    return tuple(
        ServerId(ids[name], name, known[name].revision) if name in known else ServerId(name, name) for name in names
    )
