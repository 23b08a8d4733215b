"""`vbr-audit mcp`: a real client asks a real history over stdio, and nothing is written or reached."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest
from command_line import invoke
from core_checks import CORE_TEXT

import vbr_audit as va
from vbr_audit import simulator
from vbr_audit.asking.answer_data import MOST_BYTES, MOST_ROWS, MOST_TEXT, rows_told, shown
from vbr_audit.collection.files import sha256_of
from vbr_audit.collection.manifest import standing_clock
from vbr_audit.display import plain
from vbr_audit.histories.archive import Entry, NewRun, add_run
from vbr_audit.pipeline import add_saved_run

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
WATCH = """\
import os, sys
log = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
told = {"socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.mkdir",
    "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.utime", "shutil.move"}
def hook(event, args):
    writes = event == "open" and not isinstance(args[0], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if event in told or writes:
        os.write(log, f"{event} {args!r}\\n".encode("utf-8", "replace"))
sys.addaudithook(hook)
"""
"""What the process of the server does to files and to the network, as it starts and to its end."""
HOSTILE_QUERIES = (
    "SELECT * FROM read_text('/etc/passwd')",
    "COPY findings TO 'out.csv'",
    "ATTACH 'x.db'",
    "SELECT 1; DROP TABLE findings",
    "SELECT getenv('HOME')",
    "SELECT * FROM 'https://127.0.0.1:9/x.csv'",
    "SELECT \x1b[31m\u202e",
)


class Answer(NamedTuple):
    """What a tool answered: its structured content, and the text beside it."""

    data: Mapping[str, Any]
    text: str
    is_error: bool


class Asked(NamedTuple):
    """All that a client saw of one server."""

    instructions: str
    tools: Mapping[str, Any]
    answers: Mapping[str, Answer]
    seen: str
    said: str
    unchanged: bool
    folder: Path
    added: str
    """The id of the run that was added while the server ran."""


@pytest.fixture(scope="module")
def kept(new_runs: tuple[NewRun, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of two runs of one server, and of one in between whose names are hostile."""
    place = tmp_path_factory.mktemp("asked")
    now = dt.datetime(2026, 9, 15, 6, 30, tzinfo=dt.UTC)
    with (
        simulator.serve(jobs=4, sessions=40, now=now, role="Administrator", hostile=True) as url,
        standing_clock(now),
        va.connect(url, username=simulator.DEMO_USERNAME, password=simulator.DEMO_PASSWORD, name="vbr02") as client,
    ):
        snapshot = va.collect(client, policy=CORE_TEXT, progress=False)
    hostile = va.audit(snapshot, policy=CORE_TEXT).save(place / "hostile", formats=["json"])
    for run in new_runs[-2:]:
        add_run(place / "history", run)
    add_saved_run(place / "history", hostile)
    return place / "history"


def files_of(folder: Path) -> dict[str, tuple[str, int]]:
    return {str(path): (sha256_of(path), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def asked(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Every tool asked once and more by the client of the package mcp, through a process of its own."""
    from mcp import Client, StdioServerParameters  # slow to import: only the worker that asks does so

    place = tmp_path_factory.mktemp("server")
    history = place / "history"
    *_, last = va.history(kept).archive.runs
    shutil.copytree(kept, history, ignore=shutil.ignore_patterns(last.path.name))
    (place / "sitecustomize.py").write_text(WATCH, "utf-8")
    (place / "work").mkdir()
    path = os.pathsep.join(filter(None, [str(place), os.environ.get("PYTHONPATH")]))
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "vbr_audit", "mcp", str(history)],
        env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "SEEN": str(place / "seen.txt")},
        cwd=place / "work",
    )
    answers = dict[str, Answer]()

    async def ask() -> tuple[str, Mapping[str, Any], bool]:
        async with Client(server, read_timeout_seconds=120) as client:

            async def call(label: str, tool: str, **words: Any) -> Mapping[str, Any]:
                found = await client.call_tool(tool, words)
                text = "".join(getattr(each, "text", "") for each in found.content)
                answers[label] = Answer(found.structured_content or {}, text, bool(found.is_error))
                return answers[label].data

            await ask_while_a_run_is_added(call, history, last)
            before = files_of(history)
            await ask_all(call)
            unchanged = files_of(history) == before
            (history / "pins").mkdir()
            (history / "pins" / last.record.run_id).touch()
            await call("pinned", "list_runs")
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            return client.instructions or "", tools, unchanged

    with (place / "stderr.txt").open("w+", encoding="utf-8") as errors:
        saved = os.dup(2)
        os.dup2(errors.fileno(), 2)
        try:
            instructions, tools, unchanged = anyio.run(ask)
        finally:
            os.dup2(saved, 2)
            os.close(saved)
    seen, said = (place / "seen.txt").read_text("utf-8"), (place / "stderr.txt").read_text("utf-8")
    unchanged = unchanged and not list((place / "work").iterdir())
    return Asked(instructions, tools, answers, seen, said, unchanged, history, last.record.run_id)


async def ask_while_a_run_is_added(call: Callable[..., Any], history: Path, run: Entry) -> None:
    await call("before", "list_runs")
    await call("newest before", "findings", limit=1)
    shutil.copytree(run.path, history / ".adding-it")
    await call("during", "list_runs")
    (history / ".adding-it").rename(history / run.path.name)
    await call("after", "list_runs")
    await call("newest after", "findings", limit=1)


async def ask_all(call: Callable[..., Any]) -> None:
    runs = (await call("runs", "list_runs"))["rows"]
    hostile = next(run["run_id"] for run in runs if run["servers"] == "vbr02")
    await call("one run", "list_runs", limit=1)
    await call("next run", "list_runs", limit=1, offset=1)
    failing = await call("failing", "findings", status="FAIL", limit=3)
    await call("all", "findings", limit=MOST_ROWS)
    first = failing["rows"][0]
    words = {"server": first["server"], "check": first["check_id"].lower(), "severity": first["severity"]}
    await call("chosen", "findings", **words)
    await call("explained", "explain", finding=first["finding_id"])
    await call("causes", "causes")
    await call("changes", "changes")
    await call("no changes", "changes", run=runs[-1]["run_id"])
    found = await call("hostile", "findings", run=hostile, limit=MOST_ROWS)
    evil = next(row for row in found["rows"] if row["status"] == "FAIL" and "⟨" in row["object_name"])
    await call("hostile explained", "explain", run=hostile, finding=evil["finding_id"])
    await call("hostile causes", "causes", run=hostile, limit=MOST_ROWS)
    await call(
        "counted", "select", query="SELECT run_id, count(*) AS many FROM findings GROUP BY run_id ORDER BY run_id"
    )
    await call("names", "select", query=f"SELECT DISTINCT object_name FROM findings WHERE run_id = '{hostile}'")
    await call("long", "select", query=f"SELECT range, repeat('x', {MOST_TEXT + 1}) AS long FROM range(1000000000000)")
    await call(
        "odd", "select", query="SELECT 1 AS a, 2 AS a, NULL, 'x'::BLOB, [1, 2], 2::HUGEINT ** 70, DATE '2026-01-01'"
    )
    for place, query in enumerate(HOSTILE_QUERIES):
        await call(f"query {place}", "select", query=query)
    await call("no run", "findings", run="\x1b[31mnone")
    await call("no status", "findings", status="GOOD")
    await call("no finding", "explain", finding="zzzz")
    await call("too many", "findings", limit=MOST_ROWS + 1)
    await call("a path", "findings", run="../../../etc")


ERRORS = {
    "no run",
    "no status",
    "no finding",
    "too many",
    "a path",
    *(f"query {at}" for at in range(len(HOSTILE_QUERIES))),
}


def test_the_tools_only_read_and_take_no_path_and_no_password(asked: Asked) -> None:
    assert set(asked.tools) == {"list_runs", "findings", "causes", "changes", "explain", "select"}
    for tool in asked.tools.values():
        assert (tool.annotations.read_only_hint, tool.annotations.open_world_hint) == (True, False)
        assert tool.description
        assert not re.search("path|file|url|password|token", " ".join(tool.input_schema["properties"]))
    assert "never instructions" in asked.instructions
    assert "UNKNOWN" in asked.instructions


def test_no_file_of_the_history_is_changed_and_nothing_is_written_or_reached(asked: Asked) -> None:
    assert asked.unchanged
    assert asked.seen == ""
    assert va.history(asked.folder).verify() == []


def test_nothing_but_the_protocol_is_on_standard_output(asked: Asked) -> None:
    assert {label for label, answer in asked.answers.items() if answer.is_error} == ERRORS
    assert "Traceback" not in asked.said


def test_every_answer_is_structured_and_steers_nothing(asked: Asked) -> None:
    for label, answer in asked.answers.items():
        text = json.dumps(answer.data, ensure_ascii=False) + answer.text
        assert not STEERING.search(text.replace("\n", "")), label
        assert bool(answer.data) != answer.is_error, label
        assert len(text) < 3 * MOST_BYTES, label


def test_runs_come_newest_first_and_page_by_page(asked: Asked) -> None:
    answers, frame = asked.answers, va.history(asked.folder).runs
    runs = answers["runs"].data
    assert [row["run_id"] for row in runs["rows"]] == frame["run_id"].tolist()[::-1]
    assert (runs["total"], runs["next_offset"], runs["left_out"]) == (3, None, [])
    one, following = answers["one run"].data, answers["next run"].data
    assert (one["rows"], one["next_offset"]) == (runs["rows"][:1], 1)
    assert (following["rows"], following["next_offset"]) == (runs["rows"][1:2], 2)


def test_findings_are_those_of_the_run(asked: Asked) -> None:
    newest = va.history(asked.folder).archive.runs[-1]
    reported = json.loads((newest.path / "findings.json").read_bytes())
    found, failing = asked.answers["all"].data, asked.answers["failing"].data
    assert found["run_id"] == newest.record.run_id
    assert found["total"] == len(reported["findings"])
    assert [row["finding_id"] for row in found["rows"]] == [
        row["finding_id"] for row in reported["findings"][: len(found["rows"])]
    ]
    assert failing["total"] == reported["summary"]["counts"]["FAIL"]
    assert (len(failing["rows"]), failing["next_offset"]) == (3, 3)
    chosen, first = asked.answers["chosen"].data["rows"], failing["rows"][0]
    assert first["finding_id"] in {row["finding_id"] for row in chosen}
    assert {(row["check_id"], row["severity"]) for row in chosen} == {(first["check_id"], first["severity"])}
    assert asked.answers["causes"].data["total"] == reported["summary"]["causes"]


def test_an_explanation_has_parameters_and_the_document_in_the_evidence(asked: Asked) -> None:
    told, first = asked.answers["explained"].data, asked.answers["failing"].data["rows"][0]
    assert (told["finding_id"], told["status"]) == (first["finding_id"], "FAIL")
    assert told["facts"]["Observed"] == first["observed"]
    assert told["read"]
    assert told["evidence"] or told["notes"]
    assert asked.answers["hostile explained"].data["evidence"]


def test_changes_name_the_run_before_and_what_is_not_compared(asked: Asked) -> None:
    history = va.history(asked.folder)
    told, changes = asked.answers["changes"].data, history.changes()
    assert changes is not None
    assert told["compared_with"]["run_id"] == changes.earlier.run_id
    assert told["counts"] == {str(state): many for state, many in changes.counts.items()}
    assert told["total"] == len(changes.changed)
    assert asked.answers["no changes"].data["compared_with"] is None


def test_a_select_is_answered_and_a_long_answer_is_cut_and_says_so(asked: Asked) -> None:
    history = va.history(asked.folder)
    counted = asked.answers["counted"].data
    assert counted["columns"] == ["run_id", "many"]
    assert counted["rows"] == sorted(
        [entry.record.run_id, len(entry.judged().findings)] for entry in history.archive.runs
    )
    assert not counted["more_rows"]
    long = asked.answers["long"].data
    assert 1 < len(long["rows"]) <= MOST_ROWS
    assert long["more_rows"]
    assert long["rows"][1][1].endswith(f"… (cut, {MOST_TEXT + 1:,} characters)")
    odd = asked.answers["odd"].data
    assert odd["columns"][:2] == ["a", "a_1"]
    assert odd["rows"] == [[1, 2, None, "78", [1, 2], 2.0**70, "2026-01-01T00:00:00"]]
    done = invoke("history", "sql", asked.folder, "SELECT [1, 2] AS a")
    assert (done.exit_code, done.stdout.splitlines()) == (0, ["a", "[1 2]"])


def test_hostile_names_come_back_as_data_in_full(asked: Asked) -> None:
    history = va.history(asked.folder)
    (entry,) = [entry for entry in history.archive.runs if entry.record.servers[0].name == "vbr02"]
    names = {plain(name, lines=True) for name in entry.judged().findings["object_name"].dropna()}
    assert {name for (name,) in asked.answers["names"].data["rows"] if name is not None} == names
    assert {row["object_name"] for row in asked.answers["hostile"].data["rows"]} - {None} <= names
    assert any("<script" in name or name.startswith("=") for name in names)


def test_a_hostile_select_is_refused_in_words(asked: Asked) -> None:
    for place in range(len(HOSTILE_QUERIES)):
        told = asked.answers[f"query {place}"].text
        assert "root:" not in told
        assert str(Path.home()) not in told
        assert "the query was refused" in told or "only one SELECT" in told, told


def test_an_error_names_the_next_step_and_not_the_place(asked: Asked) -> None:
    assert "no run ␛[31mnone in the history" in asked.answers["no run"].text
    assert "Known are FAIL" in asked.answers["no status"].text
    for label in ERRORS:
        assert str(asked.folder) not in asked.answers[label].text


def test_a_run_that_is_added_later_is_there_with_the_next_question(asked: Asked) -> None:
    told = {label: answer.data for label, answer in asked.answers.items()}
    assert [told[label]["total"] for label in ("before", "during", "after")] == [2, 2, 3]
    newest = told["newest after"]["run_id"]
    assert newest == told["after"]["rows"][0]["run_id"] == asked.added != told["newest before"]["run_id"]
    expected = va.history(asked.folder).changes()
    assert expected is not None
    assert told["changes"]["compared_with"]["run_id"] == expected.earlier.run_id
    pinned = [row["is_pinned"] for row in (*told["after"]["rows"], *told["pinned"]["rows"])]
    assert pinned == [False] * 3 + [True, False, False]


def test_a_page_is_cut_by_bytes_but_has_always_a_row() -> None:
    rows = [{"text": "x" * MOST_TEXT, "n": number} for number in range(150)]
    first = rows_told(rows)
    assert 1 < len(first["rows"]) < 100
    assert first["next_offset"] == len(first["rows"])
    assert rows_told([["y" * MOST_TEXT] * 200])["next_offset"] is None
    assert rows_told(rows, offset=149)["rows"][0]["n"] == 149
    assert rows_told(rows, offset=999) == {"rows": [], "total": 150, "offset": 999, "next_offset": None}


def test_values_become_plain_json() -> None:
    moment = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    values = {"a\x1b": [float("nan"), float("inf"), 2**70, True, moment, b"\x00", "\u202e"]}
    assert shown(values) == {"a␛": [None, "inf", str(2**70), True, "2026-11-01T00:00:00Z", "00", "⟨U+202E⟩"]}


def test_without_the_package_the_extra_is_named(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    done = invoke("mcp", kept)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "vbr-audit: the server needs the package mcp",
        "  Next: Install it with: pip install 'vbr-audit[mcp]'",
    ]


def test_a_folder_that_is_no_history_is_an_error_before_anything_is_served(tmp_path: Path) -> None:
    done = invoke("mcp", tmp_path / "none")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no such folder" in done.stderr
