"""What a snapshot is judged by: read from real files, kept with the run, and the same when it is judged again."""

from __future__ import annotations

import dataclasses
import datetime as dt
import inspect
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from command_line import write
from core_checks import HOUSE_FRAMEWORK, text_of
from single_sheets import write_alone

import vbr_audit as va
from vbr_audit import simulator
from vbr_audit.checks.own.own_checks import known_checks
from vbr_audit.cli.judging import KEPT, OPTIONS
from vbr_audit.collection import run_folder
from vbr_audit.collection.manifest import standing_clock
from vbr_audit.errors import (
    ConfigurationError,
    EvidenceError,
    FrameworkError,
    PolicyError,
    RuleError,
    SiteError,
    VbrAuditError,
    WaiverError,
)
from vbr_audit.histories.baseline import Baseline
from vbr_audit.pipeline import judge
from vbr_audit.reports.exports.json import findings_json
from vbr_audit.rules import RuleOptions, Rules

NAMES = tuple(RuleOptions.__annotations__)

FEW = text_of("EVD-001", "JOB-001", "JOB-003", "JOB-004", "JOB-008", "RUN-001")
"""A policy of few checks: what a run is judged by is compared here, not what the checks find."""
POLICY = FEW + "  JOB-009: {enabled: true, severity: critical}\n"
WAIVERS = """version: 1
waivers:
  - {id: W-1, check: JOB-*, object_name: "*", owner: J, approved_by: K, reason: fine, expires: 2027-01-31}
"""
SITE = """version: 1
repositories: [{match: "*", tags: [offsite]}]
assets: machines.csv
"""
OWN_RULE = """version: 1
rules:
  - id: ACME-010
    title: The name says what the job is for
    severity: medium
    table: jobs
    column: name
    op: regex
    value: "^[A-Z]{3}-"
    rationale: It matters.
    remediation: "Do: rename the job."
"""
EVENTS = "<Events/>"
REGISTER = "object,control,from,to,approved_by\nPayroll,retention_quantity,14,30,K. Wolff\n"
BRAND = 'version: 1\nname: Example Ltd.\ncolour: "#0a529c"\n'


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small server, read once and saved without being judged."""
    folder = tmp_path_factory.mktemp("collected") / "run"
    with (
        simulator.serve(jobs=4, sessions=20) as url,
        va.connect(url, username=simulator.DEMO_USERNAME, password=simulator.DEMO_PASSWORD) as client,
    ):
        return va.collect(client, policy=FEW, progress=False).save(folder)


@pytest.fixture(scope="module")
def workbook(collected: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook of that server in which a reviewer wrote a note."""
    audit = va.audit(va.load(collected), policy=FEW)
    path = write_alone(audit.context, tmp_path_factory.mktemp("book") / "reviewed.xlsx", "Findings")
    book = openpyxl.load_workbook(path)
    sheet = book["Findings"]
    column = next(cell.column for cell in sheet[1] if cell.value == "Reviewer note")
    sheet.cell(2, column, "see CHG-1")
    book.save(path)
    return path


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of that server a month before."""
    now = dt.datetime.now(dt.UTC) - dt.timedelta(days=31)
    folder = tmp_path_factory.mktemp("earlier") / "run"
    with (
        simulator.serve(jobs=4, sessions=20, now=now) as url,
        standing_clock(now),
        va.connect(url, username=simulator.DEMO_USERNAME, password=simulator.DEMO_PASSWORD) as client,
    ):
        snapshot = va.collect(client, policy=FEW, progress=False)
    return va.audit(snapshot, policy=FEW).save(folder, formats=["json"])


@pytest.fixture
def snapshot(collected: Path, tmp_path: Path) -> va.Snapshot:
    """The snapshot of that server, in a folder of the test's own."""
    shutil.copytree(collected, tmp_path / "collected")
    return va.load(tmp_path / "collected")


