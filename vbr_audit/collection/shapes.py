"""What is done with each shape of dataset: its query, its reading, the rows of an answer, and a trial of it.

The shapes are pages, a first row, an object, a list in an object, and pages or an object below each row of another.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from vbr_audit.api.client import Answer
from vbr_audit.api.paging import LIMIT, KeyFilter, LargestPage, Page, PageReader, envelope, places_among
from vbr_audit.collection.evidence import KeptPage
from vbr_audit.collection.manifest import (
    FILTER_UNHEARD,
    OTHER_KINDS,
    PAGES_UNCOUNTED,
    UNREAD_BELOW,
    DatasetRecord,
    DatasetStatus,
)
from vbr_audit.collection.row_positions import KeptRows
from vbr_audit.datasets import DATASETS, Dataset, Shape
from vbr_audit.errors import ApiError, BadAnswerError, TransientError
from vbr_audit.tables.build.dates import NAT, read_dates
from vbr_audit.tables.build.paged import values_of

MOST_SILENT = 3
"""Number of times in a row that a server may give no answer before it is left alone."""
_MOST_NAMED = 200
"""Maximum number of parents of a gap that are named one by one; a wider gap concerns everything."""

_MARGIN: Final = dt.timedelta(seconds=1)
_ORDER: Final = ("orderColumn", "orderAsc")

Ask = Callable[[str, dict[str, str]], Answer]
Keep = Callable[[int, bytes, str | None], KeptPage]
Accept = Callable[[str, list[Any], KeptRows | None], None]


@dataclass(frozen=True)
class Window:
    """The frozen bounds that are sent as the server's date filter."""

    since: dt.datetime
    until: dt.datetime


@dataclass(frozen=True)
class Parents:
    """The ids of the rows below which a dataset is read, in their order, and why those are not all, or None."""

    ids: list[str]
    gap: str | None


@dataclass(eq=False)
class Intake:
    """One dataset on its way in: where its answers come from, where its bodies and rows go, and its record.

    `ask` gives the answer to a path and a query, cleaned of secrets; `keep` stores a body as evidence; `accept` takes
    new rows, with where they stand in it; `advance` hears how many rows have come, of how many. `parents` are those of
    a dataset that is read below another; `kinds` is what came of which kind of the datasets before it, and `window` the
    bounds of its dates.
    """

    dataset: Dataset
    query: dict[str, str]
    record: DatasetRecord
    ask: Ask
    keep: Keep
    accept: Accept
    advance: Callable[[int, int | None], None]
    workers: int
    largest_page: LargestPage
    parents: Parents
    kinds: KindsInHand
    window: Window | None

    def take(
        self, skip: int, body: bytes, rows: list[Any], places: Sequence[int] = (), *, below: str | None = None
    ) -> None:
        """Keep one page as evidence, and take its new `rows`, which stand at these `places` of it."""
        self.accept(self.dataset.name, rows, KeptRows(self.keep(skip, body, below), places))

    def take_nothing(self) -> None:
        """Take that there are no more rows."""
        self.accept(self.dataset.name, [], None)

    def ask_first(self, path: str, query: dict[str, str]) -> Answer:
        """The answer to a first page; a server that does not know the order column is asked without one."""
        answer, refused = ask_in_order(self.ask, path, query)
        if refused:
            for name in _ORDER:
                self.query.pop(name, None)
            self.record.notes["order_refused"] = self.dataset.order
        return answer

    def fetch(self, path: str, parent: str | None = None) -> Callable[[int, int], Answer]:
        """Asks for pages of `path`, below the row `parent`, or of that kind."""
        kind = {self.dataset.kind_filter: parent} if self.dataset.kinds and parent else {}

        def page(skip: int, limit: int) -> Answer:
            query = {"skip": str(skip), **self.query, **kind, "limit": str(limit)}
            answer = self.ask(path, query) if skip else self.ask_first(path, query)
            if parent is not None:
                _placed_below(envelope(answer, path)[0], self.dataset, parent)
            return answer

        return page


