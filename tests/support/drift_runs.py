"""Runs of a few settings, for tests of what changed between them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from vbr_audit.checks.drift.compare import SettingsOfRun
from vbr_audit.checks.drift.settings import READ_SPEC, SPEC
from vbr_audit.tables.build.schema import conform

EARLIER = dt.datetime(2026, 10, 1, 6, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
KINDS = ("job", "repository", "scale-out repository", "email settings", "users", "traffic rule")


def row(control: str, value: Any = ..., **columns: Any) -> dict[str, Any]:
    """One row of `settings`: of the job Nightly, unless `columns` says otherwise; no value is an unknown one."""
    known = {
        "server_id": "vbr-1",
        "server": "vbr01",
        "revision": "1.3-rev1",
        "object_type": "job",
        "object_id": "j1",
        "object_name": "Nightly",
        "control": control,
        "json_path": f"path.of.{control}",
        "supported": True,
        "value": None if value is ... else orjson.dumps(value).decode(),
    }
    return known | columns


def make_run(
    rows: Iterable[Mapping[str, Any]],
    now: dt.datetime = LATER,
    *,
    status: Mapping[str, str] | None = None,
    servers: Iterable[tuple[str, str]] = (("vbr-1", "vbr01"),),
    revision: str = "1.3-rev1",
    hides_accounts: bool = False,
) -> SettingsOfRun:
    """The settings of a run that read all kinds of objects, unless `status` says otherwise."""
    rows = list(rows)
    kinds = dict.fromkeys((*KINDS, *(each["object_type"] for each in rows)))
    read = [
        {
            "server_id": server,
            "server": name,
            "revision": revision,
            "object_type": kind,
            "status": (status or {}).get(kind, "complete"),
            "reason": "403" if kind in (status or {}) else None,
        }
        for server, name in servers
        for kind in kinds
    ]
    columns = {name: [each.get(name) for each in rows] for name in SPEC.names}
    columns_of_read = {name: [each.get(name) for each in read] for name in READ_SPEC.names}
    return SettingsOfRun(
        now, conform(columns, SPEC)[0], conform(columns_of_read, READ_SPEC)[0], hides_accounts=hides_accounts
    )
