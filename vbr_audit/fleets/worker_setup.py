"""What a worker process of this machine does before its first task; Dask calls it by its name."""

from __future__ import annotations

import signal

from vbr_audit.tables.build.arrays import make_texts_plainly


def dask_setup(worker: object) -> None:
    """Leave Ctrl-C to the process that started the workers, and ends them: a terminal sends it to all of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    make_texts_plainly()
