"""Dates as the API writes them, to microseconds since 1970 in UTC.

A date counts with its offset, with at most microseconds (further digits are cut), and between 1990 and 2100. Servers
send some dates without an offset: those are of the server's own clock, and read in its zone where that is known. The
year 1, and 1900, stand for "never": NaT that is no fault. Everything else is not a date: NaT, counted by reason.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

NAT = np.iinfo(np.int64).min
"""The integer that numpy and pandas read as NaT."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
EARLIEST = (dt.datetime(1990, 1, 1, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND
LATEST = (dt.datetime(2100, 1, 1, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND

_NEVER = (
    (dt.datetime(1899, 12, 30, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND,
    (dt.datetime(1901, 1, 2, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND,
)
_YEAR_ONE = (dt.datetime(2, 1, 2, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND
_NEVER_BY_CLOCK = (
    (dt.datetime(1899, 12, 30, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND,
    (dt.datetime(1901, 1, 1, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND,
)
_FIRST = (dt.datetime(1, 1, 1, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND
_YEAR_TWO = (dt.datetime(2, 1, 1, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND
"""The first moment, and the end of the year 1, on a clock whose zone does not matter."""

_SHORTEST = len("2026-01-01T00:00:00")
_LONGEST = len("2026-01-01T00:00:00.000000")
_OFFSET = re.compile(r"[+-](\d\d):(\d\d)", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d*))?(Z|[+-]\d\d:\d\d)?|\d{4}-\d\d-\d\d", re.ASCII)


@dataclass
class ReadDates:
    """`micros`: int64 microseconds since 1970 UTC, `NAT` where there is no date; and what was refused.

    `assumed` counts the dates without an offset that were read in the server's zone, `naive` those for which no zone
    is known. `clock` has what the latter say, as microseconds of a clock that nobody knows; None where there are none.
    """

    micros: npt.NDArray[np.int64]
    uncastable: int = 0
    naive: int = 0
    assumed: int = 0
    out_of_range: int = 0
    clock: npt.NDArray[np.int64] | None = None


def read_dates(values: Sequence[Any], zone: dt.tzinfo | None = None) -> ReadDates:
    """Read ISO 8601 text; None and NA give NaT uncounted, anything else that is no date gives NaT, counted.

    `datetime` objects (also pandas' own) are taken as well, under the same rules. Dates without an offset are read by
    the clock of `zone`: of an hour that comes twice the first counts, and one that is left out is moved forward.
    """
    read = _read_uniform(values, zone) or _read_one_by_one(values, zone)
    never = ((read.micros >= _NEVER[0]) & (read.micros < _NEVER[1])) | (read.micros < _YEAR_ONE)
    read.micros[never] = NAT
    known = read.micros != NAT
    outside = known & ((read.micros < EARLIEST) | (read.micros >= LATEST))
    read.out_of_range += int(outside.sum())
    read.micros[outside] = NAT
    if read.clock is not None:
        read.clock[(read.clock < EARLIEST) | (read.clock >= LATEST)] = NAT
    return read


def _read_uniform(values: Sequence[Any], zone: dt.tzinfo | None) -> ReadDates | None:
    """The fast way: text (or None) that all ends with the same offset, or has none, read by numpy; else None.

    numpy would take words (`today`), short forms and a second offset inside the text, so the shape is proven
    first: length, and the number of separators over the whole column.
    """
    read = ReadDates(np.full(len(values), NAT, dtype=np.int64))
    try:
        texts: list[str] = [value for value in values if value is not None]
        if not texts:
            return read
        first: Any = texts[0]
        if not isinstance(first, str):
            return None
        ending = "Z" if first[-1:] == "Z" else first[-6:]
        offset = _offset_micros(ending)
        bodies = _bodies(texts, "" if offset is None else ending)
    except (TypeError, AttributeError):
        return None
    if bodies is None:
        return None
    try:
        instants = np.array(bodies, dtype="datetime64[us]").view(np.int64)
    except (ValueError, OverflowError):
        return None
    places = np.flatnonzero([value is not None for value in values])
    if offset is not None:
        read.micros[places] = instants - offset
    elif instants.min() < _FIRST:  # the year 0 is numpy's own
        return None
    else:
        _read_clock(read, places, instants, zone)
    return read


def _bodies(texts: list[str], ending: str) -> list[str] | None:
    """The texts without the `ending` that all have, with six digits of a second at most; None if one is no date."""
    cut = len(ending)
    lengths = set(map(len, texts))
    if min(lengths) < _SHORTEST + cut:
        return None
    if cut and ("\n".join(texts) + "\n").count(ending + "\n") != len(texts):
        return None
    bodies = [text[:-cut] for text in texts] if cut else texts
    if max(lengths) > _LONGEST + cut:
        rest = "".join([body[_LONGEST:] for body in bodies])
        if _digits_in(rest) != len(rest):
            return None
        bodies = [body[:_LONGEST] for body in bodies]
    return bodies if _is_plain("".join(bodies), len(bodies)) else None


def _is_plain(joined: str, count: int) -> bool:
    """Whether `count` texts, joined, have the separators of as many `YYYY-MM-DDTHH:MM:SS[.f]`, else only digits."""
    dots = joined.count(".")
    if (joined.count("-"), joined.count(":"), joined.count("T")) != (2 * count, 2 * count, count) or dots > count:
        return False
    return _digits_in(joined) == len(joined) - 5 * count - dots


def _digits_in(text: str) -> int:
    """How many of the characters of `text` are 0 to 9; none if it is not all ASCII."""
    if not text.isascii():
        return 0
    codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return int(np.count_nonzero((codes >= ord("0")) & (codes <= ord("9"))))


def _offset_micros(ending: str) -> int | None:
    if ending == "Z":
        return 0
    match = _OFFSET.fullmatch(ending)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        return None
    minutes = int(match[1]) * 60 + int(match[2])
    return (-minutes if ending[0] == "-" else minutes) * 60_000_000


def _read_one_by_one(values: Sequence[Any], zone: dt.tzinfo | None) -> ReadDates:
    read = ReadDates(np.full(len(values), NAT, dtype=np.int64))
    local: list[int] = []
    instants: list[int] = []
    for position, value in enumerate(values):
        if _is_missing(value):
            continue
        moment = to_datetime(value)
        if moment is None:
            read.uncastable += 1
        elif moment.utcoffset() is not None:
            read.micros[position] = (moment - _EPOCH) // _MICROSECOND
        else:
            local.append(position)
            instants.append((moment.replace(tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND)
    _read_clock(read, np.array(local, dtype=np.int64), np.array(instants, dtype=np.int64), zone)
    return read


def _read_clock(
    read: ReadDates, places: npt.NDArray[np.int64], micros: npt.NDArray[np.int64], zone: dt.tzinfo | None
) -> None:
    """Put dates without offset, as microseconds on their clock, to their `places`; those that say "never" stay NaT."""
    never = (micros < _YEAR_TWO) | ((micros >= _NEVER_BY_CLOCK[0]) & (micros < _NEVER_BY_CLOCK[1]))
    places, micros = places[~never], micros[~never]
    if len(places) and zone is None:
        read.naive = len(places)
        read.clock = np.full(len(read.micros), NAT, dtype=np.int64)
        read.clock[places] = micros
    elif len(places) and zone is not None:
        read.assumed = len(places)
        read.micros[places] = by_clock(micros, zone)


def by_clock(micros: npt.NDArray[np.int64], zone: dt.tzinfo) -> npt.NDArray[np.int64]:
    """Microseconds on the clock of `zone` as microseconds since 1970 UTC."""
    clock = pd.DatetimeIndex(micros.view("datetime64[us]"))
    first_of_two = np.ones(len(clock), dtype=bool)
    moments = clock.tz_localize(zone, nonexistent="shift_forward", ambiguous=first_of_two)
    return np.asarray(moments.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[us]").view(np.int64))


def to_datetime(value: Any) -> dt.datetime | None:
    """One date as a `datetime`, naive if it has no offset; None if `value` is none. Its range is not checked."""
    if isinstance(value, pd.Timestamp):
        return value.floor("us").to_pydatetime(warn=False)
    if isinstance(value, dt.datetime):
        return value
    match = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    day, minute, second, fraction, offset = match.groups()
    micros = (fraction or "")[:6].ljust(6, "0")
    text = f"{day}T{minute}{second or ':00'}.{micros}{offset or ''}" if day else match[0]
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (type(value) is float and math.isnan(value))
