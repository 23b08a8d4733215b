"""What starting the command line costs: help needs neither pandas nor pydantic."""

from __future__ import annotations

import subprocess
import sys

import pytest


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
