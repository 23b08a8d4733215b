"""The drawings on matplotlib axes, one function each, for the charts of the report and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vbr_audit.display import count, percent
from vbr_audit.reports.charts.chart_list import BARS_DRAWN, short_day
from vbr_audit.reports.charts.paint import (
    Paint,
    fill_of,
    finish,
    legend_word,
    name_label,
    put_legend,
    whole_numbers,
)
from vbr_audit.reports.words import STATUS_WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

    from vbr_audit.findings.results import AreaCount
    from vbr_audit.reports.charts.shapes import Cells
    from vbr_audit.reports.figures.digits import Protection
    from vbr_audit.reports.figures.repository_space import RepositorySpace
    from vbr_audit.reports.figures.runs import DailyRuns, SlowRun, SuccessTrend


def draw_daily_runs(axes: Axes, runs: DailyRuns, paint: Paint) -> None:
    """Stacked bars, one per day or week."""
    positions = list(range(len(runs.starts)))
    base = [0] * len(positions)
    for result in runs.results:
        values = runs.counts[result]
        colour, hatch = fill_of(result)
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
    axes.set_xticks(positions[::every], [short_day(start) for start in runs.starts[::every]])
    axes.set_xlim(-0.6, len(positions) - 0.4)
    axes.tick_params(axis="x", pad=6)
    axes.set_ylim(0, max([*base, 1]) * 1.08)
    axes.set_ylabel(f"finished runs a {runs.step}")
    whole_numbers(axes.yaxis)
    finish(axes, paint, grid="y")
    put_legend(axes, paint)


def draw_trend(axes: Axes, trend: SuccessTrend, paint: Paint) -> None:
    """A line of the success rate, each step with its number; steps without runs are gaps."""
    positions = list(range(len(trend.starts)))
    rates = [float("nan") if rate is None else rate * 100 for rate in trend.rates]
    known = [rate for rate in rates if rate == rate]
    colour = fill_of("used")[0]
    axes.plot(positions, rates, marker="o", markersize=7, linewidth=2, color=colour, markeredgecolor=paint.page)
    for at, rate in zip(positions, trend.rates, strict=True):
        if rate is not None:
            axes.annotate(
                percent(rate),
                (at, rate * 100),
                (0, 9),
                textcoords="offset points",
                ha="center",
                color=paint.ink,
                fontsize=9.5,
            )
    lowest = min([*known, 100.0])
    axes.set_ylim(max(0.0, lowest - max(2.0, (100 - lowest) * 0.3)), 100 + max(1.0, (100 - lowest) * 0.25))
    axes.set_yticks([tick for tick in axes.get_yticks() if tick <= 100])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.set_xticks(positions, [short_day(start) for start in trend.starts])
    axes.set_xlim(-0.5, len(positions) - 0.5)
    axes.set_ylabel(f"success rate a {trend.step}")
    finish(axes, paint, grid="y")


def draw_calendar(axes: Axes, cells: Cells, paint: Paint) -> None:
    """One row per job, the worst on top, and one cell per day; a bad day has a hatch as well."""
    from matplotlib.patches import Patch, PathPatch

    handles = []
    for state, word in cells.words:
        colour, hatch = fill_of(state)
        places = [(x, y) for y, row in enumerate(cells.rows) for x, held in enumerate(row) if held == state]
        # All cells of a state as one path: the hatch is drawn once, and not for each of hundreds.
        axes.add_patch(
            PathPatch(
                _rectangles(places),
                facecolor=colour,
                edgecolor=paint.page,
                hatch=hatch[:3] or None,
                linewidth=0.5,
                snap=True,
            )
        )
        handles.append(Patch(facecolor=colour, edgecolor=paint.page, hatch=hatch, label=word))
    every = max(1, -(-len(cells.days) // 10))
    axes.set_xticks(range(0, len(cells.days), every), [short_day(one) for one in cells.days[::every]])
    axes.set_yticks(range(len(cells.names)), [name_label(name) for name in cells.names])
    axes.set_xlim(-0.6, len(cells.days) - 0.4)
    axes.set_ylim(len(cells.names) - 0.4, -0.6)
    finish(axes, paint)
    axes.tick_params(labelsize=8)
    put_legend(axes, paint, handles)


def _rectangles(places: Sequence[tuple[int, int]]) -> Path:
    """The cells at these columns and rows as one path."""
    from matplotlib.path import Path

    corners = np.array([(-0.44, -0.42), (0.44, -0.42), (0.44, 0.42), (-0.44, 0.42), (-0.44, -0.42)])
    codes = np.array([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], dtype=Path.code_type)
    middles = np.array(places, dtype=float).reshape(-1, 1, 2)
    return Path((middles + corners).reshape(-1, 2), np.tile(codes, len(places)))


def draw_slow_runs(axes: Axes, runs: Sequence[SlowRun], paint: Paint) -> None:
    """Per job a line from its median run (circle) to its longest one (diamond), in minutes."""
    positions = list(range(len(runs)))
    usual = [run.median_s / 60 for run in runs]
    longest = [run.slowest_s / 60 for run in runs]
    axes.hlines(positions, usual, longest, color=paint.line, linewidth=3)
    for values, marker, colour, word in (
        (usual, "o", fill_of("used")[0], "median of the job"),
        (longest, "D", fill_of("Failed")[0], "longest run"),
    ):
        axes.scatter(values, positions, s=55, marker=marker, color=colour, edgecolor=paint.page, label=word, zorder=3)
    axes.set_yticks(positions, [name_label(run.name) for run in runs])
    axes.invert_yaxis()
    axes.set_xlim(0, max([*longest, 1]) * 1.05)
    axes.set_xlabel("minutes")
    whole_numbers(axes.xaxis)
    finish(axes, paint, grid="x")
    put_legend(axes, paint)


def draw_capacity(axes: Axes, all_spaces: Sequence[RepositorySpace], paint: Paint) -> None:
    """Per repository how much of it is used and free, in percent, the fullest on top.

    One of unknown capacity has no bar: how many those are stands below.
    """
    known = [(space, space.free_share) for space in all_spaces if space.free_share is not None]
    unknown = len(all_spaces) - len(known)
    spaces = [space for space, _ in known[:BARS_DRAWN]]
    positions = list(range(len(spaces)))
    free = [share * 100 for _, share in known[:BARS_DRAWN]]
    used = [100 - share for share in free]
    _bars(axes, [("used", fill_of("used"), used), ("free", (paint.idle, ""), free)], edge=paint.line)
    _at_right(axes, [percent(space.free_share) for space in spaces], paint)
    axes.set_yticks(positions, [name_label(space.name) for space in spaces])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    silent = f"\nnot drawn: {count(unknown, 'repository', 'repositories')} of unknown capacity" if unknown else ""
    axes.set_xlabel(f"% of the capacity; free share at the right{silent}")
    finish(axes, paint, grid="x")
    put_legend(axes, paint)


def draw_protection(axes: Axes, protection: Protection, paint: Paint) -> None:
    """Per digit of 3-2-1-1-0 the objects that meet it, do not, or are not known to."""
    labels = [f"{digit.digit} {digit.word}" for digit in protection.digits]
    parts = (
        ("PASS", "yes", [float(digit.met) for digit in protection.digits]),
        ("FAIL", "no", [float(digit.not_met) for digit in protection.digits]),
        ("UNKNOWN", "not known", [float(digit.not_known) for digit in protection.digits]),
    )
    _stack(axes, labels, parts, paint)
    axes.set_xlabel("protected objects")


def draw_areas(axes: Axes, areas: Sequence[AreaCount], paint: Paint) -> None:
    """Per area the shares of its findings by status, their number at the right; the first area on top."""
    totals = [sum(entry.counts.values()) for entry in areas]
    parts = [
        (status, word, [_share(entry.counts.get(status, 0), total) for entry, total in zip(areas, totals, strict=True)])
        for status, word in STATUS_WORDS.items()
    ]
    _stack(axes, [entry.area for entry in areas], parts, paint)
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the findings of the area; their number at the right")
    _at_right(axes, [f"{total:,}" for total in totals], paint)


def _share(part: int, total: int) -> float:
    return part / total * 100 if total else 0.0


def _at_right(axes: Axes, texts: Sequence[str], paint: Paint) -> None:
    """One text beside each bar of a chart that ends at 100."""
    for at, text in enumerate(texts):
        axes.annotate(
            text,
            (100, at),
            (6, 0),
            textcoords="offset points",
            va="center",
            color=paint.ink,
            fontsize=9.5,
            annotation_clip=False,
        )


def draw_severities(axes: Axes, failing: Sequence[tuple[str, int]], paint: Paint) -> None:
    """One bar per severity with the number of failing findings, the worst on top."""
    _stack(
        axes, [severity for severity, _ in failing], [("FAIL", "fail", [float(count) for _, count in failing])], paint
    )
    axes.set_xlabel("failing findings")


def _stack(axes: Axes, labels: Sequence[str], parts: Sequence[tuple[str, str, list[float]]], paint: Paint) -> None:
    """Stacked horizontal bars; a part without anything is left out."""
    shown = [(word, fill_of(state), values) for state, word, values in parts if any(values)]
    ends = _bars(axes, shown, edge=paint.page)
    axes.set_yticks(list(range(len(labels))), [name_label(label) for label in labels])
    axes.invert_yaxis()
    axes.set_xlim(0, max([*ends, 1]) * 1.03)
    whole_numbers(axes.xaxis)
    finish(axes, paint, grid="x")
    put_legend(axes, paint)


def _bars(axes: Axes, parts: Sequence[tuple[str, tuple[str, str], list[float]]], *, edge: str) -> list[float]:
    """Horizontal bars, one part after the other, each with its word, its colour and its hatch; return their ends."""
    ends: list[float] = []
    for word, (colour, hatch), values in parts:
        ends = ends or [0.0] * len(values)
        places = list(range(len(values)))
        axes.barh(places, values, 0.62, left=ends, label=word, color=colour, hatch=hatch, edgecolor=edge, linewidth=0.6)
        ends = [below + value for below, value in zip(ends, values, strict=True)]
    return ends
