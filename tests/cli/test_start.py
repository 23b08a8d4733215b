"""What starting the command line costs, and what it leaves behind: help needs neither pandas nor pydantic."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import forked
import pytest
from command_line import invoke


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("audit", "--help"), ("config", "show", "--help")])
def test_help_imports_no_heavy_library(words: tuple[str, ...]) -> None:
    program = [sys.executable, "-X", "importtime", "-m", "vbr_audit", *words]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert (done.returncode, "typer" in imported) == (0, True)
    heavy = {"pandas", "numpy", "httpx", "matplotlib", "openpyxl", "jinja2", "ruamel.yaml"}
    assert imported & heavy == set()
    if words == ("--help",):
        assert "pydantic" not in imported  # of a command's help, typer itself asks pydantic for the types


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [("checks",), ("checks", "JOB-005"), ("schema",), ("completion", "bash")])
def test_an_output_without_room_is_no_defect(words: tuple[str, ...], tmp_path: Path) -> None:
    process = forked.start(words, tmp_path / "told", prepare=forked.print_without_room)
    code, told = forked.ended(process), (tmp_path / "told").read_text("utf-8")
    assert code == 5, told
    assert "could not be written: No space left on device" in told
    assert "defect" not in told
    assert "Traceback" not in told


def test_what_is_logged_after_a_command_goes_to_the_stderr_of_then(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke("checks", "JOB-005", "--debug").exit_code == 0
    logging.getLogger("vbr_audit.later").warning("said later")
    assert capsys.readouterr().err.splitlines() == ["WARNING vbr_audit.later: said later"]
