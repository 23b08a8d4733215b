"""The command line in front of a simulated server on a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from command_line import invoke
from core_checks import CORE_TEXT
from typer.testing import Result

from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl, serve

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A function that runs `vbr-audit` with these words and gives exit code, stdout and stderr.

    Without a policy of its own a command asks only the core checks, which a Backup Viewer can answer.
    """
    core = tmp_path_factory.mktemp("policy") / "core.yaml"
    core.write_text(CORE_TEXT, encoding="utf-8")

    def run_core(*words: object, **options: Any) -> Result:
        given = [str(word) for word in words]
        if given and given[0] in ("audit", "collect", "doctor") and "--policy" not in given:
            given += ["--policy", str(core)]
        return invoke(*given, **options)

    return run_core


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and an empty home."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return here


@pytest.fixture
def server() -> Iterator[Callable[..., ServerUrl]]:
    """A function that starts a small simulator and gives its address."""
    with ExitStack() as servers:

        def start(**options: Any) -> ServerUrl:
            return servers.enter_context(serve(**{"jobs": 7, "sessions": 20, **options}))

        yield start


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator's account in the environment."""
    monkeypatch.setenv("VBR_AUDIT_USERNAME", DEMO_USERNAME)
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", DEMO_PASSWORD)
