"""What the pages of the documentation show is run: commands, files, Python, and what they print."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import DOCS, Block, blocks_of, is_printed

import vbr_audit as va
from vbr_audit.checks.engine.examples import run_example
from vbr_audit.checks.engine.registry import OWN
from vbr_audit.cli.guard import Exit
from vbr_audit.cli.servers_file import load_servers
from vbr_audit.collection.dataset import Dataset
from vbr_audit.collection.manifest import DatasetStatus
from vbr_audit.collection.run_folder import COPIES, FILES, SUMS
from vbr_audit.findings.coverage import COUNTS
from vbr_audit.findings.summary import assessed, compliance
from vbr_audit.reports.interface import FORMATS, make_report
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve
from vbr_audit.tables.build.fields import Table

NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)
ADDRESS = "http://127.0.0.1:9419"


class Reader:
    """Somebody who follows a page in `folder`, with a server at `url`."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.exports = folder, url, ""

    def follow(self, page: str) -> None:
        """Do all that the page shows, in order."""
        for block in blocks_of(page):
            if block.is_shown_only:
                continue
            if block.title is not None:
                self._write(block)
            elif block.language in ("sh", "python"):
                printed = self._run(block.code) if block.language == "sh" else self._execute(block.code)
                if block.output is not None:
                    assert is_printed(block.output, printed), f"{page} tells\n{block.output}\nprinted is\n{printed}"

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

    def _run(self, code: str) -> str:
        """Run a block in a shell that knows all exports so far; a finding that fails is no error here."""
        tools = str(Path(sys.executable).parent)
        environment = {
            "PATH": os.pathsep.join((tools, os.environ["PATH"])),
            "HOME": str(self.folder / "home"),
            "VBR_AUDIT_KEYRING": "0",
            "VBR_AUDIT_PROGRESS": "0",
            "LC_ALL": "C.UTF-8",
        }
        words = ["bash", "-c", f"{self.exports}\nset -o pipefail\n{code.replace(ADDRESS, self.url)}"]
        done = subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        fitting = (Exit.DONE, Exit.INCOMPLETE if "doctor" in code else Exit.FAILING)
        assert done.returncode in fitting, f"{code}\n{done.stdout}{done.stderr}"
        self.exports += "\n".join(re.findall(r"^export .*$", code, re.MULTILINE)) + "\n"
        port = self.url.rpartition(":")[2]
        printed = done.stdout.replace(self.url, ADDRESS).replace(f"port {port}", "port 9419")
        return printed.replace(str(self.folder), "/home/you/audits")

    def _execute(self, code: str) -> str:
        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            exec(compile(code, "page", "exec"), {"__name__": "__main__"})
        return printed.getvalue()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader who has followed `index.md`, so that the folder `first-run` is there."""
    with serve(now=NOW, role="Administrator") as url:
        reader = Reader(tmp_path_factory.mktemp("reader"), str(url))
        reader.follow("index.md")
        yield reader


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few jobs, for pages whose commands are told without what they print."""
    folder = tmp_path_factory.mktemp("small") / "first-run"
    with (
        serve(now=NOW, jobs=6, sessions=60, role="Administrator") as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        return va.audit(va.collect(client, progress=False)).save(folder)


@pytest.mark.slow
def test_getting_started_leads_to_a_finding_of_ones_own(reader: Reader) -> None:
    findings = va.load_audit(reader.folder / "first-run", checks=reader.folder / "checks").findings
    assert findings.query("check_id == 'ACME-001' and status == 'FAIL'").shape[0] > 30
    text = (DOCS / "index.md").read_text("utf-8")
    assert f"user {DEMO_USERNAME}, password {DEMO_PASSWORD}" in text
    assert len(re.findall(r"^## \d+\. ", text, re.MULTILINE)) == 10


@pytest.mark.slow
@pytest.mark.parametrize("page", ["policy.md", "reports.md", "upgrade.md"])
def test_what_a_page_shows_works(page: str, small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run, tmp_path / "first-run")
    Reader(tmp_path, ADDRESS).follow(page)


@pytest.mark.slow
def test_reading_first_and_judging_later(tmp_path: Path) -> None:
    with serve(now=NOW, jobs=6, sessions=60, role="Administrator") as url:
        reader = Reader(tmp_path, str(url))
        reader.exports = f"export VBR_AUDIT_PASSWORD={DEMO_PASSWORD}\n"
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
    assert set(re.findall(r"^\| ([A-Z_]+) \|", text, re.MULTILINE)) == set(COUNTS)
    assert set(map(int, re.findall(r"^\| (\d+) \|", text, re.MULTILINE))) == {int(code) for code in Exit}
    assert {f"| {status} |" for status in DatasetStatus} <= set(re.findall(r"^\| \w+ \|", text, re.MULTILINE))
    named = set(re.findall(r"`([\w.]+\w)`", text)) | {f"{name}" for name in re.findall(r"`(\w+)/`", text)}
    assert {SUMS, *COPIES, *FILES[:10]} <= named


def test_the_page_of_reports_names_every_format_and_its_file() -> None:
    text = (DOCS / "reports.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| `([\w.-]+)` \|", text, re.MULTILINE))
    assert told == {name: make_report(name).file_name for name in FORMATS}


