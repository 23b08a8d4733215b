"""The results of a run: one object that feeds every report, so that each number is the same everywhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.analyzer.analyzer import BEST_PRACTICE
from vbr_audit.checks.derived import left_objects, object_copies, offloads, protection
from vbr_audit.checks.drift.compare import SPEC as DRIFT
from vbr_audit.checks.logic.three_valued import surely
from vbr_audit.checks.policy.policy import CheckUse
from vbr_audit.findings.changes import Changes
from vbr_audit.findings.failures import Failures
from vbr_audit.findings.gaps import Gap, Limit
from vbr_audit.findings.owners import owners_told
from vbr_audit.findings.rating import Rating
from vbr_audit.findings.requirements import no_requirements
from vbr_audit.findings.table import FINDING_SENTENCES
from vbr_audit.findings.waivers import Waiver
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.build.schema import empty
from vbr_audit.vocabulary import SEVERITIES


@dataclass(frozen=True, eq=False)
class Sentences:
    """What findings and coverage say in sentences whose values still tell what they hold: see `tables.build.naming`.

    `findings` has the columns `FINDING_SENTENCES` by finding id, `coverage` the reasons by check and server.
    """

    findings: pd.DataFrame
    coverage: pd.Series

    @classmethod
    def of(cls, findings: pd.DataFrame, coverage: pd.DataFrame) -> Sentences:
        """The sentences of findings and coverage that are not told yet."""
        ids = pd.Index(findings["finding_id"].to_numpy(dtype=object))
        return cls(
            findings[list(FINDING_SENTENCES)].set_axis(ids), coverage.set_index(["check_id", "server"])["reason"]
        )


@dataclass(frozen=True)
class Verdict:
    """The answer to "is it well?" in plain words.

    `headline` is one sentence; `detail` says whether everything was read that the checks needed. `level` is `fail`
    when something fails, else `incomplete` when a question stayed open or the reading was not whole, else `pass`.
    """

    headline: str
    detail: str
    level: Literal["fail", "incomplete", "pass"]


@dataclass(frozen=True)
class AreaCount:
    """The findings of one area by status, with its compliance and share assessed (fractions, None without findings)."""

    area: str
    counts: Mapping[str, int]
    compliance: float | None
    assessed: float | None


@dataclass(frozen=True)
class RunsBeside:
    """The runs of jobs that stand beside the finished runs of the period, so that none goes unsaid.

    `open` started in the period and had not ended when it was read. `carried_in` started before the period and ended
    later, by result, and `carried_in_open` had not ended either. `unlisted` are the finished runs of the period whose
    job no list of jobs names (it was deleted, or the API does not list its type), and the finished sessions of such
    kinds that name no job at all, by result; `unlisted_open` those that had not ended.
    """

    open: int = 0
    carried_in: Mapping[str, int] = field(default_factory=dict)
    carried_in_open: int = 0
    unlisted: Mapping[str, int] = field(default_factory=dict)
    unlisted_open: int = 0

    @property
    def lines(self) -> tuple[tuple[str, int, str], ...]:
        """What there is of each kind: its name, how many, and their results in words."""
        several = (
            ("Runs still open", self.open, ""),
            (
                "Runs carried in from before the period",
                sum(self.carried_in.values()) + self.carried_in_open,
                _results_in_words(self.carried_in, self.carried_in_open),
            ),
            (
                "Runs of jobs that no list names",
                sum(self.unlisted.values()) + self.unlisted_open,
                _results_in_words(self.unlisted, self.unlisted_open),
            ),
        )
        return tuple(line for line in several if line[1])


def _results_in_words(by_result: Mapping[str, int], running: int) -> str:
    parts = [f"{runs:,} {result.lower()}" for result, runs in by_result.items() if runs]
    return ", ".join([*parts, *([f"{running:,} still open"] if running else [])])


@dataclass(frozen=True)
class JobsFound:
    """The jobs in scope by what the server shows of them, so that the lists that it gives agree with their number.

    `with_settings` have a document, the others a state only, or backups only; `with_state` have a state, whatever else.
    `judged` have an answer of a check of jobs that applies to them; None where no such check is enabled.
    """

    with_settings: int
    by_state_only: int
    by_backups_only: int
    with_state: int
    judged: int | None

    @property
    def total(self) -> int:
        """All of them."""
        return self.with_settings + self.by_state_only + self.by_backups_only

    @property
    def sources(self) -> str:
        """How many are known by what: `41 with settings, 2 known by their state only, 1 by its backups only`."""
        states, backups = self.by_state_only, self.by_backups_only
        parts = [f"{self.with_settings:,} with settings"]
        parts += [f"{states:,} known by {_their(states)} state only"] if states else []
        parts += [f"{backups:,} {'' if states else 'known '}by {_their(backups)} backups only"] if backups else []
        return ", ".join(parts)

    @property
    def text(self) -> str:
        """The whole account, in two sentences at most."""
        silent = self.total - self.with_settings
        judged = "no check of jobs is enabled" if self.judged is None else f"{self.judged:,} judged by checks of jobs"
        lines = f"{self.total:,} job{'' if self.total == 1 else 's'}: {self.sources}; {judged}."
        if not silent and self.with_state == self.total:
            return lines
        listed = f"The server lists {self.with_settings:,} by their settings and {self.with_state:,} by their state"
        return f"{lines} {listed}{', and checks of settings have no answer for the others' if silent else ''}."


def _their(number: int) -> str:
    return "its" if number == 1 else "their"


@dataclass(frozen=True)
class Summary:
    """The numbers of a run; no report computes one of its own.

    `checks_clean` of the `checks_judged` checks with a finding that applies have no open one: none fails or has no
    answer. `jobs_found` tells how the jobs in scope are known. `compliance` is
    PASS / (PASS + FAIL + WAIVED + UNKNOWN + ERROR) and `assessed` is (PASS + FAIL + WAIVED) / the same sum, both
    fractions, None when there is nothing to divide by.
    `sessions_by_result` and `success_rate` are about the job runs (retries folded into their run, as RUN-005
    counts them) that are finished, started in the period and of a job in scope; a warning counts as success.
    `first_attempt_rate` is the same share by the first session of each of these runs, `session_rate` by all of their
    sessions; `runs_beside` are the runs that none of the three counts. `offloads_by_result` and `offload_rate` are
    about the sessions that took backups to a capacity or archive tier, started in the period and ended. What was
    not read at all is None; `jobs_whole` and `sessions_whole` say whether the numbers of jobs and sessions are whole,
    or at least so many; `success_rate` is None unless they are. `rating` is the grade of the run, by the rule of
    `vbr_audit.findings.rating`.
    """

    counts: Mapping[str, int]
    failing_by_severity: Mapping[str, int]
    by_area: tuple[AreaCount, ...]
    checks_clean: int
    checks_judged: int
    compliance: float | None
    assessed: float | None
    jobs_in_scope: int | None
    jobs_disabled: int | None
    jobs_whole: bool
    jobs_found: JobsFound
    sessions_by_result: Mapping[str, int]
    sessions_whole: bool
    success_rate: float | None
    first_attempt_rate: float | None
    session_rate: float | None
    runs_beside: RunsBeside
    offloads_by_result: Mapping[str, int]
    offload_rate: float | None
    datasets_complete: int
    datasets_total: int
    needed_complete: int
    needed_total: int
    verdict: Verdict
    rating: Rating

    @property
    def checks_share(self) -> float | None:
        """The share of the checks without an open finding; None where no check has a finding that applies."""
        return self.checks_clean / self.checks_judged if self.checks_judged else None

    @property
    def judged(self) -> int:
        """The findings that `compliance` is a share of: all but those that do not apply."""
        return sum(number for status, number in self.counts.items() if status != "NOT_APPLICABLE")


class WaiverState(StrEnum):
    """What became of a waiver in a run, the worst first; where several hold, the first is its state."""

    EXPIRED = "expired"
    TOO_LONG = "too long"
    FITS_NOTHING = "fits nothing"
    ENDS_SOON = "ends within 30 days"
    IN_FORCE = "in force"

    @property
    def meaning(self) -> str:
        """What that means for its findings."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    WaiverState.EXPIRED: "its last day is over: its findings fail again",
    WaiverState.TOO_LONG: "runs for longer than the policy allows: it accepts nothing",
    WaiverState.FITS_NOTHING: "no finding is of its check and object",
    WaiverState.ENDS_SOON: "accepts its findings for 30 days at most from now on",
    WaiverState.IN_FORCE: "accepts its findings",
}


