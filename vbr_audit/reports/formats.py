"""The report formats. Heavy libraries are imported by the writer that needs them."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from vbr_audit.collection.files import write_bytes
from vbr_audit.collection.run_folder import FINDINGS_JSON, MANIFEST
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports import exports
from vbr_audit.reports.exports.json import findings_json
from vbr_audit.reports.interface import Format, ReportOptions

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext
    from vbr_audit.reports.html.rendering import Attached


def _write_page(context: ReportContext, path: Path, options: ReportOptions) -> None:
    from vbr_audit.reports.html.rendering import render_html

    write_bytes(path, render_html(context, options.templates_dir).encode("utf-8", "replace"))


def _write_executive(context: ReportContext, path: Path, options: ReportOptions) -> None:
    from vbr_audit.reports.html.rendering import render_html

    write_bytes(path, render_html(context, options.templates_dir, kind="executive").encode("utf-8", "replace"))


def _write_paper(context: ReportContext, path: Path, options: ReportOptions) -> None:
    from vbr_audit.reports.html.rendering import write_pdf

    write_pdf(context, path, options, _evidence(context))


def _write_sheet(context: ReportContext, path: Path, options: ReportOptions) -> None:
    from vbr_audit.reports.html.rendering import write_pdf

    write_pdf(context, path, options, _evidence(context), one_sheet=True)


def _evidence(context: ReportContext) -> tuple[Attached, ...]:
    """What every PDF carries, so that whoever has the paper has its data."""
    from vbr_audit.reports.html.rendering import Attached

    return (
        Attached(FINDINGS_JSON, findings_json(context), "All findings of the run, for programs", "Data"),
        Attached(MANIFEST, context.manifest.to_json(), "What was asked, what came, with hashes", "Source"),
    )


def _demand_weasyprint() -> None:
    from vbr_audit.reports.html.rendering import refuse_without_pdf

    refuse_without_pdf()


def _write_workbook(context: ReportContext, path: Path, options: ReportOptions) -> None:
    from vbr_audit.reports.excel.workbook import write_workbook

    write_workbook(context, path, options)


HTML: Final = Format("html", "report.html", 10, _write_page, by_default=True)
"""The page."""
EXECUTIVE: Final = Format("executive", "executive.html", 20, _write_executive)
"""One sheet of paper for a manager, as a page."""
EXECUTIVE_PDF: Final = Format("executive-pdf", "executive.pdf", 25, _write_sheet, demand=_demand_weasyprint)
"""The same sheet for the archive, with the data of its run."""
PDF: Final = Format("pdf", "report.pdf", 30, _write_paper, demand=_demand_weasyprint)
"""A report to read on paper, or the whole page."""
XLSX: Final = Format("xlsx", "report.xlsx", 40, _write_workbook, by_default=True)
"""The workbook."""


def formats_in(module: ModuleType) -> list[Format]:
    """The formats that a module declares."""
    return [value for value in vars(module).values() if isinstance(value, Format)]


def _all_formats() -> dict[str, Format]:
    """The formats declared here and in the modules of `reports.exports`, by name, in the order of their ranks."""
    names = [f"{exports.__name__}.{module.name}" for module in pkgutil.iter_modules(exports.__path__)]
    cards = [
        HTML,
        EXECUTIVE,
        EXECUTIVE_PDF,
        PDF,
        XLSX,
        *(card for name in names for card in formats_in(import_module(name))),
    ]
    return {card.name: card for card in sorted(cards, key=lambda card: card.rank)}


FORMATS: Final[Mapping[str, Format]] = _all_formats()
"""The formats by name, in the order in which they are written."""
DEFAULT_FORMATS: Final = tuple(card.name for card in FORMATS.values() if card.by_default)
"""Those that a run writes unless others are asked for."""


def checked_formats(formats: Iterable[str]) -> list[str]:
    """`formats` without doubles; raises `ConfigurationError` for one that does not exist, or lacks a part it needs."""
    wanted = list(dict.fromkeys(formats))
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown:
        raise ConfigurationError(f"unknown format {', '.join(unknown)}", hint=f"Known are {', '.join(FORMATS)}.")
    for name in wanted:
        FORMATS[name].demand()
    return wanted


def files_present(folder: Path) -> list[str]:
    """The formats whose file is in a run folder."""
    return [name for name, card in FORMATS.items() if (folder / card.file_name).is_file()]
