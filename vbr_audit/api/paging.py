"""The pages of one collection, read so that nothing is lost, doubled, or asked for without end.

The reader advances by the rows that came, never by the limit that was asked for, because servers cap it. Rows are
distinguished by their key. Each page is asked for from a row that came before: while that row, the anchor, is known,
nothing lies between the pages. When it is not, rows have moved, and the reader steps back until a page joins again.
It goes on beyond the server's total while pages are full, and ends on a short page, on an empty one, and on one
without a new row. Steps back and growth are bounded; a collection that was left at a bound is not whole.

A page whose total is absent or no count (`-1`, a text) is read all the same. Nothing then shows where the collection
ends but the empty page, so the reader goes on to that one, and the collection is never taken for whole.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from operator import is_
from typing import Any

import orjson

from vbr_audit.api.client import Answer
from vbr_audit.errors import BadAnswerError

LIMIT = 1000
WORKERS = 4
_NOTICEABLE_S = 0.005
_GROWTH = 10_000
_PAGES = 200
_STEPS = 20
_STALE = 3
_UNCOUNTED_ROWS = 5_000_000
_UNCOUNTED_PAGES = 20_000

Fetch = Callable[[int, int], Answer]
"""Asks for one page: `fetch(skip, limit)`."""


@dataclass(frozen=True)
class Page:
    """One page: the body as received, the rows on it whose key was not seen before, and the server's total, or None
    where it names none.

    `joins`: whether it follows what was read before without a gap. `places` has the place of each of its rows on the
    page, from 0; none where the page is one document.
    """

    skip: int
    body: bytes
    received: int
    rows: list[Any]
    total: int | None
    joins: bool = True
    places: Sequence[int] = ()


def places_among(rows: Sequence[Any], page: Sequence[Any]) -> Sequence[int]:
    """The place on `page` of each of `rows`, which are some of its own in their order."""
    skipped = len(page) - len(rows)
    if not skipped or all(map(is_, rows, page[skipped:])):  # all of it, or all but the rows that were known before
        return range(skipped, len(page))
    each = iter(enumerate(page))
    return [next(place for place, other in each if other is row) for row in rows]


@dataclass
class LargestPage:
    """The rows of the largest page that one server has given, shared by the readers of its collections."""

    rows: int = 0

    def see(self, rows: int) -> None:
        """Remember a page and its number of rows."""
        self.rows = max(self.rows, rows)


def is_waiting(seconds: float, worked: float) -> bool:
    """Whether most of the `seconds` that an answer took went by in waiting, `worked` being those of this thread.

    A server that answers at once is asked by one thread alone: several would only take turns.
    """
    return seconds - worked > max(worked, _NOTICEABLE_S)


class KeyFilter:
    """Remembers the keys seen so far; a row without a key counts as itself."""

    def __init__(self, key: tuple[str, ...]) -> None:
        self._key = key
        self._single = key[0] if len(key) == 1 else None
        self._seen: set[Any] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def __contains__(self, row: Any) -> bool:
        return self.key_of(row) in self._seen

    def fresh(self, rows: list[Any]) -> list[Any]:
        """The rows of `rows` that were not seen before, in their order."""
        known = next((place for place, row in enumerate(rows) if row not in self), len(rows))
        rows = rows[known:] if known else rows
        if self._single is not None and self._all_new(rows, self._single):
            return rows
        seen, fresh = self._seen, []
        for row in rows:
            key = self.key_of(row)
            if key not in seen:
                seen.add(key)
                fresh.append(row)
        return fresh

    def _all_new(self, rows: list[Any], name: str) -> bool:
        """Whether every row has a usable key of its own that was not seen before: the usual page, in set speed."""
        try:
            keys = {row[name] for row in rows}
        except (KeyError, TypeError, IndexError):
            return False
        usual = len(keys) == len(rows) and {type(key) for key in keys} == {str} and "" not in keys
        if not usual or not self._seen.isdisjoint(keys):
            return False
        self._seen |= keys
        return True

    def key_of(self, row: Any) -> Any:
        """What identifies `row`: its key, or all of it when the key is missing."""
        if isinstance(row, dict):
            if self._single is not None:
                value = row.get(self._single)
                if isinstance(value, str) and value:
                    return value
            else:
                values = tuple(row.get(name) for name in self._key)
                if all(isinstance(value, str | int) for value in values):
                    return values
        try:
            return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # nested deeper than it can be written again
            return repr(row)


class PageReader:
    """Reads one collection; iterate over it once, then ask it how whole the reading was.

    After the iteration `total` is the server's last count, None if any page had none, `uncounted` how many pages had
    none, `received` the rows that came, `distinct` those that
    differ, `reread` those asked for again on purpose, `duplicates` those that came again unasked, `vanished` by how
    much the total fell, `beyond_total` the rows that stood behind the server's total, `stepped_back` how often the
    rows had moved, `shortfall` the reason why the reading is not whole, or None.
    """

    def __init__(
        self,
        fetch: Fetch,
        *,
        path: str,
        key: tuple[str, ...] = ("id",),
        limit: int = LIMIT,
        workers: int = WORKERS,
        largest_page: LargestPage | None = None,
    ) -> None:
        self.total: int | None = None
        self.received = 0
        self.reread = 0
        self.pages = 0
        self.uncounted = 0
        self.vanished = 0
        self.beyond_total = 0
        self.stepped_back = 0
        self._fetch = fetch
        self._path = path
        self._limit = limit
        self._workers = max(1, workers)
        self._keys = KeyFilter(key)
        self._detached: set[Any] = set()
        self._largest_page = largest_page or LargestPage()
        self._largest = 0
        self._overlap = 1
        self._place: int | None = 0
        self._reach = 0
        self._stale = 0
        self._bound = 0
        self._most_pages = 0
        self._steps_left = 0
        self._gap: str | None = None
        self._first_key: Any = None

    @property
    def distinct(self) -> int:
        """The rows with different keys."""
        return len(self._keys)

    @property
    def duplicates(self) -> int:
        """The rows that came again without having been asked for again."""
        return self.received - self.distinct - self.reread

    @property
    def shortfall(self) -> str | None:
        """Why the reading is not whole, or None when it is."""
        if self.uncounted:
            gap = f", and {self._gap}" if self._gap else ""
            return f"{self.distinct:,} different rows came, and the server does not state how many there are{gap}"
        if self.total is None or (self._gap is None and self.distinct >= self.total):
            return None
        twice = f"{self.duplicates:,} rows came more than once" if self.duplicates else None
        reason = self._gap or twice or "rows moved while they were read"
        if self.distinct < self.total:
            return f"{self.distinct:,} different rows of {self.total:,} that the server counts: {reason}"
        return f"{self.distinct:,} different rows came and the server counts {self.total:,}, but {reason}"

    def __iter__(self) -> Iterator[Page]:
        asks_ahead = self._workers > 1
        while self._place is not None:
            place = self._place
            answer, was_waited_for = self._timed(place)
            page = self._take(place, answer)
            yield page
            if asks_ahead and was_waited_for and self._may_ask_ahead(page):
                asks_ahead = False
                yield from self._ahead(page)

    def _timed(self, place: int) -> tuple[Answer, bool]:
        """The answer of one page, and whether it was waited for."""
        begun, worked = time.perf_counter(), time.thread_time()
        answer = self._fetch(place, self._limit)
        return answer, is_waiting(time.perf_counter() - begun, time.thread_time() - worked)

    def _may_ask_ahead(self, page: Page) -> bool:
        """Whether it is known where the pages behind `page` begin."""
        counted = page.total is not None and page.skip + page.received < page.total
        return counted and self._place is not None and self._place > page.skip

    def _ahead(self, first: Page) -> Iterator[Page]:
        """The pages behind `first`, of its stride, asked for by a few threads and handed on in order while the
        collection holds still.

        A page may be older than the one before it: it joins all the same if its anchor is known, for the rows that
        stay stand on both sides of the anchor at any time.
        """
        total, stride = first.total or 0, (self._place or 0) - first.skip
        starts = iter(range(first.skip + stride, total - (first.received - stride), stride))
        waiting: deque[tuple[int, Future[Answer]]] = deque()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="vbr-audit-page")
        try:
            for _ in range(self._workers * 2):
                self._ask(pool, starts, waiting)
            while waiting:
                start, answer = waiting.popleft()
                if start != self._place:
                    return
                page = self._take(start, answer.result())
                self._ask(pool, starts, waiting)
                yield page
                if page.total != total:
                    return
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, pool: ThreadPoolExecutor, starts: Iterator[int], waiting: deque[tuple[int, Future[Answer]]]) -> None:
        start = next(starts, None)
        if start is not None:
            waiting.append((start, pool.submit(self._fetch, start, self._limit)))

    def _take(self, skip: int, answer: Answer) -> Page:
        """Count one page in, and settle where to go on."""
        rows, total = envelope(answer, self._path)
        joins = self._joins(skip, rows, total)
        fresh = self._keys.fresh(rows)
        if not joins:
            self._detached.update(map(self._keys.key_of, fresh))
        elif self._detached:
            self._detached.difference_update(map(self._keys.key_of, rows))
        places = places_among(fresh, rows)
        page = Page(skip, answer.body, len(rows), fresh, total, joins=joins, places=places)
        self._count(page)
        self._first_key = self._keys.key_of(rows[0]) if rows and not skip else self._first_key
        self._place = self._after(page, rows)
        return page

    def _joins(self, skip: int, rows: list[Any], total: int | None) -> bool:
        """Whether a page follows on: its first row stands among, or right behind, those that were read.

        Pages of one row allow no anchor; they are then trusted while the total holds still. Where there is none, an
        empty page behind all that was read is the end.
        """
        if skip == 0 or self._gap is not None or (total is None and not rows and skip >= self._reach):
            return True
        if self._largest == 1 and len(rows) <= 1:
            moved = total != self.total
            if moved and rows:
                self._gap = "rows came or went, and pages of one row do not show which"
            return not moved or bool(rows)
        anchor = next((row for row in rows if isinstance(row, dict)), None)
        return anchor is not None and anchor in self._keys and self._keys.key_of(anchor) not in self._detached

    def _count(self, page: Page) -> None:
        if not self.pages:
            expected = (page.total or 0) // max(1, page.received - 1)
            self._bound = 2 * (page.total or 0) + _GROWTH
            self._most_pages = 4 * expected + _PAGES
            self._steps_left = 2 * expected + _STEPS
        if page.total is None:
            self.uncounted += 1
            self._bound, self._most_pages = _UNCOUNTED_ROWS, _UNCOUNTED_PAGES
        elif self.total is not None:
            self.vanished += max(0, self.total - page.total)
        self.pages += 1
        self.received += page.received
        self.reread += min(page.received - len(page.rows), max(0, self._reach - page.skip))
        if page.total is not None:
            self.beyond_total += min(len(page.rows), max(0, page.skip + page.received - page.total))
        self.total = None if self.uncounted else page.total
        self._largest = max(self._largest, page.received)
        self._largest_page.see(page.received)

    def _after(self, page: Page, rows: list[Any]) -> int | None:
        """Where to go on after `page`; None at the end."""
        end, total = page.skip + page.received, self.total
        known, self._reach = self._reach, max(self._reach, end)
        if not page.received and total is not None and page.skip < total:
            self._stop(f"the page at skip={page.skip:,} was empty")
            return None
        if not page.joins and self._may_step_back():
            return max(0, page.skip - max(1, self._largest - 1))
        if not page.received or self._leads_nowhere(page, rows, known):
            return None
        if end > self._bound or self.pages > self._most_pages:
            self._stop("the collection kept growing while it was read")
            return None
        full = page.received >= min(self._largest_page.rows, self._limit)
        if total is not None and end >= total and (not full or self._gap is not None):
            return None
        if self.duplicates > 2 * max(self.distinct if total is None else total, self._largest):
            self._stop("the same rows came again and again")
            return None
        return end - self._overlap if page.received > self._overlap else end

    def _leads_nowhere(self, page: Page, rows: list[Any], known: int) -> bool:
        """Whether new places bring only old rows: at once if they are page one again, as when skip is ignored.

        A server that answers everything at any skip is whole all the same if its total agrees.
        """
        self._stale = 0 if page.rows or page.skip + page.received <= known else self._stale + 1
        if not self._stale:
            return False
        repeated = self._keys.key_of(rows[0]) == self._first_key
        if repeated and self.pages == 2 and self.distinct == page.total:
            return True
        if repeated or self._stale == _STALE:
            self._stop(f"the page at skip={page.skip:,} brought no new row")
            return True
        return False

    def _stop(self, reason: str) -> None:
        self._gap = self._gap or reason

    def _may_step_back(self) -> bool:
        """Take one of the steps back that are left, and overlap pages by more rows from now on."""
        if not self._steps_left:
            self._stop("rows moved faster than they could be read again; some may be missing")
            return False
        self._steps_left -= 1
        self.stepped_back += 1
        self._overlap = max(1, min(2 * self._overlap, self._largest // 2))
        return True


def envelope(answer: Answer, path: str) -> tuple[list[Any], int | None]:
    """The rows of one page, and its `pagination.total`, None where that is absent or no count.

    Raises `BadAnswerError` for an answer without a list of rows.
    """
    document = answer.document
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        pagination = document.get("pagination")
        total = pagination.get("total") if isinstance(pagination, dict) else None
        counted = isinstance(total, int) and not isinstance(total, bool) and total >= 0
        return document["data"], total if counted else None
    raise BadAnswerError(
        f"{path}: expected a page with data and pagination.total, got {answer.beginning!r}",
        hint="Is this the VBR REST service, and not a portal or another product in front of it?",
        path=path,
    )
