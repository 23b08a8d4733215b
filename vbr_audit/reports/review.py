"""What reviewers wrote into the workbook of an earlier run, carried over to the findings of this one.

A remark belongs to a finding by its id, which stays the same from run to run. It never changes a status: only a
waiver does that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vbr_audit.collection.files import sha256_of
from vbr_audit.config.given_file import read_given
from vbr_audit.config.yaml_file import suggestion
from vbr_audit.display import encodable
from vbr_audit.errors import ConfigurationError

ReviewerStatus = Literal["Open", "Accepted", "Fixed"]
REVIEWER_STATUSES: Final[tuple[str, ...]] = get_args(ReviewerStatus)
"""The words that a reviewer may choose from."""

SHEET: Final = "Findings"
ID_HEADER, STATUS_HEADER, NOTE_HEADER = "Finding ID", "Reviewer status", "Reviewer note"
_FINDING_ID = re.compile(r"[0-9a-f]{16,64}")
_HINT: Final = (
    "Give a workbook that vbr-audit wrote, with the columns of its sheet Findings as they were; "
    f"{STATUS_HEADER} is {', '.join(REVIEWER_STATUSES)} or empty."
)
_SHOWN: Final = 20
"""Maximum number of faults of a workbook that are reported at once."""


class Remark(BaseModel):
    """A reviewer's remarks on one finding: a status, a note, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    finding_id: str = Field(pattern=_FINDING_ID.pattern)
    status: ReviewerStatus | None = None
    note: str | None = None


class _Kept(BaseModel):
    """The shape of `review.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Literal[1] = Field(alias="schema", default=1)
    source: str
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class Review:
    """The remarks of one workbook by finding id, and the `source` that they come from; all empty without a review."""

    remarks: Mapping[str, Remark] = field(default_factory=dict)
    source: str = ""
    workbook_sha256: str | None = None
    """The SHA-256 of the workbook that they were read from; None for those that a run kept."""

    @property
    def text(self) -> str:
        """The review as a run keeps it, in JSON; empty without a review."""
        if not self.source:
            return ""
        kept = _Kept(source=self.source, remarks=tuple(self.remarks[name] for name in sorted(self.remarks)))
        return kept.model_dump_json(by_alias=True, indent=1) + "\n"

    @property
    def sha256(self) -> str | None:
        """The hash of `text`; None without a review."""
        return hashlib.sha256(self.text.encode()).hexdigest() if self.source else None

    def gone(self, finding_ids: Iterable[Any]) -> int:
        """How many remarks are about findings that are not among `finding_ids`."""
        return len(self.remarks.keys() - set(finding_ids))


def load_review(source: str | Path | None = None) -> Review:
    """The review of an earlier workbook (`.xlsx`), or as a run kept it (`.json`); an empty one for None.

    Raises `ConfigurationError`, which names file, sheet and cell of everything that is wrong.
    """
    if source is None:
        return Review()
    path = Path(source)
    return _load_kept(path) if path.suffix.lower() == ".json" else _load_book(path)


def _load_kept(path: Path) -> Review:
    try:
        kept = _Kept.model_validate_json(read_given(path))
    except OSError as fault:
        raise ConfigurationError(f"{path}: cannot be read: {fault.strerror or fault}", hint="Check the path.") from None
    except ValidationError as fault:
        first = fault.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"{path}: {where}: {first['msg']}", hint="Give the workbook that the review was written in instead."
        ) from None
    return Review({remark.finding_id: remark for remark in kept.remarks}, kept.source)


def _load_book(path: Path) -> Review:
    from vbr_audit.spreadsheet.reading import open_book, opened_for_reading

    digest = sha256_of(path) if path.is_file() else None
    book = open_book(path, stream=True)
    try:
        names = [name for name in book.sheetnames if re.fullmatch(rf"{SHEET}( \d+)?", name)]
        if not names:
            near = suggestion(SHEET, book.sheetnames)
            raise ConfigurationError(f"{path.name}: has no sheet called {SHEET}{near}", hint=_HINT)
        remarks: dict[str, Remark] = {}
        faults: list[str] = []
        with opened_for_reading(path):
            for name in names:
                _read_sheet(book[name], remarks, faults)
    finally:
        book.close()
    if faults:
        more = [f"… and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        lines = [f"{path.name}: {fault}" for fault in faults[:_SHOWN]] + more
        raise ConfigurationError("\n".join(lines), hint=_HINT)
    return Review(remarks, encodable(path.name), digest)


def _read_sheet(sheet: Any, remarks: dict[str, Remark], faults: list[str]) -> None:
    """Add the remarks of one sheet to `remarks`, and what is wrong with it to `faults`."""
    from openpyxl.utils import get_column_letter

    from vbr_audit.spreadsheet.reading import MOST_ROWS, is_blank

    sheet.reset_dimensions()  # what a workbook says of its own size may be wrong, and would hide remarks
    rows = sheet.iter_rows(max_row=MOST_ROWS)
    header = [str(cell.value).strip() for cell in next(rows, ())]
    wanted = (ID_HEADER, STATUS_HEADER, NOTE_HEADER)
    missing = list(_header_faults(header, wanted))
    if missing:
        faults += [f"sheet {sheet.title}, row 1: {fault}" for fault in missing]
        return
    places = [header.index(name) for name in wanted]
    for number, cells in enumerate(rows, start=2):
        picked = [cells[place] if place < len(cells) else None for place in places]
        filled = [cell is not None and not is_blank(cell) for cell in picked]
        if not any(filled[1:]):
            continue
        letters = [get_column_letter(place + 1) for place in places]
        remark = _remark(picked, filled)
        if isinstance(remark, Remark) and remark.finding_id in remarks:
            remark = (0, f"the finding {remark.finding_id} appears twice")
        if isinstance(remark, Remark):
            remarks[remark.finding_id] = remark
        else:
            column, what = remark
            faults.append(f"sheet {sheet.title}, cell {letters[column]}{number}: {what}")


def _header_faults(header: Sequence[str], wanted: Iterable[str]) -> Iterator[str]:
    for name in wanted:
        if name not in header:
            yield f"the column {name} is missing" + suggestion(name, header)
        elif header.count(name) > 1:
            yield f"the column {name} appears twice"


def _remark(cells: Sequence[Any], filled: Sequence[bool]) -> Remark | tuple[int, str]:
    """The remark of one row, given its id, status and note; or the place among them and what is wrong with it."""
    texts: list[str | None] = []
    for place, (cell, is_filled) in enumerate(zip(cells, filled, strict=True)):
        if is_filled and cell.data_type == "f":
            return place, "holds a formula; write its value"
        if is_filled and cell.data_type == "e":
            return place, f"holds the error {cell.value}"
        texts.append(_text(cell.value) if is_filled else None)
    finding_id, status, note = texts
    if finding_id is None or not _FINDING_ID.fullmatch(finding_id):
        return 0, "holds no finding id, but its row has a remark"
    if status is not None and status not in REVIEWER_STATUSES:
        known = ", ".join(REVIEWER_STATUSES)
        return 1, f"{status[:40]!r} is none of {known}{suggestion(status, REVIEWER_STATUSES)}"
    return Remark.model_validate({"finding_id": finding_id, "status": status, "note": note})


def _text(value: Any) -> str:
    """A cell as text: what a spreadsheet made a number, a date or a truth value of is written out again."""
    from vbr_audit.spreadsheet.reading import unshielded

    if isinstance(value, str):
        return unshielded(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
