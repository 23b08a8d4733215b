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
_YEAR_TWO = (dt.datetime(2, 1, 1, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND
"""The end of the year 1, on a clock whose zone does not matter."""

_SHORTEST = len("2026-01-01T00:00:00")
_LONGEST = 48
"""Texts of that many characters are read at once; of a longer one nobody knows how much memory a table of it takes."""
_Codes = npt.NDArray[np.uint8]
_Numbers = npt.NDArray[np.int64]
_PLAIN = frozenset({str, type(None)})
_ZERO = np.uint8(ord("0"))
_MARKED = np.array([4, 7, 10, 13, 16])
_MARKS = np.frombuffer(b"--T::", dtype=np.uint8)[:, None]
_HEAD = np.arange(_SHORTEST)[:, None]
_DIGITS = np.delete(np.arange(_SHORTEST), _MARKED)
_LEAST, _MOST = (np.array(bounds)[:, None] for bounds in ((0, 0, 1, 1, 0, 0, 0), (99, 99, 12, 31, 23, 59, 59)))
"""The bounds of century, year of it, month, day, hour, minute and second."""
_IN_ANY_MONTH = 28
_MICROS = 10 ** np.arange(5, -1, -1)
_OFFSET_DIGITS = np.array([[-5], [-4], [-2], [-1]])
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
    read = _read_texts(values, zone) or _read_one_by_one(values, zone)
    never = ((read.micros >= _NEVER[0]) & (read.micros < _NEVER[1])) | (read.micros < _YEAR_ONE)
    read.micros[never] = NAT
    known = read.micros != NAT
    outside = known & ((read.micros < EARLIEST) | (read.micros >= LATEST))
    read.out_of_range += int(outside.sum())
    read.micros[outside] = NAT
    if read.clock is not None:
        read.clock[(read.clock < EARLIEST) | (read.clock >= LATEST)] = NAT
    return read


def _read_texts(values: Sequence[Any], zone: dt.tzinfo | None) -> ReadDates | None:
    """The fast way, all at once: texts (or None) in the shape of `YYYY-MM-DDTHH:MM:SS[.f][offset]`; else None."""
    read = ReadDates(np.full(len(values), NAT, dtype=np.int64))
    kinds = set(map(type, values))
    if not kinds <= _PLAIN:
        return None
    texts = [value for value in values if value is not None] if type(None) in kinds else values
    if not len(texts):
        return read
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    joined = "".join(texts)
    if not joined.isascii() or lengths.min() < _SHORTEST or lengths.max() > _LONGEST:
        return None
    codes = np.frombuffer(joined.encode("ascii"), dtype=np.uint8)
    ends = np.cumsum(lengths)
    offsets, cut = _offsets(codes, ends)
    begins = ends - lengths
    micros = _instants(codes, begins, lengths - cut) if offsets is not None else None
    if micros is None or offsets is None:
        return None
    places = (
        np.flatnonzero([value is not None for value in values]) if len(texts) < len(values) else np.arange(len(texts))
    )
    known = cut > 0
    read.micros[places[known]] = (micros - offsets)[known]
    if not known.all():
        _read_clock(read, places[~known], micros[~known], zone)
    return read


def _offsets(codes: _Codes, ends: _Numbers) -> tuple[_Numbers | None, _Numbers]:
    """The offset in microseconds at the end of each text, and its length, 0 without one; None if one is no offset."""
    is_utc = codes[ends - 1] == ord("Z")
    signs = codes[ends - 6]
    has = ~is_utc & ((signs == ord("+")) | (signs == ord("-"))) & (codes[ends - 3] == ord(":"))
    cut = np.where(is_utc, 1, np.where(has, 6, 0))
    offsets = np.zeros(len(ends), dtype=np.int64)
    if has.any():
        digits = codes[ends[has] + _OFFSET_DIGITS] - _ZERO
        hours, minutes = _pairs(digits)
        if digits.max() > 9 or hours.max() > 23 or minutes.max() > 59:
            return None, cut
        offsets[has] = (hours * 60 + minutes) * np.where(signs[has] == ord("-"), -60_000_000, 60_000_000)
    return offsets, cut


def _instants(codes: _Codes, begins: _Numbers, lengths: _Numbers) -> _Numbers | None:
    """What texts without offset say, as microseconds since 1970 of their clock; None if one is no date.

    A text begins at each of `begins` and has one of `lengths`.
    """
    if lengths.min() < _SHORTEST:
        return None
    head = codes[begins + _HEAD]
    digits = head[_DIGITS] - _ZERO
    if (head[_MARKED] != _MARKS).any() or digits.max() > 9:
        return None
    numbers = _pairs(digits)
    century, of_century, months, days, hours, minutes, seconds = numbers
    years = century * 100 + of_century
    if (numbers < _LEAST).any() or (numbers > _MOST).any() or years.min() < 1:
        return None
    month = years * 12 + months - (1970 * 12 + 1)
    first = _days_until(month)
    fractions = _fractions(codes, begins + _SHORTEST, lengths - _SHORTEST)
    if fractions is None or (days.max() > _IN_ANY_MONTH and (first + days > _days_until(month + 1)).any()):
        return None
    since_1970: _Numbers = (((first + days - 1) * 24 + hours) * 60 + minutes) * 60 + seconds
    return since_1970 * 1_000_000 + fractions


def _days_until(months: _Numbers) -> _Numbers:
    """The days from 1970 to the first of each month, which is counted from January 1970."""
    return months.view("datetime64[M]").astype("datetime64[D]").view(np.int64)


def _fractions(codes: _Codes, begins: _Numbers, lengths: _Numbers) -> _Numbers | None:
    """The microseconds of parts `.f`, of which further digits are cut; 0 for an empty part, None if one is no such."""
    longest = int(lengths.max())
    if not longest:
        return np.zeros(len(begins), dtype=np.int64)
    place = np.arange(longest)[:, None]
    part = codes[np.minimum(begins + place, len(codes) - 1)]
    digits = np.where(place < lengths, part - _ZERO, 0)[1:]
    if ((part[0] != ord(".")) & (lengths > 0)).any() or (digits.size and digits.max() > 9):
        return None
    micros = np.zeros(len(begins), dtype=np.int64)
    for value, digit in zip(_MICROS, digits, strict=False):
        micros += value * digit
    return micros


def _pairs(digits: _Codes) -> _Numbers:
    """The numbers of two digits each, of which the rows of `digits` are the tens and the ones in turn."""
    numbers = digits[::2].astype(np.int64)
    numbers *= 10
    numbers += digits[1::2]
    return numbers


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
