"""Instants in ticks of 100 nanoseconds, and how the server writes them: local time with its offset, mostly.

The server stands in Berlin. Like a real one it leaves the offset out of the dates of tasks, backup files, requests for
approval and of the last scan of the analyzer, and writes as many digits of a second as there are, none to seven of
them, so that readers which expect a fixed number fail here and not at a customer's.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

TICKS = 10_000_000
HOUR = 3600 * TICKS
DAY = 24 * HOUR
ZONE = ZoneInfo("Europe/Berlin")
ZONE_NAME = "Europe/Berlin"
ZONE_TEXT = "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = range(2000, 2100)


def to_ticks(moment: datetime) -> int:
    """Count an instant in ticks since 1970; a moment without an offset is the server's local time."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
    return (aware - _EPOCH) // timedelta(microseconds=1) * 10


def read_moment(text: str) -> datetime:
    """Read the moment of a simulated server: an ISO date or date and time, local to the server unless it says else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no ISO date or date and time") from None
    if moment.year not in _YEARS:
        raise ValueError(f"the year of {text!r} is not between {_YEARS.start} and {_YEARS.stop - 1}")
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)


def to_datetime(ticks: int) -> datetime:
    """Turn ticks back into a datetime in UTC, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=ticks // 10)


def stamp(ticks: int) -> str:
    """Write an instant as the server does."""
    hour, rest = divmod(ticks, HOUR)
    head, offset = _hour(hour)
    seconds, fraction = divmod(rest, TICKS)
    digits = f".{fraction:07d}".rstrip("0") if fraction else ""
    return f"{head}{seconds // 60:02d}:{seconds % 60:02d}{digits}{offset}"


def local_stamp(ticks: int) -> str:
    """Write an instant as some answers of real servers have it: the server's local time, and no offset."""
    return stamp(ticks)[: -len(_hour(ticks // HOUR)[1])]


def local_time(day_before: int, ticks: int, hour: int, minute: int) -> int:
    """The instant at which the local clock showed hour:minute, some days before the day of `ticks`."""
    return instant(local_day(ticks) - timedelta(days=day_before), hour, minute)


def local_day(ticks: int) -> date:
    """The day on which an instant falls where the server stands."""
    return _day(ticks // HOUR)


@lru_cache(maxsize=65536)
def instant(day: date, hour: int, minute: int) -> int:
    """The instant of a day at which the local clock shows hour:minute."""
    return to_ticks(datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE))


@lru_cache(maxsize=65536)
def _day(hour: int) -> date:
    """The local day of all instants of an hour: the server's clock is whole hours away from UTC."""
    return (_EPOCH + timedelta(hours=hour)).astimezone(ZONE).date()


@lru_cache(maxsize=4096)
def _hour(hour: int) -> tuple[str, str]:
    text = (_EPOCH + timedelta(hours=hour)).astimezone(ZONE).isoformat()
    return text[:14], text[-6:]
