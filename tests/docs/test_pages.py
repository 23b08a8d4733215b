"""What the pages of the documentation show is run: commands, files, Python, and what they print."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from command_line import invoke
from core_checks import core_policy
from pages import DOCS, Block, blocks_of, is_printed, updated
from shared import once

import vbr_audit as va
from vbr_audit.checks.engine.examples import run_example
from vbr_audit.checks.engine.registry import Check
from vbr_audit.cli.guard import Exit
from vbr_audit.collection.manifest import DatasetStatus
from vbr_audit.collection.run_folder import FILES, FOLDERS, SUMS
from vbr_audit.datasets.card import Dataset
from vbr_audit.findings.summary import assessed, compliance
from vbr_audit.fleets.servers_file import load_servers
from vbr_audit.reports.formats import FORMATS, formats_in
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve
from vbr_audit.simulator.endpoint import Endpoint
from vbr_audit.simulator.holdings.stock import Stock
from vbr_audit.simulator.holdings.world import World
from vbr_audit.tables.build.fields import Table
from vbr_audit.vocabulary import COUNTED

NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)
ADDRESS = "http://127.0.0.1:9419"
UPDATE = os.environ.get("VBR_AUDIT_UPDATE_DOCS") == "1"


class Reader:
    """Somebody who follows a page in `folder`, with a server at `url`."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.exports: dict[str, str | None] = {
            "HOME": str(folder / "home"),
            **dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")),
            "VBR_AUDIT_PROGRESS": "0",
            "LC_ALL": "C.UTF-8",
        }

    def follow(self, page: str) -> None:
        """Do all that the page shows, in order; with `VBR_AUDIT_UPDATE_DOCS=1` its outputs become those of today."""
        for block in blocks_of(page):
            if block.is_shown_only:
                continue
            if block.title is not None:
                self._write(block)
            elif block.language in ("sh", "python"):
                printed = self._follow_lines(block.code) if block.language == "sh" else self._execute(block.code)
                if block.output is not None:
                    assert is_printed(block.output, printed), f"{page} tells\n{block.output}\nprinted is\n{printed}"
                    if UPDATE:
                        retell(page, block.output, printed)

    def _write(self, block: Block) -> None:
        name, _, part = str(block.title).partition(", ")
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        if not part:
            path.write_text(block.code, "utf-8")
            return
        text = path.read_text("utf-8")
        for line in block.code.splitlines():
            key = line.partition(" = ")[0]
            text, changed = re.subn(rf"^# {key} = .*$", line.replace(ADDRESS, self.url), text, count=1, flags=re.M)
            assert changed, f"{name} has no line for {key}"
        path.write_text(text, "utf-8")

    def _follow_lines(self, code: str) -> str:
        """What the lines of a block print; each is one command, without pipes and the like."""
        printed = "".join(self._run(line) for line in code.replace(ADDRESS, self.url).splitlines())
        port = self.url.rpartition(":")[2]
        printed = printed.replace(self.url, ADDRESS).replace(f"port {port}", "port 9419")
        return printed.replace(str(self.folder), "/home/you/audits")

    def _run(self, line: str) -> str:
        """Run a command with all exports so far, our own in this process; a finding that fails is no error here."""
        program, *words = shlex.split(line.replace("$PWD", str(self.folder)), comments=True)
        if program == "export":
            name, _, value = words[0].partition("=")
            self.exports[name] = value
            return ""
        if program != "vbr-audit":
            return subprocess.run([program, *words], cwd=self.folder, check=True, capture_output=True, text=True).stdout
        with contextlib.chdir(self.folder):
            done = invoke(*words, env=self.exports)
        fitting = (Exit.DONE, Exit.INCOMPLETE if "doctor" in words else Exit.FAILING)
        assert done.exit_code in fitting, f"{line}\n{done.output}{done.exception!r}"
        return done.stdout

    def _execute(self, code: str) -> str:
        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            exec(compile(code, "page", "exec"), {"__name__": "__main__"})
        return printed.getvalue()


def retell(page: str, told: str, printed: str) -> None:
    """Put what is printed today in place of what a page tells."""
    text = (DOCS / page).read_text("utf-8")
    assert text.count(f"```text\n{told}```") == 1
    (DOCS / page).write_text(text.replace(f"```text\n{told}```", f"```text\n{updated(told, printed)}```"), "utf-8")


