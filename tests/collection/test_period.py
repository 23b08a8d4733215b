"""Which instants a period means, over clock changes and odd servers."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.collection.period import PeriodRequest, resolve
from vbr_audit.errors import ConfigurationError
from vbr_audit.tables import server_time

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_the_default_is_the_last_thirty_days_up_to_now() -> None:
    period = resolve(PeriodRequest(), NOW, None)
    assert (period.since, period.until) == (NOW - dt.timedelta(days=30), NOW)
    assert period.timezone == "UTC"


@pytest.mark.parametrize(
    ("month", "zone", "hours"),
    [
        ("2026-10", "Europe/Berlin", 31 * 24 + 1),
        ("2026-03", "America/New_York", 31 * 24 - 1),
        ("2026-02", "UTC", 28 * 24),
    ],
)
def test_a_month_has_the_hours_that_its_clock_changes_give_it(month: str, zone: str, hours: int) -> None:
    period = resolve(PeriodRequest.of(month=month, timezone=zone), NOW, None)
    assert (period.until - period.since) / HOUR == hours


def test_since_is_midnight_in_the_zone_and_until_may_have_a_time() -> None:
    request = PeriodRequest.of(since="2026-10-01", until="2026-10-02T06:30", timezone="Europe/Berlin")
    period = resolve(request, NOW, None)
    assert period.since == dt.datetime(2026, 9, 30, 22, 0, tzinfo=dt.UTC)
    assert period.until == dt.datetime(2026, 10, 2, 4, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("answer", "zone", "source", "warned"),
    [
        ({"ianaTimeZoneId": "Asia/Tokyo", "timeZone": "(UTC+09:00) Osaka"}, "Asia/Tokyo", "ianaTimeZoneId", False),
        ({"timeZone": "Europe/Vienna"}, "Europe/Vienna", "timeZone", False),
        ({"timeZone": "(UTC+01:00) Amsterdam, Berlin"}, "Europe/Amsterdam", "cities of timeZone", False),
        ({"timeZone": "(UTC+02:00) Athens, Berlin"}, "UTC+01:00", "offset", True),
        ({"timeZone": None}, "UTC+01:00", "offset", True),
    ],
)
def test_the_zone_is_the_servers_as_far_as_it_can_be_known(
    answer: dict[str, str | None], zone: str, source: str, warned: bool
) -> None:
    told = server_time.parse({"serverTime": "2026-11-23T13:00:00.1234567+01:00", **answer})
    period = resolve(PeriodRequest(), NOW, told)
    assert period.timezone == zone
    assert source in period.timezone_source
    assert bool(period.warnings) == warned


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"month": "2026-13"}, "not a month"),
        ({"month": "October"}, "not a month"),
        ({"month": "2026-10", "since": "2026-10-01"}, "--month excludes"),
        ({"since": "yesterday"}, "--since: not a date"),
        ({"until": "2026-02-30"}, "--until: not a date"),
        ({"timezone": "Europe/Atlantis"}, "unknown time zone"),
        ({"timezone": "../../etc/passwd"}, "unknown time zone"),
    ],
)
def test_wrong_words_are_refused_before_any_request(words: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        PeriodRequest.of(**words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "message"),
    [({"since": "2026-10-02", "until": "2026-10-01"}, "ends before"), ({"month": "2027-01"}, "in the future")],
)
def test_a_period_that_cannot_be_is_refused(words: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        resolve(PeriodRequest.of(**words), NOW, None)  # type: ignore[arg-type]


@given(
    month=st.dates(dt.date(2000, 1, 1), dt.date(2026, 10, 31)),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC-03:30", "Asia/Kathmandu"]
    ),
)
def test_months_follow_each_other_without_gap_or_overlap(month: dt.date, zone: str) -> None:
    text = f"{month:%Y-%m}"
    following = f"{(month.replace(day=28) + dt.timedelta(days=4)):%Y-%m}"
    now = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    first = resolve(PeriodRequest.of(month=text, timezone=zone), now, None)
    second = resolve(PeriodRequest.of(month=following, timezone=zone), now, None)
    assert first.until == second.since
    assert first.since < first.until
