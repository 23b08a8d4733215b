"""From the answers of one server to its tables: the same way while reading and when a saved run is opened again."""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pandas as pd

from vbr_audit.api.client import Answer
from vbr_audit.api.paging import KeyFilter, places_among
from vbr_audit.collection.evidence import EvidenceFile, KeptPage, parent_of_entry
from vbr_audit.collection.manifest import DatasetRecord
from vbr_audit.collection.row_positions import KeptRows, Positions
from vbr_audit.collection.scope import (
    DATED,
    Frames,
    RowCount,
    Scope,
    at_edges,
    has_document,
    keep_period,
    narrow,
    ownerless_runs,
)
from vbr_audit.collection.shapes import HANDLINGS
from vbr_audit.datasets import BUILDERS, DATASETS, SPECS, Dataset, parents_of, scale_out
from vbr_audit.display import time_zone
from vbr_audit.errors import EvidenceError, VbrAuditError
from vbr_audit.tables import server_info, server_time
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import TableBuilder, TableResult, empty, relabelled
from vbr_audit.tables.jobs import states as job_states
from vbr_audit.tables.jobs import table as jobs
from vbr_audit.tables.jobs.copy_workers import to_copy_jobs, workers_of_copy_jobs
from vbr_audit.tables.server_time import ServerZone, zone_of


@dataclass(frozen=True)
class Terms:
    """Under which terms the rows of one server become tables.

    `revision` is the one in which the job documents were read, `revision_newest` the newest that the server and this
    package know. `states_from_sessions` says that the job states were refused and come from the sessions; `unread` are
    the datasets that were not read whole.
    """

    scope: Scope
    revision: str
    revision_newest: str
    states_from_sessions: bool = False
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Parent:
    """What is remembered of a row below which others are read: its id, if it has one, and its flags that are true."""

    id: str | None
    true: frozenset[str]

    @classmethod
    def of(cls, row: Any) -> _Parent:
        known = row if isinstance(row, dict) else {}
        value = known.get("id")
        return cls(
            value if isinstance(value, str) and value else None,
            frozenset(flag for flag in _NOT_BELOW if known.get(flag) is True),
        )


class ServerTables:
    """Takes the rows of one server dataset by dataset and makes its tables of them.

    `accept` may be called page by page; `finish` gives the frames and, per dataset, what became of its rows.
    `positions` says where the rows stand in the evidence.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self._documents: list[Any] = []
        self._builders: dict[str, TableBuilder] = {}
        self._objects: dict[str, Any] = {}
        self._clock: server_time.ServerTime | None = None
        self._zone: ServerZone | None = None
        self._seen: set[str] = set()
        self._parents: dict[str, list[_Parent]] = {}
        self.positions = Positions()

    def accept(self, dataset: str, rows: list[Any], kept: KeptRows | None = None) -> None:
        """Take the new rows of one page of `dataset`, or its one object, with where they are kept as evidence."""
        self._seen.add(dataset)
        if kept is not None:
            self.positions.add(dataset, rows, kept, key=DATASETS[dataset].key[0])
        if dataset == "jobs":
            self._documents.extend(rows)
            return
        if dataset in _PARENTS:
            self._parents.setdefault(dataset, []).extend(_Parent.of(row) for row in rows)
        if rows and DATASETS[dataset].shape.has_one_object:
            self._objects[dataset] = rows[0]
            if dataset == "server_time":
                self._clock = server_time.parse(rows[0])
                self._zone = zone_of(self._clock)
        if dataset not in _PARSED:
            for table in DATASETS[dataset].tables:
                self._builder(table).add(rows)

    def ids_above(self, dataset: Dataset) -> list[str]:
        """The ids of the rows below which `dataset` is read, in their order; case makes no other id."""
        first: dict[str, str] = {}
        for parent in self._parents.get(dataset.parent or "", ()):
            if parent.id is not None and dataset.not_below not in parent.true:
                first.setdefault(parent.id.lower(), parent.id)
        return list(first.values())

    def nameless(self, dataset: str) -> int:
        """How many rows of `dataset` have no id, so that nothing can be read below them."""
        return sum(parent.id is None for parent in self._parents.get(dataset, ()))

    def server_time(self) -> server_time.ServerTime | None:
        """The server's clock and zone, or None when it was not read."""
        return self._clock

    def server_zone(self) -> ServerZone | None:
        """The server's zone, or None where it did not report any."""
        return self._zone

    def zone(self) -> dt.tzinfo | None:
        """The zone by which the server's dates without an offset are read; its clock was asked before all else."""
        zone = self.server_zone()
        return None if zone is None else time_zone(zone.name)

    def server_info(self) -> server_info.ServerInfo | None:
        """The server's name, build and platform, or None when it was not read."""
        document = self._objects.get("server_info")
        return None if document is None else server_info.parse(document)

    def finish(self, terms: Terms) -> tuple[Frames, dict[str, RowCount]]:
        """The tables of this server under `terms`, and the row count of each dataset that was seen."""
        counts = {name: RowCount() for name in self._seen}
        made = {name: builder.finish() for name, builder in self._builders.items()} | self._parsed()
        frames = {name: result.frame for name, result in made.items()}
        notes = {name: result.notes for name, result in made.items()}
        if "sessions" in frames:
            edges = at_edges(frames["sessions"], DATED["sessions"], terms.scope)
            frames["edge_sessions"] = edges
            if len(edges):
                counts["sessions"].notes["rows_at_edges"] = len(edges)
        for name, column in DATED.items():
            if name in frames:
                span = terms.scope.year if DATASETS[name].spans_year else terms.scope
                frames[name] = keep_period(frames[name], column, span, counts[name])
        if terms.states_from_sessions and "sessions" in frames:
            frames["job_states"] = job_states.from_sessions(frames["sessions"])
            counts["job_states"] = RowCount()
        if "scale_out_extents" in frames and "repositories" in frames:
            frames["scale_out_extents"] = scale_out.named(frames["scale_out_extents"], frames["repositories"])
        notes["jobs"] = self._add_jobs(frames, terms)
        _own_workers(frames)
        for name, count in counts.items():
            own_notes = notes.get(DATASETS[name].tables[0], Notes())
            count.notes |= own_notes.to_dict()
            count.unreadable = own_notes.not_objects
        if "sessions" in counts:
            ownerless, runs = ownerless_runs(frames["sessions"])
            if ownerless:
                counts["sessions"].notes["runs_without_a_job"] = ownerless
            # Some name no job on every server, and say nothing of those that do; where none does, nobody is judged.
            counts["sessions"].ownerless = ownerless if ownerless == runs else 0
        narrow(frames, terms.scope, counts, terms.unread)
        self._count_kept(frames, counts)
        return frames, counts

    def _builder(self, table: str) -> TableBuilder:
        if table not in self._builders:
            self._builders[table] = BUILDERS[table](self.server, self.zone())
        return self._builders[table]

    def _parsed(self) -> dict[str, TableResult]:
        clock, info = self.server_time(), self.server_info()
        parsed = {}
        if clock is not None:
            parsed["server_time"] = server_time.as_table(self.server, clock)
        if info is not None:
            parsed["server_info"] = server_info.as_table(self.server, info)
        return parsed

    def _add_jobs(self, frames: Frames, terms: Terms) -> Notes:
        # A session may be that of a job which is gone, so it proves no job to be there.
        states = None if terms.states_from_sessions else frames.get("job_states")
        made = jobs.build_jobs(
            self._documents,
            states,
            backups=frames.get("backups"),
            server=self.server,
            revision=terms.revision,
            server_revision=terms.revision_newest,
        )
        frames["jobs"], frames["job_settings"] = made.jobs, made.job_settings
        return made.notes

    def _count_kept(self, frames: Frames, counts: dict[str, RowCount]) -> None:
        for name, count in counts.items():
            if name == "jobs":
                count.kept = int(has_document(frames["jobs"]).sum())
            else:
                count.kept = len(frames[DATASETS[name].tables[0]])


