"""The page reader against a model of a server that caps, repeats, grows, shrinks and lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.api.client import Answer
from vbr_audit.api.paging import KeyFilter, PageReader, envelope
from vbr_audit.errors import BadAnswerError


class ModelServer:
    """A collection in memory; `behave(server, calls)` may change it before each answer."""

    def __init__(self, count: int, cap: int, behave: Callable[[ModelServer], None] | None = None) -> None:
        self.rows: list[dict[str, Any]] = [{"id": f"row-{number}"} for number in range(count)]
        self.born = count
        self.cap = cap
        self.calls = 0
        self.told_total: int | None = None
        self.ignores_skip = False
        self._behave = behave

    def fetch(self, skip: int, limit: int) -> Answer:
        self.calls += 1
        if self._behave is not None:
            self._behave(self)
        start = 0 if self.ignores_skip else skip
        data = self.rows[start : start + min(limit, self.cap)]
        total = len(self.rows) if self.told_total is None else self.told_total
        document = {"data": data, "pagination": {"total": total, "count": len(data)}}
        return Answer(body=orjson.dumps(document), document=document)

    def grow(self, count: int) -> None:
        self.rows.extend({"id": f"row-{self.born + number}"} for number in range(count))
        self.born += count


def read(server: ModelServer, *, limit: int = 10, workers: int = 1) -> tuple[list[str], PageReader]:
    reader = PageReader(server.fetch, path="/api/v1/things", limit=limit, workers=workers)
    ids = [row["id"] for page in reader for row in page.rows]
    return ids, reader


@given(count=st.integers(0, 120), cap=st.integers(1, 15), workers=st.sampled_from([1, 4]))
def test_a_quiet_server_is_read_whole_in_order_whatever_its_cap(count: int, cap: int, workers: int) -> None:
    server = ModelServer(count, cap)
    ids, reader = read(server, workers=workers)
    assert ids == [row["id"] for row in server.rows]
    assert reader.shortfall is None
    assert (reader.received, reader.duplicates, reader.total) == (count, 0, count)


@given(count=st.integers(0, 60), cap=st.integers(1, 15), workers=st.sampled_from([1, 4]))
def test_a_server_that_ignores_skip_ends_partial_without_doubles(count: int, cap: int, workers: int) -> None:
    server = ModelServer(count, cap)
    server.ignores_skip = True
    ids, reader = read(server, workers=workers)
    assert len(ids) == len(set(ids)) == min(count, cap, 10)
    assert (reader.shortfall is None) == (len(ids) == count)
    assert server.calls <= 12


@given(count=st.integers(1, 60), told=st.integers(0, 200), workers=st.sampled_from([1, 4]))
def test_a_wrong_total_never_hides_a_shortfall(count: int, told: int, workers: int) -> None:
    server = ModelServer(count, 10)
    server.told_total = told
    ids, reader = read(server, workers=workers)
    assert len(ids) == len(set(ids))
    assert reader.distinct == len(ids)
    assert (reader.shortfall is None) == (len(ids) >= told)
    if told >= count:
        assert len(ids) == count


@given(
    count=st.integers(1, 100),
    cap=st.integers(1, 12),
    steps=st.lists(st.integers(0, 9), max_size=30),
    workers=st.sampled_from([1, 4]),
)
def test_rows_added_at_the_end_are_read_too(count: int, cap: int, steps: list[int], workers: int) -> None:
    left = list(steps)
    server = ModelServer(count, cap, lambda s: s.grow(left.pop() if left else 0))
    ids, reader = read(server, workers=workers)
    assert len(ids) == len(set(ids))
    if reader.shortfall is None:
        assert set(ids) >= {f"row-{number}" for number in range(count)}


@given(
    count=st.integers(1, 100),
    cap=st.integers(1, 12),
    cuts=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 6)), max_size=20),
)
def test_rows_deleted_while_reading_lose_no_row_that_stays(count: int, cap: int, cuts: list[tuple[int, int]]) -> None:
    left = list(cuts)

    def shrink(server: ModelServer) -> None:
        if left and server.calls > 1:
            at, length = left.pop()
            del server.rows[at : at + length]

    server = ModelServer(count, cap, shrink)
    ids, reader = read(server)
    assert len(ids) == len(set(ids))
    if reader.shortfall is None:
        assert {row["id"] for row in server.rows} <= set(ids)


def test_a_collection_that_outgrows_the_reader_ends_and_is_partial() -> None:
    server = ModelServer(10, 5, lambda s: s.grow(1000))
    _, reader = read(server, limit=1000)
    assert reader.shortfall is not None
    assert "kept growing" in reader.shortfall


def test_an_unsteady_total_cannot_hold_the_reader() -> None:
    def waver(server: ModelServer) -> None:
        server.told_total = 1000 if server.calls % 2 else 997

    server = ModelServer(50, 2, waver)
    ids, reader = read(server)
    assert len(ids) == 50
    assert reader.shortfall is not None
    assert server.calls < 2500


@given(
    pages=st.lists(
        st.lists(
            st.one_of(
                st.fixed_dictionaries(
                    {"id": st.sampled_from(["a", "b", "c", "", None, 1])}, optional={"n": st.integers(0, 1)}
                ),
                st.none(),
                st.just([]),
                st.just("id"),
            ),
            max_size=5,
        ),
        max_size=5,
    )
)
def test_the_quick_way_through_a_usual_page_gives_the_same_rows(pages: list[list[Any]]) -> None:
    quick, slow = KeyFilter(("id",)), KeyFilter(("id",))
    slow._all_new = lambda rows, name: False  # type: ignore[method-assign]
    for page in pages:
        assert quick.fresh(page) == slow.fresh(page)
    assert len(quick) == len(slow)


def test_rows_without_a_usable_key_count_as_themselves() -> None:
    keys = KeyFilter(("id",))
    rows: list[Any] = [{"id": None, "n": 1}, {"id": None, "n": 2}, None, 3, {"n": 1, "id": None}]
    assert keys.fresh(rows) == [{"id": None, "n": 1}, {"id": None, "n": 2}, None, 3]


@pytest.mark.parametrize(
    "document",
    [None, [], "text", {}, {"data": []}, {"data": None, "pagination": {"total": 1}}]
    + [{"data": [], "pagination": {"total": total}} for total in (None, "3", -1, True, 1.5)],
)
def test_what_is_no_page_is_refused_by_name(document: Any) -> None:
    with pytest.raises(BadAnswerError, match="/api/v1/things: expected a page"):
        envelope(Answer(orjson.dumps(document), document), "/api/v1/things")
