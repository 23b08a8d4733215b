"""What changed since an earlier run, in the words and rows that every report shows: counts, what is not compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Final

from vbr_audit.display import day, number, plain
from vbr_audit.findings.changes import Changes, NotCompared
from vbr_audit.findings.lifecycle import State
from vbr_audit.reports.record import NO_NAME, Capped, cell_text, clock_text, finding_anchor, first_rows
from vbr_audit.reports.words import Badge, badge

MOST_CHANGES: Final = 200
MOST_NOT_COMPARED: Final = 20
MOST_CHECKS: Final = 12
"""How many checks one line names."""
STATE_WORDS: Final[dict[State, str]] = {state: str(state).replace("_", " ").lower() for state in State}
"""The states as a reader sees them: `lost sight`."""
_PHRASES: Final = {
    STATE_WORDS[State.FIRST]: "answered for the first time",
    STATE_WORDS[State.LOST_SIGHT]: "lost from sight",
    STATE_WORDS[State.OBJECT_GONE]: "whose object is gone",
    STATE_WORDS[State.POLICY_CHANGED]: "changed by the policy",
    STATE_WORDS[State.METHOD_CHANGED]: "changed by the method",
    STATE_WORDS[State.WAIVER_ENDED]: "whose waiver ended",
}
"""The states that need other words behind a number."""
_STYLES: Final[dict[State, str]] = {
    State.NEW: "FAIL",
    State.REGRESSED: "FAIL",
    State.WAIVER_ENDED: "FAIL",
    State.LOST_SIGHT: "UNKNOWN",
    State.FIXED: "PASS",
    State.ACCEPTED: "WAIVED",
}


@dataclass(frozen=True)
class ChangeCount:
    """How many findings are in a state by this run, and what the state means."""

    state: str
    number: int
    meaning: str


@dataclass(frozen=True)
class ChangeRow:
    """One finding of which something became; `anchor` leads to it, empty where the page does not show it."""

    badge: Badge
    severity: str
    check_id: str
    title: str
    server: str
    object_type: str
    object_name: str
    open_since: str
    hint: str
    anchor: str


@dataclass(frozen=True)
class Since:
    """What changed since an earlier run: its clock, what of the two is not compared, counts, and the changed findings.

    `not_compared` has a line for each reason, `things` counts what it names.
    `still_open` counts the findings that fail as before, `ageing` all that fail by how long they have, and `to_fix`
    says how long what was ever fixed took.
    """

    earlier: str
    earlier_id: str
    not_compared: Capped
    things: int
    counts: tuple[ChangeCount, ...]
    changed: Capped
    still_open: int
    ageing: tuple[tuple[str, int], ...]
    to_fix: str

    @property
    def in_short(self) -> str:
        """The counts in one line: `3 new, 1 fixed, 24 failing as before`."""
        parts = [f"{number(line.number)} {_PHRASES.get(line.state, line.state)}" for line in self.counts]
        return ", ".join([*parts, f"{number(self.still_open)} failing as before"])


def since_of(changes: Changes | None, zone: dt.tzinfo, shown: Set[str] = frozenset()) -> Since | None:
    """What a report shows of `changes`; None where no earlier run is at hand. `shown` are the ids of its findings."""
    if changes is None:
        return None
    counts = (ChangeCount(STATE_WORDS[state], many, state.meaning) for state, many in changes.counts.items() if many)
    median = changes.median_fix_days
    rows = changes.changed.head(MOST_CHANGES).to_dict("records")
    lines = tuple(f"left out of the history: {plain(each)}" for each in changes.left_out)
    lines += tuple(_alike(changes.not_compared))
    return Since(
        earlier=day(changes.earlier.now.astimezone(zone).date()),
        earlier_id=changes.earlier.run_id,
        not_compared=first_rows(lines, MOST_NOT_COMPARED),
        things=len(changes.not_compared) + len(changes.left_out),
        counts=tuple(counts),
        changed=Capped(tuple(_row(row, zone, shown) for row in rows), len(changes.changed)),
        still_open=len(changes.still_open),
        ageing=tuple((age, many) for age, many in changes.ageing.items() if many),
        to_fix="" if median is None else f"{number(median)} {'day' if round(median) == 1 else 'days'}",
    )


def _alike(several: Sequence[NotCompared]) -> Iterator[str]:
    """One line for all checks of a server that are not compared for the same reason."""
    groups: dict[NotCompared, list[str]] = {}
    for each in several:
        groups.setdefault(replace(each, check_id=""), []).append(each.check_id)
    for alike, checks in groups.items():
        names = ", ".join(checks[:MOST_CHECKS])
        more = f" and {number(len(checks) - MOST_CHECKS)} more" if len(checks) > MOST_CHECKS else ""
        yield plain(replace(alike, check_id=names + more))


def _row(row: dict[Any, Any], zone: dt.tzinfo, shown: Set[str]) -> ChangeRow:
    state = State(row["state"])
    return ChangeRow(
        badge=badge(_STYLES.get(state, "NOT_APPLICABLE"), STATE_WORDS[state]),
        severity=cell_text(row["severity"]),
        check_id=cell_text(row["check_id"]),
        title=cell_text(row["title"]),
        server=cell_text(row["server"]),
        object_type=cell_text(row["object_type"]),
        object_name=cell_text(row["object_name"]) or NO_NAME,
        open_since=clock_text(row["open_since"], zone) if cell_text(row["open_since"]) else "–",
        hint=cell_text(row["hint"]),
        anchor=finding_anchor(row["finding_id"]) if row["finding_id"] in shown else "",
    )
