"""Whose clock is the clock of a run over several servers, and what to say where their clocks differ."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

_SAME_S = 300.0
_TOLD_S = 60.0


def leading_clock(skews_s: Mapping[str, float]) -> str | None:
    """The server whose clock the run goes by: the first one, unless it stands alone with its time.

    `skews_s` are the seconds by which each server's clock is ahead of this computer's. A clock that is far from the
    middle of all of them, this computer's included where it is needed to break a tie, leads only if none is nearer.
    """
    if not skews_s:
        return None
    clocks = list(skews_s.values())
    middle = statistics.median(clocks if len(clocks) % 2 else [*clocks, 0.0])
    nearest = min(abs(skew - middle) for skew in clocks)
    return next(name for name, skew in skews_s.items() if abs(skew - middle) <= nearest + _SAME_S)


def clock_warnings(skews_s: Mapping[str, float], leading: str) -> tuple[str, ...]:
    """A line for each server whose clock is a minute or more off that of `leading`."""
    lines = []
    for name, skew in skews_s.items():
        off = skew - skews_s[leading]
        if abs(off) >= _TOLD_S:
            lines.append(
                f"{name}: its clock is {abs(off):,.0f} seconds {'ahead of' if off > 0 else 'behind'} that of "
                f"{leading}, by which this run goes: ages and the end of the period are off by as much for its rows"
            )
    return tuple(lines)