def small_run(factory: pytest.TempPathFactory, *, whole: bool) -> Path:
    """A run of a few jobs, for pages whose commands are told without what they print.

    Unless it is to be the `whole` server, it has only what the core checks need: its reports are made much faster.
    """

    def make(folder: Path) -> None:
        with (
            serve(now=NOW, jobs=2, sessions=60, role="Administrator") as url,
            va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
        ):
            snapshot = va.collect(client, policy=None if whole else core_policy(), progress=False)
            va.audit(snapshot, policy=core_policy()).save(folder / "first-run", formats=["html", "json"])

    return once(factory, f"small-run-{whole}", make) / "first-run"


@pytest.mark.slow
def test_getting_started_leads_to_a_finding_of_ones_own(tmp_path: Path) -> None:
    text = (DOCS / "index.md").read_text("utf-8")
    (started,) = re.findall(r"^vbr-audit simulate --role (\w+) --jobs (\d+) --sessions (\d+)$", text, re.MULTILINE)
    with serve(now=NOW, role=started[0], jobs=int(started[1]), sessions=int(started[2])) as url:
        Reader(tmp_path, str(url)).follow("index.md")
    findings = json.loads((tmp_path / "first-run" / "findings.json").read_text("utf-8"))["findings"]
    own = [each for each in findings if each["check_id"] == "ACME-001" and each["status"] == "FAIL"]
    assert len(own) > 10
    assert f"user {DEMO_USERNAME}, password {DEMO_PASSWORD}" in text
    assert len(re.findall(r"^## \d+\. ", text, re.MULTILINE)) == 10


@pytest.mark.slow
@pytest.mark.parametrize("page", ["policy.md", "reports.md", "upgrade.md"])
def test_what_a_page_shows_works(page: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    # The policy of its page asks for all that a server has.
    shutil.copytree(small_run(tmp_path_factory, whole=page == "policy.md"), tmp_path / "first-run")
    Reader(tmp_path, ADDRESS).follow(page)


@pytest.mark.slow
def test_reading_first_and_judging_later(tmp_path: Path) -> None:
    with serve(now=NOW, jobs=2, sessions=60, role="Administrator") as url:
        reader = Reader(tmp_path, str(url))
        reader.exports["VBR_AUDIT_PASSWORD"] = DEMO_PASSWORD
        reader.follow("collecting.md")
    assert va.load(tmp_path / "october").timezone == "Europe/Berlin"


def test_the_file_of_servers(tmp_path: Path) -> None:
    text = titled("collecting.md")["servers.toml"]
    (tmp_path / "servers.toml").write_text(re.sub(r"^ca_file.*$", "insecure = true", text, flags=re.MULTILINE), "utf-8")
    servers = load_servers(tmp_path / "servers.toml", environ={"HAMBURG_PASSWORD": "x"})
    assert [server.name for server in servers] == ["Hamburg", None]


def test_the_words_numbers_and_codes_of_the_concepts_are_those_of_the_code() -> None:
    text = (DOCS / "concepts.md").read_text("utf-8")
    told = re.search(r"pass ([\d,]+) · fail ([\d,]+) · waived (\d+) · unknown (\d+) · error (\d+) · not", text)
    assert told is not None
    numbers = [int(number.replace(",", "")) for number in told.groups()]
    counts = dict(zip(("PASS", "FAIL", "WAIVED", "UNKNOWN", "ERROR"), numbers, strict=True))
    rates = compliance(counts | {"NOT_APPLICABLE": 0}), assessed(counts | {"NOT_APPLICABLE": 0})
    assert [f"{rate:.1%}".replace("%", " %") for rate in rates if rate is not None] == re.findall(
        r"= (\d+\.\d %)", text
    )
    assert set(re.findall(r"^\| ([A-Z_]+) \|", text, re.MULTILINE)) == set(COUNTED)
    assert set(map(int, re.findall(r"^\| (\d+) \|", text, re.MULTILINE))) == {int(code) for code in Exit}
    assert {f"| {status} |" for status in DatasetStatus} <= set(re.findall(r"^\| \w+ \|", text, re.MULTILINE))
    named = set(re.findall(r"`([\w.]+\w)`", text)) | {f"{name}" for name in re.findall(r"`(\w+)/`", text)}
    assert {SUMS, *FOLDERS, *FILES[:10]} <= named


def test_the_page_of_reports_names_every_format_and_its_file() -> None:
    text = (DOCS / "reports.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `([\w-]+)` \| `([\w.-]+)` \|", text, re.MULTILINE))
    assert told == {name: card.file_name for name, card in FORMATS.items()}


