"""A small estate, read into a real snapshot and judged by the real checks, for the tests of the reports."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from core_checks import core_policy
from estates import audit_of, hostile
from shared import once

from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, Manifest, RunRecord, ServerRecord
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import DATASETS
from vbr_audit.errors import ConfigurationError
from vbr_audit.findings import Results, evaluate, load_waivers
from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext, build_context
from vbr_audit.reports.excel.workbook import write_workbook
from vbr_audit.reports.html.rendering import refuse_without_pdf
from vbr_audit.reports.interface import ReportOptions
from vbr_audit.tables import history, sessions
from vbr_audit.tables.jobs import states as job_states
from vbr_audit.tables.jobs import table as jobs

NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)
SINCE = dt.datetime(2026, 9, 30, 22, 0, tzinfo=dt.UTC)  # 1 October in Berlin
UNTIL = dt.datetime(2026, 10, 31, 23, 0, tzinfo=dt.UTC)  # 1 November in Berlin, an hour later: summer time ended
REVISION = "1.3-rev1"
NAMES = (
    *("Payroll DB", "Files HQ", "Lab VMs", "Exchange", "Web shop", "Domain controllers", "SAP production"),
    *("Build servers", "Archive", "Branch office Ulm", "Test systems", "Monitoring"),
)

Word = Callable[[str], str]
MakeRun = Callable[..., ReportContext]


@pytest.fixture(scope="session")
def weasyprint() -> None:
    """WeasyPrint comes with the extra `test`; a user's machine may lack a library of the system that it needs."""
    try:
        refuse_without_pdf()
    except ConfigurationError as error:
        pytest.skip(str(error))


def uuid(kind: int, index: int) -> str:
    return str(UUID(int=(kind << 64) + index + 1))


def job_document(index: int, word: Word) -> dict[str, Any]:
    """A job of a type that the map knows; every third has something wrong, every sixth is of an unknown type."""
    on = bool(index % 3)
    return {
        "id": uuid(1, index),
        "name": word(NAMES[index % len(NAMES)] + (f" {index}" if index >= len(NAMES) else "")),
        "type": "VSphereBackup" if index % 6 != 5 else word("ProxmoxBackup"),
        "isDisabled": index % 7 == 6,
        "description": word("Created in the console"),
        "storage": {
            "backupRepositoryId": uuid(5, 1),
            "retentionPolicy": {"type": word("RestorePoints"), "quantity": 3 + index},
            "gfsPolicy": {"isEnabled": on, "weekly": {"isEnabled": on, "keepForNumberOfWeeks": 4}},
            "advancedSettings": {
                "backupModeType": word("Incremental"),
                "backupHealth": {"isEnabled": on, "weekly": {"isEnabled": on}},
                "storageData": {"encryption": {"isEnabled": on}},
            },
        },
        "guestProcessing": {"appAwareProcessing": {"isEnabled": on}},
        "schedule": {
            "runAutomatically": index % 4 != 3,
            "daily": {"isEnabled": True},
            "retry": {"isEnabled": on, "retryCount": 3, "awaitMinutes": 10},
        },
    }


def state_document(index: int, word: Word) -> dict[str, Any]:
    return {
        "id": uuid(1, index),
        "name": word(NAMES[index % len(NAMES)]),
        "type": "VSphereBackup",
        "status": "Inactive",
        "lastResult": ("Success", "Warning", "Failed")[index % 3],
        "lastRun": "2026-10-31T20:00:00Z",
        "nextRun": "2026-11-01T20:00:00Z",
        "repositoryName": word("Main repository"),
        "objectsCount": 7,
        "description": word("x"),
    }


