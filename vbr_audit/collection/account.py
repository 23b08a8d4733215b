"""The account that a collection gives of itself: which servers, under which terms, and what a reader must know."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from vbr_audit.collection.manifest import DatasetStatus, Manifest, RunRecord, ServerRecord
from vbr_audit.collection.period import Period
from vbr_audit.collection.reading import ServerReading
from vbr_audit.collection.redaction import Redaction
from vbr_audit.revisions import NEWEST, order

if TYPE_CHECKING:
    from vbr_audit.collection.request import CollectionRequest


def server_record(reading: ServerReading, redaction: Redaction) -> ServerRecord:
    """One server as it was found."""
    client, info, clock = reading.client, reading.tables.server_info(), reading.tables.server_time()
    zone = reading.tables.server_zone()
    return ServerRecord(
        name=client.name,
        url=client.url,
        revision=client.revision,
        revision_newest=reading.newest_revision or client.revision,
        build=info.build if info else None,
        vbr_id=info.vbr_id if info else None,
        account=redaction.mask_text(client.username, [client.username]) or client.username,
        role=_role(reading),
        clock_skew_s=reading.clock_skew_s,
        server_time=clock.server_time if clock else None,
        time_zone=(clock.iana_time_zone or clock.time_zone) if clock else None,
        zone=zone.name if zone else None,
        zone_source=zone.source if zone else None,
        tls=client.tls,
        verified=client.verified,
    )


def manifest_of(
    request: CollectionRequest,
    tool_version: str,
    now: dt.datetime,
    period: Period,
    servers: Sequence[ServerRecord],
    readings: Sequence[ServerReading],
    redaction: Redaction,
) -> Manifest:
    """The manifest of a collection."""
    accounts = [reading.client.username for reading in readings]
    run = RunRecord(
        now=now,
        since=period.since,
        until=period.until,
        timezone=period.timezone,
        timezone_source=period.timezone_source,
        jobs_pattern=request.jobs_pattern,
        accounts_masked=request.mask_accounts,
        tool_version=tool_version,
        command=redaction.mask_text(request.command, accounts),
        note=request.note,
    )
    return Manifest(
        run=run,
        servers=list(servers),
        datasets=[record for reading in readings for record in reading.records],
        warnings=_warnings(servers, readings),
    )


def _role(reading: ServerReading) -> str | None:
    """What the account may do as far as its reading shows; the API does not tell an account its own role."""
    record = reading.record_of("server_info")
    if record is None:
        return None
    if record.status is DatasetStatus.COMPLETE:
        return "may read administrator data"
    return "may not read administrator data" if record.status is DatasetStatus.DENIED else None


def _warnings(servers: Iterable[ServerRecord], readings: Sequence[ServerReading]) -> list[str]:
    lines = []
    for server, reading in zip(servers, readings, strict=True):
        if not server.verified:
            lines.append(f"{server.name}: the certificate was not verified; the answers may come from anyone")
        if server.revision != server.revision_newest:
            lines.append(
                f"{server.name}: read with revision {server.revision}; settings that only "
                f"{server.revision_newest} shows are unknown"
            )
        lines += _newer_than_ours(reading)
        states = reading.record_of("job_states")
        if states is not None and "taken_from" in states.notes:
            lines.append(
                f"{server.name}: the server could not tell the job states in revision {states.revision}; "
                "the last run of each job was taken from its sessions"
            )
    repeated = [reading.client for reading in readings if reading.client.retries]
    return lines + [f"{client.name}: {client.retries:,} requests had to be repeated" for client in repeated]


def _newer_than_ours(reading: ServerReading) -> list[str]:
    """A note where the server speaks a revision that this version does not know."""
    newer = [revision for revision in reading.offered_revisions if order(revision) > order(NEWEST)]
    if not newer:
        return []
    return [
        f"{reading.client.name}: the server also speaks revision {newer[-1]}, which this version does not know; it was "
        f"read with {reading.client.revision}, and what only {newer[-1]} shows is missing"
    ]
