"""The page reader against a model of a server that caps, repeats, grows, shrinks and lies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vbr_audit.api import paging
from vbr_audit.api.client import Answer
from vbr_audit.api.paging import KeyFilter, LargestPage, PageReader, envelope, is_waiting
from vbr_audit.errors import BadAnswerError


@pytest.fixture(autouse=True)
def asked_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads ask ahead, though a model in memory is never waited for."""
    monkeypatch.setattr(paging, "is_waiting", lambda seconds, worked: True)


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
    assert (reader.distinct, reader.duplicates, reader.total) == (count, 0, count)
    assert reader.received == count + reader.reread


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
    server = ModelServer(10, 5, lambda s: s.grow(20))
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


def churn(count: int) -> Callable[[ModelServer], None]:
    """The first rows go and as many come at the end, before every answer but the first: the total stays."""

    def change(server: ModelServer) -> None:
        if server.calls > 1:
            del server.rows[:count]
            server.grow(count)

    return change


@pytest.mark.parametrize("workers", [1, 4])
def test_a_row_that_stays_is_read_though_others_go_and_come_and_the_total_stays(workers: int) -> None:
    server = ModelServer(60, 10, churn(1))
    ids, reader = read(server, workers=workers)
    assert reader.shortfall is None
    assert {row["id"] for row in server.rows} <= set(ids)
    assert reader.stepped_back > 0
    assert reader.duplicates == 0


def test_rows_that_move_faster_than_they_are_read_end_the_reading_as_partial() -> None:
    server = ModelServer(2000, 10, churn(25))
    _, reader = read(server)
    assert reader.shortfall is not None
    assert "moved faster" in reader.shortfall
    assert server.calls < 2500


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("told", [0, 1, 9, 10, 11, 55, 59])
def test_a_total_told_too_low_loses_no_row(told: int, workers: int) -> None:
    server = ModelServer(60, 10)
    server.told_total = told
    ids, reader = read(server, workers=workers)
    assert len(ids) == 60
    assert reader.shortfall is None
    assert reader.beyond_total == 60 - told


def test_a_larger_page_seen_before_saves_the_look_beyond_the_total() -> None:
    largest = LargestPage()
    for count, calls in ((10, 2), (8, 1), (10, 2)):
        server = ModelServer(count, 10)
        list(PageReader(server.fetch, path="/api/v1/things", largest_page=largest))
        assert server.calls == calls
    assert largest.rows == 10


def test_rows_asked_for_again_on_purpose_are_no_duplicates() -> None:
    _, reader = read(ModelServer(28, 10))
    assert (reader.distinct, reader.reread, reader.duplicates, reader.received) == (28, 3, 0, 31)


def test_an_empty_page_short_of_the_total_is_named() -> None:
    server = ModelServer(20, 10)
    server.told_total = 30
    _, reader = read(server)
    assert reader.shortfall == "20 different rows of 30 that the server counts: the page at skip=20 was empty"


@pytest.mark.parametrize("workers", [1, 4])
def test_a_collection_that_shrinks_below_the_readers_place_is_read_again_from_before_it(workers: int) -> None:
    def shrink(server: ModelServer) -> None:
        if server.calls == 3:
            del server.rows[:15]

    server = ModelServer(40, 10, shrink)
    ids, reader = read(server, workers=workers)
    assert reader.shortfall is None
    assert {row["id"] for row in server.rows} <= set(ids)
    assert reader.vanished == 15


def test_rows_that_move_past_a_page_one_that_always_comes_do_not_hold_the_reader() -> None:
    for count in (1, 25):
        server = ModelServer(60, 10, churn(count))
        server.ignores_skip = True
        _, reader = read(server)
        assert reader.shortfall is not None
        assert server.calls < 100


def test_pages_of_one_row_are_trusted_only_while_the_total_holds_still() -> None:
    assert read(ModelServer(5, 1))[1].shortfall is None
    _, reader = read(ModelServer(5, 1, lambda s: s.grow(s.calls == 3)))
    assert "pages of one row" in (reader.shortfall or "")


Edit = tuple[bool, int, int]


def edited(rows: list[int], edits: list[Edit], born: list[int]) -> list[int]:
    """`rows` after some deletions and insertions anywhere; a row keeps its place among the others."""
    after = list(rows)
    for inserts, at, count in edits:
        place = at % (len(after) + 1)
        if inserts:
            after[place:place] = range(born[0], born[0] + count)
            born[0] += count
        else:
            del after[place : place + count]
    return after


