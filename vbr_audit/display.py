"""How values look to a reader: one wording for numbers, dates and names.

Names come from other people's systems. `plain` shows everything that could steer a terminal or reorder a line. A value
that is not known is shown as `NOT_KNOWN`, never as an empty cell or a zero.
"""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NOT_KNOWN = "not known"

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

# C0 and C1 controls, marks and overrides of text direction, separators of lines and paragraphs, characters
# without width, invisible tags, lone surrogates, non-characters. Joiners (U+200C, U+200D) stay: scripts and
# emoji need them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
_FIXED_OFFSET = re.compile(r"UTC(?:([+-])(\d{2}):(\d{2}))?")


def is_known(value: object) -> bool:
    """Whether `value` is known: False for None, NaN, NaT and pandas' NA."""
    if value is None:
        return False
    try:
        return bool(value == value)
    except TypeError:  # pandas' NA refuses to be true or false
        return False
    except ValueError:  # so does a list of several values, which is known
        return True


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"⟨U+{code:04X}⟩"


def plain(value: object, *, lines: bool = False) -> str:
    """`value` as text that can neither steer a terminal nor reorder its line.

    Control characters become their pictures (ESC: ␛), marks of text direction and invisible characters their
    code point (⟨U+202E⟩). With `lines`, line feeds and tabs stay. What is not known gives `NOT_KNOWN`.
    """
    if not is_known(value):
        return NOT_KNOWN
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    if lines:
        text = text.replace("\r\n", "\n")
        return _UNSAFE.sub(lambda match: match.group() if match.group() in "\n\t" else _visible(match), text)
    return _UNSAFE.sub(_visible, text)


def encodable(text: str) -> str:
    """`text` with a question mark for each lone surrogate, which has no UTF-8: no file and no export could hold it.

    Python makes them of the bytes of file names and arguments that are no UTF-8.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def shorten(value: object, limit: int = 80) -> str:
    """`plain(value)`, cut to `limit` characters with an ellipsis."""
    text = plain(value)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def number(value: float | None, digits: int = 0) -> str:
    """`3214` as `3,214`; with `digits` decimals."""
    if value is None or not is_known(value):
        return NOT_KNOWN
    return f"{value:,.{digits}f}"


def count(value: int | None, singular: str, plural: str | None = None) -> str:
    """A number with its noun: `1 job`, `3,214 jobs`."""
    noun = singular if value == 1 else plural or f"{singular}s"
    return f"{number(value)} {noun}"


def percent(fraction: float | None, digits: int = 1) -> str:
    """`0.831` as `83.1 %`. What is not all is never rounded to 100 %, what is not nothing never to 0 %."""
    if fraction is None or not is_known(fraction):
        return NOT_KNOWN
    step = 10.0**-digits
    value = round(fraction * 100, digits)
    if fraction < 1 and value >= 100:
        value = 100 - step
    if fraction > 0 and value <= 0:
        value = step
    return f"{value:.{digits}f} %"


def duration(seconds: float | None) -> str:
    """`3900` as `1 h 05 min`, `42` as `42 s`, `90061` as `1 d 1 h`."""
    if seconds is None or not is_known(seconds):
        return NOT_KNOWN
    sign, whole = ("−" if seconds < 0 else ""), round(abs(seconds))
    if whole < 60:
        return f"{sign}{whole} s"
    if whole < 3600:
        return f"{sign}{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{sign}{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{sign}{whole // 86_400} d {whole % 86_400 // 3600} h"


def size(octets: float | None) -> str:
    """`1536` as `1.5 KiB`."""
    if octets is None or not is_known(octets):
        return NOT_KNOWN
    value, unit = float(octets), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"


def time_zone(name: str) -> dt.tzinfo:
    """The zone called `name`: an IANA name, `UTC`, or an offset such as `UTC+02:00`; raises `ValueError`."""
    match = _FIXED_OFFSET.fullmatch(name)
    if match:
        sign, hours, minutes = match.groups()
        if not sign:
            return dt.UTC
        offset = dt.timedelta(hours=int(hours), minutes=int(minutes))
        return dt.timezone(offset if sign == "+" else -offset, name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"not a time zone: {plain(name)!r}") from error


def iso(moment: dt.datetime | None) -> str:
    """An aware moment as ISO 8601 in UTC, to the second: `2026-11-01T06:00:00Z`."""
    if moment is None or not is_known(moment):
        return NOT_KNOWN
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(date: dt.date | None) -> str:
    """`1 November 2026`, in every locale."""
    if date is None or not is_known(date):
        return NOT_KNOWN
    return f"{date.day} {MONTHS[date.month - 1]} {date.year}"


def moment(value: dt.datetime | None, zone: dt.tzinfo, name: str | None = None) -> str:
    """An aware moment on a reader's clock: `1 November 2026, 07:00 (Europe/Berlin)`; `name` is the zone's."""
    if value is None or not is_known(value):
        return NOT_KNOWN
    local = value.astimezone(zone)
    return f"{day(local)}, {local:%H:%M} ({name or zone})"


def period_text(since: dt.datetime, until: dt.datetime, zone: dt.tzinfo, name: str | None = None) -> str:
    """A period that begins with `since` and ends before `until`, in whole days where it consists of them.

    `1 to 31 October 2026 (Europe/Berlin)`, `28 September to 27 October 2026 (UTC)`, or both ends with times.
    """
    first, end, label = since.astimezone(zone), until.astimezone(zone), f"({name or zone})"
    midnight = dt.time()
    if first.time() != midnight or end.time() != midnight or end <= first:
        return f"{day(first)}, {first:%H:%M} to before {day(end)}, {end:%H:%M} {label}"
    last = end.date() - dt.timedelta(days=1)
    if last == first.date():
        return f"{day(last)} {label}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day(last)} {label}"
    start = day(first) if first.year != last.year else day(first).rsplit(" ", 1)[0]
    return f"{start} to {day(last)} {label}"
