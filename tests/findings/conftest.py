from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, Manifest, RunRecord, ServerRecord
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.tables.build.schema import conform

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
SINCE = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
UNTIL = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)

GOOD = {
    "type": "VSphereBackup",
    "settings_profile": "1.3-rev1/VSphereBackup",
    "seen_in": "jobs+job_states",
    "is_disabled": False,
    "is_scheduled": True,
    "expected_to_run": True,
    "retry_enabled": True,
    "retry_count": 3,
    "retention_type": "Days",
    "retention_quantity": 14,
    "gfs_enabled": True,
    "gfs_level_enabled": True,
    "encryption_enabled": True,
    "health_check_enabled": True,
    "health_check_scheduled": True,
    "app_aware_enabled": True,
}


@pytest.fixture(scope="session")
def estate() -> Callable[..., Snapshot]:
    """A server with good jobs, each run once, but for what a test changes.

    `jobs` maps a job's name to the settings that differ; `status` gives datasets another status than complete.
    """

    def make(
        jobs: dict[str, dict[str, Any]] | None = None,
        *,
        status: dict[str, str] | None = None,
        now: dt.datetime = NOW,
        interrupted: bool = False,
        jobs_pattern: str | None = None,
    ) -> Snapshot:
        names = {"Payroll DB": {}, "Files HQ": {}} if jobs is None else jobs
        rows: dict[str, list[dict[str, Any]]] = {"jobs": [], "job_states": [], "sessions": []}
        for name, other in names.items():
            key = {"server": "vbr01", "job_id": f"id-{name}", "name": name}
            ran = (now - dt.timedelta(hours=9)).isoformat()
            rows["jobs"].append(key | GOOD | other)
            rows["job_states"].append(key | {"last_result": "Success", "last_run": ran})
            rows["sessions"].append(
                key
                | {
                    "session_id": f"s-{name}",
                    "session_type": "BackupJob",
                    "state": "Stopped",
                    "result": "Success",
                    "created": "2026-10-31T21:00:00Z",
                }
            )
        rows["session_history"] = [{"server": "vbr01", "oldest_session": "2026-01-01T00:00:00Z"}]
        counts = {name: len(table) for name, table in rows.items()} | {"server_time": 1, "server_info": 1}
        counts |= {"backups": 0, "restore_points": 0}
        records = [
            DatasetRecord(
                server="vbr01",
                name=name,
                path=f"/api/v1/{name}",
                revision="1.3-rev1",
                status=DatasetStatus((status or {}).get(name, "complete")),
                reason="403" if name in (status or {}) else None,
                started=now,
                ended=now,
                api_total=count,
                rows_received=count,
                rows_kept=count,
            )
            for name, count in counts.items()
        ]
        run = RunRecord(
            now=now,
            since=SINCE,
            until=UNTIL,
            timezone="UTC",
            timezone_source="given",
            tool_version="0",
            jobs_pattern=jobs_pattern,
        )
        server = ServerRecord(
            name="vbr01", url="https://x", revision="1.3-rev1", revision_newest="1.3-rev1", account="a", tls="system"
        )
        manifest = Manifest(run=run, servers=[server], datasets=records, interrupted=interrupted)
        frames = {}
        for name, table in rows.items():
            columns = dict.fromkeys(key for row in table for key in row)
            frames[name] = conform({key: [row.get(key) for row in table] for key in columns}, SPECS[name])[0]
        return Snapshot.from_tables(frames, now=now, since=SINCE, until=UNTIL, manifest=manifest)

    return make
