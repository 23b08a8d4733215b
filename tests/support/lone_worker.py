"""A worker of Dask in a process that nobody replaces, forked from one that has imported it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import fork_server


@contextlib.contextmanager
def lone_worker(address: str, log: Path) -> Iterator[BaseProcess]:
    """A worker of the scheduler at `address`, up to the end of the block; what it logs goes to a file."""
    fork_server.be_ready()
    process = multiprocessing.get_context("forkserver").Process(target=_work, args=(address, str(log)))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _work(address: str, log: str) -> None:
    from distributed.cli import dask_worker

    stream = os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)
    for each in (1, 2):
        os.dup2(stream, each)
    dask_worker.main([address, "--no-nanny", "--nthreads", "1", "--no-dashboard"], standalone_mode=False)
