"""Tables by declaration: each column with its JSON paths, from which come the table's specification and its builder.

A path is written `repository.advancedSettings.perVmBackup`; several are tried in turn, and the first that gives a
value counts. What stands where an object should stand is NA and counted, as is a value of another type.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from vbr_audit.tables.build.enums import Folding, FoldingOfLists, listed
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.paged import Columns, PagedTable, Source, values_of
from vbr_audit.tables.build.schema import PLAIN_SHEET, Column, Dtype, Holds, ObjectKind, Sheet, TableSpec

Kind = Literal["text", "id", "unique id", "value", "list", "count"]

SEPARATOR: Final = ","
"""What stands between the values of a list that is one text in its column."""


@dataclass(frozen=True)
class Field:
    """One column and the JSON paths that it is read from; without a path it is computed.

    `kind` is how values are treated: those of `paged.Source`, "list" (the texts of a JSON list joined by commas,
    empty text for an empty list; `roles[].name` joins the names of objects), or "count" (the length of a list).
    `words` are the known values of an enum, `renamed` older spellings of them: the column then has a twin,
    `<name>_reported`. `holds` says what its texts are.
    """

    name: str
    dtype: Dtype
    help: str
    paths: tuple[str, ...] = ()
    kind: Kind = "value"
    unit: str | None = None
    words: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    holds: Holds | None = None

    @property
    def taken(self) -> str:
        """The column that takes the values as they were reported."""
        return f"{self.name}_reported" if self.words else self.name

    @property
    def columns(self) -> Iterator[Column]:
        """Its column, and the twin with the words as reported."""
        yield Column(self.name, self.dtype, self.help, self.unit, self.holds)
        if self.words:
            yield Column(self.taken, "string", f"`{self.name}` as the server wrote it.", holds=self.holds)

    def folding(self) -> Folding:
        """A fresh folding of its words."""
        made = FoldingOfLists if self.kind == "list" else Folding
        return made(self.words, dict(self.renamed))


@dataclass(frozen=True)
class Table:
    """A table by its fields, which stand after the column `server`.

    `key` are the columns beside `server` that identify a row. `also_known` are JSON keys of known revisions that
    no column reads. `complete` fills the computed columns from the finished ones. `kind` and `sheet` are those of
    `TableSpec`.
    """

    name: str
    help: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    also_known: str = ""
    complete: Callable[[dict[str, Any]], None] | None = None
    kind: ObjectKind | None = None
    sheet: Sheet = PLAIN_SHEET

    @cached_property
    def spec(self) -> TableSpec:
        """The specification of the table."""
        columns = tuple(column for field in self.fields for column in field.columns)
        server = Column("server", "string", "The server's name in this run.", holds="server")
        return TableSpec(self.name, ("server", *self.key), (server, *columns), self.help, self.kind, self.sheet)

    @property
    def known_keys(self) -> frozenset[str]:
        """The JSON keys that a row may have in any known revision."""
        read = {_steps(path)[0] for field in self.fields for path in field.paths}
        return frozenset(read | set(listed(self.also_known)))

    def builder(self, server: str, zone: dt.tzinfo | None = None) -> PagedTable:
        """A builder of this table for one server, whose zone is `zone`."""
        read = [field for field in self.fields if field.paths]
        return PagedTable(
            self.spec,
            server,
            sources=[
                Source(field.taken, tuple(_place(path, field) for path in field.paths), _SOURCE_KINDS[field.kind])
                for field in read
            ],
            words={field.taken: (field.name, field.folding()) for field in read if field.words},
            known_keys=self.known_keys,
            unfold=self._unfold,
            complete=self.complete,
            zone=zone,
        )

    def _unfold(self, columns: Columns, notes: Notes) -> Columns:
        """The values of all paths that are no plain key of a row."""
        unfolded: Columns = {}
        walked: dict[tuple[str, ...], tuple[Sequence[Any], int]] = {(key,): (columns[key], 0) for key in columns}
        for field in self.fields:
            misplaced: dict[tuple[str, ...], int] = {}
            for path in field.paths:
                steps, place = _steps(path), _place(path, field)
                if place == path and len(steps) == 1:
                    continue
                values, misplaced[steps[:-1]] = _walk(walked, steps)
                if values:
                    unfolded[place] = _reported_values(values, field.kind, path.partition("[].")[2])
            notes.count_uncastable(field.taken, sum(misplaced.values()))
        return unfolded


def text(name: str, help: str, *paths: str, holds: Holds) -> Field:
    """A column of text."""
    return Field(name, "string", help, paths, "text", holds=holds)


def ident(name: str, help: str, *paths: str) -> Field:
    """A column of ids, in which the zero id is NA."""
    return Field(name, "string", help, paths, "id", holds="id")


def own_id(name: str, help: str, *paths: str) -> Field:
    """A column of ids that hardly repeat, in which the zero id is NA."""
    return Field(name, "string", help, paths, "unique id", holds="id")


def word(name: str, help: str, *paths: str, known: Sequence[str], renamed: Sequence[tuple[str, str]] = ()) -> Field:
    """A column of enum words in their newest spelling; the twin has them as reported."""
    return Field(name, "string", help, paths, "text", None, tuple(known), tuple(renamed), "word")


def flag(name: str, help: str, *paths: str) -> Field:
    """A column of yes/no."""
    return Field(name, "boolean", help, paths)


def whole(name: str, help: str, *paths: str, unit: str | None = None) -> Field:
    """A column of whole numbers."""
    return Field(name, "Int64", help, paths, "value", unit)


def real(name: str, help: str, *paths: str, unit: str | None = None) -> Field:
    """A column of numbers with a fraction."""
    return Field(name, "Float64", help, paths, "value", unit)


def moment(name: str, help: str, *paths: str) -> Field:
    """A column of instants."""
    return Field(name, "datetime", help, paths)


def joined(name: str, help: str, *paths: str, known: Sequence[str] = (), holds: Holds | None = None) -> Field:
    """A column of lists of texts, joined by commas; empty text for an empty list. Known ones are words."""
    return Field(name, "string", help, paths, "list", None, tuple(known), holds=holds or ("word" if known else None))


def counted(name: str, help: str, *paths: str, unit: str) -> Field:
    """A column with the lengths of lists."""
    return Field(name, "Int64", help, paths, "count", unit)


_SOURCE_KINDS: Final = {"list": "id", "count": "value"} | {kind: kind for kind in ("text", "id", "unique id", "value")}


def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.partition("[]")[0].split("."))


def _place(path: str, field: Field) -> str:
    """Under which name the values of `path` stand among the columns: a plain key keeps its own."""
    return f"{path} {field.kind}" if field.kind in ("list", "count") else path


def _walk(
    walked: dict[tuple[str, ...], tuple[Sequence[Any], int]], steps: tuple[str, ...]
) -> tuple[Sequence[Any], int]:
    """The values at `steps`, empty if no row has the first key; and how often no object stood on the way."""
    if steps in walked:
        return walked[steps]
    if len(steps) == 1:
        return (), 0
    above, wrong = _walk(walked, steps[:-1])
    if not set(map(type, above)) <= {dict, type(None)}:
        wrong += sum(type(value) is not dict and value is not None for value in above)
    (values,) = values_of(above, steps[-1:])
    walked[steps] = values, wrong
    return values, wrong


def _reported_values(values: Sequence[Any], kind: Kind, item: str) -> Sequence[Any]:
    if kind == "list" and not item:
        try:
            return [SEPARATOR.join(value) if type(value) is list else value for value in values]
        except TypeError:  # one of them holds something else
            return [_joined(value, item) for value in values]
    if kind == "list":
        return [_joined(value, item) for value in values]
    if kind == "count":
        return [len(value) if type(value) is list else value if value is None else False for value in values]
    return values


def _joined(value: Any, item: str) -> Any:
    """The texts of a list as one; a list that holds anything else stays as it is, to be counted as no text."""
    if type(value) is not list:
        return value
    parts: list[Any] = [part.get(item) if type(part) is dict else None for part in value] if item else value
    return SEPARATOR.join(parts) if all(isinstance(part, str) for part in parts) else value