def titled(page: str) -> dict[str, str]:
    return {block.title: block.code for block in blocks_of(page) if block.title is not None}


def test_the_walk_of_a_dataset_gives_a_table() -> None:
    blocks = titled("extending.md")
    names: dict[str, object] = {}
    exec(compile(blocks["vbr_audit/tables/mount_servers.py"], "walk", "exec"), names)
    table = names["MOUNT_SERVERS"]
    assert isinstance(table, Table)
    builder = table.builder("vbr01")
    builder.add([{"id": "7d2f0f6e-8a0c-4a53-9c6c-0a4c4e0d4a01", "type": "Linux", "isDefault": True, "settings": {}}])
    result = builder.finish()
    assert result.frame[["type", "is_default"]].values.tolist() == [["Linux", True]]
    assert not result.notes.unknown_fields
    exec(compile(blocks["vbr_audit/collection/datasets.py, an entry"], "walk", "exec"), names)
    dataset = names["MOUNT_SERVERS"]
    assert isinstance(dataset, Dataset)
    assert (dataset.path, dataset.tables) == ("/api/v1/backupInfrastructure/mountServers", (table.spec.name,))


def test_the_walk_of_a_check_gives_a_check_whose_examples_hold() -> None:
    try:
        exec(
            compile(titled("extending.md")["vbr_audit/checks/catalogue/jobs/priorities.py"], "walk", "exec"),
            {"__name__": "__main__"},
        )
        made = OWN.get("JOB-090")
        for example in made.examples:
            assert run_example(made, example).result.tolist() == [example.result]
    finally:
        OWN._checks.pop("JOB-090", None)


def test_the_walk_of_a_format_gives_a_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from vbr_audit.reports import exports, interface

    blocks = titled("extending.md")
    names: dict[str, object] = {"partial": interface.partial, "ExportReport": interface.ExportReport}
    exec(compile(blocks["vbr_audit/reports/exports/tsv.py"], "walk", "exec"), names)
    lines = next(code for title, code in blocks.items() if title.endswith("one line each"))
    exec(compile(lines, "walk", "exec"), names)
    monkeypatch.setitem(exports.EXPORTS, "tsv", names["EXPORTS"]["tsv"])  # type: ignore[index]
    monkeypatch.setitem(interface.FORMATS, "tsv", names["FORMATS"]["tsv"])  # type: ignore[index]
    snapshot = va.Snapshot.from_tables({}, now=NOW, since=NOW - dt.timedelta(days=30), until=NOW)
    path = va.audit(snapshot).write("tsv", tmp_path / "findings.tsv")
    assert path.read_text("utf-8").splitlines()[0] == "finding_id\tstatus\tseverity\tcheck_id\tobject_name"


def test_every_file_of_the_project_that_a_page_names_is_there() -> None:
    root = DOCS.parent
    new = {"vbr_audit/tables/mount_servers.py", "vbr_audit/checks/catalogue/jobs/priorities.py"}
    new |= {"vbr_audit/reports/exports/tsv.py"}
    for page in ("extending.md", "architecture.md", "api.md", "security.md", "upgrade.md"):
        text = (DOCS / page).read_text("utf-8")
        for name in re.findall(r"\b(?:vbr_audit|tests)/[\w/]+(?:\.py|\.yaml|/)?", text):
            assert name in new or (root / name).exists(), f"{page}: {name}"
    folders = set(re.findall(r"^\| `(\w+)/`", (DOCS / "architecture.md").read_text("utf-8"), re.MULTILINE))
    here = {path.name for path in (root / "vbr_audit").iterdir() if (path / "__init__.py").is_file()}
    assert folders == here
