"""Behaviour of the checks of restores beyond their examples."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.checks.catalogue.restore_tests.restore_tests import RESTORES, TESTS, objects_restored, restore_tried
from vbr_audit.checks.catalogue.restore_tests.results import content_scanned, restores_fast_enough, restores_succeeded
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.tables.build.enums import SESSION_TYPES
from vbr_audit.tables.build.naming import told
from vbr_audit.tables.build.schema import conform

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def table(name: str, /, **columns: Sequence[Any]) -> pd.DataFrame:
    size = max((len(values) for values in columns.values()), default=0)
    return conform({"server": ["vbr01"] * size, **columns}, TABLES[name])[0]


SERVERS = table("servers", revision=["1.3-rev1"])


def restores(*results: str | None, ago: float = 1, kind: str = "RestoreVm") -> pd.DataFrame:
    size = len(results)
    return table(
        "restore_sessions",
        session_type=[kind] * size,
        state=["Stopped"] * size,
        result=results,
        created=[(NOW - ago * DAY).isoformat()] * size,
    )


def history(days: float | None) -> pd.DataFrame:
    return table("session_history", oldest_session=[] if days is None else [(NOW - days * DAY).isoformat()])


def answer(sessions: pd.DataFrame, *, since: float | None, window_days: int = 90) -> Any:
    outcome = restore_tried(SERVERS, sessions, history(since), now=NOW, window_days=window_days)
    return outcome.ok.tolist()[0]


def test_kinds_are_words_of_the_api() -> None:
    assert set(TESTS) <= set(SESSION_TYPES)


@pytest.mark.parametrize(("since", "expected"), [(90, False), (89.9, pd.NA), (120, False), (None, pd.NA)])
def test_silence_is_known_only_for_what_the_server_remembers(since: float | None, expected: Any) -> None:
    assert answer(restores("Failed"), since=since) is expected


def test_success_is_enough_however_short_the_history() -> None:
    assert answer(restores("Failed", "Warning"), since=2) is True
    assert answer(restores("Success", ago=90), since=200) is True
    assert answer(restores("Success", ago=90.1), since=200) is False
    assert answer(restores("Success", ago=-3), since=200) is pd.NA


@given(
    results=st.lists(st.sampled_from(["Success", "Warning", "Failed", "None", "Odd", None]), max_size=5),
    since=st.integers(1, 200),
)
def test_pass_needs_a_success(results: list[str | None], since: int) -> None:
    found = answer(restores(*results), since=since)

    good = any(result in ("Success", "Warning") for result in results)
    assert (found is True) == good
    if not good and (since < 90 or any(result in ("Odd", None) for result in results)):
        assert found is pd.NA


def share(tasks: pd.DataFrame, names: Sequence[str | None], **more: Any) -> Any:
    objects = table("protected_objects", name=names)
    return objects_restored(SERVERS, tasks, objects, history(more.pop("since", 400)), now=NOW, **more)


def tasks_of(*names: str, ago: float = 1) -> pd.DataFrame:
    size = len(names)
    moment = (NOW - ago * DAY).isoformat()
    return table(
        "restore_tasks", type=["Restore"] * size, name=names, result=["Success"] * size, created=[moment] * size
    )


def test_objects_count_by_distinct_names_without_regard_to_case() -> None:
    tasks = tasks_of("A", "a", "zz")
    outcome = share(tasks, ["a", "A", "b", "c"])

    assert outcome.ok.tolist() == [True]
    assert str(outcome.observed).startswith("1 of 3 (33.3 %)")


def test_share_below_the_bound_of_a_year_that_was_read() -> None:
    tasks = tasks_of("a")

    assert share(tasks, ["a", "b", "c"], min_percent=50.0).ok.tolist() == [False]
    assert share(tasks, ["a", "b", "c"], min_percent=50.0, since=300).ok.tolist() == [pd.NA]
    assert share(tasks, ["a", "b", None], min_percent=50.0).ok.tolist() == [pd.NA]
    assert share(tasks_of("a", ago=365.1), ["a", "b"]).ok.tolist() == [False]
    assert share(tasks_of("a", ago=365), ["a", "b"]).ok.tolist() == [True]


def test_failed_sessions_are_counted_by_kind() -> None:
    outcome = restores_succeeded(SERVERS, restores("Failed", "Failed", "Success"), since=NOW - 9 * DAY, until=NOW)

    assert outcome.ok.tolist() == [False]
    assert told(str(outcome.observed)) == "2 of 3 failed: 2 × RestoreVm"


def test_other_sessions_are_no_restores() -> None:
    assert "BackupJob" not in RESTORES
    outcome = restores_succeeded(SERVERS, restores("Failed", kind="BackupJob"), since=NOW - 9 * DAY, until=NOW)

    assert outcome.applies is not None
    assert outcome.applies.tolist() == [False]


def test_times_are_shown_without_an_objective() -> None:
    sessions = restores("Success", "Success", "Success").assign(
        duration_s=pd.array([60, 120, 7200], dtype=pd.Float64Dtype())
    )
    shown = restores_fast_enough(SERVERS, sessions)

    assert shown.applies is not None
    assert shown.applies.tolist() == [False]
    assert told(str(shown.observed)) == "RestoreVm: median 2 min, longest 2.0 h"
    assert restores_fast_enough(SERVERS, sessions, rto_hours=1.5).ok.tolist() == [False]
    assert restores_fast_enough(SERVERS, sessions, rto_hours=2.0).ok.tolist() == [True]


def test_disabled_job_does_not_scan() -> None:
    jobs = table("jobs", type=["SureBackupContentScan", "SureBackupContentScan"], is_disabled=[True, None])

    assert content_scanned(SERVERS, jobs).ok.tolist() == [pd.NA]
    assert content_scanned(SERVERS, jobs.iloc[:1]).ok.tolist() == [False]
    assert content_scanned(table("servers", revision=[None]), jobs.iloc[:1]).ok.tolist() == [pd.NA]
