"""Every example of docs/own-checks.md, taken from the page and run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

import vbr_audit as va
from vbr_audit.checks.logic.operators import OPERATORS
from vbr_audit.checks.own.own_checks import GROUP, installed_sources, known_checks
from vbr_audit.checks.own.session import OWN

PAGE = (Path(__file__).parents[1] / "docs" / "own-checks.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"```([^\n]+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture(autouse=True)
def _no_check_is_left() -> Iterator[None]:
    before = dict(OWN._checks)
    yield
    OWN._checks.clear()
    OWN._checks.update(before)


def test_the_notebook_cell_declares_its_check_and_may_run_again() -> None:
    for _ in range(2):
        exec(compile(BLOCKS["python"], "cell", "exec"), {"__name__": "__main__"})
    assert known_checks().ids >= {"ACME-001"}


def test_the_file_and_the_rules_are_found_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text(BLOCKS['python title="acme.py"'], "utf-8")
    (tmp_path / "acme.yaml").write_text(BLOCKS["yaml"], "utf-8")
    own = known_checks(tmp_path)
    assert own.ids >= {"ACME-002", "ACME-010"}
    assert own.broken == ()
    assert own.policy("version: 1\nchecks: {ACME-010: {params: {value: 60}}}\n").use("ACME-010").params == {"value": 60}


def test_the_entry_point_of_an_installed_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, group = re.search(r'= "(\w+)"', BLOCKS["toml"]), re.search(r'entry-points."([\w.]+)"', BLOCKS["toml"])
    assert module is not None
    assert group is not None
    assert group[1] == GROUP
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nacme = {module[1]}\n", "utf-8")
    (tmp_path / f"{module[1]}.py").write_text(BLOCKS['python title="acme.py"'], "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {source.name: source for source in installed_sources()}
    assert [check.id for check in found["acme 1.0: acme"].checks] == ["ACME-002"]
    assert installed_sources()[0] is installed_sources()[0]


def test_the_page_names_every_operator() -> None:
    table = PAGE[PAGE.index("| op |") : PAGE.index("Upper and lower")]
    named = {
        word for line in table.splitlines()[2:] for word in re.findall(r"`(\w+)`", line.split("|")[1] if line else "")
    }
    assert named == set(OPERATORS)
    assert va.check is not None


def test_the_page_names_what_a_check_may_say_of_its_tables_and_its_answer() -> None:
    answers = [field.name for field in fields(va.Outcome) if field.name != "ok"]
    declared = ["tables", "aggregates", "fallback", "optional", "json_path", "expected", "failure"]
    assert [name for name in [*answers, *declared] if f"`{name}`" not in PAGE] == []
