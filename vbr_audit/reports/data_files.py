"""The tables that are no sheets of the workbook, as CSV files beside it in a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from vbr_audit.reports.excel.data import file_of_table, left_out, table_of
from vbr_audit.reports.exports.csv import csv_pieces

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext
    from vbr_audit.reports.interface import ReportOptions


def data_contents(context: ReportContext, options: ReportOptions) -> dict[str, Callable[[], Iterator[bytes]]]:
    """What makes the file of each table that is no sheet, piece by piece, by its name in the folder of data.

    Each is RFC 4180 text in UTF-8, guarded as `findings.csv` is: the columns of the table by their names, moments in
    ISO 8601 in UTC, sizes in bytes; what is not known is an empty cell.
    """
    return {
        PurePosixPath(file_of_table(spec.name)).name: partial(_csv_file, context, spec.name, bom=options.csv_bom)
        for spec, _ in left_out(context, options)
    }


def _csv_file(context: ReportContext, table: str, *, bom: bool) -> Iterator[bytes]:
    frame, _ = table_of(context, table)
    return csv_pieces(frame, bom=bom)
