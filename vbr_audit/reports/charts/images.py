"""The charts of the page: images with a text that tells their message, and the numbers as a table.

They are embedded as images, never as inline SVG, because its `style` attributes would break the page's content
security policy. On a dark page their lightness is turned round by the style sheet. Equal numbers give equal bytes.
"""

from __future__ import annotations

import base64
import io
import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vbr_audit.reports.charts.chart_list import ChartPlan, chart_plans
from vbr_audit.reports.charts.paint import LIGHT, Paint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vbr_audit.reports.context import ReportContext

WIDTH = 9.6
"""Inches; the page scales the image to its column."""

_COLOURS = 64
"""A picture of cells needs no more, and is a third of the size."""

Draw = Callable[["Axes", Paint], None]


@dataclass(frozen=True)
class Chart:
    """A chart as the page shows it: its image as a `data:` address, its message, its numbers."""

    name: str
    title: str
    alt: str
    image: str
    width: int
    height: int
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    section: str


def make_charts(context: ReportContext) -> tuple[Chart, ...]:
    """The charts of a report, drawn; one without anything to show is left out."""
    return tuple(_chart(plan) for plan in chart_plans(context))


@dataclass(frozen=True)
class Picture:
    """An image of a chart, equal to every other that shows the same in the same way."""

    plan: ChartPlan = field(compare=False)
    shown: bytes
    kind: str
    is_solid: bool


def image_of(plan: ChartPlan, kind: str, *, solid: bool = False) -> bytes:
    """A chart as an image of `kind`, `png` or `svg+xml`; one that was drawn before is not drawn again."""
    return rendered(Picture(plan, pickle.dumps((plan.draw, plan.facts, plan.inches)), kind, solid))


@lru_cache(maxsize=64)
def rendered(picture: Picture) -> bytes:
    """The bytes of an image."""
    plan = picture.plan

    def draw(axes: Axes, paint: Paint) -> None:
        plan.draw(axes, plan.facts, paint)

    if picture.kind == "png":
        return draw_png(draw, LIGHT, plan.inches, solid=picture.is_solid)
    return draw_svg(draw, LIGHT, plan.inches)


def _chart(plan: ChartPlan) -> Chart:
    kind = "png" if plan.is_bitmap else "svg+xml"
    image = image_of(plan, kind)
    uri = f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
    size = round(WIDTH * 96), round(plan.inches * 96)
    return Chart(plan.name, plan.title, plan.alt, uri, *size, plan.headers, plan.rows, plan.section)


def draw_svg(draw: Draw, paint: Paint, inches: float) -> bytes:
    """An SVG image of what `draw` puts on axes: equal input, equal bytes, whatever the user's matplotlib settings."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.BytesIO()
    with _drawn(draw, paint, inches, "none") as figure:
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(stream, metadata={"Date": None, "Creator": None})
    return _squeezed(stream.getvalue().decode()).encode()


def draw_png(draw: Draw, paint: Paint, inches: float, *, dots: int = 144, solid: bool = False) -> bytes:
    """A PNG image as `draw_svg` makes an SVG: `dots` per inch, see-through unless `solid`; equal input, equal bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    with _drawn(draw, paint, inches, paint.page if solid else "none") as figure:
        figure.set_dpi(dots)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        size = canvas.get_width_height()
        image = Image.frombuffer("RGBA", size, bytes(canvas.buffer_rgba()), "raw", "RGBA", 0, 1)
    few = image.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE)
    stream = io.BytesIO()
    few.save(stream, "png", optimize=True, dpi=(dots, dots))
    return stream.getvalue()


@contextmanager
def _drawn(draw: Draw, paint: Paint, inches: float, face: str) -> Iterator[Figure]:
    """The figure on a ground of `face`, in the settings that it is to be written in.

    It is written by its canvas itself: `savefig` would draw it twice.
    """
    import matplotlib
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context("default"), matplotlib.rc_context({"svg.hashsalt": "vbr-audit", "hatch.linewidth": 0.9}):
        figure = Figure(figsize=(WIDTH, inches), layout="constrained", facecolor=face)
        draw(figure.subplots(), paint)
        yield figure


def _squeezed(svg: str) -> str:
    """The image without what a reader never sees: comments, line breaks, names of parts, hundredths of a pixel."""
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="(?:patch|text|line2d|[xy]tick|axes|figure|legend|matplotlib|PathColl|LineColl)[^"]*"', "", svg)
    svg = re.sub(r' d="[^"]*"| [xy]="[^"]*"|translate\([^)]*', lambda part: _rounded(part[0]), svg)
    svg = svg.replace("; stroke-linejoin: miter", "")
    return re.sub(r">\s+<", "><", re.sub(r"\s*\n\s*", " ", svg))


def _rounded(part: str) -> str:
    return re.sub(r"(\d\.\d)\d+", r"\1", part)
