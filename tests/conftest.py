"""What all tests share: no waiting between retries, no surprises from the caller's environment, fixed chance."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from functools import cache
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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Give each file to one worker, and neighbours to the same one, so that what tests share is made once."""
    from xdist.scheduler import LoadFileScheduling

    class FromBothEnds(LoadFileScheduling):
        """Every other worker takes the last of the files that are left: two meet somewhere between the folders."""

        def _assign_work_unit(self, node: Any) -> None:
            if self.nodes.index(node) % 2:
                self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
            super()._assign_work_unit(node)

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
