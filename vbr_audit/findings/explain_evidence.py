"""Where a finding stands in the evidence: the object's own document, its state and its sessions, as received."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pandas as pd

from vbr_audit.checks.derived import DERIVED
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import datasets_behind_table, sources_of
from vbr_audit.collection.evidence import EvidenceFile, EvidenceRow
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import DATASETS
from vbr_audit.datasets.card import Dataset, Shape
from vbr_audit.errors import EvidenceError
from vbr_audit.vocabulary import AREAS

MOST_LINES: Final = 40
MOST_SESSIONS: Final = 5
MOST_RELATED: Final = 3
_WIDE = 200
_STEP = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Proof:
    """One document of the evidence.

    `entry` names the page in the server's zip, `page` and `index` count from 0; `path` is the JSON path of the part
    that is shown, empty for the whole document, and `json` that part, indented and cut to a readable length. The
    hashes are SHA-256 in hex: of the page, and of all pages of the dataset as the manifest has it.
    """

    what: str
    dataset: str
    entry: str
    page: int
    index: int | None
    path: str
    json: str
    page_sha256: str
    dataset_sha256: str | None


def proofs_of(
    finding: Mapping[str, Any], check: Check, snapshot: Snapshot
) -> tuple[tuple[Proof, ...], tuple[str, ...]]:
    """The documents behind a finding, and in words what could not be shown."""
    server = str(finding["server"])
    file = snapshot.evidence.get(server)
    if file is None:
        return (), ("This snapshot has no evidence: it was made of tables, not read from a server.",)
    proofs: list[Proof] = []
    try:
        proofs += _own_document(finding, check, snapshot, file)
        if not proofs:
            proofs += _related_documents(finding, check, snapshot, file)
        proofs += _single_objects(finding, check, snapshot, file)
        if check.population == "jobs":
            proofs += _state_and_sessions(finding, check, snapshot, file)
    except (EvidenceError, orjson.JSONDecodeError) as error:
        return tuple(proofs), (f"The evidence cannot be read: {error}",)
    if proofs:
        return tuple(proofs), ()
    sources = [name for name in sources_of(check.population) if name in DATASETS]
    if sources and check.population not in DERIVED:
        return (), (f"No document of this {finding['object_type']} is in the evidence of {', '.join(sources)}.",)
    return (), ("What was judged comes from the manifest of the run or from several datasets, not from one document.",)


def _own_document(finding: Mapping[str, Any], check: Check, snapshot: Snapshot, file: EvidenceFile) -> Iterator[Proof]:
    """The object itself, with the part around the value that was judged."""
    wanted = finding["object_id"]
    if not isinstance(wanted, str) or not wanted:
        return
    path = finding["json_path"] if isinstance(finding["json_path"], str) else ""
    for name in sources_of(check.population):
        dataset = DATASETS.get(name)
        if dataset is None or dataset.shape.has_one_object:
            continue
        for row in _rows(file, dataset, [wanted]).values():
            yield _proof(f"the {finding['object_type']} itself", name, row, path, snapshot, str(finding["server"]))


def _related_documents(
    finding: Mapping[str, Any], check: Check, snapshot: Snapshot, file: EvidenceFile
) -> Iterator[Proof]:
    """What an object is made of that has no document of its own."""
    wanted, server = finding["object_id"], str(finding["server"])
    if not isinstance(wanted, str) or not wanted:
        return
    if check.population == "protected_objects":
        yield from _of_protected_object(finding, check, snapshot, file)
    elif check.population == "scale_out_extents":
        extents = _own_rows(snapshot, "scale_out_extents", server, repository_id=wanted)
        pools = extents["scale_out_repository_id"].dropna().unique().tolist()
        yield from _documents(
            "the scale-out repository of the extent", "scale_out_repositories", pools, server, snapshot, file
        )
    elif check.population == "jobs":
        backups = _own_rows(snapshot, "backups", server, job_id=wanted)["backup_id"].dropna().tolist()
        yield from _documents("a backup of the job", "backups", backups[:MOST_RELATED], server, snapshot, file)


def _of_protected_object(
    finding: Mapping[str, Any], check: Check, snapshot: Snapshot, file: EvidenceFile
) -> Iterator[Proof]:
    """The object as the server lists it, its backups and, for a check of restore points, the newest of those."""
    server = str(finding["server"])
    own = _own_rows(snapshot, "backup_objects", server, backup_object_id=finding["object_id"])
    if own["name"].notna().any():
        first = own.iloc[0]
        own = _own_rows(snapshot, "backup_objects", server, name=first["name"], platform=first["platform"])
    ids, backups = (own[name].dropna().unique().tolist() for name in ("backup_object_id", "backup_id"))
    yield from _documents("the object in a backup", "backup_objects", ids[:MOST_RELATED], server, snapshot, file)
    yield from _documents("a backup of the object", "backups", backups[:MOST_RELATED], server, snapshot, file)
    if check.area == AREAS["RPO"]:
        points = _own_rows(snapshot, "restore_points", server, name=finding["object_name"])
        points = points[points["backup_id"].isin(backups).to_numpy(dtype=bool)]
        newest = points.sort_values("created", ascending=False, kind="stable")["restore_point_id"].dropna()
        description = f"a restore point of {len(points):,}, the newest first"
        yield from _documents(description, "restore_points", newest.head(MOST_RELATED).tolist(), server, snapshot, file)


def _own_rows(snapshot: Snapshot, table: str, server: str, **wanted: Any) -> pd.DataFrame:
    """The rows of a table on one server that have these values; a value that is NA is not asked for."""
    frame = snapshot.tables[table]
    chosen = frame["server"].eq(server)
    for name, value in wanted.items():
        if value is not None and value is not pd.NA:
            chosen &= frame[name].eq(value)
    return frame[chosen.to_numpy(dtype=bool, na_value=False)]


def _documents(
    what: str, dataset: str, ids: Sequence[str], server: str, snapshot: Snapshot, file: EvidenceFile
) -> Iterator[Proof]:
    """The documents with these ids, of one server."""
    rows = file.rows(dataset, ids, key="id") if ids else {}
    for name in ids:
        if name in rows:
            yield _proof(what, dataset, rows[name], "", snapshot, server)


def _single_objects(
    finding: Mapping[str, Any], check: Check, snapshot: Snapshot, file: EvidenceFile
) -> Iterator[Proof]:
    """The documents of which a server has one, as far as the check reads them."""
    path = finding["json_path"] if isinstance(finding["json_path"], str) else ""
    wanted = dict.fromkeys(name for table in check.tables for name in datasets_behind_table(table))
    for name in wanted:
        if name in DATASETS and DATASETS[name].shape.has_one_object:
            for page, (entry, body) in enumerate(file.named_pages(name)):
                row = EvidenceRow(entry, page, 0, _sha256(body), orjson.loads(body))
                yield _proof(DATASETS[name].title, name, row, path, snapshot, str(finding["server"]), index=None)


def _state_and_sessions(
    finding: Mapping[str, Any], check: Check, snapshot: Snapshot, file: EvidenceFile
) -> Iterator[Proof]:
    """The state of the job and, where the check looks at sessions, the newest ones of the period."""
    server, job = str(finding["server"]), finding["object_id"]
    if not isinstance(job, str):
        return
    wanted = {name for table in check.tables for name in datasets_behind_table(table)}
    if "job_states" in wanted:
        for row in _rows(file, DATASETS["job_states"], [job]).values():
            yield _proof("the state of the job", "job_states", row, "", snapshot, server)
    if "sessions" in wanted:
        frame = snapshot.sessions
        mine = frame[(frame["server"] == server).fillna(False) & (frame["job_id"] == job).fillna(False)]
        newest = mine.sort_values("created", ascending=False, kind="stable")["session_id"].dropna()
        ids = newest.head(MOST_SESSIONS).tolist()
        rows = _rows(file, DATASETS["sessions"], ids)
        for number, name in enumerate((name for name in ids if name in rows), start=1):
            description = f"session {number} of {len(mine)}, the newest first"
            yield _proof(description, "sessions", rows[name], "", snapshot, server)


def _rows(file: EvidenceFile, dataset: Dataset, wanted: Sequence[str]) -> dict[str, EvidenceRow]:
    if not wanted:
        return {}
    rows_at = None if dataset.shape is Shape.EACH_OBJECT else dataset.rows_at or "data"
    return file.rows(dataset.name, wanted, key=dataset.key[-1], rows_at=rows_at)


def _proof(
    what: str,
    dataset: str,
    row: EvidenceRow,
    path: str,
    snapshot: Snapshot,
    server: str,
    *,
    index: int | None = -1,
) -> Proof:
    record = snapshot.manifest.dataset(server, dataset)
    reached, part = around(row.document, path)
    return Proof(
        what=what,
        dataset=dataset,
        entry=row.entry,
        page=row.page,
        index=row.index if index == -1 else index,
        path=reached,
        json=readable_json(part),
        page_sha256=row.page_sha256,
        dataset_sha256=record.sha256 if record else None,
    )


def around(document: Any, path: str) -> tuple[str, Any]:
    """The object that holds the value at `path`, and its own path; as deep as the document goes.

    The value alone would say little: its neighbours show what it belongs to.
    """
    steps = _STEP.findall(path)
    here, reached = document, []
    for step in steps:
        below = here.get(step) if isinstance(here, dict) else None
        if not isinstance(below, dict):
            break
        here = below
        reached.append(step)
    return ".".join(reached), here


def readable_json(part: Any) -> str:
    """`part` as indented JSON, long lines and long documents cut with a mark."""
    text = orjson.dumps(part, option=orjson.OPT_INDENT_2, default=str).decode("utf-8", "replace")
    lines = [line if len(line) <= _WIDE else line[: _WIDE - 1] + "…" for line in text.splitlines()]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more lines"]
    return "\n".join(lines)


def _sha256(body: bytes) -> str:
    import hashlib

    return hashlib.sha256(body).hexdigest()