@dataclass(frozen=True)
class WaiverOutcome:
    """One waiver with its only state; `matched` findings name it, and of those it makes `accepted` WAIVED."""

    waiver: Waiver
    state: WaiverState
    matched: int
    accepted: int


@dataclass(frozen=True)
class WaiverReport:
    """The waivers of a run by what became of them, each once, by id."""

    outcomes: tuple[WaiverOutcome, ...] = ()

    def having(self, *states: WaiverState) -> tuple[Waiver, ...]:
        """The waivers in one of `states`."""
        return tuple(one.waiver for one in self.outcomes if one.state in states)

    @property
    def active(self) -> tuple[Waiver, ...]:
        """The waivers that accept what they fit, those that end soon among them."""
        return self.having(WaiverState.IN_FORCE, WaiverState.ENDS_SOON)

    @property
    def expired(self) -> tuple[Waiver, ...]:
        """The waivers whose last day is over."""
        return self.having(WaiverState.EXPIRED)

    @property
    def unmatched(self) -> tuple[Waiver, ...]:
        """The waivers that would count, but fit no finding at all."""
        return self.having(WaiverState.FITS_NOTHING)

    @property
    def expiring_soon(self) -> tuple[Waiver, ...]:
        """The active waivers that end within 30 days."""
        return self.having(WaiverState.ENDS_SOON)

    @property
    def too_long(self) -> tuple[Waiver, ...]:
        """The waivers that accept nothing, as they run for longer than the policy allows."""
        return self.having(WaiverState.TOO_LONG)


