"""From clients to a snapshot: what to read, from several servers at once, and the account that is given of it."""

from __future__ import annotations

import datetime as dt
import statistics
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from difflib import get_close_matches

from vbr_audit.api.client import Client
from vbr_audit.api.paging import WORKERS
from vbr_audit.collection.allowance import Allowance
from vbr_audit.collection.assemble import join, without_cycle_search
from vbr_audit.collection.manifest import DatasetStatus, Manifest, RunRecord, ServerRecord, utc_now
from vbr_audit.collection.period import Period, PeriodRequest, resolve
from vbr_audit.collection.progress import Listener, show_progress
from vbr_audit.collection.reading import ServerReading, settle, terms_of
from vbr_audit.collection.redaction import Redaction
from vbr_audit.collection.scope import Scope
from vbr_audit.collection.shapes import Window
from vbr_audit.collection.snapshot import Snapshot, outcome_line, provenance_tables, untouched
from vbr_audit.datasets import BASIC, CLOCK, DATASETS, Dataset, parents_of
from vbr_audit.datasets.card import YEAR
from vbr_audit.errors import CollectionInterrupted, ConfigurationError, ConnectError
from vbr_audit.revisions import NEWEST, order
from vbr_audit.tables.job_runs import LEAD

SERVERS_AT_ONCE = 8


def read_snapshot(
    clients: Client | Sequence[Client],
    request: CollectionRequest,
    *,
    tool_version: str,
    progress: bool | None = None,
) -> Snapshot:
    """Read what `request` asks for from each of `clients`, up to eight of them at a time.

    A server that cannot be reached is recorded as failed when another one answers. Raises `ConnectError` when no
    server answers, `ConfigurationError` for a wrong request, and `CollectionInterrupted`, with the snapshot read
    so far in `.partial`, on Ctrl-C.
    """
    several = [clients] if isinstance(clients, Client) else list(clients)
    _check_names(several)
    datasets = request.chosen()
    with show_progress(progress) as shown, without_cycle_search():
        run = _Run(several, request, datasets, tool_version, shown)
        try:
            run.read()
            snapshot = run.snapshot()
            shown.finish(outcome_line(snapshot.manifest))
            return snapshot
        except KeyboardInterrupt:
            run.stop()
            snapshot = run.snapshot(interrupted=True)
            shown.finish(outcome_line(snapshot.manifest))
            raise CollectionInterrupted(
                "interrupted: the collection is not whole",
                hint="What had been read is kept and marked incomplete; run it again for the rest.",
                partial=snapshot,
            ) from None
        except BaseException:
            run.stop()
            run.discard()
            shown.finish("Nothing was collected.")
            raise


