"""The vendor's own specifications, served by Prism as a server that this project did not write."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
PRISM = ROOT / "tests" / "browser" / "node_modules" / ".bin" / "prism"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the specifications and what was collected of older ones."""
    if not SHARED.is_dir():
        _missing("the folder with the vendor's specifications")
    return SHARED


@pytest.fixture(scope="session", params=["1.2-rev1", "1.3-rev1"])
def prism(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a mock of one specification, and the revision that it specifies."""
    revision: str = request.param
    specification = SHARED / "openapi" / f"{revision}.json"
    for tool, path in (("the vendor's specification", specification), ("Prism (npm ci in tests/browser)", PRISM)):
        if not path.exists():
            _missing(tool)
    if shutil.which("node") is None:
        _missing("node")
    port = _free_port()
    log = tmp_path_factory.mktemp("prism") / "log"
    command = [str(PRISM), "mock", str(specification), "-p", str(port), "-h", "127.0.0.1"]
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            _wait_for(port, process, log)
            yield f"http://127.0.0.1:{port}", revision
        finally:
            process.terminate()
            process.wait(20)


def _missing(tool: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{tool} is missing")
    pytest.skip(f"needs {tool}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=5)
        except httpx.TransportError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"Prism did not start: {log.read_text('utf-8', 'replace')[-500:]}")
