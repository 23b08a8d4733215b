"""What could be read of each server, who may read it, and which checks hang on it: every dataset, asked for or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vbr_audit.checks.policy.needs import checks_by_dataset
from vbr_audit.collection.survey import first_revision_of
from vbr_audit.datasets import DATASETS, Dataset
from vbr_audit.datasets.roles import OPERATORS, Role

if TYPE_CHECKING:
    from vbr_audit.checks.policy.policy import CheckUse
    from vbr_audit.collection.manifest import DatasetRecord, Manifest, ServerRecord

NOT_ASKED = "not asked for"
"""The status of a dataset that a run did not ask for."""


@dataclass(frozen=True)
class AccessRow:
    """One dataset of one server: how far it was read in this run, who may read it, and the checks that look at it.

    `status` and `reason` are the manifest's, the path left out of the reason, or say that it was not asked for; `path`
    and `roles` are those of the revision in use.
    """

    server: str
    name: str
    title: str
    path: str
    status: str
    reason: str
    roles: tuple[str, ...]
    first_revision: str
    checks: tuple[str, ...]

    @property
    def is_asked(self) -> bool:
        """Whether this run asked for it."""
        return self.status != NOT_ASKED

    @property
    def roles_text(self) -> str:
        """The roles in full, in one line."""
        return ", ".join(self.roles) or "no built-in role"

    @property
    def short_roles(self) -> str:
        """The roles in as few words as a narrow column needs."""
        if set(self.roles) == set(Role):
            return "every role"
        names = list(self.roles)
        if set(OPERATORS) <= set(names):
            at = names.index(OPERATORS[0])
            names = [name for name in names if name not in OPERATORS]
            names.insert(at, "Backup/Restore/Tape Operator")
        return ", ".join(name.removeprefix("Veeam ") for name in names) or "no built-in role"


def access_rows(manifest: Manifest, uses: Sequence[CheckUse]) -> tuple[AccessRow, ...]:
    """One row per server and dataset of the catalogue, in their orders."""
    checks = checks_by_dataset(uses)
    return tuple(
        _row(server, dataset, manifest.dataset(server.name, dataset.name), checks[dataset.name])
        for server in manifest.servers
        for dataset in DATASETS.values()
    )


def _row(server: ServerRecord, dataset: Dataset, record: DatasetRecord | None, checks: tuple[str, ...]) -> AccessRow:
    read = dataset.at(server.revision)
    offered = dataset.is_offered(server.revision)
    reason = "" if record or offered else f"revision {server.revision} does not have it"
    if record and record.reason:
        reason = record.reason.removeprefix(f"{record.path} ")
    return AccessRow(
        server=server.name,
        name=dataset.name,
        title=dataset.title,
        path=record.path if record else read.path,
        status=str(record.status) if record else NOT_ASKED,
        reason=reason,
        roles=tuple(read.access.roles(server.revision)) if offered else (),
        first_revision=first_revision_of(dataset),
        checks=checks,
    )