def write_given(files: Path, workbook: Path, earlier: Path) -> dict[str, Any]:
    """Every option, each as the user gives it, in files below `files`."""
    write(files / "machines.csv", "name,owner\nsql01,Petra\n")
    write(files / "own" / "acme.yaml", OWN_RULE)
    return {
        "policy": write(files / "policy.yaml", POLICY),
        "waivers": write(files / "waivers.yaml", WAIVERS),
        "site": write(files / "site.yaml", SITE),
        "checks": files / "own",
        "frameworks": [write(files / "house.yaml", HOUSE_FRAMEWORK)],
        "review": Path(shutil.copy(workbook, files)),
        "sample": 3,
        "sample_seed": "October",
        "brand": write(files / "brand.yaml", BRAND),
        "baseline": Path(shutil.copytree(earlier, files / "earlier")),
        "events": [write(files / "events.xml", EVENTS)],
        "change_register": write(files / "register.csv", REGISTER),
    }


@pytest.fixture
def given(tmp_path: Path, workbook: Path, earlier: Path) -> dict[str, Any]:
    """Every option, each as the user gives it."""
    return write_given(tmp_path / "given", workbook, earlier)


def policy_for(option: str) -> str:
    """A short policy, in which the own check is enabled where it is at hand."""
    return FEW + ("  ACME-010: {enabled: true}\n" if option == "checks" else "")


def told(rules: Rules) -> dict[str, object]:
    """What rules say, option by option, in values that can be compared."""
    return {
        "policy": (rules.policy.name, rules.policy.sha256),
        "waivers": rules.waivers.waivers,
        "site": (rules.site.document, rules.site.assets),
        "checks": rules.checks.ids,
        "frameworks": rules.frameworks.frameworks,
        "review": rules.review.remarks,
        "sample": rules.sample,
        "sample_seed": rules.sample_seed,
        "brand": rules.brand,
        "baseline": rules.baseline != Baseline(),
        "events": rules.events.is_given,
        "change_register": rules.change_register.approvals,
    }


def test_every_option_is_known_wherever_one_is_given() -> None:
    assert {field.name for field in dataclasses.fields(Rules)} == set(NAMES)
    assert set(OPTIONS) == set(NAMES)
    assert set(KEPT) == set(NAMES) - {"checks"}
    for function in (va.audit, va.load_audit):
        assert list(inspect.signature(function).parameters)[-len(NAMES) :] == list(NAMES)


def test_every_file_that_is_kept_belongs_to_a_run_folder() -> None:
    rules = Rules.load()
    assert set(rules.kept_files) <= set(run_folder.FILES)
    assert set(rules.copies) == set(run_folder.COPIES)


def test_nothing_given_is_the_default_profile_and_nothing_else() -> None:
    assert told(Rules.load()) == told(Rules.load(**dict.fromkeys(NAMES))) == told(Rules.load(frameworks=[]))
    rules = Rules.load()
    assert rules.policy.name == "default profile"
    assert rules.file_names == ("default profile", "default profile", "", "", "", "")
    assert [name for name, text in rules.kept_files.items() if text] == [run_folder.POLICY]
    assert not any(rules.copies.values())


def test_each_option_is_read_from_its_file(given: dict[str, Any]) -> None:
    rules = Rules.load(**given)
    assert rules.policy.use("JOB-009").general.severity == "critical"
    assert [waiver.id for waiver in rules.waivers.waivers] == ["W-1"]
    assert [asset.name for asset in rules.site.assets or ()] == ["sql01"]
    assert rules.checks.ids == {"ACME-010"}
    assert [one.id for one in rules.frameworks.frameworks] == ["house"]
    assert [remark.note for remark in rules.review.remarks.values()] == ["see CHG-1"]
    assert (rules.sample, rules.sample_seed, rules.brand.name) == (3, "October", "Example Ltd.")
    assert [approval.approved_by for approval in rules.change_register.approvals] == ["K. Wolff"]
    # What an earlier run left, and what changed since, is worked out when a run is judged, and kept then.
    late = [run_folder.EARLIER, run_folder.EVENTS]
    assert [name for name, content in rules.kept_files.items() if not content] == late
    assert {kind: list(files) for kind, files in rules.copies.items()} == {
        "checks": ["acme.yaml"],
        "frameworks": ["house.yaml"],
    }
    names = {"policy.yaml", "waivers.yaml", "site.yaml", "reviewed.xlsx", "acme.yaml", "house.yaml", "register.csv"}
    assert names <= set(rules.file_names)