def ask_in_order(ask: Ask, path: str, query: dict[str, str]) -> tuple[Answer, bool]:
    """The answer to `query`, and whether the server refused its order column and was asked without one."""
    try:
        return ask(path, query), False
    except ApiError as error:
        if error.status != 400 or "orderColumn" not in query:
            raise
    return ask(path, {name: value for name, value in query.items() if name not in _ORDER}), True


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
            intake.take(page.skip, page.body, page.rows, page.places)
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
    intake.take(0, answer.body, rows, range(len(rows)))
    record.rows_received = len(rows)
    if total is None:
        record.notes[PAGES_UNCOUNTED] = 1
    else:
        record.notes["rows_on_server"] = total
    record.status = DatasetStatus.COMPLETE
    if not rows and total != 0:
        record.status = DatasetStatus.FAILED
        counts = "does not report how many rows there are" if total is None else f"counts {total:,} rows"
        record.reason = f"the server {counts} but answered none"


def read_object(intake: Intake) -> None:
    """Read one JSON object; a status that says that there is none leaves an empty table."""
    dataset, record = intake.dataset, intake.record
    try:
        answer = intake.ask(dataset.path, {})
    except ApiError as error:
        if error.status not in dataset.none_at:
            raise
        intake.take_nothing()
        record.notes["http_status"] = error.status
        record.status = DatasetStatus.COMPLETE
        return
    intake.take(0, answer.body, row_of_object(answer, dataset, None))
    record.rows_received = 1
    record.status = DatasetStatus.COMPLETE


def read_list(intake: Intake) -> None:
    """Read all rows out of one object."""
    dataset, record = intake.dataset, intake.record
    answer = intake.ask(dataset.path, {})
    rows = rows_of_list(answer, dataset, None)
    fresh = KeyFilter(dataset.key).fresh(rows)
    intake.take(0, answer.body, fresh, places_among(fresh, rows))
    record.rows_received, record.rows_duplicate = len(rows), len(rows) - len(fresh)
    record.status = DatasetStatus.COMPLETE


@dataclass(frozen=True, eq=False)
class _Below:
    """What was read below one parent: its pages, and how whole that is."""

    parent: str
    pages: list[Page]
    total: int
    uncounted: int = 0
    duplicates: int = 0
    shortfall: str | None = None


@dataclass(frozen=True, eq=False)
class _Gap:
    """A parent below which nothing could be read, and why."""

    parent: str
    error: ApiError


def read_pages_below(intake: Intake) -> None:
    """Read the pages below each row of the parent dataset."""
    _read_each(intake, intake.parents, _pages_below)


def read_objects_below(intake: Intake) -> None:
    """Read the one object below each row of the parent dataset."""
    _read_each(intake, intake.parents, _object_below)


def read_kinds(intake: Intake) -> None:
    """Read the pages of each kind, and without the filter by kind where the server does not seem to heed it.

    It let none through of a kind of which rows had come without it, or, where it let nothing through at all, not
    even a row of the kind that had come most often.
    """
    dataset, record, kinds, window = intake.dataset, intake.record, intake.kinds, intake.window
    keys = _read_each(intake, Parents(list(dataset.kinds_at(record.revision)), None), _pages_below)
    unheard = kinds.unheard(dataset, window.since, window.until) if window is not None else 0
    if not unheard and not record.rows_received and (kind := kinds.commonest(dataset)) is not None:
        query = {"skip": "0", "limit": "1", dataset.kind_filter: kind}
        unheard = int(not envelope(intake.ask(dataset.path, query), dataset.path)[0])
    if not unheard:
        return
    record.notes[FILTER_UNHEARD] = unheard
    record.query.pop(dataset.kind_filter, None)
    try:
        _read_without_filter(intake, keys)
    except ApiError as error:
        record.status = DatasetStatus.PARTIAL
        record.reason = f"the server does not heed its filter by kind, and without that filter: {error.message}"