def session_document(index: int, job_count: int, word: Word) -> dict[str, Any]:
    created = SINCE + dt.timedelta(hours=19 * index % 743, minutes=index % 60)
    result = "Failed" if index % 11 == 3 else "Warning" if index % 5 == 4 else "Success"
    return {
        "id": uuid(2, index),
        "name": word(NAMES[index % max(job_count, 1) % len(NAMES)]),
        "jobId": uuid(1, index % max(job_count, 1)),
        "sessionType": "BackupJob",
        "state": "Stopped",
        "creationTime": created.isoformat().replace("+00:00", "Z"),
        "endTime": (created + dt.timedelta(minutes=12)).isoformat(),
        "progressPercent": 100,
        "result": {"result": result, "message": word("Job finished"), "isCanceled": False},
        "resourceReference": word("/api/v1/jobs/x"),
        "platformName": word("VMware"),
        "initiatedBy": word("SYSTEM"),
        "usn": index,
    }


def pages_to_table(builder: Any, rows: Sequence[Any]) -> Any:
    builder.add(list(rows))
    return builder.finish()


def dataset(server: str, name: str, rows: int, word: Word, **changes: Any) -> DatasetRecord:
    facts: dict[str, Any] = {
        "server": server,
        "name": name,
        "path": f"/api/v1/{name}",
        "query": {"orderColumn": word("Name")},
        "revision": REVISION,
        "pages": 1,
        "api_total": rows,
        "rows_received": rows,
        "rows_kept": rows,
        "status": "complete",
        "started": NOW,
        "ended": NOW + dt.timedelta(seconds=4),
        "bytes": 12_345,
        "sha256": "5f0c91ab" * 8,
    }
    return DatasetRecord(**(facts | changes))


def server_tables(server: str, job_count: int, session_count: int, word: Word) -> dict[str, Any]:
    states = pages_to_table(job_states.builder(server), [state_document(index, word) for index in range(job_count)])
    documents = [job_document(index, word) for index in range(job_count)]
    made = jobs.build_jobs(documents, states.frame, server=server, revision=REVISION, server_revision=REVISION)
    runs = pages_to_table(
        sessions.builder(server), [session_document(index, job_count, word) for index in range(session_count)]
    )
    oldest = [session_document(0, job_count, word) | {"creationTime": "2026-08-01T00:00:00Z"}]
    history_table = pages_to_table(history.builder(server), oldest).frame
    return {
        "jobs": made.jobs,
        "job_settings": made.job_settings,
        "job_states": states.frame,
        "sessions": runs.frame,
        "session_history": history_table,
    }


def manifest_of(
    servers: Sequence[str],
    rows: dict[str, int],
    word: Word,
    *,
    changes: dict[str, dict[str, Any]],
    tls: str,
    jobs_pattern: str | None,
) -> Manifest:
    notes = {
        "unknown_values": {word("state"): {word("Dreaming"): 3}},
        "unknown_fields": {word("newField"): 12},
        "naive_dates": {"created": 1},
        "missing_keys": 1,
    }
    return Manifest(
        run=RunRecord(
            now=NOW,
            since=SINCE,
            until=UNTIL,
            timezone="Europe/Berlin",
            timezone_source="given",
            jobs_pattern=jobs_pattern,
            policy_name=word("monthly.yaml"),
            policy_sha256="ab" * 32,
            waivers_sha256="cd" * 32,
            tool_version="1.2.3",
        ),
        servers=[
            ServerRecord(
                name=server,
                url=word(f"https://{server}:9419"),
                revision=REVISION,
                revision_newest="1.3-rev2",
                build=word("13.0.1.180"),
                vbr_id=uuid(9, 1),
                account=word("auditor"),
                role=word("Backup Viewer"),
                clock_skew_s=-90.0,
                server_time=NOW,
                tls=tls,
            )
            for server in servers
        ],
        datasets=[
            dataset(
                server, name, count, word, **({"notes": notes} if name == "sessions" else {}) | changes.get(name, {})
            )
            for server in servers
            for name, count in rows.items()
        ],
        warnings=[word("the server reports only its present offset")],
    )


