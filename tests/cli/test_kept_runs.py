"""`check` and `report` on a saved run: nothing that somebody changed is written over, nothing that is there goes."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from command_line import invoke, write
from core_checks import text_of
from html_tables import Page
from workbook_parts import write_cells

from vbr_audit.collection import run_folder
from vbr_audit.pipeline import load_audit
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve

CODE = '''
import vbr_audit as va
@va.check("ACME-001", "Jobs have a name", severity="low", table="jobs", reads=("name",), remediation="Do: this.")
def judge(jobs, *, letters: int = 3):
    """It matters."""
    return (jobs["name"].str.len() > letters).astype("boolean")
'''
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'
FEW = text_of("EVD-001", "JOB-001", "JOB-003", "JOB-008")
"""A policy of few checks, which ask for jobs alone: what is kept is looked at here, not what is found."""
Take = Callable[..., Path]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small server, read once, as a folder without reports."""
    folder = tmp_path_factory.mktemp("collected") / "run"
    with pytest.MonkeyPatch.context() as patch, serve(jobs=7, sessions=20) as url:
        patch.setenv("VBR_AUDIT_USERNAME", DEMO_USERNAME)
        patch.setenv("VBR_AUDIT_PASSWORD", DEMO_PASSWORD)
        rules = write(folder.parent / "core.yaml", FEW)
        done = invoke("audit", url, "--out", folder, "--policy", rules, "--format", "json", "--fail-on", "never")
        assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def written(collected: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that gives the run with reports in these formats, which is made once and not to be changed."""

    @cache
    def write_formats(formats: str) -> Path:
        return load_audit(collected).save(tmp_path_factory.mktemp("written") / "run", formats=formats.split(","))

    return write_formats


@pytest.fixture
def take(collected: Path, written: Callable[[str], Path], tmp_path: Path) -> Take:
    """A function that writes the run into a new folder, judged and reported as its words say."""

    def judge(formats: str, **words: Any) -> Path:
        if not words:
            return Path(shutil.copytree(written(formats), tmp_path / "run"))
        return load_audit(collected, **words).save(tmp_path / "run", formats=formats.split(","))

    return judge


@pytest.mark.parametrize(
    ("command", "name"),
    [("check", "findings.csv"), ("report", "report.html"), ("check", "policy.yaml"), ("report", "manifest.json")],
)
def test_a_file_that_somebody_changed_is_not_written_over(run: Callable, take: Take, command: str, name: str) -> None:
    formats = "html,json,csv" if name == "report.html" else "json,csv"
    folder = take(formats)
    (folder / name).write_bytes(changed := (folder / name).read_bytes().replace(b"\n", b"\n\n", 1))
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    words = {"check": ("--fail-on", "never"), "report": ("--format", formats)}[command]
    refused = run(command, folder, *words)
    assert refused.exit_code == 2, refused.stdout
    assert f"{name} is not what SHA256SUMS says" in refused.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    forced = run(command, folder, *words, "--force")
    assert forced.exit_code == 0, forced.stderr
    assert name == "policy.yaml" or (folder / name).read_bytes() != changed
    assert run("verify", folder).exit_code == 0


def test_a_file_that_is_not_listed_is_not_written_over_either(run: Callable, take: Take) -> None:
    folder = take("json")
    (folder / "report.html").write_text("mine", "utf-8")
    refused = run("report", folder, "--format", "html")
    assert refused.exit_code == 2
    assert (folder / "report.html").read_text("utf-8") == "mine"
    (folder / run_folder.SUMS).unlink()
    assert run("check", folder, "--fail-on", "never").exit_code == 2


def test_evidence_that_somebody_changed_is_not_sealed_anew(run: Callable, take: Take) -> None:
    folder = take("json")
    (evidence,) = (folder / "evidence").glob("*.zip")
    evidence.write_bytes(evidence.read_bytes() + b"\0")
    for words in (("check", folder, "--fail-on", "never"), ("report", folder, "--format", "json")):
        refused = run(*words)
        assert refused.exit_code == 2
        assert f"evidence/{evidence.name} is not what SHA256SUMS says" in refused.stderr
        assert run(*words, "--force").exit_code == 0
        assert f"evidence/{evidence.name} was changed" in run("verify", folder).stderr


def test_remarks_in_the_workbook_are_refused_or_carried_over(run: Callable, take: Take) -> None:
    folder = take("xlsx,json")
    path = folder / "report.xlsx"
    write_cells(path, "Findings", {(2, "Reviewer note"): "see CHG-1"})
    for words in (("check", folder, "--fail-on", "never"), ("report", folder, "--format", "xlsx")):
        refused = run(*words)
        assert refused.exit_code == 2
        assert "report.xlsx" in refused.stderr
        assert "--review" in refused.stderr
    # Other formats are no danger to it, and do not make it anybody's word again.
    assert run("report", folder, "--format", "csv").exit_code == 0
    assert "report.xlsx was changed" in run("verify", folder).stderr
    assert run("check", folder, "--fail-on", "never", "--review", path).exit_code == 0
    heads, *rows = openpyxl.load_workbook(path, read_only=True)["Findings"].iter_rows(values_only=True)
    assert "see CHG-1" in [row[heads.index("Reviewer note")] for row in rows]
    assert run("verify", folder).exit_code == 0


def test_formats_that_were_not_asked_for_stay(run: Callable, take: Take) -> None:
    folder = take("json,csv,md")
    before = {name: (folder / name).read_bytes() for name in ("findings.json", "findings.csv")}
    assert run("report", folder, "--format", "md").exit_code == 0
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert run("verify", folder).exit_code == 0


def test_a_folder_never_holds_two_answers(run: Callable, take: Take) -> None:
    folder = take("json,csv")
    assert run("report", folder, "--format", "csv", "--sample", 4).exit_code == 0
    assert json.loads((folder / "findings.json").read_bytes())["run"]["sample_size"] == 4
    assert run("verify", folder).exit_code == 0


def test_report_tells_the_findings_of_own_checks_again(run: Callable, take: Take, tmp_path: Path) -> None:
    own, rules, accepted = tmp_path / "own", tmp_path / "rules.yaml", tmp_path / "waivers.yaml"
    own.mkdir()
    (own / "acme.py").write_text(CODE, "utf-8")
    rules.write_text(FEW + "  ACME-001: {enabled: true, params: {letters: 14}}\n", "utf-8")
    accepted.write_text(
        "version: 1\nwaivers:\n"
        '  - {id: W-1, check: ACME-001, object_name: "S*", owner: J, reason: fine, expires: 2027-01-31}\n',
        "utf-8",
    )
    folder = take("html,json,csv", checks=own, policy=rules, waivers=accepted)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    found = [row for row in json.loads(before["findings.json"])["findings"] if row["check_id"] == "ACME-001"]
    assert {(row["result"], row["status"]) for row in found} == {("PASS", "PASS"), ("FAIL", "FAIL"), ("FAIL", "WAIVED")}
    done = run("report", folder, "--format", "json,csv")
    assert done.exit_code == 0, done.stderr
    assert "the own checks of acme.py are not at hand, so their answers are those of the run" in done.stderr
    for name in ("findings.json", "findings.csv", "manifest.json"):
        assert (folder / name).read_bytes() == before[name], name
    assert run("report", folder, "--format", "html").exit_code == 0
    assert b"Jobs have a name" in (folder / "report.html").read_bytes()
    assert run("verify", folder, "--checks", own).exit_code == 0


def test_a_brand_is_kept_with_the_run(run: Callable, take: Take, tmp_path: Path) -> None:
    brand = tmp_path / "brand.yaml"
    (tmp_path / "logo.svg").write_text(SVG, "utf-8")
    brand.write_text('version: 1\nname: Example Ltd.\nlogo: logo.svg\ncolour: "#0a529c"\n', "utf-8")
    folder = take("html,json", brand=brand)
    before = (folder / "report.html").read_bytes()
    assert b"Example Ltd." in before
    brand.unlink()
    (tmp_path / "logo.svg").unlink()
    assert run("report", folder, "--format", "html").exit_code == 0
    assert (folder / "report.html").read_bytes() == before
    assert run("check", folder, "--fail-on", "never").exit_code == 0
    assert (folder / "report.html").read_bytes() == before
    assert run("verify", folder).exit_code == 0
    assert "brand.json" in (folder / run_folder.SUMS).read_text("utf-8")
    other = tmp_path / "other.yaml"
    other.write_text("version: 1\nname: Other Ltd.\n", "utf-8")
    assert run("report", folder, "--format", "json", "--brand", other).exit_code == 0
    assert b"Other Ltd." in (folder / "report.html").read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        '{"schema":1,"name":"x","logo":"javascript:alert(1)","colour":"","ink":"","accent_light":"","accent_dark":""}',
        '{"schema":1,"name":"x","logo":"data:image/svg+xml;base64,PHN2Zz4=","colour":"","ink":"","accent_light":"",'
        '"accent_dark":""}',
        '{"schema":1,"name":"x","logo":"","colour":"#000000;}</style>","ink":"","accent_light":"","accent_dark":""}',
        "[" * 100_000,
    ],
)
def test_a_kept_brand_is_not_taken_on_trust(run: Callable, take: Take, text: str) -> None:
    folder = take("json")
    (folder / "brand.json").write_text(text, "utf-8")
    run_folder.seal(folder)
    done = run("report", folder, "--format", "html")
    assert done.exit_code == 2
    assert "brand.json" in done.stderr
    assert not (folder / "report.html").exists()


def in_days(days: int) -> dt.date:
    return dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)


def waiver_lines(check: str, fitting: str) -> str:
    """Waivers of every state, for two failing objects of `check`; `fitting` is the name of the first."""
    about = {name: f'check: {check}, object_name: "{name}"' for name in (fitting, "no such object")}
    hit, miss = about[fitting], about["no such object"]
    rows = {
        "used": f"{hit}, approved_by: CISO, expires: {in_days(240)}",
        "soon": f"{hit}, approved_by: CISO, expires: {in_days(10)}",
        "future": f"{hit}, approved_by: CISO, created: {in_days(30)}, expires: {in_days(150)}",
        "unapproved": f"{hit}, expires: {in_days(150)}",
        "nothing": f"{miss}, expires: {in_days(150)}",
        "nothing-soon": f"{miss}, expires: {in_days(10)}",
        "expired": f"{hit}, expires: {in_days(-30)}",
        "expired-nothing": f"{miss}, expires: {in_days(-30)}",
        "long": f"{hit}, expires: {in_days(800)}",
        "long-nothing": f"{miss}, expires: {in_days(800)}",
    }
    lines = [f"  - {{id: {name}, {row}, owner: J, reason: fine}}\n" for name, row in rows.items()]
    return "version: 1\nwaivers:\n" + "".join(lines)


STATES = {
    **dict.fromkeys(("used", "future", "unapproved"), "in force"),
    "soon": "ends within 30 days",
    **dict.fromkeys(("nothing", "nothing-soon"), "fits nothing"),
    **dict.fromkeys(("expired", "expired-nothing"), "expired"),
    **dict.fromkeys(("long", "long-nothing"), "too long"),
}


def test_a_waiver_has_one_state_in_every_artefact(run: Callable, take: Take, collected: Path, tmp_path: Path) -> None:
    found = json.loads((collected / "findings.json").read_bytes())["findings"]
    row = next(row for row in found if row["status"] == "FAIL")
    accepted = tmp_path / "waivers.yaml"
    accepted.write_text(waiver_lines(row["check_id"], row["object_name"]), "utf-8")
    console = run("check", take("json"), "--waivers", accepted, "--fail-on", "never")
    assert console.exit_code == 0, console.stderr
    folder = load_audit(collected, waivers=accepted).save(tmp_path / "full", formats=["html", "xlsx", "json", "md"])

    page = Page((folder / "report.html").read_text("utf-8"))
    (register,) = [table.rows for table in page.tables if table.id == "table-waivers"]
    assert register[0][:2] == ["State", "Waiver"]
    states = {row[1]: row[0].lstrip("✓✕?⚑– ") for row in register[1:]}
    assert states == STATES
    header, *lines = openpyxl.load_workbook(folder / "report.xlsx", read_only=True)["Exceptions"].iter_rows(
        values_only=True
    )
    told = [dict(zip(header, line, strict=True)) for line in lines]
    book = {line["ID"]: line for line in told if line["Kind"] == "waiver"}
    assert {name: line["State"] for name, line in book.items()} == STATES
    document = json.loads((folder / "findings.json").read_bytes())
    kept = {line["id"]: line for line in document["waivers"]}
    assert {name: line["state"] for name, line in kept.items()} == STATES
    for name, line in kept.items():
        counts = (book[name]["Findings matched"], book[name]["Findings accepted"])
        assert counts == (line["findings_matched"], line["findings_accepted"]), name
    short = (folder / "summary.md").read_text("utf-8")
    for state in set(STATES.values()):
        names = sorted(name for name, value in STATES.items() if value == state)
        assert f"- {state}: {', '.join(names)}\n" in short

    assert "2 waivers have expired." in console.stdout
    assert "2 waivers are too long: they run for longer than the policy allows, and accept nothing." in console.stdout
    assert "2 waivers fit nothing." in console.stdout
    waived = [line for line in document["findings"] if line["status"] == "WAIVED" and line["waiver_id"]]
    assert f"{len(waived)} finding is accepted by waivers." in console.stdout
    assert sum(line["findings_accepted"] for line in kept.values()) == len(waived) == 1
    assert kept["used"]["findings_accepted"] == 1
