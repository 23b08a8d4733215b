"""Dates: only with their offset, to microseconds, between 1990 and 2100."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.tables.build.arrays import to_dates
from vbr_audit.tables.build.dates import NAT, read_dates
from vbr_audit.tables.build.notes import Notes


def micros(moment):
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


NOON = dt.datetime(2026, 10, 1, 12, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "extra"),
    [
        ("2026-10-01T12:00:00Z", 0),
        ("2026-10-01T12:00:00.Z", 0),
        ("2026-10-01T12:00:00.5Z", 500_000),
        ("2026-10-01T12:00:00.473Z", 473_000),
        ("2026-10-01T12:00:00.123456Z", 123_456),
        ("2026-10-01T12:00:00.1234567Z", 123_456),
        ("2026-10-01T12:00:00.999999999Z", 999_999),
        ("2026-10-01T14:00:00.96+02:00", 960_000),
        ("2026-10-01T06:30:00-05:30", 0),
        ("2026-10-01T12:00:00+00:00", 0),
        ("2026-10-01 12:00:00Z", 0),
        ("2026-10-01T12:00Z", 0),
    ],
)
def test_dates_with_their_offset(text, extra):
    read = read_dates([text])
    assert read.micros.tolist() == [micros(NOON) + extra]
    mixed = read_dates([text, "2026-10-01T12:00:00Z", "2026-10-01T13:00:00+01:00", None])
    assert mixed.micros.tolist() == [micros(NOON) + extra, micros(NOON), micros(NOON), NAT]
    assert (mixed.uncastable, mixed.naive, mixed.out_of_range) == (0, 0, 0)


@pytest.mark.parametrize("text", ["2026-10-01T12:00:00", "2026-10-01", "2026-10-01T12:00:00.1234567"])
def test_dates_without_an_offset_are_refused(text):
    for values in ([text], [text, text], [text, "2026-10-01T12:00:00Z"]):
        read = read_dates(values)
        assert read.micros[0] == NAT
        assert read.naive == values.count(text)


@pytest.mark.parametrize(
    "value",
    ["", "Z", "today", "todayZ", "now+00:00", "NaT", "NaTZ", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
     "2026-10-01T12:00:00+02:00+02:00", "2026-10-01T12:00:00Z+02:00", "2026-10-01T25:00:00Z",
     "2026-10-01T12:00:00+99:00", "2026-W40-4T12:00:00Z", "20261001T120000Z",
     "2026-10-01T12:00:00.12x4Z", "x026-10-01T12:00:00Z", "never, as far as we knowZ", 5, 1.5, True, [], {},
     "２０２６-10-01T12:00:00Z", "+2026-10-01T12:00:00Z", "2026-10-01T12:00:00.123456.7Z"],
)  # fmt: skip
def test_what_is_no_date_is_refused(value):
    for values in ([value], [value, value], [value, "2026-10-01T12:00:00Z"]):
        read = read_dates(values)
        assert read.micros[0] == NAT
        assert (read.uncastable, read.naive, read.out_of_range) == (values.count(value), 0, 0)


@pytest.mark.parametrize("text", ["1989-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"])
def test_dates_outside_of_1990_to_2100_are_refused(text):
    for values in ([text], [text, "2026-10-01T12:00:00Z"]):
        read = read_dates(values)
        assert read.micros[0] == NAT
        assert (read.uncastable, read.naive, read.out_of_range) == (0, 0, 1)


def test_missing_is_not_counted():
    read = read_dates([None, pd.NA, pd.NaT, float("nan")])
    assert read.micros.tolist() == [NAT] * 4
    assert (read.uncastable, read.naive, read.out_of_range) == (0, 0, 0)


def test_moments_are_taken_under_the_same_rules():
    values = [NOON, pd.Timestamp(NOON), NOON.replace(tzinfo=None), pd.Timestamp("2026-10-01T12:00:00.123456789Z")]
    read = read_dates(values)
    assert read.micros.tolist() == [micros(NOON), micros(NOON), NAT, micros(NOON) + 123_456]
    assert read.naive == 1


def test_an_array_of_dates_is_in_microseconds_utc():
    notes = Notes()
    array = to_dates(["2026-10-01T12:00:00.1234567Z", None, "2026-10-01"], "created", notes)
    assert str(array.dtype) == "datetime64[us, UTC]"
    assert notes.to_dict() == {"naive_dates": {"created": 1}}
    assert str(to_dates([], "created", notes).dtype) == "datetime64[us, UTC]"


MOMENTS = st.datetimes(dt.datetime(1990, 1, 3), dt.datetime(2099, 12, 28))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))


@given(st.lists(st.tuples(MOMENTS, OFFSETS), min_size=1, max_size=5), st.booleans())
def test_the_fast_and_the_careful_way_agree(pairs, one_offset):
    zones = [pairs[0][1]] * len(pairs) if one_offset else [zone for _, zone in pairs]
    moments = [moment.replace(tzinfo=zone) for (moment, _), zone in zip(pairs, zones, strict=True)]
    assert read_dates([moment.isoformat() for moment in moments]).micros.tolist() == [micros(m) for m in moments]


@given(st.lists(st.one_of(st.none(), st.text(alphabet="0123456789-:TZ.+ ", max_size=35), st.text()), max_size=4))
def test_any_text_is_read_as_itself_whatever_stands_beside_it(values):
    together = read_dates(values)
    alone = [read_dates([value]) for value in values]
    assert together.micros.tolist() == [read.micros[0] for read in alone]
    assert together.uncastable == sum(read.uncastable for read in alone)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1900-01-01T00:00:00+01:00"]
)
def test_never_is_no_date_and_no_fault(text: str) -> None:
    for values in ([text], [text, "2026-10-01T12:00:00Z"], [text, "2026-10-01T12:00:00"]):
        read = read_dates(values, ZoneInfo("Europe/Berlin"))
        assert read.micros[0] == NAT
        assert (read.uncastable, read.naive, read.out_of_range) == (0, 0, 0)


def test_dates_without_an_offset_are_read_by_the_clock_of_the_server_over_both_changes() -> None:
    local = ["2026-03-29T01:30:00", "2026-03-29T02:30:00", "2026-10-25T02:30:00", "2026-10-25T12:00:00", None]
    read = read_dates(local, ZoneInfo("Europe/Berlin"))
    expected = ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T11:00:00Z", None]
    assert read.micros.tolist() == read_dates(expected).micros.tolist()
    assert (read.assumed, read.naive) == (4, 0)
