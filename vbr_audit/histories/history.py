"""A history in a notebook: its runs, what became of their findings, and what their tables show together."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from vbr_audit.checks.drift.compare import SPEC as DRIFT
from vbr_audit.checks.drift.register import load_register
from vbr_audit.display import count, plain, time_zone
from vbr_audit.errors import EvidenceError
from vbr_audit.findings.changes import Changes, EarlierRun, Known, changes_since
from vbr_audit.findings.compared import ASKED_SPEC, FINDINGS_SPEC
from vbr_audit.findings.lifecycle import LIVES_SPEC
from vbr_audit.histories import capacities, month_rpo, restores
from vbr_audit.histories.adding import RUN_SPECS
from vbr_audit.histories.archive import Archive, Entry, Problem, months_without_run, open_archive, verify_runs
from vbr_audit.histories.baseline import kept_settings
from vbr_audit.histories.change_events import attributed_drift, load_events
from vbr_audit.histories.evidence import RunTables
from vbr_audit.histories.month import coverage_of_month, runs_of_month
from vbr_audit.histories.run_records import COUNT_NAMES, NUMBERS
from vbr_audit.histories.sampling import samples_in
from vbr_audit.histories.seal_checks import NOTHING_KNOWN, SealReport, Trust, check_seals
from vbr_audit.histories.sql import demand_duckdb, select
from vbr_audit.histories.stored import PARQUET, arrow_table, to_arrow_table
from vbr_audit.histories.trends import TREND_SPEC, trend_of
from vbr_audit.notebook import Grid, Headline, Line, fragment
from vbr_audit.tables.build.schema import Column, TableSpec, conform, empty

_SHOWN: Final = (
    *("level", "rating", *COUNT_NAMES["failing"], *COUNT_NAMES["causes"], "compliance", "assessed", "success_rate"),
    *("protected_share", "used_bytes", "capacity_bytes", "gaps"),
)
"""The numbers of a run that the table of runs has."""
RUNS_SPEC: Final = TableSpec(
    name="runs",
    key=("run_id",),
    help="One row per run of a history, in the order of their clocks; those that were pruned are there with their "
    "numbers.",
    columns=(
        Column("run_id", "string", "The id of the run.", holds="digest"),
        Column("folder", "string", "Its folder in the history.", holds="kept"),
        Column("now", "datetime", "The clock of the run."),
        Column("since", "datetime", "The first instant of its period."),
        Column("until", "datetime", "The first instant after its period."),
        Column("timezone", "string", "The zone of period and report.", holds="kept"),
        Column("servers", "string", "The names of its servers.", holds="server"),
        Column("policy_name", "string", "The policy that it was judged by.", holds="file"),
        Column("policy", "string", "A digest of all that it was judged by.", holds="digest"),
        Column("scope", "string", "The pattern of jobs that it was narrowed to; empty for all.", holds="prose"),
        Column("tool_version", "string", "The version of vbr-audit.", holds="kept"),
        *(NUMBERS[name] for name in _SHOWN),
        Column("policy_changed", "boolean", "It was judged by other rules than the run before it."),
        Column("is_pruned", "boolean", "Only its numbers are left."),
        Column("is_pinned", "boolean", "It is never pruned."),
    ),
)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class History:
    """The runs of a history, as they stood when it was opened; what is not as it was written is in `problems`.

    Every method answers a documented DataFrame. Nothing is asked of a backup server.
    """

    archive: Archive

    @property
    def folder(self) -> Path:
        """The folder of the history."""
        return self.archive.folder

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The folders that are left out, each with the reason."""
        return self.archive.problems

    @property
    def missing_months(self) -> tuple[str, ...]:
        """The months between the first and the last run about which no run is, as YYYY-MM."""
        return tuple(months_without_run(self.archive))

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per run, with the columns of `RUNS_SPEC`."""
        return _runs_frame(self.archive)

    def findings(self, run: str | None = None) -> pd.DataFrame:
        """What a run found, the newest unless `run` names another by its id, its folder or its month."""
        return self._run(run).table(FINDINGS_SPEC)

    def state(self, run: str | None = None) -> pd.DataFrame:
        """What is known of each finding after the newest run of its server, or after `run`: its state, since when.

        `days_open` is how long what is open has been failing, up to that run.
        """
        if run is not None:
            return self.archive.lives_after(self._run(run)).aged
        ids = sorted({each.server_id for entry in self.archive.ever for each in entry.record.servers})
        return self.archive.lives_before(ids, _LAST).aged

    def changes(self, run: str | None = None) -> Changes | None:
        """What became of the findings in a run, the newest unless `run` names another, since the run before it.

        None where no run before it is about its servers: there is nothing to compare with.
        """
        entry = self._run(run)
        before, ids = self._before(entry)
        if not before:
            return None
        known = Known(
            EarlierRun.of(before[-1].record),
            self.archive.lives_before(ids, entry.record.order),
            tuple(map(str, self.problems)),
        )
        return changes_since(known, entry.judged())

    def trend(self, run: str | None = None) -> pd.DataFrame:
        """One row per month up to a run, the newest unless `run` names another: the latest run about each month.

        Only runs about the same servers and jobs are points of it. Columns: `vbr_audit.histories.trends.TREND_SPEC`; a
        month without a run is NA, and `is_missing`. Empty for a history without runs.
        """
        if run is None and not self.archive.ever:
            return empty(TREND_SPEC)
        last = self.archive.ever[-1] if run is None else self._run(run)
        return trend_of((entry.record for entry in self.archive.ever), last.record).frame

    def drift(
        self,
        run: str | None = None,
        *,
        events: str | Path | Iterable[str | Path] | None = None,
        change_register: str | Path | None = None,
    ) -> pd.DataFrame:
        """One row per setting that changed in a run, the newest unless `run` names another, since the run before it.

        Columns: `vbr_audit.checks.drift.compare.SPEC`. None where no run before it read the same servers. Files of
        VBR's `events` say who changed the settings, a `change_register` which changes were approved. Raises
        `ConfigurationError`, naming file and line, where one of these is damaged.
        """
        given, register = load_events(events), load_register(change_register)
        entry = self._run(run)
        before = [each for each in self._before(entry)[0] if not each.is_pruned]
        old, new = kept_settings(before[-1]) if before else None, kept_settings(entry)
        if old is None or new is None:
            return empty(DRIFT)
        return attributed_drift(old, new, time_zone(entry.record.timezone), given, register)

    def rpo(self, month: str) -> pd.DataFrame:
        """One row per protected object: how much of a month a restore point within its RPO covers.

        What no run knows is NA, with the hours that are unknown beside. Columns: `month_rpo.SPEC`.
        """
        return month_rpo.rpo_of_month(month, self._zone(), self._run_tables())[0]

    def rpo_gaps(self, month: str) -> pd.DataFrame:
        """One row per time of a month in which an object had no point within its RPO (`month_rpo.GAPS_SPEC`)."""
        return month_rpo.rpo_of_month(month, self._zone(), self._run_tables())[1]

    def job_runs(self, month: str) -> pd.DataFrame:
        """One row per job: runs that were due, made, missed or overlapped in a month, and their ends (`month.SPEC`)."""
        return runs_of_month(month, self._zone(), self._run_tables())

    def coverage(self, month: str) -> pd.DataFrame:
        """One row per server: how much of a month the runs know (`month.COVERAGE_SPEC`)."""
        return coverage_of_month(month, self._zone(), self._run_tables())

    def restore_tests(self) -> pd.DataFrame:
        """One row per object or job with restore tests in the year before the newest run (`restores.YEAR_SPEC`)."""
        return restores.restore_tests_of_year(self._run_tables())

    def samples(self) -> pd.DataFrame:
        """The free space of the repositories over time: of every run, and of every sample (`capacities.CAPACITY`)."""
        frames = [entry.table_or_empty(capacities.CAPACITY) for entry in self.archive.runs]
        frames.append(samples_in(self.folder))
        return _joined(frames, capacities.CAPACITY).sort_values(
            ["server_id", "repository_id", "taken_at"], kind="stable", ignore_index=True
        )

    def capacity(self, *, now: dt.datetime | None = None) -> pd.DataFrame:
        """One row per repository: in how many days it is full at the pace of its samples, or why nobody knows.

        Needs scipy, of the extra `history`. `now` is the clock of the newest run, unless given.
        """
        moment = now or (self.archive.runs[-1].record.now if self.archive.runs else dt.datetime.now(dt.UTC))
        return capacities.days_to_full(self.samples(), now=moment)

    def sql(self, query: str, *, most_rows: int | None = None) -> pd.DataFrame:
        """The answer to one SELECT over the runs; needs duckdb and pyarrow, of the extra `history`.

        With `most_rows`, only so many of its rows are taken, and one more where there are others.
        The tables are `runs` and those of each run (`findings`, `state`, `asked`, `capacity`, `job_runs_daily`,
        `protection_daily`, `settings` …), each with `run_id` and `run_now` in front. Moments are in UTC. Raises
        `ConfigurationError` for anything but one SELECT.
        """
        demand_duckdb()
        tables = {spec.name: self._arrow(spec) for spec in (FINDINGS_SPEC, ASKED_SPEC, LIVES_SPEC, *RUN_SPECS)}
        return select(query, {"runs": to_arrow_table(self.runs, RUNS_SPEC), **tables}, most_rows=most_rows)

    def verify(self, trust: Trust = NOTHING_KNOWN) -> list[Problem]:
        """All that is not as it was written, the evidence included, or not as it was sealed; nothing where all holds.

        `trust` is what the seals are checked by: keys, certificates of time authorities, an anchor.
        """
        return [*self.changed_files(), *self.seals(trust).problems]

    def changed_files(self) -> list[Problem]:
        """All that is not as it was written, the evidence included; nothing where all holds."""
        return verify_runs(self.archive)

    def seals(self, trust: Trust = NOTHING_KNOWN) -> SealReport:
        """What the seals of the history show, and what they do not."""
        return check_seals(self.folder, trust)

    def _run(self, name: str | None) -> Entry:
        if name is not None:
            return self.archive.find(name)
        if not self.archive.runs:
            raise EvidenceError(f"{self.folder} has no run", hint="`vbr-audit history add` adds one.")
        return self.archive.runs[-1]

    def _before(self, entry: Entry) -> tuple[tuple[Entry, ...], list[str]]:
        """The runs before another about its servers, and the ids of those."""
        ids = sorted({each.server_id for each in entry.record.servers})
        return self.archive.before(entry.record.order, ids), ids

    def _zone(self) -> dt.tzinfo:
        return time_zone(self._run(None).record.timezone)

    def _run_tables(self) -> list[RunTables]:
        """The tables of every run, each read when it is asked for."""
        return [RunTables(entry.record.run_id, entry.record.now, _Lazy(entry)) for entry in self.archive.runs]

    def _arrow(self, spec: TableSpec) -> Any:
        """A table of all runs as one Arrow table."""
        import pyarrow as pa

        parts = []
        for entry in self.archive.runs:
            name = entry.table_file(spec.name)
            if name is None:
                continue
            content = entry.content(name)
            own = (
                arrow_table(f"{entry.path.name}/{name}", content, spec)
                if name.endswith(PARQUET)
                else to_arrow_table(entry.table(spec), spec)
            )
            run_id = pa.array([entry.record.run_id], pa.string()).take(pa.array([0] * len(own), pa.int64()))
            moment = pa.array([entry.record.now], pa.timestamp("us", tz="UTC")).take(
                pa.array([0] * len(own), pa.int64())
            )
            parts.append(own.add_column(0, "run_now", moment).add_column(0, "run_id", run_id))
        if parts:
            return pa.concat_tables(parts)
        columns = (Column("run_id", "string", "", holds="digest"), Column("run_now", "datetime", ""), *spec.columns)
        wide = TableSpec(spec.name, spec.key, columns, spec.help)
        return to_arrow_table(empty(wide), wide)

    def __repr__(self) -> str:
        left = f", {count(len(self.problems), 'folder')} left out" if self.problems else ""
        return f"<History of {count(len(self.archive.runs), 'run')} in {plain(self.folder)}{left}>"

    def _repr_html_(self) -> str:
        recent = self.runs.tail(12)
        rows = tuple(
            (
                f"{row.now:%Y-%m-%d}",
                plain(row.servers),
                plain(row.level),
                str(row.failing_critical),
                str(row.failing_high),
            )
            for row in recent.itertuples(index=False)
        )
        lines = [Line(f"Left out: {problem}") for problem in self.problems]
        lines += [Line(f"No run about {month}") for month in self.missing_months]
        grid = Grid(("Run", "Servers", "Verdict", "Critical", "High"), rows)
        headline = Headline(f"{count(len(self.archive.runs), 'run')} in {plain(self.folder)}")
        return fragment([headline, *lines, grid])


_LAST: Final = (dt.datetime.max.replace(tzinfo=dt.UTC), "~")


class _Lazy(Mapping[str, pd.DataFrame]):
    """The tables of a run by name, each read from its file when it is first asked for."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._specs = {spec.name: spec for spec in RUN_SPECS if entry.table_file(spec.name) is not None}
        self._read: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._read:
            self._read[name] = self._entry.table(self._specs[name])
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)


def open_history(folder: str | Path) -> History:
    """The history in `folder`; raises `ConfigurationError` where there is none."""
    return History(open_archive(folder))


def _runs_frame(archive: Archive) -> pd.DataFrame:
    """The table of the runs, with the columns of `RUNS_SPEC`."""
    rows = [
        {
            **entry.record.row,
            "servers": ", ".join(server.name for server in entry.record.servers),
            "folder": entry.path.name,
            "is_pruned": entry.is_pruned,
            "is_pinned": entry.record.run_id in archive.pinned,
        }
        for entry in archive.ever
    ]
    data = {name: [row.get(name) for row in rows] for name in RUNS_SPEC.names}
    frame = conform(data, RUNS_SPEC)[0]
    changed = frame["policy"].ne(frame["policy"].shift()) & frame["policy"].shift().notna()
    return frame.assign(policy_changed=changed.astype("boolean"))


def _joined(frames: list[pd.DataFrame], spec: TableSpec) -> pd.DataFrame:
    kept = [frame for frame in frames if len(frame)]
    return pd.concat(kept, ignore_index=True) if kept else empty(spec)
