"""Every text that a server tells or a user gives is hostile, and nothing of it runs in anything that is written."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cmarkgfm import cmark, github_flavored_markdown_to_html
from hostile_answers import BARE, MARK, Place
from hostile_audits import FILES, RUNS, hostile_run, plain_answers, plain_snapshot, write_files
from html_tags import Tags
from jsonschema_rs import Draft202012Validator
from looking import NeedTool, open_pages, pdf_facts, print_to_pdf, too_wide
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from sarif_demands import sarif_faults
from trestle.oscal.assessment_results import Model
from typer.testing import CliRunner

import vbr_audit as va
from vbr_audit import pipeline
from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.cli import app
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports.data_files import data_contents
from vbr_audit.reports.exports.csv import FORMULA_STARTS
from vbr_audit.reports.exports.json import findings_schema
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.interface import ReportOptions
from vbr_audit.tables.build.naming import words_around

NEVER_HOSTILE: dict[Place, str] = {
    ("/api/v1/backups/*/backupFiles", "data[].backupId"): "the id in the path of the request, which must be one",
    ("/api/v1/agents/protectionGroups/*/discoveredEntities", "data[].protectionGroupId"): "the same",
}
"""Where a text stood that is hostile in no run, and why."""
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What steers a terminal or reorders a line."""
OWN_TAGS = {"iframe", "object", "embed", "base", "form", "frame", "portal", "foreignobject", "textarea", "image"}


