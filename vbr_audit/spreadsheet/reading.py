"""Reading back what somebody filled into a workbook: opening it, its blank cells, its text as it was meant."""

from __future__ import annotations

import contextlib
import io
import lzma
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from vbr_audit.config.given_file import read_given
from vbr_audit.errors import ConfigurationError

_BROKEN: Final = (
    *(InvalidFileException, zipfile.BadZipFile, zlib.error, EOFError, SyntaxError, LookupError),
    *(ValueError, TypeError, AttributeError, RuntimeError, ArithmeticError, struct.error, lzma.LZMAError),
)
"""What openpyxl lets through where a file is not what it should be; broken XML is a `SyntaxError`."""
_MOST_BYTES: Final = 256 * 1024 * 1024
_MOST_UNPACKED: Final = 512 * 1024 * 1024
_SHIELDED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def open_book(path: Path, *, error: type[ConfigurationError] = ConfigurationError, stream: bool = False) -> Any:
    """The workbook at `path`; with `stream` its rows are read one by one, and it must be closed. Raises `error`."""
    with opened_for_reading(path, error), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)  # parts of a workbook that nobody reads here
        content = io.BytesIO(read_given(path, most=_MOST_BYTES))  # openpyxl leaves a file open that it cannot read
        with zipfile.ZipFile(content) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > _MOST_UNPACKED:
            message = f"{path}: unpacked it has {size // 1024**2:,} MB; at most {_MOST_UNPACKED // 1024**2:,} are read"
            raise error(message, hint="Keep the sheets that are asked for, and no other.")
        return load_workbook(content, read_only=stream)


@contextlib.contextmanager
def opened_for_reading(path: Path, error: type[ConfigurationError] = ConfigurationError) -> Iterator[None]:
    """Raise `error`, naming `path`, for a file that is no workbook, or a broken one."""
    try:
        yield
    except OSError as fault:
        raise error(f"{path}: cannot be read: {fault.strerror or fault}", hint="Check the path.") from None
    except _BROKEN:
        raise error(f"{path}: not a workbook, or a broken one", hint="Save it anew as .xlsx.") from None


MOST_ROWS: Final = 1_048_576
"""Maximum number of rows of a sheet; what calls itself row 10^12 would be reached through all the rows before it."""


def is_blank(cell: Any) -> bool:
    """Whether a cell holds nothing, or nothing but blanks."""
    return cell.value is None or (isinstance(cell.value, str) and not cell.value.strip())


def unshielded(text: str) -> str:
    """The text of a cell without a workbook's own codes, and without the blanks around it."""
    return _SHIELDED.sub(lambda found: chr(int(found[1], 16)), text).strip()
