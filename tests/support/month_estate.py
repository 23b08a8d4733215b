"""Snapshots of hand-made sessions, and what a history keeps of them, for tests of months.

    runs = [part_of(snapshot_at(sessions, since="2026-10-01", until="2026-11-01", now="2026-11-02"))]
    runs_of_month("2026-10", BERLIN, runs)

Sessions are `(job, start, minutes, result)`; what a reading at `now` shows of them, and on which side of the period
they stand, follows from its clock.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from vbr_audit.checks.own.own_checks import known_checks
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, Manifest, RunRecord, ServerRecord
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.findings.evaluation import evaluate
from vbr_audit.findings.results import Results
from vbr_audit.histories import daily, evidence, protection
from vbr_audit.histories.evidence import RunTables
from vbr_audit.tables.build.schema import conform
from vbr_audit.tables.job_runs import LEAD

BERLIN = ZoneInfo("Europe/Berlin")
Session = tuple[str, dt.datetime, float, str]
Rows = Sequence[Mapping[str, Any]]

JOB = {
    "type": "VSphereBackup",
    "settings_profile": "1.3-rev1/VSphereBackup",
    "seen_in": "jobs",
    "is_disabled": False,
    "is_scheduled": True,
    "expected_to_run": True,
    "retry_enabled": False,
    "retry_count": 0,
    "backup_window_enabled": False,
    "schedule_daily_enabled": True,
    "schedule_daily_kind": "Everyday",
    "schedule_daily_time": "22:00",
    "schedule_monthly_enabled": False,
    "schedule_periodically_enabled": False,
    "schedule_continuously_enabled": False,
    "schedule_after_job_enabled": False,
    "start_interval_h": 24,
    "retention_type": "Days",
    "retention_quantity": 400,
}
"""A job that starts each day at 22:00 by the clock of its server."""


def moment(text: str | dt.datetime, zone: dt.tzinfo = BERLIN) -> dt.datetime:
    """`2026-10-01`, or with a time, on the clock of `zone`."""
    return text if isinstance(text, dt.datetime) else dt.datetime.fromisoformat(text).replace(tzinfo=zone)


def nightly(first: str, last: str, *, job: str = "A", time: str = "22:00", skip: Iterable[str] = ()) -> list[Session]:
    """A good run of half an hour on each night from `first` to `last`, but on those to skip."""
    begin, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    days = [begin + dt.timedelta(days=number) for number in range((end - begin).days + 1)]
    return [(job, moment(f"{day}T{time}"), 30.0, "Success") for day in days if str(day) not in set(skip)]


def frame_of(name: str, rows: Rows) -> pd.DataFrame:
    """Plain rows as the table `name`."""
    names = dict.fromkeys(key for row in rows for key in row)
    cells = {key: [row.get(key) for row in rows] for key in names}
    plain = {
        key: [cell.isoformat() if isinstance(cell, dt.datetime) else cell for cell in column]
        for key, column in cells.items()
    }
    return conform(plain, SPECS[name])[0]


def session_row(session: Session, now: dt.datetime, server: str) -> dict[str, Any]:
    """What a reading at `now` shows of a session."""
    job, start, minutes, result = session
    start, end = start.astimezone(dt.UTC), start.astimezone(dt.UTC) + dt.timedelta(minutes=minutes)
    done = end <= now
    return {
        "server": server,
        "session_id": f"{job} {start:%m-%dT%H:%M}",
        "name": f"Job {job}",
        "job_id": f"id-{job}",
        "session_type": "BackupJob",
        "state": "Stopped" if done else "Working",
        "result": result if done else "None",
        "created": start,
        "ended": end if done else None,
    }


def snapshot_at(
    sessions: Iterable[Session],
    *,
    since: str | dt.datetime,
    until: str | dt.datetime,
    now: str | dt.datetime,
    timezone: str = "Europe/Berlin",
    server_zone: str = "Europe/Berlin",
    oldest: str | dt.datetime = "2026-01-01",
    jobs: Mapping[str, Mapping[str, Any]] | None = None,
    status: Mapping[str, str] | None = None,
    server: str = "vbr01",
    vbr_id: str | None = "11111111-1111-1111-1111-111111111111",
    tables: Mapping[str, Rows] | None = None,
) -> Snapshot:
    """What a reading at `now` of a period shows of a server with these sessions; datasets are complete by default."""
    begin, end, clock = (moment(each).astimezone(dt.UTC) for each in (since, until, now))
    seen = [session for session in sessions if session[1] <= clock]
    inside = [session for session in seen if begin <= session[1] < end]
    beside = [session for session in seen if begin - LEAD <= session[1] < begin or session[1] >= end]
    listed = {"A": {}} if jobs is None else jobs
    old = moment("2026-01-01").astimezone(dt.UTC)
    rows: dict[str, Rows] = {
        "jobs": [
            {"server": server, "job_id": f"id-{name}", "name": f"Job {name}"} | JOB | dict(more)
            for name, more in listed.items()
        ],
        "sessions": [session_row(session, clock, server) for session in inside],
        "edge_sessions": [session_row(session, clock, server) for session in beside],
        "session_history": [{"server": server, "oldest_session": moment(oldest).astimezone(dt.UTC)}],
        "backups": [
            {"server": server, "backup_id": f"b-{name}", "job_id": f"id-{name}", "created": old} for name in listed
        ],
    }
    rows |= dict(tables or {})
    manifest = _manifest(rows, begin, end, clock, timezone, server_zone, status or {}, server, vbr_id)
    frames = {name: frame_of(name, own) for name, own in rows.items()}
    return Snapshot.from_tables(frames, now=clock, since=begin, until=end, manifest=manifest)


def _manifest(
    rows: Mapping[str, Rows],
    since: dt.datetime,
    until: dt.datetime,
    now: dt.datetime,
    timezone: str,
    server_zone: str,
    status: Mapping[str, str],
    server: str,
    vbr_id: str | None,
) -> Manifest:
    names = {*rows, "restore_points", "backup_objects", "backup_files", "task_sessions", "job_states"} - {
        "edge_sessions"
    }
    asked = {"revision": "1.3-rev1", "started": now, "ended": now}
    records = [
        DatasetRecord(
            server=server,
            name=name,
            path=f"/api/v1/{name}",
            status=DatasetStatus(status.get(name, "complete")),
            reason="403" if name in status else None,
            sha256=hashlib.sha256(str(rows.get(name)).encode()).hexdigest(),
            **asked,
        )
        for name in sorted(names)
    ]
    record = ServerRecord(
        name=server, url="https://vbr", revision="1.3-rev1", revision_newest="1.3-rev1", vbr_id=vbr_id, account="a",
        server_time=now, zone=server_zone, zone_source="server (ianaTimeZoneId)", tls="verified", verified=True,
    )  # fmt: skip
    run = RunRecord(
        now=now, since=since, until=until, timezone=timezone, timezone_source="given", tool_version="0",
    )  # fmt: skip
    return Manifest(run=run, servers=[record], datasets=records)


@cache
def judged(policy: str = "") -> Results:
    """The results of a run without objects, under a policy of this text: only its promises count here."""
    nothing = Snapshot.from_tables({}, now=moment("2026-11-01"), since=moment("2026-10-01"), until=moment("2026-11-01"))
    return evaluate(nothing, known_checks().policy(policy or "version: 1\n"), frameworks=())


def promising(rate: float) -> Results:
    """The results of a run whose policy requires this success rate."""
    return judged(f"version: 1\nchecks:\n  RUN-005: {{params: {{warn_rate: {rate}, min_rate: {rate}}}}}\n")


def part_of(snapshot: Snapshot, results: Results | None = None) -> RunTables:
    """What a history keeps of a run for its months."""
    results = results or judged()
    tables = {
        evidence.SPEC.name: evidence.evidence_daily(snapshot),
        daily.SPEC.name: daily.job_runs_daily(snapshot, results),
        daily.OPEN_SPEC.name: daily.open_runs(snapshot),
        daily.CARRIED_SPEC.name: daily.carried_runs(snapshot),
    }
    return RunTables(snapshot.manifest.run_id, snapshot.now, tables)


def protecting(
    points: Mapping[str, Iterable[dt.datetime]], *, now: str | dt.datetime, server: str = "vbr01", kept_days: int = 400
) -> dict[str, Rows]:
    """The tables of backups of objects with restore points at these instants; each object has a job and a backup.

    A reading at `now` finds the points of the last `kept_days`.
    """
    clock = moment(now).astimezone(dt.UTC)
    begun = clock - dt.timedelta(days=kept_days)
    held = {name: [at for at in sorted(own) if begun <= at <= clock] for name, own in points.items()}
    old = moment("2025-01-01").astimezone(dt.UTC)
    jobs = [
        {"server": server, "job_id": f"id-{name}", "name": f"Job {name}"} | JOB | {"retention_quantity": kept_days}
        for name in held
    ]
    backups = [
        {"server": server, "backup_id": f"b-{name}", "job_id": f"id-{name}", "name": f"Job {name}", "created": old}
        for name in held
    ]
    objects = [
        {
            "server": server,
            "backup_object_id": f"o-{name}",
            "backup_id": f"b-{name}",
            "object_id": f"vm-{name}",
            "name": name,
            "type": "VM",
            "platform": "VMware",
            "restore_points_count": len(own),
        }
        for name, own in held.items()
    ]
    rows = [
        {
            "server": server,
            "restore_point_id": f"{name} {at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S}",
            "backup_id": f"b-{name}",
            "name": name,
            "type": "Increment",
            "created": at.astimezone(dt.UTC),
        }
        for name, own in held.items()
        for at in own
    ]
    return {"jobs": jobs, "backups": backups, "backup_objects": objects, "restore_points": rows}


@cache
def gap_policy(hours: int) -> Any:
    """A policy that allows gaps of so many hours, and asks for nothing else."""
    aside = '  "*": {enabled: false, reason: not part of this test}'
    return known_checks().policy(
        f"version: 1\nchecks:\n{aside}\n  RPO-002: {{enabled: true, params: {{max_gap_hours: {hours}}}}}\n"
    )


def protected_part(snapshot: Snapshot, hours: int = 26, site: Any = None) -> RunTables:
    """What a history keeps of the restore points of a run, whose policy allows gaps of so many hours."""
    results = evaluate(snapshot, gap_policy(hours), site=site, frameworks=())
    tables = protection.protection_tables(snapshot, results)
    return RunTables(snapshot.manifest.run_id, snapshot.now, tables)
