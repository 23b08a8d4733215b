"""The table `sessions`: everything that ran in the period (`/sessions`)."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.tables.build.dates import NAT
from vbr_audit.tables.build.enums import RENAMED_SESSION_TYPES, RESULTS, SESSION_STATES, SESSION_TYPES, Folding, listed
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.paged import Columns, PagedTable, Source, clock_of, values_of
from vbr_audit.tables.build.schema import Column, Sheet, TableSpec
from vbr_audit.tables.jobs.copy_workers import COLUMN

SPEC: Final = TableSpec(
    name="sessions",
    key=("server", "session_id"),
    help="One row per session created in the period, in the order in which the server gave them.",
    columns=(
        Column("server", "string", "The server's name in this run.", holds="server"),
        Column("session_id", "string", "The session's id.", holds="id"),
        Column("name", "string", "The session's name, as a rule its job's.", holds="job"),
        Column(
            "job_id",
            "string",
            "The id of its job (in 1.1-rev0 of its activity); of a worker that of its copy job.",
            holds="id",
        ),
        COLUMN,
        Column("session_type", "string", "What kind of session, in its newest spelling.", holds="word"),
        Column("session_type_reported", "string", "The kind as the server wrote it.", holds="word"),
        Column("state", "string", "Stopped when it has ended; else what it is doing.", holds="word"),
        Column("state_reported", "string", "The state as the server wrote it.", holds="word"),
        Column("result", "string", "Success, Warning, Failed, or the word None.", holds="word"),
        Column("result_reported", "string", "The result as the server wrote it.", holds="word"),
        Column("result_message", "string", "The server's words on the result.", holds="server text"),
        Column("is_canceled", "boolean", "Somebody stopped it."),
        Column("created", "datetime", "When it started."),
        Column("ended", "datetime", "When it ended; NaT while it runs."),
        Column("duration_s", "Float64", "From start to end; NA while it runs, or if negative.", "s"),
        Column("progress_percent", "Int64", "Its progress.", "%"),
        Column("parent_session_id", "string", "The session that started it.", holds="id"),
        Column("resource_id", "string", "The id of what it worked on.", holds="id"),
        Column("resource_reference", "string", "Where the API shows what it worked on.", holds="word"),
        Column("platform", "string", "The platform of what it worked on, as the server wrote it.", holds="word"),
        Column("initiated_by", "string", "The account that started it.", holds="user"),
        Column("usn", "Int64", "The server's update number."),
        Column("algorithm", "string", "Full or Increment, as the server wrote it.", holds="word"),
        Column("original_session_id", "string", "Of a retry: the session that it repeats.", holds="id"),
        Column("retry_number", "Int64", "Of a retry: which one."),
        Column("is_recheck_retry", "boolean", "Of a retry: it repeats the health check only."),
    ),
    sheet=Sheet(
        first=(
            "server",
            "name",
            "session_type",
            "result",
            "created",
            "ended",
            "duration_s",
            "is_retry",
            "result_message",
        ),
        always=True,
    ),
)

KNOWN_KEYS: Final = frozenset(
    listed(
        """
        id name jobId activityId sessionType creationTime endTime state progressPercent result resourceId
        resourceReference parentSessionId usn platformName platformId initiatedBy relatedSessionId algorithm
        progress originalSessionId retryInfo
        """
    )
)

_SOURCES: Final = (
    Source("session_id", ("id",), "unique id"),
    Source("name", ("name",), "text"),
    Source("job_id", ("jobId", "activityId"), "id"),
    Source("session_type_reported", ("sessionType",), "text"),
    Source("state_reported", ("state",), "text"),
    Source("result_reported", ("result.result",), "text"),
    Source("result_message", ("result.message",), "text"),
    Source("is_canceled", ("result.isCanceled",)),
    Source("created", ("creationTime",)),
    Source("ended", ("endTime",)),
    Source("progress_percent", ("progressPercent",)),
    Source("parent_session_id", ("parentSessionId",), "unique id"),
    Source("resource_id", ("resourceId",), "id"),
    Source("resource_reference", ("resourceReference",), "text"),
    Source("platform", ("platformName",), "text"),
    Source("initiated_by", ("initiatedBy",), "text"),
    Source("usn", ("usn",)),
    Source("algorithm", ("algorithm",), "text"),
    Source("original_session_id", ("originalSessionId",), "unique id"),
    Source("retry_number", ("retryInfo.retryNumber",)),
    Source("is_recheck_retry", ("retryInfo.isRecheckRetry",)),
)


RESTORES: Final = TableSpec(
    name="restore_sessions",
    key=SPEC.key,
    help="One row per restore or verification in the year before the collection, independent of the period.",
    columns=SPEC.columns,
    sheet=Sheet(rank=100),
)


EDGES: Final = TableSpec(
    name="edge_sessions",
    key=SPEC.key,
    help="One row per session of the days before the period, and of the time from its end to the moment of reading: "
    "what a run that passes an edge of the period began or ended with. No number of sessions counts them.",
    columns=SPEC.columns,
    sheet=Sheet(is_shown=False),
)


def builder(server: str, zone: dt.tzinfo | None = None) -> PagedTable:
    """A builder of `sessions` for one server, whose zone is `zone`."""
    return _builder_of(SPEC, server, zone)


def restores_builder(server: str, zone: dt.tzinfo | None = None) -> PagedTable:
    """A builder of `restore_sessions` for one server, whose zone is `zone`."""
    return _builder_of(RESTORES, server, zone)


def _builder_of(spec: TableSpec, server: str, zone: dt.tzinfo | None) -> PagedTable:
    return PagedTable(
        spec,
        server,
        sources=_SOURCES,
        words={
            "session_type_reported": ("session_type", Folding(SESSION_TYPES, RENAMED_SESSION_TYPES)),
            "state_reported": ("state", Folding(SESSION_STATES)),
            "result_reported": ("result", Folding(RESULTS)),
        },
        known_keys=KNOWN_KEYS,
        unfold=_unfold,
        complete=add_duration,
        zone=zone,
    )


def _unfold(columns: Columns, notes: Notes) -> Columns:
    """The parts of `result` (an object; a bare word is taken as the result itself) and of `retryInfo`."""
    parts: Columns = {}
    for key, column, names, also in (
        ("result", "result", ("result", "message", "isCanceled"), {str}),
        ("retryInfo", "retry_number", ("retryNumber", "isRecheckRetry"), set[type]()),
    ):
        objects = columns.get(key, ())
        fitting = {dict, type(None)} | also
        if not set(map(type, objects)) <= fitting:
            notes.count_uncastable(column, sum(type(value) not in fitting for value in objects))
        if objects:
            parts |= {f"{key}.{name}": values for name, values in zip(names, values_of(objects, names), strict=True)}
    bare = {at: value for at, value in enumerate(columns.get("result", ())) if type(value) is str}
    if bare:
        parts["result.result"] = [bare.get(at, value) for at, value in enumerate(parts["result.result"])]
    return parts


def add_duration(arrays: dict[str, Any]) -> None:
    """Fill `duration_s` from `created` and `ended`; NA where either is missing, or if negative.

    Between two dates of one clock the time is known, also where its zone is not.
    """
    lasted = pd.TimedeltaIndex(pd.DatetimeIndex(arrays["ended"]) - pd.DatetimeIndex(arrays["created"]))
    seconds = lasted.total_seconds().to_numpy(dtype=np.float64, copy=True)
    begun, over = arrays.get(clock_of("created")), arrays.get(clock_of("ended"))
    if begun is not None and over is not None:
        is_known = (begun != NAT) & (over != NAT)
        seconds[is_known] = (over[is_known] - begun[is_known]) / 1_000_000
    unknown = ~(seconds >= 0)
    seconds[unknown] = 0.0
    arrays["duration_s"] = pd.arrays.FloatingArray(seconds, unknown)
