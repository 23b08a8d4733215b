"""The sheets of the workbook that are read, not filtered: what they are written with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.pagebreak import Break

from vbr_audit.display import plain
from vbr_audit.spreadsheet.cells import CellGuard, Sheet, guarded
from vbr_audit.spreadsheet.sheet import TOP, WRAPPED, append_tall, header_cell, set_up_page

TITLE: Final = Font(name="Calibri", size=20, bold=True, color="1F3A5F")
HEADING: Final = Font(name="Calibri", size=13, bold=True, color="1F3A5F")
LABEL: Final = Font(name="Calibri", color="57606A")
STRONG: Final = Font(name="Calibri", bold=True)
ALARM: Final = Font(name="Calibri", bold=True, color="FFFFFF")
ALARM_FILL: Final = PatternFill("solid", fgColor="8C1D12")
VERDICT: Final = Font(name="Calibri", size=14, bold=True)
LINK: Final = Font(name="Calibri", color="0A529C", underline="single")
LINE: Final = Border(bottom=Side(style="thin", color="57606A"))
INDENTED: Final = Alignment(horizontal="left", indent=1, vertical="top")
RIGHT: Final = Alignment(horizontal="right", vertical="top", wrap_text=True)
LEFT: Final = Alignment(horizontal="left", vertical="top")
PERCENT: Final = "0.0%"


class FrontSheet:
    """Writes a front sheet row by row; every value passes the guard."""

    def __init__(self, sheet: Sheet, guard: CellGuard, widths: Sequence[float], footer: str, tab: str) -> None:
        self.sheet, self.guard, self.widths, self.row = sheet, guard, widths, 0
        set_up_page(sheet, footer)
        sheet.sheet_view.showGridLines = False
        sheet.sheet_properties.tabColor = tab
        for index, width in enumerate(widths, 1):
            sheet.column_dimensions[get_column_letter(index)].width = width

    def cell(self, value: Any, font: Font | None = None, **style: Any) -> Cell:
        """A styled cell."""
        given = guarded(self.sheet, self.guard, value)
        cell: Cell = given if isinstance(given, Cell) else WriteOnlyCell(self.sheet, value=given)
        cell.alignment = TOP
        if font is not None:
            cell.font = font
        for name, part in style.items():
            setattr(cell, name, part)
        return cell

    def link(self, text: str, sheet: str) -> Cell:
        """A cell for the first column of the next row that leads to another sheet of this workbook."""
        cell = self.cell(text, LINK)
        cell.row, cell.column = self.row + 1, 1
        cell.hyperlink = Hyperlink(ref="", location=f"'{sheet}'!A1")
        return cell

    def write(self, *cells: Any) -> None:
        """Append one row."""
        self.row += 1
        row = [cell if isinstance(cell, Cell) else self.cell(cell) for cell in cells]
        append_tall(self.sheet, self.row, row, self.widths)

    def heading(self, text: str) -> None:
        """An empty row and a heading."""
        self.write()
        self.write(self.cell(text, HEADING))

    def new_page(self) -> None:
        """On paper, what follows begins on a page of its own."""
        self.sheet.row_breaks.append(Break(id=self.row))

    def table_head(self, headers: Iterable[str], numbers: Iterable[str] = ()) -> None:
        """A header row; the headers of `numbers` follow the others, and stand right."""
        self.write(
            *(header_cell(self.sheet, header) for header in headers),
            *(header_cell(self.sheet, header, RIGHT) for header in numbers),
        )

    def listing(self, heading: str, lines: Iterable[str]) -> None:
        """A heading and one row per line; nothing where there are no lines."""
        texts = list(lines)
        if texts:
            self.heading(heading)
        for text in texts:
            self.write(None, self.cell(plain(text), alignment=WRAPPED))
