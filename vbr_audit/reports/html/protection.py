"""The rows of the page that show 3-2-1-1-0 for each protected object, the least protected first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vbr_audit.checks.derived.protection import DIGITS
from vbr_audit.display import NOT_KNOWN, is_known, number, shorten, size
from vbr_audit.reports.record import clock_text, record_text
from vbr_audit.reports.words import Badge, badge

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd


@dataclass(frozen=True)
class ProtectionRow:
    """One protected object: its five digits, the facts behind them, and how many are met."""

    server: str
    name: str
    kind: str
    tier: str
    digits: tuple[Badge, ...]
    copies: str
    repositories: str
    media: str
    offsite: str
    protected: str
    score: str
    rank: int


def protection_rows(objects: pd.DataFrame, limit: int) -> tuple[ProtectionRow, ...]:
    """The first `limit` objects, the least protected first: by digits that are surely met, then by name."""
    met = objects[list(DIGITS)].fillna(False).sum(axis=1)
    order = objects.assign(met=met).sort_values(["met", "name", "server"], kind="stable").head(limit)
    return tuple(_row(record) for record in order.to_dict("records"))


def _row(record: dict[Any, Any]) -> ProtectionRow:
    text = record_text(record)
    kind = ", ".join(_known([text["type"], text["platform"]]))
    return ProtectionRow(
        server=text["server"],
        name=text["name"] or "(no name)",
        kind=kind,
        tier=text["tier"],
        digits=tuple(_digit(record[name]) for name in DIGITS),
        copies=text["copies_count"],
        repositories=text["repositories"],
        media=text["media"],
        offsite=text["offsite_repositories"],
        protected=text["protected_repositories"],
        score=text["score"] or NOT_KNOWN,
        rank=int(record["met"]),
    )


@dataclass(frozen=True)
class LeftRow:
    """The objects of one server that no job backs up any more for one reason, and what their backups take."""

    server: str
    standing: str
    objects: str
    points: str
    size: str
    oldest: str
    names: str


def left_rows(groups: pd.DataFrame, zone: dt.tzinfo) -> tuple[LeftRow, ...]:
    """The rows of `left_objects`; what is not known says so."""
    return tuple(_left(record, zone) for record in groups.to_dict("records"))


def _left(record: dict[Any, Any], zone: dt.tzinfo) -> LeftRow:
    text = record_text(record)
    return LeftRow(
        server=text["server"],
        standing=text["standing"],
        objects=number(record["objects_count"]),
        points=number(record["points_count"]),
        size=size(record["backup_bytes"]),
        oldest=clock_text(record["oldest_end"], zone),
        names=shorten(text["names"], 300),
    )


def _digit(value: Any) -> Badge:
    if not is_known(value):
        return badge("UNKNOWN", NOT_KNOWN)
    return badge("PASS", "yes") if value else badge("FAIL", "no")


def _known(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
