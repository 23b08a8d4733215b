"""One wording for every artefact, and text that cannot steer its reader."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vbr_audit import display

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(year: int, month: int, day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(year, month, day, hour, tzinfo=BERLIN).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Payroll DB", "Payroll DB"),
        ("Büro 東京 🚀 👩‍💻", "Büro 東京 🚀 👩‍💻"),
        ("\x1b[31mred", "␛[31mred"),
        ("a\r\nb\tc", "a␍␊b␉c"),
        ("bell\x07\x7f", "bell␇␡"),
        ("\x9b2J", "⟨U+009B⟩2J"),
        ("abc\u202edcba", "abc⟨U+202E⟩dcba"),
        ("\ud800", "⟨U+D800⟩"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("", ""),
        (None, "not known"),
        (pd.NA, "not known"),
        (pd.NaT, "not known"),
        (float("nan"), "not known"),
        (12, "12"),
    ],
)
def test_plain_shows_what_could_steer(text: object, shown: str) -> None:
    assert display.plain(text) == shown


@settings(derandomize=True, deadline=None)
@given(st.text(alphabet=st.characters()))
def test_plain_leaves_nothing_that_steers(text: str) -> None:
    shown = display.plain(text)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066\u2028" for char in shown)
    shown.encode()
    assert display.plain(shown) == shown


def test_plain_keeps_lines_when_asked() -> None:
    assert display.plain("a\r\nb\tc\x1b", lines=True) == "a\nb\tc␛"


def test_shorten() -> None:
    assert display.shorten("x" * 80) == "x" * 80
    assert display.shorten("x" * 81) == "x" * 79 + "…"
    assert display.shorten(None, 5) == "not…"


def test_numbers() -> None:
    assert display.number(3214) == "3,214"
    assert display.number(1.25, 1) == "1.2"
    assert display.number(None) == display.number(float("nan")) == "not known"
    assert display.count(1, "job") == "1 job"
    assert display.count(0, "job") == "0 jobs"
    assert display.count(2, "policy", "policies") == "2 policies"


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [
        (0.831, "83.1 %"),
        (1, "100.0 %"),
        (0.99999, "99.9 %"),
        (0, "0.0 %"),
        (1e-9, "0.1 %"),
        (None, "not known"),
    ],
)
def test_percent_never_rounds_to_a_claim(fraction: float | None, shown: str) -> None:
    assert display.percent(fraction) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (61, "1 min 01 s"),
        (3900, "1 h 05 min"),
        (90_061, "1 d 1 h"),
        (-30, "−30 s"),
        (None, "not known"),
    ],
)
def test_duration(seconds: float | None, shown: str) -> None:
    assert display.duration(seconds) == shown


def test_size() -> None:
    assert [display.size(n) for n in (0, 1023, 1536, 5 * 1024**3, 2.0**60, None)] == [
        "0 B",
        "1,023 B",
        "1.5 KiB",
        "5.0 GiB",
        "1,048,576.0 TiB",
        "not known",
    ]


def test_dates() -> None:
    when = dt.datetime(2026, 11, 1, 6, 0, 0, 999_999, tzinfo=dt.UTC)
    assert display.iso(when) == "2026-11-01T06:00:00Z"
    assert display.moment(when, BERLIN) == "1 November 2026, 07:00 (Europe/Berlin)"
    assert display.moment(when, dt.UTC, "UTC") == "1 November 2026, 06:00 (UTC)"
    assert display.iso(None) == display.day(None) == display.moment(None, BERLIN) == "not known"


@pytest.mark.parametrize(
    ("since", "until", "shown"),
    [
        (berlin(2026, 10, 1), berlin(2026, 11, 1), "1 to 31 October 2026"),
        (berlin(2026, 10, 25), berlin(2026, 10, 26), "25 October 2026"),
        (berlin(2026, 9, 28), berlin(2026, 10, 28), "28 September to 27 October 2026"),
        (berlin(2025, 12, 3), berlin(2026, 1, 2), "3 December 2025 to 1 January 2026"),
        (
            berlin(2026, 10, 1, 6),
            berlin(2026, 10, 2, 6),
            "1 October 2026, 06:00 to before 2 October 2026, 06:00",
        ),
        (berlin(2026, 5, 1), berlin(2026, 5, 1), "1 May 2026, 00:00 to before 1 May 2026, 00:00"),
    ],
)
def test_period(since: dt.datetime, until: dt.datetime, shown: str) -> None:
    assert display.period_text(since, until, BERLIN) == f"{shown} (Europe/Berlin)"


@pytest.mark.parametrize(("name", "hours"), [("UTC", 0), ("UTC+02:00", 2), ("UTC-03:30", -3.5), ("Asia/Tokyo", 9)])
def test_time_zone(name: str, hours: float) -> None:
    offset = dt.datetime(2026, 10, 1, tzinfo=display.time_zone(name)).utcoffset()
    assert offset == dt.timedelta(hours=hours)


@pytest.mark.parametrize("name", ["Nowhere/City", "../etc/passwd", "", "(UTC+01:00) Amsterdam"])
def test_a_zone_that_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        display.time_zone(name)