@dataclass(frozen=True, eq=False)
class Planning:
    """What the plan of causes needs beside the findings.

    `now` is the run's clock, and `zone` that in which days are counted. `owners` are the owners of failing findings by
    finding id, as strings; one with several of them has several rows.
    """

    now: dt.datetime
    zone: dt.tzinfo
    owners: pd.Series


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that a report needs to know about what was found.

    `findings` has the columns `FINDING_COLUMNS`, worst first; `coverage` one row per server and enabled check;
    `uses` every check with its parameters, disabled ones too; `gaps` say why the run is not whole, `outside`
    what was not looked at. `requirements` has one row per framework and requirement, with `REQUIREMENT_COLUMNS`;
    `protected` one row per protected object with its 3-2-1-1-0 digits, `copies` one per place of its backups,
    `offloads` one per session that took backups to a further tier, `left` one per server and reason why objects with
    backups are of no job any more, `drift` one per setting that changed since the earlier run; they are empty where no
    enabled check asks for them. `sentences` are those of findings and coverage with each value still telling what it
    holds, from which a run without names is told.
    """

    findings: pd.DataFrame
    coverage: pd.DataFrame
    uses: tuple[CheckUse, ...]
    summary: Summary
    planning: Planning
    sentences: Sentences
    waivers: WaiverReport = field(default_factory=WaiverReport)
    gaps: tuple[Gap, ...] = ()
    outside: tuple[Limit, ...] = ()
    requirements: pd.DataFrame = field(default_factory=no_requirements)
    protected: pd.DataFrame = field(default_factory=lambda: empty(protection.SPEC))
    copies: pd.DataFrame = field(default_factory=lambda: empty(object_copies.SPEC))
    offloads: pd.DataFrame = field(default_factory=lambda: empty(offloads.SPEC))
    left: pd.DataFrame = field(default_factory=lambda: empty(left_objects.SPEC))
    drift: pd.DataFrame = field(default_factory=lambda: empty(DRIFT))
    changes: Changes | None = None
    """What became of the findings since an earlier run; None where none is at hand."""

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Why the run is not whole, one sentence each; nothing where it is."""
        return tuple(map(str, self.gaps))

    @property
    def limits(self) -> tuple[str, ...]:
        """What was not looked at, one sentence each."""
        return tuple(map(str, self.outside))

    @property
    def failed(self) -> pd.DataFrame:
        """The findings that fail and are not waived."""
        return self.findings[self.findings["status"] == "FAIL"]

    @cached_property
    def failures(self) -> Failures:
        """What is wrong, one sentence for each check that fails."""
        return Failures(self.uses, self.coverage)

    @cached_property
    def causes(self) -> pd.DataFrame:
        """What has to be changed for the failing findings to go: one row per cause, with `CAUSE_COLUMNS`."""
        opened = None if self.changes is None else self.changes.open_since
        return causes_of(self.findings, self.failures, self.planning, opened)


