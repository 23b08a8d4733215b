"""No command changes the server: an administrator's account sends GET, sign-in, refresh and sign-out, nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import vbr_audit
from vbr_audit.api.client import connect
from vbr_audit.pipeline import collect
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME

pytestmark = pytest.mark.usefixtures("account")

PACKAGE = Path(vbr_audit.__file__).parent
MAY_WRITE = {
    "api/client.py",
    *("api/job_operations/operations.py", "api/job_operations/writing.py"),
}


def writes_to(simulator) -> list[tuple[str, str]]:
    return [(m, p) for m, p, _ in simulator.counts.log if m != "GET" and not p.startswith("/api/oauth2/")]


@pytest.mark.parametrize("words", [["audit", "--format", "json"], ["collect", "--datasets", "all"], ["doctor"]])
def test_a_command_leaves_no_write(run, server, tmp_path: Path, words: list[str]) -> None:
    url = server(role="Administrator", revision="1.3-rev2", jobs=8, faults=["token-calls=7"])
    before = url.simulator.truth()
    out = [] if words == ["doctor"] else ["--out", tmp_path / "run"]
    result = run(words[0], url, *words[1:], *out)
    assert result.exit_code in {0, 1, 4}, result.output
    assert len(url.simulator.counts.log) > 3
    assert set(url.simulator.counts.methods) == {"GET", "POST"}
    assert writes_to(url.simulator) == []
    assert url.simulator.truth() == before


def test_collecting_with_a_client_that_may_write_leaves_no_write_either(server) -> None:
    url = server(role="Administrator")
    with connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD, allow_writes=True) as client:
        assert client.allow_writes
        collect(client, progress=False)
    assert writes_to(url.simulator) == []


def test_a_client_only_reads_unless_it_is_told_otherwise(server) -> None:
    with connect(server(), username=DEMO_USERNAME, password=DEMO_PASSWORD) as client:
        assert not client.allow_writes


def test_only_the_jobs_section_knows_of_writing() -> None:
    """No module of collection, checks, reports or the command line names the switch or imports the operations."""
    offenders = set()
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if name in MAY_WRITE or name.startswith("simulator/"):
            continue
        text = path.read_text(encoding="utf-8")
        if "allow_writes" not in text and "job_operations" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            switches = isinstance(node, ast.keyword) and node.arg == "allow_writes"
            imports = isinstance(node, ast.ImportFrom) and node.module in {
                "vbr_audit.api.job_operations.operations",
                "vbr_audit.api.job_operations.writing",
            }
            if switches or imports:
                offenders.add(name)
    assert offenders == set()
