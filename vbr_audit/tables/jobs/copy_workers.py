"""The workers of copy jobs: what they made and ran belongs to the copy job.

A copy job has a worker for each job that it copies. The worker has an id of its own, is in no list of jobs, and is
named by the copy job and what it copies: `Copy job\\Source`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pandas as pd

from vbr_audit.tables.build.arrays import STRING, are_known
from vbr_audit.tables.build.schema import Column

COPY_JOBS: Final = ("BackupCopy", "EntraIDTenantBackupCopy", "FileBackupCopy", "LegacyBackupCopy")
"""The types of jobs that copy what another job has backed up."""

SEPARATOR: Final = "\\"
"""What stands in the name of a worker between its copy job and what it copies."""

HELP: Final = (
    "Of a worker of a copy job: the id that the server reports, as there is one for each job that it copies; "
    "`job_id` is then the copy job's."
)
COLUMN: Final = Column("worker_id", "string", HELP, holds="id")


def workers_of_copy_jobs(frames: Iterable[pd.DataFrame], jobs: pd.DataFrame) -> dict[str, str]:
    """The id of the copy job of each worker that the frames (`name`, `job_id`), all of one server, report.

    A worker is known by an id that no job has and a name that begins with that of exactly one copy job.
    """
    are_copies = jobs["type"].isin(COPY_JOBS).to_numpy(dtype=bool) & are_known(jobs["job_id"])
    if not are_copies.any():
        return {}
    copies = jobs.loc[are_copies, ["job_id", "name"]]
    named = copies["name"].dropna().str.casefold()
    named = named[~named.duplicated(keep=False)]
    by_name = dict(zip(named.tolist(), copies["job_id"].loc[named.index].tolist(), strict=True))
    listed = {pd.NA, *jobs["job_id"].tolist()}
    workers: dict[str, str] = {}
    for frame in frames if by_name else ():
        for worker, name in dict.fromkeys(zip(frame["job_id"].tolist(), frame["name"].tolist(), strict=True)):
            owner = None if worker in listed or name is pd.NA else copy_job_of(name, by_name)
            if owner is not None:
                workers.setdefault(worker, owner)
    return workers


def to_copy_jobs(frame: pd.DataFrame, workers: Mapping[str, str]) -> pd.DataFrame:
    """`frame` (`job_id`, `worker_id`) with the copy job's id for what is of its workers."""
    rows = np.flatnonzero(frame["job_id"].isin(workers).to_numpy(dtype=bool)) if workers else ()
    if not len(rows):
        return frame
    ids, own = (frame[name].array.copy() for name in ("job_id", "worker_id"))
    own[rows] = ids[rows]
    ids[rows] = pd.array([workers[worker] for worker in own[rows]], dtype=STRING)
    return frame.assign(job_id=ids, worker_id=own)


def copy_job_of(name: str, by_name: Mapping[str, str]) -> str | None:
    """The id of the copy job of which `name` is a worker's; of several whose names fit, that of the longest."""
    head, separator, _ = name.casefold().rpartition(SEPARATOR)
    while separator:
        if head in by_name:
            return by_name[head]
        head, separator, _ = head.rpartition(SEPARATOR)
    return None
