"""The change register: which changes of settings were approved, by whom, and which of them were made.

A CSV file with the columns `object` (name or id), `control`, `from`, `to`, `approved_by` and, if wanted, `ticket` and
`date` (YYYY-MM-DD: the day from which on the change may be made). A value is written as JSON (`true`, `14`,
`["a", "b"]`) or as plain text; the items of a list may stand between semicolons; an empty cell is none.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import orjson
import pandas as pd

from vbr_audit.checks.drift.events import rows_of
from vbr_audit.checks.drift.values import UNREADABLE, Unreadable, Value, compared_value, is_same
from vbr_audit.config.given_file import read_given
from vbr_audit.config.yaml_file import Problem, YamlFile, raise_problems, suggestion
from vbr_audit.errors import ConfigurationError
from vbr_audit.tables.build.arrays import STRING

REQUIRED: Final = ("object", "control", "from", "to", "approved_by")
OPTIONAL: Final = ("ticket", "date")
_COLUMNS: Final = (*REQUIRED, *OPTIONAL)
_FILLED: Final = ("object", "control", "approved_by")
_HINT: Final = f"The first line names the columns {', '.join(REQUIRED)} and, if wanted, {' and '.join(OPTIONAL)}."
APPROVED: Final = "approved"
UNAPPROVED: Final = "unapproved"


@dataclass(frozen=True)
class Approval:
    """One approved change of a setting from `before` to `after`, as the register writes it in this `line`."""

    line: int
    object: str
    control: str
    before: str
    after: str
    approved_by: str
    ticket: str | None = None
    date: dt.date | None = None

    def is_due(self, now: dt.datetime) -> bool:
        """Whether the change may have been made by then, in any zone."""
        return self.date is None or self.date <= (now.astimezone(dt.UTC) + dt.timedelta(hours=14)).date()


@dataclass(frozen=True)
class ChangeRegister:
    """The approvals of a register, with the file's name and text; all empty where no register is given."""

    name: str = ""
    text: str = ""
    approvals: tuple[Approval, ...] = ()

    @property
    def is_given(self) -> bool:
        """Whether there is a register, be it without an approval."""
        return bool(self.text)

    @property
    def sha256(self) -> str | None:
        """The hash of `text`; None without a register."""
        return hashlib.sha256(self.text.encode()).hexdigest() if self.is_given else None

    @cached_property
    def by_setting(self) -> Mapping[tuple[str, str], tuple[Approval, ...]]:
        """The approvals by object and control, in small letters."""
        groups: dict[tuple[str, str], list[Approval]] = {}
        for approval in self.approvals:
            groups.setdefault((approval.object.casefold(), approval.control.casefold()), []).append(approval)
        return {key: tuple(group) for key, group in groups.items()}

    def of_setting(self, object_id: Any, name: Any, control: str) -> tuple[Approval, ...]:
        """The approvals of one setting of an object, which the register calls by its id or its name."""
        keys = dict.fromkeys(str(each).casefold() for each in (object_id, name) if not pd.isna(each))
        return tuple(approval for key in keys for approval in self.by_setting.get((key, control.casefold()), ()))

    def ways(self, kind: str, change: Mapping[str, Any], now: dt.datetime) -> tuple[Approval, ...]:
        """The due approvals that lead from the value before to the one after, the shortest way; none if none does."""
        listed = self.of_setting(change["object_id"], change["object_name"], change["control"])
        due = [each for each in listed if each.is_due(now)]
        seen: set[tuple[bool, Value | Unreadable]] = set()
        start, end = (compared_value(kind, change["control"], change[name]) for name in ("before", "after"))
        waiting: deque[tuple[Value | Unreadable, tuple[Approval, ...]]] = deque([(start, ())])
        while waiting:
            value, way = waiting.popleft()
            if way and is_same(value, end):
                return way
            if (isinstance(value, bool), value) in seen:
                continue
            seen.add((isinstance(value, bool), value))
            for each in due:
                if stands_for(each.before, kind, change["control"], value):
                    waiting.append((_read_as(each.after, kind, change["control"], end), (*way, each)))
        return ()


