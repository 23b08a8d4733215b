"""`--framework`: own requirements from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import write
from core_checks import HOUSE_FRAMEWORK, text_of

pytestmark = pytest.mark.usefixtures("account")


def answered(out: Path) -> list[str]:
    rows = json.loads((out / "findings.json").read_bytes())["requirements"]
    return [row["framework"] for row in rows if row["framework"] in ("House rules", "Yard rules")]


def test_a_run_answers_own_requirements_now_and_later(run, server, tmp_path: Path) -> None:
    house, yard, out = tmp_path / "house.yaml", tmp_path / "yard.yaml", tmp_path / "run"
    house.write_text(HOUSE_FRAMEWORK, encoding="utf-8")
    yard.write_text(HOUSE_FRAMEWORK.replace("house", "yard").replace("House", "Yard"), encoding="utf-8")
    url, fail = server(), ("--fail-on", "never")
    few = write(tmp_path / "few.yaml", text_of("JOB-003", "JOB-008"))
    words = ("--framework", house, "--framework", yard, "--format", "json", "--policy", few, *fail)
    assert run("audit", url, "--out", out, *words).exit_code == 0
    assert answered(out) == ["House rules", "Yard rules"]
    house.unlink()
    assert run("report", out, "--format", "json,html").exit_code == 0
    assert answered(out) == ["House rules", "Yard rules"]
    assert "House rules" in (out / "report.html").read_text("utf-8")
    assert run("verify", out).exit_code == 0
    assert run("check", out, "--framework", yard, *fail).exit_code == 0
    assert answered(out) == ["Yard rules"]
    assert run("verify", out).exit_code == 0


def test_a_wrong_file_ends_in_2_before_any_request(run, server, tmp_path: Path) -> None:
    wrong, url = tmp_path / "wrong.yaml", server()
    wrong.write_text(HOUSE_FRAMEWORK.replace("JOB-008", "JBO-008"), encoding="utf-8")
    result = run("audit", url, "--out", tmp_path / "run", "--framework", wrong)
    assert result.exit_code == 2
    assert "wrong.yaml:7: requirements[0].checks[0]: no such check: JBO-008; did you mean 'JOB-008'?" in result.stderr
    assert not (tmp_path / "run").exists()
    assert sum(url.simulator.counts.requests.values()) == 0
