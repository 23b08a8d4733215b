"""A small invented run, to try templates on: every state, names that mean harm, evidence that is not whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final
from uuid import UUID

from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.checks.site import load_site
from vbr_audit.collection.assemble import ServerTables, Terms, join
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, Manifest, RunRecord, ServerRecord
from vbr_audit.collection.scope import Scope
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import DATASETS
from vbr_audit.findings.evaluation import evaluate
from vbr_audit.findings.waivers import load_waivers
from vbr_audit.reports.brand import Brand
from vbr_audit.reports.context import ReportContext, build_context

NOW: Final = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)
SINCE: Final = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
UNTIL: Final = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
REVISION: Final = "1.3-rev1"
HARM: Final = "<script>alert(1)</script> \"quoted\" & 'single' {{ 7 * 7 }} \u202e=1+1"
"""A name of somebody who means harm."""

_JOBS: Final = ("Files HQ", "Payroll", f"Mail {HARM}", "Lab")
_BRAND: Final = Brand("Example & Sons", "", "#0a529c", "#ffffff", "#0a529c", "#6c97c4")
_SITE = 'version: 1\nrepositories: [{match: "Vault*", tags: [offsite, offline]}]\ntiers: [{name: gold, jobs: ["*"]}]\n'
_WAIVERS = """\
version: 1
waivers:
  - {id: W-1, check: "JOB-*", object_name: "Files*", owner: Head of IT, reason: "moves in May", expires: 2026-11-20}
  - {id: W-2, check: "JOB-*", object_name: "Lab*", owner: "<b>Lab</b>", reason: "=1+1", expires: 2026-10-15}
  - {id: W-3, check: JOB-004, object_name: "nothing like it", owner: Nobody, reason: "gone", expires: 2027-01-20}
