"""The register of waivers as a workbook: written to be edited by hand, and read back as strictly as the YAML file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.registry import Registry
from vbr_audit.collection.files import replacing
from vbr_audit.config.yaml_file import suggestion
from vbr_audit.errors import WaiverError
from vbr_audit.findings.waivers import Waiver, WaiverDocument, waiver_problems
from vbr_audit.spreadsheet.cells import CellGuard
from vbr_audit.spreadsheet.reading import MOST_ROWS, is_blank, open_book, unshielded

SHEET: Final = "Waivers"
COLUMNS: Final = tuple(Waiver.model_fields)
"""The columns of the sheet, in order: the keys of a waiver."""

_DATES: Final = ("created", "expires")
_REQUIRED: Final = tuple(name for name, field in Waiver.model_fields.items() if field.is_required())
_DATE_FORMAT: Final = "yyyy-mm-dd"
_WIDTHS: Final[Mapping[str, int]] = {"object_id": 38, "object_name": 28, "reason": 50, "check": 12, "id": 12}
_MOST_CELLS: Final = 20_000_000
_HINT: Final = "Correct the cells and save the workbook; `vbr-audit waivers export` writes a sheet of the right shape."

Fault = tuple[int, int, str]
"""Row, column (0 for the whole row) and what is wrong."""


def write_register(waivers: Iterable[Waiver], path: Path) -> None:
    """Write the waivers to a workbook, one row each.

    Raises `WaiverError` for a text that a workbook cannot hold as it is, and `OutputError`.
    """
    book = Workbook()
    sheet: Any = book.active
    sheet.title = SHEET
    for at, name in enumerate(COLUMNS, start=1):
        sheet.cell(1, at, name).font = Font(bold=True)
        column = sheet.column_dimensions[get_column_letter(at)]
        column.width = _WIDTHS.get(name, 16)
        column.number_format = _DATE_FORMAT if name in _DATES else "@"
    sheet.freeze_panes = "A2"
    for row, waiver in enumerate(waivers, start=2):
        for at, name in enumerate(COLUMNS, start=1):
            _fill(sheet.cell(row, at), waiver, name)
    sheet.auto_filter.ref = sheet.dimensions
    with replacing(path) as part:
        book.save(part)


def _fill(cell: Cell, waiver: Waiver, name: str) -> None:
    """Write one value of a waiver: a date as a date, all else as text whatever it looks like."""
    value = getattr(waiver, name)
    cell.number_format = _DATE_FORMAT if name in _DATES else "@"
    if value is None:
        return
    if isinstance(value, dt.date):
        cell.value = value
        return
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    guard = CellGuard()
    shielded = guard.text(text)
    if guard.replaced or guard.cut or "\r" in text:
        raise WaiverError(
            f"waiver {waiver.id}: {name}: a workbook cannot hold this text as it is",
            hint="Shorten it, or take the control characters out.",
        )
    cell.value, cell.data_type = shielded, "s"
    cell.alignment = Alignment(wrap_text=name == "reason", vertical="top")


def read_register(path: Path, *, registry: Registry = REGISTRY) -> tuple[Waiver, ...]:
    """The waivers of the sheet `Waivers` of a workbook.

    Raises `WaiverError`, whose message names sheet, row and column of everything that is wrong.
    """
    sheet = _sheet_of(path)
    places, faults = _header(sheet)
    if faults:
        _refuse(path, faults)
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    for cells in sheet.iter_rows(min_row=2):
        filled = [cell for cell in cells if not is_blank(cell)]
        if not filled:
            continue
        row: dict[str, Any] = {}
        for cell in filled:
            name = places.get(cell.column)
            if name is None:
                faults.append((cell.row, cell.column, "holds something, but its column has no name"))
                continue
            value, fault = _value(cell, name)
            row[name] = value
            if fault is not None:
                faults.append((cell.row, cell.column, fault))
        rows.append(row)
        numbers.append(filled[0].row)
    content = {"version": 1, "waivers": rows}
    _refuse_all(path, faults, content, places, numbers, registry)
    return WaiverDocument.model_validate(content).waivers


def _refuse_all(
    path: Path,
    faults: Sequence[Fault],
    content: Mapping[str, Any],
    places: Mapping[int, str],
    numbers: Sequence[int],
    registry: Registry,
) -> None:
    """Raise `WaiverError` for what the cells, or the waivers that they make, have wrong."""
    columns = {name: at for at, name in places.items()}
    problems = list(faults)
    known = {fault[:2] for fault in faults}
    for problem in waiver_problems(content, registry):
        number, *rest = problem.path[1:] or (0,)
        column = columns.get(str(rest[0]), 0) if rest else 0
        at = (numbers[int(number)], column)
        if at not in known:
            named = f"{rest[0]}: " if rest and not column else ""
            problems.append((*at, named + problem.message.replace("expected text (in quotes)", "expected text")))
    if problems:
        _refuse(path, problems)


def _sheet_of(path: Path) -> Any:
    book = open_book(path, error=WaiverError)
    if SHEET not in book.sheetnames:
        near = suggestion(SHEET, book.sheetnames)
        raise WaiverError(f"{path.name}: has no sheet called {SHEET}{near}", hint=_HINT)
    sheet = book[SHEET]
    if sheet.max_row > MOST_ROWS or sheet.max_row * sheet.max_column > _MOST_CELLS:
        raise WaiverError(
            f"{path.name}: sheet {SHEET} reaches to row {sheet.max_row:,}, column {sheet.max_column:,}",
            hint="Delete cells far away from the waivers.",
        )
    return sheet


def _header(sheet: Any) -> tuple[dict[int, str], list[Fault]]:
    """The key that each column stands for, and what is wrong with the first row."""
    places: dict[int, str] = {}
    faults: list[Fault] = []
    for cell in sheet[1]:
        if is_blank(cell):
            continue
        name = str(cell.value).strip()
        if name not in COLUMNS:
            faults.append((1, cell.column, f"unknown column {name}" + suggestion(name, COLUMNS)))
        elif name in places.values():
            faults.append((1, cell.column, f"the column {name} appears twice"))
        else:
            places[cell.column] = name
    missing = [name for name in _REQUIRED if name not in places.values()]
    return places, [*faults, *((1, 0, f"the column {name} is missing") for name in missing)]


def _value(cell: Any, name: str) -> tuple[Any, str | None]:
    """The value of a cell as the YAML file would hold it, and what is wrong with it."""
    value = cell.value
    if cell.data_type == "f":
        return "", "holds a formula; write its value"
    if cell.data_type == "e":
        return "", f"holds the error {value}"
    if isinstance(value, (dt.datetime, dt.date)):
        if name not in _DATES:
            return "", "holds a date; format the cell as text"
        if isinstance(value, dt.datetime) and value.time() != dt.time():
            return "", "holds a time of day; a waiver lasts for whole days"
        return value.strftime("%Y-%m-%d"), None
    if name in _DATES and not isinstance(value, str):
        return "", f"holds {value}; enter a date such as 2027-01-31, and format the cell as a date"
    if not isinstance(value, str):
        return value, None
    text = unshielded(value)
    return ([part.strip() for part in text.split(",")] if name == "covers" else text), None


def _refuse(path: Path, faults: Iterable[Fault]) -> None:
    """Raise `WaiverError` with one line per fault, in the order of the sheet."""
    raise WaiverError("\n".join(_lines(path, sorted(set(faults)))), hint=_HINT)


def _lines(path: Path, faults: Iterable[Fault]) -> Iterator[str]:
    for row, column, what in faults:
        where = f"column {get_column_letter(column)}: " if column else ""
        yield f"{path.name}: sheet {SHEET}, row {row}: {where}{what}"
