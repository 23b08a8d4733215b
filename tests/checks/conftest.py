from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

from vbr_audit.checks.engine.registry import Registry
from vbr_audit.checks.policy.policy import Policy, load_policy
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, Manifest, RunRecord, ServerRecord
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.tables.build.schema import conform

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
SINCE = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
UNTIL = NOW
DATASETS = (
    *("jobs", "job_states", "sessions", "session_history", "server_time", "server_info"),
    *("backups", "restore_points"),
)

Rows = Sequence[Mapping[str, Any]]


def _frame(name: str, rows: Rows) -> Any:
    names = dict.fromkeys(key for row in rows for key in row)
    plain = {
        key: [cell.isoformat() if isinstance(cell, dt.datetime) else cell for cell in (row.get(key) for row in rows)]
        for key in names
    }
    return conform(plain, SPECS[name])[0]


def build_snapshot(
    *,
    servers: Iterable[str] = ("vbr01",),
    status: Mapping[tuple[str, str], str] | None = None,
    skipped: Iterable[str] = (),
    **tables: Rows,
) -> Snapshot:
    """A snapshot of plain rows; every dataset is complete unless `status` says otherwise or it is `skipped`."""
    records = [
        DatasetRecord(
            server=server,
            name=name,
            path=f"/api/v1/{name}",
            revision="1.3-rev1",
            status=DatasetStatus((status or {}).get((server, name), "complete")),
            reason=None if (status or {}).get((server, name), "complete") == "complete" else "403",
            started=NOW,
            ended=NOW,
            api_total=len(tables.get(name, ())),
            rows_received=len(tables.get(name, ())),
        )
        for server in servers
        for name in DATASETS
        if name not in skipped
    ]
    manifest = Manifest(
        run=RunRecord(now=NOW, since=SINCE, until=UNTIL, timezone="UTC", timezone_source="given", tool_version="0"),
        servers=[
            ServerRecord(
                name=server, url="https://x", revision="1.3-rev1", revision_newest="1.3-rev1", account="a", tls="system"
            )
            for server in servers
        ],
        datasets=records,
    )
    frames = {name: _frame(name, rows) for name, rows in tables.items()}
    return Snapshot.from_tables(frames, now=NOW, since=SINCE, until=UNTIL, manifest=manifest)


@pytest.fixture(scope="session")
def snapshot_of() -> Callable[..., Snapshot]:
    return build_snapshot


@pytest.fixture
def only() -> Callable[..., Policy]:
    """A policy over a registry of one's own, in which every check is enabled."""

    def make(registry: Registry) -> Policy:
        return load_policy("version: 1\n", registry=registry)

    return make


@pytest.fixture
def job() -> Callable[..., dict[str, Any]]:
    """A job of a known type, with the given settings."""

    def make(name: str = "Nightly", **settings: Any) -> dict[str, Any]:
        return {
            "server": "vbr01",
            "job_id": f"id-of-{name}",
            "name": name,
            "type": "VSphereBackup",
            "settings_profile": "1.3-rev1/VSphereBackup",
            "seen_in": "jobs+job_states",
            **settings,
        }

    return make
