"""Spans of time as people write them: `90s`, `30m`, `1h30m`."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Final

from vbr_audit.errors import ConfigurationError

Duration = str | float | dt.timedelta
"""A text such as `30m`, a number of seconds, or a `timedelta`."""

_LEAST_S, _MOST_S = 1.0, 7 * 86_400.0
_NUMBER: Final = r"\d+(?:\.\d+)?"
_FORM: Final = re.compile(rf"(?:({_NUMBER})\s*h)?\s*(?:({_NUMBER})\s*m(?:in)?)?\s*(?:({_NUMBER})\s*s)?")


def seconds_of(duration: Duration) -> float:
    """The seconds of `duration`, from one second to seven days; raises `ConfigurationError` for anything else.

    A text needs its unit: a bare `30` could be seconds or minutes.
    """
    if isinstance(duration, dt.timedelta):
        seconds = duration.total_seconds()
    elif isinstance(duration, str):
        parts = _FORM.fullmatch(duration.strip().lower())
        if parts is None or not any(parts.groups()):
            raise ConfigurationError(
                f"not a span of time: {duration[:50]!r}", hint="Write it with its unit: 90s, 30m, 2h or 1h30m."
            )
        seconds = sum(float(part) * unit for part, unit in zip(parts.groups(), (3600, 60, 1), strict=True) if part)
    else:
        seconds = float(duration)
    if not (math.isfinite(seconds) and _LEAST_S <= seconds <= _MOST_S):
        raise ConfigurationError(f"a span of {seconds:g} seconds", hint="Give one second to seven days (168h).")
    return seconds


def duration_text(seconds: float) -> str:
    """`seconds` in the largest unit that is even: `90 s`, `30 min`, `2 h`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
