"""The causes of what fails, in words: one row per thing that somebody can do, with what it would settle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from vbr_audit.display import count, number
from vbr_audit.findings.results import DUE_DAYS, URGENCIES
from vbr_audit.reports.record import NO_NAME, Capped, cause_anchor, check_anchor, record_text, severity_rank
from vbr_audit.reports.words import Badge, badge
from vbr_audit.vocabulary import SEVERITIES

if TYPE_CHECKING:
    import pandas as pd


class FindingLike(Protocol):
    """A row that shows a finding, and tells the anchor of its cause."""

    @property
    def cause_anchor(self) -> str: ...


@dataclass(frozen=True)
class CauseRow:
    """One cause: what may come of it (`consequence`) and what is wrong there (`failure`), how bad at worst, how many
    findings it would settle, what to do, by when, and who owns its machines (empty where nobody is named).

    `name` is the job, repository, machine or whatever has to be changed, `kind` what that is; `names` are the first
    of its objects, empty where the only one is called as the cause is. `settles` is `findings` with its noun,
    and `listed` has the first of them where a page shows them beneath it.
    """

    anchor: str
    badge: Badge
    rank: int
    server: str
    check_id: str
    check_anchor: str
    title: str
    failure: str
    consequence: str
    kind: str
    name: str
    findings: str
    settles: str
    objects: str
    names: str
    remediation: str
    urgency: str
    open_since: str
    due: str
    overdue: bool
    owner: str
    listed: Capped


def cause_rows(causes: pd.DataFrame, limit: int) -> Capped:
    """The first `limit` causes, in their order: the worst first, then those that settle most."""
    return Capped(tuple(_cause_row(record) for record in causes.head(limit).to_dict("records")), len(causes))


def _cause_row(record: Mapping[Any, Any]) -> CauseRow:
    text = record_text(record)
    return CauseRow(
        anchor=cause_anchor(text["cause"]),
        badge=badge("FAIL", text["severity"]),
        rank=severity_rank(text["severity"]),
        server=text["server"],
        check_id=text["check_id"],
        check_anchor=check_anchor(text["check_id"]),
        title=text["title"],
        failure=text["failure"],
        consequence=text["consequence"],
        kind=text["kind"],
        name=text["name"] or NO_NAME,
        findings=number(record["findings"]),
        settles=count(int(record["findings"]), "finding"),
        objects=number(record["objects"]),
        names="" if text["object_names"] == text["name"] else text["object_names"],
        remediation=text["remediation"],
        urgency=text["urgency"],
        open_since=text["open_since"][:10],
        due=text["due"],
        overdue=bool(record["overdue"]),
        owner=text["owner"],
        listed=Capped((), int(record["findings"])),
    )


def with_findings(causes: Capped, rows: Iterable[FindingLike]) -> Capped:
    """The causes with those of their findings that are among `rows` beneath them, in the order of these."""
    own: dict[str, list[FindingLike]] = {}
    for row in rows:
        own.setdefault(row.cause_anchor, []).append(row)
    shown = (replace(row, listed=Capped(tuple(own.get(row.anchor, ())), row.listed.total)) for row in causes.rows)
    return Capped(tuple(shown), causes.total)


@dataclass(frozen=True)
class Urgent:
    """The causes that have to be dealt with at one time: how many they are, and how many findings they settle.

    `severities` says which causes these are, `days` how long after they have begun to fail they are due, and `overdue`
    how many of them are due already.
    """

    urgency: str
    severities: str
    days: int
    overdue: int
    causes: int
    findings: int


def urgent_causes(causes: pd.DataFrame) -> tuple[Urgent, ...]:
    """The plan in short: what is for today, what for this month, what for later."""
    return tuple(_urgent(urgency, severities, causes) for urgency, severities in URGENCIES.items())


def _urgent(urgency: str, severities: tuple[str, ...], causes: pd.DataFrame) -> Urgent:
    own = causes[causes["urgency"].eq(urgency).to_numpy(dtype=bool, na_value=False)]
    return Urgent(
        urgency=urgency,
        severities=", ".join(severities),
        days=DUE_DAYS[urgency],
        overdue=int(own["overdue"].sum()),
        causes=len(own),
        findings=int(own["findings"].sum()),
    )


def due_rule() -> str:
    """By when causes are due, as part of a sentence."""
    *first, last = (f"{count(many, 'day')} ({urgency})" for urgency, many in DUE_DAYS.items())
    return f"{', '.join(first)} or {last} after it began to fail, or after the run where no earlier one is known"


def causes_text(causes: pd.DataFrame) -> str:
    """How many causes there are for how many findings, and how many of each severity, in one sentence."""
    severities = causes["severity"].value_counts()
    parts = [
        f"{number(int(severities[severity]))} {severity}" for severity in SEVERITIES if severity in severities.index
    ]
    findings = int(causes["findings"].sum())
    message = f"{count(findings, 'failing finding')} {'has' if findings == 1 else 'have'} {count(len(causes), 'cause')}"
    return f"{message}: {', '.join(parts)}." if parts else f"{message}."
