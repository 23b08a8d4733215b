"""The period and the zone of a run, from the user's words and the server's clock."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from vbr_audit.display import time_zone
from vbr_audit.errors import ConfigurationError
from vbr_audit.tables.server_time import ServerTime, zone_of

DEFAULT_DAYS = 30


@dataclass(frozen=True)
class PeriodRequest:
    """What the user asked for: a month, or since and until (each a date or a datetime), or nothing."""

    month: str | None = None
    since: dt.date | dt.datetime | None = None
    until: dt.date | dt.datetime | None = None
    timezone: str | None = None

    @classmethod
    def of(
        cls,
        *,
        month: str | None = None,
        since: dt.date | dt.datetime | str | None = None,
        until: dt.date | dt.datetime | str | None = None,
        timezone: str | None = None,
    ) -> PeriodRequest:
        """The request in the user's words; raises `ConfigurationError` for what is no month, date or zone."""
        return cls(month, _moment(since, "--since"), _moment(until, "--until"), timezone)

    def __post_init__(self) -> None:
        if self.month is not None and (self.since is not None or self.until is not None):
            raise ConfigurationError("--month excludes --since and --until", hint="Keep one of the two.")
        if self.month is not None:
            month_start(self.month)
        if self.timezone is not None:
            zone_named(self.timezone)


@dataclass(frozen=True)
class Period:
    """A resolved period: `since` <= t < `until` in UTC, and the zone in which its days are counted."""

    since: dt.datetime
    until: dt.datetime
    timezone: str
    timezone_source: str
    warnings: tuple[str, ...] = ()


def resolve(request: PeriodRequest, now: dt.datetime, server_time: ServerTime | None) -> Period:
    """The period that `request` means at `now`; raises `ConfigurationError` for an empty or future one."""
    name, source, zone, warnings = _zone_for(request, server_time)
    if request.month is not None:
        since, until = month_span(request.month, zone)
    else:
        until = now if request.until is None else _instant(request.until, zone)
        since = until - dt.timedelta(days=DEFAULT_DAYS) if request.since is None else _instant(request.since, zone)
    if since >= until:
        raise ConfigurationError(
            f"the period ends before it begins ({since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC)",
            hint="--since is inclusive, --until is exclusive; swap or widen them.",
        )
    if since >= now:
        raise ConfigurationError(
            f"the period lies in the future: it begins {since:%Y-%m-%d %H:%M} UTC, the server's clock says "
            f"{now:%Y-%m-%d %H:%M} UTC",
            hint="Choose a period that has begun.",
        )
    return Period(since=since, until=until, timezone=name, timezone_source=source, warnings=warnings)


def month_start(text: str) -> dt.date:
    """The first day of `YYYY-MM`; raises `ConfigurationError`."""
    if re.fullmatch(r"\d{4}-\d{2}", text) and 1 <= int(text[5:]) <= 12 and 1990 <= int(text[:4]) <= 2100:
        return dt.date(int(text[:4]), int(text[5:]), 1)
    raise ConfigurationError(f"not a month: {text[:50]!r}", hint="Write it as YYYY-MM, e.g. 2026-10.")


def month_span(text: str, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    """The first instants of the month `YYYY-MM` and of the next one on the clock of `zone`, in UTC."""
    start = month_start(text)
    return _midnight(start, zone), _midnight(_next_month(start), zone)


def zone_named(name: str) -> dt.tzinfo:
    """The zone called `name`, an IANA name or an offset such as `UTC+02:00`; raises `ConfigurationError`."""
    try:
        return time_zone(name)
    except ValueError:
        raise ConfigurationError(
            f"unknown time zone {name[:100]!r}", hint="Use an IANA name such as Europe/Berlin, or UTC."
        ) from None


def _zone_for(request: PeriodRequest, server: ServerTime | None) -> tuple[str, str, dt.tzinfo, tuple[str, ...]]:
    if request.timezone is not None:
        return request.timezone, "given", zone_named(request.timezone), ()
    zone = zone_of(server)
    if zone is None:
        return "UTC", "default", dt.UTC, ("the server's time zone is not known: days are counted in UTC",)
    warning = (
        f"the server reports only its present offset ({zone.name}): days before the last clock change may be "
        "an hour off; give --timezone to be exact"
    )
    return zone.name, zone.source, time_zone(zone.name), () if zone.is_exact else (warning,)


def _next_month(day: dt.date) -> dt.date:
    return (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1)


def _midnight(day: dt.date, zone: dt.tzinfo) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(dt.UTC)


def _instant(moment: dt.date | dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    if isinstance(moment, dt.datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(dt.UTC)
    return _midnight(moment, zone)


def _moment(value: dt.date | dt.datetime | str | None, option: str) -> dt.date | dt.datetime | None:
    if value is None or isinstance(value, dt.date):
        return value
    for parse in (dt.date.fromisoformat, dt.datetime.fromisoformat):
        try:
            return parse(value.strip())
        except ValueError:
            continue
    raise ConfigurationError(
        f"{option}: not a date: {value[:50]!r}", hint="Write it as YYYY-MM-DD, or with a time: 2026-10-01T06:00."
    )
