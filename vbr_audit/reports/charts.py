"""The charts of the report: SVG images with a text that tells their message, and the numbers as a table.

They are embedded as images, never as inline SVG, because its `style` attributes would break the page's content
security policy. Each comes in the colours of a light and of a dark page. Equal numbers give equal bytes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vbr_audit.display import count, day, number, percent
from vbr_audit.reports.plot import DARK, LIGHT, Paint, draw_areas, draw_daily_runs
from vbr_audit.reports.words import STATUS_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from vbr_audit.findings.results import AreaCount, Summary
    from vbr_audit.reports.context import ReportContext
    from vbr_audit.reports.daily import DailyRuns

WIDTH = 9.6
"""Inches; the page scales the image to its column."""


@dataclass(frozen=True)
class Chart:
    """A chart as the page shows it: two images for two colour schemes, its message, its numbers."""

    title: str
    alt: str
    light: str
    dark: str
    width: int
    height: int
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def make_charts(context: ReportContext) -> tuple[Chart, ...]:
    """The charts of a report; one without anything to show is left out."""
    charts = []
    if any(context.daily_runs.totals.values()):
        charts.append(_runs_chart(context.daily_runs, context.summary, context.zone_name))
    if context.summary.by_area:
        charts.append(_areas_chart(context.summary.by_area))
    return tuple(charts)


def _runs_chart(runs: DailyRuns, summary: Summary, zone: str) -> Chart:
    parts = ", ".join(f"{number(total)} {result}" for result, total in runs.totals.items())
    worst = _worst_step(runs)
    return _chart(
        title=f"Finished runs a {runs.step}",
        alt=f"Stacked bars of finished runs a {runs.step} ({zone}): {parts}. "
        f"{percent(summary.success_rate)} succeeded.{worst}",
        draw=lambda axes, paint: draw_daily_runs(axes, runs, paint),
        inches=3.3,
        headers=(runs.step.capitalize(), *runs.results),
        rows=tuple(
            (day(start), *(number(runs.counts[result][index]) for result in runs.results))
            for index, start in enumerate(runs.starts)
        ),
    )


def _worst_step(runs: DailyRuns) -> str:
    failed = runs.counts.get("Failed", ())
    if not any(failed):
        return " No run failed."
    index = max(range(len(failed)), key=failed.__getitem__)
    return f" Most failures: {number(failed[index])} on {day(runs.starts[index])}."


def _areas_chart(areas: Sequence[AreaCount]) -> Chart:
    shown = [status for status in STATUS_WORDS if any(entry.counts.get(status, 0) for entry in areas)]
    message = "; ".join(
        f"{entry.area}: {count(entry.counts.get('FAIL', 0), 'failing finding')}, {percent(entry.compliance)} compliant"
        for entry in areas
    )
    return _chart(
        title="Findings by area and status",
        alt=f"Stacked bars of findings by area and status. {message}.",
        draw=lambda axes, paint: draw_areas(axes, areas, paint),
        inches=1.1 + 0.5 * len(areas),
        headers=("Area", *(STATUS_WORDS[status].capitalize() for status in shown)),
        rows=tuple((entry.area, *(number(entry.counts.get(status, 0)) for status in shown)) for entry in areas),
    )


def _chart(
    *,
    title: str,
    alt: str,
    draw: Callable[[Axes, Paint], None],
    inches: float,
    headers: tuple[str, ...],
    rows: tuple[tuple[str, ...], ...],
) -> Chart:
    light, dark = (_data_uri(draw_svg(draw, paint, inches)) for paint in (LIGHT, DARK))
    return Chart(title, alt, light, dark, round(WIDTH * 96), round(inches * 96), headers, rows)


def draw_svg(draw: Callable[[Axes, Paint], None], paint: Paint, inches: float) -> bytes:
    """An SVG image of what `draw` puts on axes: equal input, equal bytes, whatever the user's matplotlib settings."""
    import matplotlib
    from matplotlib import style
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with style.context("default"), matplotlib.rc_context({"svg.hashsalt": "vbr-audit", "hatch.linewidth": 0.9}):
        figure = Figure(figsize=(WIDTH, inches), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots(), paint)
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
