"""The lifecycle of findings: every cell of its table, and what holds for any sequence of runs."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_runs import START, judged

from vbr_audit.findings.changes import Changes, compare_runs
from vbr_audit.findings.compared import Judged
from vbr_audit.findings.lifecycle import LIVES_SPEC, MADE_ANEW, Before, Lives, Now, Rule, State, decide, step

KNOWN = {Before.FINE, Before.OPEN, Before.ACCEPTED}
BAD = {Before.OPEN, Before.ACCEPTED}


def expected(before: Before, now: Now, gone: bool, whole: bool, rule: Rule, was_open: bool) -> set[State | None]:
    """The table, restated as the promises that a reader relies on."""
    changed = {Rule.POLICY: State.POLICY_CHANGED, Rule.METHOD: State.METHOD_CHANGED}
    match now, before:
        case Now.WAIVED, _:
            return {State.ACCEPTED}
        case Now.FAIL, Before.OPEN:
            return {State.STILL}
        case Now.FAIL, Before.ACCEPTED:
            return {State.WAIVER_ENDED}
        case Now.FAIL, Before.NEVER | Before.UNANSWERED:
            return {State.FIRST}
        case Now.FAIL, Before.FINE:
            return {changed.get(rule, State.REGRESSED if was_open else State.NEW)}
        case Now.FAIL, Before.ABSENT:
            if rule is Rule.METHOD:
                return {State.METHOD_CHANGED}
            return {State.REGRESSED if was_open else State.NEW}
        case Now.UNKNOWN, _:
            if before in KNOWN:
                return {State.LOST_SIGHT}
            return {State.STILL if before is Before.UNANSWERED else State.FIRST}
        case Now.NONE, Before.NEVER | Before.UNANSWERED:
            return {None}
        case Now.NONE, Before.ABSENT:
            return {State.OBJECT_GONE}
        case Now.NONE, _:
            return {changed.get(rule, State.OBJECT_GONE if whole and gone else State.LOST_SIGHT)}
        case _, Before.FINE:
            return {State.STILL}
        case _, Before.OPEN | Before.ACCEPTED:
            good = State.FIXED if now is Now.PASS else State.OBJECT_GONE
            return {changed.get(rule, good if whole else State.LOST_SIGHT)}
        case _:
            return {State.FIRST}


CELLS = list(itertools.product(Before, Now, (False, True), (False, True), Rule, (False, True)))


@pytest.mark.parametrize("before", Before)
@pytest.mark.parametrize("now", Now)
def test_every_cell_of_the_table(before: Before, now: Now) -> None:
    for cell in (cell for cell in CELLS if cell[:2] == (before, now)):
        _, _, gone, whole, rule, was_open = cell
        state = decide(before, now, gone=gone, whole=whole, rule=rule, was_open=was_open)
        assert {state} == expected(*cell), cell


def test_fixed_only_where_it_was_looked_at_again_whole_and_by_the_same_rule() -> None:
    for before, now, gone, whole, rule, was_open in CELLS:
        state = decide(before, now, gone=gone, whole=whole, rule=rule, was_open=was_open)
        is_fixed = now is Now.PASS and whole and rule is Rule.SAME and before in BAD
        assert (state is State.FIXED) == is_fixed


def lives(*runs: Judged) -> pd.DataFrame:
    known = Lives()
    for run in runs:
        known = step(known, run)
    return known.findings


def one(*runs: Judged) -> Any:
    (row,) = lives(*runs).to_dict("records")
    return row


GOOD, WRONG = {"status": "PASS"}, {"status": "FAIL"}


def test_a_finding_breaks_is_fixed_and_comes_back() -> None:
    runs = [judged([GOOD]), judged([WRONG], day=10), judged([WRONG], day=20), judged([GOOD], day=40)]
    assert [one(*runs[: n + 1])["state"] for n in range(4)] == ["FIRST", "NEW", "STILL", "FIXED"]
    fixed = one(*runs)
    assert fixed["fix_days"] == 30
    assert fixed["open_since"] is pd.NaT
    again = one(*runs, judged([WRONG], day=50))
    assert again["state"] == "REGRESSED"
    assert again["times_reopened"] == 1
    assert again["first_seen"] == pd.Timestamp(START + dt.timedelta(days=10))
    assert again["open_since"] == pd.Timestamp(START + dt.timedelta(days=50))


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (judged([{"status": "UNKNOWN"}], day=1), "LOST_SIGHT"),
        (judged([{"status": "ERROR"}], day=1), "LOST_SIGHT"),
        (judged([{"status": "a word of a later version"}], day=1), "LOST_SIGHT"),
        (judged([GOOD], day=1, asked={"JOB-001": {"population": 1, "whole": False}}), "LOST_SIGHT"),
        (judged([], day=1, asked={"JOB-001": {"population": None, "whole": False}}), "LOST_SIGHT"),
        (judged([], day=1, asked={"JOB-001": {"population": 0, "whole": True}}), "LOST_SIGHT"),
        (judged([{"object_name": "b"}], day=1, asked={"JOB-001": {"population": 1, "whole": False}}), "LOST_SIGHT"),
        (judged([{"object_name": "b"}], day=1, scope="SQL*"), "LOST_SIGHT"),
        (judged([{"object_name": "b"}], day=1), "OBJECT_GONE"),
        (judged([{"status": "NOT_APPLICABLE"}], day=1), "OBJECT_GONE"),
        (judged([{**GOOD, "rule": "other"}], day=1), "POLICY_CHANGED"),
        (judged([GOOD], day=1, asked={"JOB-001": {"population": 1, "whole": True, "meaning": "2"}}), "METHOD_CHANGED"),
        (judged([GOOD], day=1, asked={"JOB-001": {"population": 1, "whole": True, "meaning": None}}), "METHOD_CHANGED"),
        (judged([], day=1), "POLICY_CHANGED"),
        (judged([{"status": "WAIVED"}], day=1), "ACCEPTED"),
        (judged([GOOD], day=1), "FIXED"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_failing_finding(now: Judged, state: str) -> None:
    rows = lives(judged([WRONG]), now)
    assert rows.loc[rows["object_name"].eq("a").to_numpy(dtype=bool), "state"].tolist() == [state]


def test_a_finding_out_of_sight_is_open_until_it_is_looked_at_again() -> None:
    lost = judged([{"status": "UNKNOWN"}], day=1)
    assert one(judged([WRONG]), lost)["open_since"] == pd.Timestamp(START)
    assert one(judged([WRONG]), lost, judged([GOOD], day=2))["state"] == "FIXED"
    assert one(judged([WRONG]), lost, judged([WRONG], day=2))["state"] == "STILL"
    partial = judged([GOOD], day=1, asked={"JOB-001": {"population": 1, "whole": False}})
    assert one(judged([WRONG]), partial, judged([GOOD], day=2))["state"] == "FIXED"


def test_a_waiver_ends() -> None:
    assert one(judged([{"status": "WAIVED"}]), judged([WRONG], day=1))["state"] == "WAIVER_ENDED"


def test_an_object_that_went_and_came_back_failing_is_not_new() -> None:
    gone = judged([{"object_name": "b"}], day=1)
    rows = lives(judged([WRONG, {"object_name": "b"}]), gone, judged([WRONG, {"object_name": "b"}], day=2))
    assert rows.set_index("object_name")["state"].to_dict() == {"a": "REGRESSED", "b": "STILL"}


def test_a_renamed_object_is_the_same_and_one_made_anew_is_another_with_a_hint() -> None:
    renamed = one(
        judged([{"object_id": "1", "object_name": "old"}]), judged([{"object_id": "1", "object_name": "new"}], day=1)
    )
    assert (renamed["state"], renamed["object_name"]) == ("STILL", "new")
    anew = lives(
        judged([{"object_id": "1", "object_name": "srv"}]), judged([{"object_id": "2", "object_name": "srv"}], day=1)
    )
    assert anew.set_index("object_id")[["state", "hint"]].to_dict("index") == {
        "1": {"state": "OBJECT_GONE", "hint": MADE_ANEW},
        "2": {"state": "NEW", "hint": MADE_ANEW},
    }


def test_what_another_revision_shows_is_not_new() -> None:
    old = judged([{"object_name": "b", **GOOD}], revision="1.1-rev1")
    new = judged([{"object_name": "b", **GOOD}, WRONG], day=1)
    rows = lives(old, new).set_index("object_name")
    assert rows["state"].to_dict() == {"b": "STILL", "a": "FIRST"}
    same = judged([{"object_name": "b", **GOOD}])
    assert lives(same, new).set_index("object_name")["state"].to_dict() == {"b": "STILL", "a": "NEW"}


def test_a_check_that_is_asked_for_the_first_time_finds_nothing_new() -> None:
    rows = lives(judged([GOOD]), judged([GOOD, {"check_id": "JOB-002"}], day=1)).set_index("check_id")
    assert rows["state"].to_dict() == {"JOB-001": "STILL", "JOB-002": "FIRST"}


def test_a_run_of_another_server_changes_nothing() -> None:
    before = lives(judged([WRONG]))
    after = lives(judged([WRONG]), judged([GOOD], day=1, server="vbr02"))
    pd.testing.assert_frame_equal(
        after[after["server_id"].eq("vbr01").to_numpy(dtype=bool)].reset_index(drop=True), before
    )


def test_a_server_with_another_name_is_the_same() -> None:
    old = judged(
        [{"object_type": "server", "object_id": "vbr01", "object_name": "vbr01", "server_id": "guid"}], server="guid"
    )
    new = judged(
        [{"object_type": "server", "object_id": "backup", "object_name": "backup", "server": "backup"}],
        day=1,
        server="guid",
    )
    assert one(old, new)["state"] == "STILL"


def test_the_comparison_says_first_what_it_cannot_compare() -> None:
    old = judged([WRONG, {"check_id": "JOB-002"}])
    new = judged([{**GOOD, "rule": "s"}], day=1)
    changes = compare_runs(old, new)
    assert list(map(str, changes.not_compared)) == [
        "JOB-002 on vbr01: no longer asked by the policy",
        "JOB-001 on vbr01: its parameters differ",
    ]
    assert changes.counts[State.FIXED] == 0
    assert changes.counts[State.POLICY_CHANGED] == 2


WORDS = st.sampled_from(["PASS", "FAIL", "UNKNOWN", "WAIVED", "NOT_APPLICABLE", "ERROR"])
ROW = st.fixed_dictionaries({"status": WORDS, "rule": st.sampled_from(["r", "s"])})
RUN = st.tuples(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), ROW, max_size=3),
    st.booleans(),
    st.sampled_from(["1", "2"]),
    st.booleans(),
)


def drawn(number: int, run: Any) -> Judged:
    rows, whole, meaning, is_asked = run
    asked = {"JOB-001": {"population": len(rows), "whole": whole, "meaning": meaning} if is_asked else None}
    kept = [{"object_name": name, **row} for name, row in rows.items()] if is_asked else []
    return judged(kept, day=number, asked=asked)  # type: ignore[arg-type]


ROWS_OF_RUNS = [
    {
        "a": {"status": "FAIL", "rule": "r"},
        "b": {"status": "WAIVED", "rule": "r"},
        "c": {"status": "ERROR", "rule": "r"},
    },
    {"a": {"status": "PASS", "rule": "r"}, "b": {"status": "PASS", "rule": "s"}, "c": {"status": "FAIL", "rule": "r"}},
    {"a": {"status": "FAIL", "rule": "s"}, "b": {"status": "NOT_APPLICABLE", "rule": "r"}},
    {"a": {"status": "UNKNOWN", "rule": "s"}},
    {"a": {"status": "PASS", "rule": "s"}, "c": {"status": "PASS", "rule": "r"}},
]


@example([(rows, True, "1", True) for rows in ROWS_OF_RUNS])
@example([(rows, number != 1, "12"[number == 4], number != 3) for number, rows in enumerate(ROWS_OF_RUNS)])
@settings(max_examples=12)
@given(st.lists(RUN, min_size=1, max_size=6))
def test_any_sequence_of_runs_keeps_what_is_promised(sequence: list[Any]) -> None:
    runs = [drawn(number, run) for number, run in enumerate(sequence)]
    known = Lives()
    for run in runs:
        before = known.findings.set_index("key")
        known = step(known, run)
        after = known.findings
        assert tuple(after.columns) == LIVES_SPEC.names
        assert after["key"].is_unique
        assert after["state"].notna().all()
        assert set(after["state"]) <= set(map(str, State))
        for row in after.to_dict("records"):
            old = before.loc[row["key"]] if row["key"] in before.index else None
            if row["state"] == "FIXED":
                assert old is not None
                assert old["answer"] in ("FAIL", "WAIVED")
                assert row["status"] == "PASS"
                assert (row["rule"], row["meaning"]) == (old["rule"], old["meaning"])
                assert run.asked["whole"].all()
            # What failed stays open until it is good, gone, or no longer asked the same way.
            if old is not None and str(old["answer"]) == "FAIL" and row["state"] == "LOST_SIGHT":
                assert row["open_since"] is not pd.NaT
            if row["status"] == "FAIL":
                assert row["open_since"] is not pd.NaT
                assert row["first_seen"] <= row["open_since"] <= row["last_seen"]
        failing = set(run.findings.loc[run.findings["status"].isin(["FAIL", "WAIVED"]).to_numpy(dtype=bool), "key"])
        assert failing <= set(after["key"])


@settings(max_examples=8)
@given(st.lists(RUN, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_the_other_objects_change_no_answer(sequence: list[Any], chance: Any) -> None:
    runs = [drawn(number, run) for number, run in enumerate(sequence)]
    shuffled = []
    for run in runs:
        order = list(range(len(run.findings)))
        chance.shuffle(order)
        shuffled.append(Judged(**{**run.__dict__, "findings": run.findings.take(order).reset_index(drop=True)}))
    one_way, other_way = lives(*runs), lives(*shuffled)
    pd.testing.assert_frame_equal(
        one_way.sort_values("key", ignore_index=True), other_way.sort_values("key", ignore_index=True)
    )


def test_changes_count_what_happened_and_not_what_is_as_it_was() -> None:
    old = judged([WRONG, {"object_name": "b", **GOOD}, {"object_name": "c", **GOOD}])
    new = judged([WRONG, {"object_name": "b", **WRONG}, {"object_name": "c", **GOOD}], day=1)
    changes: Changes = compare_runs(old, new)
    assert {state: number for state, number in changes.counts.items() if number} == {State.NEW: 1}
    assert changes.turned_bad["object_name"].tolist() == ["b"]
    assert changes.still_open["object_name"].tolist() == ["a"]