def _read_each(intake: Intake, wanted: Parents, read_below: Callable[[Intake, str, str], _Below]) -> KeyFilter:
    """Read what stands below each parent, or is of each kind.

    A kind that an old revision refuses as a word is none that it has. Raises the error of the first parent when none
    could be read, and that of the third in a row below which the server gave no answer at all: each costs minutes.
    Returns the keys of the rows that came.
    """
    dataset, record, parents = intake.dataset, intake.record, wanted.ids
    keys, doubles, total, silent, uncounted = KeyFilter(dataset.key), 0, 0, 0, 0
    gaps: list[_Gap] = []
    refused: list[_Gap] = []
    shortfalls: list[str] = []
    short: list[str] = []
    others = 0
    if dataset.parent is not None:
        record.notes["read_below"] = len(parents)
    try:
        for below in _in_turn(intake, parents, read_below):
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
                fitting = dataset.fitting(page.rows)
                fresh = keys.fresh(fitting)
                others += len(page.rows) - len(fitting)
                doubles += len(fitting) - len(fresh)
                intake.take(page.skip, page.body, fresh, _places_left(page, fresh), below=below.parent)
            total += below.total
            uncounted += below.uncounted
            doubles += below.duplicates
            if below.shortfall:
                shortfalls.append(below.shortfall)
                short.append(below.parent)
            intake.advance(len(keys), None)
    finally:
        record.api_total, record.rows_duplicate = None if gaps or uncounted or others else total, doubles
        record.rows_received = len(keys) + doubles
    _note(record, "kinds_refused", len(refused))
    _note(record, PAGES_UNCOUNTED, uncounted)
    _note(record, OTHER_KINDS, others)
    if dataset.parent is not None and not wanted.gap:
        _note_unread_below(record, [*(gap.parent for gap in gaps), *short])
    if parents and len(gaps) + len(refused) == len(parents):
        raise (gaps or refused)[0].error
    intake.take_nothing()
    record.reason = "; ".join(_each_reasons(dataset, gaps, len(parents), shortfalls, wanted.gap)) or None
    record.status = DatasetStatus.PARTIAL if record.reason else DatasetStatus.COMPLETE
    return keys


def _read_without_filter(intake: Intake, keys: KeyFilter) -> None:
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
            fitting = dataset.fitting(page.rows)
            fresh = keys.fresh(fitting)
            others += len(page.rows) - len(fitting)
            intake.take(page.skip, page.body, fresh, _places_left(page, fresh))
            intake.advance(len(keys), None)
    finally:
        record.api_total = None
        record.rows_received = len(keys) + record.rows_duplicate
        _note(record, OTHER_KINDS, others)
        _note(record, PAGES_UNCOUNTED, reader.uncounted)
    record.reason = reader.shortfall
    record.status = DatasetStatus.PARTIAL if reader.shortfall else DatasetStatus.COMPLETE


def _places_left(page: Page, rows: list[Any]) -> Sequence[int]:
    """The places on a page of those of its new rows that are left; none where it is one document."""
    return [page.places[at] for at in places_among(rows, page.rows)] if page.places else ()


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


def _in_turn(
    intake: Intake, parents: list[str], read_below: Callable[[Intake, str, str], _Below]
) -> Iterator[_Below | _Gap]:
    """What stands below each parent, in their order, read by a few threads a little ahead."""

    def one(parent: str) -> _Below | _Gap:
        """A failing request is that parent's gap, a lost connection ends the reading."""
        try:
            return read_below(intake, intake.dataset.path_below(parent), parent)
        except ApiError as error:
            return _Gap(parent, error)

    waiting: deque[Future[_Below | _Gap]] = deque()
    pool = ThreadPoolExecutor(max(1, intake.workers), thread_name_prefix="vbr-audit-each")
    upcoming = iter(parents)
    try:
        waiting.extend(pool.submit(one, parent) for parent in islice(upcoming, intake.workers * 2))
        while waiting:
            below = waiting.popleft().result()
            waiting.extend(pool.submit(one, parent) for parent in islice(upcoming, 1))
            yield below
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _pages_below(intake: Intake, path: str, parent: str) -> _Below:
    """All pages below one parent."""
    reader = PageReader(
        intake.fetch(path, parent), path=path, key=intake.dataset.key, workers=1, largest_page=intake.largest_page
    )
    pages = list(reader)
    return _Below(parent, pages, reader.total or 0, reader.uncounted, reader.duplicates, reader.shortfall)


