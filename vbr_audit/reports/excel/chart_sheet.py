"""The sheet of charts: native ones of a spreadsheet, each under what it finds, and below them the cells that they read.

A chart of many cells is a picture. Each has an alternative text that tells its message.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from openpyxl.chart import BarChart, LineChart
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.layout import Layout
from openpyxl.chart.marker import DataPoint, Marker
from openpyxl.chart.reference import Reference
from openpyxl.chart.series import Series as NativeSeries
from openpyxl.chart.series_factory import SeriesFactory
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.colors import ColorChoice
from openpyxl.drawing.fill import Blip, PatternFillProperties
from openpyxl.drawing.geometry import PresetGeometry2D
from openpyxl.drawing.image import Image
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.picture import PictureFrame
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, OneCellAnchor
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties, RegularTextRun
from openpyxl.drawing.xdr import XDRPositiveSize2D
from openpyxl.worksheet.pagebreak import Break

from vbr_audit.display import shorten
from vbr_audit.reports.charts.chart_list import chart_plans
from vbr_audit.reports.charts.palette import look_of, tones
from vbr_audit.reports.charts.shapes import Bars, Cells, Columns, Lines, Ranges, Series
from vbr_audit.reports.excel.front import INDENTED, LABEL, PERCENT, STRONG, SUMMARY_TAB, TITLE, FrontSheet
from vbr_audit.spreadsheet.cells import CellGuard, Sheet, xml_text
from vbr_audit.spreadsheet.sheet import WHOLE_FORMAT

if TYPE_CHECKING:
    from vbr_audit.reports.charts.chart_list import ChartPlan
    from vbr_audit.reports.context import ReportContext

_WIDTHS: Final = (30, 12, 12, 12, 12, 12, 12, 12, 22)
_MINUTES: Final = "#,##0.0"
_PAGE_ROWS: Final = 33
"""Rows of plain text on a printed page."""
_ROW_PIXELS: Final = 20
"""The height of a row of plain text."""
_PIXELS_PER_INCH: Final = 96
_EMU_PER_PIXEL: Final = 914_400 // _PIXELS_PER_INCH
_WIDE: Final = 960
_HIGHEST: Final = 560
"""Pixels, of a printed page."""
_UPRIGHT: Final = 240
"""Pixels of height of a chart over time: two are on a printed page."""
_LONGEST_ALT: Final = 2_000
_PATTERNS: Final[Mapping[str, Any]] = {
    "rising": "wdUpDiag",
    "falling": "wdDnDiag",
    "level": "pct10",
    "upright": "pct25",
    "crossed": "openDmnd",
}
"""The hatches of the drawings in a spreadsheet; LibreOffice shows its level and upright lines as white."""


class DescribedAnchor(OneCellAnchor):
    """Where a chart or a picture lies, with its name and its alternative text.

    openpyxl makes the frame of a chart when it writes it, and knows no alternative text: it is put in as it passes.
    """

    # A class of openpyxl writes what its own body declares.
    __attrs__, __nested__, __elements__ = OneCellAnchor.__attrs__, OneCellAnchor.__nested__, OneCellAnchor.__elements__

    def __init__(self, row: int, height: int, name: str, description: str) -> None:
        size = XDRPositiveSize2D(_WIDE * _EMU_PER_PIXEL, height * _EMU_PER_PIXEL)
        self.told = name, description
        super().__init__(_from=AnchorMarker(col=0, row=row - 1), ext=size)

    def __setattr__(self, attribute: str, value: Any) -> None:
        if attribute == "graphicFrame" and value is not None:
            described = value.nvGraphicFramePr.cNvPr
            described.name, described.descr = self.told
        super().__setattr__(attribute, value)


@dataclass(frozen=True)
class Table:
    """The cells that one chart reads, with the row of its header on the sheet."""

    series: tuple[Series, ...]
    row: int
    rows: int


def write_charts(sheet: Sheet, context: ReportContext, guard: CellGuard) -> None:
    """The sheet, with its title in A1: first the charts below each other, then their numbers."""
    front = FrontSheet(sheet, guard, _WIDTHS, context.title, SUMMARY_TAB)
    front.write(front.cell(f"Charts: {context.title}", TITLE))
    front.write(front.cell(f"{context.servers_text}, {context.period}", LABEL))
    plans = chart_plans(context)
    places = list(_write_places(front, plans))
    front.new_page()
    front.heading("The numbers of the charts")
    tables = [_write_numbers(front, plan) for plan in plans]
    native = sum(table is not None for table in tables)
    pictures = native
    for plan, row, table in zip(plans, places, tables, strict=True):
        anchor = DescribedAnchor(row, _height(plan), xml_text(plan.subject), _described(plan))
        if table is None:
            pictures += 1
            sheet.add_image(_picture(plan, anchor, pictures))
        else:
            chart = _chart(plan, sheet, table)
            chart.anchor = anchor
            chart.width, chart.height = _centimetres(_WIDE), _centimetres(_height(plan))
            sheet.add_chart(chart)


def _write_places(front: FrontSheet, plans: tuple[ChartPlan, ...]) -> Iterator[int]:
    """Write what stands above each chart, and the empty rows below it; yield the first of these."""
    left = _PAGE_ROWS - front.row
    for plan in plans:
        covered = -(-_height(plan) // _ROW_PIXELS)
        if covered + 3 > left:
            front.sheet.row_breaks.append(Break(id=front.row))
            left = _PAGE_ROWS
        left -= covered + 3
        front.heading(plan.subject)
        front.write(plan.title if isinstance(plan.shape, Cells) else None)
        yield front.row + 1
        for _ in range(covered):
            front.write()


def _described(plan: ChartPlan) -> str:
    return xml_text(shorten(plan.alt, _LONGEST_ALT))


def _height(plan: ChartPlan) -> int:
    """Pixels: so many as its bars or rows need, but no more than a printed page has."""
    shape = plan.shape
    if isinstance(shape, Columns | Lines):
        return _UPRIGHT
    each = 18 if isinstance(shape, Cells) else 32 if isinstance(shape, Ranges) else 26
    return min(100 + each * len(shape.names), _HIGHEST)


def _centimetres(pixels: int) -> float:
    return pixels / _PIXELS_PER_INCH * 2.54


# The cells.


def _write_numbers(front: FrontSheet, plan: ChartPlan) -> Table | None:
    """The cells of a chart, under what it shows; None for a picture, whose numbers stand on the page."""
    shape = plan.shape
    if isinstance(shape, Cells):
        return None
    names, series, remarks = _numbers_of(shape)
    front.write()
    front.write(front.cell(plan.subject, STRONG))
    words = [front.guard.text(one.word) or "(no word)" for one in series]
    front.table_head((plan.headers[0],), words)
    row, number_format = front.row, _format_of(plan)
    for at, name in enumerate(names):
        cells = [front.cell(one.values[at], number_format=number_format) for one in series]
        front.write(name, *cells, front.cell(remarks[at] or None, alignment=INDENTED))
    return Table(series, row, len(names))


def _numbers_of(shape: Columns | Lines | Bars | Ranges) -> tuple[tuple[str, ...], tuple[Series, ...], list[str]]:
    """The names of the rows, the columns, and a remark for each row."""
    if isinstance(shape, Ranges):
        return shape.names, (shape.usual, shape.longest), [""] * len(shape.names)
    if isinstance(shape, Bars):
        return shape.names, shape.series, [""] * len(shape.names)
    gaps, notes = shape.gaps or (False,) * len(shape.steps), shape.notes or ("",) * len(shape.steps)
    remarks = [
        "no run" if gap else f"changed before it: {note}" if note else "" for gap, note in zip(gaps, notes, strict=True)
    ]
    return shape.steps, shape.series, remarks


def _format_of(plan: ChartPlan) -> str:
    shape = plan.shape
    if isinstance(shape, Ranges):
        return _MINUTES
    if isinstance(shape, Lines):
        return PERCENT
    values = (value for one in shape.series for value in one.values) if isinstance(shape, Columns | Bars) else iter(())
    return PERCENT if any(isinstance(value, float) for value in values) else WHOLE_FORMAT


# The charts.


def _chart(plan: ChartPlan, sheet: Sheet, table: Table) -> Any:
    shape = plan.shape
    chart: Any = LineChart() if isinstance(shape, Lines) else BarChart()
    chart.title, chart.style = _title(plan.title), None
    names = Reference(sheet, min_col=1, min_row=table.row + 1, max_row=table.row + table.rows)
    for at, one in enumerate(table.series, 2):
        if any(value is not None and (value or isinstance(shape, Lines)) for value in one.values):
            values = Reference(sheet, min_col=at, min_row=table.row, max_row=table.row + table.rows)
            series = SeriesFactory(values, title_from_data=True)
            _paint(series, one.state, is_line=isinstance(shape, Lines))
            chart.series.append(series)
    chart.set_categories(names)
    _set_axes(chart, shape, _format_of(plan))
    if len(chart.series) > 1:
        chart.legend.position = "b"
    else:
        chart.legend = None
    if isinstance(shape, Bars) and shape.states:
        _paint_points(chart.series[0], shape.states)
    return chart


def _set_axes(chart: Any, shape: Any, number_format: str) -> None:
    """Axes that are shown, values from 0 or from the base of the shape, names from above."""
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill=_hex("line")))
    chart.y_axis.number_format = number_format if number_format != PERCENT else "0%"
    chart.y_axis.scaling.min = shape.base if isinstance(shape, Lines) else 0
    if isinstance(shape, Lines):
        chart.y_axis.scaling.max = 1
        return
    chart.gapWidth = 45
    if isinstance(shape, Columns):
        chart.type, chart.grouping, chart.overlap = "col", "stacked", 100
        return
    chart.type, chart.x_axis.scaling.orientation, chart.y_axis.crosses = "bar", "maxMin", "max"
    if isinstance(shape, Bars) and not shape.states:
        chart.grouping, chart.overlap = "percentStacked" if shape.as_share else "stacked", 100
        if shape.as_share:
            chart.y_axis.number_format, chart.y_axis.scaling.max = "0%", 1


def _title(text: str) -> Title:
    """What the chart finds; it is the text of the chart, which a reader of another program sees too."""
    font = CharacterProperties(sz=1200, b=True, solidFill=_hex("ink"))
    run = RegularTextRun(rPr=font, t=xml_text(text))
    paragraph = Paragraph(pPr=ParagraphProperties(defRPr=font), r=[run])
    return Title(tx=Text(rich=RichText(p=[paragraph])), overlay=False, layout=Layout())


def _paint(series: NativeSeries, state: str, *, is_line: bool) -> None:
    """The colour and the hatch that the state has everywhere."""
    if not is_line:
        series.graphicalProperties = _filled(state)
        return
    look: Any = look_of(state)
    series.smooth = False
    series.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=_hex(look.tone), w=28_000))
    filled = GraphicalProperties(solidFill=_hex(look.tone), ln=LineProperties(solidFill=_hex("bg")))
    series.marker = Marker(symbol=look.point, size=8, spPr=filled)


def _paint_points(series: NativeSeries, states: tuple[str, ...]) -> None:
    series.dPt = [DataPoint(idx=at, spPr=_filled(state)) for at, state in enumerate(states)]
    series.dLbls = DataLabelList(
        dLblPos="outEnd", showVal=True, showSerName=False, showCatName=False, showLegendKey=False
    )


def _filled(state: str) -> GraphicalProperties:
    look = look_of(state)
    if not look.hatch:
        return GraphicalProperties(solidFill=_hex(look.tone))
    pattern = PatternFillProperties(prst=_PATTERNS[look.hatch])
    pattern.fgClr, pattern.bgClr = _colour("bg"), _colour(look.tone)
    return GraphicalProperties(pattFill=pattern)


def _colour(tone: str) -> Any:
    return ColorChoice(srgbClr=_hex(tone))


def _hex(tone: str) -> Any:
    return tones()[tone].removeprefix("#").upper()


@lru_cache(maxsize=4)
def _calendar_png(cells: Cells, inches: float) -> bytes:
    """The picture of a calendar: one process writes the same run several times, and it is a fifth of a workbook."""
    from vbr_audit.reports.charts.drawings import draw_calendar
    from vbr_audit.reports.charts.images import draw_png

    return draw_png(lambda axes, paint: draw_calendar(axes, cells, paint), inches)


def _picture(plan: ChartPlan, anchor: DescribedAnchor, number: int) -> Image:
    """The calendar as a picture; openpyxl keeps the frame of an anchor that brings its own."""
    shape = plan.shape
    if not isinstance(shape, Cells):
        raise TypeError(f"{plan.name} is drawn by the spreadsheet")
    image = Image(io.BytesIO(_calendar_png(shape, _height(plan) / _PIXELS_PER_INCH)))
    frame = PictureFrame()
    properties = frame.nvPicPr.cNvPr
    properties.id = number
    properties.name, properties.descr = anchor.told
    frame.blipFill.blip = Blip(cstate="print")
    frame.spPr.prstGeom = PresetGeometry2D(prst="rect")
    frame.spPr.ln = None
    anchor.pic = frame
    image.anchor = anchor
    return image
