"""Any runs, added in any order, pruned and pinned in between: what is carried forward is what all of them give."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_runs import START, judged, made_run, together

from vbr_audit.errors import ConfigurationError
from vbr_audit.findings.compared import Judged
from vbr_audit.findings.lifecycle import Lives, State, step
from vbr_audit.histories.archive import Archive, add_run, open_archive
from vbr_audit.histories.pruning import pin_run, prune_runs

IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Every file of a history is flushed, which costs more on a disk than all the rest."""
LAST = (dt.datetime.max.replace(tzinfo=dt.UTC), "~")
SERVERS = ("vbr01", "vbr02")
STATUS = st.sampled_from(["PASS", "FAIL", "UNKNOWN", "WAIVED", "NOT_APPLICABLE"])
ROW = st.fixed_dictionaries({"status": STATUS, "rule": st.sampled_from(["r", "s"])})
ANSWERS = st.fixed_dictionaries(
    {
        "rows": st.dictionaries(st.sampled_from(["a", "b"]), ROW, max_size=2),
        "whole": st.booleans(),
        "meaning": st.sampled_from(["1", "2"]),
        "is_asked": st.booleans(),
        "policy": st.sampled_from(["p", "q"]),
        "revision": st.sampled_from(["1.2-rev0", "1.3-rev1"]),
    }
)
ADD = st.tuples(
    st.just("add"), st.integers(0, 5), st.dictionaries(st.sampled_from(SERVERS), ANSWERS, min_size=1, max_size=2)
)
ACT = st.one_of(
    ADD, ADD, ADD, st.tuples(st.just("prune"), st.integers(1, 2)), st.tuples(st.just("pin"), st.integers(0, 9))
)


def run_of(number: int, moment: int, answers: dict[str, Any]) -> Judged:
    """A run that is the `number`-th to be added; several may have one moment."""
    parts = []
    for server, said in sorted(answers.items()):
        asked = {"population": len(said["rows"]), "whole": said["whole"], "meaning": said["meaning"]}
        rows = [{"object_name": name, **row} for name, row in said["rows"].items()] if said["is_asked"] else []
        told: Any = {"JOB-001": asked if said["is_asked"] else None}
        one = judged(rows, day=moment, asked=told, server=server, policy=said["policy"], revision=said["revision"])
        parts.append(one)
    return dataclasses.replace(together(*parts), run_id=f"{number:016x}")


def sorted_rows(frame: pd.DataFrame, *by: str) -> pd.DataFrame:
    return frame.sort_values(list(by), ignore_index=True)


def assert_known(archive: Archive, added: list[Judged]) -> None:
    """What the archive carries forward is what a recomputation from all runs, in the order of their clocks, gives."""
    expected = Lives()
    for run in sorted(added, key=lambda run: (run.now, run.run_id)):
        expected = step(expected, run)
    known = archive.lives_before(SERVERS, LAST)
    pd.testing.assert_frame_equal(sorted_rows(known.findings, "key"), sorted_rows(expected.findings, "key"))
    by = ("server_id", "check_id")
    pd.testing.assert_frame_equal(sorted_rows(known.asked, *by), sorted_rows(expected.asked, *by))
    assert known.as_of == expected.as_of
    assert known.findings["key"].is_unique
    assert set(known.findings["state"]) <= set(map(str, State))


def play(place: Path, acts: list[Any]) -> Iterator[tuple[Archive, list[Judged]]]:
    """The archive and all runs that it ever took, after each act."""
    history, added, pruned = place / "history", [], list[Judged]()
    for number, act in enumerate([("add", 0, {"vbr01": GOOD}), *acts]):
        if act[0] == "add":
            run = run_of(number, act[1], act[2])
            ids = {server.server_id for server in run.servers}
            is_late = any(
                (old.now, old.run_id) > (run.now, run.run_id) and ids & {each.server_id for each in old.servers}
                for old in pruned
            )
            new = made_run(place / f"{number}", run)
            if is_late:
                with pytest.raises(ConfigurationError, match="older than what was pruned"):
                    add_run(history, new)
            else:
                add_run(history, new)
                added.append(run)
        archive = open_archive(history)
        if act[0] == "prune":
            gone = {entry.record.run_id for entry in prune_runs(archive, keep=act[1])}
            pruned += [run for run in added if run.run_id in gone]
        if act[0] == "pin":
            pin_run(archive, archive.runs[act[1] % len(archive.runs)], pinned=True)
        after = open_archive(history)
        assert after.problems == ()
        assert after.pinned <= {entry.record.run_id for entry in after.runs}
        yield after, added


GOOD: dict[str, Any] = {
    "rows": {"a": {"status": "PASS", "rule": "r"}},
    "whole": True,
    "meaning": "1",
    "is_asked": True,
    "policy": "p",
    "revision": "1.3-rev1",
}
BAD = {**GOOD, "rows": {"a": {"status": "FAIL", "rule": "r"}}}


def saying(**other: Any) -> dict[str, Any]:
    return {**GOOD, **other}


def of_status(status: str, rule: str = "r") -> dict[str, Any]:
    return {"rows": {name: {"status": status, "rule": rule} for name in "ab"}}


