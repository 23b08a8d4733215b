"""What a collection is to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches

from vbr_audit.api.paging import WORKERS
from vbr_audit.collection.datasets import BASIC, CLOCK, DATASETS, Dataset, parents_of
from vbr_audit.collection.period import PeriodRequest
from vbr_audit.errors import ConfigurationError

_OWNERS = {
    "task_sessions": "sessions",
    "backup_objects": "backups",
    "restore_points": "backups",
    "backup_files": "backups",
    "replica_points": "replicas",
}
"""What stands between a row and its job, where a pattern of job names narrows the scope."""


@dataclass(frozen=True)
class CollectionRequest:
    """What to read: the period, the jobs in scope, the datasets (None: `BASIC`), and how many pages at once."""

    period: PeriodRequest = field(default_factory=PeriodRequest)
    jobs_pattern: str | None = None
    datasets: tuple[str, ...] | None = None
    workers: int = WORKERS
    mask_accounts: bool = False
    command: str | None = None
    note: str | None = None

    def chosen(self) -> list[Dataset]:
        """The datasets to read, in order; raises `ConfigurationError` for an unknown name."""
        wanted = set(BASIC if self.datasets is None else self.datasets)
        unknown = sorted(wanted - set(DATASETS))
        if unknown:
            near = get_close_matches(unknown[0], DATASETS, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise ConfigurationError(
                f"unknown dataset {', '.join(unknown)}", hint=f"{meant}Known are {', '.join(DATASETS)}."
            )
        wanted |= set(CLOCK) | parents_of(wanted)
        if self.jobs_pattern is not None:
            wanted |= {"jobs", "job_states"} | {_OWNERS[name] for name in wanted & set(_OWNERS)}
        return [dataset for dataset in DATASETS.values() if dataset.name in wanted]
