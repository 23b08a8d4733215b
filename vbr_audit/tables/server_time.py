"""The server's clock and its time zone, from what `/serverTime` answers."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from vbr_audit.tables.build.dates import to_datetime
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import Column, TableResult, TableSpec, conform

SPEC: Final = TableSpec(
    name="server_time",
    key=("server",),
    help="One row per server: its clock and zone at collection.",
    columns=(
        Column("server", "string", "The server's name in this run.", holds="server"),
        Column("server_time", "datetime", "The server's clock."),
        Column("utc_offset_min", "Int64", "What the server's clock was ahead of UTC.", "min"),
        Column("time_zone", "string", "The zone as the server displays it.", holds="word"),
        Column("iana_time_zone", "string", "The zone's IANA name, from 1.3-rev2 on.", holds="word"),
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


# The time zone of a server, from what `/serverTime` answers.
#
# `ianaTimeZoneId` names the zone. Before 1.3-rev2 there is only the display text of Windows, such as `(UTC+01:00)
# Amsterdam, Berlin, Bern`: its cities name zones, of which the first is taken if all agree with the offset that the
# text states (the standard one, the same all year) and with that of the server's clock. Without a zone the offset is
# left: it holds for the day of reading, and nobody knows what the clock showed on the other side of a change to summer
# time.

BY_ID: Final = "server (ianaTimeZoneId)"
BY_TEXT: Final = "server (timeZone)"
BY_CITY: Final = "server (cities of timeZone)"
BY_OFFSET: Final = "server (offset of its clock)"

_DISPLAY: Final = re.compile(r"\((?:UTC|GMT)(?:([+-])(\d{1,2}):(\d{2}))?\)\s*(.*)", re.DOTALL)
_WITHOUT_CITY: Final = {
    "adelaide": "Australia/Adelaide",
    "alaska": "America/Anchorage",
    "arizona": "America/Phoenix",
    "atlantic time (canada)": "America/Halifax",
    "azores": "Atlantic/Azores",
    "baja california": "America/Tijuana",
    "central america": "America/Guatemala",
    "central time (us & canada)": "America/Chicago",
    "city of buenos aires": "America/Argentina/Buenos_Aires",
    "coordinated universal time": "UTC",
    "eastern time (us & canada)": "America/New_York",
    "hawaii": "Pacific/Honolulu",
    "indiana (east)": "America/Indiana/Indianapolis",
    "mountain time (us & canada)": "America/Denver",
    "newfoundland": "America/St_Johns",
    "pacific time (us & canada)": "America/Los_Angeles",
    "saskatchewan": "America/Regina",
    "west central africa": "Africa/Lagos",
}
"""Texts of Windows that name no city; the zones are those of CLDR's `windowsZones`."""
_ABROAD: Final = {
    "bern": "Europe/Zurich",
    "islamabad": "Asia/Karachi",
    "beijing": "Asia/Shanghai",
    "chennai": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata",
    "new delhi": "Asia/Kolkata",
    "osaka": "Asia/Tokyo",
    "sapporo": "Asia/Tokyo",
    "abu dhabi": "Asia/Dubai",
    "canberra": "Australia/Sydney",
    "wellington": "Pacific/Auckland",
    "edinburgh": "Europe/London",
    "kyiv": "Europe/Kiev",
    "kiritimati island": "Pacific/Kiritimati",
    "nuku'alofa": "Pacific/Tongatapu",
    "san juan": "America/Puerto_Rico",
    "urumqi": "Asia/Shanghai",
    "st. petersburg": "Europe/Moscow",
    "brasilia": "America/Sao_Paulo",
    "pretoria": "Africa/Johannesburg",
}
"""Cities of Windows' texts after which no zone is called, though a zone holds for them."""


@dataclass(frozen=True)
class ServerZone:
    """The zone of a server by name, and what told it; `UTC+01:00` where only the offset of its clock is known."""

    name: str
    source: str

    @property
    def is_exact(self) -> bool:
        """Whether the clock of any day is known, and not only that of the day of reading."""
        return self.source != BY_OFFSET