# The causes of what fails: one row per thing that somebody can do, with the number of findings that it settles.

CAUSE_COLUMNS: Final = (
    "cause",
    "server",
    "check_id",
    "title",
    "failure",
    "consequence",
    "kind",
    "name",
    "severity",
    "findings",
    "objects",
    "object_names",
    "remediation",
    "urgency",
    "open_since",
    "due",
    "overdue",
    "owner",
)
"""The columns of the causes, in order: text, but for the counts `findings` and `objects`, which are Int64, and
`overdue`, which is boolean.

`consequence` is what may come of it and why, in one sentence; what is wrong alone where the check says no more.
`urgency` is a word of `URGENCIES`; `open_since` is the instant in UTC since which the first of its findings has been
failing, NA where no earlier run is at hand. `due` is the day, `YYYY-MM-DD` in the zone of the run, by which it has to
be dealt with, by `DUE_DAYS`; `overdue` says whether that day is over. `owner` names who owns its machines by the site
file, NA where that names nobody.
"""
URGENCIES: Final[Mapping[str, tuple[str, ...]]] = {
    "today": ("critical",),
    "this month": ("high",),
    "later": ("medium", "low", "info"),
}
"""When a cause has to be dealt with, by the worst severity of its findings."""
DUE_DAYS: Final[Mapping[str, int]] = {"today": 1, "this month": 30, "later": 90}
"""So many days after it has begun to fail a cause is due, or after the day of the run where no earlier one is known."""
_URGENCY: Final = {severity: urgency for urgency, severities in URGENCIES.items() for severity in severities}
_CAUSE_ORDER: Final = ["worst", "many", "check_id", "server", "name", "cause"]
MOST_NAMES: Final = 5
"""Maximum number of objects of a cause that are named."""


def causes_of(
    findings: pd.DataFrame, failures: Failures, planning: Planning, opened: pd.Series | None = None
) -> pd.DataFrame:
    """One row per cause of failing, unwaived findings, with `CAUSE_COLUMNS`.

    `failure` is what is wrong there, in the words of the check for as many objects as it fails for.
    `severity` is the worst that one of its findings has, `findings` how many it would settle, `objects` how many
    objects they are about, `object_names` the first of those. The worst come first, then those of most findings.
    `opened` has, by finding id, the moment since which each has been failing; `planning` when the causes are due.
    """
    failing = findings[surely(findings["status"] == "FAIL")]
    # An item of the analyzer that shares the cause of a check does not give it its name.
    failing = failing.iloc[np.argsort(surely(failing["check_id"] == BEST_PRACTICE), kind="stable")]
    ranks = failing["severity"].map({word: rank for rank, word in enumerate(SEVERITIES)}).astype("Int64")
    groups = failing.assign(rank=ranks).groupby("cause", sort=False)
    first = groups.first()
    columns: dict[str, Any] = {name: first[name].array for name in ("server", "check_id", "title", "remediation")}
    columns |= {"kind": first["cause_kind"].array, "name": first["cause_name"].array}
    columns |= _told(failing, first, failures)
    columns["cause"] = pd.array(first.index.to_numpy(dtype=object), dtype=STRING)
    worst = groups["rank"].min().to_numpy(dtype=int)
    columns["severity"] = pd.array([SEVERITIES[rank] for rank in worst], dtype=STRING)
    columns["findings"] = groups.size().astype("Int64").array
    columns["objects"] = _objects(failing, groups).reindex(first.index).astype("Int64").array
    columns["object_names"] = _named_objects(failing).reindex(first.index).astype(STRING).array
    columns["urgency"] = pd.array([_URGENCY[SEVERITIES[rank]] for rank in worst], dtype=STRING)
    since = _open_since(failing, first.index, opened)
    columns["open_since"] = since.dt.strftime("%Y-%m-%dT%H:%M:%SZ").astype(STRING).array
    columns |= _due(since, columns["urgency"], planning)
    columns["owner"] = _owners(failing, planning.owners).reindex(first.index).astype(STRING).array
    frame = pd.DataFrame({name: columns[name] for name in CAUSE_COLUMNS})
    order = pd.DataFrame({"worst": worst, "many": -frame["findings"].to_numpy(dtype=int)})
    order[["check_id", "server", "name", "cause"]] = frame[["check_id", "server", "name", "cause"]]
    return frame.take(order.sort_values(_CAUSE_ORDER, kind="stable").index.to_numpy()).reset_index(drop=True)


