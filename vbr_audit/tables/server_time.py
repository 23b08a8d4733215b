"""The server's clock and time zone (`/serverTime`)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from vbr_audit.tables.build.dates import to_datetime
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import Column, TableResult, TableSpec, conform

SPEC: Final = TableSpec(
    name="server_time",
    key=("server",),
    help="One row per server: its clock and zone at collection.",
    columns=(
        Column("server", "string", "The server's name in this run."),
        Column("server_time", "datetime", "The server's clock."),
        Column("utc_offset_min", "Int64", "What the server's clock was ahead of UTC.", "min"),
        Column("time_zone", "string", "The zone as the server displays it."),
        Column("iana_time_zone", "string", "The zone's IANA name, from 1.3-rev2 on."),
    ),
)

_KNOWN_KEYS: Final = frozenset({"serverTime", "timeZone", "ianaTimeZoneId"})


@dataclass(frozen=True)
class ServerTime:
    """The server's clock in UTC and what it was ahead of UTC, its zone by display text and by IANA name."""

    server_time: dt.datetime | None
    utc_offset: dt.timedelta | None
    time_zone: str | None
    iana_time_zone: str | None
    notes: Notes


def parse(document: Any) -> ServerTime:
    """Read the answer of `/serverTime`; what is missing or does not fit is None, and counted in `notes`."""
    fields = document if isinstance(document, dict) else {}
    text = fields.get("serverTime")
    frame, notes = conform(
        {
            "server_time": [text],
            "time_zone": [fields.get("timeZone")],
            "iana_time_zone": [fields.get("ianaTimeZoneId")],
        },
        SPEC,
    )
    notes.missing_keys = 0
    notes.not_objects = int(not isinstance(document, dict))
    for key in fields:
        if key not in _KNOWN_KEYS:
            notes.count_unknown_field(key)
    row = frame.iloc[0]
    reported = to_datetime(text)
    moment = None if frame["server_time"].isna()[0] else row["server_time"].to_pydatetime()
    return ServerTime(
        server_time=moment,
        utc_offset=reported.utcoffset() if moment is not None and reported is not None else None,
        time_zone=_text(row["time_zone"]),
        iana_time_zone=_text(row["iana_time_zone"]),
        notes=notes,
    )


def as_table(server: str, parsed: ServerTime) -> TableResult:
    """The table `server_time` with the one row of `server`."""
    offset = None if parsed.utc_offset is None else parsed.utc_offset // dt.timedelta(minutes=1)
    frame, _ = conform(
        {
            "server": [server],
            "server_time": [parsed.server_time],
            "utc_offset_min": [offset],
            "time_zone": [parsed.time_zone],
            "iana_time_zone": [parsed.iana_time_zone],
        },
        SPEC,
    )
    return TableResult(frame, parsed.notes)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