WAIVERS = """\
version: 1
waivers:
  - {id: W-1, check: JOB-008, object_name: "*Exchange*", owner: Head of IT, reason: "moved in May", expires: 2027-01-31}
  - {id: W-2, check: JOB-004, object_name: "*Archive*", owner: Storage team, reason: "old", expires: 2026-10-15}
  - {id: W-3, check: JOB-004, object_name: "nothing like it", owner: Nobody, reason: "gone", expires: 2026-11-20}
"""


def same(text: str) -> str:
    return text


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """Build the context of a run; `word` changes every text that comes from outside."""

    def make(
        *,
        job_count: int = 12,
        session_count: int = 90,
        servers: Sequence[str] = ("vbr01.example",),
        word: Word = same,
        changes: dict[str, dict[str, Any]] | None = None,
        tls: str = "system certificate store",
        jobs_pattern: str | None = None,
        waivers: str | None = WAIVERS,
        policy: str | None = None,
        title: str | None = None,
    ) -> ReportContext:
        import pandas as pd

        names = [word(server) for server in servers]
        parts = [server_tables(name, job_count, session_count, word) for name in names]
        tables = {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}
        rows = {"jobs": job_count, "job_states": job_count, "sessions": session_count, "session_history": 1}
        rows |= {"backups": 0, "restore_points": 0}
        manifest = manifest_of(names, rows, word, changes=changes or {}, tls=tls, jobs_pattern=jobs_pattern)
        snapshot = Snapshot.from_tables(tables, now=NOW, since=SINCE, until=UNTIL, manifest=manifest)
        loaded = None
        if waivers is not None:
            path = tmp_path_factory.mktemp("waivers") / "waivers.yaml"
            path.write_text(waivers, encoding="utf-8")
            loaded = load_waivers(path)
        results: Results = evaluate(snapshot, load_policy(policy) if policy else core_policy(), loaded)
        return build_context(snapshot, results, title=title)

    return make


@pytest.fixture(scope="session")
def context(make_run: MakeRun) -> ReportContext:
    """The run of an estate where most is well."""
    return make_run()


@pytest.fixture(scope="session")
def run_of(make_run: MakeRun) -> MakeRun:
    """As `make_run`, each run made once for all tests, which change nothing of it."""
    made: dict[str, ReportContext] = {}

    def get(**options: Any) -> ReportContext:
        key = repr(sorted(options.items()))
        if key not in made:
            made[key] = make_run(**options)
        return made[key]

    return get


@pytest.fixture(scope="session")
def workbook(context: ReportContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook of the run of `context`, to be read only."""
    path = tmp_path_factory.mktemp("workbook") / "report.xlsx"
    write_workbook(context, path)
    return path


@pytest.fixture(scope="session")
def all_sheets(context: ReportContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook of the run of `context` with every table, to be read only."""

    def make(folder: Path) -> None:
        write_workbook(context, folder / "report.xlsx", ReportOptions(sheets="all"))

    return once(tmp_path_factory, "all-sheets", make) / "report.xlsx"


@pytest.fixture(scope="session")
def book(all_sheets: Path) -> openpyxl.Workbook:
    """That workbook, read whole, which takes as long as to write it; nobody changes it."""
    return openpyxl.load_workbook(all_sheets)


@pytest.fixture(scope="session")
def whole_context() -> ReportContext:
    """A whole simulated estate against the whole catalogue."""
    return audit_of().context


HOSTILE = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)><svg/onload=alert(1)></style></title></textarea>"
    "<a href=javascript:alert(1)>x</a>{{ 7 * 7 }}{% raw %}\u202e\x1b[31m\x00\x0b&lt;"
)


