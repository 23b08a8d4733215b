"""`explain`, `checks` and `--checks` in front of a saved run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from core_checks import CORE_TEXT

CODE = '''
import vbr_audit as va
@va.check("ACME-001", "Jobs have a name", severity="low", table="jobs", reads=("name",), remediation="Do: this.")
def judge(jobs):
    """It matters."""
    return jobs["name"].notna().astype("boolean")
'''
RULES = """version: 1
rules:
  - {id: ACME-010, title: Names are short, severity: low, table: jobs, column: name, op: regex, value: ".{1,200}",
     rationale: Reports are narrow., remediation: "Job > Name: shorten it."}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "acme.py").write_text(CODE, "utf-8")
    (folder / "acme.yaml").write_text(RULES, "utf-8")
    return folder


def test_a_run_with_own_checks_from_end_to_end(
    run: Callable, server: Callable, account: None, own: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    rules = tmp_path / "rules.yaml"
    rules.write_text(CORE_TEXT + '  "ACME-*": {enabled: true}\n', "utf-8")
    terms = ("--fail-on", "never", "--format", "json")
    done = run("audit", server(), "--out", out, "--checks", own, "--policy", rules, "-q", *terms)
    assert done.exit_code == 0, done.stderr
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert [record["checks"] for record in manifest["run"]["own_checks"]] == [["ACME-001"], ["ACME-010"]]
    sums = (out / "SHA256SUMS").read_text("utf-8")
    assert "checks/acme.py" in sums
    assert "checks/acme.yaml" in sums
    assert run("verify", out, "--checks", own).exit_code == 0
    without = run("verify", out)
    assert without.exit_code == 4
    assert "acme.py (ACME-001) are not available" in without.stderr

    findings = json.loads((out / "findings.json").read_text("utf-8"))["findings"]
    row = next(row for row in findings if row["check_id"] == "ACME-010")
    told = run("explain", out, row["finding_id"])
    assert told.exit_code == 0, told.stderr
    assert "jobs/000000000.json" in told.stdout
    assert "value = .{1,200}, from default" in told.stdout
    wrong = run("explain", out, "zzzz")
    assert wrong.exit_code == 2
    assert "no finding has the id 'zzzz'" in wrong.stderr

    again = run("check", out, "--fail-on", "never")
    assert again.exit_code == 0, again.stderr
    assert "acme.py (ACME-001) are not available" in again.stdout
    assert (out / "checks" / "acme.py").is_file()
    assert run("verify", out).exit_code == 0
    rules.write_text(CORE_TEXT, "utf-8")
    assert run("audit", server(), "--out", out, "--policy", rules, "-q", "--force", *terms).exit_code == 0
    assert not (out / "checks").exists()


def test_a_broken_file_makes_the_run_incomplete(
    run: Callable, server: Callable, account: None, own: Path, tmp_path: Path
) -> None:
    (own / "broken.py").write_text("1/0", "utf-8")
    done = run("audit", server(), "--out", tmp_path / "run", "--checks", own, "--fail-on", "never", "--format", "json")
    assert done.exit_code == 4
    assert "PLUGIN-003 broke on" in done.stdout
    assert "broken.py: ZeroDivisionError" in done.stdout


def test_a_wrong_rule_file_is_refused_before_anything_is_asked(run: Callable, own: Path, tmp_path: Path) -> None:
    (own / "acme.yaml").write_text(RULES.replace("regex", "regexp"), "utf-8")
    for words in (
        ["audit", "http://127.0.0.1:1", "--out", tmp_path / "x"],
        ["collect", "http://127.0.0.1:1", "--out", tmp_path / "x"],
    ):
        done = run(*words, "--username", "u", "--checks", own)
        assert done.exit_code == 2
        assert "acme.yaml:3: rules[0].op: no such operator: regexp; did you mean 'regex'?" in done.stderr
    assert not (tmp_path / "x").exists()


def test_the_list_of_checks_fits_eighty_columns_and_marks_own_ones(run: Callable, own: Path) -> None:
    done = run("checks", "--checks", own)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "Job settings" in lines
    assert any(line.startswith("  ACME-001") and line.endswith("(own)") for line in lines)
    page = run("checks", "acme-010", "--checks", own).stdout
    assert "From         acme.yaml" in page
    assert max(map(len, page.splitlines())) <= 80
    listed = json.loads(run("checks", "--json", "--checks", own).stdout)
    assert {"JOB-003", "ACME-001"} <= {check["id"] for check in listed}
    assert json.loads(run("checks", "JOB-003", "--json").stdout)["parameters"][0]["name"] == "min_retries"
    assert run("checks", "JOB-0003").exit_code == 2