EVERYTHING = [
    [
        ("add", 3, {"vbr01": saying(**of_status("UNKNOWN"), whole=False), "vbr02": BAD}),
        ("add", 1, {"vbr02": saying(**of_status("WAIVED", "s"), revision="1.2-rev0")}),
        ("pin", 1),
        ("add", 4, {"vbr01": saying(is_asked=False), "vbr02": saying(rows={}, policy="q")}),
        ("prune", 2),
        ("add", 5, {"vbr01": saying(**of_status("NOT_APPLICABLE"), meaning="2")}),
        ("add", 0, {"vbr01": BAD}),
    ],
    [
        ("add", 2, {"vbr01": BAD, "vbr02": BAD}),
        ("add", 2, {"vbr02": saying(rows={}, whole=False)}),
        ("prune", 1),
        ("add", 5, {"vbr01": saying(**of_status("FAIL", "s"), policy="q"), "vbr02": saying(meaning="2")}),
        ("pin", 9),
        ("prune", 1),
    ],
]
"""Every value of the strategies, in two sequences."""


@example(EVERYTHING[0])
@example(EVERYTHING[1])
@settings(max_examples=5)
@given(st.lists(ACT, min_size=2, max_size=7))
def test_what_is_carried_forward_is_what_all_runs_give(acts: list[Any]) -> None:
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as place:
        *_, (archive, added) = play(Path(place), acts)
        assert_known(archive, added)
        in_order = sorted(added, key=lambda run: (run.now, run.run_id))
        newest = {server.server_id: run for run in in_order for server in run.servers}
        assert {run.run_id for run in newest.values()} <= {entry.record.run_id for entry in archive.runs}


def add(moment: int, said: dict[str, Any]) -> tuple[Any, ...]:
    return ("add", moment, {"vbr01": said})


@pytest.mark.parametrize(
    "acts",
    [
        [add(1, BAD), add(3, GOOD), add(2, GOOD), add(4, BAD), ("prune", 1)],
        [add(1, BAD), ("prune", 1), add(2, GOOD), ("prune", 1), add(3, BAD)],
        [add(2, BAD), add(2, GOOD), add(2, BAD), ("prune", 1)],
        [("pin", 0), add(1, BAD), add(2, BAD), ("prune", 1), add(3, GOOD), ("prune", 1), add(1, GOOD)],
    ],
    ids=["a late run before pruned ones", "pruned again and again", "one moment", "a pinned run stays in between"],
)
def test_pruning_changes_nothing_of_what_is_known(acts: list[Any]) -> None:
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as place:
        for archive, added in play(Path(place), acts):
            assert_known(archive, added)
            known = archive.lives_before(SERVERS, LAST).findings
        assert known["first_seen"].min() <= pd.Timestamp(START + dt.timedelta(days=2))


def history_of(place: Path, *runs: Judged) -> Path:
    for number, run in enumerate(runs):
        add_run(place / "history", made_run(place / f"{number}", run))
    return place / "history"


def days(*statuses: str) -> list[Judged]:
    """One run a day with one finding."""
    return [
        dataclasses.replace(judged([{"status": status}], day=day), run_id=f"{day:x}" * 16)
        for day, status in enumerate(statuses)
    ]


def test_a_pruning_that_was_not_finished_is_finished_by_the_next(tmp_path: Path) -> None:
    history = history_of(tmp_path, *days("FAIL", "FAIL", "FAIL"))
    aside = shutil.copytree(history, tmp_path / "aside")
    first, second = (entry.path.name for entry in open_archive(history).runs[:2])
    expected = open_archive(history).lives_before(SERVERS, LAST).findings
    prune_runs(open_archive(history), keep=1)
    shutil.copytree(aside / second, history / second)  # killed before the second was removed
    archive = open_archive(history)
    assert [entry.path.name for entry in archive.ever] == [first, second, archive.runs[-1].path.name]
    pd.testing.assert_frame_equal(archive.lives_before(SERVERS, LAST).findings, expected)
    assert [entry.path.name for entry in prune_runs(archive, keep=1)] == [second]
    archive = open_archive(history)
    assert (len(archive.runs), len(archive.pruned), archive.problems) == (1, 2, ())
    pd.testing.assert_frame_equal(archive.lives_before(SERVERS, LAST).findings, expected)


def test_what_was_pruned_is_known_even_where_a_run_before_it_is_damaged(tmp_path: Path) -> None:
    history = history_of(tmp_path, *days("PASS", "FAIL", "FAIL", "FAIL"))
    pin_run(open_archive(history), open_archive(history).runs[0], pinned=True)
    prune_runs(open_archive(history), keep=1)
    (open_archive(history).runs[0].path / "extra.txt").write_text("x")
    archive = open_archive(history)
    assert (len(archive.runs), len(archive.problems)) == (1, 1)
    known = archive.lives_before(SERVERS, LAST).findings
    assert known["first_seen"].tolist() == [pd.Timestamp(START + dt.timedelta(days=1))]


def test_a_run_is_named_by_its_id_its_folder_its_month_or_a_beginning_that_only_it_has(tmp_path: Path) -> None:
    one, other, third = days("FAIL", "FAIL", "FAIL")
    runs = [dataclasses.replace(run, run_id=name) for run, name in ((one, "20aa"), (other, "20ab"), (third, "b"))]
    archive = open_archive(history_of(tmp_path, *runs))
    assert archive.find("20aa").record.run_id == archive.find(archive.runs[0].path.name).record.run_id == "20aa"
    assert archive.find("20AB").record.run_id == "20ab"
    assert archive.find("2025-12").record.run_id == "b"
    for unclear, words in (("20", "2 runs"), ("", "no run"), ("2020-01", "no run")):
        with pytest.raises(ConfigurationError, match=words):
            archive.find(unclear)