_WRITABLE = "".join(char for char in HOSTILE if char not in "\x00\x0b\x1b\u202e").replace('"', '\\"')
HOSTILE_WAIVERS = (
    "version: 1\nwaivers:\n"
    f'  - {{id: "w{_WRITABLE}", check: JOB-008, object_name: "*", owner: "{_WRITABLE}", reason: "{_WRITABLE}", '
    f'approved_by: "{_WRITABLE}", ticket: "{_WRITABLE}", expires: 2027-01-31}}\n'
    f'  - {{id: "v{_WRITABLE}", check: JOB-004, object_name: "{_WRITABLE}", owner: "{_WRITABLE}", '
    f'reason: "{_WRITABLE}", expires: 2026-10-31}}\n'
)


@pytest.fixture(scope="session")
def hostile_context(make_run: MakeRun) -> ReportContext:
    """A run where every text from outside tries to run, to break out or to reorder the line."""
    return make_run(
        word=lambda text: f"{HOSTILE}{text}",
        tls=HOSTILE,
        jobs_pattern=HOSTILE,
        waivers=HOSTILE_WAIVERS,
        title=f"Title {HOSTILE}",
        changes={"job_states": {"status": "partial", "reason": HOSTILE, "path": HOSTILE}},
    )


KEPT = re.compile(
    r"(^|_)(id|ids|key|type|state|status|result|kind|days|time|class|mode|server|revision|profile|in|by)$"
)
"""Columns whose words decide what is shown at all; every other text may be anything."""


@pytest.fixture(scope="session")
def hostile_whole_context() -> ReportContext:
    """An estate of every kind of thing, every text of every table, of its manifest and of its waivers hostile."""
    snapshot = audit_of(jobs=4, sessions=60).snapshot
    tables = {name: frame.copy() for name, frame in snapshot.tables.items()}
    for frame in tables.values():
        for column in frame.select_dtypes("string"):
            if not KEPT.search(column):
                frame[column] = (HOSTILE + frame[column]).astype(frame[column].dtype)
    run = snapshot.manifest.run.model_copy(
        update=dict.fromkeys(("policy_name", "timezone_source", "note", "tool_version", "jobs_pattern"), HOSTILE)
    )
    partial = {"status": DatasetStatus.PARTIAL, "reason": HOSTILE, "path": HOSTILE}
    datasets = [
        each.model_copy(update=partial) if each.name == "job_states" else each for each in snapshot.manifest.datasets
    ]
    servers = [
        server.model_copy(update=dict.fromkeys(("url", "build", "account", "role", "tls"), HOSTILE))
        for server in snapshot.manifest.servers
    ]
    parts = {"run": run, "servers": servers, "datasets": datasets, "warnings": [HOSTILE]}
    manifest = snapshot.manifest.model_copy(update=parts)
    changed = dataclasses.replace(snapshot, tables=tables, manifest=manifest)
    title = f"Title {HOSTILE}"
    return build_context(changed, evaluate(changed, load_policy(None), load_waivers(HOSTILE_WAIVERS)), title=title)


@pytest.fixture(scope="session")
def everything_asked() -> Callable[[ReportContext], ReportContext]:
    """Make of a run the same run as if it had asked for every dataset, and every third of the rest was denied."""

    def change(context: ReportContext) -> ReportContext:
        manifest, records = context.manifest, list(context.manifest.datasets)
        asked = {record.name for record in records}
        for at, (name, dataset) in enumerate(DATASETS.items()):
            if name in asked:
                continue
            changes: dict[str, Any] = {"name": name, "path": dataset.path}
            if at % 3 == 0:
                reason = f"{dataset.path} is denied to this account (HTTP 403)"
                changes |= {"status": DatasetStatus.DENIED, "reason": reason}
            records.append(manifest.datasets[0].model_copy(update=changes))
        whole = manifest.model_copy(update={"datasets": records})
        return build_context(dataclasses.replace(context.snapshot, manifest=whole), context.results)

    return change


@pytest.fixture(scope="session")
def hostile_estate() -> Audit:
    """The audit of a whole simulated estate with hostile names, unknown kinds and stripped documents."""
    return hostile()