def zone_of(clock: ServerTime | None) -> ServerZone | None:
    """The zone that the answer of `/serverTime` tells; None where it tells none."""
    if clock is None:
        return None
    at, offset = clock.server_time, clock.utc_offset
    if clock.iana_time_zone and _exists(clock.iana_time_zone):
        return ServerZone(clock.iana_time_zone, BY_ID)
    if clock.time_zone:
        if "(" not in clock.time_zone and _exists(clock.time_zone):
            return ServerZone(clock.time_zone, BY_TEXT)
        zone = _by_cities(clock.time_zone, at, offset)
        if zone is not None:
            return ServerZone(zone, BY_CITY)
    return None if offset is None else ServerZone(offset_name(offset), BY_OFFSET)


@lru_cache(maxsize=64)
def zones_of_offset(offset: dt.timedelta, since: dt.datetime, now: dt.datetime) -> tuple[dt.tzinfo, ...]:
    """A zone for each course of hours from `since` to `now` that a clock can have had which is at `offset` now.

    Where no zone of that offset has changed its clock since, that is one.
    """
    moments = [now, *(since + dt.timedelta(days=number) for number in range((now - since).days + 1))]
    zones: dict[tuple[dt.timedelta | None, ...], dt.tzinfo] = {(offset,) * len(moments): dt.timezone(offset)}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        if now.astimezone(zone).utcoffset() == offset:
            zones.setdefault(tuple(moment.astimezone(zone).utcoffset() for moment in moments), zone)
    return tuple(zones.values())


def offset_name(offset: dt.timedelta) -> str:
    """`UTC+01:00`, or `UTC` for none."""
    minutes = round(offset.total_seconds() / 60)
    if not minutes:
        return "UTC"
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _by_cities(text: str, at: dt.datetime | None, offset: dt.timedelta | None) -> str | None:
    """The zone of the first city of a display text that names any; None unless all that are named agree.

    They agree if out of summer time each is ahead of UTC by what the text states, if each shows at `at` what the
    server's clock showed, and if all of them keep the same hours in the year before.
    """
    match = _DISPLAY.fullmatch(text.strip())
    if match is None or at is None or offset is None:
        return None
    sign, hours, minutes, places = match.groups()
    stated = dt.timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    named = [name for place in places.split(",") for name in _named(place)] or list(_named(places))
    if not named or any(at.astimezone(ZoneInfo(name)).utcoffset() != offset for name in named):
        return None
    clocks = {_clock(name, at.year) for name in named}
    return named[0] if len(clocks) == 1 and min(clocks.pop()) == stated else None


def _named(place: str) -> tuple[str, ...]:
    """The IANA names of the zone that a part of a display text names; none for an unknown place."""
    word = _plain(place)
    known = _WITHOUT_CITY.get(word) or _ABROAD.get(word)
    return (known,) if known is not None else _cities().get(word.replace(" ", "_"), ())


@lru_cache(maxsize=1)
def _cities() -> dict[str, tuple[str, ...]]:
    """The zones by their cities in small letters: `berlin` is `Europe/Berlin`."""
    cities: dict[str, list[str]] = {}
    for name in sorted(available_timezones()):
        area, _, city = name.rpartition("/")
        if area and area.partition("/")[0] not in ("Etc", "SystemV", "posix", "right"):
            cities.setdefault(_plain(city), []).append(name)
    return {city: tuple(names) for city, names in cities.items()}


def _plain(text: str) -> str:
    """Small letters without accents, whatever stands around them cut off."""
    split = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in split if not unicodedata.combining(letter)).strip().casefold()


def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=256)
def _clock(name: str, year: int) -> tuple[dt.timedelta, ...]:
    """What the clock of a zone is ahead of UTC, week by week of the year before `year` and of `year`."""
    zone, first = ZoneInfo(name), dt.datetime(year - 1, 1, 1, tzinfo=dt.UTC)
    moments = (first + dt.timedelta(days=7 * week) for week in range(105))
    return tuple(moment.astimezone(zone).utcoffset() or dt.timedelta(0) for moment in moments)
