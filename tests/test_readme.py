"""What README.md shows is what happens: its commands, its files, its notebook lines, its figures and its links."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import shared
import typer
from typer.testing import CliRunner, Result

from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.checks.site import load_site
from vbr_audit.cli import app
from vbr_audit.cli.guard import Exit
from vbr_audit.collection import run_folder
from vbr_audit.findings.requirements import load_frameworks
from vbr_audit.findings.waivers import load_waivers
from vbr_audit.fleets.servers_file import load_servers
from vbr_audit.reports.formats import FORMATS
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl, serve
from vbr_audit.vocabulary import AREAS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")}
FENCES = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
UPDATE = os.environ.get("VBR_AUDIT_UPDATE_DOCS") == "1"
THEN = shared.THEN
ENDS = {"audit": Exit.FAILING, "check": Exit.FAILING, "doctor": Exit.INCOMPLETE}  # without a site file

Serve = Callable[..., ServerUrl]


def blocks(kind: str) -> list[str]:
    """The fenced blocks of this kind."""
    return [text for found, text in FENCES if found == kind]


def invoke(folder: Path, *words: str) -> Result:
    with contextlib.chdir(folder):
        return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the demonstration of README ran, with the files that it shows, without what takes longest.

    What `check` makes of a run with a workbook is held elsewhere: in `tests/cli/test_kept_runs.py`.
    """
    assert blocks("sh")[0].splitlines()[-1] == f".venv/bin/vbr-audit {' '.join(shared.DEMO)}"
    folder = Path(shutil.copytree(shared.demo(tmp_path_factory), tmp_path_factory.mktemp("readme"), dirs_exist_ok=True))
    for text in blocks("yaml"):
        (folder / re.match(r"# (\S+\.yaml):", text).group(1)).write_text(text, "utf-8")
    run = folder / "demo-run"
    (run / "report.xlsx").unlink()
    run_folder.seal(run)
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    """A function that starts a server of the user's, whose password is in the environment."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", DEMO_PASSWORD)
    with contextlib.ExitStack() as servers:

        def start(now: dt.datetime | None = THEN) -> ServerUrl:
            return servers.enter_context(serve(now=now, role="Administrator", jobs=2, sessions=60))

        yield start


def test_it_is_short_and_every_block_is_one_that_is_tried() -> None:
    assert len(README.splitlines()) <= 200
    kinds = {"sh": 6, "text": 1, "yaml": 3, "toml": 1, "python": 1, "crontab": 1}
    assert Counter(kind for kind, _ in FENCES) == kinds


@pytest.mark.slow
def test_the_demonstration_says_what_is_shown(tmp_path_factory: pytest.TempPathFactory) -> None:
    said = (shared.demo(tmp_path_factory) / shared.SAID).read_text("utf-8").splitlines()
    counts = next(at for at, line in enumerate(said) if line.startswith("pass "))
    shown = "".join(f"{line}\n" for line in (said[0], *said[counts : counts + 5]))
    if UPDATE:
        (ROOT / "README.md").write_text(README.replace(blocks("text")[0], shown), "utf-8")
    fresh = f"```text\n{shown}```" in (ROOT / "README.md").read_text("utf-8")
    assert fresh, "stale: VBR_AUDIT_UPDATE_DOCS=1 pytest tests/test_readme.py"


@pytest.mark.slow
def test_every_command_runs_in_the_order_of_the_page(demo: Path, server: Serve) -> None:
    folder, url = demo, server()
    commands = [line for text in blocks("sh") for line in text.splitlines() if line.startswith("vbr-audit ")]
    assert len(commands) == 12
    for command in commands:
        words = [word.replace("https://vbr01.example", url) for word in shlex.split(command, comments=True)]
        done = invoke(folder, *words[1:])
        assert done.exit_code == ENDS.get(words[1], Exit.DONE), (command, done.output)
        if words[1] == "init":
            name_server(folder / words[2] / "vbr_audit.toml", url)
            (folder / words[2] / "waivers.yaml").write_text((folder / "waivers.yaml").read_text("utf-8"), "utf-8")
    with (folder / "demo-run" / "findings.csv").open(encoding="utf-8", newline="") as file:
        waived = [row for row in csv.DictReader(file) if row["waiver_id"] == "W-12"]
    assert {row["status"] for row in waived} == {"WAIVED"}
    table = README[README.index("| file |") : README.index("## Why")]
    files = re.findall(r"`([^`/ ]+|evidence/[^`]+)`", " ".join(re.findall(r"(?m)^\|([^|]+)\|", table)))
    assert len(files) == 9
    assert all(list((folder / "runs" / "today").glob(name)) for name in files)


def name_server(settings: Path, url: str) -> None:
    """Say in a fresh settings file which server is asked, as a user would: by its own commented lines."""
    text = settings.read_text("utf-8")
    for name, value in (("url", url), ("username", DEMO_USERNAME)):
        text, found = re.subn(rf"(?m)^# {name} = .*$", f'{name} = "{value}"', text)
        assert found == 1
    settings.write_text(text, "utf-8")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs the date of GNU")
def test_the_line_for_cron_writes_the_run_of_a_month(tmp_path: Path, server: Serve) -> None:
    (line,) = blocks("crontab")
    when, command = line.split("  ", 1)
    assert re.fullmatch(r"30 6 1 \* \*", when)
    assert re.findall(r"(?<!\\)%", command) == []  # cron takes a bare one for the end of the command
    invoke(tmp_path, "init")
    name_server(tmp_path / "vbr_audit.toml", server(None))
    settings = (tmp_path / "vbr_audit.toml").read_text("utf-8")
    for name, value in (("format", '["json"]'), ("policy", '"minimal"')):
        settings, found = re.subn(rf"(?m)^(?:# )?{name} = .*$", f"{name} = {value}", settings)
        assert found == 1
    (tmp_path / "vbr_audit.toml").write_text(settings, "utf-8")
    (tmp_path / "secret").write_text(DEMO_PASSWORD + "\n")
    places = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "VBR_AUDIT_PASSWORD": ""}
    program = command.replace("/srv/audit", str(tmp_path)).replace(r"\%", "%")
    done = subprocess.run(
        ["/bin/sh", "-c", program], env=os.environ | places, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (Exit.FAILING, ""), done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d", run.name)


@pytest.mark.slow
def test_the_lines_for_a_notebook_run(demo: Path, server: Serve) -> None:
    (text,) = blocks("python")
    assert len(text.splitlines()) == 9
    names: dict[str, object] = {}
    with contextlib.chdir(demo):
        exec(compile(text.replace("https://vbr01.example", server()), "README.md", "exec"), names)
        names["client"].close()
    assert len(names["audit"].failed) > 10
    assert all((demo / name).stat().st_size > 50_000 for name in ("october.html", "october.xlsx"))


def test_the_files_are_valid(demo: Path, tmp_path: Path) -> None:
    policy = load_policy(demo / "policy.yaml")
    assert (policy.use("JOB-003").params, policy.use("JOB-004").enabled) == ({"min_retries": 3}, False)
    assert [waiver.id for waiver in load_waivers(demo / "waivers.yaml").waivers] == ["W-12"]
    assert load_site(demo / "site.yaml").has("tiers")
    (servers,) = blocks("toml")
    (tmp_path / "servers.toml").write_text(servers, "utf-8")
    (found,) = load_servers(tmp_path / "servers.toml", environ={"HAMBURG_PASSWORD": "x"})
    assert found.shown_name == tomllib.loads(servers)["server"][0]["name"]


def test_the_figures_are_those_of_the_program() -> None:
    areas = Counter(use.check.area for use in load_policy().uses)
    counted = " · ".join(f"{area} {areas[area]}" for area in AREAS.values())
    assert counted + "." in README.replace("\n", " ")
    assert f"{areas.total()} checks in eighteen areas" in README
    assert (len(areas), len(load_frameworks())) == (18, 6)
    assert f"--format {','.join(FORMATS)}`" in README
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)] == list(Exit)


@pytest.mark.parametrize("name", PAGES)
def test_every_option_and_command_that_is_named_is_there(name: str) -> None:
    root = typer.main.get_command(app)
    options, commands = set[str](), set[str]()
    waiting = [("vbr-audit", root)]
    while waiting:
        path, command = waiting.pop()
        commands.add(path)
        options |= {option for given in command.params for option in given.opts}
        waiting += [(f"{path} {name}", sub) for name, sub in getattr(command, "commands", {}).items()]
    prose = re.sub(r"(?ms)^```.*?^```", "", PAGES[name])
    codes = [code for code in re.findall(r"`([^`\n]+)`", prose) if re.match(r"--|vbr-audit ", code)]
    told = {word for code in codes for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+", code)}
    assert told - options <= {"--password"}  # the one that README says is not there
    for code in codes:
        if found := re.match(r"vbr-audit ([a-z]+)(?: ([a-z]+)\b)?", code):
            known = [command for command in commands if command.split()[1:2] == [found[1]]]
            assert known, code
            assert len(known) == 1 or f"vbr-audit {found[1]} {found[2]}" in known, code


def test_every_path_that_contributing_names_is_there() -> None:
    page = PAGES["CONTRIBUTING.md"]
    named = re.findall(r"(?<![\w/])(?:vbr_audit|tests|docs|report_templates|\.ci)(?:/[\w.]+)+", page)
    assert len(set(named)) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []
    folders = {path.name for path in (ROOT / "vbr_audit").iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(re.findall(r"^\| `vbr_audit/(\w+)` \|", page, re.MULTILINE))
    (update,) = re.findall(r"^VBR_AUDIT_UPDATE_DOCS=1 \S+ (.+)$", page, re.MULTILINE)
    tested = {path for path in (ROOT / "tests").rglob("*.py") if "VBR_AUDIT_UPDATE_DOCS" in path.read_text("utf-8")}
    covered = [ROOT / name for name in update.split()]
    assert all(any(path == place or place in path.parents for place in covered) for path in tested)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", PAGES[name])
    inside = [target.partition("#")[0] for target in targets if not re.match(r"https?:|#", target)]
    assert [target for target in inside if not (ROOT / target).exists()] == []
    assert (ROOT / "docs" / "images" / "report.png").stat().st_size <= 200_000
