"""What a table is: its columns, their dtypes, and how plain data becomes such a DataFrame.

Only nullable dtypes are used, and the same ones for an empty table: text is `STRING`, whole numbers `Int64`,
fractions `Float64`, yes/no `boolean`, instants `datetime64[us, UTC]`. NA (of instants NaT) means "not known".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Literal, Protocol

import pandas as pd

from vbr_audit.tables.build.arrays import DTYPES, STRING, all_missing, are_missing, to_array
from vbr_audit.tables.build.notes import Notes

__all__ = [
    "DTYPES",
    "PLAIN_SHEET",
    "STRING",
    "Column",
    "Holds",
    "NameOf",
    "Notes",
    "ObjectKind",
    "OwnTable",
    "Sheet",
    "TableBuilder",
    "TableResult",
    "TableSpec",
    "conform",
    "empty",
    "from_arrays",
    "is_table_of",
]

Dtype = Literal["string", "Int64", "Float64", "boolean", "datetime"]
# fmt: off
NameOf = Literal[
    "server", "host", "repository", "job", "object", "user", "mail", "company", "file", "path", "bucket", "rule",
    "hint", "certificate", "fingerprint", "address", "url", "group", "waiver", "ticket", "pattern",
]
# fmt: on
"""What a name is the name of."""
Holds = (
    NameOf
    | Literal["jobs", "repositories", "objects", "mails", "first job", "first repository"]
    | Literal["id", "ids", "digest", "word", "own text", "server text", "prose", "json", "kept"]
)
"""What the texts of a column are, from which follows what becomes of them in a run without names.

A name of something, several such names joined by commas, or the first of them and how many more; an `id`, `ids` joined
by commas, or the `digest` of something; a `word` of the API's; the `own text` of this package, the `server text` of a
backup server, or the `prose` of people; a value as `json`; or what names nobody and is `kept`.
"""
ZERO_GUID: Final = "00000000-0000-0000-0000-000000000000"
"""What the API sends as an id where there is none."""


@dataclass(frozen=True)
class Column:
    """One column: its name, its dtype by short name, what it tells, the unit where it has one, what its texts are."""

    name: str
    dtype: Dtype
    help: str
    unit: str | None = None
    holds: Holds | None = None


@dataclass(frozen=True)
class ObjectKind:
    """What a row is where it is judged: its kind in findings, and the columns of its id and of its name.

    `cause` is what it is called where it is itself what has to be changed, if not by its kind. `causes` are other
    things that may have to be changed instead, each kind with the column that holds its key. `nouns` are what one row
    and several are called in a sentence, if not by the kind, and by the kind with an s.
    """

    kind: str
    id_column: str
    name_column: str
    cause: str = ""
    causes: tuple[tuple[str, str], ...] = ()
    nouns: tuple[str, str] = ("", "")

    def noun(self, number: int) -> str:
        """The word for a `number` of rows."""
        one, many = self.nouns
        return (one or self.kind) if number == 1 else (many or f"{self.kind}s")


@dataclass(frozen=True)
class Sheet:
    """How a workbook shows a table.

    `name` is the sheet's, if not the table's; `first` are the columns in front, of which `frozen` stay while
    scrolling. One that `wraps` breaks long texts, one that is there `always` has perhaps no row, and one of `details`,
    of many rows for each job, is left out where it would be too long. A table with a `rank` is a sheet of every
    workbook, at that place among them; the others are files beside it, and sheets only where all tables are.
    """

    name: str = ""
    first: tuple[str, ...] = ()
    frozen: int = 2
    wraps: bool = False
    always: bool = False
    details: bool = False
    is_shown: bool = True
    rank: int | None = None


PLAIN_SHEET: Final = Sheet()
"""The sheet of a table that declares none: called as it, its server and name in front."""


@dataclass(frozen=True)
class TableSpec:
    """One table: its name, the columns that identify a row, all columns in order, and what a row is.

    `kind` says what a row is in findings, of a table whose rows can be judged; `sheet` how a workbook shows it.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    help: str
    kind: ObjectKind | None = None
    sheet: Sheet = PLAIN_SHEET

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def holds(self) -> dict[str, Holds]:
        """What the text columns hold that declare it."""
        return {column.name: column.holds for column in self.columns if column.holds is not None}


@dataclass(frozen=True)
class TableResult:
    """A finished table and what could not be taken over as it stood."""

    frame: pd.DataFrame
    notes: Notes


