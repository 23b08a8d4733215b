"""Where the holdings are kept: made when first asked for, once for each revision."""

from collections.abc import Sequence
from threading import RLock
from typing import Any

from vbr_audit.simulator.endpoints import MADE
from vbr_audit.simulator.holdings import agents
from vbr_audit.simulator.holdings.backups import file_rows, object_rows, write_point
from vbr_audit.simulator.holdings.oddities import ODD, spoil_document, spoil_rows
from vbr_audit.simulator.holdings.stock import Stock
from vbr_audit.simulator.holdings.tasks import tasks_of
from vbr_audit.simulator.holdings.world import World
from vbr_audit.simulator.revisions import REVISIONS

Json = dict[str, object]

_FILE_BACKUPS_HIDDEN_IN = "1.3-rev0"


class Holdings:
    """The rows and documents of every dataset beyond jobs and sessions, as any revision shows them."""

    def __init__(self, world: World, *, empty: bool, hostile: bool) -> None:
        self.stock = Stock(world, empty)
        self._world = world
        self._empty = empty
        self._hostile = hostile
        self._lock = RLock()
        self._kept: dict[tuple[str, str], Sequence[Json]] = {}

    def rows(self, dataset: str, revision: str) -> Sequence[Json]:
        """The rows of one dataset; for a document that is a list, the rows in it."""
        with self._lock:
            rows = self._kept.get((dataset, revision))
            if rows is None:
                rows = self._kept[dataset, revision] = self._make(dataset, revision)
            return rows

    def document(self, dataset: str, revision: str) -> Json | None:
        """The one object of a dataset, None when there is none yet."""
        made: Json | None = self._made(dataset, revision)
        if made is None or not (self._empty or self._hostile):
            return made
        at = MADE[dataset].rows_at
        if not at:
            return spoil_document(dataset, made) if self._hostile else made
        rows = made[at]
        return made | {at: [] if self._empty or not isinstance(rows, list) else spoil_rows(dataset, rows)}

    def _made(self, dataset: str, revision: str) -> Any:
        """What the endpoint of a dataset makes, before anything is spoilt."""
        with self._lock:
            return MADE[dataset].make(self.stock, revision)

    def has(self, dataset: str, row_id: str) -> bool:
        """Tell whether a parent of that id is there."""
        with self._lock:
            if self._hostile and row_id.startswith(ODD):
                return True
            if dataset == "sessions":
                return any(session.id == row_id for session in self._world.sessions)
            if dataset == "backups":
                return any(chain.id == row_id for chain in self.stock.chains)
            if dataset == "roles":
                return any(row["id"] == row_id for row in self.rows("custom_roles", REVISIONS[-1]))
            if dataset == "protection_groups":
                return agents.is_group(row_id, self._world)
            return any(member.id == row_id for chain in self.stock.chains for member in chain.members)

    def is_unreadable(self, backup_id: str, revision: str) -> bool:
        """Tell whether a revision refuses the objects of this backup."""
        kinds = (chain.type for chain in self.stock.chains if chain.id == backup_id)
        return revision == _FILE_BACKUPS_HIDDEN_IN and "FileBackup" in kinds

    def below(self, parent: str, dataset: str, row_id: str, revision: str) -> Sequence[Json]:
        """The rows of a dataset that belong to one row of `parent`."""
        with self._lock:
            if parent == "sessions":
                return tasks_of(row_id, self._world, self.stock.takings, revision)
            if parent == "roles":
                return [row for row in self.rows(dataset, revision) if row["id"] == row_id]
            if parent == "protection_groups":
                rows = agents.entities_of(row_id, self._world, revision)
                return spoil_rows(dataset, rows) if self._hostile else rows
            if parent == "backups":
                world, chains = self._world, [chain for chain in self.stock.chains if chain.id == row_id]
                made = object_rows(chains, revision) if dataset == "backup_objects" else []
                made += [
                    row for chain in chains if dataset == "backup_files" for row in file_rows(chain, world, revision)
                ]
                return spoil_rows(dataset, made) if self._hostile else made
            points = [
                (point.created, chain, member, point)
                for chain in self.stock.chains
                for member, each in enumerate(chain.members)
                if each.id == row_id
                for point in chain.held(member)
            ]
            points.sort(key=lambda point: point[0])
            return [write_point(*point[1:], self._world, revision) for point in points]

    def _make(self, dataset: str, revision: str) -> Sequence[Json]:
        endpoint = MADE[dataset]
        if endpoint.is_document:
            document = self.document(dataset, revision)
            inner = (document or {}).get(endpoint.rows_at) if endpoint.rows_at else [document] if document else []
            return inner if isinstance(inner, list) else []
        if self._empty:
            return []
        made: Sequence[Json] = self._made(dataset, revision)
        return spoil_rows(dataset, made) if self._hostile else made
