"""What one run alone proves of its period: RPO and its gaps, the runs of the jobs, and how much of it is known.

They are the tables of a month of a history that has this run only, over the period whatever that is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from vbr_audit.checks.engine.views import views_of
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.findings.results import Results
from vbr_audit.histories import daily, evidence, month, month_rpo, protection
from vbr_audit.histories.evidence import RunTables
from vbr_audit.histories.month_parts import NO_RUN_KNOWS, NO_RUN_SAW, MonthParts, parts_of_span
from vbr_audit.tables.build.schema import Sheet, TableSpec

_REASONS: Final = {
    NO_RUN_SAW: "this run does not cover it",
    NO_RUN_KNOWS: "this run does not know all of its restore points there",
}
_NAMED: Final = ("server", "object_name")


def _of_period(spec: TableSpec, name: str, title: str, first: tuple[str, ...]) -> TableSpec:
    """The spec of a table of months for the period of a run."""
    help = spec.help.replace("the month", "the period").replace("one month", "the period")
    columns = tuple(
        replace(column, help=column.help.replace("the month", "the period").replace("in the history", "in the run"))
        for column in spec.columns
    )
    return replace(spec, name=name, help=help, columns=columns, sheet=Sheet(name=title, first=first))


RPO_SPEC: Final = _of_period(month_rpo.SPEC, "period_rpo", "RPO", (*_NAMED, "rpo_h", "covered_share", "verdict"))
GAPS_SPEC: Final = _of_period(month_rpo.GAPS_SPEC, "period_rpo_gaps", "RPO gaps", (*_NAMED, "start", "end", "hours"))
RUNS_SPEC: Final = _of_period(
    month.SPEC, "period_job_runs", "Runs due and made", ("server", "job_name", "sla", "due", "made")
)
COVERAGE_SPEC: Final = _of_period(month.COVERAGE_SPEC, "period_coverage", "Session coverage", ("server", "share"))
SPECS: Final = (RPO_SPEC, GAPS_SPEC, RUNS_SPEC, COVERAGE_SPEC)
"""The tables of a period, in the order in which a reader asks for them."""


@dataclass(frozen=True, eq=False)
class PeriodTables:
    """The tables of the period of one run, with the columns of `RPO_SPEC`, `GAPS_SPEC`, `RUNS_SPEC`, `COVERAGE_SPEC`.

    They reach up to the end of the period, or up to the server's clock where that is earlier.
    """

    rpo: pd.DataFrame
    gaps: pd.DataFrame
    runs: pd.DataFrame
    coverage: pd.DataFrame

    @property
    def by_name(self) -> dict[str, pd.DataFrame]:
        """The tables by the names of their specs."""
        frames = (self.rpo, self.gaps, self.runs, self.coverage)
        return {spec.name: frame for spec, frame in zip(SPECS, frames, strict=True)}


def period_tables(snapshot: Snapshot, results: Results) -> PeriodTables:
    """What one run proves of its own period."""
    parts = _parts(snapshot, results)
    rpo, gaps = month_rpo.rpo_of_parts(parts)
    runs, coverage = month.runs_of_parts(parts), month.coverage_of_parts(parts)
    return PeriodTables(_of_one_run(rpo), gaps, _of_one_run(runs), _of_one_run(coverage))


def _of_one_run(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with reasons that speak of this run, as there is no history."""
    return frame.assign(reason=frame["reason"].replace(_REASONS))


def _parts(snapshot: Snapshot, results: Results) -> MonthParts:
    tables = {
        evidence.SPEC.name: evidence.evidence_daily(snapshot),
        daily.SPEC.name: daily.job_runs_daily(snapshot, results),
        daily.OPEN_SPEC.name: daily.open_runs(snapshot),
        daily.CARRIED_SPEC.name: daily.carried_runs(snapshot),
        **protection.evidence_tables(snapshot, results),
    }
    run = RunTables(snapshot.manifest.run_id, snapshot.now, tables)
    clocks = [view.now for view in views_of(snapshot, frozenset())]
    end = max(min(snapshot.until, snapshot.now, *clocks), snapshot.since)
    return parts_of_span(snapshot.since, end, [run])
