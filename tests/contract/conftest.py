"""The vendor's own specifications, served by Prism as a server that this project did not write."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from vbr_audit.datasets import DATASETS

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
    folder = tmp_path_factory.mktemp("prism")
    log, part = folder / "log", folder / "part.json"
    part.write_text(json.dumps(_part_in_use(json.loads(specification.read_text("utf-8")))), "utf-8")
    command = [str(PRISM), "mock", str(part), "-p", str(port), "-h", "127.0.0.1"]
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            _wait_for(port, process, log)
            yield f"http://127.0.0.1:{port}", revision
        finally:
            process.terminate()
            process.wait(20)


def _part_in_use(specification: dict[str, Any]) -> dict[str, Any]:
    """The specification without what is never asked: Prism takes long to read all of it.

    A path that is asked and is not in it gets the answer of one that the vendor does not have: the test fails.
    """
    asked = {each.path for dataset in DATASETS.values() for each in (dataset, *dataset.earlier)}
    written = ("/api/oauth2/", "/api/v1/jobs")
    paths = {
        path: item if path.startswith(written) else {name: item[name] for name in ("get", "parameters") if name in item}
        for path, item in specification["paths"].items()
        if re.sub(r"{\w+}", "{id}", path) in asked or path.startswith(written)
    }
    return specification | {"paths": paths}


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
