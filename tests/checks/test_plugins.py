"""Own checks as code: replaced by the same cell, refused where an id is taken, contained where they break."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vbr_audit as va
from vbr_audit.checks import REGISTRY, CheckUse
from vbr_audit.checks.engine.registry import Registry, check
from vbr_audit.checks.own.own_checks import checks_of_run, known_checks
from vbr_audit.checks.own.session import OWN, Session
from vbr_audit.errors import CheckError, ConfigurationError, PolicyError
from vbr_audit.findings.evaluation import evaluate

CHECK = '''
import vbr_audit as va
@va.check("{id}", "A good state", severity="low", table="jobs", reads=("name",), remediation="Do: this.")
def judge(jobs):
    """It matters."""
    return jobs["name"].notna().astype("boolean")
'''


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    return folder


def declare(registry: Registry, check_id: str, *, module: str = "__main__", name: str = "judge") -> None:
    def judge(jobs: Any) -> Any:
        """It matters."""
        return jobs

    judge.__module__, judge.__qualname__ = module, name
    make = check(check_id, "Good", severity="low", table="jobs", reads=("name",), remediation="Do: x.")
    registry.add(make(judge))


def test_the_same_cell_replaces_its_check_and_nothing_else_does() -> None:
    registry = Session()
    declare(registry, "ACME-001")
    first = registry.get("ACME-001")
    declare(registry, "ACME-001")
    assert registry.get("ACME-001") is not first
    assert len(registry) == 1
    with pytest.raises(CheckError, match="two checks have this id"):
        declare(registry, "ACME-001", name="another")
    with pytest.raises(CheckError, match="a shipped check has this id"):
        declare(registry, "JOB-003")
    plain = Registry()
    declare(plain, "ACME-001")
    with pytest.raises(CheckError, match="two checks have this id"):
        declare(plain, "ACME-001")
    assert "ACME-001" not in REGISTRY
    assert "ACME-001" not in OWN


def test_a_folder_leaves_the_shipped_checks_and_the_session_alone(tmp_path: Path) -> None:
    before = len(REGISTRY), len(OWN)
    own = known_checks(write(tmp_path, acme=CHECK.format(id="ACME-001"), _helper="1/0"))
    assert own.ids == {"ACME-001"}
    assert (len(REGISTRY), len(OWN)) == before
    assert len(own.registry) == len(REGISTRY) + 1
    assert not (tmp_path / "__pycache__").exists()
    (record,) = own.records
    assert (record.name, record.kind, record.checks) == ("acme.py", "python", ["ACME-001"])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def (", "SyntaxError"),
        ("x = 1", "it declares no check"),
        (CHECK.format(id="wrong"), "an id looks like JOB-001"),
    ],
)
def test_a_file_that_breaks_is_an_error_on_every_server(
    code: str, told: str, tmp_path: Path, snapshot_of: Callable[..., Any]
) -> None:
    own = known_checks(write(tmp_path, acme=code, sound=CHECK.format(id="ACME-002")))
    policy = own.policy('version: 1\nchecks: {"*": {enabled: false, reason: quiet}}\n')
    results = evaluate(snapshot_of(servers=("vbr01", "vbr02")), policy)
    broken = results.findings[results.findings["status"] == "ERROR"]
    assert broken["check_id"].tolist() == ["PLUGIN-001"] * 2
    assert broken["reason"].str.contains("acme.py", regex=False).all()
    assert broken["reason"].str.contains(told, regex=False).all()
    assert sum("acme.py" in reason for reason in results.incomplete) == 2
    assert own.ids == {"ACME-002"}


@pytest.mark.parametrize(
    ("one", "two", "told"),
    [
        ("JOB-003", "ACME-002", "a.py: JOB-003 is the id of a shipped check"),
        ("ACME-001", "ACME-001", "b.py: ACME-001 also stands in a.py"),
        ("PLUGIN-001", "ACME-002", "the prefix PLUGIN is taken"),
    ],
)
def test_an_id_that_is_taken_is_an_error(one: str, two: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=told):
        known_checks(write(tmp_path, a=CHECK.format(id=one), b=CHECK.format(id=two)))


MANY = """
from vbr_audit import check
from vbr_audit.checks.catalogue.jobs.settings import retry_enabled
from vbr_audit.checks.engine.registry import check as plain
facts = {"severity": "low", "table": "jobs", "reads": ("name",), "remediation": "Do: this."}
for number in (1, 2):
    @check(f"ACME-00{number}", "A good state", **facts)
    def judge(jobs):
        'It matters.'
        return jobs["name"].notna().astype("boolean")
@check("ACME-003", "A good state", **facts)
def judge(jobs):
    'It matters.'
    return jobs["name"].notna().astype("boolean")
@plain("ACME-004", "A good state", **facts)
def quiet(jobs):
    'It matters.'
    return jobs["name"].notna().astype("boolean")
"""


def test_every_check_of_a_file_is_used_whatever_its_function_is_called(tmp_path: Path) -> None:
    own = known_checks(write(tmp_path, many=MANY))
    assert own.ids == {f"ACME-00{number}" for number in (1, 2, 3, 4)}
    assert not [one.id for one in OWN if one.id in own.ids]


def test_a_check_is_its_function_and_what_it_declares() -> None:
    @check("ACME-001", "Good", severity="low", table="jobs", reads=("name",), remediation="Do: x.")
    def named(jobs: Any, *, prefix: str = "SQL") -> Any:
        """It matters."""
        return [jobs, prefix]

    assert named("frame", prefix="x") == ["frame", "x"]
    assert (named.__name__, named.__doc__, named.id) == ("named", "It matters.", "ACME-001")
    assert list(inspect.signature(named).parameters) == ["jobs", "prefix"]
    assert repr(named) == "<Check ACME-001: Good>"
    assert "ACME-001" not in OWN, "only the public decorator makes it known to the session"
    with pytest.raises(CheckError, match="an id looks like"):
        dataclasses.replace(named, id="wrong")


def test_a_folder_must_be_one_and_hold_something(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no folder"):
        known_checks(tmp_path / "absent")
    with pytest.raises(ConfigurationError, match=r"holds no \.py"):
        known_checks(tmp_path)


def test_a_policy_that_names_a_check_of_a_broken_file_says_so(tmp_path: Path) -> None:
    own = known_checks(write(tmp_path, acme="1/0"))
    with pytest.raises(PolicyError, match=r"(?s)no such check: ACME-001.*acme.py could not be used: ZeroDivisionError"):
        own.policy("version: 1\nchecks: {ACME-001: {severity: high}}\n")


def test_code_is_never_taken_from_a_run_folder(tmp_path: Path, snapshot_of: Callable[..., Any]) -> None:
    audit = va.audit(snapshot_of(), checks=write(tmp_path, acme=CHECK.format(id="ACME-001")))
    assert isinstance(audit.policy.use("ACME-001"), CheckUse)
    own = checks_of_run(tmp_path, audit.rules.checks.records, None)
    assert "ACME-001" not in own.registry
    assert [record.used for record in own.records] == [False]
    assert list(own.files) == ["acme.py"]
    assert "acme.py (ACME-001) are not available" in own.warnings[0]
