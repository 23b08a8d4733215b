"""A chart of many cells as a picture for a workbook: equal numbers give equal bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vbr_audit.reports.charts.paint import Paint, light_paint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.6
"""Inches."""

_COLOURS = 64
"""A picture of cells needs no more, and is a third of the size."""

Draw = Callable[["Axes", Paint], None]


def draw_png(draw: Draw, inches: float, *, dots: int = 144) -> bytes:
    """A PNG image, `inches` high and `dots` per inch, of what `draw` puts on axes.

    Equal input gives equal bytes, whatever the user's matplotlib settings.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    with _drawn(draw, light_paint(), inches) as figure:
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
def _drawn(draw: Draw, paint: Paint, inches: float) -> Iterator[Figure]:
    """The figure in the settings that it is to be written in.

    It is written by its canvas itself: `savefig` would draw it twice.
    """
    import matplotlib
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context("default"), matplotlib.rc_context({"hatch.linewidth": 0.9}):
        figure = Figure(figsize=(WIDTH, inches), layout="constrained", facecolor=paint.page)
        draw(figure.subplots(), paint)
        yield figure
