"""The answers to questions over a history, each a dict of plain JSON values."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from vbr_audit.asking.answer_data import MOST_ROWS, rows_told, shown
from vbr_audit.collection import run_folder
from vbr_audit.display import iso, plain
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.histories.archive import contents_of
from vbr_audit.histories.history import open_history
from vbr_audit.pipeline import load_audit
from vbr_audit.reports.exports.encoding import records
from vbr_audit.vocabulary import SEVERITIES, STATUSES

if TYPE_CHECKING:
    from vbr_audit.audited import Audit
    from vbr_audit.findings.explain import Explanation
    from vbr_audit.histories.archive import Entry
    from vbr_audit.histories.history import History

_COLUMNS: Final = (
    *("finding_id", "server", "check_id", "title", "severity", "status", "area", "object_type", "object_name"),
    *("observed", "expected", "reason", "remediation", "waiver_id", "waiver_expires", "change", "first_seen"),
)
"""What is told of a finding in a list; `explain` tells all."""
_CHANGE_COLUMNS: Final = (
    *("finding_id", "server", "check_id", "title", "severity", "object_type", "object_name"),
    *("state", "status", "first_seen", "open_since", "days_open"),
)


class Answers:
    """Answers over one history, each as it stands when the question comes: runs that are added meanwhile count.

    Nothing is written, and nothing is asked of a backup server. Texts have their control characters visible and are
    cut, see `vbr_audit.asking.answer_data`. One question is answered at a time. All methods raise `ConfigurationError`
    for a question that cannot be understood, and `EvidenceError` for a run that is not as it was written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._contents: tuple[object, ...] = contents_of(folder)
        self._opened = open_history(folder)
        self._alone = threading.RLock()
        self._document: tuple[str, Mapping[str, Any]] | None = None
        self._audit: tuple[str, Audit] | None = None

    def runs(self, offset: int = 0, limit: int = MOST_ROWS) -> dict[str, Any]:
        """A page of the runs, the newest first, with the folders that were left out and the months without a run."""
        with self._alone:
            history = self._history
            told = rows_told(records(history.runs)[::-1], offset=offset, limit=limit)
            return told | {
                "left_out": shown([str(problem) for problem in history.problems[:MOST_ROWS]]),
                "left_out_total": len(history.problems),
                "months_without_run": list(history.missing_months),
            }

    def findings(
        self,
        run: str = "",
        *,
        server: str = "",
        check: str = "",
        severity: str = "",
        status: str = "",
        offset: int = 0,
        limit: int = MOST_ROWS,
    ) -> dict[str, Any]:
        """A page of the findings of a run, the newest unless `run` names another, the worst first."""
        wanted = {
            "server": plain(server) if server else "",
            "check_id": check.strip().upper(),
            "severity": _word(severity.lower(), SEVERITIES, "severity"),
            "status": _word(status.upper(), STATUSES, "status"),
        }
        with self._alone:
            entry = self._entry(run)
            rows = _fitting(self._findings_of(entry)["findings"], wanted)
            return _of_run(entry) | rows_told([_part(row, _COLUMNS) for row in rows], offset=offset, limit=limit)

    def causes(self, run: str = "", *, severity: str = "", offset: int = 0, limit: int = MOST_ROWS) -> dict[str, Any]:
        """A page of what has to be changed for the failing findings of a run to go, the worst first."""
        word = _word(severity.lower(), SEVERITIES, "severity")
        with self._alone:
            entry = self._entry(run)
            rows = _fitting(self._findings_of(entry)["causes"], {"severity": word})
            return _of_run(entry) | rows_told(rows, offset=offset, limit=limit)

    def changes(self, run: str = "", *, offset: int = 0, limit: int = MOST_ROWS) -> dict[str, Any]:
        """A page of what became of the findings in a run since the run before it, and what cannot be compared."""
        with self._alone:
            entry = self._entry(run)
            changes = self._history.changes(entry.path.name)
            if changes is None:
                return _of_run(entry) | {"compared_with": None, "note": "No run before it is about its servers."}
            earlier, apart = changes.earlier, [str(each) for each in changes.not_compared]
            frame = changes.changed
            rows = records(frame[[name for name in _CHANGE_COLUMNS if name in frame]])
            return (
                _of_run(entry)
                | {
                    "compared_with": {"run_id": earlier.run_id, "now": iso(earlier.now)},
                    "counts": {str(state): many for state, many in changes.counts.items()},
                    "not_compared": shown(apart[:MOST_ROWS]),
                    "not_compared_total": len(apart),
                    "still_failing": len(changes.still_open),
                }
                | rows_told(rows, offset=offset, limit=limit)
            )

    def explanation(self, finding: str, run: str = "") -> dict[str, Any]:
        """Why a finding of a run is what it is: the values, parameters, evidence; made anew from the stored run."""
        with self._alone:
            entry = self._entry(run)
            told = _explained(self._audit_of(entry).explain(finding))
            stored = [
                row["status"]
                for row in self._findings_of(entry)["findings"]
                if row.get("finding_id") == told["finding_id"] and row.get("status") != told["status"]
            ]
            notes = [f"The run was reported with the status {status}, by another version." for status in stored]
            return _of_run(entry) | told | {"notes": [*told["notes"], *shown(notes)]}

    def selection(self, query: str) -> dict[str, Any]:
        """The first rows of the answer to one SELECT over the tables of all runs, as `columns` and `rows` of cells."""
        with self._alone:
            frame = self._history.sql(query, most_rows=MOST_ROWS)
        cells = [frame.iloc[:, place].tolist() for place in range(frame.shape[1])]
        rows = [list(row) for row in zip(*cells, strict=True)]
        told = rows_told(rows)
        taken = len(told["rows"])
        return {
            "columns": shown([str(name) for name in frame.columns]),
            "rows": told["rows"],
            "more_rows": len(frame) > taken,
        }

    def in_words(self, error: ConfigurationError | EvidenceError) -> str:
        """An error with its next step, without the place of the history."""
        words = error.message + (f". Next: {error.hint}" if error.hint else "")
        return plain(words.replace(str(self._folder), "the history"), lines=True)

    @property
    def _history(self) -> History:
        """The history; opened again where its runs are not those that were there. A run itself never changes."""
        contents = contents_of(self._folder)
        if contents != self._contents:
            self._opened, self._contents = open_history(self._folder), contents
        return self._opened

    def _entry(self, run: str) -> Entry:
        """The run of this id, folder or month; without a name the newest."""
        archive = self._history.archive
        if run:
            return archive.find(run)
        if not archive.runs:
            raise EvidenceError("the history has no run", hint="`vbr-audit history add` adds one.")
        return archive.runs[-1]

    def _findings_of(self, entry: Entry) -> Mapping[str, Any]:
        """What a run reported, as it was written; the last that was asked for is kept."""
        if self._document is None or self._document[0] != entry.path.name:
            if run_folder.FINDINGS_JSON not in entry.sums:
                raise EvidenceError(f"{entry.path.name} has no {run_folder.FINDINGS_JSON}")
            self._document = (entry.path.name, orjson.loads(entry.content(run_folder.FINDINGS_JSON)))
        return self._document[1]

    def _audit_of(self, entry: Entry) -> Audit:
        """A run judged anew, as it was; the last one stays open. Code that a run keeps is never run."""
        if self._audit is None or self._audit[0] != entry.path.name:
            if self._audit is not None:
                self._audit[1].snapshot.close()
                self._audit = None
            self._audit = (entry.path.name, load_audit(entry.path, as_recorded=True))
        return self._audit[1]


