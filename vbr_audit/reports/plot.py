"""Drawings on matplotlib axes, for notebooks and for the charts of the report.

Every state has its colour, its hatch and its word, so that a drawing also reads in grey. Nothing here changes
matplotlib's settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vbr_audit.display import day, time_zone
from vbr_audit.reports.daily import DailyRuns, count_daily_runs
from vbr_audit.reports.words import STATUS_WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.results import AreaCount, Results


@dataclass(frozen=True)
class Paint:
    """The colours of text and lines, and of the page behind them."""

    ink: str = "#1b1f24"
    line: str = "#c3c9d0"
    page: str = "#ffffff"


LIGHT = Paint()
DARK = Paint(ink="#e6e9ed", line="#4a525c", page="#14181d")

FILLS = {
    "Success": ("#3a9178", ""),
    "Warning": ("#b87d00", "\\\\\\\\"),
    "Failed": ("#c9490f", "////"),
    "PASS": ("#3a9178", ""),
    "FAIL": ("#c9490f", "////"),
    "WAIVED": ("#3b7bc4", "----"),
    "UNKNOWN": ("#8467b5", "||||"),
    "ERROR": ("#b8357c", "xxxx"),
    "NOT_APPLICABLE": ("#8a939d", ""),
}
OTHER = ("#8a939d", "++++")


def sessions_per_day(snapshot: Snapshot, ax: Axes | None = None) -> Axes:
    """Draw the finished job sessions of a snapshot by day, stacked by result; return the axes."""
    axes = ax or _new_axes()
    draw_daily_runs(axes, count_daily_runs(snapshot, time_zone(snapshot.timezone)), LIGHT)
    return axes


def statuses_by_area(results: Results, ax: Axes | None = None) -> Axes:
    """Draw the findings of each area by status; return the axes."""
    axes = ax or _new_axes()
    draw_areas(axes, results.summary.by_area, LIGHT)
    return axes


def draw_daily_runs(axes: Axes, runs: DailyRuns, paint: Paint) -> None:
    """Stacked bars, one per day or week."""
    positions = list(range(len(runs.starts)))
    base = [0] * len(positions)
    for result in runs.results:
        values = runs.counts[result]
        colour, hatch = FILLS.get(result, OTHER)
        axes.bar(
            positions,
            values,
            0.86,
            bottom=base,
            label=legend_word(result),
            color=colour,
            hatch=hatch,
            edgecolor=paint.page,
            linewidth=0.6,
        )
        base = [below + value for below, value in zip(base, values, strict=True)]
    every = max(1, -(-len(positions) // 8))
    axes.set_xticks(positions[::every], [day(start).rsplit(" ", 1)[0] for start in runs.starts[::every]])
    axes.set_xlim(-0.6, len(positions) - 0.4)
    axes.set_ylim(0, max([*base, 1]) * 1.08)
    axes.set_ylabel(f"finished runs a {runs.step}")
    _whole_numbers(axes.yaxis)
    _finish(axes, paint, grid="y")
    _legend(axes, paint)


def legend_word(word: str) -> str:
    """A word of a server's as a legend can hold it: short, in plain letters, no formula, not hidden."""
    letters = "".join(char if char.isascii() and char.isprintable() else "?" for char in word)
    return (letters.lstrip("_")[:24] or "?").replace("$", r"\$")


def draw_areas(axes: Axes, areas: Sequence[AreaCount], paint: Paint) -> None:
    """Horizontal bars, one per area, the first on top."""
    names = [entry.area for entry in areas]
    base = [0] * len(names)
    for status, word in STATUS_WORDS.items():
        values = [entry.counts.get(status, 0) for entry in areas]
        if not any(values):
            continue
        colour, hatch = FILLS[status]
        axes.barh(
            names, values, 0.62, left=base, label=word, color=colour, hatch=hatch, edgecolor=paint.page, linewidth=0.6
        )
        base = [below + value for below, value in zip(base, values, strict=True)]
    axes.invert_yaxis()
    axes.set_xlim(0, max([*base, 1]) * 1.03)
    axes.set_xlabel("findings")
    _whole_numbers(axes.xaxis)
    _finish(axes, paint, grid="x")
    _legend(axes, paint)


def _new_axes() -> Axes:
    from matplotlib import pyplot

    _, axes = pyplot.subplots(figsize=(9, 3.4), layout="constrained")
    return axes


def _whole_numbers(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _finish(axes: Axes, paint: Paint, *, grid: str) -> None:
    axes.set_facecolor("none")
    axes.set_axisbelow(True)
    axes.grid(visible=True, axis="both", color="none")
    axes.grid(visible=True, axis="y" if grid == "y" else "x", color=paint.line, linewidth=0.6)
    for side in ("top", "right", "left" if grid == "y" else "bottom"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(paint.line)
    axes.tick_params(colors=paint.ink, length=0, labelsize=9.5)
    axes.xaxis.label.set_color(paint.ink)
    axes.yaxis.label.set_color(paint.ink)


def _legend(axes: Axes, paint: Paint) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=len(labels),
            frameon=False,
            labelcolor=paint.ink,
            fontsize=9.5,
            handlelength=1.6,
            columnspacing=1.4,
            borderaxespad=0.3,
        )