EDITS = st.lists(
    st.lists(st.tuples(st.booleans(), st.integers(0, 60) | st.just(0), st.integers(1, 6)), max_size=3), max_size=25
)


def versions(count: int, edits: list[list[Edit]]) -> list[list[int]]:
    """The collection as it stands after each of `edits`."""
    born, made = [count], [list(range(count))]
    for some in edits:
        made.append(edited(made[-1], some, born))
    return made


def page_of(rows: list[int], skip: int, limit: int) -> Answer:
    data = [{"id": f"row-{number}"} for number in rows[skip : skip + limit]]
    document = {"data": data, "pagination": {"total": len(rows)}}
    return Answer(body=orjson.dumps(document), document=document)


def check_honesty(reader: PageReader, served: list[list[int]], first: set[int]) -> None:
    """No row twice; every row that stood on the server throughout was read, or the reading says it is not whole."""
    ids = [row["id"] for page in reader for row in page.rows]
    assert len(ids) == len(set(ids)) == reader.distinct
    assert reader.duplicates >= 0
    stayed = first.intersection(*served)
    if reader.shortfall is None:
        assert {f"row-{number}" for number in stayed} <= set(ids)


@settings(max_examples=300)
@given(count=st.integers(0, 50), cap=st.integers(2, 8), edits=EDITS)
def test_rows_that_stay_are_read_whatever_moves_between_two_requests(
    count: int, cap: int, edits: list[list[Edit]]
) -> None:
    made, served = versions(count, edits), []

    def fetch(skip: int, limit: int) -> Answer:
        rows = made[min(len(served), len(made) - 1)]
        served.append(rows)
        return page_of(rows, skip, min(limit, cap))

    check_honesty(PageReader(fetch, path="/api/v1/things", workers=1), served, set(made[0]))
    assert len(served) < 100 + 4 * len(made) + 4 * max(map(len, made))


@settings(max_examples=200)
@given(
    count=st.integers(0, 50),
    cap=st.integers(2, 8),
    edits=EDITS,
    order=st.lists(st.integers(0, 25), min_size=1, max_size=60),
    workers=st.integers(2, 4),
)
def test_the_same_holds_for_pages_fetched_out_of_order(
    count: int, cap: int, edits: list[list[Edit]], order: list[int], workers: int
) -> None:
    """Which state of the server a page shows hangs on its place alone, in any order, so that threads repeat."""
    made, served = versions(count, edits), []

    def fetch(skip: int, limit: int) -> Answer:
        rows = made[order[skip % len(order)] % len(made)]
        served.append(rows)
        return page_of(rows, skip, min(limit, cap))

    check_honesty(PageReader(fetch, path="/api/v1/things", workers=workers), served, set(made[0]).union(*made))
    assert len(served) < 20_000


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


@pytest.mark.parametrize("document", [None, [], "text", {}, {"rows": []}, {"data": None, "pagination": {"total": 1}}])
def test_what_is_no_page_is_refused_by_name(document: Any) -> None:
    with pytest.raises(BadAnswerError, match="/api/v1/things: expected a page"):
        envelope(Answer(orjson.dumps(document), document), "/api/v1/things")


NO_COUNTS = [{}, {"pagination": None}, {"pagination": []}]
NO_COUNTS += [{"pagination": {"total": total, "count": "2"}} for total in (None, "3", -1, True, 1.5, [], {})]
NO_COUNTS += [{"pagination": {"count": -1, "skip": None, "limit": "x"}}]


@pytest.mark.parametrize("told", NO_COUNTS)
def test_a_page_without_a_count_keeps_its_rows(told: dict[str, Any]) -> None:
    document = {"data": [{"id": "a"}]} | told
    assert envelope(Answer(orjson.dumps(document), document), "/api/v1/things") == ([{"id": "a"}], None)


def uncounted(server: ModelServer, after: int = 0) -> Callable[[int, int], Answer]:
    """Pages of `server`, without a total once so many of them were asked for."""

    def fetch(skip: int, limit: int) -> Answer:
        answer = server.fetch(skip, limit)
        document = answer.document if server.calls <= after else {"data": answer.document["data"]}
        return Answer(orjson.dumps(document), document)

    return fetch