def _word(word: str, known: Iterable[str], kind: str) -> str:
    """A word of a list, or none; raises `ConfigurationError` for another."""
    if word and word not in known:
        raise ConfigurationError(f"unknown {kind} {word!r}", hint=f"Known are {', '.join(known)}.")
    return word


def _fitting(rows: Iterable[Mapping[str, Any]], wanted: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The rows with these values; names are compared as they are shown, as nobody was given them otherwise."""
    asked = {name: value for name, value in wanted.items() if value}
    return [row for row in rows if all(plain(row.get(name)) == value for name, value in asked.items())]


def _part(row: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in columns if name in row}


def _of_run(entry: Entry) -> dict[str, Any]:
    return {"run_id": entry.record.run_id, "run_now": iso(entry.record.now)}


def _explained(found: Explanation) -> dict[str, Any]:
    """An explanation as JSON."""
    made: dict[str, Any] = shown(
        {
            "finding_id": found.finding["finding_id"],
            "status": found.finding["status"],
            "facts": {name: value if isinstance(value, str) else str(value) for name, value in found.facts.items()},
            "parameters": [dataclasses.asdict(each) for each in found.parameters],
            "demands": [str(each) for each in found.demands],
            "read": [dataclasses.asdict(each) for each in found.tables],
            "evidence": [dataclasses.asdict(each) for each in found.proofs],
            "notes": found.notes,
        }
    )
    return made
