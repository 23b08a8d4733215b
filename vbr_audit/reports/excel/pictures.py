"""Pictures on a sheet, each with an alternative text that tells its message."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from openpyxl.drawing.fill import Blip
from openpyxl.drawing.geometry import PresetGeometry2D
from openpyxl.drawing.image import Image
from openpyxl.drawing.picture import PictureFrame
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, OneCellAnchor
from openpyxl.drawing.xdr import XDRPositiveSize2D

from vbr_audit.display import shorten
from vbr_audit.spreadsheet.cells import Sheet, xml_text

if TYPE_CHECKING:
    from vbr_audit.reports.charts.chart_list import ChartPlan

PIXELS_PER_INCH: Final = 96
_EMU_PER_PIXEL: Final = 914_400 // PIXELS_PER_INCH
_HIGHEST: Final = 6.6
"""Inches of a printed page that a picture may take."""
_ROW_PIXELS: Final = 20
"""The height of a row of plain text."""
_LONGEST_ALT: Final = 2_000


def picture_rows(plan: ChartPlan) -> int:
    """How many rows of plain text the picture of a chart covers."""
    return -(-_size_of(plan)[1] // _ROW_PIXELS)


def _size_of(plan: ChartPlan) -> tuple[int, int]:
    """Width and height in pixels: as drawn, but no higher than a printed page."""
    from vbr_audit.reports.charts.images import WIDTH

    shrunk = min(1.0, _HIGHEST / plan.inches)
    return round(WIDTH * shrunk * PIXELS_PER_INCH), round(plan.inches * shrunk * PIXELS_PER_INCH)


def add_picture(sheet: Sheet, plan: ChartPlan, row: int, number: int) -> None:
    """Lay a chart over the sheet, its upper edge in `row`, as the picture of this `number`.

    openpyxl calls every picture just `Picture`; it keeps the frame of an anchor that brings its own.
    """
    from vbr_audit.reports.charts.images import draw_png
    from vbr_audit.reports.charts.paint import LIGHT

    width, height = _size_of(plan)
    image = Image(io.BytesIO(draw_png(plan.draw, LIGHT, plan.inches, solid=True)))
    frame = PictureFrame()
    properties = frame.nvPicPr.cNvPr
    properties.id, properties.name = number, f"{number}. {xml_text(plan.title)}"
    properties.descr = xml_text(shorten(plan.alt, _LONGEST_ALT))
    frame.blipFill.blip = Blip(cstate="print")
    frame.spPr.prstGeom = PresetGeometry2D(prst="rect")
    frame.spPr.ln = None
    image.anchor = OneCellAnchor(
        _from=AnchorMarker(col=0, row=row - 1),
        ext=XDRPositiveSize2D(width * _EMU_PER_PIXEL, height * _EMU_PER_PIXEL),
        pic=frame,
    )
    sheet.add_image(image)
