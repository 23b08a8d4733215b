"""Judged runs that were made up, and run folders of them, without a server and without evidence."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

from vbr_audit.collection import run_folder
from vbr_audit.collection.files import sha256_of
from vbr_audit.collection.manifest import Manifest, RunRecord, ServerRecord
from vbr_audit.findings.compared import ASKED_SPEC, FINDINGS_SPEC, Judged, JudgedServer, history_keys
from vbr_audit.histories.archive import NewRun
from vbr_audit.histories.run_records import HistoryRecord, Point, RunServer
from vbr_audit.tables.build.schema import conform

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def judged(
    rows: list[dict[str, Any]],
    *,
    day: int = 0,
    asked: dict[str, dict[str, Any]] | None = None,
    server: str = "vbr01",
    revision: str = "1.3-rev1",
    policy: str = "p",
    scope: str = "",
) -> Judged:
    """A run of one server whose findings are `rows`; every check of a row was asked, whole, unless `asked` says so."""
    base = {
        "server_id": server, "server": server, "check_id": "JOB-001", "title": "t", "severity": "high",
        "object_type": "job", "status": "FAIL", "rule": "r", "cause": "c",
    }  # fmt: skip
    made = [{**base, "object_id": row.get("object_name", "a"), "object_name": "a", **row} for row in rows]
    for number, row in enumerate(made):
        row["finding_id"] = f"{row['check_id']}-{row['object_id']}-{number if row.get('twin') else ''}"
    data = {name: [row.get(name) for row in made] for name in FINDINGS_SPEC.names if name != "key"}
    frame = conform({"key": [None] * len(made), **data}, FINDINGS_SPEC)[0]
    frame["key"] = pd.array(
        history_keys(frame, frame["server_id"].to_numpy(dtype=object)), dtype=frame["finding_id"].dtype
    )
    counts: dict[str, int] = {}
    for row in made:
        counts[row["check_id"]] = counts.get(row["check_id"], 0) + 1
    told = {check: {"population": number, "whole": True} for check, number in counts.items()} | (asked or {})
    terms = [
        {"server_id": server, "check_id": check, "meaning": "1", "scope": scope, "revision": revision, **facts}
        for check, facts in told.items()
        if facts is not None
    ]
    coverage = conform({name: [term.get(name) for term in terms] for name in ASKED_SPEC.names}, ASKED_SPEC)[0]
    now = START + dt.timedelta(days=day)
    return Judged(
        run_id=f"run-{day}", now=now, timezone="UTC", since=now - dt.timedelta(days=30), until=now, policy_name="p",
        policy=policy, scope=scope, tool_version="1", servers=(JudgedServer(server, server, revision),), findings=frame,
        asked=coverage, known_checks=frozenset({"JOB-001", "JOB-002"}),
    )  # fmt: skip


def together(*runs: Judged) -> Judged:
    """One run about the servers of all of these, which were judged at the same time."""
    parts = {name: pd.concat([getattr(run, name) for run in runs], ignore_index=True) for name in ("findings", "asked")}
    servers = tuple(server for run in runs for server in run.servers)
    return dataclasses.replace(runs[0], servers=servers, **parts)


def made_run(place: Path, judged: Judged) -> NewRun:
    """A run folder in `place` that has only a manifest, and the run as it is added to a history."""
    place.mkdir(parents=True)
    run = RunRecord(
        now=judged.now, since=judged.since, until=judged.until, timezone="UTC", timezone_source="given",
        tool_version=judged.tool_version, note=hashlib.sha256(judged.findings.to_csv().encode()).hexdigest(),
    )  # fmt: skip
    servers = [
        ServerRecord(
            name=server.name, url=f"https://{server.name}:9419", revision=server.revision, vbr_id=server.server_id,
            revision_newest=server.revision, account="auditor", tls="verified", verified=True,
        )
        for server in judged.servers
    ]  # fmt: skip
    (place / run_folder.MANIFEST).write_bytes(Manifest(run=run, servers=servers).to_json())
    run_folder.seal(place)
    record = HistoryRecord(
        run_id=judged.run_id, content=sha256_of(place / run_folder.SUMS), now=judged.now, since=judged.since,
        until=judged.until, timezone=judged.timezone, tool_version=judged.tool_version, policy=judged.policy,
        policy_name=judged.policy_name, scope=judged.scope, known_checks=tuple(sorted(judged.known_checks)),
        servers=tuple(
            RunServer(server_id=each.server_id, name=each.name, revision=each.revision) for each in judged.servers
        ),
        point=Point(level="pass", failing={}, causes={}, counts={}),
    )  # fmt: skip
    return NewRun(place, record, judged)
