"""Hostile files: devices, pipes, bombs and links where a policy, a brand, a workbook or a template was expected."""

from __future__ import annotations

import contextlib
import os
import time
import zipfile
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from command_line import write

from vbr_audit.checks.logic.operators import safe_pattern
from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.checks.site import load_site
from vbr_audit.collection import evidence as evidence_module
from vbr_audit.collection.evidence import EvidenceFile
from vbr_audit.config import given_file
from vbr_audit.config.given_file import read_given
from vbr_audit.errors import ConfigurationError, EvidenceError, TemplateError
from vbr_audit.findings.waivers import load_waivers
from vbr_audit.reports.brand import load_brand
from vbr_audit.reports.html.environment import make_environment
from vbr_audit.reports.html.templates import check_templates
from vbr_audit.reports.review import load_review
from vbr_audit.reports.waiver_register import read_register
from vbr_audit.scrub.pseudonyms import load_key
from vbr_audit.spreadsheet import reading as excel_reading

Load = Callable[[Path], object]

READERS: tuple[Load, ...] = (load_policy, load_waivers, load_site, load_brand, load_review, read_register, load_key)
SHEET = (
    '<?xml version="1.0"?>{doctype}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    "{dimension}<sheetData>{rows}</sheetData></worksheet>"
)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_file, "_PIPE_WAITS_S", 0.2)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("load", READERS)
@pytest.mark.parametrize("trap", ["pipe", "device", "endless device", "folder", "loop"])
def test_what_is_no_file_is_refused_and_holds_nobody_up(load: Load, trap: str, tmp_path: Path) -> None:
    path = tmp_path / "given"
    if trap == "pipe":
        os.mkfifo(path)
    elif trap == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": "/dev/null", "endless device": "/dev/zero", "loop": path}[trap])
    started = time.monotonic()
    with pytest.raises(ConfigurationError):
        load(path)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("load", [load_policy, load_waivers, load_site, load_brand, load_key])
def test_a_file_of_a_terabyte_of_holes_is_not_read(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "given.yaml"
    with path.open("wb") as stream:
        stream.truncate(1024**4)
    monkeypatch.setattr(given_file.read_given, "__kwdefaults__", {"most": 2 * 1024**2})
    with pytest.raises(ConfigurationError, match=r"larger than 2 MB|cannot"):
        load(path)


def test_a_pipe_of_the_shell_is_read_to_its_end() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"version: 1\n")
    os.close(write_end)
    try:
        assert read_given(Path(f"/dev/fd/{read_end}")) == b"version: 1\n"
    finally:
        os.close(read_end)


BOMBS = {
    "anchors": "version: 1\na: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n",
    "merge keys": "version: 1\n<<: {a: 1}\n",
    "tags": "version: !!python/object/apply:os.system ['id']\n",
    "deep": "version: " + "[" * 500_000 + "]" * 500_000,
    "deep blocks": "version: 1\n" + "".join(" " * depth + "a:\n" for depth in range(2_000)),
    "huge number": f"version: {'9' * 10_000}\n",
    "no number": "version: .inf\n",
    "date": "version: 99999-99-99\n",
    "control": "version: 1\nname: \x1b[31m\n",
    "directives": "%YAML 9.9\n---\nversion: 1\n",
    "two documents": "version: 1\n---\nversion: 1\n",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_yaml_that_would_do_harm_is_refused_at_once(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(ConfigurationError):
        load_policy(text + "\n")
    assert time.monotonic() - started < 5


def workbook(path: Path, rows: str = "", *, sheet: str = "Findings", dimension: str = "", doctype: str = "") -> Path:
    """A workbook of one sheet, whose XML is written as it is given."""
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = sheet
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = SHEET.format(rows=rows, dimension=dimension, doctype=doctype).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def row(number: int, *texts: str) -> str:
    cells = "".join(
        f'<c r="{chr(65 + place)}{number}" t="inlineStr"><is><t>{text}</t></is></c>' for place, text in enumerate(texts)
    )
    return f'<row r="{number}">{cells}</row>'


HEADER = row(1, "Finding ID", "Reviewer status", "Reviewer note")
ENTITIES = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)


@pytest.mark.parametrize(
    ("rows", "doctype"),
    [
        (HEADER + row(10**15, "0" * 16, "Open"), ""),
        (HEADER + row(2, "&j;", "Open"), ENTITIES),
        (HEADER + row(2, "&f;", "Open"), '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'),
    ],
    ids=["row of a million millions", "entities", "entity of a file"],
)
def test_a_sheet_that_would_never_end_ends(rows: str, doctype: str, tmp_path: Path) -> None:
    path = workbook(tmp_path / "review.xlsx", rows, doctype=doctype)
    started = time.monotonic()
    with contextlib.suppress(ConfigurationError):
        assert not load_review(path).remarks
    assert time.monotonic() - started < 30


def test_a_register_that_reaches_a_million_rows_far_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "w.xlsx", row(1, "id") + row(10**12, "x"), sheet="Waivers")
    with pytest.raises(ConfigurationError, match="reaches to row"):
        read_register(path)


