"""The datasets of sessions: the sessions themselves, and what each did to each object."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import CREATED, Dataset, Shape
from vbr_audit.tables import history, sessions
from vbr_audit.tables.build.enums import (
    RENAMED_SESSION_TYPES,
    RESTORES_SINCE,
    RESULTS,
    SESSION_STATES,
    SESSION_TYPES,
    TASK_ALGORITHMS,
    VERIFICATIONS_SINCE,
    listed,
)
from vbr_audit.tables.build.fields import Field, Table, flag, ident, moment, own_id, text, whole, word
from vbr_audit.tables.build.schema import PLAIN_SHEET, OwnTable, Sheet
from vbr_audit.tables.sessions import add_duration

_BOTTLENECKS: Final = listed(
    """
    NotDefined None Throttling SourceProxy SourceNetwork SourceWan TargetProxy TargetNetwork TargetWan Source Proxy
    Network Target TargetDisk
    """
)

TASK_SESSIONS: Final = Table(
    "task_sessions",
    "One row per object that a session worked on, for sessions created in the period (from 1.2-rev1 on).",
    (
        own_id("task_session_id", "The task session's id.", "id"),
        word("type", "The type of the task.", "type", known=("Backup", "Restore", "Antivirus", "Replica")),
        ident("session_id", "The id of its session.", "sessionId"),
        word(
            "session_type",
            "The session type in its newest spelling.",
            "sessionType",
            known=SESSION_TYPES,
            renamed=tuple(RENAMED_SESSION_TYPES.items()),
        ),
        text("name", "The object's name; there is no object id.", "name", holds="object"),
        word("state", "The task's state, Stopped when it has ended; NA for a scan.", "state", known=SESSION_STATES),
        word(
            "result",
            "The task's result: Success, Warning, Failed, or the word None; NA for a scan.",
            "result.result",
            known=RESULTS,
        ),
        text("result_message", "The server's message about the result.", "result.message", holds="server text"),
        flag("is_canceled", "The task was canceled.", "result.isCanceled"),
        moment("created", "When the task started.", "creationTime"),
        moment("ended", "When the task ended; NaT while it runs.", "endTime"),
        Field("duration_s", "Float64", "The time from start to end; NA while it runs, or if negative.", unit="s"),
        word("algorithm", "Full, Increment, Synthetic, or the word None.", "algorithm", known=TASK_ALGORITHMS),
        ident("repository_id", "Backups only: the id of the repository that it wrote to.", "repositoryId"),
        own_id("restore_point_id", "The id of the restore point that it created or scanned.", "restorePointId"),
        own_id("replica_point_id", "The id of the replica restore point that it created.", "replicaPointId"),
        whole("processed_bytes", "Amount of processed data.", "progress.processedSize", unit="bytes"),
        whole("read_bytes", "Amount of data that was read.", "progress.readSize", unit="bytes"),
        whole(
            "transferred_bytes",
            "Amount of data that was transferred.",
            "progress.transferredSize",
            "progress.transferedSize",
            unit="bytes",
        ),
        whole("progress_percent", "The progress of the task.", "progress.progressPercent", unit="%"),
        word("bottleneck", "The main bottleneck.", "progress.bottleneck", known=_BOTTLENECKS),
        word("scan_type", "Scans only: the scan method.", "scanType", known=("Antivirus", "Yara")),
        word(
            "scan_result",
            "Scans only: the scan result.",
            "scanResult",
            known=("None", "Clean", "Infected", "Failed", "Canceled", "Inconclusive"),
        ),
        word("scan_state", "Scans only: the scan state.", "scanState", known=("NotStarted", "InProgress", "Finished")),
        text("antivirus_name", "Scans only: the antivirus product.", "antivirusName", holds="word"),
    ),
    key=("task_session_id",),
    also_known="usn restorePointReference replicaPointReference platformType platformId",
    complete=add_duration,
    sheet=Sheet(
        first=("server", "name", "type", "result", "created", "ended", "duration_s", "result_message"), details=True
    ),
)

RESTORE_TASKS: Final = replace(
    TASK_SESSIONS,
    name="restore_tasks",
    help="One row per object that was restored in the year before the collection, independent of the period (from "
    "1.2-rev1 on).",
    sheet=PLAIN_SHEET,
)

_TESTS: Final = {
    since: (*RESTORES_SINCE.get(since, ()), *VERIFICATIONS_SINCE.get(since, ()))
    for since in sorted({*RESTORES_SINCE, *VERIFICATIONS_SINCE})
}

CARDS: Final = (
    Dataset(
        OwnTable(history.SPEC, history.builder),
        "Oldest session",
        "sessions",
        Shape.FIRST,
        roles.SESSION_READERS,
        order="CreationTime",
    ),
    Dataset(
        OwnTable(sessions.SPEC, sessions.builder),
        "Sessions",
        "sessions",
        access=roles.SESSION_READERS,
        order="CreationTime",
        period=CREATED,
        passes_edges=True,
        accounts=("initiatedBy",),
        beside=(sessions.EDGES,),
    ),
    Dataset(
        TASK_SESSIONS,
        "Task sessions",
        "taskSessions",
        first_revision="1.2-rev1",
        order="CreationTime",
        period=CREATED,
    ),
    Dataset(
        OwnTable(sessions.RESTORES, sessions.restores_builder),
        "Restores and verifications of a year",
        "sessions",
        Shape.KINDS,
        roles.SESSION_READERS,
        order="CreationTime",
        period=CREATED,
        kinds=_TESTS,
        kind_key="sessionType",
        unfiltered="sessions",
        spans_year=True,
        accounts=("initiatedBy",),
    ),
    Dataset(
        RESTORE_TASKS,
        "Restored objects of a year",
        "taskSessions",
        Shape.KINDS,
        first_revision="1.2-rev1",
        order="CreationTime",
        period=CREATED,
        kinds={"1.2-rev1": ("Restore",)},
        kind_key="type",
        unfiltered="task_sessions",
        spans_year=True,
    ),
)
