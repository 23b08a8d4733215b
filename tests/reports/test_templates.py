"""Templates of a user's own: which there are, what they may do, what is said of those that are wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from jinja2 import TemplateError as JinjaError
from jinja2.exceptions import TemplateNotFound
from templates_page import BLOCKS, blocks_of_pages, render_templates_page
from typer.testing import CliRunner

from vbr_audit.cli import app
from vbr_audit.errors import ConfigurationError, TemplateError
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.html.environment import make_environment
from vbr_audit.reports.html.example_run import HARM, example_context
from vbr_audit.reports.html.rendering import PAGES, given_to, render_html
from vbr_audit.reports.html.templates import (
    builtin_names,
    check_templates,
    copy_templates,
    list_templates,
    members_of,
    reachable,
)
from vbr_audit.reports.template_folder import builtin_templates

PAGE = Path(__file__).parents[2] / "docs" / "templates.md"
UPDATE = os.environ.get("VBR_AUDIT_UPDATE_DOCS") == "1"
FIRST = "{# vbr-audit templates: 1 #}"
EXTENDS = FIRST + '{% extends "builtin:compliance.html.j2" %}{% block branding %}'


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def rendered(text: str, folder: Path) -> str:
    """What a template prints of the invented run."""
    write(folder, "own.html.j2", text)
    context = example_context()
    return make_environment(folder).get_template("own.html.j2").render(report=context, csp="", css="", script="")


def test_the_page_about_templates_is_what_they_are_given() -> None:
    text = render_templates_page()
    if UPDATE:
        PAGE.write_text(text, encoding="utf-8")
    fresh = PAGE.read_text(encoding="utf-8") == text
    assert fresh, "stale: VBR_AUDIT_UPDATE_DOCS=1 pytest tests/reports/test_templates.py"


def test_the_page_names_every_field_block_and_template() -> None:
    text = render_templates_page()
    for cls in reachable():
        section = text.partition(f"\n### {cls.__name__}\n")[2].partition("\n### ")[0]
        for name in members_of(cls):
            assert f"| `{name}` |" in section
    assert blocks_of_pages() == set(BLOCKS)
    assert all(f"| `{name}` |" in text for name in builtin_names())
    links = set(re.findall(r"\]\(#(\w+)\)", text))
    assert links <= {cls.__name__.lower() for cls in reachable()}
    assert len({cls.__name__ for cls in reachable()}) == len(reachable())


def test_every_template_is_listed_with_its_purpose() -> None:
    files = list_templates()
    on_disk = {path.relative_to(builtin_templates()).as_posix() for path in builtin_templates().rglob("*.*")}
    assert {file.name for file in files} == on_disk - {"README.md"}
    assert all(file.purpose for file in files)
    told = CliRunner().invoke(app, ["templates", "list"])
    assert told.exit_code == 0
    assert "executive.html.j2" in told.stdout


def test_copies_render_the_same_page(tmp_path: Path, context: ReportContext) -> None:
    done = CliRunner().invoke(app, ["templates", "copy", "--all", "--to", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == len(builtin_names())
    assert check_templates(tmp_path) == ()
    for kind in PAGES:
        given = given_to(context, kind)
        assert render_html(context, tmp_path, kind=kind, given=given) == render_html(context, kind=kind, given=given)


def test_a_template_that_was_changed_is_compiled_anew(tmp_path: Path) -> None:
    assert [rendered(text, tmp_path) for text in ("one {{ 1 + 1 }}", "two {{ 1 + 1 }}", "one {{ 1 + 1 }}")] == [
        *("one 2", "two 2", "one 2")
    ]


def test_a_copy_replaces_nothing_unasked(tmp_path: Path) -> None:
    mine = write(tmp_path, "style.css", "mine")
    with pytest.raises(ConfigurationError, match=r"style\.css is there already"):
        copy_templates(["base.html.j2", "style.css"], tmp_path)
    assert mine.read_text() == "mine"
    assert not (tmp_path / "base.html.j2").exists()
    copy_templates(["style.css"], tmp_path, force=True)
    assert mine.read_text() != "mine"


def test_a_copy_of_what_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"'excutive\.html\.j2'; did you mean 'executive\.html\.j2'"):
        copy_templates(["excutive.html.j2"], tmp_path)
    runner = CliRunner()
    for words in ([], ["style.css", "--all"]):
        done = runner.invoke(app, ["templates", "copy", *words, "--to", str(tmp_path)])
        assert done.exit_code == 2
        assert "--all" in done.output


def test_nothing_is_wrong_with_good_templates(tmp_path: Path) -> None:
    write(tmp_path, "compliance.html.j2", EXTENDS + "{{ report.title }}{{ super() }}{% endblock %}")
    write(tmp_path, "executive.html.j2", '{% extends "builtin:executive.html.j2" %}')
    write(tmp_path, "partials/ours.html.j2", "{{ line }}")
    write(tmp_path, "partials/footer.html.j2", "{% for line in [1] %}{% include 'partials/ours.html.j2' %}{% endfor %}")
    write(tmp_path, "executiv.css", "p { margin: 0; }")
    done = CliRunner().invoke(app, ["templates", "check", str(tmp_path)])
    assert done.exit_code == 0, done.output
    notes = [line for line in done.stdout.splitlines() if line.startswith("Note:")]
    assert [note.rpartition("/")[2] for note in notes] == [
        "executiv.css takes the place of no built-in template, and nothing uses it; did you mean 'executive.css'?",
        "executive.html.j2 does not say for which version it is written; add {# vbr-audit templates: 1 #}",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("\n{{ reprot.title }}", ":2: there is no name 'reprot'; did you mean 'report'?"),
        ("\n\n{% if false %}{{ report.titel }}{% endif %}", ":3: report has no 'titel'; did you mean 'title'?"),
        ("{{ report.results.sumary }}", ":1: report.results has no 'sumary'; did you mean 'summary'?"),
        ("{{ page.wrnog }}", ":1: page has no 'wrnog'; did you mean 'wrong'?"),
        ("{% autoescape false %}{{ report.title }}{% endautoescape %}", ":1: escaping cannot be changed"),
        ("{%- autoescape true %}{% endautoescape %}", ":1: escaping cannot be changed"),
        ("{{ report.title|safe }}", ":1: No filter named 'safe'."),
        ("{{ report.title|percnt }}", ":1: No filter named 'percnt'."),
        ("\n{# vbr-audit templates: 7 #}", ":2: is written for version 7 of the templates, and this is version 1"),
        ("\n\n{% for %}", ":3: "),
        ("{% for tile in report.tiles %}{{ tile.vlue }}{% endfor %}", ":1: a value of type Tile has no 'vlue'"),
        ("{{ ''.__class__ }}", "unsafe"),
        ("{{ '%d'|format(report.title) }}", ":1: %d format: a real number is required, not str"),
        ("{% for x in range(10000000) %}{% endfor %}", ":1: Range too big."),
        ("{% include 'nothing.html.j2' %}", "no template called 'nothing.html.j2'"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    version = "" if "templates: 7" in text else FIRST
    body = f'{{% extends "builtin:compliance.html.j2" %}}{{% block header %}}{text}{{% endblock %}}'
    write(tmp_path, "compliance.html.j2", version + body)
    done = CliRunner().invoke(app, ["templates", "check", str(tmp_path)])
    assert done.exit_code == 2
    assert f"compliance.html.j2{fault}" in done.output or (fault[0] != ":" and fault in done.output)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "compliance.html.j2", "{{ reprot }}\n{{ pgae }}")
    write(tmp_path, "executive.html.j2", "{% if %}")
    write(tmp_path, "style.css", "</style>")
    (tmp_path / "script.js").write_bytes(b"\xff")
    with pytest.raises(TemplateError) as caught:
        check_templates(tmp_path)
    places = [line.removeprefix(f"{tmp_path}/").split(": ")[0] for line in caught.value.message.splitlines()]
    assert sorted(places) == [
        "compliance.html.j2:1",
        "compliance.html.j2:2",
        "executive.html.j2:1",
        "script.js",
        "style.css",
    ]


def test_what_asks_whether_a_name_is_there_is_no_fault(tmp_path: Path) -> None:
    text = EXTENDS + "{% if report.tomorrow is defined %}{{ report.tomorrow }}{% endif %}{% endblock %}"
    write(tmp_path, "compliance.html.j2", text.replace("{{ report.tomorrow }}", "yes"))
    assert check_templates(tmp_path) == ()


def test_wrong_templates_stop_an_audit_before_it_asks_a_server(tmp_path: Path) -> None:
    write(tmp_path, "t/executive.html.j2", "{{ brief.nothing }}")
    words = [
        "audit",
        "https://127.0.0.1:1",
        "-u",
        "x",
        "--templates",
        str(tmp_path / "t"),
        "--out",
        str(tmp_path / "o"),
    ]
    done = CliRunner().invoke(app, words, env={"VBR_AUDIT_PASSWORD": "x"})
    assert done.exit_code == 2
    assert "executive.html.j2:1: brief has no 'nothing'" in done.output


ESCAPES = (
    "{{ report.__class__ }}",
    "{{ report|attr('__class__') }}",
    "{{ '{0.__class__}'.format(report) }}",
    "{{ '{x.__init__}'.format_map({'x': report}) }}",
    "{{ report.snapshot.save('out') }}",
    "{{ report.snapshot.close() }}",
    "{{ report.manifest.to_json() }}",
    "{{ report.results.findings.to_csv('out.csv') }}",
    "{{ report.results.findings.to_pickle('out') }}",
    "{{ report.results.findings.eval('1 + 1') }}",
    "{{ report.results.findings.query('@pd.io.common.os.getcwd() != 1') }}",
    "{{ report.results.findings['title'].map(report.results.uses) }}",
    "{{ report.results.findings['title'].values.tofile('out') }}",
    "{{ report.results.findings.style.to_html('out') }}",
    "{{ report.results.findings.pipe(report.snapshot.save) }}",
    "{{ report.results.uses[0].check.function() }}",
    "{{ report.results.uses[0].check() }}",
    "{{ report.zone.fromutc.__self__ }}",
    "{{ report.summary.counts.update({'PASS': 7}) }}",
    "{{ self.__init__ }}",
    "{{ lipsum() }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ badge.__globals__ }}",
    "{% for x in range(10000000) %}{% endfor %}",
)


@pytest.mark.parametrize("text", ESCAPES)
def test_the_sandbox_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((JinjaError, OverflowError)):
        rendered(text, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["own.html.j2"]


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "builtin:../../pyproject.toml", "partials/../../x"])
def test_no_file_outside_is_reached(tmp_path: Path, name: str) -> None:
    write(tmp_path, "secret.txt", "secret")
    with pytest.raises(TemplateNotFound):
        rendered(f"{{% include '{name}' %}}", tmp_path / "own")


@pytest.mark.parametrize(
    "text",
    [
        "{{ report.servers_text }}",
        "{{ badge('PASS').word ~ report.servers_text }}",
        "{% set raw %}{{ report.servers_text }}{% endset %}{{ raw }}",
        "{% macro name(x) %}{{ x }}{% endmacro %}{{ name(report.servers_text) }}",
        "{{ '<b>%s</b>'|format(report.servers_text) }}",
        "{% set tag %}<b>{% endset %}{{ tag.replace('b', report.servers_text) ~ tag.join([report.servers_text]) }}",
        "{% set tag %}<b>{% endset %}{{ tag.format(report.servers_text) ~ (tag + report.servers_text) }}",
        "{{ [report.servers_text]|join('<br>') ~ report.servers_text|striptags ~ report.servers_text|tojson }}",
        "{{ report.results.findings.head(3).to_dict('records') }}",
    ],
)
def test_whatever_a_template_does_text_stays_text(tmp_path: Path, text: str) -> None:
    made = rendered(text, tmp_path)
    assert "<script" not in made
    assert "\u202e" not in made


def test_markup_cannot_be_made_of_text(tmp_path: Path) -> None:
    with pytest.raises(JinjaError, match="unsafe"):
        rendered("{% set tag %}<b>{% endset %}{{ tag.translate({98: report.servers_text}) }}", tmp_path)


def test_tables_can_be_read(tmp_path: Path) -> None:
    text = "{% for row in report.results.findings.head(2).to_dict('records') %}{{ row.check_id }};{% endfor %}"
    first = example_context().results.findings["check_id"].head(2).tolist()
    assert rendered(text, tmp_path) == "".join(f"{check_id};" for check_id in first)


def test_the_invented_run_has_what_templates_must_bear() -> None:
    context = example_context()
    counts = context.summary.counts
    assert all(counts[status] for status in ("PASS", "FAIL", "WAIVED", "UNKNOWN", "NOT_APPLICABLE"))
    assert context.results.incomplete
    assert context.unverified
    assert context.results.waivers.expired
    assert len(context.results.protected) > 0
    assert HARM in context.manifest.servers[1].name
