"""The vendor's own specifications, served by Prism as a server that this project did not write."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vbr_audit.datasets import DATASETS

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
BROWSER = ROOT / "tests" / "browser"
PRISM = BROWSER / "node_modules" / "@stoplight" / "prism-cli"
MOCK = BROWSER / "mock_specifications.mjs"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the specifications and what was collected of older ones."""
    if not SHARED.is_dir():
        _missing("the folder with the vendor's specifications")
    return SHARED


REVISIONS = ("1.2-rev1", "1.3-rev1")


@pytest.fixture(scope="session")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of mocks of the specifications, by the revision that each specifies."""
    specifications = [SHARED / "openapi" / f"{revision}.json" for revision in REVISIONS]
    needed = [("the vendor's specification", path) for path in specifications]
    for tool, path in (*needed, ("Prism (npm ci in tests/browser)", PRISM)):
        if not path.exists():
            _missing(tool)
    if shutil.which("node") is None:
        _missing("node")
    folder = tmp_path_factory.mktemp("prism")
    for path in specifications:
        (folder / path.name).write_text(json.dumps(_part_in_use(json.loads(path.read_text("utf-8")))), "utf-8")
    command = ["node", str(MOCK), *(str(folder / path.name) for path in specifications)]
    pipe = subprocess.PIPE
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = [process.stdout.readline().decode().strip() for _ in REVISIONS]
        assert all(lines), f"Prism did not start: {(folder / 'log').read_text('utf-8', 'replace')[-500:]}"
        yield dict(zip(REVISIONS, lines, strict=True))
        process.stdin.close()


@pytest.fixture(scope="session", params=REVISIONS)
def prism(request: pytest.FixtureRequest, addresses: dict[str, str]) -> tuple[str, str]:
    """The address of a mock of one specification, and the revision that it specifies."""
    return addresses[request.param], request.param


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