def _open_since(failing: pd.DataFrame, causes: pd.Index, opened: pd.Series | None) -> pd.Series:
    """Since when the first finding of each cause has been failing, in UTC; NaT where that is not known."""
    if opened is None:
        return pd.Series(pd.NaT, index=causes, dtype="datetime64[us, UTC]")
    moments = opened.reindex(failing["finding_id"]).groupby(failing["cause"].to_numpy(dtype=object))
    since: pd.Series = pd.to_datetime(moments.min().reindex(causes), utc=True)
    return since


def _due(since: pd.Series, urgency: Any, planning: Planning) -> dict[str, Any]:
    """By which day each cause is due, and whether that is over, by days of the run's zone."""
    today = planning.now.astimezone(planning.zone).date()
    begun = [today if pd.isna(moment) else moment.tz_convert(planning.zone).date() for moment in since]
    days = [first + dt.timedelta(days=DUE_DAYS[word]) for first, word in zip(begun, urgency, strict=True)]
    return {
        "due": pd.array([day.isoformat() for day in days], dtype=STRING),
        "overdue": pd.array([day < today for day in days], dtype="boolean"),
    }


def _owners(failing: pd.DataFrame, owners: pd.Series) -> pd.Series:
    """Who owns the machines of each cause; no row for one of which nobody is known."""
    causes = dict(zip(failing["finding_id"], failing["cause"], strict=True))
    by_cause: dict[Any, list[str]] = {}
    for finding, owner in owners.items():
        by_cause.setdefault(causes.get(finding), []).append(owner)
    return pd.Series({cause: owners_told(names) for cause, names in by_cause.items()}, dtype=object)


def _told(failing: pd.DataFrame, first: pd.DataFrame, failures: Failures) -> dict[str, Any]:
    """What is wrong at each cause, and what may come of it: by its own check, not by the items that share it."""
    sizes = failing.groupby(["cause", "check_id"]).size()
    rows = zip(first.index, first["check_id"], first["title"], strict=True)
    given = [(check_id, int(sizes[cause, check_id]), title) for cause, check_id, title in rows]
    wrong = [failures.alone(check_id, failing) or title for check_id, failing, title in given]
    told = [failures.told_alone(check_id, failing) or title for check_id, failing, title in given]
    return {"failure": pd.array(wrong, dtype=STRING), "consequence": pd.array(told, dtype=STRING)}


def _objects(failing: pd.DataFrame, groups: Any) -> pd.Series:
    """How many objects the findings of each cause are about; one without an id is one of its own."""
    known = groups["object_id"].nunique()
    nameless = failing.loc[failing["object_id"].isna(), "cause"].value_counts()
    total: pd.Series = known.add(nameless.reindex(known.index, fill_value=0))
    return total


def _named_objects(failing: pd.DataFrame) -> pd.Series:
    """The names of the first objects of each cause, joined by commas; an ellipsis stands for further ones."""
    named = failing.loc[failing["object_name"].notna(), ["cause", "object_name"]].drop_duplicates()
    place = named.groupby("cause", sort=False).cumcount()
    shown = named[place <= MOST_NAMES]
    names = shown["object_name"].astype(object).where(place[place <= MOST_NAMES] < MOST_NAMES, "…")
    # Not by `agg`, which infers a dtype: with pyarrow installed, one that cannot hold a lone surrogate.
    joined = {cause: ", ".join(group) for cause, group in names.groupby(shown["cause"], sort=False)}
    return pd.Series(joined, dtype=object)