def test_what_was_read_before_is_taken_as_it_is(given: dict[str, Any]) -> None:
    rules = Rules.load(**given)
    again = Rules.load(**{name: getattr(rules, name) for name in NAMES})
    for name in ("waivers", "site", "checks", "frameworks", "review", "brand", "events", "change_register"):
        assert getattr(again, name) is getattr(rules, name), name
    assert told(again) == told(rules)


@pytest.mark.parametrize(
    ("option", "text", "error"),
    [
        ("policy", "version: 1\nchecks: {JBO-001: {enabled: true}}\n", PolicyError),
        ("waivers", "version: 1\nwaivers: [{id: W-1}]\n", WaiverError),
        ("site", "version: 1\nteirs: []\n", SiteError),
        ("frameworks", HOUSE_FRAMEWORK.replace("JOB-008", "JBO-008"), FrameworkError),
        ("checks", OWN_RULE.replace("table: jobs", "table: jbos"), RuleError),
        ("review", "no workbook", ConfigurationError),
        ("brand", "version: 1\ncolor: red\n", ConfigurationError),
        ("events", "<Events>", ConfigurationError),
        ("change_register", "object,control\n", ConfigurationError),
    ],
)
def test_a_wrong_file_is_an_error_that_names_it(
    option: str, text: str, error: type[VbrAuditError], tmp_path: Path
) -> None:
    path = write(tmp_path / "wrong" / ("wrong.xlsx" if option == "review" else "wrong.yaml"), text)
    value = {"checks": path.parent, "frameworks": [path]}.get(option, path)
    with pytest.raises(error, match=r"wrong\.") as caught:
        Rules.load(**{option: value})
    assert type(caught.value) is error


def test_a_sample_of_nothing_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="a sample of 0 findings cannot be drawn"):
        Rules.load(sample=0)


@pytest.mark.parametrize("option", [*NAMES, "all"])
def test_a_saved_run_is_judged_again_as_it_was(
    option: str, snapshot: va.Snapshot, given: dict[str, Any], tmp_path: Path
) -> None:
    options = given if option == "all" else {"policy": policy_for(option), option: given[option]}
    rules = Rules.load(**options)
    audit = judge(snapshot, rules)
    folder = audit.save(tmp_path / "run", formats=["json"])
    shutil.rmtree(tmp_path / "given")  # whatever was given is in the folder

    kept = Rules.kept(folder)
    expected = told(rules) | {"sample": rules.sample or 25}
    assert told(kept) == expected
    assert (kept.kept_files, kept.copies) == (audit.rules.kept_files, rules.copies)
    assert findings_json(audit.context) == (folder / "findings.json").read_bytes()
    assert va.verify(folder) == []  # by the same way as `load_audit`, to which only own checks come in another one
    if option in ("checks", "all"):
        assert findings_json(va.load_audit(folder).context) == findings_json(audit.context)


def test_each_option_changes_what_a_run_tells(snapshot: va.Snapshot, given: dict[str, Any]) -> None:
    plain = judge(snapshot, Rules.load(policy=FEW))
    before = (findings_json(plain.context), plain.brand)
    for option, value in given.items():
        audit = judge(snapshot, Rules.load(**{"policy": policy_for(option), option: value}))
        assert (findings_json(audit.context), audit.brand) != before, option