def _own_workers(frames: Frames) -> None:
    """Give what the workers of copy jobs made and ran to their copy jobs."""
    named = [name for name in ("backups", "sessions", "edge_sessions") if name in frames]
    workers = workers_of_copy_jobs([frames[name] for name in named], frames["jobs"])
    frames.update({name: to_copy_jobs(frames[name], workers) for name in named})


_PARENTS = frozenset(parents_of(DATASETS))
_NOT_BELOW = frozenset(d.not_below for d in DATASETS.values() if d.not_below is not None)
_PARSED = ("server_time", "server_info")


def replay(evidence: EvidenceFile, server: str, records: Iterable[DatasetRecord]) -> ServerTables:
    """The tables-to-be of `server` from saved evidence; raises `EvidenceError` for pages that are no pages."""
    tables, listed = ServerTables(server), list(records)
    datasets = [_dataset_of(record) for record in listed]
    opened = evidence.pages_of(dataset.name for dataset in datasets)
    for record, dataset in zip(listed, datasets, strict=True):
        try:
            _replay_dataset(next(opened), dataset, tables)
        except (orjson.JSONDecodeError, VbrAuditError) as error:
            raise EvidenceError(
                f"the evidence of {record.name} of {server} is damaged: {error}",
                hint="Run `vbr-audit verify` on the run folder to see what changed.",
            ) from None
    opened.close()
    return tables


def _dataset_of(record: DatasetRecord) -> Dataset:
    """The card of a dataset as it was read."""
    known = DATASETS.get(record.name)
    if known is None:
        raise EvidenceError(
            f"the manifest names an unknown dataset {record.name!r}",
            hint="The run was written by a newer vbr-audit; open it with that version.",
        )
    return next((d for d in known.earlier if d.path == record.path), known)


def _replay_dataset(pages: Iterable[tuple[str, bytes]], dataset: Dataset, tables: ServerTables) -> None:
    keys = KeyFilter(dataset.key)
    for entry, body in pages:
        rows = HANDLINGS[dataset.shape].rows(Answer(body, orjson.loads(body)), dataset, parent_of_entry(entry))
        fresh = keys.fresh(dataset.fitting(rows))
        places = places_among(fresh, rows) if dataset.shape.is_listed else ()
        page = KeptPage(entry, hashlib.sha256(body).hexdigest())
        tables.accept(dataset.name, fresh, KeptRows(page, places))


@contextmanager
def without_cycle_search() -> Iterator[None]:
    """Rows of JSON and columns hold no cycles; walking them in search of some takes up to a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def join(parts: list[Frames]) -> Frames:
    """The tables of several servers, one below the other, with the dtypes of their specifications."""
    joined = {}
    for name, spec in SPECS.items():
        frames = [part[name] for part in parts if name in part and len(part[name])]
        if len(frames) == 1:
            joined[name] = relabelled(frames[0], "text")
        else:
            joined[name] = pd.concat(frames, ignore_index=True) if frames else empty(spec)
    return joined