def _object_below(intake: Intake, path: str, parent: str) -> _Below:
    """The one object below a parent, as a page of one row."""
    answer = intake.ask(path, {})
    rows = row_of_object(answer, intake.dataset, parent)
    return _Below(parent, [Page(0, answer.body, len(rows), rows, len(rows))], len(rows))


def rows_of_page(answer: Answer, dataset: Dataset, parent: str | None) -> list[Any]:
    """The rows of a page, each with the id of the row below which it was read, unless it names that itself.

    Raises `BadAnswerError` for what is no page.
    """
    return _placed_below(envelope(answer, dataset.path)[0], dataset, parent)


def row_of_object(answer: Answer, dataset: Dataset, parent: str | None) -> list[Any]:
    """One object as the only row; raises `BadAnswerError` for anything else."""
    if not isinstance(answer.document, dict):
        raise BadAnswerError(f"{dataset.path}: expected a JSON object", path=dataset.path)
    return _placed_below([answer.document], dataset, parent)


def rows_of_list(answer: Answer, dataset: Dataset, _: str | None) -> list[Any]:
    """The rows of an object that holds them all under one key; raises `BadAnswerError` when it does not."""
    key = dataset.rows_at or ""
    rows = answer.document.get(key) if isinstance(answer.document, dict) else None
    if isinstance(rows, list):
        return rows
    raise BadAnswerError(
        f"{dataset.path}: expected an object with a list {key}, got {answer.beginning!r}", path=dataset.path
    )


def _placed_below(rows: list[Any], dataset: Dataset, parent: str | None) -> list[Any]:
    if parent is not None and dataset.parent_key is not None:
        for row in rows:
            if isinstance(row, dict) and not row.get(dataset.parent_key):
                row[dataset.parent_key] = parent
    return rows


def _page_query(dataset: Dataset, limit: int) -> dict[str, str]:
    ordered = {"orderColumn": dataset.order, "orderAsc": "true"} if dataset.order else {}
    return {"limit": str(limit)} | ordered


def _no_query(_: Dataset, __: int) -> dict[str, str]:
    return {}


def _count_of_page(answer: Answer, dataset: Dataset) -> int | None:
    return envelope(answer, dataset.path)[1]


def _no_count_of_page(answer: Answer, dataset: Dataset) -> None:
    """What was counted is of every kind."""
    envelope(answer, dataset.path)


def _no_count_of_object(answer: Answer, dataset: Dataset) -> None:
    row_of_object(answer, dataset, None)


def _count_of_list(answer: Answer, dataset: Dataset) -> int:
    return len(rows_of_list(answer, dataset, None))


@dataclass(frozen=True)
class Handling:
    """What is done with the datasets of one shape.

    `query` gives the query for so many rows at a time, without `skip`, dates and kinds; `read` reads all of a dataset;
    `rows` gives the rows of one answer, read below a parent or not, the same way while reading and when evidence is
    opened again; `count` is how many rows the server says there are in its first answer, None where it tells none.
    `rows` and `count` raise `BadAnswerError` for an answer of another shape.
    """

    query: Callable[[Dataset, int], dict[str, str]]
    read: Callable[[Intake], object]
    rows: Callable[[Answer, Dataset, str | None], list[Any]]
    count: Callable[[Answer, Dataset], int | None]


# Whether a server heeds its filter by kind: rows that came without it must come with it too.

_FILTERED: Final = {d.unfiltered: d for d in DATASETS.values() if d.shape is Shape.KINDS}
"""Which dataset asks by kind for what each of these reads whole."""