class TableBuilder(Protocol):
    """Builds a table from the pages of a collection, in the order in which they are added."""

    def add(self, rows: list[Any]) -> None:
        """Take the decoded rows of one page."""
        ...

    def finish(self) -> TableResult:
        """Give the table of all rows added; the builder is then spent."""
        ...


@dataclass(frozen=True)
class OwnTable:
    """A table with a builder of its own, or with none, if it is made of whole documents."""

    spec: TableSpec
    builder: Callable[[str, dt.tzinfo | None], TableBuilder] | None = None


def empty(spec: TableSpec) -> pd.DataFrame:
    """The table of `spec` without rows, in its final dtypes."""
    return _made_empty(spec).copy(deep=False)  # without rows there is nothing that two could write to


@cache
def _made_empty(spec: TableSpec) -> pd.DataFrame:
    """Made once: most tables of a small server are empty."""
    return conform({}, spec)[0]


def conform(
    data: Mapping[str, Sequence[Any] | pd.Series] | pd.DataFrame, spec: TableSpec
) -> tuple[pd.DataFrame, Notes]:
    """Make `data`, by column name, a DataFrame of `spec`: its columns, its order, its dtypes, a fresh index.

    A column that is missing is NA throughout; one that `spec` lacks is left out and counted in
    `unknown_fields`; a value that does not fit its column becomes NA and is counted. Columns of different
    lengths raise `ValueError`.
    """
    notes = Notes()
    if isinstance(data, pd.DataFrame) and is_table_of(data, spec):
        notes.missing_keys += sum(int(are_missing(data[name]).sum()) for name in spec.key)
        return relabelled(data, "text"), notes
    lengths = {len(values) for values in data.values()} if not isinstance(data, pd.DataFrame) else {len(data)}
    if len(lengths) > 1:
        raise ValueError(f"columns of different lengths for table {spec.name}: {sorted(lengths)}")
    rows = lengths.pop() if lengths else 0
    arrays = {}
    for column in spec.columns:
        given = column.name in data
        arrays[column.name] = (
            to_array(data[column.name], column.dtype, column.name, notes) if given else all_missing(column.dtype, rows)
        )
    for name in data:
        if name not in arrays:
            notes.count_unknown_field(str(name), rows)
    frame = from_arrays(arrays, rows)
    notes.missing_keys += sum(int(arrays[name].isna().sum()) for name in spec.key)
    return frame, notes


def is_table_of(frame: pd.DataFrame, spec: TableSpec) -> bool:
    """Whether the table is one of `spec` already: its columns, their order and dtypes."""
    kinds = [DTYPES[column.dtype] for column in spec.columns]
    return tuple(frame.columns.tolist()) == spec.names and frame.dtypes.tolist() == kinds


def from_arrays(arrays: Mapping[str, Any], rows: int) -> pd.DataFrame:
    """A DataFrame over finished extension arrays, without a copy, on a plain 0…n-1 index."""
    return named_frame(arrays, pd.RangeIndex(rows))


def named_frame(
    arrays: Mapping[str, Any], index: pd.Index, labels: Literal["text", "objects"] = "text"
) -> pd.DataFrame:
    """A DataFrame over these extension arrays, by column name, on `index`; they are as long as that.

    Texts are not copied. Its labels are of pandas' own text dtype, or Python objects (`labels="objects"`), by which a
    column is found sooner: for tables that nobody but checks gets to see.
    """
    own_labels = _labels(tuple(arrays), labels).view()  # of its own: a label of labels can be set in place
    # What pandas' own readers make their tables by; through its constructor, a small one takes three times as long.
    return pd.DataFrame._from_arrays(  # type: ignore[attr-defined,no-any-return]
        list(arrays.values()), own_labels, index, verify_integrity=False
    )


def relabelled(frame: pd.DataFrame, labels: Literal["text", "objects"]) -> pd.DataFrame:
    """The same rows on a plain 0…n-1 index, with labels as those of `named_frame`; nothing is copied."""
    twin = frame.copy(deep=False)
    twin.index = pd.RangeIndex(len(frame))
    twin.columns = _labels(tuple(frame.columns.tolist()), labels).view()
    return twin


@lru_cache(maxsize=4096)
def _labels(names: tuple[str, ...], kind: Literal["text", "objects"]) -> pd.Index:
    """The same labels for all tables of these columns, so that where each column stands is worked out once."""
    return pd.Index(names, dtype=object) if kind == "objects" else pd.Index(names)
