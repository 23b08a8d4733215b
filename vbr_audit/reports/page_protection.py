"""The rows of the page that show 3-2-1-1-0 for each protected object, the least protected first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.checks.derived.protection import DIGITS
from vbr_audit.display import is_known, number
from vbr_audit.reports.record import record_text
from vbr_audit.reports.words import Badge, badge

if TYPE_CHECKING:
    import pandas as pd

DIGIT_WORDS: Final = (
    ("3", "three copies", "copies in different places, production counted"),
    ("2", "two media", "media, production counted as disk"),
    ("1", "off-site", "a copy away from the site"),
    ("1", "immutable or offline", "a copy that nobody can change"),
    ("0", "verified", "a copy that was checked for errors"),
)
"""Each digit with its word and what it asks, in the order of `DIGITS`."""


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


@dataclass(frozen=True)
class DigitCount:
    """How many objects meet one digit, do not, or are not known to."""

    digit: str
    word: str
    help: str
    met: str
    not_met: str
    not_known: str


def protection_rows(objects: pd.DataFrame, limit: int) -> tuple[ProtectionRow, ...]:
    """The first `limit` objects, the least protected first: by digits that are surely met, then by name."""
    met = objects[list(DIGITS)].fillna(False).sum(axis=1)
    order = objects.assign(met=met).sort_values(["met", "name", "server"], kind="stable").head(limit)
    return tuple(_row(record) for record in order.to_dict("records"))


def digit_counts(objects: pd.DataFrame) -> tuple[DigitCount, ...]:
    """The objects by each digit; nothing where there is no object."""
    if objects.empty:
        return ()
    return tuple(
        DigitCount(
            digit,
            word,
            told,
            met=number(int(objects[name].fillna(False).sum())),
            not_met=number(int((~objects[name]).fillna(False).sum())),
            not_known=number(int(objects[name].isna().sum())),
        )
        for name, (digit, word, told) in zip(DIGITS, DIGIT_WORDS, strict=True)
    )


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
        score=text["score"] or "not known",
        rank=int(record["met"]),
    )


def _digit(value: Any) -> Badge:
    if not is_known(value):
        return badge("UNKNOWN", "not known")
    return badge("PASS", "yes") if value else badge("FAIL", "no")


def _known(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))
