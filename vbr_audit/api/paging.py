"""The pages of one collection, read so that nothing is lost, doubled, or asked for without end.

The reader advances by the rows that came, never by the limit that was asked for, because servers cap it. Rows are
told apart by their key. It stops on an empty page, on a page without a new key, and at the server's total. When
the total falls while reading, rows have moved forward: the reader steps back by as much and reads them again.
A collection that grows faster than it can be read ends at a bound, and is then not whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson

from vbr_audit.api.client import Answer
from vbr_audit.errors import BadAnswerError

LIMIT = 1000
WORKERS = 4
_GROWTH = 10_000
_SLACK = 100

Fetch = Callable[[int, int], Answer]
"""Asks for one page: `fetch(skip, limit)`."""


@dataclass(frozen=True)
class Page:
    """One page: the body as received, the rows on it whose key was not seen before, and the server's total."""

    skip: int
    body: bytes
    received: int
    rows: list[Any]
    total: int


class KeyFilter:
    """Remembers the keys seen so far; a row without a key counts as itself."""

    def __init__(self, key: tuple[str, ...]) -> None:
        self._key = key
        self._single = key[0] if len(key) == 1 else None
        self._seen: set[Any] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def fresh(self, rows: list[Any]) -> list[Any]:
        """The rows of `rows` that were not seen before, in their order."""
        if self._single is not None and self._all_new(rows, self._single):
            return rows
        seen, fresh = self._seen, []
        for row in rows:
            key = self._key_of(row)
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

    def _key_of(self, row: Any) -> Any:
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

    After the iteration `total` is the server's last count, `received` the rows that came, `distinct` those that
    differ, `shortfall` a sentence that says why fewer came than the server counted, or None.
    """

    def __init__(
        self, fetch: Fetch, *, path: str, key: tuple[str, ...] = ("id",), limit: int = LIMIT, workers: int = WORKERS
    ) -> None:
        self.total: int | None = None
        self.received = 0
        self.pages = 0
        self.vanished = 0
        self._fetch = fetch
        self._path = path
        self._limit = limit
        self._workers = max(1, workers)
        self._keys = KeyFilter(key)
        self._stopped: str | None = None
        self._reach = 0
        self._bound = 0

    @property
    def distinct(self) -> int:
        """The rows with different keys."""
        return len(self._keys)

    @property
    def duplicates(self) -> int:
        """The rows that came again."""
        return self.received - self.distinct

    @property
    def shortfall(self) -> str | None:
        """Why the reading is not whole, or None when it is."""
        if self.total is None or self.distinct >= self.total:
            return None
        reason = self._stopped or "rows moved while they were read"
        return f"{self.distinct:,} different rows of {self.total:,} that the server counts: {reason}"

    def __iter__(self) -> Iterator[Page]:
        page = self._take(0, self._fetch(0, self._limit))
        first_total = page.total
        self._bound = 2 * first_total + _GROWTH
        yield page
        skip = page.received
        if self._workers > 1 and page.rows and page.received < first_total:
            for further in self._ahead(stride=page.received, total=first_total):
                page = further
                yield page
                skip = self._next_skip(first_total, page)
            if self._stopped is not None:
                return
        yield from self._one_by_one(page, skip)

    def _one_by_one(self, page: Page, skip: int) -> Iterator[Page]:
        while self._goes_on(page, skip):
            before = page.total
            page = self._take(skip, self._fetch(skip, self._limit))
            yield page
            skip = self._next_skip(before, page)

    def _ahead(self, *, stride: int, total: int) -> Iterator[Page]:
        """Pages of equal stride, asked for by a few threads, handed on in order while the collection holds still."""
        starts = iter(range(stride, total, stride))
        waiting: deque[tuple[int, Future[Answer]]] = deque()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="vbr-audit-page")
        try:
            for _ in range(self._workers * 2):
                self._ask(pool, starts, waiting)
            while waiting:
                start, answer = waiting.popleft()
                page = self._take(start, answer.result())
                self._ask(pool, starts, waiting)
                yield page
                moved = page.total != total or (page.received != stride and start + page.received < total)
                if moved or not self._goes_on(page, start + page.received):
                    return
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, pool: ThreadPoolExecutor, starts: Iterator[int], waiting: deque[tuple[int, Future[Answer]]]) -> None:
        start = next(starts, None)
        if start is not None:
            waiting.append((start, pool.submit(self._fetch, start, self._limit)))

    def _goes_on(self, page: Page, skip: int) -> bool:
        end = page.skip + page.received
        known, self._reach = self._reach, max(self._reach, end)
        if skip < end or skip < page.skip:
            return True
        if not page.received:
            self._stopped = f"the page at skip={page.skip:,} was empty"
            return False
        if not page.rows and end > known:
            self._stopped = f"the page at skip={page.skip:,} brought no new row"
            return False
        if end > self._bound:
            self._stopped = "the collection kept growing while it was read"
            return False
        return skip < page.total or self.distinct < page.total

    def _next_skip(self, before: int, page: Page) -> int:
        """Where to go on. After a fallen total, rows not yet seen may stand that many places before this page.

        All steps back together are bounded by the rows that may be read, so that an unsteady total cannot hold us.
        """
        fallen = before - page.total
        if fallen > 0:
            self.vanished += fallen
            if self.vanished <= self._bound - _GROWTH + _SLACK:
                return max(page.skip - fallen, 0)
        return page.skip + page.received

    def _take(self, skip: int, answer: Answer) -> Page:
        rows, total = envelope(answer, self._path)
        fresh = self._keys.fresh(rows)
        self.pages += 1
        self.received += len(rows)
        self.total = total
        return Page(skip=skip, body=answer.body, received=len(rows), rows=fresh, total=total)


def envelope(answer: Answer, path: str) -> tuple[list[Any], int]:
    """The rows and the total of one page; raises `BadAnswerError` when it is not `{data, pagination: {total}}`."""
    document = answer.document
    if isinstance(document, dict):
        rows, pagination = document.get("data"), document.get("pagination")
        total = pagination.get("total") if isinstance(pagination, dict) else None
        if isinstance(rows, list) and isinstance(total, int) and not isinstance(total, bool) and total >= 0:
            return rows, total
    shown = answer.body[:60].decode("utf-8", "replace")
    raise BadAnswerError(
        f"{path}: expected a page with data and pagination.total, got {shown!r}",
        hint="Is this the VBR REST service, and not a portal or another product in front of it?",
        path=path,
    )