def titled(page: str) -> dict[str, str]:
    return {block.title: block.code for block in blocks_of(page) if block.title is not None}


def test_the_walk_of_a_dataset_gives_a_table() -> None:
    blocks = titled("extending.md")
    names: dict[str, object] = {}
    exec(compile(blocks["vbr_audit/datasets/infrastructure.py, a table and its card"], "walk", "exec"), names)
    table, (dataset,) = names["MOUNT_SERVERS"], names["CARDS"]
    assert isinstance(table, Table)
    assert isinstance(dataset, Dataset)
    builder = table.builder("vbr01")
    exec(compile(blocks["vbr_audit/simulator, rows and their endpoint"], "walk", "exec"), names)
    endpoint = names["ENDPOINT"]
    assert isinstance(endpoint, Endpoint)
    stock = Stock(World(seed=1, now=0, jobs=[], sessions=[]), empty=False)
    builder.add(endpoint.make(stock, "1.3-rev2"))
    result = builder.finish()
    assert result.frame[["type", "is_default"]].values.tolist() == [["Windows", True]]
    assert result.frame["write_cache_folder"].str.endswith("IRCache").all()
    assert not result.notes.unknown_fields
    assert (endpoint.dataset, endpoint.path) == (dataset.name, dataset.endpoint)
    assert table.spec.kind is not None
    assert {table.spec.kind.id_column, *table.spec.sheet.first} <= set(table.spec.names)
    assert {column.name for column in table.spec.columns if column.dtype == "string"} == set(table.spec.holds)
    assert (dataset.path, dataset.tables) == ("/api/v1/backupInfrastructure/mountServers", (table.spec.name,))


def test_the_walk_of_a_check_gives_a_check_whose_examples_hold() -> None:
    names: dict[str, object] = {"__name__": "walk"}
    exec(compile(titled("extending.md")["vbr_audit/checks/catalogue/jobs/priorities.py"], "walk", "exec"), names)
    made = names["no_high_priority"]
    assert isinstance(made, Check)
    for example in made.examples:
        assert run_example(made, example).result.tolist() == [example.result]


def test_the_walk_of_a_format_gives_a_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = ModuleType("tsv")
    exec(compile(titled("extending.md")["vbr_audit/reports/exports/tsv.py"], "walk", "exec"), vars(module))
    (card,) = formats_in(module)
    monkeypatch.setitem(FORMATS, card.name, card)  # type: ignore[attr-defined]
    snapshot = va.Snapshot.from_tables({}, now=NOW, since=NOW - dt.timedelta(days=30), until=NOW)
    path = va.audit(snapshot).write("tsv", tmp_path / "findings.tsv")
    assert path.read_text("utf-8").splitlines()[0] == "finding_id\tstatus\tseverity\tcheck_id\tobject_name"


def test_every_file_of_the_project_that_a_page_names_is_there() -> None:
    root = DOCS.parent
    new = {"vbr_audit/checks/catalogue/jobs/priorities.py", "vbr_audit/reports/exports/tsv.py"}
    for page in ("extending.md", "architecture.md", "api.md", "security.md", "upgrade.md"):
        text = (DOCS / page).read_text("utf-8")
        for name in re.findall(r"\b(?:vbr_audit|tests)/[\w/]+(?:\.py|\.yaml|\.json|/)?", text):
            assert name in new or (root / name).exists(), f"{page}: {name}"
    folders = set(re.findall(r"^\| `(\w+)/", (DOCS / "architecture.md").read_text("utf-8"), re.MULTILINE)) - {"docs"}
    here = {path.name for path in (root / "vbr_audit").iterdir() if (path / "__init__.py").is_file()}
    assert folders == here