def written(name: str, kind: str, folder: Path) -> Path:
    """The report of one run in one format, written unless it is there."""
    report = FORMATS[kind]
    path = folder / f"{name}-{report.file_name}"
    if not path.exists():
        report.write(hostile_run(name).audit.context, path, ReportOptions(sheets="all"))
    return path


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the large reports, which several tests read."""
    return tmp_path_factory.mktemp("reports")


def test_every_text_of_every_answer_is_hostile_in_some_run() -> None:
    seen = plain_answers().seen
    changed = {place for name in RUNS for place in hostile_run(name).changed}
    assert len(seen) > 400
    assert seen - changed == set(NEVER_HOSTILE)
    assert {place for name in RUNS for place in hostile_run(name).seen} >= seen


@pytest.mark.parametrize("name", RUNS)
def test_nothing_hostile_stands_in_the_words_of_a_check(name: str) -> None:
    audit = hostile_run(name).audit
    sentences, shipped = (
        audit.results.sentences.findings,
        audit.findings["check_id"].isin([check.id for check in REGISTRY.all()]).to_numpy(),
    )
    said = {text for column in sentences for text in sentences[column][shipped].dropna()}
    assert any(MARK in text for text in said)
    assert [text for text in said if MARK in words_around(text)] == []


def test_hostile_texts_reach_the_tables_and_no_check_breaks_over_them() -> None:
    known, hostile = set[tuple[str, str]](), set[tuple[str, str]]()
    for name in RUNS:
        audit = hostile_run(name).audit
        assert audit.summary.counts["ERROR"] == 0
        for table, frame in audit.snapshot.tables.items():
            for column in frame.select_dtypes("string"):
                values = set(frame[column].dropna()) - {""}
                if values:
                    known.add((table, column))
                if MARK in "\n".join(values).lower() or values & set(BARE):
                    hostile.add((table, column))
    assert known - hostile == TAME | LEFT_OUT


TAME: set[tuple[str, str]] = {
    *(("datasets", column) for column in ("name", "path", "query", "revision", "sha256", "status")),
    *(("servers", column) for column in ("revision", "revision_newest", "role", "tls", "url", "zone", "zone_source")),
    ("discovered_entities", "protection_group_id"),
    *(("job_settings", column) for column in ("control", "json_path")),
    *(("jobs", column) for column in ("seen_in", "settings_profile")),
    *(("repositories", column) for column in ("immutability_kind", "storage_class")),
    *(("scale_out_extents", column) for column in ("tier", "tier_reported")),
    *((table, "backup_id") for table in ("backup_files", "backup_objects")),
}
"""The columns that hold no text of the server: words of the tool, and the id that stands in the path of a request."""

_WORDS_OF_SESSIONS = ("result", "result_reported", "session_type", "session_type_reported", "state", "state_reported")
LEFT_OUT: set[tuple[str, str]] = {
    *(("restore_sessions", column) for column in (*_WORDS_OF_SESSIONS, "initiated_by")),
    *(("restore_tasks", column) for column in (*_WORDS_OF_SESSIONS, "type", "type_reported")),
}
"""The words of tables that are read by kind: a row of a hostile kind is one of another kind, and is left out whole."""


@pytest.mark.slow
@pytest.mark.browser
def test_pages_are_inert(need_tool: NeedTool, reports: Path, tmp_path: Path) -> None:
    pages = {}
    for name in RUNS:
        audit = hostile_run(name).audit
        for kind in ("html", "executive"):
            pages[written(name, kind, reports)] = kind
        page = tmp_path / f"{name}-notebook.html"
        page.write_text(notebook_of(audit), encoding="utf-8")
        pages[page] = "notebook"
    scripts = {"html": 1, "executive": 0, "notebook": 0}
    for path, seen in open_pages(list(pages), need_tool).items():
        assert (seen["dialogs"], seen["requests"], seen["csp"], seen["errors"]) == (0, [], [], []), path.name
        assert len(seen["scripts"]) == scripts[pages[path]], path.name
        assert not set(seen["tags"]) & OWN_TAGS, path.name
        assert not [name for name in seen["attributes"] if name.startswith("on")], path.name
        assert seen["addresses"] == [], path.name
        assert seen["marked"], path.name


@pytest.mark.slow
@pytest.mark.browser
def test_the_executive_page_is_one_sheet_whatever_it_says(need_tool: NeedTool, tmp_path: Path) -> None:
    one, two = (hostile_run(name).audit.context for name in RUNS)
    unverified = tuple(f"{place}{'W' * 500}" for place in range(20))
    paths = [tmp_path / "one.html", tmp_path / "two.html"]
    for path, each in zip(paths, (one, two), strict=True):
        run = dataclasses.replace(each, unverified=unverified)
        assert run.brand.name
        assert run.trend is not None
        FORMATS["executive"].write(run, path)
        assert pdf_facts(print_to_pdf(path, need_tool), need_tool)["Pages"] == "1", path.name
    FORMATS["executive-pdf"].write(dataclasses.replace(two, unverified=unverified), tmp_path / "executive.pdf")
    assert pdf_facts(tmp_path / "executive.pdf", need_tool)["Pages"] == "1"
    assert too_wide(paths, [320, 1000], need_tool) == {path.name: {} for path in paths}


def test_the_files_of_data_are_inert() -> None:
    reached = 0
    for name in RUNS:
        for file, content in data_contents(hostile_run(name).audit.context, ReportOptions()).items():
            text = b"".join(content()).decode("utf-8")
            assert not STEERING.search(text.replace("\r\n", "\n").replace("\n", "")), (name, file)
            for row in csv.reader(io.StringIO(text, newline="")):
                assert not [cell for cell in row if cell.startswith(FORMULA_STARTS) and not is_number(cell)], file
                reached += sum(cell[:1] == "'" for cell in row)
    assert reached > 100


def is_number(cell: str) -> bool:
    """Whether a cell is a negative number, as a column of numbers holds it."""
    return re.fullmatch(r"-\d+(\.\d+)?", cell) is not None


def test_the_texts_of_the_user_reach_the_reports(reports: Path) -> None:
    texts = "".join(written("one server", kind, reports).read_text("utf-8") for kind in ("html", "json"))
    with zipfile.ZipFile(written("one server", "xlsx", reports)) as book:
        texts += "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    reached = {int(number) for number in re.findall(r"given (\d+)", texts)}
    short, not_shown = {22, 31, 32}, {18, 20, 21, 29}  # which repositories and jobs a site file means, a source
    assert set(range(33)) - reached == short | not_shown
    assert {40, 43, 49, 50, 51, 52, 53, 54, 55, 60, 61, 62} <= reached


def notebook_of(audit: va.Audit) -> str:
    """What a notebook shows of an audit, as one page."""
    failing = audit.failed["finding_id"].iloc[0]
    shown = (audit, audit.snapshot, audit.policy, audit.explain(failing))
    cells = "".join(f"<div>{each._repr_html_()}</div>" for each in shown)
    return f'<!doctype html><html lang="en"><head><title>x</title><link rel="icon" href="data:,"></head>{cells}</html>'


@pytest.mark.slow
@pytest.mark.office
def test_no_cell_of_the_workbook_is_a_formula_or_an_error(need_tool: NeedTool, reports: Path, tmp_path: Path) -> None:
    books = {name: written(name, "xlsx", reports) for name in RUNS}
    read, out = books["two servers"], tmp_path / "out"
    # What is hostile in the other run is so in this one. A formula, an error or a link that LibreOffice made of a text
    # is shown as its value, and is missing from the texts: to write a workbook would tell no more.
    words = [need_tool("soffice", "libreoffice"), f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"]
    told = [*words, "--headless", "--convert-to", VALUES_AS_CSV, "--outdir", str(out), str(read)]
    subprocess.run(told, check=True, capture_output=True, timeout=300)
    for book in books.values():
        with zipfile.ZipFile(book) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        assert not [name for name in parts if "externalLink" in name or "vba" in name.lower()], book.name
        sheets = [data for name, data in parts.items() if name.startswith("xl/worksheets/sheet")]
        assert len(sheets) > 20
        for data in sheets:
            assert not re.search(rb"<f[ >/]", data), book.name
            assert not re.search(rb'<c [^>]*t="e"', data), book.name
        outside = [data for name, data in parts.items() if name.endswith(".rels") and b'TargetMode="External"' in data]
        assert outside == [], book.name
        assert any(MARK.encode() in data for data in parts.values())
        if book == read:
            shown = [path.read_bytes() for path in out.glob(f"{book.stem}-*.csv")]
            assert len(shown) == len(sheets)
            begun, shared = re.compile(rb"<t(?: [^>]*)?>[=+@-]"), parts["xl/sharedStrings.xml"].split(b"<si>")[1:]
            numbers = (int(number) for data in sheets for number in re.findall(rb' t="s"><v>(\d+)</v>', data))
            written_so = sum(len(begun.findall(data)) for data in sheets) + sum(
                begun.match(shared[number]) is not None for number in numbers
            )
            assert 0 < written_so == sum(shown_as_text(data) for data in shown), book.name


VALUES_AS_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,true,false,false,false,-1"
"""Of every sheet what its cells show, texts in quotes and all else without."""
VALUE = re.compile(rb"-?[\d.,:-]+( ?[\d:.]+)*( AM| PM|%)?|TRUE|FALSE")


def shown_as_text(sheet: bytes) -> int:
    """How many texts begin as a formula does and are shown as such; all else is a number, a date or a truth value."""
    pieces = sheet.split(b'"')  # outside and inside of quotes in turn; nothing is outside between two quotes in a text
    outside, inside = pieces[::2], pieces[1::2]
    for value in set(b",".join(outside).replace(b"\n", b",").split(b",")):
        assert not value or VALUE.fullmatch(value), value
    begun = [text for at, (before, text) in enumerate(zip(outside, inside, strict=False)) if before or not at]
    return sum(text[:1] in (b"=", b"+", b"@", b"-") for text in begun)


@pytest.mark.parametrize("name", RUNS)
def test_exports_are_guarded_and_valid(name: str, tmp_path: Path) -> None:
    for row in csv.reader(io.StringIO(written(name, "csv", tmp_path).read_text("utf-8"), newline="")):
        for cell in row:
            assert not cell.startswith(FORMULA_STARTS)
            assert not STEERING.search(cell)
    document = json.loads(checked(written(name, "json", tmp_path)))
    assert next(Draft202012Validator(json.loads(findings_schema())).iter_errors(document), None) is None
    for line in checked(written(name, "ocsf", tmp_path)).splitlines():
        ComplianceFinding.model_validate_json(line)
    assert sarif_faults(json.loads(checked(written(name, "sarif", tmp_path)))) == []
    Model.model_validate_json(checked(written(name, "oscal", tmp_path)))
    findings = len(hostile_run(name).audit.findings)
    assert len(list(ElementTree.fromstring(checked(written(name, "junit", tmp_path))).iter("testcase"))) == findings
    assert len(list(text_string_to_metric_families(checked(written(name, "openmetrics", tmp_path))))) > 20
    markdown = checked(written(name, "md", tmp_path))
    page = Tags(github_flavored_markdown_to_html(markdown, cmark.Options.CMARK_OPT_UNSAFE))
    assert page.tags <= MARKDOWN_TAGS
    assert page.attributes <= {"align"}


MARKDOWN_TAGS = {
    *("h1", "h2", "p", "strong", "ul", "li", "blockquote", "code"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


def checked(path: Path) -> str:
    """The text of a file in which nothing steers a terminal, with its texts hostile."""
    text = path.read_text("utf-8")
    assert MARK in text
    assert not STEERING.search(text.replace("\r\n", "\n")), path.name
    return text


@pytest.mark.parametrize("name", RUNS)
def test_the_terminal_is_not_steered(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit, run = hostile_run(name).audit, CliRunner().invoke
    out = audit.save(tmp_path / "run", formats=["json"])
    ids = audit.findings.drop_duplicates("status")["finding_id"]
    told, loaded, load = "", list[va.Audit](), pipeline.load_audit

    def load_once(folder: Path, **rules: Any) -> va.Audit:
        """The same run by the same rules each time, which need be judged once only."""
        assert {given for given, value in rules.items() if value} <= {"checks"}
        loaded.extend([] if loaded else [load(folder, **rules)])
        return loaded[0]

    for command, *more in (
        *([["verify"]] if name == "one server" else []),
        ["check", "--fail-on", "never", "--allow-incomplete"],
        *(["explain", found] for found in ids),
    ):
        if command != "verify":  # which judges anew whatever others have judged
            monkeypatch.setattr(pipeline, "load_audit", load_once)
        done = run(app, [command, str(out), *more])
        assert done.exit_code == 0, done.output
        told += done.output
    assert MARK in told
    assert not STEERING.search(told)
    for each in (audit, audit.snapshot, audit.policy, audit.explain(ids.iloc[0])):
        assert not STEERING.search(repr(each)), type(each)


@pytest.mark.parametrize("kind", FILES)
def test_half_characters_in_a_file_are_refused_with_their_line(kind: str, tmp_path: Path) -> None:
    path = write_files(tmp_path)[kind]
    text = path.read_text("utf-8")
    path.write_text(text.replace(" given ", "\\uD800 given ").replace("|`", "\\uD800"), encoding="utf-8")
    given: dict[str, Any] = {kind: path}
    if kind == "rules":
        given = {"checks": path.parent}
    if kind == "framework":
        given = {"frameworks": [path]}
    with pytest.raises(ConfigurationError, match=r"yaml:\d+: "):
        va.audit(plain_snapshot(), **given)


def test_files_whose_names_are_no_utf8_are_kept_and_told(tmp_path: Path) -> None:
    paths = {}
    for kind, path in write_files(tmp_path).items():
        try:
            paths[kind] = path.rename(path.with_name(os.fsdecode(b"caf\xe9-%s.yaml" % kind.encode())))
        except OSError:
            pytest.skip("this file system takes no such names")
    judged: dict[str, Any] = {kind: paths[kind] for kind in ("policy", "waivers", "site", "brand")}
    audit = va.audit(plain_snapshot(), checks=paths["rules"].parent, frameworks=[paths["framework"]], **judged)
    assert audit.policy.name == "caf?-policy.yaml"
    run = audit.save(tmp_path / "run", formats=["html", "xlsx", "json", "csv", "junit", "ocsf", "sarif", "oscal", "md"])
    assert va.verify(run) == []
