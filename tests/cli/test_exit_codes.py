"""What the command line says and how it ends, for each way in which a run can go."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import forked
import pytest
from command_line import invoke, write
from core_checks import CORE_TEXT, text_of
from shared import demo
from typer.testing import Result

from vbr_audit.collection.run_folder import differences, seal
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve

pytestmark = pytest.mark.usefixtures("account")

JSON = ("--format", "json")
PAGE = ("--format", "html,json")
"""What a test asks for that looks at no other report: a workbook takes ten times as long as the findings."""
ALL_GOOD = "version: 1\nchecks:\n  '*': {enabled: false, reason: nothing to ask}\n  EVD-002: {enabled: true}\n"


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """What an audit said that wrote all reports of a user who asks for none, and its run, which nobody may change."""
    folder = tmp_path_factory.mktemp("audited")
    out, core = folder / "run", write(folder / "core.yaml", CORE_TEXT)
    with serve(jobs=7, sessions=20) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("VBR_AUDIT_USERNAME", DEMO_USERNAME)
        patch.setenv("VBR_AUDIT_PASSWORD", DEMO_PASSWORD)
        return invoke("audit", url, "--out", out, "--policy", core), out


@pytest.fixture
def taken(audited: tuple[Result, Path], tmp_path: Path) -> Callable[..., Path]:
    """A function that copies the run of that audit, with these of its reports."""

    def take(*reports: str) -> Path:
        out = Path(shutil.copytree(audited[1], tmp_path / "run"))
        for path in (*out.glob("report.*"), *out.glob("findings.*"), *out.glob("data/*")):
            if path.name not in reports:
                path.unlink()
        seal(out)
        return out

    return take


def test_a_failing_finding_ends_in_1_and_writes_the_whole_run(audited: tuple[Result, Path]) -> None:
    result, out = audited
    assert result.exit_code == 1
    assert "findings need attention" in result.stdout
    names = {path.name for path in out.iterdir()}
    assert names == {
        "manifest.json",
        "evidence",
        "findings.json",
        "findings.csv",
        "report.html",
        "report.xlsx",
        "policy.yaml",
        "SHA256SUMS",
        "data",
    }
    assert str(out / "report.html") in result.stdout
    assert DEMO_PASSWORD not in result.output


@pytest.mark.parametrize("threshold", ["never", "critical"])
def test_nothing_at_or_above_the_threshold_ends_in_0(run, server, tmp_path: Path, threshold: str) -> None:
    assert run("audit", server(), "--out", tmp_path / "run", "--fail-on", threshold, *JSON).exit_code == 0


def test_an_empty_server_is_audited_and_said_to_be_empty(run, server, tmp_path: Path) -> None:
    result = run("audit", server(empty=True), "--out", tmp_path / "run", *JSON)
    assert result.exit_code == 0
    assert "0 jobs" in result.stdout
    findings = json.loads((tmp_path / "run" / "findings.json").read_bytes())
    assert {row["check_id"] for row in findings["coverage"]} >= {"JOB-001", "RUN-005", "EVD-003"}
    assert findings["summary"]["counts"]["FAIL"] == 0


def test_a_wrong_password_ends_in_3_without_a_second_try(run, server, tmp_path: Path) -> None:
    url = server()
    result = run("audit", url, "--out", tmp_path / "run", "--password-stdin", input="wrong\n")
    assert result.exit_code == 3
    assert "refused to sign in 'auditor'" in result.stderr
    assert "Next: Check user name and password" in result.stderr
    assert url.simulator.counts.failed_sign_ins == 1
    assert "Traceback" not in result.stderr


def test_an_unreachable_host_ends_in_3(run, tmp_path: Path) -> None:
    result = run("audit", "http://127.0.0.1:9", "--out", tmp_path / "run")
    assert result.exit_code == 3
    assert "cannot connect to 127.0.0.1:9" in result.stderr


def test_an_untrusted_certificate_ends_in_3_and_shows_what_to_pin(run, server, tmp_path: Path) -> None:
    url = server(tls=True)
    result = run("audit", url, "--out", tmp_path / "run")
    assert result.exit_code == 3
    assert url.fingerprint in result.stderr
    pinned = run("collect", url, "--out", tmp_path / "run", "--fingerprint", url.fingerprint)
    assert pinned.exit_code == 0


def test_insecure_is_loud_here_and_in_the_report(run, server, tmp_path: Path) -> None:
    result = run("audit", server(tls=True), "--out", tmp_path / "run", "--insecure", "--fail-on", "never", *PAGE)
    assert "WARNING: the certificate is not verified" in result.stderr
    assert "NOT VERIFIED" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_an_unsupported_revision_ends_in_3_with_the_servers_list(run, server, tmp_path: Path) -> None:
    result = run("audit", server(revision="1.2-rev1"), "--out", tmp_path / "run", "--revision", "1.3-rev1")
    assert result.exit_code == 3
    assert "it offers" in result.stderr
    assert "1.2-rev1" in result.stderr


@pytest.mark.parametrize(
    "fault", ["html=jobs", "cut-json-forever=jobs", "broken=jobs", "denied=jobs", "ignored-skip=jobs"]
)
def test_a_needed_dataset_that_is_not_whole_ends_in_4_and_passes_nothing(
    run, server, tmp_path: Path, fault: str
) -> None:
    out = tmp_path / "run"
    url, few = server(faults=[fault, "limit-cap=3"]), write(tmp_path / "few.yaml", text_of("EVD-001", "JOB-003"))
    result = run("audit", url, "--out", out, "--fail-on", "never", "--policy", few, *JSON)
    assert result.exit_code == 4
    assert re.search(r"^INCOMPLETE: [12] datasets? of .*Jobs", result.stdout, re.MULTILINE)
    findings = json.loads((out / "findings.json").read_bytes())["findings"]
    read = {row["object_name"] for row in findings if row["check_id"] == "JOB-003" and row["status"] == "PASS"}
    assert len(read) <= (3 if fault == "ignored-skip=jobs" else 0)
    if fault in ("cut-json-forever=jobs", "broken=jobs"):
        return  # failed, as after `html`: the same run for those who come later
    allowed = run("check", out, "--allow-incomplete", "--fail-on", "never")
    assert allowed.exit_code == 0
    assert run("report", out, "--format", "html").exit_code == 0
    assert "report is incomplete" in (out / "report.html").read_text("utf-8").lower()


def test_allow_incomplete_takes_the_collection_checks_out_of_the_count_only(run, server, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\nchecks:\n  '*': {enabled: false, reason: not asked}\n"
        "  EVD-001: {enabled: true}\n  EVD-002: {enabled: true}\n  RUN-005: {enabled: true}\n"
    )
    out = tmp_path / "run"
    url = server(faults=["denied=sessions"])
    result = run("audit", url, "--out", out, "--policy", policy, "--allow-incomplete", *JSON)
    findings = json.loads((out / "findings.json").read_bytes())["findings"]
    assert [row["status"] for row in findings if row["check_id"] == "EVD-001" and row["object_name"] == "sessions"] == [
        "FAIL"
    ]
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\nchecks:\n  JOB-03: {severity: high}\n", r"policy\.yaml:3: .*JOB-03.*did you mean"),
        ("version: 1\nchecks:\n  JOB-003: {severity: hihg}\n", r"policy\.yaml:3: "),
        ("version: 1\nchecks:\n  JOB-003: {params: {min_retrys: 2}}\n", r"policy\.yaml:3: .*min_retr"),
        ("version: 1\nchecks:\n  JOB-003: {enabled: false}\n", r"policy\.yaml:3: .*reason"),
        ("version: 1\nversion: 1\n", r"policy\.yaml:2: "),
        ("version: [1\n", r"policy\.yaml:\d+"),
    ],
)
def test_a_typo_in_the_policy_ends_in_2_before_any_request(
    run, server, tmp_path: Path, text: str, message: str
) -> None:
    url = server()
    policy = tmp_path / "policy.yaml"
    policy.write_text(text)
    result = run("audit", url, "--out", tmp_path / "run", "--policy", policy)
    assert result.exit_code == 2
    assert re.search(message, result.stderr, re.IGNORECASE | re.DOTALL), result.stderr
    assert not url.simulator.counts.log
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--month", "2026-13"], "not a month"),
        (["--timezone", "Mars/Olympus"], "unknown time zone"),
        (["--format", "docx"], "unknown format docx"),
        (["--format", ","], "--format is empty"),
        (["--fail-on", "hgih"], "unknown severity"),
        (["--timeout", "-1"], "timeout"),
        (["--fingerprint", "abc"], "not a SHA-256"),
        (["--policy", "missing.yaml"], "missing.yaml"),
        (["--waivers", "missing.yaml"], "missing.yaml"),
        (["--templates", "missing"], "missing"),
        (["--ca-file", "missing.pem", "--insecure"], "exclude each other"),
        (["--password", "secret"], "No such option"),
        (["--what-if"], "No such option"),
    ],
)
def test_wrong_words_end_in_2_before_any_request(run, server, tmp_path: Path, words: list[str], message: str) -> None:
    url = server()
    result = run("audit", url, "--out", tmp_path / "run", *words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not url.simulator.counts.log


def test_no_password_and_nobody_to_ask_ends_in_2(run, server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VBR_AUDIT_PASSWORD")
    result = run("audit", server(), "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "--password-stdin" in result.stderr


def test_a_folder_in_use_ends_in_2_and_force_replaces_the_tools_own_files_only(run, server, taken) -> None:
    out, url = taken("report.html", "findings.json"), server()
    (out / "notes.txt").write_text("mine")
    result = run("audit", url, "--out", out)
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert run("audit", url, "--out", out, "--force", "--fail-on", "never", *JSON).exit_code == 0
    assert (out / "notes.txt").read_text() == "mine"
    assert not (out / "report.html").exists()
    assert run("verify", out).exit_code == 0


def test_an_out_that_cannot_be_written_ends_in_5(run, server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("audit", server(), "--out", tmp_path / "file" / "run")
    assert result.exit_code == 5
    assert "cannot" in result.stderr


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a file system that refuses everybody")
def test_a_read_only_out_ends_in_5(run, server) -> None:
    result = run("audit", server(), "--out", "/proc/vbr-audit-run")
    assert result.exit_code == 5
    assert "/proc/vbr-audit-run" in result.stderr


def test_verify_names_what_was_changed(run, taken) -> None:
    out = taken("findings.json", "findings.csv")
    assert run("verify", out).exit_code == 0
    report = out / "findings.csv"
    report.write_bytes(report.read_bytes().replace(b"FAIL", b"PASS", 1))
    result = run("verify", out)
    assert result.exit_code == 4
    assert "findings.csv was changed" in result.stderr


def test_verify_sees_findings_that_do_not_follow_from_the_evidence(run, taken) -> None:
    out = taken("findings.json")
    document = json.loads((out / "findings.json").read_bytes())
    document["findings"] = document["findings"][1:]
    (out / "findings.json").write_text(json.dumps(document))
    seal(out)
    result = run("verify", out)
    assert result.exit_code == 4
    assert "not what the evidence and the policy give" in result.stderr


@pytest.mark.parametrize("command", ["check", "report", "verify"])
def test_a_folder_that_is_no_run_ends_in_4(run, tmp_path: Path, command: str) -> None:
    result = run(command, tmp_path)
    assert result.exit_code == 4
    assert "Traceback" not in result.stderr


def test_a_saved_run_is_judged_anew_under_another_policy_and_nothing_stale_stays(run, taken, tmp_path: Path) -> None:
    out, policy = taken("report.html", "findings.json", "findings.csv"), tmp_path / "mild.yaml"
    policy.write_text(ALL_GOOD)
    result = run("check", out, "--policy", policy)  # its server is gone: nobody can be asked
    assert result.exit_code == 0
    assert "mild.yaml" in (out / "report.html").read_text("utf-8")
    assert run("verify", out).exit_code == 0
    assert run("report", out, "--format", "html").exit_code == 0
    assert (out / "findings.csv").exists()
    assert run("verify", out).exit_code == 0


def test_quiet_says_nothing_and_a_pattern_narrows_the_scope(run, server, tmp_path: Path) -> None:
    result = run("audit", server(), "--out", tmp_path / "run", "--jobs", "sql*", "-q", "--fail-on", "never", *PAGE)
    assert result.exit_code == 0
    assert result.output == ""
    findings = json.loads((tmp_path / "run" / "findings.json").read_bytes())["findings"]
    names = {row["object_name"] for row in findings if row["check_id"] == "JOB-001"}
    assert names
    assert all(name.casefold().startswith("sql") for name in names)
    assert "sql*" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_two_servers_with_one_down_keep_what_the_other_gave(run, server, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run("audit", server(), "http://localhost:9", "--out", out, *JSON)
    assert result.exit_code == 4
    datasets = json.loads((out / "manifest.json").read_bytes())["datasets"]
    status = {(row["server"], row["name"]): row["status"] for row in datasets}
    assert status["127.0.0.1", "jobs"] == "complete"
    assert status["localhost", "jobs"] == "failed"


@pytest.mark.slow
@pytest.mark.parametrize(("revision", "code"), [(None, 0), ("1.2-rev1", 4)])
def test_collect_lacks_what_a_newer_revision_of_the_server_would_have_told(
    run, server, tmp_path: Path, revision: str | None, code: int
) -> None:
    pinned = [] if revision is None else ["--revision", revision]
    url = server(jobs=2, sessions=20, role="Administrator")
    chosen = ["--policy", "default", "--datasets", "users,malware_settings"]
    done = run("collect", url, "--out", tmp_path / "run", *chosen, *pinned)
    assert done.exit_code == code, done.stderr
    assert re.search(r"^\S+ +malware_settings +absent ", done.stdout, re.MULTILINE)
    assert bool(re.search(r"^\S+ +users +absent ", done.stdout, re.MULTILINE)) == (revision is not None)


def test_ctrl_c_while_paging_writes_what_was_read_and_ends_in_130(tmp_path: Path) -> None:
    out, core, told = tmp_path / "run", write(tmp_path / "core.yaml", CORE_TEXT), tmp_path / "told"
    account = {"VBR_AUDIT_USERNAME": DEMO_USERNAME, "VBR_AUDIT_PASSWORD": DEMO_PASSWORD}
    with serve(jobs=5, sessions=600, faults=["limit-cap=10", "latency-ms=120"]) as url:
        process = forked.start(
            ["audit", str(url), "--out", str(out), "--policy", str(core), *PAGE],
            told,
            env=account,
            prepare=partial(forked.print_to, str(tmp_path / "said")),
        )
        deadline = time.monotonic() + 60
        # The first pages may hold only sessions that began before the period, which count for no run of it.
        while url.simulator.counts.requests["/api/v1/sessions"] < 24 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert DEMO_PASSWORD.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        os.kill(process.pid, signal.SIGINT)
        code = forked.ended(process)
    stdout, stderr = ((tmp_path / name).read_text("utf-8") for name in ("said", "told"))
    assert code == 130, stderr
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert manifest["interrupted"] is True
    sessions = next(row for row in manifest["datasets"] if row["name"] == "sessions")
    assert sessions["status"] == "partial"
    assert sessions["reason"] == "interrupted while it was read"
    assert sessions["rows_kept"] >= 10
    assert "incomplete" in (out / "report.html").read_text("utf-8").lower()
    assert "INCOMPLETE" in stdout


def test_the_version_is_told(run) -> None:
    from vbr_audit import __version__

    assert run("--version").stdout == f"vbr-audit {__version__}\n"


def test_help_loads_no_heavy_library() -> None:
    program = (
        "import sys; sys.argv = ['vbr-audit', '--help']\n"
        "from vbr_audit.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('pandas', 'pydantic', 'matplotlib', 'openpyxl', 'jinja2', 'httpx')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_check_is_explained_and_a_wrong_id_gets_a_suggestion(run) -> None:
    assert "Automatic retry is enabled" in run("checks").stdout
    told = run("checks", "job-003").stdout
    assert "min_retries = 1" in told
    wrong = run("checks", "JOB-03")
    assert wrong.exit_code == 2
    assert "JOB-003" in wrong.stderr


def test_a_pattern_that_fits_no_job_is_no_success(run, server, tmp_path: Path) -> None:
    result = run("audit", server(), "--out", tmp_path / "run", "--jobs", "Nope*", *JSON)
    assert result.exit_code == 4
    assert "No job has a name that fits 'Nope*'" in result.stdout
    assert "No job is in scope" in result.stdout


def test_collecting_what_the_checks_need_and_not_getting_it_ends_in_4(run, server, tmp_path: Path) -> None:
    assert run("collect", server(faults=["denied=jobs"]), "--out", tmp_path / "denied").exit_code == 4
    assert run("collect", server(faults=["denied=server_info"]), "--out", tmp_path / "spared").exit_code == 0


def test_a_password_in_a_proxy_or_an_address_is_kept_nowhere(run, server, tmp_path: Path, monkeypatch) -> None:
    out, url = tmp_path / "run", server()
    words = ["collect", url, "--out", str(out), "--proxy", f"http://bob:PxSecret99@{url.removeprefix('http://')}"]
    monkeypatch.setattr(sys, "argv", ["vbr-audit", *words])
    run(*words)
    for text in (path.read_bytes() for path in out.rglob("*") if path.is_file()):
        assert b"PxSecret99" not in text
    for words in (
        ["audit", url, "--out", tmp_path / "other", "--proxy", "user:PxSecret99@proxy:3128"],
        ["audit", url, "--out", tmp_path / "other", "--proxy", "socks5://user:PxSecret99@proxy:3128"],
        ["audit", " https://admin:PxSecret99@host/", "--out", tmp_path / "other"],
        ["audit", "admin:PxSecret99@host", "--out", tmp_path / "other"],
    ):
        result = run(*words)
        assert result.exit_code == 2, result.output
        assert "PxSecret99" not in result.output


def test_verify_does_not_claim_findings_that_are_not_there(run, taken) -> None:
    out = taken("findings.csv")
    result = run("verify", out)
    assert result.exit_code == 0
    assert "no findings.json" in result.stdout


def test_a_damaged_evidence_file_is_one_of_the_differences(run, taken) -> None:
    out = taken("findings.json")
    (path,) = (out / "evidence").iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    result = run("verify", out)
    assert result.exit_code == 4
    assert f"evidence/{path.name} was changed" in result.stderr
    assert "cannot be made again" in result.stderr


def test_even_a_traceback_cannot_steer_the_terminal(run, server, tmp_path: Path) -> None:
    url = server(username="\x1b]0;owned\x07")
    result = run("audit", url, "--out", tmp_path / "run", "--username", "\x1b[31mred", "--debug")
    assert result.exit_code == 3
    assert "\x1b" not in result.stderr
    assert "Traceback" in result.stderr


def test_a_wrong_template_ends_in_2_and_a_right_one_is_used(run, server, tmp_path: Path) -> None:
    folder, url = tmp_path / "templates", server()
    folder.mkdir()
    template = folder / "compliance.html.j2"
    template.write_text('{% extends "builtin:compliance.html.j2" %}\n{% block branding %}{% endfor %}{% endblock %}')
    result = run("audit", url, "--out", tmp_path / "run", "--templates", folder)
    assert result.exit_code == 2
    assert "compliance.html.j2:2" in result.stderr
    assert not url.simulator.counts.log
    template.write_text(
        '{% extends "builtin:compliance.html.j2" %}{% block branding %}<p>Example Ltd.</p>{% endblock %}'
    )
    words = ("--out", tmp_path / "run", "--templates", folder, "--fail-on", "never", *PAGE)
    assert run("audit", url, *words).exit_code == 0
    assert "<p>Example Ltd.</p>" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_the_demo_writes_a_whole_run_that_says_it_is_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    (out,) = (path for path in demo(tmp_path_factory).iterdir() if path.is_dir())
    assert differences(out) == []
    assert "Demonstration" in (out / "report.html").read_text("utf-8")
