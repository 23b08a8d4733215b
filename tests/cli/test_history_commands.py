"""`vbr-audit history …` and `diff` over a history: exit codes, one line for an error, and names that do no harm."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import invoke, write
from core_checks import CORE_TEXT
from made_runs import judged, made_run

import vbr_audit as va
from vbr_audit.collection import run_folder
from vbr_audit.histories.archive import add_run, open_archive
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl

EVIL = "job\x1b[31m\x07\u202e=1+1"
FIRST, SECOND, THIRD = "aa" * 8, "bb" * 8, "cc" * 8


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of three runs whose names do harm to a terminal. Nobody writes to it."""
    place = tmp_path_factory.mktemp("made")
    for number, (run_id, status) in enumerate(((FIRST, "PASS"), (SECOND, "FAIL"), (THIRD, "FAIL"))):
        row = {"object_id": "1", "object_name": EVIL, "title": EVIL, "status": status}
        run = dataclasses.replace(judged([row], day=40 * number, server=EVIL), run_id=run_id)
        add_run(place / "history", made_run(place / run_id, run))
    return place / "history"


@pytest.fixture
def history(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "history"))


def assert_harmless(text: str) -> None:
    assert not set(text) & {"\x1b", "\x07", "\u202e"}


def test_list_names_the_runs_and_the_months_without_one(made: Path) -> None:
    done = invoke("history", "list", made)
    assert done.exit_code == 0, done.stderr
    assert [line.split()[2] for line in done.stdout.splitlines()[:3]] == [FIRST, SECOND, THIRD]
    assert "2026-02  no run" in done.stdout
    assert done.stdout.splitlines()[-1] == f"3 runs in {made}"
    assert_harmless(done.output)


def test_verify_names_what_was_changed(history: Path) -> None:
    done = invoke("history", "verify", history)
    first, *notes = done.stdout.splitlines()
    assert (done.exit_code, first) == (0, f"{history}: 3 runs, and no file was changed")
    assert notes[0].startswith("3 seals since ")
    assert "cannot be told without --anchor" in notes[-1]
    assert invoke("history", "verify", history, "--quiet").output == ""
    (open_archive(history).runs[0].path / "\x1b[31mred").write_text("x")
    done = invoke("history", "verify", history)
    assert (done.exit_code, done.stdout) == (4, "")
    assert len(done.stderr.splitlines()) == 1
    assert_harmless(done.output)


def test_prune_keeps_the_newest_and_what_is_pinned(history: Path) -> None:
    assert invoke("history", "pin", history, FIRST[:5]).output == ""
    done = invoke("history", "prune", history, "--keep", 1)
    assert done.exit_code == 0, done.stderr
    assert [SECOND in line for line in done.stdout.splitlines()] == [True]
    lines = invoke("history", "list", history).stdout.splitlines()
    marks = [line.rpartition("  ")[2] for line in lines[:3]]
    assert [mark if mark in ("pinned", "pruned") else "" for mark in marks] == ["pinned", "pruned", ""]
    assert invoke("history", "prune", history, "--keep", 1).output == ""
    assert invoke("history", "pin", history, FIRST, "--remove").exit_code == 0
    assert FIRST in invoke("history", "prune", history, "--keep", 1).stdout
    assert va.history(history).state()["first_seen"].notna().all()


def test_gc_removes_what_a_killed_process_left(history: Path) -> None:
    assert invoke("history", "gc", history).stdout == "0 unfinished folders removed\n"
    (history / ".adding-0123").mkdir()
    assert invoke("history", "gc", history).stdout == "1 unfinished folder removed\n"
    assert not (history / ".adding-0123").exists()


def test_sql_answers_as_csv_that_no_spreadsheet_runs(made: Path) -> None:
    done = invoke("history", "sql", made, "SELECT '=1+1' AS a, object_name FROM findings LIMIT 1")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0] == "a,object_name"
    assert done.stdout.splitlines()[1].startswith("'=1+1,")
    assert_harmless(done.stdout)


def test_diff_of_two_months(made: Path) -> None:
    words = ("diff", "2025-12", SECOND, "--history", made)
    done = invoke(*words)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [f"Compared with the run of 2026-01-01 00:00Z ({FIRST}).", "new 1"]
    assert_harmless(done.output)
    assert invoke(*words, "--quiet", "--fail-on-new", "high").exit_code == 1
    assert invoke(*words, "--quiet", "--fail-on-new", "critical").exit_code == 0
    done = invoke("diff", SECOND, THIRD, "--history", made, "--fail-on-new", "info")
    assert (done.exit_code, done.stdout.splitlines()[1:]) == (0, ["Nothing changed.", "1 finding fail as before."])


