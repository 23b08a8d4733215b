"""How a finding is followed by hand: its job, its repository, and where the evidence holds the document it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.drift.sources import TABLES_OF_SETTINGS
from vbr_audit.checks.engine.objects import OBJECTS
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import ALSO_LISTED_BY, datasets_behind_table, sources_of
from vbr_audit.checks.logic.three_valued import Cells
from vbr_audit.checks.run import CheckRun
from vbr_audit.collection.evidence import KeptPage
from vbr_audit.collection.row_positions import NOWHERE, Numbers
from vbr_audit.collection.run_folder import EVIDENCE, evidence_names
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import CLOCK, DATASETS
from vbr_audit.findings.related import APPROVED, COMPARED, Related
from vbr_audit.tables import provenance
from vbr_audit.tables.build.arrays import strings_of

_SERVERS: Final = provenance.SERVERS.name
_DATASETS: Final = provenance.DATASETS.name
_JOBS: Final = "jobs"
_EXTENTS: Final = "scale_out_extents"
_OF_OBJECTS: Final = tuple(each.table for each in TABLES_OF_SETTINGS if each.id_column)
_OF_SERVER: Final = {each.kind: each.table for each in TABLES_OF_SETTINGS if not each.id_column}

Found = tuple[Numbers, Numbers]
"""For each object the number of its page, and its row there."""


def traced(run: CheckRun, snapshot: Snapshot) -> dict[str, Any]:
    """The job, the repository and the place in the evidence of each result of `run`, as pandas arrays by column.

    `evidence_row` is Int64, all others are text; NA where there is none, or where it is not known.
    """
    results = run.results
    kinds, answers = (results[name].to_numpy(dtype=object) for name in ("object_type", "result"))
    pages, rows = (np.full(len(results), NOWHERE, dtype=np.int64) for _ in range(2))
    jobs, repositories = (np.full(len(results), pd.NA, dtype=object) for _ in range(2))
    documents = _Documents(snapshot)
    related = {server: Related(server, snapshot, run.drift) for server in run.servers}
    for server, check, every in _groups(run):
        # One of another kind stands for all objects of a server, which could not be read.
        at = every[kinds[every] == OBJECTS[check.population].kind]
        if check.population == _SERVERS:
            pages[at] = documents.of_server(server, check, answers[at] == "UNKNOWN")
            continue
        called = "object_name" if check.population == APPROVED else "object_id"
        codes, names = pd.factorize(results[called].to_numpy(dtype=object)[at])
        at, codes = at[codes >= 0], codes[codes >= 0]
        objects = related[server].changed_objects(check.population, names)
        found = documents.of_objects(check.population, objects, related[server])
        pages[at], rows[at] = (each[codes] for each in found)
        jobs[at], repositories[at] = (each[codes] for each in related[server].names(check.population, objects))
    told = {"job_name": strings_of(jobs), "repository_name": strings_of(repositories)}
    return told | documents.columns(pages, rows)


def _groups(run: CheckRun) -> Iterator[tuple[str, Check, Numbers]]:
    """The positions of the results about one table of one server, with a check of it; of servers, check by check."""
    checks = {use.check.id: use.check for use in run.uses}
    groups: dict[tuple[str, str], tuple[Check, list[Numbers]]] = {}
    end = 0
    for server, check_id, size in zip(run.coverage["server"], run.coverage["check_id"], run.sizes, strict=True):
        check, start, end = checks[check_id], end, end + size
        group = check_id if check.population == _SERVERS else check.population
        groups.setdefault((server, group), (check, []))[1].append(np.arange(start, end))
    for (server, _), (check, parts) in groups.items():
        yield server, check, np.concatenate(parts)


class _Documents:
    """Finds the documents of objects; pages are numbered through all servers and datasets."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._positions = snapshot.positions
        self._files = evidence_names(server.name for server in snapshot.manifest.servers)
        self._pages: list[tuple[str, KeptPage]] = []
        self._first: dict[tuple[str, str], int] = {}

    def of_server(self, server: str, check: Check, unknown: Cells) -> Numbers:
        """The page of the one document that a check of a server is about, for each of its answers.

        That is the first of which a server has only one, else what the server says of itself; none for what is
        UNKNOWN where something that the check looks at has no evidence.
        """
        behind = dict.fromkeys(name for table in check.tables for name in datasets_behind_table(table))
        singles = [name for name in behind if DATASETS[name].shape.has_one_object and name not in CLOCK]
        there = [name for name in singles or CLOCK[::-1] if self._has(server, name)]
        page = self._number(server, there[0]) if there else NOWHERE
        whole = all(self._has(server, name) for name in behind)
        return np.where(unknown & (not whole), NOWHERE, page)

    def of_objects(self, population: str, ids: Sequence[Any], related: Related) -> Found:
        """The page and the row of the document of each object of a table."""
        server = related.server
        if population == _DATASETS:
            first = [self._number(server, name) if self._has(server, name) else NOWHERE for name in ids]
            return np.array(first, dtype=np.int64), np.full(len(ids), NOWHERE)
        if population in COMPARED:
            return self._of_settings(server, ids)
        if population == _EXTENTS:
            ids = related.scale_out_of(ids)
        pages, rows = self._first_of(server, (*sources_of(population), *ALSO_LISTED_BY.get(population, ())), ids)
        if population == _JOBS and (hidden := np.flatnonzero(pages == NOWHERE)).size:
            # Of a job that no list names, a backup tells.
            backups = related.backups_of([ids[place] for place in hidden.tolist()])
            pages[hidden], rows[hidden] = self._first_of(server, ("backups",), backups)
        return pages, rows

    def _of_settings(self, server: str, ids: Sequence[Any]) -> Found:
        """The documents of objects with settings, which go by their id or, of settings of a server, by their kind."""
        pages, rows = self._first_of(server, _OF_OBJECTS, ids)
        for place in np.flatnonzero(pages == NOWHERE).tolist():
            name = _OF_SERVER.get(ids[place], "")
            if self._has(server, name):
                pages[place] = self._number(server, name)
        return pages, rows

    def _first_of(self, server: str, datasets: Sequence[str], ids: Sequence[Any]) -> Found:
        """The places of the objects in the first of some datasets that has them."""
        pages, rows = (np.full(len(ids), NOWHERE, dtype=np.int64) for _ in range(2))
        for name in datasets:
            if not self._has(server, name):
                continue
            found, found_rows = self._positions[server].find(name, ids)
            new = (pages == NOWHERE) & (found != NOWHERE)
            pages[new], rows[new] = found[new] + self._number(server, name), found_rows[new]
        return pages, rows

    def _has(self, server: str, dataset: str) -> bool:
        return server in self._positions and len(self._positions[server].pages(dataset)) > 0

    def _number(self, server: str, dataset: str) -> int:
        """The number of the first page of a dataset that has some."""
        key = (server, dataset)
        if key not in self._first:
            self._first[key] = len(self._pages)
            file = f"{EVIDENCE}/{self._files[server]}"
            self._pages += [(file, page) for page in self._positions[server].pages(dataset)]
        return self._first[key]

    def columns(self, pages: Numbers, rows: Numbers) -> dict[str, Any]:
        """The columns about the evidence: each text is there once, however many findings share its page."""
        texts = {
            "evidence_file": [file for file, _ in self._pages],
            "evidence_entry": [page.entry for _, page in self._pages],
            "evidence_sha256": [page.sha256 for _, page in self._pages],
        }
        # The last text is that of the page -1.
        columns: dict[str, Any] = {name: strings_of([*each, pd.NA]).take(pages) for name, each in texts.items()}
        columns["evidence_row"] = pd.arrays.IntegerArray(np.where(rows < 0, 0, rows), rows < 0)
        return columns
