"""The year of the demonstration: a run for each month of a simulated server, and what it was judged by then."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from vbr_audit.cli.cmd_audit import AuditOrder, collect_from, run_order, take_order
from vbr_audit.cli.judging import JudgedBy
from vbr_audit.errors import ConfigurationError
from vbr_audit.fleets.servers_file import Server

if TYPE_CHECKING:
    from vbr_audit.checks.own.own_checks import OwnChecks
    from vbr_audit.rules import Rules

HISTORY = "history"
"""The folder, in that of the demonstration, which holds the runs of all months."""

Simulated: TypeAlias = Callable[[int], AbstractContextManager[Server]]
"""Starts the server as it stood after a month."""

_POLICY = """\
# The policy of the demonstration: what is asked of the estate in this month.
version: 1
extends: default
checks:
"""
_BEFORE_ALL = -24
_ASKED: tuple[tuple[int, int, str], ...] = (
    (_BEFORE_ALL, -1, "SEC-016: {enabled: false, reason: syslog over TLS comes with the new monitoring}"),
    (-5, 0, "RUN-005: {params: {min_rate: 0.95}}"),
    (0, 0, "SEC-008: {params: {max_age_days: 180}}"),
)
"""Rules of the policy, each with the first and the last month in which it is there."""

_OWN_RULE = """\
# A rule of the demonstration's own company, as it was in this month.
version: 1
rules:
  - id: HANSA-001
    title: Daily jobs start outside office hours
    severity: low
    table: jobs
    control: schedule_daily_time
    op: regex
    value: "(1[89]|2[0-3]|0[0-6]):.*"
    where:
      - {control: schedule_daily_enabled, op: eq, value: true}
%s    rationale: In office hours the network belongs to the people who work.
    remediation: "Job > Schedule: let the job start from 18:00 on, and before 07:00."
    expected: from 18:00 to 06:59
    failure: "{starts|start} in office hours"
