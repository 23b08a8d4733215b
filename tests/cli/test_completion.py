"""Completion: scripts that their shells accept, and words that are those of the program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vbr_audit.checks import REGISTRY
from vbr_audit.checks.policy.policy import PROFILES
from vbr_audit.cli import app, options
from vbr_audit.cli.cmd_completion import VARIABLE
from vbr_audit.datasets import DATASETS
from vbr_audit.reports.formats import FORMATS

PROGRAM = Path(sys.executable).with_name("vbr-audit")
BASH = shutil.which("bash") or ""

needs_bash = pytest.mark.skipif(not BASH and not os.environ.get("CI"), reason="needs bash")


def script(shell: str) -> str:
    done = CliRunner().invoke(app, ["completion", shell])
    assert done.exit_code == 0, done.output
    return done.stdout


def completed(line: str) -> list[str]:
    """What bash would offer at the end of `line`, by the script in a bash of its own."""
    words = line.split(" ")
    program = f"""
source /dev/stdin <<'SCRIPT'
{script("bash")}
SCRIPT
COMP_WORDS=({" ".join(f"'{word}'" for word in words)})
COMP_CWORD={len(words) - 1}
_vbr_audit_completion '{PROGRAM}'
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run([BASH, "--norc", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@needs_bash
def test_bash_accepts_the_script_and_completes() -> None:
    checked = subprocess.run([BASH, "-n"], input=script("bash"), text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert completed("vbr-audit conf") == ["config"]
    assert {"bash", "zsh", "fish", "powershell"} <= set(completed("vbr-audit completion "))
    assert completed("vbr-audit checks JOB-00") == [f"JOB-00{number}" for number in range(1, 10)]
    assert completed("vbr-audit report run --format html,x") == ["html,xlsx"]
    assert completed("vbr-audit audit --fail-on n") == ["never"]
    assert "--site" in completed("vbr-audit audit --si")


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_the_other_scripts_ask_the_program(shell: str) -> None:
    assert f"{VARIABLE}=complete_{shell}" in script(shell).replace(f'{VARIABLE} = "', f"{VARIABLE}=")
    if found := shutil.which(shell):
        subprocess.run([found, "-n"], input=script(shell), text=True, check=True)


def test_another_shell_is_refused() -> None:
    assert CliRunner().invoke(app, ["completion", "csh"]).exit_code == 2


def test_the_words_are_those_of_the_program() -> None:
    assert options.complete_checks("") == [check.id for check in sorted(REGISTRY, key=lambda check: check.id)]
    assert options.complete_datasets("") == ["all", *DATASETS]
    assert options.complete_formats("") == list(FORMATS)
    assert sorted(options.complete_profiles("")) == sorted(PROFILES)
    assert options.complete_datasets("jobs,server_t") == ["jobs,server_time"]
    assert "jobs,jobs" not in options.complete_datasets("jobs,")
    assert options.complete_severities("cr") == ["critical"]


def test_completing_needs_none_of_the_heavy_libraries() -> None:
    environment = {**os.environ, VARIABLE: "complete_bash", "COMP_WORDS": "vbr-audit checks JOB", "COMP_CWORD": "2"}
    program = [sys.executable, "-X", "importtime", str(PROGRAM)]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "JOB-001" in done.stdout
    assert "typer" in imported
    assert imported & {"pandas", "numpy", "httpx", "matplotlib", "ruamel.yaml"} == set()
