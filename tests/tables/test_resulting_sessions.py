"""Sessions folded to runs."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pandas as pd
from hypothesis import given, settings

from vbr_audit.tables import SPECS, resulting_sessions
from vbr_audit.tables.schema import conform

UTC = dt.UTC
BERLIN = ZoneInfo("Europe/Berlin")


def row(session: str | None, created: str | None, result: str | None = "Success", **more: Any) -> dict[str, Any]:
    return {
        "server": "vbr01", "job_id": "job", "session_id": session, "created": created, "result": result,
        "state": "Stopped", **more,
    }  # fmt: skip


def retry(session: str, created: str | None, of: str | None, number: int | None, result: str = "Success", **more: Any):
    return row(session, created, result, original_session_id=of, retry_number=number, is_recheck_retry=False) | more


def fold(*rows: dict[str, Any], zone: dt.tzinfo = UTC) -> pd.DataFrame:
    names = dict.fromkeys(name for one in rows for name in one)
    sessions = conform({name: [one.get(name) for one in rows] for name in names}, SPECS["sessions"])[0]
    return resulting_sessions.derive(sessions, zone)


def test_the_columns_are_those_of_the_specification():
    for table in (fold(), fold(row("a", "2026-10-01T00:00Z"))):
        assert table.columns.tolist() == list(resulting_sessions.SPEC.names)
        expected = conform({}, resulting_sessions.SPEC)[0].dtypes.astype(str)
        assert table.dtypes.astype(str).to_dict() == expected.to_dict()


def test_the_last_session_of_a_day_counts():
    table = fold(
        row("b", "2026-10-01T23:00Z", duration_s=9.0, result_message="fine"),
        row("a", "2026-10-01T22:00Z", "Failed", initiated_by="SYSTEM"),
        row("c", "2026-10-02T00:00Z", "Warning"),
    )
    assert table["session_id"].tolist() == ["b", "c"]
    assert table["first_session_id"].tolist() == ["a", "c"]
    assert table["result"].tolist() == ["Success", "Warning"]
    assert table["first_result"].tolist() == ["Failed", "Warning"]
    assert table["attempts"].tolist() == [2, 1]
    assert table["retries"].tolist() == [1, 0]
    assert table["folded_by"].tolist() == ["day", "day"]
    assert table["initiated_by"].tolist() == ["SYSTEM", pd.NA]
    assert table["duration_s"].tolist() == [9.0, pd.NA]
    assert table["result_message"].tolist() == ["fine", pd.NA]
    assert table["started"][0] < table["created"][0]


def test_a_second_run_after_a_good_one_is_no_retry():
    assert fold(row("a", "2026-10-01T01:00Z"), row("b", "2026-10-01T02:00Z"))["retries"].tolist() == [0]


def test_days_are_those_of_the_zone_also_when_clocks_change():
    # 25 October 2026 has 25 hours in Berlin: from 24 October 22:00 UTC to 25 October 23:00 UTC.
    moments = ["2026-10-24T21:59Z", "2026-10-24T22:00Z", "2026-10-25T01:30Z", "2026-10-25T22:59Z", "2026-10-25T23:00Z"]
    rows = [row(str(number), moment) for number, moment in enumerate(moments)]
    assert fold(*rows, zone=BERLIN)["attempts"].tolist() == [1, 3, 1]
    assert fold(*rows)["attempts"].tolist() == [2, 3]


def test_of_two_that_start_together_the_failed_one_counts():
    for results in (("Failed", "Success"), ("Success", "Failed")):
        table = fold(*(row(str(i), "2026-10-01T00:00Z", word) for i, word in enumerate(results)))
        assert table["result"].tolist() == ["Failed"]


def test_a_session_that_still_runs_is_what_came_of_the_run():
    table = fold(row("a", "2026-10-01T01:00Z", "Failed"), row("b", "2026-10-01T02:00Z", "None", state="Working"))
    assert table["state"].tolist() == ["Working"]
    assert table["result"].tolist() == ["None"]


def test_without_a_start_each_session_is_a_run_of_its_own():
    table = fold(row("a", None), row("b", None, "Failed"), row("c", "2026-10-01T00:00Z"), row("d", None, job_id="x"))
    assert sorted(table["session_id"]) == ["a", "b", "c", "d"]
    assert table["attempts"].tolist() == [1, 1, 1, 1]
    assert table["started"].isna().sum() == 3


def test_the_server_says_which_session_a_retry_repeats():
    table = fold(
        retry("a", "2026-10-01T23:50Z", "a", 0, "Failed"),
        retry("b", "2026-10-02T00:05Z", "a", 1, "Failed"),
        retry("c", "2026-10-02T00:20Z", "a", 2),
        retry("d", "2026-10-02T23:50Z", "d", 0),
    )
    assert table["session_id"].tolist() == ["c", "d"]
    assert table["attempts"].tolist() == [3, 1]
    assert table["retries"].tolist() == [2, 0]
    assert table["folded_by"].tolist() == ["retry info"] * 2


def test_several_runs_of_a_day_stay_apart_where_the_server_tells_of_retries():
    rows = [retry(name, f"2026-10-01T0{hour}:00Z", name, 0) for hour, name in enumerate("abc")]
    assert len(fold(*rows)) == 3


def test_a_chain_of_retries_and_one_that_bites_its_own_tail():
    chain = fold(
        retry("c", "2026-10-01T03:00Z", "b", 2),
        retry("b", "2026-10-01T02:00Z", "a", 1, "Failed"),
        retry("a", "2026-10-01T01:00Z", None, None, "Failed"),
    )
    assert chain["attempts"].tolist() == [3]
    loop = fold(*(retry(one, f"2026-10-01T0{n}:00Z", to, n) for n, (one, to) in enumerate(["ab", "bc", "ca", "da"])))
    assert loop["attempts"].tolist() == [4]


def test_retries_of_a_session_before_the_period_belong_together():
    table = fold(retry("b", "2026-10-01T00:05Z", "gone", 1, "Failed"), retry("c", "2026-10-01T00:20Z", "gone", 2))
    assert table["attempts"].tolist() == [2]
    assert table["retries"].tolist() == [2]


def test_the_repetition_of_a_health_check_is_folded_and_is_no_retry():
    check = retry("b", "2026-10-01T02:00Z", "a", 1, is_recheck_retry=True)
    table = fold(retry("a", "2026-10-01T01:00Z", "a", 0), check)
    assert (table["attempts"].tolist(), table["retries"].tolist()) == ([2], [0])


def test_a_retry_without_a_start_leaves_the_start_of_its_run_unknown():
    table = fold(retry("a", "2026-10-01T01:00Z", "a", 0, "Failed"), retry("b", None, "a", 1))
    assert table["session_id"].tolist() == ["b"]
    assert table["created"].isna().tolist() == [True]


def test_sessions_without_an_id_and_retries_of_other_jobs_stay_apart():
    table = fold(
        retry(None, "2026-10-01T01:00Z", None, 0),
        retry(None, "2026-10-01T02:00Z", None, 0),
        retry("a", "2026-10-01T03:00Z", "a", 0),
        retry("b", "2026-10-01T04:00Z", "a", 1, job_id="other"),
    )
    assert table["attempts"].tolist() == [1] * 4


def test_each_server_is_folded_by_what_it_tells_and_by_itself():
    table = fold(
        row("a", "2026-10-01T01:00Z"),
        row("b", "2026-10-01T02:00Z"),
        retry("a", "2026-10-01T01:00Z", "a", 0, server="vbr02"),
        retry("b", "2026-10-01T02:00Z", "b", 0, server="vbr02"),
    )
    assert table["server"].tolist() == ["vbr01", "vbr02", "vbr02"]
    nameless = fold(row("a", "2026-10-01T01:00Z", server=None), row("b", "2026-10-01T01:00Z", server=None, job_id="x"))
    assert len(nameless) == 2


def test_a_session_without_a_job_is_left_out():
    assert len(fold(row("a", "2026-10-01T01:00Z", job_id=None), row("b", "2026-10-01T02:00Z"))) == 1


IDS = st.sampled_from([None, *"abcdefgh"])
SESSION = st.fixed_dictionaries(
    {
        "server": st.sampled_from(["vbr01", "vbr02"]),
        "job_id": st.sampled_from([None, "job", "other"]),
        "created": st.none() | st.datetimes(dt.datetime(2026, 10, 24), dt.datetime(2026, 10, 27)),
        "result": st.sampled_from(["Success", "Warning", "Failed", "None", None]),
        "state": st.sampled_from(["Stopped", "Working", None]),
        "original_session_id": IDS,
        "retry_number": st.none() | st.integers(0, 3),
        "is_recheck_retry": st.none() | st.booleans(),
    }
)


@settings(max_examples=200)
@given(st.lists(SESSION, max_size=8), st.booleans(), st.sampled_from([UTC, BERLIN, ZoneInfo("Pacific/Apia")]))
def test_every_session_of_a_job_is_folded_once(sessions, informed, zone):
    silent = {} if informed else dict.fromkeys(("original_session_id", "retry_number", "is_recheck_retry"))
    rows = [
        one | silent | {"session_id": "abcdefgh"[n], "created": one["created"] and f"{one['created'].isoformat()}Z"}
        for n, one in enumerate(sessions)
    ]
    table, owned = fold(*rows, zone=zone), [one for one in rows if one["job_id"] is not None]
    assert table["attempts"].sum() == len(owned)
    assert table["session_id"].is_unique
    assert set(table["session_id"]) <= {one["session_id"] for one in owned}
    assert (table["retries"] <= table["attempts"]).all()
    assert (table["retries"] >= 0).all()
    assert not (table["created"] < table["started"]).any()
    good = table["result"].isin(["Success", "Warning"]).sum()
    assert good <= len(table) <= len(owned)
    backwards = fold(*reversed(rows), zone=zone)
    assert sorted(table["attempts"]) == sorted(backwards["attempts"])


def test_each_session_is_told_its_run():
    rows = (
        row("a", "2026-10-01T22:00Z", "Failed"),
        row("x", "2026-10-01T22:30Z", job_id=None),
        row("b", "2026-10-01T23:00Z"),
        row("c", "2026-10-02T00:00Z", "Failed"),
    )
    names = dict.fromkeys(name for one in rows for name in one)
    sessions = conform({name: [one.get(name) for one in rows] for name in names}, SPECS["sessions"])[0]
    shuffled = sessions.iloc[[3, 1, 0, 2]]
    told = resulting_sessions.runs_of(shuffled, UTC)
    assert told.index.tolist() == [3, 1, 0, 2]
    assert told["run_session_id"].tolist() == ["c", pd.NA, "b", "b"]
    assert told["is_retry"].tolist() == [False, pd.NA, False, True]
    nothing = resulting_sessions.runs_of(sessions.iloc[:0], UTC)
    assert nothing.dtypes.astype(str).to_dict() == told.dtypes.astype(str).to_dict()
