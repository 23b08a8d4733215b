"""What all tests share: no waiting between retries, no surprises from the caller's environment, fixed chance."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# Started in the background, or by `nohup`, these signals are ignored, and programs started from here inherit that:
# the tests that tell a run to end would wait for nothing.
for _number in (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


# Where the grammar of IRIs is installed, `jsonschema` builds it when it is imported, which takes seconds; no schema
# here asks for that format.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def pytest_configure(config: pytest.Config) -> None:
    """Set up the libraries where tests run: the process that only hands them out imports none of these."""
    if config.getoption("tx") and not hasattr(config, "workerinput"):
        return
    import pandas as pd
    import typer.testing
    from hypothesis import HealthCheck, settings

    settings.register_profile(
        "vbr",
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    settings.load_profile("vbr")
    # Beside pyarrow, pandas makes its texts by it wherever no dtype is given, and every small table takes longer. The
    # tests of the tables, and all that start a process of their own, have it as a user has.
    pd.set_option("mode.string_storage", "python")
    # A process of a user makes the commands once; each call of a runner would make all of them anew.
    typer.testing._get_command = cache(typer.testing._get_command)


class _FromTheEnd(pytest.Dir):
    """A folder whose files are imported from the last one to the first."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        return [*super().collect()][::-1]


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Let every second worker begin at the other end of a folder: of two, only one compiles a file of a fresh clone."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return _FromTheEnd.from_parent(parent, path=path) if int(worker) % 2 else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests into the same order in all workers."""
    items.sort(key=lambda item: item.path)


def pytest_collection_finish() -> None:
    """What stands when all tests are collected stays to the end: no collection of garbage looks at it again.

    What comes after is collected seldom: a table is made of thousands of small objects that are gone right after it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_sessionfinish() -> None:
    """Collect garbage once at the end: pytest does so five times, over all that the tests share."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Give neighbours to the same worker, so that what the tests of a file or of a folder share is made once."""
    from worker_turns import FileByFile

    return FileByFile(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    import stamina

    with stamina.set_testing(True, attempts=6):
        yield


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("VBR_AUDIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VBR_AUDIT_KEYRING", "0")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def need_tool() -> Callable[[str], str]:
    """Give the path of a program; without it the test is skipped on a user's machine, and fails in CI."""

    def need(*names: str) -> str:
        for name in names:
            if found := shutil.which(name) or (name if Path(name).exists() else None):
                return found
        if os.environ.get("CI"):
            pytest.fail(f"{names[0]} is missing")
        pytest.skip(f"needs {names[0]}")

    return need
