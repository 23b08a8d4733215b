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
from vbr_audit.collection.evidence import KeptPage
from vbr_audit.collection.row_positions import Place
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import DATASETS
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
    """The documents behind a finding, that of its object first, and in words what could not be shown."""
    server = str(finding["server"])
    if server not in snapshot.evidence:
        return (), ("This snapshot has no evidence: it was made of tables, not read from a server.",)
    proofs: dict[tuple[str, int | None], Proof] = {}
    try:
        for proof in _documents_behind(finding, check, _Evidence(server, snapshot)):
            proofs.setdefault((proof.entry, proof.index), proof)
    except (EvidenceError, orjson.JSONDecodeError) as error:
        return tuple(proofs.values()), (f"The evidence cannot be read: {error}",)
    if proofs:
        return tuple(proofs.values()), ()
    sources = [name for name in sources_of(check.population) if name in DATASETS]
    if sources and check.population not in DERIVED:
        return (), (f"No document of this {finding['object_type']} is in the evidence of {', '.join(sources)}.",)
    return (), ("What was judged comes from the manifest of the run or from several datasets, not from one document.",)


@dataclass(frozen=True)
class _Evidence:
    """The evidence of one server, opened where its positions say."""

    server: str
    snapshot: Snapshot

    def proof(self, what: str, dataset: str, place: Place, path: str = "") -> Proof:
        """The document at `place`, with the part around `path`."""
        document = orjson.loads(self.snapshot.evidence[self.server].page(place.page.entry))
        if place.row is not None:
            document = document[DATASETS[dataset].rows_at or "data"][place.row]
        record = self.snapshot.manifest.dataset(self.server, dataset)
        reached, part = around(document, path)
        return Proof(
            what=what,
            dataset=dataset,
            entry=place.page.entry,
            page=place.number,
            index=place.row,
            path=reached,
            json=readable_json(part),
            page_sha256=place.page.sha256,
            dataset_sha256=record.sha256 if record else None,
        )

    def documents(self, what: str, dataset: str, ids: Sequence[str]) -> Iterator[Proof]:
        """The documents with these ids."""
        for place in self.snapshot.positions[self.server].places(dataset, ids).values():
            yield self.proof(what, dataset, place)

    def rows(self, table: str, **wanted: Any) -> pd.DataFrame:
        """The rows of a table that have these values; a value that is NA is not asked for."""
        frame = self.snapshot.tables[table]
        chosen = frame["server"].eq(self.server)
        for name, value in wanted.items():
            if value is not None and value is not pd.NA:
                chosen &= frame[name].eq(value)
        return frame[chosen.to_numpy(dtype=bool, na_value=False)]


def _documents_behind(finding: Mapping[str, Any], check: Check, evidence: _Evidence) -> Iterator[Proof]:
    yield from _own_document(finding, evidence)
    job = finding["object_id"]
    if isinstance(job, str) and job:
        if check.population == "protected_objects":
            yield from _of_protected_object(finding, check, evidence)
        elif check.population == "jobs" and str(finding["evidence_entry"]).startswith("backups/"):
            backups = evidence.rows("backups", job_id=job)["backup_id"].dropna().tolist()
            yield from evidence.documents("a backup of the job", "backups", backups[:MOST_RELATED])
    yield from _single_objects(finding, check, evidence)
    if check.population == "jobs" and isinstance(job, str):
        yield from _state_and_sessions(job, check, evidence)


def _own_document(finding: Mapping[str, Any], evidence: _Evidence) -> Iterator[Proof]:
    """The document that the finding names, with the part around the value that was judged."""
    entry, row = finding["evidence_entry"], finding["evidence_row"]
    if not isinstance(entry, str):
        return
    dataset = entry.partition("/")[0]
    pages = [page.entry for page in evidence.snapshot.positions[evidence.server].pages(dataset)]
    number = pages.index(entry)
    page = KeptPage(entry, str(finding["evidence_sha256"]))
    place = Place(page, number, None if row is None else int(row))
    path = finding["json_path"] if isinstance(finding["json_path"], str) else ""
    kind = DATASETS[dataset].table.spec.kind
    itself = kind is not None and kind.kind == finding["object_type"]
    what = f"the {kind.kind} itself" if kind is not None and itself else _CALLED.get(dataset, DATASETS[dataset].title)
    yield evidence.proof(what, dataset, place, path)


_CALLED: Final[Mapping[str, str]] = {
    "backup_objects": "the object in a backup",
    "backups": "a backup of the job",
    "job_states": "the state of the job",
    "scale_out_repositories": "the scale-out repository of the extent",
}
"""What a document is called that is not the object itself, if not by the title of its dataset."""


def _of_protected_object(finding: Mapping[str, Any], check: Check, evidence: _Evidence) -> Iterator[Proof]:
    """The object as the server lists it, its backups and, for a check of restore points, the newest of those."""
    own = evidence.rows("backup_objects", backup_object_id=finding["object_id"])
    if own["name"].notna().any():
        first = own.iloc[0]
        own = evidence.rows("backup_objects", name=first["name"], platform=first["platform"])
    ids, backups = (own[name].dropna().unique().tolist() for name in ("backup_object_id", "backup_id"))
    yield from evidence.documents("the object in a backup", "backup_objects", ids[:MOST_RELATED])
    yield from evidence.documents("a backup of the object", "backups", backups[:MOST_RELATED])
    if check.area == AREAS["RPO"]:
        points = evidence.rows("restore_points", name=finding["object_name"])
        points = points[points["backup_id"].isin(backups).to_numpy(dtype=bool)]
        newest = points.sort_values("created", ascending=False, kind="stable")["restore_point_id"].dropna()
        description = f"a restore point of {len(points):,}, the newest first"
        yield from evidence.documents(description, "restore_points", newest.head(MOST_RELATED).tolist())


def _single_objects(finding: Mapping[str, Any], check: Check, evidence: _Evidence) -> Iterator[Proof]:
    """The documents of which a server has one, as far as the check reads them."""
    path = finding["json_path"] if isinstance(finding["json_path"], str) else ""
    wanted = dict.fromkeys(name for table in check.tables for name in datasets_behind_table(table))
    for name in wanted:
        if DATASETS[name].shape.has_one_object:
            for number, page in enumerate(evidence.snapshot.positions[evidence.server].pages(name)):
                yield evidence.proof(DATASETS[name].title, name, Place(page, number, None), path)


def _state_and_sessions(job: str, check: Check, evidence: _Evidence) -> Iterator[Proof]:
    """The state of the job and, where the check looks at sessions, the newest ones of the period."""
    wanted = {name for table in check.tables for name in datasets_behind_table(table)}
    if "job_states" in wanted:
        yield from evidence.documents("the state of the job", "job_states", [job])
    if "sessions" in wanted:
        own = evidence.rows("sessions", job_id=job)
        newest = own.sort_values("created", ascending=False, kind="stable")["session_id"].dropna()
        places = evidence.snapshot.positions[evidence.server].places("sessions", newest.head(MOST_SESSIONS).tolist())
        for number, place in enumerate(places.values(), start=1):
            yield evidence.proof(f"session {number} of {len(own)}, the newest first", "sessions", place)


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
