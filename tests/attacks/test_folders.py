"""Hostile run folders and interrupted runs: nothing outside is reached, nothing half looks whole, one writes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import forked
import pytest
from command_line import invoke, write
from core_checks import CORE_TEXT
from raw_server import PASSWORD, Asked, Raw, raw_server
from small_server import SmallServer

from vbr_audit.collection import run_folder
from vbr_audit.collection.files import alone
from vbr_audit.errors import ConfigurationError, VbrAuditError
from vbr_audit.verifying import verify_run

MONTH = ("--month", "2026-10")
CORE = ("--datasets", "jobs,sessions", "--format", "json", "--fail-on", "never", "--allow-incomplete")


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBR_AUDIT_USERNAME", "auditor")
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", PASSWORD)
    monkeypatch.setenv("VBR_AUDIT_KEYRING", "0")


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("policy") / "core.yaml", CORE_TEXT)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, policy: Path) -> Path:
    """A run of a small server."""
    vbr = SmallServer()
    vbr.add_session(vbr.add_job("Nightly"), "2026-10-31T22:00:00+01:00")
    folder = tmp_path_factory.mktemp("made") / "run"
    with pytest.MonkeyPatch.context() as patch, raw_server(honest=vbr) as url:
        patch.setenv("VBR_AUDIT_USERNAME", "auditor")
        patch.setenv("VBR_AUDIT_PASSWORD", PASSWORD)
        done = invoke("audit", url, "--out", folder, "--policy", policy, *MONTH, *CORE)
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture
def taken(made: Path, tmp_path: Path) -> Path:
    """A copy of the run, as somebody else handed it over."""
    return Path(shutil.copytree(made, tmp_path / "run"))


def reseal(folder: Path) -> None:
    (folder / run_folder.SUMS).unlink()
    run_folder.seal(folder)


def test_what_is_made_is_for_its_owner_only(made: Path) -> None:
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (made, made / "evidence")}
    assert set(modes.values()) == {0o700}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (made / "evidence").iterdir())


def test_a_folder_that_others_may_read_is_told(policy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o755)
    with raw_server() as url:
        done = invoke("audit", url, "--out", folder, "--policy", policy, *MONTH, *CORE)
    assert f"other accounts on this machine can read {folder}" in done.stderr


@pytest.mark.parametrize("place", ["checks", "frameworks", "evidence"])
def test_a_folder_of_a_run_that_is_a_link_lets_nothing_be_cleared_elsewhere(taken: Path, place: str) -> None:
    mine = write(taken.parent / "mine" / "thesis.txt", "years of work").parent
    shutil.rmtree(taken / place, ignore_errors=True)
    (taken / place).symlink_to(mine)
    with (taken / run_folder.SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  {place}/thesis.txt\n")
    for words in (("check", taken, "--force"), ("report", taken, "--force"), ("verify", taken)):
        done = invoke(*words)
        assert done.exit_code == 2, (words, done.stderr)
        assert "is a link, a pipe or a device" in done.stderr
    with pytest.raises(ConfigurationError):
        run_folder.prepare(taken, force=True)
    assert (mine / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("name", ["manifest.json", "policy.yaml", "findings.json", "SHA256SUMS", "evidence/x.zip"])
@pytest.mark.parametrize("trap", ["link", "endless", "pipe"])
def test_a_trap_in_a_run_brings_nothing_in_and_holds_nobody_up(taken: Path, name: str, trap: str) -> None:
    path = taken / name
    path.unlink(missing_ok=True)
    if trap == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if trap == "endless" else "/etc/passwd")
    for command in ("check", "report", "verify"):
        done = invoke(command, taken)
        assert done.exit_code == 2, done.stderr
        assert "root:" not in done.stdout + done.stderr


ODD: tuple[Any, ...] = (
    *(None, "", "../../etc/passwd", "\x1b[2J", -1, 10**30, [], {}),
    *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"),
)


def test_a_manifest_changed_at_any_one_place_breaks_nothing(taken: Path) -> None:
    path = taken / run_folder.MANIFEST
    document = json.loads(path.read_text("utf-8"))
    places = [("run", key) for key in document["run"]] + [("servers", 0, key) for key in document["servers"][0]]
    places += [("datasets", 0, key) for key in document["datasets"][0]] + [(key,) for key in document]
    for number, place in enumerate(places):
        changed = json.loads(json.dumps(document))
        inside = changed
        for step in place[:-1]:
            inside = inside[step]
        inside[place[-1]] = ODD[number % len(ODD)]
        path.write_text(json.dumps(changed), "utf-8")
        try:
            run_folder.load(taken)
        except VbrAuditError:
            continue
        except Exception as error:
            pytest.fail(f"{place} = {inside[place[-1]]!r}: {type(error).__name__}: {error}")


def test_a_run_whose_sums_were_made_anew_is_still_found_out_where_it_contradicts_itself(taken: Path) -> None:
    findings = taken / run_folder.FINDINGS_JSON
    findings.write_bytes(findings.read_bytes().replace(b'"FAIL"', b'"PASS"').replace(b'"UNKNOWN"', b'"PASS"'))
    reseal(taken)
    assert any("is not what the evidence and the policy give" in line for line in verify_run(taken))


def test_a_forgery_made_throughout_is_not_found_out_and_nobody_claims_it_is(taken: Path) -> None:
    (taken / "report.html").write_text("All is well.", "utf-8")
    reseal(taken)
    assert verify_run(taken) == []
    told = invoke("verify", taken).stdout
    assert "Anybody who can write to the run can also write its hashes" in told


def test_one_process_at_a_time_writes_to_a_folder(tmp_path: Path, policy: Path) -> None:
    holder = [
        sys.executable,
        "-c",
        "import sys, pathlib; from vbr_audit.collection.files import alone\n"
        f"with alone(pathlib.Path({str(tmp_path)!r})): print('held', flush=True); sys.stdin.read()",
    ]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with raw_server() as url:
            done = invoke("audit", url, "--out", tmp_path, "--policy", policy, *MONTH, *CORE)
        assert done.exit_code == 2
        assert f"another vbr-audit is writing to {tmp_path}" in done.stderr
        other.kill()
    with alone(tmp_path), alone(tmp_path):
        assert not list(tmp_path.iterdir())


def slowly(asked: Asked) -> Raw | None:
    if asked.path != "/api/v1/sessions":
        return None

    def wait(stream: socket.socket) -> None:
        time.sleep(20)

    return wait


@pytest.fixture
def reading(tmp_path: Path, policy: Path) -> Iterator[BaseProcess]:
    """An audit in a process of its own, in the middle of reading; it tells what it has to say to the file `told`."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    vbr = SmallServer()
    vbr.add_job("Nightly")
    begun: list[str] = []

    def answering(asked: Asked) -> Raw | None:
        begun.append(asked.path)
        return slowly(asked)

    with raw_server(answering, honest=vbr) as url:
        words = ["audit", url, "--out", str(tmp_path / "run"), "--policy", str(policy), *MONTH, *CORE]
        process = forked.start(words, tmp_path / "told", env={"TMPDIR": str(temporary)})
        until = time.monotonic() + 60
        while "/api/v1/sessions" not in begun and time.monotonic() < until:
            time.sleep(0.05)
        yield process
        process.kill()
        process.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_is_told_to_end_keeps_what_was_read_and_says_that_it_is_not_whole(
    reading: BaseProcess, number: int, tmp_path: Path
) -> None:
    assert reading.pid is not None
    os.kill(reading.pid, number)
    reading.join(60)
    assert reading.exitcode == 130, (tmp_path / "told").read_text("utf-8")
    manifest = run_folder.read_manifest(tmp_path / "run")
    assert manifest.dataset("127.0.0.1", "sessions").status != "complete"
    assert not list((tmp_path / "tmp").iterdir())
    assert verify_run(tmp_path / "run") == []


