"""How each shape of dataset is read: pages, a first row, an object, a list in an object, pages below each parent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from vbr_audit.api.client import Answer
from vbr_audit.api.paging import KeyFilter, LargestPage, Page, PageReader, envelope
from vbr_audit.collection.assemble import listed_rows, placed_below
from vbr_audit.collection.datasets import Dataset, Shape
from vbr_audit.collection.manifest import OTHER_KINDS, PAGES_UNCOUNTED, UNREAD_BELOW, DatasetRecord, DatasetStatus
from vbr_audit.errors import ApiError, BadAnswerError, TransientError

MOST_SILENT = 3
"""Number of times in a row that a server may give no answer before it is left alone."""
_MOST_NAMED = 200
"""Maximum number of parents of a gap that are named one by one; a wider gap concerns everything."""

Ask = Callable[[str, dict[str, str]], Answer]
Keep = Callable[[int, bytes, str | None], None]


@dataclass(eq=False)
class Intake:
    """One dataset on its way in: where its answers come from, where its bodies and rows go, and its record.

    `ask` gives the answer to a path and a query, cleaned of secrets; `keep` stores a body as evidence; `accept` takes
    new rows, `accept_object` a single object; `advance` hears how many rows have come, of how many.
    """

    dataset: Dataset
    query: dict[str, str]
    record: DatasetRecord
    ask: Ask
    keep: Keep
    accept: Callable[[str, list[Any]], None]
    accept_object: Callable[[str, Any], None]
    advance: Callable[[int, int | None], None]
    workers: int
    largest_page: LargestPage

    def ask_first(self, path: str, query: dict[str, str]) -> Answer:
        """The answer to a first page; a server that does not know the order column is asked without one."""
        try:
            return self.ask(path, query)
        except ApiError as error:
            if error.status != 400 or "orderColumn" not in query:
                raise
            unordered = {name: value for name, value in query.items() if name not in ("orderColumn", "orderAsc")}
            answer = self.ask(path, unordered)
            for name in ("orderColumn", "orderAsc"):
                self.query.pop(name, None)
            self.record.notes["order_refused"] = self.dataset.order
            return answer

    def fetch(self, path: str, parent: str | None = None) -> Callable[[int, int], Answer]:
        """Asks for pages of `path`, below the row `parent`, or of that kind."""
        kind = {self.dataset.kind_filter: parent} if self.dataset.shape is Shape.KINDS and parent else {}

        def page(skip: int, limit: int) -> Answer:
            query = {"skip": str(skip), **self.query, **kind, "limit": str(limit)}
            answer = self.ask(path, query) if skip else self.ask_first(path, query)
            if parent is not None:
                placed_below(envelope(answer, path)[0], self.dataset, parent)
            return answer

        return page


def read_pages(intake: Intake) -> None:
    """Read all pages of a collection."""
    dataset, record = intake.dataset, intake.record
    reader = PageReader(
        intake.fetch(dataset.path),
        path=dataset.path,
        key=dataset.key,
        workers=intake.workers,
        largest_page=intake.largest_page,
    )
    try:
        for page in reader:
            intake.keep(page.skip, page.body, None)
            intake.accept(dataset.name, page.rows)
            intake.advance(reader.distinct, reader.total)
    finally:
        record.api_total = reader.total
        record.rows_received = reader.distinct + reader.duplicates
        record.rows_duplicate = reader.duplicates
        _note(record, PAGES_UNCOUNTED, reader.uncounted)
        _note(record, "rows_gone_while_reading", reader.vanished)
        _note(record, "rows_beyond_total", reader.beyond_total)
        _note(record, "pages_asked_again", reader.stepped_back)
    record.reason = reader.shortfall
    record.status = DatasetStatus.PARTIAL if reader.shortfall else DatasetStatus.COMPLETE


def read_first(intake: Intake) -> None:
    """Read the first row of a collection in its order."""
    dataset, record = intake.dataset, intake.record
    answer = intake.ask(dataset.path, intake.query)
    rows, total = envelope(answer, dataset.path)
    intake.keep(0, answer.body, None)
    intake.accept(dataset.name, rows)
    record.rows_received = len(rows)
    if total is None:
        record.notes[PAGES_UNCOUNTED] = 1
    else:
        record.notes["rows_on_server"] = total
    record.status = DatasetStatus.COMPLETE
    if not rows and total != 0:
        record.status = DatasetStatus.FAILED
        counts = "does not tell how many rows there are" if total is None else f"counts {total:,} rows"
        record.reason = f"the server {counts} but answered none"


def read_object(intake: Intake) -> None:
    """Read one JSON object; a status that says that there is none leaves an empty table."""
    dataset, record = intake.dataset, intake.record
    try:
        answer = intake.ask(dataset.path, {})
    except ApiError as error:
        if error.status not in dataset.none_at:
            raise
        intake.accept(dataset.name, [])
        record.notes["http_status"] = error.status
        record.status = DatasetStatus.COMPLETE
        return
    if not isinstance(answer.document, dict):
        raise BadAnswerError(f"{dataset.path}: expected a JSON object", path=dataset.path)
    intake.keep(0, answer.body, None)
    intake.accept_object(dataset.name, answer.document)
    record.rows_received = 1
    record.status = DatasetStatus.COMPLETE


def read_list(intake: Intake) -> None:
    """Read all rows out of one object."""
    dataset, record = intake.dataset, intake.record
    answer = intake.ask(dataset.path, {})
    rows = listed_rows(answer, dataset)
    intake.keep(0, answer.body, None)
    fresh = KeyFilter(dataset.key).fresh(rows)
    intake.accept(dataset.name, fresh)
    record.rows_received, record.rows_duplicate = len(rows), len(rows) - len(fresh)
    record.status = DatasetStatus.COMPLETE


@dataclass(frozen=True, eq=False)
class _Below:
    """What was read below one parent."""

    parent: str
    pages: list[Page]
    reader: PageReader


@dataclass(frozen=True, eq=False)
class _Gap:
    """A parent below which nothing could be read, and why."""

    parent: str
    error: ApiError


def read_each(intake: Intake, parents: list[str], parents_gap: str | None) -> KeyFilter:
    """Read the pages below each of `parents`, or of each of these kinds; `parents_gap` says why those are not all.

    A kind that an old revision refuses as a word is none that it has. Raises the error of the first parent when none
    could be read, and that of the third in a row below which the server gave no answer at all: each costs minutes.
    Returns the keys of the rows that came.
    """
    dataset, record = intake.dataset, intake.record
    keys, doubles, total, silent, uncounted = KeyFilter(dataset.key), 0, 0, 0, 0
    gaps: list[_Gap] = []
    refused: list[_Gap] = []
    shortfalls: list[str] = []
    short: list[str] = []
    others = 0
    if dataset.shape is Shape.EACH:
        record.notes["read_below"] = len(parents)
    try:
        for below in _in_turn(intake, parents):
            if isinstance(below, _Gap):
                if below.error.status == 400 and not dataset.names_kinds(record.revision):
                    refused.append(below)
                    continue
                gaps.append(below)
                silent = silent + 1 if isinstance(below.error, TransientError) and below.error.status is None else 0
                if silent == MOST_SILENT:
                    raise below.error
                continue
            silent = 0
            for page in below.pages:
                intake.keep(page.skip, page.body, below.parent)
                fitting = dataset.fitting(page.rows)
                fresh = keys.fresh(fitting)
                others += len(page.rows) - len(fitting)
                doubles += len(fitting) - len(fresh)
                intake.accept(dataset.name, fresh)
            total += below.reader.total or 0
            uncounted += below.reader.uncounted
            doubles += below.reader.duplicates
            if below.reader.shortfall:
                shortfalls.append(below.reader.shortfall)
                short.append(below.parent)
            intake.advance(len(keys), None)
    finally:
        record.api_total, record.rows_duplicate = None if gaps or uncounted or others else total, doubles
        record.rows_received = len(keys) + doubles
    _note(record, "kinds_refused", len(refused))
    _note(record, PAGES_UNCOUNTED, uncounted)
    _note(record, OTHER_KINDS, others)
    if dataset.shape is Shape.EACH and not parents_gap:
        _note_unread_below(record, [*(gap.parent for gap in gaps), *short])
    if parents and len(gaps) + len(refused) == len(parents):
        raise (gaps or refused)[0].error
    intake.accept(dataset.name, [])
    record.reason = "; ".join(_each_reasons(dataset, gaps, len(parents), shortfalls, parents_gap)) or None
    record.status = DatasetStatus.PARTIAL if record.reason else DatasetStatus.COMPLETE
    return keys


def read_without_filter(intake: Intake, keys: KeyFilter) -> None:
    """Read all rows of a collection whose filter by kind cannot be believed, and take those of the kinds.

    `keys` are those of the rows that had come with the filter.
    """
    dataset, record = intake.dataset, intake.record
    reader = PageReader(
        intake.fetch(dataset.path),
        path=dataset.path,
        key=dataset.key,
        workers=intake.workers,
        largest_page=intake.largest_page,
    )
    others = 0
    try:
        for page in reader:
            intake.keep(page.skip, page.body, None)
            fitting = dataset.fitting(page.rows)
            others += len(page.rows) - len(fitting)
            intake.accept(dataset.name, keys.fresh(fitting))
            intake.advance(len(keys), None)
    finally:
        record.api_total = None
        record.rows_received = len(keys) + record.rows_duplicate
        _note(record, OTHER_KINDS, others)
        _note(record, PAGES_UNCOUNTED, reader.uncounted)
    record.reason = reader.shortfall
    record.status = DatasetStatus.PARTIAL if reader.shortfall else DatasetStatus.COMPLETE


def _note_unread_below(record: DatasetRecord, parents: list[str]) -> None:
    """Which parents the gap concerns, so that it takes no answer away from what stands below the others."""
    if 0 < len(parents) <= _MOST_NAMED:
        record.notes[UNREAD_BELOW] = sorted(parents)


def _each_reasons(
    dataset: Dataset, gaps: list[_Gap], parents: int, shortfalls: list[str], parents_gap: str | None
) -> Iterator[str]:
    if parents_gap:
        yield f"the {dataset.parent} below which they stand were not read whole: {parents_gap}"
    where = f"below {{}} {dataset.parent}" if dataset.parent else "of {} kinds"
    if gaps:
        yield f"{where.format(f'{len(gaps):,} of {parents:,}')} nothing could be read: {gaps[0].error.message}"
    if shortfalls:
        yield f"{where.format(f'{len(shortfalls):,}')} not all rows came: {shortfalls[0]}"


def _in_turn(intake: Intake, parents: list[str]) -> Iterator[_Below | _Gap]:
    """What stands below each parent, in their order, read by a few threads a little ahead."""
    waiting: deque[Future[_Below | _Gap]] = deque()
    pool = ThreadPoolExecutor(max(1, intake.workers), thread_name_prefix="vbr-audit-each")
    upcoming = iter(parents)
    try:
        for _ in range(intake.workers * 2):
            _submit(pool, intake, upcoming, waiting)
        while waiting:
            below = waiting.popleft().result()
            _submit(pool, intake, upcoming, waiting)
            yield below
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _submit(
    pool: ThreadPoolExecutor, intake: Intake, upcoming: Iterator[str], waiting: deque[Future[_Below | _Gap]]
) -> None:
    parent = next(upcoming, None)
    if parent is not None:
        waiting.append(pool.submit(_read_below, intake, parent))


def _read_below(intake: Intake, parent: str) -> _Below | _Gap:
    """All pages below one parent; a failing request is that parent's gap, a lost connection ends the reading."""
    dataset = intake.dataset
    try:
        path = dataset.path_below(parent)
    except BadAnswerError as error:
        return _Gap(parent, error)
    reader = PageReader(
        intake.fetch(path, parent), path=path, key=dataset.key, workers=1, largest_page=intake.largest_page
    )
    try:
        return _Below(parent, list(reader), reader)
    except ApiError as error:
        return _Gap(parent, error)


def _note(record: DatasetRecord, name: str, number: int) -> None:
    if number:
        record.notes[name] = number


READERS: dict[Shape, Callable[[Intake], None]] = {
    Shape.PAGES: read_pages,
    Shape.FIRST: read_first,
    Shape.OBJECT: read_object,
    Shape.LIST: read_list,
}
"""How each shape is read that does not depend on another dataset."""
