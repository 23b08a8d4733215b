"""The samples of the scheduling page are well formed, and the script does what it says."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from pages import DOCS
from ruamel.yaml import YAML

import vbr_audit as va
from vbr_audit.cli.cmd_audit import audit_command
from vbr_audit.cli.cmd_collect import collect_command
from vbr_audit.cli.cmd_deliver import deliver_command
from vbr_audit.cli.cmd_fleet import fleet_audit, fleet_merge
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve

SAMPLES = DOCS / "samples"
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def is_cron(schedule: str) -> bool:
    """Whether five fields of numbers, lists, ranges, steps and stars stand within their bounds."""
    fields = schedule.split()
    return len(fields) == len(FIELDS) and all(
        re.fullmatch(r"(\*|\d+(-\d+)?)(/\d+)?", part)
        and all(low <= int(number) <= high for number in re.findall(r"\d+", part.partition("/")[0]))
        for field, (low, high) in zip(fields, FIELDS, strict=True)
        for part in field.split(",")
    )


def test_every_sample_is_shown_and_none_names_a_secret() -> None:
    page = "".join((DOCS / name).read_text("utf-8") for name in ("scheduling.md", "fleet.md"))
    assert set(re.findall(r'^--8<-- "samples/(.+)"$', page, re.MULTILINE)) == {path.name for path in SAMPLES.iterdir()}
    for path in SAMPLES.iterdir():
        text = path.read_text("utf-8")
        assert not re.search(r"--password(?!-stdin)|PASSWORD=\S", text), path.name
        for option in re.findall(r"vbr-audit(?:\.exe')? deliver .*", text):
            for name in re.findall(r"--([a-z-]+)", option):
                assert name.replace("-", "_") in deliver_command.__annotations__, (path.name, name)
        for option in re.findall(r"vbr-audit(?:\.exe'| )audit .*|\$folder.*", text):
            for name in re.findall(r"--([a-z-]+)", option):
                assert name.replace("-", "_") in {*audit_command.__annotations__, "format"}, (path.name, name)


def test_the_samples_of_a_fleet_are_well_formed_and_name_options_that_exist() -> None:
    options = {*fleet_audit.__annotations__} | {"month", "username"}
    for name in ("fleet-ssh.sh", "fleet-slurm.sh", "fleet-kubernetes.yaml"):
        text = (SAMPLES / name).read_text("utf-8")
        (command,) = re.findall(r"vbr-audit fleet audit .*?(?=\n\S|\n {14}\S|\Z)", text, re.DOTALL)
        given = re.findall(r"--([a-z-]+)", command)
        assert "scheduler" in given
        assert [option for option in given if option.replace("-", "_") not in options] == []
        if name.endswith(".sh"):
            subprocess.run(["sh", "-n", SAMPLES / name], check=True)
    parts = list(YAML(typ="safe", pure=True).load_all((SAMPLES / "fleet-kubernetes.yaml").read_text("utf-8")))
    assert [part["kind"] for part in parts] == ["Service", "Deployment", "Deployment", "CronJob"]
    job = parts[-1]["spec"]
    assert is_cron(job["schedule"])
    assert job["concurrencyPolicy"] == "Forbid"


def test_the_line_of_cron() -> None:
    lines = [line for line in (SAMPLES / "vbr-audit.cron").read_text("utf-8").splitlines() if line[:1].isdigit()]
    assert len(lines) == 1
    assert "%" not in lines[0]  # cron would take it as a line break
    assert is_cron(" ".join(lines[0].split()[:5]))
    assert lines[0].split()[5] == "vbr-audit"
    assert not is_cron("61 5 2 * *")


def test_the_unit_and_the_timer_of_systemd(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("systemd-analyze is missing; the CI run installs it")
        pytest.skip("needs systemd-analyze")
    for name in ("vbr-audit.service", "vbr-audit.timer"):
        shutil.copy(SAMPLES / name, tmp_path)
    words = [program, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if str(tmp_path) in line or line.startswith("vbr-audit")]
    assert told == []
    calendar = re.findall(r"^OnCalendar=(.+)$", (SAMPLES / "vbr-audit.timer").read_text("utf-8"), re.MULTILINE)
    subprocess.run([program, "calendar", *calendar], capture_output=True, check=True)


def test_the_task_of_windows() -> None:
    text = (SAMPLES / "windows-task.xml").read_text("utf-8")
    assert not text.startswith("<?xml")  # a declared encoding must be the one that the scheduler is given
    root = ET.fromstring(text)
    assert root.tag == f"{TASK}Task"
    order = ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]
    assert [child.tag.removeprefix(TASK) for child in root] == order
    months = root.find(f".//{TASK}Months")
    assert months is not None
    assert len(months) == 12
    command, arguments = root.findtext(f".//{TASK}Command"), root.findtext(f".//{TASK}Arguments")
    assert (command, str(arguments).rpartition("\\")[2]) == ("powershell.exe", "monthly.ps1")
    script = (SAMPLES / "monthly.ps1").read_text("utf-8")
    assert all(script.count(left) == script.count(right) for left, right in ("()", "{}"))
    assert script.count("'") % 2 == script.count('"') % 2 == 0


def test_the_workflow_of_github() -> None:
    found = YAML(typ="safe", pure=True).load(SAMPLES / "github-actions.yml")
    assert is_cron(found["on"]["schedule"][0]["cron"])
    steps = found["jobs"]["audit"]["steps"]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    assert steps[1]["env"] == {"VBR_AUDIT_PASSWORD": "${{ secrets.VBR_AUDIT_PASSWORD }}"}
    for step in steps:
        subprocess.run(["bash", "-n", "-c", step.get("run", "")], check=True)


def test_the_workflow_of_shards_reads_all_of_them_and_merges() -> None:
    found = YAML(typ="safe", pure=True).load(SAMPLES / "github-shards.yml")
    collect, audit = found["jobs"]["collect"], found["jobs"]["audit"]
    shards = collect["strategy"]["matrix"]["shard"]
    runs = [step["run"] for job in (collect, audit) for step in job["steps"] if "run" in step]
    assert shards == list(range(1, len(shards) + 1))
    assert f"--shard ${{{{ matrix.shard }}}}/{len(shards)} " in runs[0]
    assert runs[1].startswith("vbr-audit fleet merge shards/* ")
    for command, run in ((collect_command, runs[0]), (fleet_merge, runs[1])):
        for name in re.findall(r" --([a-z-]+)", run.partition("vbr-audit")[2]):
            assert name.replace("-", "_") in {*command.__annotations__, "format"}, name
    for run in runs:
        subprocess.run(["bash", "-n", "-c", run], capture_output=True, check=True)


def test_the_script_audits_the_month_that_has_ended(tmp_path: Path) -> None:
    with serve(jobs=3, sessions=20) as url:
        (tmp_path / "vbr_audit.toml").write_text(f'url = "{url}"\nusername = "{DEMO_USERNAME}"\n', "utf-8")
        environment = {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "HOME": str(tmp_path),
            "VBR_AUDIT_CONFIG": str(tmp_path / "vbr_audit.toml"),
            "DELIVER_TO": str(tmp_path / "deliver.toml"),
        }
        (tmp_path / "deliver.toml").write_text(
            '[[channel]]\nname = "chat"\nkind = "slack"\nurl_env = "NOWHERE"\n', "utf-8"
        )
        words = [str(SAMPLES / "monthly.sh"), str(tmp_path / "runs")]
        words += ["--policy", "minimal", "--format", "json", "--fail-on", "never", "--timezone", "UTC"]
        done = subprocess.run(
            words, input=DEMO_PASSWORD + "\n", env=environment, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stdout) == (6, "")  # the audit is done, and its delivery waits
    assert "chat (an address that cannot be looked up): not sent, waits for the next delivery" in done.stderr
    last = dt.datetime.now().replace(day=1) - dt.timedelta(days=1)
    folder = tmp_path / "runs" / f"{last:%Y-%m}"
    assert (va.load(folder).since.month, va.load(folder).since.day) == (last.month, 1)
    assert DEMO_PASSWORD not in "".join(path.read_text("utf-8") for path in folder.glob("*.json"))
