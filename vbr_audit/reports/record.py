"""The rows and cells of a table as the text that a page shows, and the ids to which its links lead."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vbr_audit.display import NOT_KNOWN, is_known, plain
from vbr_audit.vocabulary import SEVERITIES

NO_NAME = "(no name)"


@dataclass(frozen=True)
class Capped:
    """The first rows of a table and how many there are."""

    rows: tuple[Any, ...]
    total: int

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows than shown."""
        return len(self.rows) < self.total


def first_rows(rows: Sequence[Any], limit: int) -> Capped:
    """At most `limit` of the rows, and their number."""
    return Capped(tuple(rows[:limit]), len(rows))


def cell_text(value: Any) -> str:
    """A value as text; an empty one where it is not known."""
    return plain(value, lines=True) if is_known(value) else ""


def clock_text(moment: Any, zone: dt.tzinfo) -> str:
    """A moment in as few characters as a table needs; its zone is on the cover."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M") if cell_text(moment) else NOT_KNOWN


def raw_text(value: Any) -> str:
    """A value as the server wrote it, not made safe to show; an empty text where it is not known."""
    return str(value) if is_known(value) else ""


def record_text(record: Mapping[Any, Any]) -> dict[Any, str]:
    """The text of each cell of a row, by column."""
    return {name: cell_text(value) for name, value in record.items()}


def severity_rank(severity: Any) -> int:
    """The place of a severity, the worst first; behind all of them for another word."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


# The ids of the elements of the page, to which its links lead.


def anchor(prefix: str, text: str) -> str:
    """An id for an element: letters, digits, dots and dashes, whatever `text` holds."""
    return f"{prefix}-{re.sub(r'[^A-Za-z0-9.-]+', '-', text)}"


def finding_anchor(finding_id: str) -> str:
    """The id of the element that shows a finding."""
    return anchor("f", finding_id)


def check_anchor(check_id: str) -> str:
    """The id of the element that shows a check."""
    return anchor("check", check_id)


def cause_anchor(cause: str) -> str:
    """The id of the element that shows a cause."""
    return anchor("c", cause)