def _kinds_of(rows: list[Any], key: str) -> list[Any]:
    """What each row says under `key`; None where that is no text."""
    (words,) = values_of(rows, (key,))
    is_usual = set(map(type, words)) <= {str} and "" not in words
    return words if is_usual else [word if type(word) is str and word else None for word in words]


class KindsInHand:
    """Remembers of one server, while it is read, what came of which kind."""

    def __init__(self) -> None:
        self._all: dict[str, Counter[str]] = defaultdict(Counter)
        self._fitting: dict[str, list[tuple[str, Any, Any]]] = defaultdict(list)
        self._came: dict[str, set[Any]] = defaultdict(set)

    def see(self, dataset: str, rows: list[Any]) -> None:
        """Look at new rows of `dataset`."""
        filtered = _FILTERED.get(dataset)
        if filtered is not None:
            words = _kinds_of(rows, filtered.kind_key)
            here = Counter(words)
            del here[None]
            self._all[dataset] += here
            fitting = {word for word in here if filtered.fitting([{filtered.kind_key: word}])}
            self._fitting[dataset] += [
                (word.casefold(), row.get("id"), row.get("creationTime"))
                for row, word in (zip(rows, words, strict=True) if fitting else ())
                if word in fitting
            ]
        elif DATASETS[dataset].shape is Shape.KINDS:
            self._came[dataset].update(row.get("id") for row in rows if type(row) is dict and type(row["id"]) is str)

    def unheard(self, dataset: Dataset, since: dt.datetime, until: dt.datetime) -> int:
        """How many rows are in hand, created within these bounds, of kinds of which the filter let none through."""
        fitting = self._fitting[dataset.unfiltered]
        created = read_dates([moment for _, _, moment in fitting], dt.UTC).micros
        low, high = (int(bound.timestamp() * 1_000_000) for bound in (since, until))
        within = [row for row, at in zip(fitting, created.tolist(), strict=True) if at != NAT and low <= at <= high]
        heard = {kind for kind, name, _ in within if type(name) is str and name in self._came[dataset.name]}
        return sum(kind not in heard for kind, _, _ in within)

    def commonest(self, dataset: Dataset) -> str | None:
        """The kind of most rows that came without the filter, as the server writes it; None where none came."""
        seen = self._all[dataset.unfiltered].most_common(1)
        return seen[0][0] if seen else None


HANDLINGS: Final[Mapping[Shape, Handling]] = {
    Shape.PAGES: Handling(_page_query, read_pages, rows_of_page, _count_of_page),
    Shape.FIRST: Handling(lambda dataset, _: _page_query(dataset, 1), read_first, rows_of_page, _count_of_page),
    Shape.OBJECT: Handling(_no_query, read_object, row_of_object, _no_count_of_object),
    Shape.LIST: Handling(_no_query, read_list, rows_of_list, _count_of_list),
    Shape.EACH: Handling(_page_query, read_pages_below, rows_of_page, _count_of_page),
    Shape.EACH_OBJECT: Handling(_no_query, read_objects_below, row_of_object, _no_count_of_object),
    Shape.KINDS: Handling(_page_query, read_kinds, rows_of_page, _no_count_of_page),
}
"""How each shape is asked, read, opened again and tried: a new shape is one entry."""


def query_for(dataset: Dataset, window: Window | None, revision: str) -> dict[str, str]:
    """The query of `dataset` without `skip`; the date filter is a hint, a second wider than the window."""
    query = HANDLINGS[dataset.shape].query(dataset, LIMIT)
    if dataset.kinds:
        query[dataset.kind_filter] = ",".join(dataset.kinds_at(revision))  # each in turn
    if dataset.period is not None and window is not None:
        after, before = dataset.period
        query |= {after: _stamp(window.since - _MARGIN), before: _stamp(window.until + _MARGIN)}
    return query


def _stamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _note(record: DatasetRecord, name: str, number: int) -> None:
    if number:
        record.notes[name] = number