class _Run:
    """One collection over all servers; holds what was read so that an interruption loses nothing."""

    def __init__(
        self,
        clients: list[Client],
        request: CollectionRequest,
        datasets: list[Dataset],
        tool_version: str,
        progress: Listener,
    ) -> None:
        self._request = request
        self._datasets = datasets
        self._tool_version = tool_version
        self._redaction = Redaction(request.mask_accounts)
        self._stop = threading.Event()
        self._readings = [
            ServerReading(
                client,
                progress,
                workers=request.workers,
                redaction=self._redaction,
                stop=self._stop,
                allowance=request.allowance_of(client.name),
            )
            for client in clients
        ]
        self._warnings: list[str] = []
        self._period: Period | None = None
        self._now = utc_now()

    def read(self) -> None:
        """Read the clocks of all servers, settle the period, then read all else."""
        self._on_each(self._read_clock)
        _check_ids(self._readings)
        self._settle_period()
        self._on_each(self._read_rest)
        failures = [reading.failure for reading in self._readings if reading.failure is not None]
        if len(failures) == len(self._readings):
            raise failures[0]

    def stop(self) -> None:
        """Let threads that still read end at their next request."""
        self._stop.set()

    def discard(self) -> None:
        for reading in self._readings:
            reading.evidence.discard()

    def snapshot(self, *, interrupted: bool = False) -> Snapshot:
        """Make the tables of all that was read, and the manifest that accounts for it."""
        period = self._period or resolve(self._request.period, self._now, None)
        parts, servers, evidence = [], [], {}
        for reading in self._readings:
            if interrupted:
                self._note_unread(reading)
            server = server_record(reading, self._redaction, self._request.tenants.get(reading.client.name))
            clock = reading.tables.server_time()
            window = self._window(clock.server_time if clock else None)
            read_on = (clock.server_time if clock else None) or self._now
            scope = Scope(window.since, window.until, self._request.jobs_pattern, read_on)
            frames, counts = reading.tables.finish(terms_of(scope, reading.records, server))
            for record in reading.records:
                if record.name in counts:
                    settle(record, counts[record.name])
            parts.append(frames)
            evidence[reading.client.name] = reading.evidence.finish()
            servers.append(server)
        manifest = manifest_of(
            self._request, self._tool_version, self._now, period, servers, self._readings, self._redaction
        )
        manifest.warnings[:0] = self._warnings
        manifest.interrupted = interrupted
        positions = {reading.client.name: reading.tables.positions for reading in self._readings}
        tables = join(parts)
        return Snapshot(manifest, tables | provenance_tables(manifest), evidence, positions, untouched(tables))

    def _on_each(self, work: Callable[[ServerReading], None]) -> None:
        """Do `work` for each server that is up: one in this thread, several in threads of their own."""
        up = [reading for reading in self._readings if reading.failure is None]
        if len(up) == 1:
            self._guarded(work, up[0])
            return
        pool = ThreadPoolExecutor(SERVERS_AT_ONCE, thread_name_prefix="vbr-audit-server")
        futures = [pool.submit(self._guarded, work, reading) for reading in up]
        try:
            _wait_for(futures)
        except BaseException as error:
            self._stop.set()
            for reading in up if isinstance(error, KeyboardInterrupt) else ():
                reading.client.abort()
            wait(futures)
            raise
        finally:
            pool.shutdown(wait=True)

    def _guarded(self, work: Callable[[ServerReading], None], reading: ServerReading) -> None:
        """Do `work`; a server that cannot be used is its own failure, and the others are whole."""
        try:
            with reading.allowance.counting():
                work(reading)
        except ConnectError as error:
            reading.failure = error
            reading.records.clear()
            for dataset in self._datasets:
                reading.skip(dataset, error.message)

    def _read_clock(self, reading: ServerReading) -> None:
        for dataset in self._datasets:
            if dataset.name in CLOCK:
                reading.read(dataset)
                clock = reading.tables.server_time() if dataset.name == "server_time" else None
                if clock is not None and clock.server_time is not None:
                    # the first read also signs in, which may take long: only its end is near the server's answer
                    reading.clock_skew_s = round((clock.server_time - utc_now()).total_seconds(), 1)
        with reading.client.within(reading.allowance.for_dataset()):
            reading.offered_revisions = reading.client.offered_revisions()
            reading.newest_revision = reading.client.newest_revision()

    def _settle_period(self) -> None:
        """A server's clock, as a rule the first one's, is the clock of the run, and its zone the zone."""
        clocks = {reading.client.name: reading.tables.server_time() for reading in self._readings}
        skews = {r.client.name: r.clock_skew_s for r in self._readings if r.clock_skew_s is not None}
        leading = leading_clock(skews)
        clock = clocks[leading] if leading is not None else None
        self._now = (clock.server_time if clock else None) or utc_now()
        self._period = resolve(self._request.period, self._now, clock)
        self._warnings.extend(self._period.warnings)
        self._warnings.extend(clock_warnings(skews, leading) if leading is not None else ())

    def _read_rest(self, reading: ServerReading) -> None:
        clock = reading.tables.server_time()
        window = self._window(clock.server_time if clock else None)
        read_on = (clock.server_time if clock else None) or self._now
        year = Window(min(window.since, read_on - YEAR), read_on)
        around = Window(window.since - LEAD, max(window.until, read_on))
        for dataset in self._datasets:
            if dataset.name not in CLOCK and not self._stop.is_set():
                span = year if dataset.spans_year else window
                reading.read(dataset, around if dataset.passes_edges else span)
                if dataset.period is not None and span.since >= span.until:
                    reading.doubt(dataset.name, "by the server's own clock the period has not begun")

    def _window(self, clock: dt.datetime | None) -> Window:
        """The period, frozen at the server's clock, so that sessions which start meanwhile do not move the pages."""
        period = self._period or resolve(self._request.period, self._now, None)
        until = min(period.until, clock or self._now)
        return Window(period.since, max(until, period.since))

    def _note_unread(self, reading: ServerReading) -> None:
        for dataset in self._datasets:
            if reading.record_of(dataset.name) is None:
                reading.skip(dataset, "interrupted before it was read")


