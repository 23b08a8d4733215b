"""The cells of a table as the text that a page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vbr_audit.display import is_known, plain


def cell_text(value: Any) -> str:
    """A value as text; an empty one where it is not known."""
    return plain(value, lines=True) if is_known(value) else ""


def record_text(record: Mapping[Any, Any]) -> dict[Any, str]:
    """The text of each cell of a row, by column."""
    return {name: cell_text(value) for name, value in record.items()}
