"""From the answers of one server to its tables: the same way while reading and when a saved run is opened again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import orjson
import pandas as pd

from vbr_audit.api.client import Answer
from vbr_audit.api.paging import KeyFilter, envelope
from vbr_audit.collection.datasets import DATASETS, Shape
from vbr_audit.collection.evidence import EvidenceFile
from vbr_audit.errors import EvidenceError, VbrAuditError
from vbr_audit.tables import SPECS, history, job_states, jobs, server_info, server_time, sessions
from vbr_audit.tables.enums import JOB_RUN_TYPES
from vbr_audit.tables.schema import empty


@dataclass(frozen=True)
class Scope:
    """What of a server belongs into the tables: its period and, where given, the jobs whose name matches."""

    since: dt.datetime
    until: dt.datetime
    jobs_pattern: str | None = None


@dataclass
class RowCount:
    """What became of the distinct rows of one dataset, and what was odd about them."""

    kept: int = 0
    outside_period: int = 0
    out_of_scope: int = 0
    unreadable: int = 0
    ownerless: int = 0
    notes: dict[str, Any] = field(default_factory=dict)


class ServerTables:
    """Takes the rows of one server dataset by dataset and makes its tables of them.

    `accept` may be called page by page; `finish` gives the frames and, per dataset, what became of its rows.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self._documents: list[Any] = []
        self._history = history.builder(server)
        self._states = job_states.builder(server)
        self._sessions = sessions.builder(server)
        self._objects: dict[str, Any] = {}
        self._seen: set[str] = set()
        self._accept: Mapping[str, Callable[[list[Any]], None]] = {
            "jobs": self._documents.extend,
            "job_states": self._states.add,
            "sessions": self._sessions.add,
            "session_history": self._history.add,
        }

    def accept(self, dataset: str, rows: list[Any]) -> None:
        """Take the new rows of one page of `dataset`."""
        self._seen.add(dataset)
        self._accept[dataset](rows)

    def accept_object(self, dataset: str, document: Any) -> None:
        """Take the single object of `dataset`."""
        self._seen.add(dataset)
        self._objects[dataset] = document

    def server_time(self) -> server_time.ServerTime | None:
        """The server's clock and zone, or None when it was not read."""
        document = self._objects.get("server_time")
        return None if document is None else server_time.parse(document)

    def server_info(self) -> server_info.ServerInfo | None:
        """The server's name, build and platform, or None when it was not read."""
        document = self._objects.get("server_info")
        return None if document is None else server_info.parse(document)

    def finish(
        self, scope: Scope, *, revision: str, revision_newest: str
    ) -> tuple[dict[str, pd.DataFrame], dict[str, RowCount]]:
        """The tables of this server within `scope`, and the row count of each dataset that was seen."""
        counts = {name: RowCount() for name in self._seen}
        states = self._states.finish()
        made = jobs.build(
            self._documents,
            states.frame if "job_states" in self._seen else None,
            server=self.server,
            revision=revision,
            server_revision=revision_newest,
        )
        events, oldest = self._sessions.finish(), self._history.finish()
        frames = {
            "jobs": made.jobs,
            "job_settings": made.job_settings,
            "job_states": states.frame,
            "sessions": _in_period(events.frame, scope, counts.get("sessions", RowCount())),
            "session_history": oldest.frame,
        }
        for name, notes in (
            ("jobs", made.notes),
            ("job_states", states.notes),
            ("sessions", events.notes),
            ("session_history", oldest.notes),
        ):
            if name in counts:
                counts[name].notes |= notes.to_dict()
                counts[name].unreadable = notes.not_objects
        if "sessions" in counts:
            counts["sessions"].ownerless = _ownerless(frames["sessions"])
        _narrow(frames, scope, counts)
        self._count_kept(frames, counts)
        return frames, counts

    def _count_kept(self, frames: dict[str, pd.DataFrame], counts: dict[str, RowCount]) -> None:
        from_jobs = frames["jobs"]["seen_in"] != "job_states"
        kept = {name: len(frame) for name, frame in frames.items()} | {"jobs": int(from_jobs.sum())}
        for name, count in counts.items():
            count.kept = kept.get(name, 1)


def replay(evidence: EvidenceFile, server: str, datasets: Iterable[str]) -> ServerTables:
    """The tables-to-be of `server` from saved evidence; raises `EvidenceError` for pages that are no pages."""
    tables = ServerTables(server)
    for name in datasets:
        dataset = DATASETS.get(name)
        if dataset is None:
            raise EvidenceError(
                f"the manifest names an unknown dataset {name!r}",
                hint="The run was written by a newer vbr-audit; open it with that version.",
            )
        keys = KeyFilter(dataset.key)
        for body in evidence.pages(name):
            try:
                answer = Answer(body, orjson.loads(body))
                if dataset.shape is Shape.OBJECT:
                    tables.accept_object(name, answer.document)
                else:
                    tables.accept(name, keys.fresh(envelope(answer, dataset.path)[0]))
            except (orjson.JSONDecodeError, VbrAuditError) as error:
                raise EvidenceError(
                    f"the evidence of {name} of {server} is damaged: {error}",
                    hint="Run `vbr-audit verify` on the run folder to see what changed.",
                ) from None
    return tables


def join(parts: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The tables of several servers, one below the other, with the dtypes of their specifications."""
    joined = {}
    for name, spec in SPECS.items():
        frames = [part[name] for part in parts if name in part and len(part[name])]
        joined[name] = pd.concat(frames, ignore_index=True) if frames else empty(spec)
    return joined


def _in_period(events: pd.DataFrame, scope: Scope, count: RowCount) -> pd.DataFrame:
    """The sessions created in the period; those without a readable date are kept, and counted."""
    created = events["created"]
    outside = ((created < scope.since) | (created >= scope.until)) & created.notna()
    count.outside_period = int(outside.sum())
    undated = int(created.isna().sum())
    if undated:
        count.notes["undated_rows_kept"] = undated
    return events[~outside].reset_index(drop=True) if count.outside_period else events


def _ownerless(events: pd.DataFrame) -> int:
    """How many runs of jobs do not say of which job they are the run."""
    runs = events["session_type"].isin(JOB_RUN_TYPES).to_numpy(dtype=bool)
    return int((runs & events["job_id"].isna().to_numpy()).sum())


def _narrow(frames: dict[str, pd.DataFrame], scope: Scope, counts: dict[str, RowCount]) -> None:
    """Keep the jobs whose name matches the pattern, and what belongs to them."""
    if scope.jobs_pattern is None:
        return
    pattern = scope.jobs_pattern.casefold()
    for name in ("jobs", "job_states"):
        inside = frames[name]["name"].map(lambda text: isinstance(text, str) and fnmatchcase(text.casefold(), pattern))
        frames[name] = _keep(name, frames[name], inside.astype(bool), counts)
    ids = set(frames["jobs"]["job_id"].dropna()) | set(frames["job_states"]["job_id"].dropna())
    for name in ("job_settings", "sessions"):
        frames[name] = _keep(name, frames[name], frames[name]["job_id"].isin(ids).astype(bool), counts)


def _keep(name: str, frame: pd.DataFrame, inside: pd.Series[bool], counts: dict[str, RowCount]) -> pd.DataFrame:
    """The rows inside the scope; a job known by its state alone is not a row of the dataset `jobs`."""
    if name in counts:
        counted = (frame["seen_in"] != "job_states").astype(bool) if name == "jobs" else True
        counts[name].out_of_scope = int((~inside & counted).sum())
    return frame[inside].reset_index(drop=True)
