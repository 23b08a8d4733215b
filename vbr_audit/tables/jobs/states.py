"""The table `job_states`: every job as the server last saw it run (`/jobs/states`)."""

from __future__ import annotations

import datetime as dt
from typing import Final

import pandas as pd

from vbr_audit.tables.build.enums import JOB_STATUSES, RESULTS, WORKLOADS, Folding, fold_job_types, listed
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.paged import Columns, PagedTable, Source
from vbr_audit.tables.build.schema import Column, Sheet, TableSpec, conform
from vbr_audit.tables.job_runs import runs_of_jobs

SPEC: Final = TableSpec(
    name="job_states",
    key=("server", "job_id"),
    help="One row per job, as of the collection: its status, its last result, its next run.",
    columns=(
        Column("server", "string", "The server's name in this run.", holds="server"),
        Column("job_id", "string", "The job's id.", holds="id"),
        Column("name", "string", "The job's name.", holds="job"),
        Column("type", "string", "The job's type in its newest spelling.", holds="word"),
        Column("type_reported", "string", "The type as the server wrote it.", holds="word"),
        Column("status", "string", "The job's status: Running, Inactive, Disabled…", holds="word"),
        Column("status_reported", "string", "The status as the server wrote it.", holds="word"),
        Column(
            "last_result",
            "string",
            "The result of the last run; the word None while it runs or before the first run.",
            holds="word",
        ),
        Column("last_result_reported", "string", "The last result as the server wrote it.", holds="word"),
        Column("last_run", "datetime", "When the job last started."),
        Column("next_run", "datetime", "When the job will start next."),
        Column("next_run_policy", "string", "The server's description of the next run.", holds="word"),
        Column("workload", "string", "The type of workload that the job protects.", holds="word"),
        Column("workload_reported", "string", "The workload as the server wrote it.", holds="word"),
        Column("repository_id", "string", "The id of the repository that the job writes to.", holds="id"),
        Column("repository_name", "string", "The name of that repository.", holds="repository"),
        Column("objects_count", "Int64", "Number of objects that the job protects.", "objects"),
        Column("session_id", "string", "The id of the job's last session.", holds="id"),
        Column("description", "string", "The job's description.", holds="prose"),
        Column("is_high_priority", "boolean", "The job gets resources first when they are scarce."),
        Column("progress_percent", "Int64", "Progress of the current run.", "%"),
        Column(
            "run_after_job_id", "string", "The id of the job after which this job runs. From 1.3-rev0 on.", holds="id"
        ),
        Column("run_after_job", "string", "The name of that job. From 1.3-rev0 on.", holds="job"),
    ),
    sheet=Sheet(first=("server", "name", "type", "status", "last_result", "last_run", "next_run")),
)

KNOWN_KEYS: Final = frozenset(
    listed(
        """
        id name type description status lastRun lastResult nextRun nextRunPolicy workload repositoryId
        repositoryName objectsCount sessionId highPriority progressPercent sessionProgress runAfterJob
        backupCopyMode isStorageSnapshot targetName
        """
    )
)

_SOURCES: Final = (
    Source("job_id", ("id",), "unique id"),
    Source("name", ("name",), "text"),
    Source("type_reported", ("type",), "text"),
    Source("status_reported", ("status",), "text"),
    Source("last_result_reported", ("lastResult",), "text"),
    Source("last_run", ("lastRun",)),
    Source("next_run", ("nextRun",)),
    Source("next_run_policy", ("nextRunPolicy",), "text"),
    Source("workload_reported", ("workload",), "text"),
    Source("repository_id", ("repositoryId",), "id"),
    Source("repository_name", ("repositoryName",), "text"),
    Source("objects_count", ("objectsCount",)),
    Source("session_id", ("sessionId",), "unique id"),
    Source("description", ("description",), "text"),
    Source("is_high_priority", ("highPriority",)),
    Source("progress_percent", ("progressPercent",)),
    Source("run_after_job_id", ("runAfterJob.jobId",), "id"),
    Source("run_after_job", ("runAfterJob.jobName",), "text"),
)


def builder(server: str, zone: dt.tzinfo | None = None) -> PagedTable:
    """A builder of `job_states` for one server, whose zone is `zone`."""
    return PagedTable(
        SPEC,
        server,
        sources=_SOURCES,
        words={
            "type_reported": ("type", fold_job_types()),
            "status_reported": ("status", Folding(JOB_STATUSES)),
            "last_result_reported": ("last_result", Folding(RESULTS)),
            "workload_reported": ("workload", Folding(WORKLOADS)),
        },
        known_keys=KNOWN_KEYS,
        unfold=_unfold,
        zone=zone,
    )


def _unfold(columns: Columns, notes: Notes) -> Columns:
    """The parts of `runAfterJob`."""
    jobs = columns.get("runAfterJob", ())
    wrong = sum(value is not None and type(value) is not dict for value in jobs)
    notes.count_uncastable("run_after_job_id", wrong)
    if not jobs:
        return {}
    return {
        f"runAfterJob.{key}": [value.get(key) if type(value) is dict else None for value in jobs]
        for key in ("jobId", "jobName")
    }


def from_sessions(sessions: pd.DataFrame) -> pd.DataFrame:
    """`job_states` of one server from the newest run of each job in `sessions`, for a server that refuses them.

    Known are the job's id, the name of the session, the last run, its result (the word None while it runs) and
    its session; all else is NA. A job without a run in `sessions` has no row; sessions without a readable date
    count as the oldest. Rows are in the order of those runs.
    """
    runs = sessions[runs_of_jobs(sessions) & sessions["job_id"].notna()]
    newest = runs.sort_values("created", kind="stable", na_position="first").drop_duplicates("job_id", keep="last")
    newest = newest.sort_index()
    runs_still = newest["result"].isna() & newest["state"].ne("Stopped").fillna(False)
    columns = {
        "server": newest["server"],
        "job_id": newest["job_id"],
        "name": newest["name"],
        "last_run": newest["created"],
        "last_result": newest["result"].mask(runs_still.astype(bool), "None"),
        "session_id": newest["session_id"],
    }
    return conform(columns, SPEC)[0]