def load_register(source: str | Path | None = None) -> ChangeRegister:
    """The change register at `source` (a path; a `str` with a line break is the text itself); an empty one for None.

    Raises `ConfigurationError`, whose message names file and line of everything that is wrong.
    """
    if source is None:
        return ChangeRegister()
    if isinstance(source, str) and "\n" in source:
        return ChangeRegister("changes.csv", source, tuple(_approvals(YamlFile("changes.csv", source))))
    path = Path(source)
    try:
        text = read_given(path).decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ConfigurationError(
            f"{path.name}: not UTF-8 text (byte {fault.start})", hint="Save the file as UTF-8."
        ) from None
    except OSError as fault:
        raise ConfigurationError(f"cannot read {path}: {fault.strerror or fault}", hint=_HINT) from None
    return ChangeRegister(path.name, text, tuple(_approvals(YamlFile(path.name, text))))


def _approvals(file: YamlFile) -> Iterator[Approval]:
    """The rows of the register; raises `ConfigurationError`."""
    first = file.text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(file.text, newline=""), strict=True, delimiter=";" if ";" in first and "," not in first else ","
    )
    problems: list[Problem] = []
    approvals: list[Approval] = []
    try:
        header = [name.strip().casefold() for name in next(reader, [])]
        problems += _header_problems(header)
        for cells in reader if not problems else ():
            row = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
            if not any(row.values()):
                continue
            faults = list(_row_problems(row, cells, header, reader.line_num))
            problems += faults
            if not faults:
                approvals.append(_approval(row, reader.line_num))
    except csv.Error as fault:
        problems.append(Problem((), f"not valid CSV: {fault}", reader.line_num))
    if problems:
        raise_problems(file, problems, error=ConfigurationError, hint=_HINT)
    return iter(approvals)


def _header_problems(header: Sequence[str]) -> Iterator[Problem]:
    for name in header:
        if name not in _COLUMNS:
            yield Problem((), f"unknown column {name!r}{suggestion(name, _COLUMNS)}", 1)
    for name in _COLUMNS:
        if header.count(name) > 1:
            yield Problem((name,), "appears twice", 1)
        if name in REQUIRED and name not in header:
            yield Problem((name,), "this column is missing", 1)


def _row_problems(row: Mapping[str, str], cells: Sequence[str], header: Sequence[str], line: int) -> Iterator[Problem]:
    if len(cells) != len(header):
        yield Problem((), f"has {len(cells)} cells for {len(header)} columns", line)
        return
    for name in _FILLED:
        if not row[name]:
            yield Problem((name,), "is empty", line)
    if row["from"] == row["to"]:
        yield Problem(("to",), "is the same as in column from", line)
    if row.get("date") and _date(row["date"]) is None:
        yield Problem(("date",), "expected a day such as 2026-11-30", line)


def _approval(row: Mapping[str, str], line: int) -> Approval:
    return Approval(
        line,
        *(row["object"], row["control"], row["from"], row["to"], row["approved_by"]),
        ticket=row.get("ticket") or None,
        date=_date(row.get("date", "")),
    )


def _date(text: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        return None


# A cell of the register as a value.


def stands_for(cell: str, kind: str, control: str, value: Value | Unreadable) -> bool:
    """Whether a cell is a way to write `value`."""
    return is_same(_read_as(cell, kind, control, value), value)


def _read_as(cell: str, kind: str, control: str, like: Value | Unreadable) -> Value | Unreadable:
    """A cell as a value: as JSON, as yes or no in any case, as a list where the other value is one, else as text."""
    if not cell:
        return frozenset() if isinstance(like, frozenset) else "" if like == "" else None
    text = cell.casefold() if cell.casefold() in ("true", "false", "null") else cell
    value = compared_value(kind, control, text)
    if value is UNREADABLE or (isinstance(like, str) and not isinstance(value, str)):
        value = compared_value(kind, control, orjson.dumps(cell).decode())
    if isinstance(like, frozenset) and isinstance(value, str):
        items = [part.strip() for part in cell.replace(",", ";").split(";") if part.strip()]
        return compared_value(kind, control, orjson.dumps(items).decode())
    return value


# Laying the register over the changes of a server, and asking it which approved changes were made.


def with_approvals(drift: pd.DataFrame, register: ChangeRegister, now: dt.datetime) -> pd.DataFrame:
    """The rows of `drift` with `approval`, `approved_by` and `ticket` by the register, at the later run's clock."""
    ways = [register.ways(change["object_type"], change, now) for change in rows_of(drift)]
    columns = {
        "approval": [APPROVED if way else UNAPPROVED for way in ways],
        "approved_by": [", ".join(dict.fromkeys(each.approved_by for each in way)) or None for way in ways],
        "ticket": [", ".join(dict.fromkeys(each.ticket for each in way if each.ticket)) or None for way in ways],
    }
    return drift.assign(**{name: pd.Series(cells, index=drift.index, dtype=STRING) for name, cells in columns.items()})
