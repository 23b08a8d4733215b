"""What a report is, and which ones there are. Heavy libraries are imported by the report that needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vbr_audit.collection.files import write_bytes

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext


class Report(Protocol):
    """A way to write the results of a run to one file.

    `name` is what a user calls it, `file_name` what it is called in a run folder.
    """

    @property
    def name(self) -> str: ...

    @property
    def file_name(self) -> str: ...

    def write(self, context: ReportContext, path: Path) -> None:
        """Write the report to `path`, whole or not at all; raises `OutputError`."""
        ...


@dataclass(frozen=True)
class HtmlReport:
    """The page; templates in `templates_dir` win over the built-in ones."""

    templates_dir: Path | None = None
    name: str = "html"
    file_name: str = "report.html"

    def write(self, context: ReportContext, path: Path) -> None:
        """Render and write the page; raises `TemplateError` and `OutputError`."""
        from vbr_audit.reports.html import render_html

        write_bytes(path, render_html(context, self.templates_dir).encode("utf-8", "replace"))


@dataclass(frozen=True)
class ExcelReport:
    """The workbook."""

    name: str = "xlsx"
    file_name: str = "report.xlsx"

    def write(self, context: ReportContext, path: Path) -> None:
        """Write the workbook; raises `OutputError`."""
        from vbr_audit.reports.excel import write_workbook

        write_workbook(context, path)


@dataclass(frozen=True)
class JsonReport:
    """Run, findings, coverage and summary for machines."""

    name: str = "json"
    file_name: str = "findings.json"

    def write(self, context: ReportContext, path: Path) -> None:
        """Write the JSON document; raises `OutputError`."""
        from vbr_audit.reports.exports import write_json

        write_json(context, path)


@dataclass(frozen=True)
class CsvReport:
    """The findings, row by row."""

    name: str = "csv"
    file_name: str = "findings.csv"

    def write(self, context: ReportContext, path: Path) -> None:
        """Write the rows; raises `OutputError`."""
        from vbr_audit.reports.exports import write_csv

        write_csv(context, path)


FORMATS: Mapping[str, Callable[[], Report]] = {
    "html": HtmlReport,
    "xlsx": ExcelReport,
    "json": JsonReport,
    "csv": CsvReport,
}
"""The reports by name, in the order in which they are written."""


def make_report(name: str, *, templates_dir: Path | None = None) -> Report:
    """The report called `name`; raises `KeyError`. `templates_dir` concerns those that use templates."""
    return HtmlReport(templates_dir) if name == "html" else FORMATS[name]()
