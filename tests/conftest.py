"""What all tests share: no waiting between retries, no surprises from the caller's environment, fixed chance."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import stamina
import typer.testing
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

settings.register_profile(
    "vbr",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("vbr")

# Started in the background, or by `nohup`, these signals are ignored, and programs started from here inherit that:
# the tests that tell a run to end would wait for nothing.
for _number in (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


# Beside pyarrow, pandas makes its texts by it wherever no dtype is given, and every small table takes longer. The tests
# of the tables, and all that start a process of their own, have it as a user has.
pd.set_option("mode.string_storage", "python")

# A process of a user makes the commands once; each call of a runner would make all of them anew.
typer.testing._get_command = cache(typer.testing._get_command)


def pytest_collection_finish() -> None:
    """What stands when all tests are collected stays to the end: no collection of garbage looks at it again."""
    gc.collect()
    gc.freeze()


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Give neighbours to the same worker, so that what the tests of a file or of a folder share is made once."""
    from xdist.scheduler import LoadScopeScheduling

    class FromBothEnds(LoadScopeScheduling):
        """One of two workers goes on with the first file of those that are left, the other with the last.

        They meet in one file, test by test, and end together. More than two take whole files.
        """

        def _split_scope(self, nodeid: str) -> str:
            return nodeid if self.numnodes == 2 else _file_of(nodeid)

        def _assign_work_unit(self, node: Any) -> None:
            if self.nodes.index(node) % 2:
                file = _file_of(next(reversed(self.workqueue)))
                *_, first = takewhile(lambda test: _file_of(test) == file, reversed(self.workqueue))
                self.workqueue.move_to_end(first, last=False)
            super()._assign_work_unit(node)

        def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
            super().mark_test_complete(node, item_index, duration)
            if self.numnodes == 2:  # what is done is counted again with each test that ends
                del self.assigned_work[node][self.registered_collections[node][item_index]]

    return FromBothEnds(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def _quick_retries() -> Iterator[None]:
    with stamina.set_testing(True, attempts=6):
        yield


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("VBR_AUDIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VBR_AUDIT_KEYRING", "0")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
