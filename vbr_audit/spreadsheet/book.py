"""A workbook that is written sheet by sheet: a finished sheet is compressed by a thread while the next one is made."""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, cast

from openpyxl import Workbook
from openpyxl.styles import Alignment
from openpyxl.styles.cell_style import StyleArray
from openpyxl.writer.excel import ExcelWriter
from openpyxl.xml.constants import ARC_SHARED_STRINGS, ARC_WORKBOOK_RELS

from vbr_audit.spreadsheet.rows import DataSheet
from vbr_audit.spreadsheet.shared_texts import SharedTexts

_COMPRESSION: Final = 3
"""Of 1 to 9: large workbooks become a tenth larger than by the usual 6, in a third of the time."""
_AT_ONCE: Final = 1024 * 1024
"""Bytes that are compressed in one call: after each, the thread may wait for the one that makes the next sheet."""


class StreamedBook(Workbook):
    """A write-only workbook; see `streamed_book`. Its sheets have the texts in `shared` in common."""

    def __init__(self, archive: _Archive) -> None:
        super().__init__(write_only=True)
        self._archive = archive
        self.shared = archive.shared
        self.header_styles: dict[int, tuple[Alignment, StyleArray]] = {}
        """The styles of header cells by the identity of their alignments: openpyxl compares each part of each cell."""

    def add_sheet(self, title: str) -> DataSheet:
        """Add a sheet behind the others."""
        sheet = DataSheet(self, title)
        cast(Any, self)._add_sheet(sheet)
        return sheet

    def finish(self, sheet: DataSheet) -> None:
        """Close `sheet`, which takes no more rows, and let it be compressed meanwhile."""
        sheet.close()
        # its place among the sheets is its number: openpyxl gives it the same when it saves
        path = f"xl/worksheets/sheet{self.worksheets.index(cast(Any, sheet)) + 1}.xml"
        self._archive.write_meanwhile(cast(Any, sheet)._writer.out, path)

    def save_all(self) -> None:
        """Write what is not written yet."""
        self._archive.wait()
        writer = ExcelWriter(self, self._archive)
        if self.shared.has_texts:
            self._archive.writestr(ARC_SHARED_STRINGS, self.shared.xml())
            writer.manifest.append(self.shared)
        writer.save()


class _Archive(zipfile.ZipFile):
    """A zip with a thread that writes files into it; `write` passes over those.

    openpyxl knows nothing of the texts that its sheets share: they are put into its list of parts as that passes.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION)
        self.shared = SharedTexts()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vbr-audit-workbook")
        self._meanwhile: dict[str, Future[None]] = {}

    def write_meanwhile(self, filename: str, arcname: str) -> None:
        """Let the thread write a file; nothing else may be written until `wait`."""
        self._meanwhile[arcname] = self._thread.submit(self._compress, filename, arcname)

    def _compress(self, filename: str, arcname: str) -> None:
        is_huge = Path(filename).stat().st_size >= zipfile.ZIP64_LIMIT
        with Path(filename).open("rb") as source, self.open(arcname, "w", force_zip64=is_huge) as target:
            shutil.copyfileobj(source, target, _AT_ONCE)

    def wait(self) -> None:
        """Wait for all that the thread writes; raises `OSError` where it could not."""
        for written in self._meanwhile.values():
            written.result()

    def write(self, filename: Any, arcname: Any = None, *args: Any, **options: Any) -> None:
        """Write a file, but for one that the thread has written."""
        if arcname not in self._meanwhile:
            super().write(filename, arcname, *args, **options)

    def writestr(self, zinfo_or_arcname: Any, data: Any, *args: Any, **options: Any) -> None:
        """Write a file that is at hand."""
        is_list = zinfo_or_arcname == ARC_WORKBOOK_RELS and self.shared.has_texts
        super().writestr(zinfo_or_arcname, self.shared.related(data) if is_list else data, *args, **options)

    def close(self) -> None:
        """Close the zip once the thread has ended."""
        self._thread.shutdown(cancel_futures=True)
        super().close()


@contextlib.contextmanager
def streamed_book(path: Path) -> Iterator[StreamedBook]:
    """Yield a write-only workbook; it is saved to `path` where what follows succeeds."""
    with _Archive(path) as archive:
        book = StreamedBook(archive)
        try:
            yield book
            book.save_all()
        except BaseException:
            for sheet in book.worksheets:  # else each leaves an open stream behind
                with contextlib.suppress(Exception):
                    sheet.close()
            raise
