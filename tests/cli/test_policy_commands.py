"""`vbr-audit policy` and `vbr-audit waivers`."""

# ruff: noqa: E501 - a case and its message on one line

from __future__ import annotations

from pathlib import Path

import pytest

from vbr_audit.checks import load_policy
from vbr_audit.findings import load_waivers

WAIVERS = "version: 1\nwaivers:\n- id: W-1\n  check: JOB-008\n  object_name: Lab *\n  owner: a.smith\n  reason: moves\n  expires: 2026-12-01\n"


def test_a_policy_is_written_once(run, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    assert run("policy", "init", path, "--profile", "strict").exit_code == 0
    assert load_policy(path).fail_on == "medium"
    again = run("policy", "init", path)
    assert again.exit_code == 2
    assert "already exists" in again.stderr
    assert run("policy", "init", path, "--force").exit_code == 0
    assert load_policy(path).fail_on == "high"
    assert run("policy", "init", "-").stdout == path.read_text(encoding="utf-8")
    wrong = run("policy", "init", "-", "--profile", "strickt")
    assert (wrong.exit_code, "did you mean 'strict'?" in wrong.stderr) == (2, True)


def test_a_policy_says_what_it_changes(run, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("version: 1\nchecks:\n  JOB-003: {params: {min_retries: 4}}\n", encoding="utf-8")
    result = run("policy", "validate", path)
    assert result.exit_code == 0
    assert "own.yaml is valid. It extends: default profile." in result.stdout
    assert "JOB-003: min_retries 1 > 4 (own.yaml:3)" in result.stdout
    path.write_text("version: 1\nchecks:\n  JBO-003: {}\n", encoding="utf-8")
    result = run("policy", "validate", path)
    assert result.exit_code == 2
    assert "own.yaml:3: checks.JBO-003: no such check" in result.stderr
    assert run("policy", "validate", "minimal").exit_code == 0


def test_waivers_go_to_a_workbook_and_back(run, tmp_path: Path) -> None:
    source, register, back = tmp_path / "w.yaml", tmp_path / "r.xlsx", tmp_path / "back.yaml"
    source.write_text(WAIVERS, encoding="utf-8")
    assert run("waivers", "export", source, register).exit_code == 0
    assert run("waivers", "export", source, register).exit_code == 2
    assert run("waivers", "import", register, "--out", back).exit_code == 0
    assert load_waivers(back).waivers == load_waivers(source).waivers
    assert run("waivers", "import", register).stdout == WAIVERS == back.read_text(encoding="utf-8")
    source.write_text("no workbook", encoding="utf-8")
    result = run("waivers", "import", source)
    assert (result.exit_code, "not a workbook" in result.stderr) == (2, True)


@pytest.mark.usefixtures("account")
def test_a_run_keeps_the_whole_chain_of_its_policy(run, server, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("version: 1\nextends: minimal\nchecks: {JOB-003: {params: {min_retries: 9}}}\n")
    (tmp_path / "top.yaml").write_text("version: 1\nextends: base.yaml\nfail_on: never\n")
    out = tmp_path / "run"
    result = run("audit", server(), "--out", out, "--policy", tmp_path / "top.yaml", "--format", "json")
    assert result.exit_code in (0, 4), result.output
    (tmp_path / "base.yaml").unlink()
    assert run("verify", out).exit_code == 0
    kept = load_policy(out / "policy.yaml")
    assert kept.use("JOB-003").params_source == {"min_retries": "base.yaml:3"}
    assert run("check", out, "--policy", "minimal", "--fail-on", "never").exit_code in (0, 4)


OWN = """version: 1
rules:
  - {id: ACME-010, title: A good state, severity: low, table: jobs, column: name, op: exists, rationale: a, remediation: b}
"""


def test_own_checks_are_known_to_policies_and_waivers(run, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "acme.yaml").write_text(OWN, encoding="utf-8")
    policy, waivers, register = tmp_path / "policy.yaml", tmp_path / "w.yaml", tmp_path / "r.xlsx"
    policy.write_text("version: 1\nchecks: {ACME-010: {severity: high}}\n", encoding="utf-8")
    waivers.write_text(WAIVERS.replace("JOB-008", "ACME-010"), encoding="utf-8")
    for words in (("policy", "validate", policy), ("waivers", "export", waivers, register)):
        assert run(*words).exit_code == 2
        assert run(*words, "--checks", tmp_path / "own").exit_code == 0
    refused = run("waivers", "import", register)
    assert (refused.exit_code, "no such check: ACME-010" in refused.stderr) == (2, True)
    back = run("waivers", "import", register, "--checks", tmp_path / "own")
    assert back.stdout == waivers.read_text(encoding="utf-8")
