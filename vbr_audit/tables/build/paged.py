"""Builds a large table page by page: columns at once, no model and no dict per row.

A page's rows become columns as soon as a thousand are there, so that the decoded rows can go: dates and
numbers to numpy, text to lists in which words that repeat are one object.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.tables.build.arrays import all_missing, count_dates, dates_of, known_strings, strings_of, to_array
from vbr_audit.tables.build.dates import NAT, read_dates
from vbr_audit.tables.build.enums import Folding
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import ZERO_GUID, TableResult, TableSpec, from_arrays


def clock_of(column: str) -> str:
    """Under which name a table's completion finds what the dates of `column` say where their zone is not known."""
    return f"{column} on an unknown clock"


Rows = list[dict[str, Any]]
Columns = dict[str, Sequence[Any]]

CHUNK: Final = 1_000
"""Minimum number of rows that are turned into columns at a time: few enough to stay in the processor's cache."""

_INTERNED: Final = 100_000
_PLAIN: Final = frozenset({str, type(None)})


@dataclass(frozen=True)
class Source:
    """Where a column comes from: the JSON keys to try in turn, and how text is treated.

    `kind` is "text" (words that repeat are kept once), "id" (as text, the all-zero id is NA), "unique id" (an
    id that hardly repeats), or "value" for anything that is not text.
    """

    column: str
    keys: tuple[str, ...]
    kind: str = "value"

    @property
    def is_utc(self) -> bool:
        """A date whose key says that it is UTC, hence no clock of the server, also without an offset."""
        return all(key.endswith("Utc") for key in self.keys)


class SameObject(dict[Any, Any]):
    """Gives for each text the first equal one that it was asked for; for None and the ids of nothing, NA.

    What is no text raises `TypeError`.
    """

    def __init__(self, *nothing: str) -> None:
        super().__init__(dict.fromkeys((None, *nothing), pd.NA))
        self._nothing = nothing

    def __missing__(self, text: Any) -> str:
        if type(text) is not str:
            raise TypeError(text)
        if len(self) > _INTERNED:
            self.clear()
            self.update(dict.fromkeys((None, *self._nothing), pd.NA))
        self[text] = text
        return text


