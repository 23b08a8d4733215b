"""The process that others are forked from, with everything imported: `multiprocessing` has one for each process."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing import forkserver
from typing import Final

from fleet_servers import PASSWORD, VARIABLE

_IMPORTED: Final = (
    *(
        "read_shipped",
        "forked",
        "vbr_audit.cli.cmd_audit",
        "vbr_audit.pipeline",
        "vbr_audit.api.client",
        "vbr_audit.rules",
    ),
    *("vbr_audit.collection.collector", "vbr_audit.checks.own.own_checks", "vbr_audit.reports.formats"),
    *("vbr_audit.reports.context", "vbr_audit.histories.history"),
    *("distributed", "vbr_audit.fleets.tasks", "vbr_audit.fleets.dask_cluster"),
)
"""What the processes of all tests would import anew, and read of the files of the package."""


def be_ready() -> None:
    """Start it where it does not run, with the password of the small servers in its environment.

    Whoever asks first, it is the same for all: what is forked from it has its environment, not that of the test.
    """
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = PASSWORD
    try:
        multiprocessing.get_context("forkserver").set_forkserver_preload(list(_IMPORTED))
        forkserver.ensure_running()
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before
