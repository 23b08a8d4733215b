"""Own checks whose code is not at hand: their answers are taken from the record of the run, never asked for.

The answers come from `findings.json` of the run, which whoever holds the folder may have written: they are data, and
only data. A policy may still set such a check aside or give it another severity; its parameters change nothing.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from vbr_audit.checks.engine.objects import OBJECTS, default_cause
from vbr_audit.checks.engine.outcome import RecordedAnswer
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.checks.logic.codes import Cells
from vbr_audit.collection.manifest import OwnChecksRecord
from vbr_audit.config.given_file import MOST_KEPT, read_given
from vbr_audit.errors import CheckError, EvidenceError
from vbr_audit.vocabulary import Severity

RATIONALE: Final = "The code of this check is not at hand: its answers are those of the run as it was judged then."
_BROKE: Final = "the check broke: "


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _Finding(_Row):
    server: str
    check_id: str
    title: str
    area: str
    severity: Severity
    object_type: str
    object_id: str | None
    object_name: str | None
    status: str
    result: Literal["PASS", "FAIL", "UNKNOWN", "ERROR", "NOT_APPLICABLE"]
    observed: str | None
    expected: str | None
    json_path: str | None
    reason: str | None
    remediation: str | None
    waiver_id: str | None
    cause_kind: str | None = None
    cause_key: str | None = None
    cause_name: str | None = None


class _Coverage(_Row):
    server: str
    check_id: str
    title: str
    area: str
    severity: Severity
    population: int | None
    whole: bool | None
    reason: str | None


class _Document(_Row):
    findings: tuple[_Finding, ...]
    coverage: tuple[_Coverage, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class RecordedAnswers:
    """What the checks of a run answered, by check."""

    findings: Mapping[str, Sequence[_Finding]]
    coverage: Mapping[str, Sequence[_Coverage]]

    def check(self, check_id: str, record: OwnChecksRecord) -> Check | None:
        """A check that repeats the answers of `check_id`; None where the run has none of it."""
        rows, counts = self.findings.get(check_id, ()), self.coverage.get(check_id, ())
        if not counts:
            return None
        tables = tuple(name for name in record.tables.get(check_id, ()) if name in TABLES)
        if not tables or tables[0] not in OBJECTS:
            tables = ("servers",)

        def judge(*frames: pd.DataFrame) -> pd.Series:
            raise CheckError(
                f"{check_id} is only taken from the record", hint="Name the folder of its code with --checks."
            )

        return Check(
            id=check_id,
            title=counts[0].title,
            severity=counts[0].severity,
            area=counts[0].area,
            rationale=RATIONALE,
            remediation=next((row.remediation for row in rows if row.remediation), ""),
            function=judge,
            tables=tables,
            reads=dict.fromkeys(tables, ()),
            optional={},
            aggregates=frozenset(),
            fallback=frozenset(),
            expected=None,
            json_path=None,
            about="",
            cause=default_cause(tables[0]),
            examples=(),
            model=create_model(f"{check_id} parameters", __config__=ConfigDict(extra="allow", frozen=True)),
            reserved=(),
            recorded={one.server: _answer(one, [row for row in rows if row.server == one.server]) for one in counts},
        )


def recorded_answers(path: Path) -> RecordedAnswers | None:
    """The answers in `findings.json`; None where it is not there. Raises `EvidenceError` for one that nobody wrote."""
    if not path.is_file():
        return None
    try:
        document = _Document.model_validate_json(read_given(path, most=MOST_KEPT))
    except OSError as error:
        raise EvidenceError(f"cannot read {path}: {error.strerror or error}", hint="Check its permissions.") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EvidenceError(
            f"{path}: {where}: {first['msg']}", hint="Take it from a backup of the run folder, or give --checks."
        ) from None
    return RecordedAnswers(_by_check(document.findings), _by_check(document.coverage))


def _by_check(rows: Iterable[Any]) -> dict[str, list[Any]]:
    by_check: dict[str, list[Any]] = {}
    for row in rows:
        by_check.setdefault(row.check_id, []).append(row)
    return by_check


def _answer(counts: _Coverage, rows: Sequence[_Finding]) -> RecordedAnswer:
    names = (
        *("object_id", "object_name", "result", "severity", "observed", "expected", "json_path"),
        *("cause_kind", "cause_key", "cause_name"),
    )
    cells = {name: _cells([getattr(row, name) for row in rows]) for name in names}
    # What was accepted outside of this tool has no waiver of ours.
    accepted = [row.status == "WAIVED" and row.waiver_id is None for row in rows]
    pairs = list(zip(rows, accepted, strict=True))
    cells["accepted"] = _cells([row.reason if is_accepted else None for row, is_accepted in pairs])
    cells["reason"] = _cells([None if is_accepted else _own_words(row) for row, is_accepted in pairs])
    reason = counts.reason or ""
    return RecordedAnswer(
        object_type=rows[0].object_type if rows else "object",
        cells=cells,
        population=counts.population,
        whole=bool(counts.whole),
        why_not_whole=counts.reason,
        broke=reason.removeprefix(_BROKE) if reason.startswith(_BROKE) else None,
    )


def _own_words(row: _Finding) -> str | None:
    """The reason without what a waiver wrote behind it, which is laid over the answers anew."""
    if row.reason is None or row.waiver_id is None:
        return row.reason
    name = re.escape(row.waiver_id)
    day = r"\d{4}-\d{2}-\d{2}"
    words = rf"(?:^|; )(?:accepted until {day} by waiver {name}|waiver {name} (?:expired|does not count))"
    match = re.search(words, row.reason)
    return (row.reason[: match.start()] if match else row.reason) or None


def _cells(values: Sequence[str | None]) -> Cells:
    cells = np.empty(len(values), dtype=object)
    cells[:] = [pd.NA if value is None else value for value in values]
    return cells
