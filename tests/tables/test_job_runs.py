"""Sessions folded to runs of jobs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

from vbr_audit.datasets import SPECS
from vbr_audit.tables import job_runs
from vbr_audit.tables.build.enums import JOB_RUN_TYPES, JOB_TYPES, OWN_RUN_TYPES, SESSION_TYPES
from vbr_audit.tables.build.schema import conform

SINCE, UNTIL = dt.datetime(2026, 10, 1, tzinfo=dt.UTC), dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def row(session: str | None, created: str | None, result: str | None = "Success", **more: Any) -> dict[str, Any]:
    """A session of ten minutes."""
    moment = None if created is None else at(created)
    return {
        "server": "vbr01", "job_id": "job", "session_id": session, "session_type": "BackupJob", "created": moment,
        "ended": None if moment is None else moment + 10 * MINUTE, "result": result, "state": "Stopped", **more,
    }  # fmt: skip


def retry(session: str, created: str | None, of: str | None, number: int | None, result: str = "Success", **more: Any):
    return row(session, created, result, original_session_id=of, retry_number=number, is_recheck_retry=False) | more


def table_of(spec: str, rows: tuple[dict[str, Any], ...]) -> pd.DataFrame:
    names = dict.fromkeys(name for one in rows for name in one)
    return conform({name: [one.get(name) for one in rows] for name in names}, SPECS[spec])[0]


def job(**more: Any) -> dict[str, Any]:
    return {
        "server": "vbr01", "job_id": "job", "type": "VSphereBackup", "retry_enabled": True, "retry_count": 3,
        "retry_wait_min": 10, "schedule_daily_enabled": True, **more,
    }  # fmt: skip


def fold(*rows: dict[str, Any], jobs: tuple[dict[str, Any], ...] = (job(),), **period: Any) -> pd.DataFrame:
    window = {"since": SINCE, "until": UNTIL} | period
    return job_runs.of_period(job_runs.derive_all(table_of("sessions", rows), table_of("jobs", jobs), **window))


def test_the_columns_are_those_of_the_specification():
    for table in (fold(), fold(row("a", "2026-10-01T00:00"))):
        assert table.columns.tolist() == list(job_runs.SPEC.names)
        expected = conform({}, job_runs.SPEC)[0].dtypes.astype(str)
        assert table.dtypes.astype(str).to_dict() == expected.to_dict()


def test_a_session_soon_after_a_failed_one_is_its_retry_also_past_midnight():
    table = fold(
        row("b", "2026-10-02T00:10", duration_s=9.0, result_message="fine"),
        row("a", "2026-10-01T23:50", "Failed", initiated_by="SYSTEM"),
        row("c", "2026-10-02T23:50", "Warning"),
    )
    assert table["session_id"].tolist() == ["b", "c"]
    assert table["first_session_id"].tolist() == ["a", "c"]
    assert table["result"].tolist() == ["Success", "Warning"]
    assert table["first_result"].tolist() == ["Failed", "Warning"]
    assert table["attempts"].tolist() == [2, 1]
    assert table["retries"].tolist() == [1, 0]
    assert table["folded_by"].tolist() == ["retry wait", "retry wait"]
    assert table["initiated_by"].tolist() == ["SYSTEM", pd.NA]
    assert table["result_message"].tolist() == ["fine", pd.NA]
    assert table["started"][0] < table["created"][0]


def test_a_second_run_after_a_good_one_is_no_retry():
    assert fold(row("a", "2026-10-01T01:00"), row("b", "2026-10-01T01:15"))["retries"].tolist() == [0, 0]


def test_a_job_without_retries_has_none():
    failed = [row(str(n), f"2026-10-01T01:{15 * n:02d}", "Failed") for n in range(4)]
    assert len(fold(*failed)) == 1
    assert len(fold(*failed, jobs=(job(retry_enabled=False),))) == 4
    assert len(fold(*failed, jobs=(job(retry_count=1),))) == 2


def test_a_start_on_the_jobs_own_grid_is_no_retry():
    failed = [row(str(n), f"2026-10-01T{n:02d}:00", "Failed") for n in range(5)]
    hourly = job(
        schedule_daily_enabled=False,
        schedule_periodically_enabled=True,
        schedule_periodically_kind="Hours",
        schedule_periodically_frequency=1,
        retry_wait_min=50,
    )
    assert fold(*failed, jobs=(hourly,))["attempts"].tolist() == [1] * 5


def test_a_session_that_calls_itself_a_retry_is_one():
    rows = (row("a", "2026-10-01T01:00", "Failed"), row("b", "2026-10-01T09:00", name="Nightly (Retry 1)"))
    assert fold(*rows)["attempts"].tolist() == [2]
    assert fold(rows[0], rows[1] | {"name": "Nightly"})["attempts"].tolist() == [1, 1]


@pytest.mark.parametrize("kind", sorted(set(SESSION_TYPES) - set(JOB_RUN_TYPES)))
def test_other_activities_with_the_id_of_a_job_are_no_runs(kind: str):
    assert fold(row("a", "2026-10-01T01:00", "Failed"), row("b", "2026-10-01T02:00", session_type=kind))[
        "result"
    ].tolist() == ["Failed"]


def test_every_type_of_job_has_its_kinds_of_session():
    assert set(OWN_RUN_TYPES) == set(JOB_TYPES) - {"Unknown"}
    assert {kind for kinds in OWN_RUN_TYPES.values() for kind in kinds} <= set(SESSION_TYPES)


def test_a_kind_that_nobody_knows_is_kept_without_state_and_result():
    table = fold(row("a", "2026-10-01T01:00", session_type="QuantumBackup"))
    assert table["session_type"].tolist() == ["QuantumBackup"]
    assert table[["state", "result"]].isna().all(axis=None)


def test_children_of_a_run_are_no_runs_and_carry_no_result():
    children = [row(f"c{n}", "2026-10-01T01:01", "Failed", parent_session_id="a") for n in range(3)]
    table = fold(row("a", "2026-10-01T01:00", "Warning"), *children)
    assert table["result"].tolist() == ["Warning"]
    assert table["attempts"].tolist() == [1]


def test_a_policy_runs_where_sessions_of_machines_hang_on_it():
    policy = job(type="WindowsAgentBackupServerPolicy")
    parent = row("p", "2026-10-01T01:00", session_type="AgentPolicy")
    child = row("c", "2026-10-01T01:01", "Failed", session_type="AgentBackup", parent_session_id="p")
    assert fold(parent, child, jobs=(policy,))["session_id"].tolist() == ["p"]
    assert not len(fold(parent, jobs=(policy,)))


def test_the_first_session_decides_on_the_period_and_the_last_on_the_result():
    rows = (row("a", "2026-09-30T23:50", "Failed"), row("b", "2026-10-01T00:10"))
    october, september = fold(*rows), fold(*rows, since=at("2026-09-01"), until=SINCE)
    assert october["in_period"].tolist() == [False]
    assert october["is_carried_in"].tolist() == [True]
    assert september["in_period"].tolist() == [True]
    assert september["result"].tolist() == ["Success"]


def test_a_run_that_is_open_is_named_so_and_has_no_good_result():
    table = fold(row("a", "2026-10-31T22:00", "None", state="Working", ended=None))
    assert table["is_open"].tolist() == [True]
    assert table["result"].tolist() == ["None"]


def test_jobs_of_two_servers_with_one_id_stay_apart():
    rows = (row("a", "2026-10-01T01:00", "Failed"), row("b", "2026-10-01T01:15") | {"server": "vbr02"})
    table = fold(*rows)
    assert table["attempts"].tolist() == [1, 1]
    assert table["is_listed"].tolist() == [True, False]


def test_retries_that_the_server_names_are_followed_over_any_time():
    table = fold(
        retry("a", "2026-10-01T22:00", "a", None, "Failed"),
        retry("b", "2026-10-03T02:00", "a", 1, "Failed"),
        retry("c", "2026-10-03T06:00", "b", 2),
        retry("d", "2026-10-04T22:00", "d", None),
    )
    assert table["session_id"].tolist() == ["c", "d"]
    assert table["retries"].tolist() == [2, 0]
    assert table["folded_by"].tolist() == ["retry info", "retry info"]


def test_a_session_that_was_not_read_holds_its_retries_together():
    table = fold(retry("b", "2026-10-01T23:00", "lost", 1, "Failed"), retry("c", "2026-10-02T01:00", "lost", 2))
    assert table["session_id"].tolist() == ["c"]


def test_a_chain_that_bites_its_tail_is_one_run():
    assert len(fold(retry("a", "2026-10-01T22:00", "b", 1), retry("b", "2026-10-01T23:00", "a", 1))) == 1


def test_a_repeated_health_check_is_no_retry():
    rows = [
        retry("a", "2026-10-01T22:00", "a", None),
        retry("b", "2026-10-01T23:00", "a", 1) | {"is_recheck_retry": True},
    ]
    assert fold(*rows)["retries"].tolist() == [0]


def test_a_session_without_a_start_is_a_run_of_its_own():
    table = fold(row("a", "2026-10-01T22:00", "Failed"), row("b", None))
    assert table["attempts"].tolist() == [1, 1]
    assert table["in_period"].tolist() == [True, pd.NA]


SESSIONS = st.lists(
    st.tuples(
        st.integers(0, 60 * 24 * 40),
        st.sampled_from(["Success", "Warning", "Failed", "None"]),
        st.integers(1, 90),
        st.sampled_from(["job", "other"]),
        st.sampled_from(["BackupJob", "Retention", "QuantumBackup"]),
    ),
    max_size=30,
    unique_by=lambda one: (one[0], one[3]),
)


def drawn(rows: list[tuple[int, str, int, str, str]]) -> list[dict[str, Any]]:
    found = []
    for number, (minute, result, length, owner, kind) in enumerate(rows):
        moment = at("2026-09-20") + minute * MINUTE
        one = row(str(number), None, result, job_id=owner, session_type=kind)
        found.append(one | {"created": moment, "ended": moment + length * MINUTE})
    return found


@settings(max_examples=25)
@given(SESSIONS, st.integers(0, 60 * 24 * 40))
def test_two_adjoining_periods_count_each_run_once(rows: list[Any], minute: int):
    sessions, edge = drawn(rows), at("2026-09-20") + minute * MINUTE
    begin, end = at("2026-09-01"), at("2026-12-01")
    whole = fold(*sessions, since=begin, until=end)
    parts = [fold(*sessions, since=begin, until=edge), fold(*sessions, since=edge, until=end)]
    counted = [run for part in parts for run in part["run_id"][part["in_period"].to_numpy(dtype=bool)]]
    assert sorted(counted) == sorted(whole["run_id"])
    assert len(counted) == len(set(counted))


@settings(max_examples=25)
@given(SESSIONS, st.randoms(use_true_random=False))
def test_the_order_of_the_sessions_changes_nothing(rows: list[Any], chance: Any):
    sessions = drawn(rows)
    shuffled = list(sessions)
    chance.shuffle(shuffled)
    # Jobs follow one another as their first sessions do; their runs as they started.
    one, other = (fold(*each).sort_values("job_id", kind="stable", ignore_index=True) for each in (sessions, shuffled))
    pd.testing.assert_frame_equal(one, other)


@settings(max_examples=25)
@given(SESSIONS, SESSIONS)
def test_what_another_job_did_changes_no_run(rows: list[Any], others: list[Any]):
    mine = [one for one in drawn(rows) if one["job_id"] == "job"]
    beside = [one | {"job_id": "third", "session_id": "x" + one["session_id"]} for one in drawn(others)]
    alone, together = fold(*mine), fold(*mine, *beside)
    pd.testing.assert_frame_equal(alone, together[(together["job_id"] == "job").to_numpy()].reset_index(drop=True))


@settings(max_examples=40)
@given(SESSIONS, st.integers(0, 60 * 24 * 40), st.integers(1, 90))
def test_a_failed_session_more_never_raises_the_rate(rows: list[Any], minute: int, length: int):
    sessions = [one for one in drawn(rows) if one["job_id"] == "job" and one["session_type"] == "BackupJob"]
    moment = at("2026-09-20") + minute * MINUTE
    more = row("failed", None, "Failed") | {"created": moment, "ended": moment + length * MINUTE}
    assert _rate(fold(*sessions, more, since=at("2026-09-01"))) <= _rate(fold(*sessions, since=at("2026-09-01")))


def _rate(runs: pd.DataFrame) -> float:
    good, failed = runs["result"].isin(["Success", "Warning"]).sum(), runs["result"].eq("Failed").sum()
    return float(good / (good + failed)) if good + failed else 1.0
