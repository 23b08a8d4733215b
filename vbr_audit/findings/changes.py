"""What changed between a run and what was known before it, and what of the two cannot be compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, Protocol

import pandas as pd

from vbr_audit.findings.compared import Judged
from vbr_audit.findings.lifecycle import TURNED_BAD, Lives, State, step
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.vocabulary import SEVERITIES

Kind = Literal[
    "server only before",
    "server only now",
    "check asked for the first time",
    "check no longer asked",
    "check means something else",
    "parameters differ",
    "not read whole",
    "another scope",
    "another revision",
    "rules not recorded",
]
"""Why something of two runs cannot be compared."""

_WORDS: Final[Mapping[Kind, str]] = {
    "server only before": "not in this run, nothing is said of it",
    "server only now": "not in an earlier run, all of it is answered for the first time",
    "check asked for the first time": "asked for the first time",
    "check no longer asked": "no longer asked by the policy",
    "check means something else": "its logic changed",
    "parameters differ": "its parameters differ",
    "not read whole": "not everything that it asks for was read whole",
    "another scope": "the runs are narrowed to other jobs",
    "another revision": "read in another API revision",
    "rules not recorded": "the earlier run does not record under which parameters it judged",
}
CHANGES_ORDER: Final = (
    *(State.NEW, State.REGRESSED, State.WAIVER_ENDED, State.LOST_SIGHT, State.FIXED, State.OBJECT_GONE),
    *(State.ACCEPTED, State.POLICY_CHANGED, State.METHOD_CHANGED, State.FIRST, State.STILL),
)
"""The states in the order in which a reader wants to know of them."""
_AGE_ENDS: Final = (30, 90, 180)
AGES: Final = ("up to 30 days", "31 to 90 days", "91 to 180 days", "more than 180 days")
"""For how long findings fail, in the words of reports."""


@dataclass(frozen=True)
class NotCompared:
    """One thing of two runs that cannot be compared: why, on which server, and of which check where it is of one."""

    kind: Kind
    server: str = ""
    check_id: str = ""
    detail: str = ""

    def __str__(self) -> str:
        subject = " on ".join(part for part in (self.check_id, self.server) if part)
        return f"{subject + ': ' if subject else ''}{_WORDS[self.kind]}{f' ({self.detail})' if self.detail else ''}"


class RunTerms(Protocol):
    """What names a run, and its clock, period and zone."""

    @property
    def run_id(self) -> str: ...
    @property
    def now(self) -> dt.datetime: ...
    @property
    def since(self) -> dt.datetime: ...
    @property
    def until(self) -> dt.datetime: ...
    @property
    def timezone(self) -> str: ...


@dataclass(frozen=True)
class EarlierRun:
    """The run that another is compared with: its id, its clock, its period and its zone."""

    run_id: str
    now: dt.datetime
    since: dt.datetime
    until: dt.datetime
    timezone: str

    @classmethod
    def of(cls, run: RunTerms) -> EarlierRun:
        """A run, or the record of one, as what another is compared with."""
        return cls(run.run_id, run.now, run.since, run.until, run.timezone)


@dataclass(frozen=True, eq=False)
class Known:
    """What earlier runs left: what is known of the findings, and the latest of these runs.

    `left_out` names the runs of a history that are not as they were written, each with the reason.
    """

    earlier: EarlierRun
    lives: Lives
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Changes:
    """What became of the findings since they were looked at last.

    `lives` is what is known after the run, of its servers; `earlier` the latest run before it, and `not_compared` says
    first what of the two cannot be compared; `left_out` names the runs of the history that are not as they were
    written. `drift` has a row per setting that changed, with the columns of `vbr_audit.checks.drift.compare.SPEC`; None
    where nobody asked who changed settings.
    """

    earlier: EarlierRun
    now: dt.datetime
    lives: Lives
    not_compared: tuple[NotCompared, ...] = ()
    left_out: tuple[str, ...] = ()
    drift: pd.DataFrame | None = None

    @cached_property
    def findings(self) -> pd.DataFrame:
        """One row per finding, with the columns of `vbr_audit.findings.lifecycle.AGED_SPEC`."""
        return self.lives.aged

    @cached_property
    def changed(self) -> pd.DataFrame:
        """The findings of which something became in this run, what needs attention first.

        Those that are as they were are left out, and those that are good and were answered for the first time, or went
        without ever having failed.
        """
        rows = self.findings
        happened = (rows["state_since"] == pd.Timestamp(self.now).as_unit("us")).to_numpy(dtype=bool)
        concerns = are_known(rows["first_seen"]) | rows["state"].eq(State.LOST_SIGHT).to_numpy(dtype=bool)
        chosen = rows[happened & concerns & rows["state"].ne(State.STILL).to_numpy(dtype=bool)]
        return in_order_of_change(chosen)

    @property
    def counts(self) -> dict[State, int]:
        """How many findings are in each state by this run, in the order of `CHANGES_ORDER`, without those unchanged."""
        found = self.changed["state"].value_counts()
        return {state: int(found.get(str(state), 0)) for state in CHANGES_ORDER if state is not State.STILL}

    def having(self, *states: State) -> pd.DataFrame:
        """The changed findings in one of `states`."""
        return self.changed[self.changed["state"].isin(states).to_numpy(dtype=bool)].reset_index(drop=True)

    @cached_property
    def turned_bad(self) -> pd.DataFrame:
        """What fails now and did not, by the same rule, when it was looked at last."""
        return self.having(*TURNED_BAD)

    @property
    def still_open(self) -> pd.DataFrame:
        """What fails and was failing when it was looked at last, what is open longest first."""
        rows = self.findings
        chosen = rows["state"].eq(State.STILL) & rows["status"].eq("FAIL")
        return rows[chosen.to_numpy(dtype=bool, na_value=False)].sort_values(
            ["open_since", "key"], kind="stable", ignore_index=True
        )

    @property
    def ageing(self) -> dict[str, int]:
        """How many findings fail for how long, by the names of `AGES`."""
        failing = self.findings["status"].eq("FAIL").to_numpy(dtype=bool, na_value=False)
        days = self.findings.loc[failing, "days_open"]
        ages = pd.cut(days.to_numpy(dtype=float), [-float("inf"), *_AGE_ENDS, float("inf")], labels=AGES)
        found = pd.Series(ages).value_counts()
        return {age: int(found[age]) for age in AGES}

    @property
    def median_fix_days(self) -> float | None:
        """The median time, in days, for which what was ever fixed had been failing; None where nothing was."""
        days = self.findings["fix_days"].dropna()
        return float(days.median()) if len(days) else None

    @property
    def open_since(self) -> pd.Series:
        """Since when each finding that fails has been failing, by finding id."""
        failing = self.findings["status"].eq("FAIL").to_numpy(dtype=bool, na_value=False)
        return self.findings[failing].set_index("finding_id")["open_since"]

    @cached_property
    def by_finding(self) -> pd.DataFrame:
        """Columns `change` and `first_seen` by finding id, of the findings that the run has."""
        rows = self.findings[are_known(self.findings["status"])]
        return rows.set_index("finding_id")[["state", "first_seen"]].rename(columns={"state": "change"})


def in_order_of_change(rows: pd.DataFrame) -> pd.DataFrame:
    """Findings by what became of them, then the worst first."""
    states = {str(state): place for place, state in enumerate(CHANGES_ORDER)}
    severities = {word: place for place, word in enumerate(SEVERITIES)}
    order = pd.DataFrame(
        {
            "state": rows["state"].map(states).to_numpy(),
            "severity": rows["severity"].map(severities).to_numpy(),
            **{name: rows[name].to_numpy(dtype=object) for name in ("check_id", "server", "object_name", "key")},
        }
    )
    names = ["state", "severity", "check_id", "server", "object_name", "key"]
    places = order.sort_values(names, kind="stable").index.to_numpy()
    return rows.take(places).reset_index(drop=True)


def changes_since(known: Known, judged: Judged) -> Changes:
    """What became, in the run `judged`, of what was `known` before."""
    after = step(known.lives, judged).of(server.server_id for server in judged.servers)
    return Changes(known.earlier, judged.now, after, tuple(_not_compared(known.lives, judged)), known.left_out)


def compare_runs(old: Judged, new: Judged) -> Changes:
    """What changed from one run to another, as if there had been no other before."""
    return changes_since(Known(EarlierRun.of(old), step(Lives(), old)), new)


def _not_compared(before: Lives, judged: Judged) -> Iterator[NotCompared]:
    now = {server.server_id: server for server in judged.servers}
    names = dict(zip(before.findings["server_id"], before.findings["server"], strict=True))
    for server_id in sorted(set(before.as_of) - set(now)):
        yield NotCompared("server only before", names.get(server_id, server_id))
    for server_id, server in sorted(now.items()):
        if server_id not in before.as_of:
            yield NotCompared("server only now", server.name)
    merged = before.asked.merge(
        judged.asked, on=["server_id", "check_id"], how="outer", suffixes=("_old", "_new"), indicator="side"
    )
    merged = merged[merged["server_id"].isin(set(before.as_of) & set(now)).to_numpy(dtype=bool)]
    for server_id in sorted(set(before.as_of) & set(now)):
        own = merged[merged["server_id"].eq(server_id).to_numpy(dtype=bool)]
        yield from _of_server(now[server_id].name, own.sort_values("check_id"))
    yield from _other_parameters(before, judged)


def _of_server(server: str, rows: pd.DataFrame) -> Iterator[NotCompared]:
    both = rows[rows["side"].eq("both").to_numpy(dtype=bool)]
    other = both[both["revision_old"].ne(both["revision_new"]).to_numpy(dtype=bool, na_value=True)]
    if len(other):
        first = other.iloc[0]
        yield NotCompared("another revision", server, detail=f"{first['revision_old']}, now {first['revision_new']}")
    scopes = both[both["scope_old"].ne(both["scope_new"]).to_numpy(dtype=bool, na_value=True)]
    if len(scopes):
        first = scopes.iloc[0]
        yield NotCompared(
            "another scope", server, detail=f"{first['scope_old'] or 'all'}, now {first['scope_new'] or 'all'}"
        )
    sides: tuple[tuple[str, Kind], ...] = (
        ("right_only", "check asked for the first time"),
        ("left_only", "check no longer asked"),
    )
    for side, kind in sides:
        for check in rows.loc[rows["side"].eq(side).to_numpy(dtype=bool), "check_id"]:
            yield NotCompared(kind, server, str(check))
    names = ("check_id", "meaning_old", "meaning_new", "whole_new")
    for check, old, new, whole in zip(*(both[name].tolist() for name in names), strict=True):
        if old is pd.NA or new is pd.NA:
            yield NotCompared("rules not recorded", server, check)
        elif old != new:
            yield NotCompared("check means something else", server, check)
        if whole is pd.NA or not whole:
            yield NotCompared("not read whole", server, check)


def _other_parameters(before: Lives, judged: Judged) -> Iterator[NotCompared]:
    """The checks some of whose findings were judged under other parameters than before."""
    columns = ["key", "rule"]
    both = before.findings[columns].merge(
        judged.findings[[*columns, "server", "check_id"]], on="key", suffixes=("_old", "_new")
    )
    unlike = both["rule_old"].ne(both["rule_new"]).to_numpy(dtype=bool, na_value=False)
    pairs = both.loc[unlike, ["server", "check_id"]].drop_duplicates().sort_values(["server", "check_id"])
    for server, check in zip(pairs["server"], pairs["check_id"], strict=True):
        yield NotCompared("parameters differ", str(server), str(check))
