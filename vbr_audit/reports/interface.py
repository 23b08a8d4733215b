"""What a report format is: a card with its name, its file and its writer. `reports.formats` has them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.collection.files import write_bytes
from vbr_audit.errors import ConfigurationError
from vbr_audit.vocabulary import MAIN_SHEETS, SHEETS, PdfLength

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext
    from vbr_audit.reports.pdf_signature import PdfSigner


@dataclass(frozen=True)
class ReportOptions:
    """How reports are written: templates in `templates_dir` win over the built-in ones, `csv_bom` marks a CSV.

    `pdf` is the length of the PDF: a short report, or the full page on paper.
    `sheets` says which tables the workbook has, "main" or "all"; `data_files` that the others are files beside it.
    `sign_pdf` signs each PDF before it is written.
    Raises `ConfigurationError` for another word.
    """

    templates_dir: Path | None = None
    csv_bom: bool = False
    pdf: PdfLength = PdfLength.SHORT
    sheets: str = MAIN_SHEETS
    data_files: bool = False
    sign_pdf: PdfSigner | None = None

    def __post_init__(self) -> None:
        """Refuse a word that means nothing."""
        checked_sheets(self.sheets)


def checked_sheets(word: str) -> str:
    """`word`, if it says which tables are sheets; else raises `ConfigurationError`."""
    if word not in SHEETS:
        raise ConfigurationError(f"unknown choice of sheets {word!r}", hint=f"Choose one of {', '.join(SHEETS)}.")
    return word


PLAIN_OPTIONS: Final = ReportOptions()
"""Built-in templates, a CSV without a byte order mark, a short PDF."""


def checked_length(pdf: str) -> PdfLength:
    """The length of a PDF by its name; raises `ConfigurationError` for another word."""
    if pdf not in tuple(PdfLength):
        raise ConfigurationError(f"pdf: unknown length {pdf!r}", hint=f"Known are {', '.join(PdfLength)}.")
    return PdfLength(pdf)


def _refuse_nothing() -> None:
    """A format that needs no extra part."""


@dataclass(frozen=True)
class Format:
    """A way to write the results of a run to one file.

    `name` is what a user calls it, `file_name` what it is called in a run folder, and `writer` writes that file, whole
    or not at all. Formats are listed and written by `rank`; those `by_default` are written where none is asked for.
    `demand` raises `ConfigurationError` where a part that the format needs is not installed.
    """

    name: str
    file_name: str
    rank: int
    writer: Callable[[ReportContext, Path, ReportOptions], None]
    by_default: bool = False
    demand: Callable[[], None] = _refuse_nothing

    def write(self, context: ReportContext, path: Path, options: ReportOptions = PLAIN_OPTIONS) -> None:
        """Write the report to `path`; raises `OutputError`, and `TemplateError` where it is made from templates."""
        self.writer(context, path, options)


def export(name: str, file_name: str, rank: int, content: Callable[[ReportContext], bytes], **more: Any) -> Format:
    """The format of which `content` makes the whole file in memory; `more` are fields of `Format`."""
    return Format(name, file_name, rank, lambda context, path, _: write_bytes(path, content(context)), **more)