def test_no_remark_is_lost_where_a_workbook_lies_about_its_size(tmp_path: Path) -> None:
    rows = HEADER + row(2, "0" * 16, "Open", "one") + row(3, "1" * 16, "Fixed", "two")
    review = load_review(workbook(tmp_path / "r.xlsx", rows, dimension='<dimension ref="A1:B2"/>'))
    assert {remark.note for remark in review.remarks.values()} == {"one", "two"}


@pytest.mark.parametrize("load", [load_review, read_register])
def test_a_workbook_that_unpacks_to_gigabytes_is_not_unpacked(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel_reading, "_MOST_UNPACKED", 1024**2)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b" " * 8 * 1024**2)
    with pytest.raises(ConfigurationError, match="unpacked it has 8 MB"):
        load(path)


def test_a_page_of_evidence_that_unpacks_to_gigabytes_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_module, "MOST_PAGE", 1024**2)
    with zipfile.ZipFile(tmp_path / "vbr.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("jobs/000000000.json", b" " * 8 * 1024**2)
    with pytest.raises(EvidenceError, match="holds more than 1 MB"):
        list(EvidenceFile(tmp_path / "vbr.zip").pages("jobs"))


def test_names_in_the_zip_of_a_run_lead_nowhere(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "vbr.zip", "w") as archive:
        for name in ("../../evil.json", "/etc/evil.json", "jobs/../../../evil.json", "jobs/a\\..\\b.json"):
            archive.writestr(name, b"{}")
    assert list(EvidenceFile(tmp_path / "vbr.zip").pages("jobs")) == [b"{}", b"{}"]
    assert [path.name for path in tmp_path.rglob("*")] == ["vbr.zip"]


@pytest.mark.parametrize("target", ["/etc/passwd", "/dev/zero", "../outside.j2"])
def test_a_link_in_a_folder_of_templates_brings_nothing_in(target: str, tmp_path: Path) -> None:
    write(tmp_path / "outside.j2", "outside")
    folder = tmp_path / "mine"
    write(folder / "extra.html.j2", "{% include 'x.j2' %}")
    (folder / "x.j2").symlink_to(target)
    with pytest.raises(TemplateError, match="no template called"):
        check_templates(folder)


def test_a_link_within_a_folder_of_templates_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "a.j2", "inside")
    (tmp_path / "b.j2").symlink_to("a.j2")
    assert make_environment(tmp_path).get_template("b.j2").render() == "inside"


@pytest.mark.parametrize(
    "text", ["{{ 9 ** 9 ** 9 }}", "{{ 'a' * 10000000000 }}", "{{ [0] * 10000000000 }}", "{{ 10000000000 * 'a' }}"]
)
def test_no_expression_fills_the_memory_or_counts_for_ever(text: str) -> None:
    from jinja2 import TemplateRuntimeError

    template = make_environment().from_string(text)
    with pytest.raises(TemplateRuntimeError):
        template.render()


def test_numbers_can_be_multiplied_in_a_template() -> None:
    assert make_environment().from_string("{{ 6 * 7 }}").render() == "42"


@pytest.mark.parametrize("text", [f"{{{{ {'(' * 5000}1{')' * 5000} }}}}", "{% if 1 %}" * 2000 + "{% endif %}" * 2000])
def test_a_template_nested_too_deeply_is_a_fault_of_the_template(text: str, tmp_path: Path) -> None:
    write(tmp_path / "deep.j2", text)
    with pytest.raises(TemplateError, match="nested too deeply"):
        check_templates(tmp_path)


ENDLESS = (
    *("(a+)+$", "(a|a)*$", "(.*a){20}", "((a*)b?)*c", "(?:a{1,3}){1,50}b", "(x+x+)+y", "(?i:a+)+b"),
    *("(a?){30}a{30}", "a?" * 60 + "a" * 60, "(a|a)" * 33 + "b", "(?:aa?)+b", "a??" * 50 + "a" * 50),
)


@pytest.mark.parametrize("pattern", ENDLESS)
def test_a_pattern_that_would_run_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"repetition|alternatives"):
        safe_pattern(pattern)
    with pytest.raises(ConfigurationError, match="JOB-025"):
        load_policy(f"version: 1\nchecks: {{JOB-025: {{params: {{pattern: '{pattern}'}}}}}}\n")


@pytest.mark.parametrize(
    "pattern", ["(SQL|EXCH|FILE|AD)-\\d{2}(-(DAILY|WEEKLY))?", "[A-Z]+_.*", "(?:prod|test)-[a-z]+-\\d+", "x?y?z?"]
)
def test_a_pattern_of_everyday_is_taken(pattern: str) -> None:
    assert safe_pattern(pattern) == pattern


@pytest.mark.parametrize("pattern", ["*a" * 100 + "b", "*?" * 90 + "b", "[!a]*" * 40, "[" * 200])
def test_a_pattern_of_job_names_never_runs_for_ever(pattern: str) -> None:
    started = time.monotonic()
    fnmatchcase("a" * 5_000, pattern)
    assert time.monotonic() - started < 5
