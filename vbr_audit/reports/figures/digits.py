"""The protected objects by the digits of 3-2-1-1-0 that they meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

from vbr_audit.checks.derived.protection import DIGITS

DIGIT_WORDS: Final = (
    ("3", "three copies", "copies in different places, production counted"),
    ("2", "two media", "media, production counted as disk"),
    ("1", "off-site", "a copy away from the site"),
    ("1", "immutable or offline", "a copy that nobody can change"),
    ("0", "verified", "a copy that was checked for errors"),
)
"""Each digit with its word and what it asks, in the order of `DIGITS`."""


@dataclass(frozen=True)
class DigitCount:
    """How many objects meet one digit, do not, or are not known to."""

    digit: str
    word: str
    help: str
    met: int
    not_met: int
    not_known: int


@dataclass(frozen=True)
class Protection:
    """The protected objects: by digit, and how many surely meet all five, of all there are."""

    digits: tuple[DigitCount, ...] = ()
    all_met: int = 0
    objects: int = 0


def protection_of(objects: pd.DataFrame) -> Protection:
    """The counts over `Results.protected`; nothing where there is no object."""
    if objects.empty:
        return Protection()
    digits = tuple(
        DigitCount(
            *words,
            met=int(objects[name].fillna(False).sum()),
            not_met=int((~objects[name]).fillna(False).sum()),
            not_known=int(objects[name].isna().sum()),
        )
        for name, words in zip(DIGITS, DIGIT_WORDS, strict=True)
    )
    all_met = int((objects[list(DIGITS)].fillna(False).sum(axis=1) == len(DIGITS)).sum())
    return Protection(digits, all_met, len(objects))
