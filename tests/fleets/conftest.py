"""What the tests of fleets share: a cluster of two worker processes, and the password in the environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import fork_server
import pytest
from fleet_servers import PASSWORD, VARIABLE

QUIET = {
    "distributed.admin.tick.interval": "10s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.profile.enabled": False,
}
"""What Dask measures of itself many times a second, also while it waits."""


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    """Two worker processes of Dask, made with the password in their environment.

    They go with the last test of a module: to the end of all tests, they would take more than a start anew.
    """
    distributed = pytest.importorskip("distributed", reason='needs Dask: pip install "vbr-audit[fleet]"')
    import dask.config

    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = PASSWORD
    way = "spawn"
    if os.name == "posix":
        way = "forkserver"
        fork_server.be_ready()
    try:
        with (
            dask.config.set({"distributed.worker.multiprocessing-method": way, **QUIET}),
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            ) as cluster,
        ):
            yield cluster
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> str:
    """The password of every small server, in the environment."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    return PASSWORD
