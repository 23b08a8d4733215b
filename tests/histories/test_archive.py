"""A history on disk: each run once, nothing half, nothing that was changed, and what is known of findings kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import forked
import pandas as pd
import pytest
from adding_processes import add_at_once, killed_adds
from command_line import invoke

import vbr_audit as va
from vbr_audit.collection import run_folder
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.findings.lifecycle import LIVES_SPEC, Lives, step
from vbr_audit.histories import stored
from vbr_audit.histories.archive import RECORD, NewRun, add_run, open_archive
from vbr_audit.histories.baseline import judged_of_folder
from vbr_audit.histories.history import RUNS_SPEC, History
from vbr_audit.histories.pruning import collect_garbage, pin_run, prune_runs
from vbr_audit.pipeline import add_saved_run

Runs = tuple[Path, ...]
NewRuns = tuple[NewRun, ...]


@pytest.fixture(scope="session")
def whole(kept_months: Path) -> Path:
    """A history of all three runs. Nobody writes to it."""
    return kept_months / "history"


@pytest.fixture(scope="session")
def opened(whole: Path) -> History:
    """The history of all three runs, read once."""
    return va.history(whole)


@pytest.fixture
def history(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "history"))


def in_order(lives: Lives) -> pd.DataFrame:
    return lives.findings.sort_values("key", ignore_index=True)


def recomputed(runs: Runs) -> Lives:
    known = Lives()
    for run in runs:
        known = step(known, judged_of_folder(run))
    return known


def test_a_run_is_added_once(history: Path, saved_runs: Runs) -> None:
    assert add_saved_run(history, saved_runs[1]).was_there
    assert len(open_archive(history).runs) == 3
    assert invoke("history", "add", history, saved_runs[0]).exit_code == 0
    assert va.history(history).verify() == []


def test_the_same_run_with_another_content_is_refused(history: Path, saved_runs: Runs, tmp_path: Path) -> None:
    other = shutil.copytree(saved_runs[0], tmp_path / "other")
    result = invoke("check", other, "--policy", "minimal", "--quiet", "--fail-on", "never", "--allow-incomplete")
    assert result.exit_code == 0, result.stderr
    result = invoke("history", "add", history, other)
    assert result.exit_code == 2
    assert "another content" in result.stderr


def test_a_run_that_was_changed_or_not_judged_is_not_added(saved_runs: Runs, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(saved_runs[0], tmp_path / "changed"))
    (changed / "findings.json").write_bytes(b"{}")
    with pytest.raises(EvidenceError):
        add_saved_run(tmp_path / "history", changed)
    collected = Path(shutil.copytree(saved_runs[0], tmp_path / "collected"))
    (collected / "findings.json").unlink()
    with pytest.raises(EvidenceError, match=r"no findings\.json"):
        add_saved_run(tmp_path / "history", collected)
    assert not (tmp_path / "history").exists() or not list((tmp_path / "history").iterdir())


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_one_byte_of_any_file_is_noticed(history: Path) -> None:
    run = open_archive(history).runs[1].path
    for path in sorted(path for path in run.rglob("*") if path.is_file()):
        kept = path.read_bytes()
        flip(path)
        opened = va.history(history)
        name = path.relative_to(run).as_posix()
        problems = opened.verify()
        assert any(run.name in str(problem) for problem in problems), name
        if not name.startswith("evidence/"):
            assert len(opened.archive.runs) == 2, name
        path.write_bytes(kept)
    assert va.history(history).verify() == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: (run / "findings.json").unlink(), "findings.json is missing"),
        (lambda run: (run / "extra.txt").write_text("x"), "extra.txt was added"),
        (lambda run: (run / "findings.json").write_bytes((run / "findings.json").read_bytes()[:-9]), "was changed"),
        (lambda run: (run / RECORD).write_text("{"), RECORD),
        (lambda run: (run / RECORD).unlink(), "no run of a history"),
        (lambda run: (run / "link").symlink_to("/etc/hostname"), "a link"),
        (lambda run: newer(run), "a newer version"),
    ],
)
def test_a_damaged_run_is_named_and_left_out(history: Path, damage: Callable[[Path], None], words: str) -> None:
    run = open_archive(history).runs[0].path
    damage(run)
    opened = va.history(history)
    assert len(opened.archive.runs) == 2
    (problem,) = opened.problems
    assert run.name in str(problem)
    assert words in str(problem)
    result = invoke("history", "list", history)
    assert result.exit_code == 4
    assert "left out" in result.stderr


def test_a_report_names_the_runs_that_it_leaves_out(history: Path, saved_runs: Runs, tmp_path: Path) -> None:
    damaged = open_archive(history).runs[0].path
    flip(damaged / "findings.json")
    audit = va.load_audit(saved_runs[2], baseline=history)
    assert audit.changes is not None
    assert audit.changes.left_out == (f"{damaged.name}: findings.json was changed",)
    assert f"left out of the history: {damaged.name}" in audit.to_html(tmp_path / "r.html").read_text("utf-8")
    kept = audit.save(tmp_path / "run", formats=["json"])
    again = va.load_audit(kept)
    assert again.changes is not None
    assert again.changes.left_out == audit.changes.left_out


def newer(run: Path) -> None:
    record = json.loads((run / RECORD).read_text())
    (run / RECORD).write_text(json.dumps(record | {"schema": 2}))


def test_what_is_carried_forward_is_what_all_runs_give(
    whole: Path, saved_runs: Runs, new_runs: NewRuns, tmp_path: Path
) -> None:
    expected = in_order(recomputed(saved_runs))
    archive = open_archive(whole)
    pd.testing.assert_frame_equal(in_order(archive.lives_after(archive.runs[-1])), expected)
    late = tmp_path / "late"
    for run in (new_runs[2], new_runs[0], new_runs[1]):
        add_run(late, run)
    archive = open_archive(late)
    pd.testing.assert_frame_equal(in_order(archive.lives_after(archive.runs[-1])), expected)
    assert tuple(expected.columns) == LIVES_SPEC.names


def test_pruning_keeps_what_is_known_of_findings_and_pinned_runs(history: Path, saved_runs: Runs) -> None:
    archive = open_archive(history)
    expected = in_order(archive.lives_after(archive.runs[-1]))
    trend = va.history(history).trend()[["month", "failing_high", "success_rate"]]
    assert [entry.path.name for entry in prune_runs(archive, keep=1)] == [run.path.name for run in archive.runs[:2]]
    after = open_archive(history)
    assert (len(after.runs), len(after.pruned), after.problems) == (1, 2, ())
    pd.testing.assert_frame_equal(in_order(after.lives_after(after.runs[-1])), expected)
    pd.testing.assert_frame_equal(va.history(history).trend()[["month", "failing_high", "success_rate"]], trend)
    with pytest.raises(ConfigurationError, match="was pruned"):
        add_saved_run(history, saved_runs[0])


def test_a_pinned_run_stays(history: Path) -> None:
    archive = open_archive(history)
    pin_run(archive, archive.runs[0], pinned=True)
    assert [entry.path.name for entry in prune_runs(open_archive(history), keep=1)] == [archive.runs[1].path.name]
    assert invoke("history", "pin", history, archive.runs[0].record.run_id, "--remove").exit_code == 0
    assert open_archive(history).pinned == frozenset()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are forked on POSIX alone")
def test_an_add_that_is_killed_leaves_the_history_as_it_was(new_runs: NewRuns, tmp_path: Path) -> None:
    history = tmp_path / "history"
    add_run(history, new_runs[0])
    killed = 0
    with killed_adds(history, new_runs[1]) as add:
        for point in range(0, 60, 3):
            killed += add(point) == -signal.SIGKILL
            opened = va.history(history)
            assert opened.verify() == []
            if len(opened.archive.runs) == 2:
                break
            collect_garbage(history)
            assert not [path for path in history.iterdir() if path.name.startswith(".adding")]
    assert killed >= 10
    assert add_run(history, new_runs[1])
    assert len(open_archive(history).runs) == 2


@pytest.mark.skipif(os.name != "posix", reason="processes are forked on POSIX alone")
def test_processes_that_add_at_once_lose_nothing(saved_runs: Runs, new_runs: NewRuns, tmp_path: Path) -> None:
    history = tmp_path / "history"
    assert add_at_once(history, [*new_runs, new_runs[0]]) == [0, 0, 0, 0]
    archive = open_archive(history)
    assert len(archive.runs) == 3
    pd.testing.assert_frame_equal(in_order(archive.lives_after(archive.runs[-1])), in_order(recomputed(saved_runs)))


@pytest.mark.skipif(os.name != "posix", reason="limits of file sizes are those of POSIX")
def test_a_full_disk_adds_nothing(saved_runs: Runs, tmp_path: Path) -> None:
    words, told = ("history", "add", str(tmp_path / "history"), str(saved_runs[0])), tmp_path / "told"
    process = forked.start(words, told, prepare=partial(forked.allow_small_files, 4096))
    assert forked.ended(process) == 5, told.read_text("utf-8")
    assert "Next:" in told.read_text("utf-8")
    assert open_archive(tmp_path / "history").runs == ()
    assert list((tmp_path / "history").iterdir()) == []


def test_adding_and_comparing_work_without_pyarrow(
    saved_runs: Runs, new_runs: NewRuns, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "has_parquet", lambda: False)
    history = tmp_path / "history"
    for run in new_runs[:2]:
        add_run(history, run)
    assert not list(history.rglob("*.parquet"))
    plain, packed = open_archive(whole).runs[1], open_archive(history).runs[1]
    monkeypatch.undo()
    for spec in (LIVES_SPEC,):
        pd.testing.assert_frame_equal(plain.table(spec), packed.table(spec))
    assert va.diff(*saved_runs[:2]).counts == va.diff("2026-07", "2026-08", history=history).counts


def test_a_place_that_is_no_history_is_refused(saved_runs: Runs, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder"):
        va.history(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="is a run"):
        add_saved_run(saved_runs[0], saved_runs[1])
    assert run_folder.differences(saved_runs[0]) == []


def test_what_a_history_answers(opened: History) -> None:
    history = opened
    assert tuple(history.runs.columns) == RUNS_SPEC.names
    assert history.missing_months == ()
    assert len(history.findings()) == len(history.findings("2026-09"))
    assert set(history.state()["state"]) <= {
        *("FIRST", "NEW", "STILL", "FIXED", "REGRESSED", "LOST_SIGHT", "OBJECT_GONE"),
        *("POLICY_CHANGED", "METHOD_CHANGED", "ACCEPTED", "WAIVER_ENDED"),
    }
    changes = history.changes()
    assert changes is not None
    assert changes.earlier.run_id == history.runs["run_id"].iloc[1]
    assert history.changes("2026-07") is None
    trend = history.trend()
    assert trend["month"].tolist() == ["2026-07", "2026-08", "2026-09"]
    assert not trend["is_missing"].any()
    for frame in (history.rpo("2026-09"), history.job_runs("2026-09"), history.coverage("2026-09"), history.samples()):
        assert "server_id" in frame.columns
    assert set(history.capacity()["verdict"]) <= {"too few samples", "unknown", "not filling", "capacity changed"}
    assert list(history.drift().columns)
    assert repr(history).startswith("<History of 3 runs in ")
    assert "2026-07" not in history._repr_html_().partition("<table")[0]


def test_a_month_without_a_run_is_a_gap(new_runs: NewRuns, tmp_path: Path) -> None:
    history = tmp_path / "history"
    for run in (new_runs[0], new_runs[2]):
        add_run(history, run)
    opened = va.history(history)
    assert opened.missing_months == ("2026-08",)
    missing = opened.trend().iloc[1]
    assert bool(missing["is_missing"])
    assert missing["failing_high"] is pd.NA


HOSTILE = (
    "COPY (SELECT 1) TO '{place}/out.csv'",
    "ATTACH '{place}/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "PRAGMA database_list",
    "CREATE TABLE t (a INT)",
    "DROP VIEW runs",
    "SELECT * FROM read_csv('{place}/secret.csv')",
    "SELECT * FROM read_parquet('{place}/*.parquet')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '{place}/out.csv'",
    "EXPORT DATABASE '{place}/dump'",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{place}/out.csv''')",
    "SELECT * FROM '{place}/secret.csv'",
    "CALL pragma_version()",
    "EXPLAIN ANALYZE SELECT 1",
    "",
)


@pytest.mark.parametrize("statement", HOSTILE)
def test_what_is_not_one_select_is_refused(opened: History, tmp_path: Path, statement: str) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigurationError):
        opened.sql(statement.format(place=tmp_path))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_select_is_answered(whole: Path, opened: History) -> None:
    frame = opened.sql(
        "SELECT r.run_id, count(*) AS findings FROM runs r JOIN findings f USING (run_id) GROUP BY ALL ORDER BY 1"
    )
    assert len(frame) == 3
    result = invoke("history", "sql", whole, "SELECT '=1+1' AS formula, 2 AS number")
    assert result.stdout.replace("\r\n", "\n") == "formula,number\n'=1+1,2\n"


def test_moments_of_a_select_are_in_utc_wherever_it_is_asked() -> None:
    query = "SELECT TIMESTAMPTZ '2026-11-01 05:30+00' AS moment"
    code = f"from vbr_audit.histories.sql import select; print(select({query!r}, {{}})['moment'].dtype)"
    there = os.environ | {"TZ": "America/New_York"}
    asked = subprocess.run([sys.executable, "-c", code], env=there, capture_output=True, text=True, check=True)
    assert asked.stdout == "datetime64[us, UTC]\n"


def test_the_command_line_compares_two_runs(saved_runs: Runs) -> None:
    result = invoke("diff", saved_runs[0], saved_runs[2])
    assert result.exit_code == 0, result.stderr
    assert "Compared with the run of 2026-08-01" in result.stdout
    assert invoke("diff", saved_runs[2], saved_runs[0]).exit_code == 2
    assert invoke("diff", saved_runs[0], saved_runs[0]).exit_code == 2
    changes = va.diff(saved_runs[0], saved_runs[2])
    turned = changes.turned_bad["severity"].isin(["critical", "high", "medium", "low", "info"]).any()
    assert invoke("diff", saved_runs[0], saved_runs[2], "--fail-on-new", "info").exit_code == int(turned)
    assert invoke("diff", saved_runs[0], saved_runs[2], "--fail-on-new", "often").exit_code == 2


def test_every_report_of_a_run_says_the_same_of_what_changed(saved_runs: Runs, tmp_path: Path) -> None:
    audit = va.load_audit(saved_runs[2], baseline=saved_runs[0])
    assert audit.changes is not None
    counts = {str(state): number for state, number in audit.changes.counts.items()}
    document = json.loads(audit.to_json(tmp_path / "findings.json").read_text("utf-8"))
    assert document["changes"]["counts"] == counts
    assert len(document["changes"]["changed"]) == sum(counts.values()) == len(audit.changes.changed)
    page = audit.to_html(tmp_path / "report.html").read_text("utf-8")
    text = audit.write("md", tmp_path / "summary.md").read_text("utf-8")
    assert 'id="since"' in page
    for state, number in counts.items():
        if number:
            assert f"- {state.replace('_', ' ').lower()}: {number}" in text
    without = va.load_audit(saved_runs[2])
    assert without.changes is None
    assert 'id="since"' not in without.to_html(tmp_path / "plain.html").read_text("utf-8")
    assert without.findings["change"].isna().all()
