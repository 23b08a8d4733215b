"""A snapshot: the tables and the evidence of one or several servers for one period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pandas as pd

from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, Manifest, RunRecord
from vbr_audit.datasets import SPECS, is_never_offered
from vbr_audit.display import count, number, period_text, plain, shorten, time_zone
from vbr_audit.notebook import Grid, Headline, Line, fragment, row_size
from vbr_audit.tables import job_runs
from vbr_audit.tables.build.schema import conform, empty

if TYPE_CHECKING:
    from vbr_audit.collection.evidence import EvidenceFile
    from vbr_audit.collection.manifest import DatasetRecord
    from vbr_audit.collection.row_positions import Positions


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The tables of one or several servers for one period, with the manifest that says how whole they are.

    `tables` maps each name of `vbr_audit.datasets.SPECS` to a DataFrame with that table's columns and dtypes;
    each is also an attribute (`snapshot.jobs`, `snapshot.repositories`). `evidence` maps a server's name to its
    file of answers, `positions` to where the rows of the tables stand there. `as_read` has the tables as they were made
    of the evidence, whatever became of `tables` since (`untouched`); none of a snapshot of ready-made frames.
    """

    manifest: Manifest
    tables: Mapping[str, pd.DataFrame]
    evidence: Mapping[str, EvidenceFile] = field(default_factory=dict, repr=False)
    positions: Mapping[str, Positions] = field(default_factory=dict, repr=False)
    as_read: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    @property
    def jobs(self) -> pd.DataFrame:
        """One row per job, with its settings under their canonical names."""
        return self.tables["jobs"]

    @property
    def job_settings(self) -> pd.DataFrame:
        """One row per job and setting, with the JSON path that it was read from."""
        return self.tables["job_settings"]

    @property
    def job_states(self) -> pd.DataFrame:
        """One row per job, as the server last saw it run."""
        return self.tables["job_states"]

    @property
    def sessions(self) -> pd.DataFrame:
        """One row per session created in the period."""
        return self.tables["sessions"]

    @cached_property
    def job_runs(self) -> pd.DataFrame:
        """One row per run of a job, its retries folded into it; made of `sessions` and `edge_sessions`."""
        return job_runs.of_period(self.all_job_runs)

    @cached_property
    def all_job_runs(self) -> pd.DataFrame:
        """The rows of `job_runs`, and the runs beyond the edges of the period."""
        return job_runs.derive_all(self.all_sessions, self.jobs, since=self.since, until=self.until)

    @property
    def all_sessions(self) -> pd.DataFrame:
        """The rows of `sessions` and, after them, of `edge_sessions`."""
        return job_runs.joined(self.tables["sessions"], self.tables["edge_sessions"])

    @property
    def session_history(self) -> pd.DataFrame:
        """One row per server: the oldest session that it still keeps."""
        return self.tables["session_history"]

    @property
    def servers(self) -> pd.DataFrame:
        """One row per server: build, revision, account, clock."""
        return self.tables["servers"]

    @property
    def datasets(self) -> pd.DataFrame:
        """One row per server and dataset: what was asked, what came, what did not."""
        return self.tables["datasets"]

    @cached_property
    def server_names(self) -> tuple[str, ...]:
        """The servers of all tables: those of the manifest, then any other that a table names."""
        names = dict.fromkeys(record.name for record in self.manifest.servers)
        names |= dict.fromkeys(record.server for record in self.manifest.datasets)
        for frame in self.tables.values():
            if len(frame) and "server" in frame and not _are_all_of(frame["server"], names):
                names |= dict.fromkeys(frame["server"].unique().tolist())
        return tuple(name for name in names if isinstance(name, str))

    @property
    def now(self) -> dt.datetime:
        """The run's clock: the server's time at collection."""
        return self.manifest.run.now

    @property
    def since(self) -> dt.datetime:
        """The first instant of the period."""
        return self.manifest.run.since

    @property
    def until(self) -> dt.datetime:
        """The first instant after the period."""
        return self.manifest.run.until

    @property
    def timezone(self) -> str:
        """The zone of period and report: an IANA name, or a fixed offset such as `UTC+02:00`."""
        return self.manifest.run.timezone

    @property
    def jobs_pattern(self) -> str | None:
        """The glob that narrows the jobs in scope, or None."""
        return self.manifest.run.jobs_pattern

    @property
    def is_complete(self) -> bool:
        """Whether every dataset that was asked for, and that the server offers in any revision, was read whole."""
        return not self.manifest.interrupted and not unread(self.manifest)

    def save(self, folder: str | Path, *, force: bool = False, unwritten: Iterable[str] = ()) -> Path:
        """Write manifest and evidence to `folder`, so that `load` gives this snapshot again; return the folder.

        `unwritten` are the formats of reports that are to follow: until they do, `verify` calls the run unfinished.
        """
        from vbr_audit.collection.run_folder import save_snapshot

        return save_snapshot(self, Path(folder), force=force, unwritten=unwritten)

    def close(self) -> None:
        """Let go of the temporary evidence; the tables stay usable."""
        for file in self.evidence.values():
            file.discard()

    def __getattr__(self, name: str) -> pd.DataFrame:
        """The table `name`."""
        tables = self.__dict__.get("tables", {})
        if name in tables:
            return cast(pd.DataFrame, tables[name])
        raise AttributeError(f"a snapshot has no table {name!r}; it has {', '.join(tables)}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.tables})

    def _repr_html_(self) -> str:
        return snapshot_html(self.manifest, jobs=len(self.jobs), sessions=len(self.sessions))

    def __repr__(self) -> str:
        rows = ", ".join(f"{name}={len(frame):,}" for name, frame in self.tables.items() if name in _SHOWN)
        names = ", ".join(server.name for server in self.manifest.servers) or "no server"
        lacking = [f"{record.name} {record.status}" for record in unread(self.manifest)]
        state = ("interrupted; " if self.manifest.interrupted else "") + (", ".join(lacking) or "all read whole")
        days = period_text(self.since, self.until, time_zone(self.timezone), self.timezone)
        return f"<Snapshot of {plain(names)}: {days}, {rows}, {state}>"

    @classmethod
    def from_tables(
        cls,
        tables: Mapping[str, pd.DataFrame],
        *,
        now: dt.datetime,
        since: dt.datetime,
        until: dt.datetime,
        manifest: Manifest | None = None,
    ) -> Snapshot:
        """A snapshot of ready-made frames; tables that are not given are empty, provenance comes from `manifest`."""
        if manifest is None:
            run = RunRecord(
                now=now,
                since=since,
                until=until,
                timezone="UTC",
                timezone_source="given",
                tool_version="0",
            )
            manifest = Manifest(run=run)
        frames = {name: tables[name] if name in tables else empty(spec) for name, spec in SPECS.items()}
        frames |= provenance_tables(manifest)
        frames |= dict(tables)
        return cls(manifest=manifest, tables=frames)


_SHOWN = ("jobs", "job_states", "sessions")


def _are_all_of(servers: pd.Series, names: Mapping[str, None]) -> bool:
    """Whether there is but one server, and all rows are its own: sooner told than which names there are."""
    return len(names) == 1 and servers.to_numpy(dtype=object).tolist().count(*names) == len(servers)


def untouched(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The same tables over the same cells, which stay as they are when somebody writes into the given ones.

    That is a promise of pandas from version 3 on; before it, there are none.
    """
    return {name: frame.copy(deep=False) for name, frame in tables.items()} if _COPIES_ON_WRITE else {}


_COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3


def provenance_tables(manifest: Manifest) -> dict[str, pd.DataFrame]:
    """The manifest's servers and datasets as the tables `servers` and `datasets`."""
    servers = [record.model_dump(mode="json") | {"server": record.name} for record in manifest.servers]
    datasets = [
        record.model_dump(mode="json")
        | {
            "query": "&".join(f"{key}={value}" for key, value in record.query.items()),
            "naive_dates": sum(record.notes.get("naive_dates", {}).values()),
            "assumed_dates": sum(record.notes.get("assumed_dates", {}).values()),
            "impossible_dates": sum(record.notes.get("dates_out_of_range", {}).values()),
        }
        for record in manifest.datasets
    ]
    return {"servers": _frame("servers", servers), "datasets": _frame("datasets", datasets)}


def _frame(name: str, records: list[dict[str, object]]) -> pd.DataFrame:
    spec = SPECS[name]
    frame, _ = conform({column.name: [r.get(column.name) for r in records] for column in spec.columns}, spec)
    return frame


# How a snapshot shows itself in a notebook: what was read, and how whole it is.

_MOST_RECORDS = 80
_HTML_ROOM = 17_000


def snapshot_html(manifest: Manifest, *, jobs: int, sessions: int) -> str:
    """A small table of the datasets of a snapshot, escaped, without script, at most 20 kB; how many rows it has."""
    records = manifest.datasets
    rows = list(_fitting(_record_rows(_most_telling(records))))
    run = manifest.run
    days = period_text(run.since, run.until, time_zone(run.timezone), run.timezone)
    lacking = len(unread(manifest))
    part = f"{lacking} of {count(len(records), 'dataset')} not read whole"
    state = part if lacking or manifest.interrupted else "all read whole"
    sizes = f"{count(jobs, 'job')}, {count(sessions, 'session')} in the period"
    hidden = len(records) - len(rows)
    more = f"; {count(hidden, 'more dataset is', 'more datasets are')} not shown" if hidden else ""
    table = Grid(("Server", "Dataset", "Status", "Rows", "Why"), rows)
    return fragment([Headline(f"Snapshot, {days}: {state}"), Line(sizes + more), table])


def _most_telling(records: list[DatasetRecord]) -> list[DatasetRecord]:
    """The records to show, in their order: those that were not read whole before the others."""
    order = sorted(range(len(records)), key=lambda at: (records[at].status == "complete", at))
    return [records[at] for at in sorted(order[:_MOST_RECORDS])]


def _record_rows(records: list[DatasetRecord]) -> Iterator[tuple[str, ...]]:
    for record in records:
        yield (
            shorten(record.server, 60),
            record.name,
            f"{'✓' if record.status == 'complete' else '✕'} {record.status}",
            number(record.rows_kept),
            shorten(record.reason, 160) if record.reason else "",
        )


def _fitting(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The first of `rows`, as many as fit into a small page; a hostile name may grow sixfold when it is escaped."""
    room = _HTML_ROOM
    for row in rows:
        room -= row_size(row)
        if room < 0:
            return
        yield row


def outcome_line(manifest: Manifest) -> str:
    """What a collection has brought, in one line of plain text.

    A dataset that no revision of the server has is no gap of the reading: such ones are only counted.
    """
    names = shorten(", ".join(server.name for server in manifest.servers), 60)
    aside = len(beyond(manifest))
    lacking = [f"{record.name} {record.status}" for record in unread(manifest)]
    state = f"not whole: {shorten(', '.join(lacking), 80)}" if lacking else "all whole"
    later = f"; {count(aside, 'dataset')} not offered" if aside else ""
    begun = "interrupted; " if manifest.interrupted else ""
    rows = count(sum(record.rows_kept for record in manifest.datasets), "row")
    return f"Read {count(len(manifest.datasets) - aside, 'dataset')} and {rows} from {names}: {begun}{state}{later}."


def beyond(manifest: Manifest) -> tuple[DatasetRecord, ...]:
    """The records of what no revision of their server offers: no reading could have brought it."""
    newest = {server.name: server.revision_newest for server in manifest.servers}
    absent = (record for record in manifest.datasets if record.status == DatasetStatus.ABSENT)
    return tuple(record for record in absent if is_never_offered(record.name, newest.get(record.server)))


def unread(manifest: Manifest) -> tuple[DatasetRecord, ...]:
    """The records that were not read whole, without those that no revision of their server offers."""
    aside = {(record.server, record.name) for record in beyond(manifest)}
    lacking = (record for record in manifest.datasets if record.status != DatasetStatus.COMPLETE)
    return tuple(record for record in lacking if (record.server, record.name) not in aside)
