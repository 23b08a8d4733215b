"""The monthly notebook as a schedule runs it: parameters from outside, no password in anything that stays.

Once as a process with a kernel of its own; what ends in an error is run by the same command in this process.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from core_checks import text_of
from running_notebooks import FOLDER, format_library

import vbr_audit as va
from vbr_audit.simulator import serve

MONTHLY = FOLDER / "08_monthly_unattended.ipynb"
PASSWORD = "Canary-7f3a-Kestrel"
NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
FEW = "few.yaml"
"""A policy that asks for jobs and their sessions only: what becomes of a run is looked at here, not what it finds."""


def words_for(url: str) -> list[str]:
    """What follows `papermill` in the command of the last cell of the notebook."""
    given = {"url": url, "username": "monthly", "month": "2026-10", "out": "runs", "policy": FEW}
    parameters = [word for name, value in given.items() for word in ("-p", name, value)]
    return [str(MONTHLY), "october.ipynb", *parameters, "--no-progress-bar"]


def ask_little(folder: Path) -> None:
    """Put the policy into the folder in which the notebook runs."""
    (folder / FEW).write_text(text_of("EVD-001", "JOB-003", "RUN-001", "RUN-005"), "utf-8")


def as_a_process(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Run the notebook in `folder` as a schedule does.

    As in these tests, `jsonschema` finds no grammar of IRIs, which takes it seconds to build: see `conftest.py`.
    """
    without = folder / "without"
    without.mkdir()
    (without / "rfc3987_syntax.py").write_text("raise ImportError\n", "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VBR_AUDIT_")}
    environment |= {"VBR_AUDIT_KEYRING": "0", "VBR_AUDIT_PASSWORD": PASSWORD}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(without), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "papermill", *words_for(url)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180)


def ended_in(folder: Path, url: str) -> str:
    """Run the notebook in `folder`, which must end in an error; return all that is said of it."""
    from papermill.cli import papermill  # slow to import: a worker that runs no notebook does not need it

    with contextlib.chdir(folder):
        done = CliRunner().invoke(papermill, words_for(url))
    assert done.exit_code != 0
    return f"{done.output}\n{done.exception}"


def all_bytes(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below `folder`, and every member of those that are archives."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        yield path.name, path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path.name}/{name}", archive.read(name)) for name in archive.namelist())


def test_the_password_is_no_parameter() -> None:
    notebook = format_library().read(MONTHLY, as_version=4)
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    names: dict[str, str] = {}
    exec(cell.source, {}, names)
    assert names == {"url": "", "username": "auditor", "policy": "default", "month": "", "out": ""}


@pytest.mark.slow
def test_a_schedule_gets_a_run_and_a_record_and_leaves_no_password(tmp_path: Path) -> None:
    ask_little(tmp_path)
    with serve(jobs=2, sessions=20, now=NOW, role="Administrator", username="monthly", password=PASSWORD) as url:
        done = as_a_process(tmp_path, url)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "2026-10"
    assert {path.name for path in run.iterdir()} >= {"report.html", "executive.html", "report.xlsx", "findings.json"}
    assert va.verify(run) == []
    seen = dict(all_bytes(tmp_path))
    assert "october.ipynb" in seen
    assert any(name.endswith(".zip/sessions/000000000.json") for name in seen)
    assert [name for name, content in seen.items() if PASSWORD.encode() in content] == []
    assert PASSWORD not in done.stdout + done.stderr
    record = json.loads(seen["october.ipynb"])
    assert record["metadata"]["papermill"]["parameters"] == {
        "url": url,
        "username": "monthly",
        "month": "2026-10",
        "out": "runs",
        "policy": FEW,
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_an_incomplete_month_ends_in_an_error_with_the_run_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_little(tmp_path)
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", PASSWORD)
    account = {"username": "monthly", "password": PASSWORD}
    with serve(jobs=2, sessions=20, now=NOW, role="Administrator", faults=["denied=job_states"], **account) as url:
        said = ended_in(tmp_path, url)
    assert "incomplete: " in said
    assert PASSWORD not in said
    assert va.verify(tmp_path / "runs" / "2026-10") == []
    assert [name for name, content in all_bytes(tmp_path) if PASSWORD.encode() in content] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_without_a_password_a_schedule_ends_in_our_words(tmp_path: Path) -> None:
    assert "no password for 'monthly' at https://127.0.0.1:1" in ended_in(tmp_path, "https://127.0.0.1:1")
    assert not (tmp_path / "runs").exists()
