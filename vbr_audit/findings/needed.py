"""The datasets that the enabled checks need of each server, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass

from vbr_audit.checks.run import CheckRun
from vbr_audit.collection.datasets import is_never_offered
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus
from vbr_audit.collection.snapshot import Snapshot


@dataclass(frozen=True)
class Needed:
    """One dataset that the enabled checks need of one server; `record` is None where this run did not ask for it.

    `is_offered` is false where no revision that the server speaks has the dataset: then its checks are UNKNOWN, but
    nothing was missed in reading.
    """

    server: str
    dataset: str
    record: DatasetRecord | None
    is_offered: bool

    @property
    def is_whole(self) -> bool:
        """Whether it was read whole."""
        return self.record is not None and self.record.status == DatasetStatus.COMPLETE


def needed_of_servers(snapshot: Snapshot, run: CheckRun) -> tuple[Needed, ...]:
    """One entry per server and needed dataset, in their orders."""
    newest = {server.name: server.revision_newest for server in snapshot.manifest.servers}
    found = []
    for server in run.servers:
        for name in sorted(run.datasets_needed):
            record = snapshot.manifest.dataset(server, name)
            absent = record is None or record.status == DatasetStatus.ABSENT
            offered = not (absent and is_never_offered(name, newest.get(server)))
            found.append(Needed(server, name, record, offered))
    return tuple(found)