OTHERS: dict[str, Callable[[Path], Any]] = {
    "policy": lambda folder: "minimal",
    "waivers": lambda folder: write(folder / "other.yaml", WAIVERS.replace("W-1", "W-2")),
    "site": lambda folder: write(folder / "other.yaml", SITE.partition("assets")[0]),
    "checks": lambda folder: write(folder / "other" / "b.yaml", OWN_RULE.replace("ACME-010", "ACME-011")).parent,
    "frameworks": lambda folder: [write(folder / "other.yaml", HOUSE_FRAMEWORK.replace("House", "Yard"))],
    "review": lambda folder: write(folder / "other.json", '{"schema": 1, "source": "other.xlsx", "remarks": []}'),
    "sample": lambda folder: 5,
    "sample_seed": lambda folder: "November",
    "brand": lambda folder: write(folder / "other.yaml", BRAND.replace("Example", "Other")),
    "change_register": lambda folder: write(folder / "other.csv", REGISTER.replace("Wolff", "Other")),
}


@pytest.fixture(scope="module")
def run_of_all(collected: Path, workbook: Path, earlier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was judged by every option."""
    folder = tmp_path_factory.mktemp("all")
    shutil.copytree(collected, folder / "run")
    rules = Rules.load(**write_given(folder / "given", workbook, earlier))
    judge(va.load(folder / "run"), rules).write_outcome(folder / "run", formats=["json"])
    return folder / "run"


@pytest.fixture
def other_earlier(earlier: Path, tmp_path: Path) -> Path:
    """The same earlier run, where it is given again."""
    return Path(shutil.copytree(earlier, tmp_path / "other-earlier"))


@pytest.mark.parametrize("option", [name for name in NAMES if name not in ("baseline", "events")])
def test_what_is_given_outranks_what_is_kept(option: str, run_of_all: Path, tmp_path: Path) -> None:
    other = OTHERS[option](tmp_path)
    kept, mixed = told(Rules.kept(run_of_all)), told(Rules.kept(run_of_all, **{option: other}))
    assert [name for name in NAMES if mixed[name] != kept[name]] == [option]
    assert mixed[option] == told(Rules.load(**{option: other}))[option]


def test_a_given_baseline_outranks_the_kept_one(run_of_all: Path, other_earlier: Path) -> None:
    assert Rules.kept(run_of_all).baseline.kept
    assert Rules.kept(run_of_all, baseline=other_earlier).baseline == Baseline(other_earlier)


def test_given_events_outrank_the_kept_ones(run_of_all: Path, tmp_path: Path) -> None:
    kept = Rules.kept(run_of_all).events
    assert (kept.sha256, kept.found) == (Rules.kept(run_of_all, events=[]).events.sha256, None)
    given = Rules.kept(run_of_all, events=write(tmp_path / "other.xml", "<Events/>")).events
    assert (given.kept, given.is_given) == (b"", True)


def test_a_given_file_is_read_instead_of_a_copy_that_is_gone(
    run_of_all: Path, given: dict[str, Any], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(run_of_all, tmp_path / "run"))
    (folder / "frameworks" / "house.yaml").unlink()
    (folder / "brand.json").write_text("{", "utf-8")
    with pytest.raises(EvidenceError, match=r"house\.yaml of the run is missing"):
        Rules.kept(folder, brand=given["brand"])
    with pytest.raises(ConfigurationError, match=r"brand\.json"):
        Rules.kept(folder, frameworks=given["frameworks"])
    rules = Rules.kept(folder, frameworks=given["frameworks"], brand=given["brand"])
    assert told(rules) == told(Rules.load(**given))


def test_rules_that_were_read_once_judge_several_snapshots(
    collected: Path, snapshot: va.Snapshot, given: dict[str, Any]
) -> None:
    rules = Rules.load(**given)
    first, second = judge(snapshot, rules), judge(va.load(collected), rules)
    # What a run is compared with is worked out for each; all else is read once.
    assert dataclasses.replace(first.rules, baseline=rules.baseline).policy is second.rules.policy is rules.policy
    assert first.rules.kept_files == second.rules.kept_files
    assert findings_json(first.context) == findings_json(second.context)
    assert json.loads(findings_json(first.context))["run"]["sample_seed"] == "October"
    assert known_checks().ids == frozenset()