def test_a_run_that_was_killed_is_no_run(reading: BaseProcess, tmp_path: Path) -> None:
    reading.kill()
    reading.join(10)
    assert invoke("check", tmp_path / "run").exit_code != 0
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in (tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("moment", ["write_outcome", "_write"])
def test_an_audit_that_was_killed_before_its_reports_says_so(tmp_path: Path, policy: Path, moment: str) -> None:
    vbr = SmallServer()
    vbr.add_session(vbr.add_job("Nightly"), "2026-10-31T22:00:00+01:00")
    run = tmp_path / "run"
    with raw_server(honest=vbr) as url:
        words = ["audit", url, "--out", str(run), "--policy", str(policy), *MONTH, *CORE]
        process = forked.start(words, tmp_path / "told", prepare=partial(forked.kill_before, moment))
        assert forked.ended(process) == -signal.SIGKILL, (tmp_path / "told").read_text("utf-8")
    checked = invoke("verify", run)
    assert checked.exit_code == 4
    assert "the run was not finished: it was to write json; `report` writes them" in checked.stderr
    assert invoke("report", run, "--format", "json", "--force").exit_code == 0
    assert invoke("verify", run).exit_code == 0


def test_an_interrupt_that_comes_where_python_lets_no_exception_out_is_heeded(tmp_path: Path, policy: Path) -> None:
    with raw_server(honest=SmallServer()) as url:
        words = ["audit", url, "--out", str(tmp_path / "run"), "--policy", str(policy), *MONTH, *CORE]
        unheard = partial(forked.interrupt_unheard_before, "write_outcome")
        process = forked.start(words, tmp_path / "told", prepare=unheard)
        code, told = forked.ended(process), (tmp_path / "told").read_text("utf-8")
    assert code == 130, told
    assert "interrupted" in told
    assert "Exception ignored" not in told


def test_what_a_killed_process_left_half_written_goes_with_the_next_run(taken: Path, policy: Path) -> None:
    left = write(taken / ".findings.json.0a1b2c3d.part", "half")
    mine = write(taken / ".mine.part", "mine")
    with raw_server() as url:
        done = invoke("audit", url, "--out", taken, "--policy", policy, "--force", *MONTH, *CORE)
    assert done.exit_code == 0, done.stderr
    assert not left.exists()
    assert mine.read_text() == "mine"


def test_a_disk_that_is_full_leaves_no_report_that_looks_whole(tmp_path: Path, policy: Path) -> None:
    vbr = SmallServer()
    for number in range(300):
        vbr.add_job(f"Job {number}")
    run = tmp_path / "run"
    with raw_server(honest=vbr) as url:
        words = ["audit", url, "--out", str(run), "--policy", str(policy), *MONTH, *CORE]
        process = forked.start(words, tmp_path / "told", prepare=partial(forked.allow_small_files, 60_000))
        code, told = forked.ended(process), (tmp_path / "told").read_text("utf-8")
    assert code == 5, told
    assert "File too large" in told
    assert not list(run.glob(".*.part"))
    assert not (run / "manifest.json").exists() or verify_run(run) != []
