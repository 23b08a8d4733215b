"""The sheets about the estate: protected objects with their copies, repositories with their growth and content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pandas as pd

from vbr_audit.checks.derived import protection
from vbr_audit.reports.estate_words import copy_text
from vbr_audit.reports.excel.data import columns_of, header_of
from vbr_audit.reports.excel.front import PERCENT
from vbr_audit.reports.figures import protected_objects, repository_list
from vbr_audit.spreadsheet.sheet import SheetColumn, SheetPlan
from vbr_audit.tables.build.schema import STRING, Column

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

ESTATE_TAB: Final = "1F3A5F"
"""The colour of the tabs about the estate: that of the results."""
_OBJECTS_FIRST: Final = (
    *("server", "name", "type", "tier", "jobs", "rpo_state", "latest_point", "age_h", "rpo_h", "covered_share"),
    *("covered_at_least", "late_h", "copies", "copies_count", "backup_bytes", "last_test", "last_test_result"),
    *("score", *protection.DIGITS),
)
_OBJECTS_SOURCE: Final = "made of restore points, backups, jobs, repositories, sessions and restore tasks"
_COPIES: Final = Column(
    "copies",
    "string",
    "Each place of its backups with its lock, whether it is off-site, and whether it is too old to count as a copy.",
    holds="own text",
)
_REPOSITORIES_FIRST: Final = (
    *("server", "name", "type", "kind", "storage_class", "capacity_bytes", "used_bytes", "free_bytes", "free_share"),
    *("growth_bytes", "days_to_full", "outlook", "outlook_reason", "immutability_enabled", "immutability_days"),
    *("objects_count", "points_count", "backup_bytes"),
)
_REPOSITORIES_SOURCE: Final = "made of repositories, their states in this run and earlier ones, and backups"
_SHARES: Final = frozenset(map(header_of, ("covered_share", "covered_at_least", "free_share")))


def estate_plans(context: ReportContext, footer: str) -> Iterator[SheetPlan]:
    """Protected objects, then Repositories: each with all rows, in the order of the page."""
    estate, zone = context.figures.estate, context.zone
    texts = ["\n".join(copy_text(copy, zone) for copy in copies) or pd.NA for copies in estate.objects.copies]
    frame = estate.objects.frame.assign(copies=pd.array(texts, dtype=STRING))
    spec = protected_objects.SPEC
    columns = columns_of(
        frame,
        context.zone_name,
        first=tuple(dict.fromkeys((*_OBJECTS_FIRST, *protection.SHOWN))),
        spec=replace(spec, columns=(*spec.columns, _COPIES)),
        source=_OBJECTS_SOURCE,
    )
    yield SheetPlan(
        "Protected objects",
        "tblProtection",
        _as_shares(columns),
        2,
        footer,
        wrap=True,
        help=f"One row per protected object: those {protected_objects.ORDER_WORDS}.",
        tab=ESTATE_TAB,
    )
    columns = columns_of(
        estate.repositories,
        context.zone_name,
        first=_REPOSITORIES_FIRST,
        spec=repository_list.SPEC,
        source=_REPOSITORIES_SOURCE,
        counts=True,
    )
    yield SheetPlan(
        "Repositories", "tblStorage", _as_shares(columns), 2, footer, help=repository_list.SPEC.help, tab=ESTATE_TAB
    )


def _as_shares(columns: tuple[SheetColumn, ...]) -> tuple[SheetColumn, ...]:
    return tuple(replace(column, number_format=PERCENT) if column.header in _SHARES else column for column in columns)
