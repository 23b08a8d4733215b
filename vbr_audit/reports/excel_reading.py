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

from vbr_audit.errors import ConfigurationError

_BROKEN: Final = (
    *(InvalidFileException, zipfile.BadZipFile, zlib.error, EOFError, SyntaxError, LookupError),
    *(ValueError, TypeError, AttributeError, RuntimeError, ArithmeticError, struct.error, lzma.LZMAError),
)
"""What openpyxl lets through where a file is not what it should be; broken XML is a `SyntaxError`."""
_SHIELDED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def open_book(path: Path, *, error: type[ConfigurationError] = ConfigurationError, stream: bool = False) -> Any:
    """The workbook at `path`; with `stream` its rows are read one by one, and it must be closed. Raises `error`."""
    with opened_for_reading(path, error), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)  # parts of a workbook that nobody reads here
        content = io.BytesIO(path.read_bytes())  # openpyxl leaves a file open that it cannot make sense of
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


def is_blank(cell: Any) -> bool:
    """Whether a cell holds nothing, or nothing but blanks."""
    return cell.value is None or (isinstance(cell.value, str) and not cell.value.strip())


def unshielded(text: str) -> str:
    """The text of a cell without a workbook's own codes, and without the blanks around it."""
    return _SHIELDED.sub(lambda found: chr(int(found[1], 16)), text).strip()
