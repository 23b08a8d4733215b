"""The charts of the page: drawings within it, with a title that says the finding, and the numbers as a table."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vbr_audit.reports.charts.chart_list import chart_plans
from vbr_audit.reports.charts.vector import draw

if TYPE_CHECKING:
    from markupsafe import Markup

    from vbr_audit.reports.context import ReportContext


@dataclass(frozen=True)
class Chart:
    """A chart as the page shows it: what it finds, what it shows, and both in words; its drawings; its numbers.

    `wide` and `narrow` are SVG elements, for a page and for a phone, of which the style shows one.
    """

    name: str
    title: str
    subject: str
    alt: str
    wide: Markup
    narrow: Markup
    width: int
    height: int
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    section: str

    @property
    def image(self) -> str:
        """The wide drawing as a `data:` address, for a template that shows it as an image."""
        svg = str(self.wide).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def make_charts(context: ReportContext) -> tuple[Chart, ...]:
    """The charts of a report, drawn; one without anything to show is left out. Equal runs give equal charts."""
    charts = []
    for plan in chart_plans(context):
        told = (plan.shape, plan.name, plan.title, plan.alt)
        wide, narrow = draw(*told, is_wide=True), draw(*told, is_wide=False)
        width, height = _size_of(wide)
        charts.append(
            Chart(
                *(plan.name, plan.title, plan.subject, plan.alt, wide, narrow, width, height),
                *(plan.headers, plan.rows, plan.section),
            )
        )
    return tuple(charts)


def _size_of(svg: str) -> tuple[int, int]:
    _, _, width, height = svg.split('viewBox="', 1)[1].split('"', 1)[0].split()
    return round(float(width)), round(float(height))