"""


@cache
def example_context() -> ReportContext:
    """The context of the invented run: two servers, of which the second refused most of what was asked."""
    servers = ("vbr01.example", f"vbr02 {HARM}")
    snapshot = _snapshot(servers)
    results = evaluate(snapshot, load_policy(), load_waivers(_WAIVERS), load_site(_SITE))
    return build_context(snapshot, results, title="Backup compliance, an example", brand=_BRAND)


def _snapshot(servers: tuple[str, ...]) -> Snapshot:
    records, parts = [], []
    for number, server in enumerate(servers):
        refused = number > 0
        tables = ServerTables(server)
        for name, rows in _rows().items():
            if not refused or name in ("jobs", "job_states"):
                tables.accept(name, rows)
        terms = Terms(Scope(SINCE, UNTIL, None), REVISION, REVISION)
        parts.append(tables.finish(terms)[0])
        records += [_record(server, name, refused=refused) for name in DATASETS]
    manifest = Manifest(
        run=RunRecord(
            now=NOW,
            since=SINCE,
            until=UNTIL,
            timezone="UTC",
            timezone_source="given",
            policy_name="default profile",
            tool_version="0",
            note=f"An invented run {HARM}",
        ),
        servers=[_server(server, verified=not number) for number, server in enumerate(servers)],
        datasets=records,
        warnings=[f"A warning {HARM}"],
    )
    return Snapshot.from_tables(join(parts), now=NOW, since=SINCE, until=UNTIL, manifest=manifest)


def _server(name: str, *, verified: bool) -> ServerRecord:
    return ServerRecord(
        name=name,
        url=f"https://{name.split(maxsplit=1)[0]}:9419",
        revision=REVISION,
        revision_newest="1.3-rev2",
        build="13.0.1.180",
        account=f"auditor {HARM}",
        role="Backup Viewer",
        clock_skew_s=-90.0,
        server_time=NOW,
        tls="system certificate store" if verified else "NOT VERIFIED (--insecure)",
        verified=verified,
    )


def _record(server: str, name: str, *, refused: bool) -> DatasetRecord:
    rows = _rows().get(name, [])
    status = DatasetStatus.DENIED if refused and name not in ("jobs", "job_states") else DatasetStatus.COMPLETE
    is_whole = status is DatasetStatus.COMPLETE
    notes = {"unknown_values": {"state": {HARM: 3}}, "naive_dates": {"created": 1}} if name == "sessions" else {}
    return DatasetRecord(
        server=server,
        name=name,
        path=DATASETS[name].path,
        query={"orderColumn": "Name"},
        revision=REVISION,
        pages=1 if is_whole else 0,
        api_total=len(rows) if is_whole else None,
        rows_received=len(rows) if is_whole else 0,
        rows_kept=len(rows) if is_whole else 0,
        status=status,
        reason=None if is_whole else f"the role may not read it {HARM}",
        started=NOW,
        ended=NOW + dt.timedelta(seconds=4),
        bytes=12_345 if is_whole else 0,
        sha256="5f0c91ab" * 8 if is_whole else None,
        notes=notes,
    )


def _id(kind: int, number: int) -> str:
    return str(UUID(int=(kind << 64) + number + 1))


@cache
def _rows() -> Mapping[str, list[dict[str, Any]]]:
    """The answers of the server, by dataset."""
    return {
        "jobs": [_job(number, name) for number, name in enumerate(_JOBS)],
        "job_states": [
            {"id": _id(1, number), "name": name, "type": "VSphereBackup", "status": "Inactive", "lastResult": "Failed"}
            for number, name in enumerate(_JOBS)
        ],
        "sessions": list(_sessions()),
        "repositories": [
            {"id": _id(5, 0), "name": f"Main {HARM}", "type": "WinLocal"},
            {"id": _id(5, 1), "name": "Vault", "type": "LinuxHardened"},
        ],
        "repository_states": [
            _state(0, f"Main {HARM}", capacity=1000.0, free=40.0),
            _state(1, "Vault", capacity=-1.0, free=-1.0),
        ],
        "backups": [
            {
                "id": _id(6, 0),
                "jobId": _id(1, 0),
                "name": "Files HQ",
                "platformName": "VMware",
                "repositoryId": _id(5, 0),
            }
        ],
        "backup_objects": [
            {"id": _id(7, number), "name": name, "type": "VM", "platformName": "VMware", "backupId": _id(6, 0)}
            for number, name in enumerate(("files01", HARM))
        ],
    }


def _job(number: int, name: str) -> dict[str, Any]:
    on = bool(number % 2)
    return {
        "id": _id(1, number),
        "name": name,
        "type": "VSphereBackup" if number < 3 else "BackupOfTomorrow",
        "isDisabled": False,
        "storage": {
            "backupRepositoryId": _id(5, 0),
            "retentionPolicy": {"type": "Days", "quantity": 7 + number},
            "gfsPolicy": {"isEnabled": on, "weekly": {"isEnabled": on, "keepForNumberOfWeeks": 4}},
            "advancedSettings": {"storageData": {"encryption": {"isEnabled": on}}},
        },
        "schedule": {
            "runAutomatically": True,
            "daily": {"isEnabled": True},
            "retry": {"isEnabled": on, "retryCount": 3},
        },
    }


def _sessions() -> Iterator[dict[str, Any]]:
    for number in range(24):
        created = SINCE + dt.timedelta(hours=30 * number, minutes=5)
        yield {
            "id": _id(2, number),
            "name": _JOBS[number % len(_JOBS)],
            "jobId": _id(1, number % len(_JOBS)),
            "sessionType": "BackupJob",
            "state": "Stopped",
            "creationTime": created.isoformat(),
            "endTime": (created + dt.timedelta(minutes=12 + number)).isoformat(),
            "result": {"result": ("Success", "Warning", "Failed")[number % 3], "message": HARM, "isCanceled": False},
        }


def _state(number: int, name: str, *, capacity: float, free: float) -> dict[str, Any]:
    return {
        "id": _id(5, number),
        "name": name,
        "type": "WinLocal",
        "path": f"E:\\{HARM}",
        "capacityGB": capacity,
        "freeGB": free,
        "usedSpaceGB": 900.0,
        "isOnline": True,
    }