class PagedTable:
    """A `TableBuilder` over a plan of sources; one server, one dataset.

    `words` are columns of enum values: each is folded to its canonical spelling, with the reported one in
    `<column>_reported`. `unfold` gives extra columns from nested objects, by a made-up key that sources name.
    `known_keys` are the JSON keys of all known revisions; others are counted. `complete` may fill the columns
    that are computed from finished ones. `zone` is the server's: the one of dates without an offset.
    """

    def __init__(
        self,
        spec: TableSpec,
        server: str,
        *,
        sources: Iterable[Source],
        words: Mapping[str, tuple[str, Folding]],
        known_keys: frozenset[str],
        unfold: Callable[[Columns, Notes], Columns] | None = None,
        complete: Callable[[dict[str, Any]], None] | None = None,
        zone: dt.tzinfo | None = None,
    ) -> None:
        self._zone = zone
        self._spec, self._server, self._known_keys = spec, server, known_keys
        self._sources, self._words = tuple(sources), dict(words)
        self._unfold, self._complete = unfold, complete
        self._dtypes = {column.name: column.dtype for column in spec.columns}
        self._waiting: Rows = []
        self._rows = 0
        self._text: dict[str, list[Any]] = {}
        self._parts: dict[str, list[Any]] = {}
        self._clocks: dict[str, list[tuple[int, Any]]] = {}
        self._same = {"text": SameObject(), "id": SameObject(ZERO_GUID)}
        self._notes = Notes()

    def add(self, rows: list[Any]) -> None:
        """Take the decoded rows of one page; what is no JSON object is left out and counted."""
        objects = rows if set(map(type, rows)) <= {dict} else [row for row in rows if type(row) is dict]
        self._notes.not_objects += len(rows) - len(objects)
        self._waiting += objects
        if len(self._waiting) >= CHUNK:
            self._turn()

    def finish(self) -> TableResult:
        """The table of all rows added, in their order."""
        self._turn()
        arrays: dict[str, Any] = {"server": strings_of([self._server] * self._rows)}
        for column in self._spec.columns:
            name = column.name
            if name in self._text:
                arrays[name] = known_strings(self._text.pop(name))
            elif column.dtype == "datetime" and name in self._parts:
                arrays[name] = dates_of(np.concatenate(self._parts.pop(name)))
            elif name in self._parts:
                parts = self._parts.pop(name)
                arrays[name] = pd.concat(map(pd.Series, parts), ignore_index=True).array if parts[1:] else parts[0]
            elif name not in arrays:
                arrays[name] = all_missing(column.dtype, self._rows)
        if self._complete is not None and self._rows:
            arrays |= self._clock_columns()
            self._complete(arrays)
        frame = from_arrays({name: arrays[name] for name in self._spec.names}, self._rows)
        for name in self._spec.key:
            self._notes.missing_keys += int(arrays[name].isna().sum())
        return TableResult(frame, self._notes)

    def _clock_columns(self) -> dict[str, Any]:
        """What dates without an offset say on a clock that is not known, by `clock_of` their columns."""
        columns = {}
        for column, parts in self._clocks.items():
            micros = np.full(self._rows, NAT, dtype=np.int64)
            for start, clock in parts:
                micros[start : start + len(clock)] = clock
            columns[clock_of(column)] = micros
        return columns

    def _turn(self) -> None:
        """Turn the rows that wait into columns."""
        rows, self._waiting = self._waiting, []
        if not rows:
            return
        self._rows += len(rows)
        columns = self._columns_of(rows)
        count_unknown_below(columns, self._notes)
        if self._unfold is not None:
            columns |= self._unfold(columns, self._notes)
        nothing = [None] * len(rows)
        for source in self._sources:
            values = _first_of([columns.get(key, nothing) for key in source.keys])
            if values[0] is None and values.count(None) == len(rows):
                self._take_nothing(source, len(rows))
            elif source.kind == "value":
                self._take_values(source, values)
            else:
                self._take_texts(source, values)

    def _take_values(self, source: Source, values: Sequence[Any]) -> None:
        column = source.column
        dtype = self._dtypes[column]
        if dtype == "datetime":
            read = read_dates(values, dt.UTC if source.is_utc else self._zone)
            count_dates(self._notes, column, read)
            part: Any = read.micros
            if read.clock is not None:
                self._clocks.setdefault(column, []).append((self._rows - len(part), read.clock))
        else:
            part = to_array(values, dtype, column, self._notes)
        self._parts.setdefault(column, []).append(part)

    def _take_texts(self, source: Source, values: Sequence[Any]) -> None:
        column = source.column
        if source.kind == "unique id":
            self._cells(column).extend(_without_zero(self._texts(column, values)))
            return
        same = self._same[source.kind].__getitem__
        try:
            cells = list(map(same, values))
        except TypeError:
            values = self._texts(column, values)
            cells = list(map(same, values))
        self._cells(column).extend(cells)
        if column in self._words:
            self._take_words(column, values, cells)

    def _take_nothing(self, source: Source, rows: int) -> None:
        """As many rows without a value."""
        column = source.column
        dtype = self._dtypes[column]
        if source.kind == "value":
            nothing = np.full(rows, NAT) if dtype == "datetime" else all_missing(dtype, rows)
            self._parts.setdefault(column, []).append(nothing)
            return
        for name in (column, *self._words.get(column, ())[:1]):
            self._cells(name).extend(repeat(pd.NA, rows))

    def _cells(self, column: str) -> list[Any]:
        """The cells of a column of text that are there: one long list, as many small arrays would tear up the heap."""
        return self._text.setdefault(column, [])

    def _take_words(self, column: str, words: Sequence[Any], reported: Sequence[Any]) -> None:
        canonical, folding = self._words[column]
        if all(folding[word] == word for word in set(words) if word is not None):  # as a new server writes them
            self._cells(canonical).extend(reported)
        else:
            self._cells(canonical).extend(map(folding.__getitem__, words))
        if folding.unknown:
            for word, times in Counter(words).items():
                if word in folding.unknown:
                    self._notes.count_unknown_value(canonical, word, times)

    def _texts(self, column: str, values: Sequence[Any]) -> Sequence[Any]:
        """`values` as text or None."""
        if set(map(type, values)) <= _PLAIN:
            return values
        wrong = sum(value is not None and not isinstance(value, str) for value in values)
        self._notes.count_uncastable(column, wrong)
        return [value if isinstance(value, str) else None for value in values]

    def _columns_of(self, rows: Rows) -> Columns:
        """The rows by JSON key; keys that no known revision lists are counted and left out."""
        shapes = list(map(tuple, rows))
        places: dict[tuple[str, ...], list[int]] = {}
        for place, shape in enumerate(shapes) if shapes.count(shapes[0]) < len(shapes) else ():
            places.setdefault(shape, []).append(place)
        sizes = {shape: len(own) for shape, own in places.items()} or {shapes[0]: len(rows)}
        for keys, times in sizes.items():
            for key in keys:
                if key not in self._known_keys:
                    self._notes.count_unknown_field(key, times)
        if not places:
            return _transposed(shapes[0], rows)
        return self._joined_shapes(rows, places)

    def _joined_shapes(self, rows: Rows, places: Mapping[tuple[str, ...], Sequence[int]]) -> Columns:
        """Rows of several shapes, whose `places` are given, by JSON key: those of one shape are turned at once."""
        parts = [(len(own), _transposed(shape, [rows[place] for place in own])) for shape, own in places.items()]
        by_shape = np.concatenate([np.array(own) for own in places.values()])
        in_order = itemgetter(*np.argsort(by_shape).tolist())
        keys_present = {key for keys in places for key in keys if key in self._known_keys}
        return {
            key: in_order([*chain.from_iterable(part.get(key) or repeat(None, size) for size, part in parts)])
            for key in keys_present
        }


