"""Rows of Markdown tables in the generated pages of the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator


def cell(text: str) -> str:
    """`text` on one line, so that it does not break a row of a table and is no tag; code in it stays as it is."""
    parts = re.split("(`[^`]*`)", " ".join(text.split()).replace("|", "\\|"))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def table_head(*names: str) -> Iterator[str]:
    """The two lines that begin a table."""
    yield table_row(*names)
    yield "|" + "---|" * len(names)


def table_row(*cells: str) -> str:
    """One line of a table; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"
