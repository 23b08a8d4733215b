"""What a dataset is: one REST collection or object, how it is read, since which revision, and by whom."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.roles import Access
from vbr_audit.errors import BadAnswerError
from vbr_audit.revisions import OLDEST, is_at_least, is_offered
from vbr_audit.tables.build.fields import Table
from vbr_audit.tables.build.schema import OwnTable, TableSpec

CREATED: Final = ("createdAfterFilter", "createdBeforeFilter")
"""The date filters of what has a date of creation."""

_API = "/api/v1/"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Shape(Enum):
    """How a dataset is answered."""

    PAGES = "pages"
    """Rows in pages, all of them."""
    FIRST = "first"
    """The first row of a collection in a given order."""
    OBJECT = "object"
    """One JSON object."""
    LIST = "list"
    """One JSON object that holds all rows under one key."""
    EACH = "each"
    """Rows in pages below each row of another dataset."""
    EACH_OBJECT = "each object"
    """One JSON object below each row of another dataset."""
    KINDS = "kinds"
    """Rows in pages, once for each kind that is asked for."""

    @property
    def is_paged(self) -> bool:
        """Whether all of its rows come in pages, of which the server counts the rows."""
        return self in (Shape.PAGES, Shape.EACH, Shape.KINDS)

    @property
    def has_rows(self) -> bool:
        """Whether all of its rows are read, one by one, each with a key."""
        return self not in (Shape.FIRST, Shape.OBJECT)

    @property
    def is_listed(self) -> bool:
        """Whether an answer lists rows; else it is one document."""
        return self not in (Shape.OBJECT, Shape.EACH_OBJECT)

    @property
    def has_one_object(self) -> bool:
        """Whether a server has one object of it."""
        return self is Shape.OBJECT


YEAR: Final = dt.timedelta(days=366)
"""How far back a dataset goes that `spans_year`."""


@dataclass(frozen=True)
class Dataset:
    """The card of one REST collection or object: its path, how it is read, since which revision, by whom, its tables.

    It is called as its `table`, which declares the fields, what a row is in findings, and its sheet of the workbook.
    Its rows become those of `also` as well; the tables `beside` are made of it when all is read.
    `rows_at` is the key of a LIST. An EACH or EACH_OBJECT dataset puts the id of a row of `parent` into its path, and
    under `parent_key` into rows that do not name it themselves; below rows where `not_below` is true there is nothing
    to read. A KINDS dataset asks for each of `kinds`, by the revision that first names them, in `kind_filter`; the kind
    of a row stands under `kind_key`, and `unfiltered` is the dataset that reads the same collection without that
    filter. `period` are the names of the server's date filters; one that `spans_year` is read for the 366 days before
    it is read, if the period does not begin earlier, and one that `passes_edges` from some days before the period to
    the moment of reading. `accounts` are the JSON paths of user names and hints, and `sensitive` says that the answers
    may hold secrets, which are replaced before anything is kept. An answer with a status of `none_at` says that the
    server has nothing of the kind: its table is empty, and known to be. `earlier` are the cards of revisions before
    `first_revision`, which keep the same rows elsewhere.
    """

    table: Table | OwnTable = field(repr=False)
    title: str
    endpoint: str
    shape: Shape = Shape.PAGES
    access: Access = roles.READERS
    first_revision: str = OLDEST
    also: tuple[Table | OwnTable, ...] = field(default=(), repr=False)
    beside: tuple[TableSpec, ...] = field(default=(), repr=False)
    key: tuple[str, ...] = ("id",)
    order: str | None = None
    period: tuple[str, str] | None = None
    rows_at: str | None = None
    parent: str | None = None
    parent_key: str | None = None
    not_below: str | None = None
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    kind_filter: str = "typeFilter"
    kind_key: str = ""
    unfiltered: str = ""
    spans_year: bool = False
    passes_edges: bool = False
    sensitive: bool = False
    accounts: tuple[str, ...] = ()
    none_at: tuple[int, ...] = ()
    earlier: tuple[Dataset, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """Its name, which is that of its table."""
        return self.table.spec.name

    @property
    def path(self) -> str:
        """The path that is asked, with `{id}` where the parent's id goes."""
        return _API + self.endpoint

    def path_below(self, parent: str) -> str:
        """The path below the row with the id `parent`, of a dataset without a parent always the same.

        Raises `BadAnswerError` for what is no id.
        """
        if self.parent is None:
            return self.path
        if not _ID.fullmatch(parent):
            raise BadAnswerError(f"{self.path}: {parent[:60]!r} is no id", path=self.path)
        return self.path.replace("{id}", parent.lower())

    def kinds_at(self, revision: str) -> tuple[str, ...]:
        """The kinds to ask for at `revision`; one that is older than all lists is asked for those of the first."""
        first = next(iter(self.kinds), revision)
        newest = revision if is_at_least(revision, first) else first
        return tuple(kind for since, kinds in self.kinds.items() if is_at_least(newest, since) for kind in kinds)

    def fitting(self, rows: list[Any]) -> list[Any]:
        """Those of `rows` that are of its kinds, all where it has none; a row that tells no kind is kept."""
        if not self.kinds:
            return rows
        kinds = {kind.casefold() for listed in self.kinds.values() for kind in listed}
        return [row for row in rows if not (kind := self.kind_of(row)) or kind in kinds]

    def kind_of(self, row: Any) -> str:
        """The kind of a row in small letters; empty where it tells none."""
        kind = row.get(self.kind_key) if isinstance(row, dict) else None
        return kind.casefold() if isinstance(kind, str) else ""

    def names_kinds(self, revision: str) -> bool:
        """Whether it is known which kinds `revision` has; an older one may refuse some, which it then does not have."""
        return not self.kinds or is_at_least(revision, next(iter(self.kinds)))

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables that its rows become."""
        return tuple(table.spec.name for table in (self.table, *self.also))

    @property
    def specs(self) -> tuple[TableSpec, ...]:
        """The specifications of all tables that are made of its rows."""
        return (*(table.spec for table in (self.table, *self.also)), *self.beside)

    def at(self, revision: str) -> Dataset:
        """How it is read at `revision`: older revisions may keep the same rows elsewhere."""
        fitting = [d for d in self.earlier if not is_at_least(revision, self.first_revision)]
        return next((d for d in reversed(fitting) if is_at_least(revision, d.first_revision)), self)

    def is_offered(self, revision: str) -> bool:
        """Whether `revision` has it; of a revision without a specification it is asked, and may be absent."""
        return is_offered(self.at(revision).first_revision, revision)