def _transposed(shape: tuple[str, ...], rows: Rows) -> Columns:
    """Rows that all have the keys of `shape`, in this order, by key."""
    values, width = list(chain.from_iterable(map(dict.values, rows))), len(shape)
    return {key: values[at::width] for at, key in enumerate(shape)}


def values_of(objects: Sequence[Any], keys: Iterable[str]) -> Iterator[list[Any]]:
    """For each of `keys` the values below it, in the order of `objects`; None where no object is, or not the key."""
    if set(map(type, objects)) != {dict}:
        objects = [value if type(value) is dict else {} for value in objects]
    for key in keys:
        yield list(map(dict.get, objects, repeat(key)))


def _first_of(columns: list[Sequence[Any]]) -> Sequence[Any]:
    """One value per row: that of the first column which has one."""
    values = columns[0]
    for other in columns[1:]:
        if None in values:
            values = [second if first is None else first for first, second in zip(values, other, strict=True)]
    return values


def _without_zero(ids: Sequence[Any]) -> Sequence[Any]:
    """`ids` with NA for None and for the all-zero id."""
    if None in ids or ZERO_GUID in ids:
        return [pd.NA if value is None or value == ZERO_GUID else value for value in ids]
    return ids


# Counts the JSON keys below the top level of rows that no known revision lists.
#
# A key is known if any answer of any revision has one of that name: `nested_keys.txt` lists those that hold objects or
# lists, and then the others below the top level. Rows of one shape are looked at together, and only what may hold more
# keys is looked into.

_DEEPEST: Final = 20
_HOLDERS: Final = frozenset({dict, list})


@lru_cache(maxsize=1)
def nested_keys() -> tuple[frozenset[str], frozenset[str]]:
    """The known keys: those that hold objects or lists, and these with all others below the top level."""
    text = resources.files("vbr_audit.tables").joinpath("nested_keys.txt").read_text("utf-8")
    holders, others = (frozenset(part.split()) for part in text.split("\n\n"))
    return holders, holders | others


def count_unknown_below(columns: Mapping[str, Sequence[Any]], notes: Notes) -> None:
    """Count in `notes` the unknown keys below each of `columns`, which are named by their top-level keys."""
    holders, _ = nested_keys()
    for key in columns.keys() & holders:
        _look_into(key, columns[key], notes, 0)


def _look_into(where: str, values: Sequence[Any], notes: Notes, depth: int) -> None:
    kinds = set(map(type, values))
    if kinds.isdisjoint(_HOLDERS) or depth > _DEEPEST:
        return
    if list in kinds:
        lists = values if kinds == {list} else [value for value in values if type(value) is list]
        if not _HOLDERS.isdisjoint(map(type, chain.from_iterable(lists))):
            _look_into(f"{where}[]", [*chain.from_iterable(lists)], notes, depth + 1)
    objects = values if kinds == {dict} else [value for value in values if type(value) is dict]
    holders, known = nested_keys()
    keys_present = set(chain.from_iterable(objects))
    if not keys_present <= known:
        for key, times in Counter(chain.from_iterable(objects)).items():
            if key not in known:
                notes.count_unknown_field(f"{where}.{key}", times)
    inner = sorted(keys_present & holders)
    for key, below in zip(inner, values_of(objects, inner), strict=True):
        _look_into(f"{where}.{key}", below, notes, depth + 1)