"""
_ONLY_VSPHERE = "      - {column: type, op: eq, value: VSphereBackup}\n"
"""What the rule was narrowed to until the last month: since then it means all jobs."""


@dataclasses.dataclass(frozen=True)
class _Accepted:
    """A finding that somebody accepted; its days are given as a month and so many days before the end of that."""

    check: str
    object_name: str
    reason: str
    created: tuple[int, int]
    expires: tuple[int, int]


_WAIVERS = (
    _Accepted("JOB-008", "Laptops - Sales", "the disks themselves are encrypted", (-6, 12), (0, -150)),
    _Accepted("JOB-008", "Media archive bucket", "published material only", (-9, 20), (0, 12)),
    _Accepted("JOB-001", "Migration wave 3", "the migration goes on in the new year", (0, 5), (0, -90)),
)


@dataclasses.dataclass(frozen=True)
class YearOrder:
    """A year as ordered: its last run, and what the user gave to judge all of them by."""

    last: AuditOrder
    rules: JudgedBy
    now: dt.datetime

    @property
    def history(self) -> Path:
        """The folder with the runs."""
        return self.last.out / HISTORY

    def rules_in(self, month: int) -> Rules:
        """What a month is judged by, read and checked."""
        from vbr_audit.rules import Rules

        return Rules.load(**_rules_in(month, self.rules, self.now))

    def compared(self, rules: Rules) -> Rules:
        """The same rules, compared with the months before if any of them has a run."""
        from vbr_audit.histories.baseline import Baseline

        return dataclasses.replace(rules, baseline=Baseline(self.history)) if self.history.is_dir() else rules

    def report(self, line: str) -> None:
        """Print a line to stdout, unless quiet."""
        if not self.last.quiet:
            typer.echo(line)


def take_year(out: Path, rules: JudgedBy, now: dt.datetime, **writing: Any) -> YearOrder:
    """Read and check everything that the user gave; `writing` says how the last run is written.

    Raises `ConfigurationError` for a folder with a history, which is never written over, and for a scrubbed year.
    """

    if writing["scrub_key"] is not None:
        raise ConfigurationError(
            "--months cannot be combined with --scrub: the runs of a history keep their names",
            hint="Leave out one of the two; the names of the demonstration are invented.",
        )
    if (out / HISTORY).exists():
        raise ConfigurationError(
            f"{out / HISTORY} already exists, and the runs of a history are not written over",
            hint="Choose another folder with --out.",
        )
    last = take_order(out, _rules_in(0, rules, now), allow_incomplete=True, **writing)
    # When the last run is written, the folder is not empty any more: the history is in it.
    return YearOrder(dataclasses.replace(last, force=True, history=out / HISTORY), rules, now)


def run_year(order: YearOrder, months: int, simulated: Simulated, terms: dict[str, Any]) -> None:
    """Write a run for each of so many months, the last one as it was ordered; ends in an exit code."""
    from vbr_audit.simulator.year import MISSING, month_name

    names = {month: month_name(order.now, month) for month in range(1 - months, 1)}
    for month, name in list(names.items())[:-1]:
        if month in MISSING:
            order.report(f"{name}: no run")
            continue
        with simulated(month) as server:
            order.report(f"{name}: {_write_month(order, month, server, {**terms, 'month': name})}")
    last = dataclasses.replace(order.last, rules=order.compared(order.last.rules))
    with simulated(0) as server:
        run_order(last, (server,), {**terms, "month": names[0], "policy": last.rules.policy})


def _write_month(order: YearOrder, month: int, server: Server, terms: dict[str, Any]) -> str:
    """Read and judge one month and add its run to the history; return in a few words what it found."""
    from vbr_audit.display import count
    from vbr_audit.histories.adding import add_to_history
    from vbr_audit.pipeline import judge

    rules = order.rules_in(month)
    snapshot = collect_from((server,), {**terms, "policy": rules.policy}, quiet=True)
    audit = judge(snapshot, order.compared(rules))
    with TemporaryDirectory(prefix=".vbr-audit-", dir=order.last.out) as folder:
        audit.save(folder, formats=("json",))
        add_to_history(order.history, Path(folder), audit.snapshot, audit.results)
    snapshot.close()
    gaps = len(audit.context.gaps)
    return count(len(audit.failed), "failing finding") + (f", {count(gaps, 'gap')}" if gaps else "")


def _rules_in(month: int, rules: JudgedBy, now: dt.datetime) -> JudgedBy:
    """What a month is judged by: what the user gave, else what the script of the year has for it."""
    given = dict(rules)
    if given["policy"] is None:
        given["policy"] = policy_in(month)
    if given["waivers"] is None:
        given["waivers"] = waivers_in(month, now)
    if given["checks"] is None:
        given["checks"] = own_checks_in(month)
    return given


def own_checks_in(month: int) -> OwnChecks:
    """The company's own rule, beside the shipped checks, as it was in a month: its last edit made it mean more."""
    from vbr_audit.checks.own.own_checks import known_checks

    with TemporaryDirectory() as folder:
        Path(folder, "hansa.yaml").write_text(_OWN_RULE % ("" if month == 0 else _ONLY_VSPHERE), encoding="utf-8")
        return known_checks(folder)


def policy_in(month: int) -> str:
    """The policy that was in force in a month."""
    rules = [rule for first, last, rule in _ASKED if first <= month <= last]
    return _POLICY + "".join(f"  {rule}\n" for rule in rules)


def waivers_in(month: int, now: dt.datetime) -> str:
    """The waivers that had been given by the end of a month, those among them that had ended, too."""
    from vbr_audit.simulator.year import month_end

    def day(when: tuple[int, int]) -> dt.date:
        return (month_end(now, when[0]) - dt.timedelta(days=when[1])).date()

    lines = [
        f"  - {{id: W-{number}, check: {each.check}, object_name: {each.object_name}, owner: j.brandt, "
        f"approved_by: s.meier, reason: {each.reason}, created: {day(each.created)}, expires: {day(each.expires)}}}\n"
        for number, each in enumerate(_WAIVERS, 1)
        if day(each.created) <= month_end(now, month).date()
    ]
    head = "# The exceptions of the demonstration.\nversion: 1\nwaivers:"
    return f"{head}\n{''.join(lines)}" if lines else f"{head} []\n"