def _wait_for(futures: list[Future[None]]) -> None:
    """Wait in short steps, so that Ctrl-C is heard on every system; raises what a thread raised."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=0.2)
        for future in done:
            future.result()


def _check_names(clients: list[Client]) -> None:
    if not clients:
        raise ConfigurationError("no server to read", hint="Give the address of at least one VBR server.")
    names = [client.name for client in clients]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ConfigurationError(f"two servers are called {', '.join(double)}", hint="Give each server its own name.")


def _check_ids(readings: Iterable[ServerReading]) -> None:
    """Raise `ConfigurationError` where two names are one server, by the id of the installation that both report."""
    names: dict[str, str] = {}
    for reading in readings:
        info = reading.tables.server_info()
        if info is None or not info.vbr_id:
            continue
        other = names.setdefault(info.vbr_id.casefold(), reading.client.name)
        if other != reading.client.name:
            raise same_server(other, reading.client.name, info.vbr_id)


def same_server(one: str, other: str, vbr_id: str) -> ConfigurationError:
    """The error for two names of one installation."""
    return ConfigurationError(
        f"{one} and {other} are the same server: both report the id {vbr_id}",
        hint="Keep one of the two names. Of a server that was cloned, read each clone in a run of its own.",
    )


# Whose clock is the clock of a run over several servers, and what to say where their clocks differ.

_SAME_CLOCK_S = 300.0
_REPORTED_SKEW_S = 60.0


def leading_clock(skews_s: Mapping[str, float]) -> str | None:
    """The server whose clock the run goes by: the first one, unless it stands alone with its time.

    `skews_s` are the seconds by which each server's clock is ahead of this computer's. A clock that is far from the
    middle of all of them, this computer's included where it is needed to break a tie, leads only if none is nearer.
    """
    if not skews_s:
        return None
    clocks = list(skews_s.values())
    middle = statistics.median(clocks if len(clocks) % 2 else [*clocks, 0.0])
    nearest = min(abs(skew - middle) for skew in clocks)
    return next(name for name, skew in skews_s.items() if abs(skew - middle) <= nearest + _SAME_CLOCK_S)


def clock_warnings(skews_s: Mapping[str, float], leading: str) -> tuple[str, ...]:
    """A line for each server whose clock is a minute or more off that of `leading`."""
    lines = []
    for name, skew in skews_s.items():
        off = skew - skews_s[leading]
        if abs(off) >= _REPORTED_SKEW_S:
            lines.append(
                f"{name}: its clock is {abs(off):,.0f} seconds {'ahead of' if off > 0 else 'behind'} that of "
                f"{leading}, by which this run goes: ages and the end of the period are off by as much for its rows"
            )
    return tuple(lines)


# The account that a collection gives of itself: which servers, under which terms, and what a reader must know.


def server_record(reading: ServerReading, redaction: Redaction, tenant: str | None) -> ServerRecord:
    """One server as it was found, of `tenant`."""
    client, info, clock = reading.client, reading.tables.server_info(), reading.tables.server_time()
    zone = reading.tables.server_zone()
    return ServerRecord(
        name=client.name,
        url=client.url,
        tenant=tenant,
        revision=client.revision,
        revision_newest=reading.newest_revision or client.revision,
        build=info.build if info else None,
        vbr_id=info.vbr_id if info else None,
        account=redaction.mask_text(client.username, [client.username]) or client.username,
        role=_role_of(reading),
        clock_skew_s=reading.clock_skew_s,
        server_time=clock.server_time if clock else None,
        time_zone=(clock.iana_time_zone or clock.time_zone) if clock else None,
        zone=zone.name if zone else None,
        zone_source=zone.source if zone else None,
        tls=client.tls,
        verified=client.verified,
    )


def manifest_of(
    request: CollectionRequest,
    tool_version: str,
    now: dt.datetime,
    period: Period,
    servers: Sequence[ServerRecord],
    readings: Sequence[ServerReading],
    redaction: Redaction,
) -> Manifest:
    """The manifest of a collection."""
    accounts = [reading.client.username for reading in readings]
    run = RunRecord(
        now=now,
        since=period.since,
        until=period.until,
        timezone=period.timezone,
        timezone_source=period.timezone_source,
        jobs_pattern=request.jobs_pattern,
        accounts_masked=request.mask_accounts,
        tool_version=tool_version,
        command=redaction.mask_text(request.command, accounts),
        note=request.note,
    )
    return Manifest(
        run=run,
        servers=list(servers),
        datasets=[record for reading in readings for record in reading.records],
        warnings=_warnings_of(servers, readings),
    )


def _role_of(reading: ServerReading) -> str | None:
    """What the account may do as far as its reading shows; the API does not report an account its own role."""
    record = reading.record_of("server_info")
    if record is None:
        return None
    if record.status is DatasetStatus.COMPLETE:
        return "may read administrator data"
    return "may not read administrator data" if record.status is DatasetStatus.DENIED else None


def _warnings_of(servers: Iterable[ServerRecord], readings: Sequence[ServerReading]) -> list[str]:
    lines = []
    for server, reading in zip(servers, readings, strict=True):
        if not server.verified:
            lines.append(f"{server.name}: the certificate was not verified; the answers may come from anyone")
        if server.revision != server.revision_newest:
            lines.append(
                f"{server.name}: read with revision {server.revision}; settings that only "
                f"{server.revision_newest} shows are unknown"
            )
        lines += _newer_than_ours(reading)
        states = reading.record_of("job_states")
        if states is not None and "taken_from" in states.notes:
            lines.append(
                f"{server.name}: the server could not report the job states in revision {states.revision}; "
                "the last run of each job was taken from its sessions"
            )
    repeated = [reading.client for reading in readings if reading.client.retries]
    return lines + [f"{client.name}: {client.retries:,} requests had to be repeated" for client in repeated]


def _newer_than_ours(reading: ServerReading) -> list[str]:
    """A note where the server speaks a revision that this version does not know."""
    newer = [revision for revision in reading.offered_revisions if order(revision) > order(NEWEST)]
    if not newer:
        return []
    return [
        f"{reading.client.name}: the server also speaks revision {newer[-1]}, which this version does not know; it was "
        f"read with {reading.client.revision}, and what only {newer[-1]} shows is missing"
    ]


# What a collection is to read.

_OWNERS = {
    "task_sessions": "sessions",
    "backup_objects": "backups",
    "restore_points": "backups",
    "backup_files": "backups",
    "replica_points": "replicas",
}
"""What stands between a row and its job, where a pattern of job names narrows the scope."""


@dataclass(frozen=True)
class CollectionRequest:
    """What to read: the period, the jobs in scope, the datasets (None: `BASIC`), and how many pages at once.

    `deadline_s` are the seconds that a server may be read, those of `deadlines_s` by the server's name before the
    common ones, and `dataset_deadline_s` those of one dataset; None is without end. `tenants` says whose a server is,
    by its name.
    """

    period: PeriodRequest = field(default_factory=PeriodRequest)
    jobs_pattern: str | None = None
    datasets: tuple[str, ...] | None = None
    workers: int = WORKERS
    mask_accounts: bool = False
    command: str | None = None
    note: str | None = None
    deadline_s: float | None = None
    deadlines_s: Mapping[str, float] = field(default_factory=dict)
    dataset_deadline_s: float | None = None
    tenants: Mapping[str, str] = field(default_factory=dict)

    def allowance_of(self, server: str) -> Allowance:
        """How long `server` may be read."""
        return Allowance(self.deadlines_s.get(server, self.deadline_s), self.dataset_deadline_s)

    def chosen(self) -> list[Dataset]:
        """The datasets to read, in order; raises `ConfigurationError` for an unknown name."""
        wanted = set(BASIC if self.datasets is None else self.datasets)
        unknown = sorted(wanted - set(DATASETS))
        if unknown:
            near = get_close_matches(unknown[0], DATASETS, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise ConfigurationError(
                f"unknown dataset {', '.join(unknown)}", hint=f"{meant}Known are {', '.join(DATASETS)}."
            )
        wanted |= set(CLOCK) | parents_of(wanted)
        if self.jobs_pattern is not None:
            wanted |= {"jobs", "job_states"} | {_OWNERS[name] for name in wanted & set(_OWNERS)}
        return [dataset for dataset in DATASETS.values() if dataset.name in wanted]