@given(
    count=st.integers(0, 80), cap=st.integers(1, 15), after=st.sampled_from([0, 1, 3]), workers=st.sampled_from([1, 4])
)
def test_without_a_total_all_is_read_to_the_empty_page_and_not_taken_for_whole(
    count: int, cap: int, after: int, workers: int
) -> None:
    server = ModelServer(count, cap)
    reader = PageReader(uncounted(server, after), path="/api/v1/things", limit=10, workers=workers)
    ids = [row["id"] for page in reader for row in page.rows]
    assert ids == [row["id"] for row in server.rows]
    if reader.uncounted:
        assert "does not state how many there are" in (reader.shortfall or "")
        assert reader.total is None
        assert server.calls <= 2 * count + 12
    assert reader.duplicates == 0


@given(count=st.integers(1, 60), cap=st.integers(1, 15), stuck=st.sampled_from(["first", "last"]))
def test_without_a_total_a_page_that_always_comes_again_ends_the_reading(count: int, cap: int, stuck: str) -> None:
    server = ModelServer(count, cap)
    server.ignores_skip = stuck == "first"

    def fetch(skip: int, limit: int) -> Answer:
        last = max(0, count - min(limit, cap))
        return uncounted(server)(min(skip, last), limit)

    reader = PageReader(fetch, path="/api/v1/things", limit=10)
    ids = [row["id"] for page in reader for row in page.rows]
    assert len(ids) == len(set(ids)) == (min(count, cap, 10) if stuck == "first" else count)
    assert reader.shortfall is not None
    assert server.calls <= 2 * count + 12


@pytest.mark.parametrize(
    ("seconds", "worked", "waiting"),
    [(0.004, 0.003, False), (0.004, 0.0, False), (0.02, 0.015, False), (0.02, 0.004, True), (3.0, 0.03, True)],
)
def test_a_server_is_waited_for_when_most_of_the_time_is_its_own(seconds: float, worked: float, waiting: bool) -> None:
    assert is_waiting(seconds, worked) is waiting


@pytest.mark.parametrize("slow_from", [1, 4])
def test_pages_are_asked_for_ahead_as_soon_as_the_server_is_waited_for(
    slow_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    main, askers = threading.get_ident(), []

    def be_slow(server: ModelServer) -> None:
        askers.append(threading.get_ident())
        if server.calls >= slow_from:
            time.sleep(0.02)

    server = ModelServer(100, 10, be_slow)
    ids, reader = read(server, workers=4)
    assert ids == [row["id"] for row in server.rows]
    assert reader.shortfall is None
    assert len({*askers[slow_from:]} - {main}) > 1


@settings(max_examples=60)
@given(
    count=st.integers(0, 120),
    cap=st.integers(1, 15),
    after=st.integers(1, 12),
    grown=st.integers(0, 15),
    at=st.integers(1, 12),
)
def test_rows_are_read_whole_from_whichever_page_on_threads_ask_ahead(
    count: int, cap: int, after: int, grown: int, at: int
) -> None:
    def grow(server: ModelServer) -> None:
        if server.calls == at:
            server.grow(grown)

    server, first = ModelServer(count, cap, grow), count
    reader = PageReader(server.fetch, path="/api/v1/things", limit=10, workers=4)
    ids = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "is_waiting", lambda seconds, worked: False)
        for number, page in enumerate(reader, 1):
            ids += [row["id"] for row in page.rows]
            if number == after:
                patch.setattr(paging, "is_waiting", lambda seconds, worked: True)
    assert len(ids) == len(set(ids))
    assert set(ids) >= {f"row-{number}" for number in range(first)}
    assert reader.shortfall is not None or len(ids) == len(server.rows)


def test_without_a_total_rows_that_go_meanwhile_lose_no_row_that_stays() -> None:
    def shrink(server: ModelServer) -> None:
        if server.calls == 3:
            del server.rows[:7]

    server = ModelServer(40, 10, shrink)
    reader = PageReader(uncounted(server), path="/api/v1/things", limit=10)
    ids = [row["id"] for page in reader for row in page.rows]
    assert {row["id"] for row in server.rows} <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_collection_that_never_ends_and_has_no_total_is_left_at_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "_UNCOUNTED_ROWS", 500)
    server = ModelServer(10, 10, lambda s: s.grow(20))
    reader = PageReader(uncounted(server), path="/api/v1/things", limit=10)
    assert sum(len(page.rows) for page in reader) >= 500
    assert "kept growing" in (reader.shortfall or "")
