"""The fleet report: coverage first, the same numbers everywhere, a tenant's page without a word of another."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import orjson
import pytest
from hostile_answers import CORE, LEADS, LONG
from html_tables import Page
from looking import html_faults, look_at
from made_fleet import DIFFERENT, made_fleet, made_summary, many_servers
from typer.testing import CliRunner

from vbr_audit.cli import app
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.fleets.fleet import Fleet, load_fleet
from vbr_audit.fleets.html_report import fleet_page
from vbr_audit.fleets.picture import picture_of
from vbr_audit.fleets.population import Listed, Population, load_population
from vbr_audit.fleets.reporting import write_fleet
from vbr_audit.fleets.summaries import MOST_BYTES, CheckCount, Outcome, ServerSummary, not_audited

NeedTool = Callable[..., str]
MISSING = {1: "the server refused to sign in 'auditor'", 5: "cannot connect to 10.0.0.9:9419: timed out"}


def tables(text: str) -> dict[str, list[list[str]]]:
    """The rows of each table of a page by its id, without the header."""
    return {table.id: table.rows[1:] for table in Page(text).tables}


def sheet(path: Path, name: str) -> list[tuple[object, ...]]:
    """The rows of a sheet below its header."""
    book = openpyxl.load_workbook(path, read_only=True)
    return list(book[name].iter_rows(values_only=True))[1:]


def test_a_server_that_was_not_audited_counts_and_comes_first() -> None:
    picture = picture_of(many_servers(12, missing=MISSING))
    assert (picture.total, picture.judged, picture.coverage) == (12, 10, 10 / 12)
    assert picture.coverage_text == "2 of 12 servers were not audited."
    assert [line.summary.server for line in picture.lines[:2]] == ["vbr0001.example", "vbr0005.example"]
    assert sum(picture.grades.values()) == 12
    assert picture.grades["not audited"] == 2
    assert picture.matrix[0] == ("UNKNOWN",) * len(picture.check_ids)


def test_a_listed_server_that_nobody_asked_for_lowers_the_coverage() -> None:
    fleet = many_servers(4, missing={1: MISSING[1]})
    listed = [Listed(summary.server.upper()) for summary in fleet.summaries[:3]]
    picture = picture_of(fleet, Population((*listed, Listed("forgotten.example")), "cmdb.csv"))
    assert (picture.total, picture.judged) == (5, 3)
    assert picture.population is not None
    assert [(one.check_id, one.server.casefold()) for one in picture.population] == [
        ("FLT-001", "vbr0001.example"),
        ("FLT-001", "forgotten.example"),
        ("FLT-002", "vbr0003.example"),
    ]


def test_the_worst_servers_come_first_by_grade_then_by_causes() -> None:
    picture = picture_of(many_servers(60))
    order = list(picture.grades)
    grades = [order.index(line.grade) for line in picture.lines]
    assert grades == sorted(grades)
    assert len(picture.worst) == 20
    critical = [line.summary.point.causes["critical"] for line in picture.worst if line.summary.point is not None]
    assert critical == sorted(critical, reverse=True)


def test_causes_that_servers_share_are_counted_once_a_server_and_never_for_one_that_was_not_asked() -> None:
    two, one = made_summary("a.example", share=0), made_summary("b.example", share=0)

    def failing(summary: ServerSummary, objects: int) -> ServerSummary:
        own = CheckCount(check_id="JOB-003", counts=(0, objects, 0, 0, 0, 0), severity="low")
        rest = tuple(check for check in summary.checks if check.check_id != "JOB-003")
        return summary.model_copy(update={"checks": (*rest, own)})

    silent = made_summary("c.example", share=0)
    silent = silent.model_copy(update={"checks": tuple(c for c in silent.checks if c.check_id != "JOB-003")})
    picture = picture_of(made_fleet(failing(two, 3), failing(one, 4), silent))
    (shared,) = picture.shared
    assert (shared.check_id, shared.servers, shared.asked, shared.objects) == ("JOB-003", 2, 2, 7)
    assert (
        picture.matrix[[line.summary.server for line in picture.lines].index("c.example")][
            picture.check_ids.index("JOB-003")
        ]
        == ""
    )


def test_page_workbook_and_file_say_the_same_numbers(tmp_path: Path) -> None:
    fleet = many_servers(45, tenants=3, missing=MISSING)
    picture, paths = write_fleet(fleet, tmp_path)
    shown = tables((tmp_path / "fleet.html").read_text("utf-8"))
    servers = {row[0]: row for row in sheet(tmp_path / "fleet.xlsx", "Servers")}
    assert len(shown["table-servers"]) == len(servers) == picture.total == 45
    for row in shown["table-servers"]:
        name = row[0].split("example")[0] + "example"
        ours = servers[name]
        if ours[2] == Outcome.NOT_AUDITED:
            assert row[2] == "not known"
            assert ours[5] is None
        else:
            assert [row[2], row[3]] == [f"{ours[5]:,}", f"{ours[6]:,}"]
            assert row[1] == ours[3]
    document = orjson.loads((tmp_path / "fleet.json").read_bytes())
    assert len(document["servers"]) == 45
    again = load_fleet(tmp_path)
    assert again.summaries == fleet.summaries
    shared = sheet(tmp_path / "fleet.xlsx", "Shared causes")
    assert [(row[1], row[3]) for row in shared] == [(one.check_id, one.servers) for one in picture.shared]
    assert len([path for path in paths if path.parent.name == "tenants"]) == 3


def test_the_page_of_a_tenant_holds_no_word_of_another(tmp_path: Path) -> None:
    fleet = many_servers(30, tenants=3, missing=MISSING)
    population = Population(tuple(Listed(f"list-{number}.example", f"Tenant-{number:02}") for number in range(3)), "l")
    write_fleet(fleet, tmp_path, population=population)
    for number in range(3):
        text = (tmp_path / "tenants" / f"tenant-{number:02}.html").read_text("utf-8")
        own = {summary.server for summary in fleet.summaries if summary.tenant == f"Tenant-{number:02}"}
        assert all(name in text for name in own)
        assert f"list-{number}.example" in text
        others = {summary.server for summary in fleet.summaries} - own
        others |= {f"Tenant-{other:02}" for other in range(3) if other != number}
        others |= {f"list-{other}.example" for other in range(3) if other != number}
        assert [name for name in others if name in text] == []


def test_hostile_names_stay_text_on_the_page_and_in_the_workbook(tmp_path: Path, need_tool: NeedTool) -> None:
    names = [*LEADS, CORE, "x" * LONG, "\u0645\u0644\u0641 " * 60, "n" * 500]
    summaries = [
        made_summary(f"{place} {name}", tenant=f"{name} {place}", share=0.2).model_copy(
            update={"server_id": str(place), "build": name, "policy_name": name, "reasons": (name,)}
        )
        for place, name in enumerate(names)
    ]
    summaries += [not_audited(f"gone {name}", name, tenant=name) for name in LEADS]
    write_fleet(made_fleet(*summaries), tmp_path, title=CORE)
    with zipfile.ZipFile(tmp_path / "fleet.xlsx") as book:
        sheets = [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) > 2
    assert not [data for data in sheets if re.search(rb'<f[ >/]|<c [^>]*t="e"', data)]
    seen = look_at(tmp_path / "fleet.html", need_tool, "phone", rules=False)
    assert (seen["dialogs"], seen["requests"], seen["csp"], seen["errors"]) == (0, [], [], [])
    assert seen["looks"]["phone"]["overflow"] <= 0


def test_what_is_written_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_fleet(many_servers(4, tenants=2), tmp_path / "made" / "fleet")
    finally:
        os.umask(before)
    place = tmp_path / "made" / "fleet"
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (place, *place.rglob("*"))}
    assert len(modes) > 5
    assert modes == {path: 0o700 if path.is_dir() else 0o600 for path in modes}


@pytest.mark.browser
def test_the_page_is_accessible_breaks_no_policy_and_is_no_wider_than_a_phone(
    tmp_path: Path, need_tool: NeedTool
) -> None:
    write_fleet(many_servers(8, tenants=2, missing=MISSING), tmp_path)
    seen = look_at(tmp_path / "fleet.html", need_tool)
    assert (seen["dialogs"], seen["requests"], seen["csp"], seen["errors"]) == (0, [], [], [])
    for name, found in seen["looks"].items():
        assert found["violations"] == [], name
        assert found["overflow"] <= 0, name
    assert html_faults([tmp_path / "fleet.html"], need_tool) == ""


@pytest.mark.parametrize("number", [0, 1, 1000])
def test_a_fleet_of_any_size_is_reported_small(number: int, tmp_path: Path) -> None:
    fleet = many_servers(number)
    write_fleet(fleet, tmp_path)
    assert (tmp_path / "fleet.html").stat().st_size < 5_000_000
    assert (tmp_path / "fleet.xlsx").stat().st_size < 5_000_000
    assert all(len(summary.to_json()) <= MOST_BYTES for summary in fleet.summaries[:DIFFERENT])


def test_equal_fleets_give_equal_pages() -> None:
    first, second = (fleet_page(picture_of(many_servers(9, tenants=2, missing=MISSING))) for _ in range(2))
    assert first == second


def test_a_summary_is_small_whatever_a_server_is_called() -> None:
    summary = made_summary("n" * 300)
    huge = summary.model_copy(
        update={
            "server": "n" * 300,
            "worst": summary.worst * 20,
            "checks": tuple(
                CheckCount(check_id=f"OWN-{number}", counts=(1, 1, 0, 0, 0, 0), severity="high", title="t" * 300)
                for number in range(2_000)
            ),
        }
    )
    content = huge.to_json()
    assert len(content) <= MOST_BYTES
    back = ServerSummary.model_validate_json(content)
    assert back.checks_cut
    picture = picture_of(made_fleet(back, made_summary("other.example")))
    at = [line.summary.server for line in picture.lines].index(back.server)
    assert picture.matrix[at][picture.check_ids.index("JOB-003")] == "UNKNOWN"


def test_shards_add_up_and_a_server_in_two_of_them_is_refused(tmp_path: Path) -> None:
    fleet = many_servers(7)
    parts = [Fleet(fleet.summaries[start::3], fleet.now, f"batch{start}") for start in range(3)]
    for place, part in enumerate(parts):
        part.save(tmp_path / str(place))
    merged = load_fleet(*(tmp_path / str(place) for place in range(3)))
    assert {summary.server for summary in merged.summaries} == {summary.server for summary in fleet.summaries}
    with pytest.raises(ConfigurationError, match="in common"):
        load_fleet(tmp_path / "0", tmp_path / "0")
    renamed = fleet.summaries[0].model_copy(update={"server": "another name"})
    made_fleet(renamed).save(tmp_path / "alias")
    with pytest.raises(ConfigurationError, match="the id in common"):
        load_fleet(tmp_path / "0", tmp_path / "alias")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{}", EvidenceError),
        (b"not json", EvidenceError),
        (b'{"schema": 99}', EvidenceError),
        (None, ConfigurationError),
    ],
)
def test_a_file_that_is_no_fleet_is_an_error_in_words(tmp_path: Path, content: bytes | None, error: type) -> None:
    if content is not None:
        (tmp_path / "fleet.json").write_bytes(content)
    with pytest.raises(error) as caught:
        load_fleet(tmp_path)
    assert caught.value.hint


def test_the_fleet_of_a_newer_version_is_refused_and_unknown_fields_are_passed_over(tmp_path: Path) -> None:
    path = many_servers(1).save(tmp_path)
    document = orjson.loads(path.read_bytes())
    document["servers"][0] |= {"unknown": 1}
    path.write_bytes(orjson.dumps(document))
    assert len(load_fleet(path).summaries) == 1
    path.write_bytes(orjson.dumps(document | {"schema": 2}))
    with pytest.raises(EvidenceError, match="newer version"):
        load_fleet(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("server\na\n", "list.csv:1: no column name"),
        ("name;owner\na;b\n", "list.csv:1: unknown column owner"),
        ("name,tenant\na\n", "list.csv:2: 1 cells, not 2"),
        ("name\na\n\nA\n", "list.csv:4: A is in line 2 too"),
        ("name,tenant\n,x\n", "list.csv:2: no name"),
        ("", "list.csv:1: no column name"),
    ],
)
def test_a_wrong_list_of_servers_is_an_error_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_population(path)
    assert caught.value.message == words


def test_the_share_that_must_be_audited_decides_the_exit_code(tmp_path: Path) -> None:
    many_servers(10, missing=MISSING).save(tmp_path / "fleet")
    listed = tmp_path / "list.csv"
    listed.write_text("name\n" + "".join(f"vbr{place:04}.example\n" for place in range(20)), encoding="utf-8")
    words = ["fleet", "report", str(tmp_path / "fleet"), "--out", str(tmp_path / "out"), "--format", "json"]

    def code(*more: str) -> int:
        return CliRunner().invoke(app, [*words, *more]).exit_code

    assert code() == 4
    assert code("--min-coverage", "81%") == 4
    assert code("--min-coverage", "80%", "--fail-on", "never") == 0
    assert code("--min-coverage", "0.8") == 1
    assert code("--min-coverage", "80%", "--fail-on", "never", "--population", str(listed)) == 4
    assert code("--min-coverage", "40%", "--fail-on", "never", "--population", str(listed)) == 0
    for wrong in ("101%", "x", "-1", ""):
        assert code("--min-coverage", wrong) == 2
    assert code("--format", "pdf") == 2
    told = CliRunner().invoke(app, [*words, "--min-coverage", "80%"]).stdout
    assert "2 of 10 servers were not audited." in told
    assert re.search(r"vbr0005\.example: cannot connect", told)
