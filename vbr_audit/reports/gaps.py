"""What makes a run incomplete, together where it is for one reason, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vbr_audit.display import count, plain
from vbr_audit.findings.gaps import GapKind

if TYPE_CHECKING:
    from vbr_audit.collection.manifest import DatasetRecord
    from vbr_audit.findings.gaps import Gap
    from vbr_audit.reports.access_map import AccessRow

_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "denied": (
        "denied",
        "Give the account a role that may read this (report and workbook name the roles), then collect again.",
    ),
    "partial": ("read only in part", "Collect again; where it stays so, first correct what the reason names."),
    "absent": ("not found", "Correct what the reason names, then collect again."),
    "failed": ("not read", "Correct what the reason names, then collect again."),
}
"""What became of datasets that are not whole, and what to do, by their status."""
_ELSE: Final = "Correct what this names, then collect again."


@dataclass(frozen=True)
class GapGroup:
    """One reason why a run is incomplete: `text` says what is missing and why, `remedy` what to do about it."""

    text: str
    remedy: str


def grouped_gaps(
    gaps: Iterable[Gap], records: Iterable[DatasetRecord], access: Iterable[AccessRow]
) -> tuple[GapGroup, ...]:
    """The `gaps` in their order, those about datasets of one server with one reason as one."""
    titles = {(row.server, row.name): row.title for row in access}
    known = {(record.server, record.name): record for record in records}
    groups: dict[tuple[str, ...], list[str]] = {}
    for gap in gaps:
        if gap.kind != GapKind.NOT_WHOLE or (record := known.get((gap.server or "", gap.dataset or ""))) is None:
            groups.setdefault((str(gap),), [])
            continue
        key = (record.server, str(record.status), _why(record))
        groups.setdefault(key, []).append(titles.get((record.server, record.name), record.name))
    return tuple(_group(key, names) for key, names in groups.items())


def _why(record: DatasetRecord) -> str:
    """The reason without the path, which differs from dataset to dataset, and without what the status says."""
    words = (record.reason or "").removeprefix(f"{record.path} ").removeprefix("is ")
    return words.strip().rstrip(".")


def _group(key: tuple[str, ...], names: Sequence[str]) -> GapGroup:
    if not names:
        return GapGroup(plain(key[0]), _ELSE)
    server, status, why = key
    state, remedy = _STATES[status]
    text = f"{count(len(names), 'dataset')} of {server} {'was' if len(names) == 1 else 'were'} {state}"
    told = f" {why[:1].upper()}{why[1:]}." if why else ""
    return GapGroup(plain(f"{text}: {'; '.join(names)}.{told}"), remedy)
