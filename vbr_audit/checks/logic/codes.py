"""Text columns as numbers: each distinct text is looked at once, however many rows hold it.

What was found out about a column is kept as long as its memory lives, if nobody can write there.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import repeat
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.tables.build.arrays import STRING

Cells = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Codes:
    """The distinct `texts` of a column, in the order of their first rows, and which of them each row holds, -1 for NA.

    `texts` is an object array of `str`, `rows` one of integers.
    """

    texts: Cells
    rows: Cells

    @cached_property
    def numbers(self) -> dict[Any, int]:
        """The number of each text."""
        return dict(zip(self.texts.tolist(), range(len(self.texts)), strict=True))

    @cached_property
    def looked_up(self) -> dict[int, Cells]:
        """The first row of each text in other columns, by the memory of those."""
        return {}

    @cached_property
    def firsts(self) -> Cells:
        """The first row of each text."""
        firsts = np.empty(len(self.texts), dtype=np.int64)
        held = np.flatnonzero(self.rows >= 0)[::-1]
        firsts[self.rows[held]] = held
        return firsts

    def spread(self, answers: Iterable[Any], dtype: Any, *, missing: Any) -> Cells:
        """The answer of each row as an array of `dtype`, from one answer per text; `missing` where the text is NA."""
        if isinstance(answers, np.ndarray):
            return np.append(answers, np.array([missing], dtype=dtype)).astype(dtype, copy=False)[self.rows]
        return np.array([*answers, missing], dtype=dtype)[self.rows]

    def among(self, words: Iterable[str]) -> Cells:
        """A plain boolean array: the rows whose text is one of `words`."""
        known = frozenset(words)
        return self.spread((text in known for text in self.texts.tolist()), bool, missing=False)

    def text_at(self, row: int) -> Any:
        """The text of one row, or NA."""
        return self.texts[self.rows[row]] if self.rows[row] >= 0 else pd.NA

    def texts_of(self, chosen: Cells) -> Cells:
        """The texts that any row of `chosen` (a plain boolean array) holds."""
        return self.texts[np.bincount(self.rows[chosen & (self.rows >= 0)], minlength=len(self.texts)) > 0]

    def at(self, places: Cells) -> Codes:
        """The codes of the rows at these positions."""
        rows = self.rows[places]
        held = rows >= 0
        numbers, texts = pd.factorize(rows[held])
        rows[held] = numbers
        return Codes(self.texts[texts], rows)

    def counts(self) -> Cells:
        """How many rows hold each text."""
        return np.bincount(self.rows[self.rows >= 0], minlength=len(self.texts))


_MUCH_LARGER: Final = 4
_FEW: Final = 60
_KEPT: Final[dict[int, Codes]] = {}
_PARTS: Final[dict[int, tuple[pd.Series, Cells]]] = {}
_MATCHES: Final[weakref.WeakKeyDictionary[Codes, weakref.WeakKeyDictionary[Codes, Cells]]] = weakref.WeakKeyDictionary()


def sealed(values: pd.Series) -> pd.Series:
    """The same texts on memory of their own that refuses to be written to."""
    twin = values.copy(deep=True)
    _memory_of(twin.to_numpy(dtype=object)).flags.writeable = False
    return twin


def sealed_part(whole: pd.Series, rows: Cells) -> pd.Series:
    """The texts at these positions of a sealed column, sealed too; their codes are made of those of `whole`."""
    part = pd.Series(whole.array.take(rows), copy=False)
    cells = _memory_of(part.to_numpy(dtype=object))
    cells.flags.writeable = False
    _PARTS[id(cells)] = whole, rows
    weakref.finalize(cells, _PARTS.pop, id(cells), None)
    return part


@lru_cache(maxsize=1024, typed=True)
def repeated(value: Any, size: int) -> Cells:
    """An object array with `value` in each of `size` places, all in the memory of one: it refuses to be written to."""
    return np.broadcast_to(np.array([value], dtype=object), size)


def _memory_of(cells: Cells) -> Cells:
    """The array that owns the memory of `cells`, where `cells` is the whole of it; else `cells`."""
    base = cells.base
    whole = isinstance(base, np.ndarray) and (base.shape, base.strides) == (cells.shape, cells.strides)
    return base if whole and isinstance(base, np.ndarray) else cells


def _lasts(cells: Cells) -> bool:
    """Whether nobody can write to this memory."""
    return cells.base is None and not cells.flags.writeable


def codes_of(values: pd.Series) -> Codes:
    """The codes of a text column; of one that is sealed they are worked out once."""
    cells = _memory_of(values.to_numpy(dtype=object))
    if id(cells) in _KEPT:
        return _KEPT[id(cells)]
    if id(cells) in _PARTS:
        whole, places = _PARTS[id(cells)]
        codes = codes_of(whole).at(places)
    else:
        codes = _few(cells) if len(cells) <= _FEW and values.dtype == STRING else _many(cells)
    if _lasts(cells):
        _KEPT[id(cells)] = codes
        weakref.finalize(cells, _KEPT.pop, id(cells), None)
    return codes


def _few(cells: Cells) -> Codes:
    """The codes of a few texts, for which this is sooner."""
    numbers: dict[str, int] = {}
    rows = [-1 if text is pd.NA else numbers.setdefault(text, len(numbers)) for text in cells.tolist()]
    texts = np.empty(len(numbers), dtype=object)
    texts[:] = list(numbers)
    return Codes(texts, np.array(rows, dtype=np.int64))


def _many(cells: Cells) -> Codes:
    rows, texts = pd.factorize(cells)
    return Codes(np.asarray(texts, dtype=object), rows)


def first_rows(keys: Codes, where: pd.Series) -> Cells:
    """The first row of `where` that holds each text of `keys`, -1 for none."""
    if not len(keys.texts):
        return np.zeros(0, dtype=np.int64)
    cells = _memory_of(where.to_numpy(dtype=object))
    if id(cells) in _KEPT or len(cells) <= _MUCH_LARGER * len(keys.texts):
        there = codes_of(where)
        return np.append(there.firsts, -1)[matches(keys, there)]
    # A few texts are found sooner by looking each row up than by working out what all of the rows hold.
    if id(cells) in keys.looked_up:
        return keys.looked_up[id(cells)]
    held = np.fromiter(map(keys.numbers.get, cells.tolist(), repeat(-1)), dtype=np.int64, count=len(cells))[::-1]
    firsts = np.full(len(keys.texts), -1, dtype=np.int64)
    known = np.flatnonzero(held >= 0)
    firsts[held[known]] = len(cells) - 1 - known
    if _lasts(cells):
        keys.looked_up[id(cells)] = firsts
        weakref.finalize(cells, keys.looked_up.pop, id(cells), None)
    return firsts


def matches(keys: Codes, where: Codes) -> Cells:
    """Which text of `where` equals each text of `keys`, -1 for none."""
    known = _MATCHES.setdefault(where, weakref.WeakKeyDictionary())
    if keys not in known:
        known[keys] = _found(keys, where) if len(where.texts) <= len(keys.texts) else _found_by(keys, where)
    return known[keys]


def _found(keys: Codes, where: Codes) -> Cells:
    """The number that each text of `keys` has in `where`, -1 for none."""
    numbers = map(where.numbers.get, keys.texts.tolist(), repeat(-1))
    return np.fromiter(numbers, dtype=np.int64, count=len(keys.texts))


def _found_by(keys: Codes, where: Codes) -> Cells:
    """The same, looked up the other way round: the table of the numbers is made of the fewer texts."""
    back = _found(where, keys)
    places = np.full(len(keys.texts), -1, dtype=np.int64)
    known = np.flatnonzero(back >= 0)
    places[back[known]] = known
    return places


def combined(columns: Iterable[Cells], size: int) -> Cells:
    """A number for each of `size` rows that is equal where all `columns` are; these are integers from -1 on."""
    combined_codes = np.zeros(size, dtype=np.int64)
    for column in columns:
        combined_codes = pd.factorize(combined_codes * (int(column.max(initial=0)) + 2) + column + 1)[0]
    return combined_codes
