"""The months up to a run: one point a month, of runs that are like it, the last being the run itself."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.histories.run_records import HistoryRecord, Point, RunServer
from vbr_audit.histories.trends import Trend, month_of, trend_of

START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def record(
    day: int,
    *,
    run_id: str = "",
    servers: tuple[str, ...] = ("a",),
    scope: str = "",
    policy: str = "p",
    version: str = "1",
    days: int = 30,
    zone: str = "UTC",
    now: dt.datetime | None = None,
) -> HistoryRecord:
    """A run whose period ends so many days after the start."""
    until = START + dt.timedelta(days=day)
    causes = {"critical": day}
    return HistoryRecord(
        run_id=run_id or f"{day:016x}",
        content="",
        now=now or until,
        since=until - dt.timedelta(days=days),
        until=until,
        timezone=zone,
        tool_version=version,
        policy_sha256=policy,
        scope=scope,
        servers=tuple(RunServer(server_id=name, name=name, revision="1.3-rev1") for name in servers),
        point=Point(level="pass", failing={}, causes=causes, counts={}),
    )


RUNS = st.builds(
    record,
    st.integers(0, 900),
    servers=st.sampled_from([("a",), ("b",), ("a", "b")]),
    scope=st.sampled_from(["", "SQL*"]),
    policy=st.sampled_from(["p", "q"]),
    version=st.sampled_from(["1", "2"]),
    days=st.sampled_from([1, 7, 30]),
    zone=st.sampled_from(["UTC", "Pacific/Auckland", "America/Los_Angeles"]),
)


def months_between(first: str, last: str) -> list[str]:
    return [str(month) for month in pd.period_range(first, last, freq="M")]


@given(st.lists(RUNS, max_size=30), RUNS, st.sampled_from([None, 1, 12]))
def test_whatever_ran_before_the_months_are_whole_and_end_in_the_run(
    earlier: list[HistoryRecord], last: HistoryRecord, months: int | None
) -> None:
    trend = trend_of(earlier, last, months=months)
    names = [month.month for month in trend.months]
    assert names == months_between(names[0], month_of(last))
    assert months is None or len(names) <= months
    assert trend.months[-1].run == last
    shown = [month.run for month in trend.months if month.run is not None]
    for run in shown:
        assert {server.server_id for server in run.servers} == {server.server_id for server in last.servers}
        assert run.scope == last.scope
        assert run.order <= last.order
        # No run about the same month, of the same servers and jobs, came later and before the last.
        later = [each for each in earlier if each.order < last.order and month_of(each) == month_of(run)]
        alike = [each for each in later if each.scope == run.scope and _servers(each) == _servers(run)]
        assert run == last or run.order == max(each.order for each in alike)
    assert not trend.months[0].policy_changed


def _servers(run: HistoryRecord) -> set[str]:
    return {server.server_id for server in run.servers}


@given(st.lists(RUNS, max_size=12), RUNS)
def test_the_frame_has_a_row_a_month_and_says_what_is_missing(
    earlier: list[HistoryRecord], last: HistoryRecord
) -> None:
    trend = trend_of(earlier, last)
    frame = trend.frame
    assert frame["month"].tolist() == [month.month for month in trend.months]
    assert frame["is_missing"].tolist() == [month.run is None for month in trend.months]
    assert frame["run_id"].isna().tolist() == frame["is_missing"].tolist()
    assert frame["causes_critical"].iloc[-1] == last.point.causes["critical"]


def test_a_run_is_about_the_month_of_its_own_zone() -> None:
    day = record(59, days=1, zone="UTC")  # 28 February, midnight to midnight
    assert month_of(day) == "2025-02"
    east = record(59, days=1, zone="Pacific/Auckland").model_copy(
        update={
            "since": dt.datetime(2025, 2, 28, 11, tzinfo=dt.UTC),
            "until": dt.datetime(2025, 3, 1, 11, tzinfo=dt.UTC),
        }
    )
    assert month_of(east) == "2025-03"
    assert month_of(east.model_copy(update={"timezone": "Moon/Tranquility"})) == "2025-02"


def changed(trend: Trend) -> list[tuple[bool, bool]]:
    return [(month.policy_changed, month.version_changed) for month in trend.months]


def test_rules_are_held_against_the_point_before_whatever_lies_between() -> None:
    runs = [record(60, policy="p", version="1"), record(150, policy="q", version="1")]
    trend = trend_of(runs, record(180, policy="q", version="2"))
    assert [month.run is None for month in trend.months] == [False, True, True, False, False]
    assert changed(trend) == [(False, False), (False, False), (False, False), (True, False), (False, True)]


@pytest.mark.parametrize("field", ["servers", "scope"])
def test_runs_of_other_servers_or_jobs_are_counted_and_left_out(field: str) -> None:
    other = record(90, **{field: ("b",) if field == "servers" else "SQL*"})  # type: ignore[arg-type]
    trend = trend_of([record(60), other], record(120))
    assert trend.beside == 1
    assert [month.run is None for month in trend.months] == [False, True, False]
