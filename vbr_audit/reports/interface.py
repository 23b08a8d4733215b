"""What a report is, and which ones there are. Heavy libraries are imported by the report that needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vbr_audit.collection.files import write_bytes
from vbr_audit.errors import ConfigurationError

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
        from vbr_audit.reports.html.rendering import render_html

        write_bytes(path, render_html(context, self.templates_dir).encode("utf-8", "replace"))


@dataclass(frozen=True)
class ExecutiveReport:
    """One sheet of paper for a manager, as a page; templates in `templates_dir` win over the built-in ones."""

    templates_dir: Path | None = None
    name: str = "executive"
    file_name: str = "executive.html"

    def write(self, context: ReportContext, path: Path) -> None:
        """Render and write the page; raises `TemplateError` and `OutputError`."""
        from vbr_audit.reports.html.rendering import render_html

        write_bytes(path, render_html(context, self.templates_dir, kind=self.name).encode("utf-8", "replace"))


@dataclass(frozen=True)
class PdfReport:
    """The page on paper; templates in `templates_dir` win over the built-in ones."""

    templates_dir: Path | None = None
    name: str = "pdf"
    file_name: str = "report.pdf"

    def write(self, context: ReportContext, path: Path) -> None:
        """Print the page; raises `ConfigurationError` without the extra `pdf`, `TemplateError` and `OutputError`."""
        from vbr_audit.reports.html.rendering import write_pdf

        write_pdf(context, path, self.templates_dir)


@dataclass(frozen=True)
class ExcelReport:
    """The workbook."""

    name: str = "xlsx"
    file_name: str = "report.xlsx"

    def write(self, context: ReportContext, path: Path) -> None:
        """Write the workbook; raises `OutputError`."""
        from vbr_audit.reports.excel.workbook import write_workbook

        write_workbook(context, path)


@dataclass(frozen=True)
class CsvReport:
    """The findings, row by row; `bom` puts a byte order mark first."""

    bom: bool = False
    name: str = "csv"
    file_name: str = "findings.csv"

    def write(self, context: ReportContext, path: Path) -> None:
        """Write the rows; raises `OutputError`."""
        from vbr_audit.reports.exports import findings_csv

        write_bytes(path, findings_csv(context, bom=self.bom))


@dataclass(frozen=True)
class ExportReport:
    """The outcome for machines and other tools, in one of the formats of `vbr_audit.reports.exports`."""

    name: str
    file_name: str

    def write(self, context: ReportContext, path: Path) -> None:
        """Write the export; raises `OutputError`."""
        from vbr_audit.reports.exports import EXPORTS

        write_bytes(path, EXPORTS[self.name](context))


FORMATS: Mapping[str, Callable[..., Report]] = {
    "html": HtmlReport,
    "executive": ExecutiveReport,
    "pdf": PdfReport,
    "xlsx": ExcelReport,
    "json": partial(ExportReport, "json", "findings.json"),
    "csv": CsvReport,
    "junit": partial(ExportReport, "junit", "findings.junit.xml"),
    "ocsf": partial(ExportReport, "ocsf", "findings.ocsf.jsonl"),
    "oscal": partial(ExportReport, "oscal", "assessment-results.json"),
    "md": partial(ExportReport, "md", "summary.md"),
}
"""The reports by name, in the order in which they are written."""
TEMPLATED = ("html", "executive", "pdf")
"""Those that are made from templates."""
DEFAULT_FORMATS = ("html", "xlsx", "json", "csv")
"""Those that a run writes unless told otherwise."""


def make_report(name: str, *, templates_dir: Path | None = None, csv_bom: bool = False) -> Report:
    """The report called `name`; raises `KeyError`.

    `templates_dir` concerns those that use templates, `csv_bom` the CSV.
    """
    if name == "csv":
        return CsvReport(csv_bom)
    return FORMATS[name](templates_dir) if name in TEMPLATED else FORMATS[name]()


def checked_formats(formats: Iterable[str]) -> list[str]:
    """`formats` without doubles; raises `ConfigurationError` for one that does not exist, or lacks its extra."""
    wanted = list(dict.fromkeys(formats))
    unknown = [kind for kind in wanted if kind not in FORMATS]
    if unknown:
        raise ConfigurationError(f"unknown format {', '.join(unknown)}", hint=f"Known are {', '.join(FORMATS)}.")
    if "pdf" in wanted:
        from vbr_audit.reports.html.rendering import refuse_without_pdf

        refuse_without_pdf()
    return wanted
