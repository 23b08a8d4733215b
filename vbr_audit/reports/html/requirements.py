"""The rows of the page that answer to frameworks: each requirement, what the run says to it, and by which checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from vbr_audit.display import count, is_known, number, plain
from vbr_audit.reports.anchors import anchor
from vbr_audit.reports.record import record_text
from vbr_audit.reports.words import Badge, badge
from vbr_audit.vocabulary import COUNT_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

_STYLES = {
    "supports": "PASS",
    "exception": "FAIL",
    "exception, accepted": "WAIVED",
    "insufficient evidence": "UNKNOWN",
}
_COUNTED = tuple(name for name in COUNT_COLUMNS if name != "not_applicable")


@dataclass(frozen=True)
class RequirementRow:
    """One requirement of a framework: the badge of its answer, its checks with anchors, and the counts in words."""

    requirement: str
    title: str
    judgement: str
    badge: Badge
    why: str
    checks: tuple[tuple[str, str], ...]
    counts: str


@dataclass(frozen=True)
class FrameworkTable:
    """One framework with its requirements, and how many of them have which answer."""

    name: str
    anchor: str
    told: str
    rows: tuple[RequirementRow, ...]


def framework_tables(requirements: pd.DataFrame) -> tuple[FrameworkTable, ...]:
    """The requirements by framework, in their order."""
    records = requirements.to_dict("records")
    return tuple(_table(str(name), list(rows)) for name, rows in groupby(records, key=lambda row: row["framework"]))


def _table(name: str, records: list[dict[Any, Any]]) -> FrameworkTable:
    rows = tuple(_row(record) for record in records)
    words = [row.badge.word for row in rows]
    told = ", ".join(f"{number(words.count(word))} {word}" for word in _STYLES if word in words)
    edition = plain(records[0]["edition"]) if is_known(records[0]["edition"]) else ""
    title = f"{plain(name)}, {edition}" if edition and edition not in name else plain(name)
    return FrameworkTable(title, anchor("framework", name), f"{count(len(rows), 'requirement')}: {told}", rows)


def _row(record: dict[Any, Any]) -> RequirementRow:
    text = record_text(record)
    ids = [name for name in text["checks"].split(", ") if name]
    return RequirementRow(
        requirement=text["requirement"],
        title=text["title"],
        judgement=text["judgement"],
        badge=badge(_STYLES.get(text["answer"], "UNKNOWN"), text["answer"]),
        why=text["why"],
        checks=tuple((check_id, anchor("check", check_id)) for check_id in ids),
        counts=", ".join(_counted(record)),
    )


def _counted(record: dict[Any, Any]) -> Iterator[str]:
    for name in _COUNTED:
        if record[name]:
            yield f"{number(record[name])} {name}"
