"""Where the rows of a server stand in its evidence: noted as numbers while pages become tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from vbr_audit.collection.evidence import KeptPage

Numbers = npt.NDArray[Any]
NOWHERE: Final = -1
"""The number that stands for no page, and for no row where a page is one document."""


_NO_KEYS: Final = np.empty(0, dtype=np.uint64)
_NO_PLACES: Final = np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class KeptRows:
    """The rows of a page that were taken: `places` has the place of each on it, from 0; none if it is one document."""

    page: KeptPage
    places: Sequence[int] = ()


@dataclass(frozen=True)
class Place:
    """Where one document stands: the page, the number of that page in its dataset, and its row, None without rows."""

    page: KeptPage
    number: int
    row: int | None


@dataclass(eq=False)
class _Rows:
    """The pages of one dataset and, for each row with an id, a hash of that id, its page and its place there.

    `added` are the rows that nobody has asked for yet, by their ids: those are hashed when somebody does.
    """

    pages: list[KeptPage] = field(default_factory=list)
    added: list[tuple[list[str], Numbers, Numbers]] = field(default_factory=list)
    by_key: tuple[Numbers, Numbers, Numbers] = (_NO_KEYS, _NO_PLACES, _NO_PLACES)

    def sorted(self) -> tuple[Numbers, Numbers, Numbers]:
        """All rows by the hash of their id, of equal ones the first in front."""
        if self.added:
            ids, numbers, rows = zip(*self.added, strict=True)
            added = _hashed([*chain.from_iterable(ids)]), np.concatenate(numbers), np.concatenate(rows)
            keys, pages, places = (np.concatenate(both) for both in zip(self.by_key, added, strict=True))
            order = np.argsort(keys, kind="stable")
            self.by_key, self.added = (keys[order], pages[order], places[order]), []
        return self.by_key


class Positions:
    """The places of the rows of one server, by dataset and id.

    An id is known by a hash of 64 bits: 16 bytes for each row, however long its id and the name of its entry are. Of
    rows with the same id, the first counts, which is the one that the table keeps.
    """

    def __init__(self) -> None:
        self._rows: dict[str, _Rows] = {}

    def add(self, dataset: str, rows: Sequence[Any], kept: KeptRows, *, key: str) -> None:
        """Note where `rows` of a page stand; `key` names their id. Rows without one have no place."""
        own = self._rows.setdefault(dataset, _Rows())
        own.pages.append(kept.page)
        places = _numbers(kept.places, len(rows))
        ids = _usual_ids(rows, key)
        if ids is None:
            found = [row.get(key) if type(row) is dict else None for row in rows]
            places = places[[type(value) is str for value in found]]
            ids = [value for value in found if type(value) is str]
        pages = np.full(len(places), len(own.pages) - 1, dtype=np.int32)
        own.added.append((ids, pages, places))

    def restore(self, dataset: str, pages: Sequence[KeptPage], numbers: tuple[Numbers, Numbers, Numbers]) -> None:
        """Take the `pages` of a dataset and its `numbers`, as they were; raises `ValueError` for such as never were."""
        keys, at, rows = numbers
        if not len(keys) == len(at) == len(rows) or (keys[:-1] > keys[1:]).any():
            raise ValueError(f"{dataset}: keys out of order")
        if len(keys) and not (int(at.min()) >= 0 and int(at.max()) < len(pages) and int(rows.min()) >= NOWHERE):
            raise ValueError(f"{dataset}: rows on no page")
        self._rows[dataset] = _Rows(list(pages), [], numbers)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets of which pages were read."""
        return tuple(self._rows)

    def numbers(self, dataset: str) -> tuple[Numbers, Numbers, Numbers]:
        """Of each row of a dataset that has an id, by the hash of that: the hash, the number of its page, its place."""
        return self._rows[dataset].sorted()

    def equals(self, other: Positions) -> bool:
        """Whether the same rows stand on the same pages."""
        return set(self._rows) == set(other._rows) and all(
            list(own.pages) == list(other._rows[name].pages)
            and all(map(np.array_equal, own.sorted(), other._rows[name].sorted()))
            for name, own in self._rows.items()
        )

    def pages(self, dataset: str) -> Sequence[KeptPage]:
        """The pages of a dataset in the order of reading; none of one that was not read."""
        return self._rows[dataset].pages if dataset in self._rows else ()

    def find(self, dataset: str, ids: Sequence[Any]) -> tuple[Numbers, Numbers]:
        """For each id the number of its page and its place there, as int32; `NOWHERE` for what is not there."""
        pages, places = (np.full(len(ids), NOWHERE, dtype=np.int32) for _ in range(2))
        named = np.array([type(value) is str for value in ids], dtype=bool)
        if dataset not in self._rows or not named.any():
            return pages, places
        keys, known_pages, known_places = self._rows[dataset].sorted()
        wanted = _hashed([value for value in ids if type(value) is str])
        at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        found = keys[at] == wanted if len(keys) else np.zeros(len(wanted), dtype=bool)
        rows = np.flatnonzero(named)[found]
        pages[rows], places[rows] = known_pages[at[found]], known_places[at[found]]
        return pages, places

    def places(self, dataset: str, ids: Sequence[Any]) -> dict[Any, Place]:
        """The places of those of `ids` that are there, in the order of `ids`."""
        numbers, rows = (each.tolist() for each in self.find(dataset, ids))
        pages = self.pages(dataset)
        return {
            name: Place(pages[number], number, None if row == NOWHERE else row)
            for name, number, row in zip(ids, numbers, rows, strict=True)
            if number != NOWHERE
        }


def _numbers(places: Sequence[int], rows: int) -> Numbers:
    """The places of so many rows as numbers; `NOWHERE` for those of one document."""
    if not places:
        return np.full(rows, NOWHERE, dtype=np.int32)
    if isinstance(places, range):
        return np.arange(places.start, places.stop, places.step, dtype=np.int32)
    return np.fromiter(places, dtype=np.int32, count=rows)


def _usual_ids(rows: Sequence[Any], key: str) -> list[str] | None:
    """The ids of `rows`, where each has one."""
    try:
        ids = list(map(itemgetter(key), rows))
    except (KeyError, TypeError):
        return None
    return ids if set(map(type, ids)) <= {str} else None


def _hashed(ids: Sequence[str]) -> Numbers:
    """A hash of 64 bits for each id, the same in every process."""
    texts = np.empty(len(ids), dtype=object)
    texts[:] = ids
    try:
        return pd.util.hash_array(texts, categorize=False)
    except UnicodeEncodeError:  # a lone surrogate, which has no UTF-8
        texts[:] = [text.encode("utf-8", "backslashreplace").decode() for text in ids]
        return pd.util.hash_array(texts, categorize=False)