NOWHERE = "no\x1b[31mwhere"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("list", NOWHERE), 2, "no such folder"),
        (("verify", NOWHERE), 2, "no such folder"),
        (("prune", NOWHERE, "--keep", 1), 2, "no such folder"),
        (("prune", "{history}", "--keep", 0), 2, "--keep"),
        (("prune", "{history}"), 2, "--keep"),
        (("pin", NOWHERE, FIRST), 2, "no such folder"),
        (("pin", "{history}", EVIL), 2, "no run"),
        (("pin", "{history}", ""), 2, "no run"),
        (("gc", NOWHERE), 2, "no such folder"),
        (("sql", NOWHERE, "SELECT 1"), 2, "no such folder"),
        (("sql", "{history}", "SELECT * FROM \x1b[31m"), 2, "refused"),
        (("add", "{history}", NOWHERE), 4, "is no run folder"),
        (("add", "{history}", "{history}"), 4, "is no run folder"),
        (("sample", "--history", "{history}"), 2, "no server is given"),
    ],
)
def test_an_error_is_a_line_and_a_next_step(made: Path, words: tuple[object, ...], code: int, told: str) -> None:
    before = sorted(made.rglob("*"))
    done = invoke("history", *(str(word).format(history=made) for word in words))
    assert (done.exit_code, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.output
    assert "a defect" not in done.output
    assert_harmless(done.output)
    assert sorted(made.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((FIRST, "2031-01", "--history", "{history}"), 2, "no run 2031-01"),
        ((SECOND, FIRST, "--history", "{history}"), 2, "is later than"),
        ((FIRST, FIRST, "--history", "{history}"), 2, "are the same run"),
        ((FIRST, SECOND, "--history", NOWHERE), 2, "no such folder"),
        ((NOWHERE, NOWHERE), 4, "is no run folder"),
        (("{run}", "{run}"), 4, "was collected and not judged"),
        ((FIRST, SECOND, "--history", "{history}", "--fail-on-new", "often"), 2, "unknown severity"),
    ],
)
def test_an_error_of_diff_is_a_line_and_a_next_step(made: Path, words: tuple[str, ...], code: int, told: str) -> None:
    run = made.parent / FIRST
    done = invoke("diff", *(word.format(history=made, run=run) for word in words))
    assert (done.exit_code, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.output
    assert_harmless(done.output)


def test_an_audit_is_compared_with_the_history_of_the_settings_and_added_to_it(
    empty_folder: Path, server: Callable[..., ServerUrl], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", DEMO_PASSWORD)
    write(empty_folder / "core.yaml", CORE_TEXT)
    settings = write(
        empty_folder / "settings.toml", f"history = 'kept'\nusername = '{DEMO_USERNAME}'\npolicy = './core.yaml'\n"
    )
    words = ("audit", "--config", settings, "--format", "json", "--fail-on", "never", "--allow-incomplete")
    url = server()
    done = invoke(*words, url, "--out", "one", "--fail-on-new", "info")
    assert (done.exit_code, "Since " in done.stdout) == (0, False), done.stderr
    (first,) = open_archive(empty_folder / "kept").runs
    assert f"Added to the history: {first.path}\n" in done.stdout
    done = invoke(*words, url, "--out", "two", "--history", "other", "--baseline", "one")
    assert (done.exit_code, "Since " in done.stdout) == (0, True), done.stderr
    assert len(open_archive(empty_folder / "kept").runs) == len(open_archive(empty_folder / "other").runs) == 1
    done = invoke("check", "two", "--policy", "core.yaml", "--baseline", "gone", "--fail-on", "never")
    assert (done.exit_code, "gone is not there" in done.stderr) == (2, True)


def test_a_run_whose_id_leads_elsewhere_is_left_out(history: Path) -> None:
    entry = open_archive(history).runs[0]
    text = (entry.path / "history.json").read_text("utf-8")
    (entry.path / "history.json").write_text(text.replace(FIRST, "../../x"), "utf-8")
    opened = va.history(history)
    assert len(opened.archive.runs) == 2
    assert "run_id" in str(opened.problems[0])
    assert run_folder.MANIFEST not in str(opened.problems[0])
