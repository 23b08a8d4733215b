"""From clients to a snapshot: which datasets to read, in which order, and what to make of it."""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from vbr_audit.api.client import Client
from vbr_audit.api.paging import WORKERS
from vbr_audit.collection.assemble import Scope, join
from vbr_audit.collection.datasets import DATASETS, Dataset
from vbr_audit.collection.manifest import DatasetStatus, Manifest, RunRecord, ServerRecord, utc_now
from vbr_audit.collection.period import Period, PeriodRequest, resolve
from vbr_audit.collection.progress import Listener, show_progress
from vbr_audit.collection.reading import ServerReading, Window, settings_revision, settle
from vbr_audit.collection.snapshot import Snapshot, provenance_tables
from vbr_audit.errors import CollectionInterrupted, ConfigurationError, ConnectError

_CLOCK = ("server_time", "server_info")


@dataclass(frozen=True)
class CollectionRequest:
    """What to read: the period, the jobs in scope, the datasets (None: all), and how many pages at once."""

    period: PeriodRequest = field(default_factory=PeriodRequest)
    jobs_pattern: str | None = None
    datasets: tuple[str, ...] | None = None
    workers: int = WORKERS
    command: str | None = None
    note: str | None = None

    def chosen(self) -> list[Dataset]:
        """The datasets to read, in order; raises `ConfigurationError` for an unknown name."""
        if self.datasets is None:
            return list(DATASETS.values())
        unknown = sorted(set(self.datasets) - set(DATASETS))
        if unknown:
            raise ConfigurationError(f"unknown dataset {', '.join(unknown)}", hint=f"Known are {', '.join(DATASETS)}.")
        return [d for d in DATASETS.values() if d.name in self.datasets or d.name in _CLOCK]


def read_snapshot(
    clients: Client | Sequence[Client],
    request: CollectionRequest,
    *,
    tool_version: str,
    progress: bool | None = None,
) -> Snapshot:
    """Read what `request` asks for from each of `clients`.

    A server that cannot be reached is recorded as failed when another one answers. Raises `ConnectError` when no
    server answers, `ConfigurationError` for a wrong request, and `CollectionInterrupted`, with the snapshot read
    so far in `.partial`, on Ctrl-C.
    """
    several = [clients] if isinstance(clients, Client) else list(clients)
    _check_names(several)
    datasets = request.chosen()
    with show_progress(progress) as shown, _without_cycle_search():
        run = _Run(several, request, datasets, tool_version, shown)
        try:
            run.read()
            return run.snapshot()
        except KeyboardInterrupt:
            snapshot = run.snapshot(interrupted=True)
            raise CollectionInterrupted(
                "interrupted: the collection is not whole",
                hint="What had been read is kept and marked incomplete; run it again for the rest.",
                partial=snapshot,
            ) from None
        except BaseException:
            run.discard()
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
        self._readings = [ServerReading(client, progress, workers=request.workers) for client in clients]
        self._warnings: list[str] = []
        self._period: Period | None = None
        self._now = utc_now()

    def read(self) -> None:
        errors: list[ConnectError] = []
        for reading in self._readings:
            try:
                self._read_server(reading)
            except ConnectError as error:
                reading.records.clear()
                for dataset in self._datasets:
                    reading.skip(dataset, error.message)
                errors.append(error)
        if len(errors) == len(self._readings):
            raise errors[0]

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
            server = self._server_record(reading)
            window = self._window(server.server_time)
            scope = Scope(window.since, window.until, self._request.jobs_pattern)
            frames, counts = reading.tables.finish(
                scope,
                revision=settings_revision(reading.records, server.revision),
                revision_newest=server.revision_newest,
            )
            for record in reading.records:
                if record.name in counts:
                    settle(record, counts[record.name])
            parts.append(frames)
            evidence[reading.client.name] = reading.evidence.finish()
            servers.append(server)
        manifest = self._manifest(period, servers, interrupted=interrupted)
        tables = join(parts) | provenance_tables(manifest)
        return Snapshot(manifest=manifest, tables=tables, evidence=evidence)

    def _read_server(self, reading: ServerReading) -> None:
        before = utc_now()
        for dataset in self._datasets:
            if dataset.name in _CLOCK:
                reading.read(dataset)
                if dataset.name == "server_time":
                    self._note_clock(reading, before)
        reading.newest_revision = reading.client.newest_revision()
        clock = reading.tables.server_time()
        window = self._window(clock.server_time if clock else None)
        for dataset in self._datasets:
            if dataset.name not in _CLOCK:
                reading.read(dataset, window)

    def _window(self, clock: dt.datetime | None) -> Window:
        """The period, frozen at the server's clock, so that sessions which start meanwhile do not move the pages."""
        period = self._period or resolve(self._request.period, self._now, None)
        until = min(period.until, clock or self._now)
        return Window(period.since, max(until, period.since))

    def _note_clock(self, reading: ServerReading, before: dt.datetime) -> None:
        """The first server's clock is the clock of the run, and its zone the zone, unless one was given."""
        told = reading.tables.server_time()
        if told is not None and told.server_time is not None:
            middle = before + (utc_now() - before) / 2
            reading.clock_skew_s = round((told.server_time - middle).total_seconds(), 1)
        if self._period is None:
            self._now = told.server_time if told is not None and told.server_time is not None else utc_now()
            self._period = resolve(self._request.period, self._now, told)
            self._warnings.extend(self._period.warnings)

    def _server_record(self, reading: ServerReading) -> ServerRecord:
        client, info, clock = reading.client, reading.tables.server_info(), reading.tables.server_time()
        return ServerRecord(
            name=client.name,
            url=client.url,
            revision=client.revision,
            revision_newest=reading.newest_revision or client.revision,
            build=info.build if info else None,
            vbr_id=info.vbr_id if info else None,
            account=client.username,
            role=_role(reading),
            clock_skew_s=reading.clock_skew_s,
            server_time=clock.server_time if clock else None,
            time_zone=(clock.iana_time_zone or clock.time_zone) if clock else None,
            tls=client.tls,
        )

    def _note_unread(self, reading: ServerReading) -> None:
        seen = {record.name for record in reading.records}
        for dataset in self._datasets:
            if dataset.name not in seen:
                reading.skip(dataset, "interrupted before it was read")

    def _manifest(self, period: Period, servers: list[ServerRecord], *, interrupted: bool) -> Manifest:
        run = RunRecord(
            now=self._now,
            since=period.since,
            until=period.until,
            timezone=period.timezone,
            timezone_source=period.timezone_source,
            jobs_pattern=self._request.jobs_pattern,
            tool_version=self._tool_version,
            command=self._request.command,
            note=self._request.note,
        )
        return Manifest(
            run=run,
            servers=servers,
            datasets=[record for reading in self._readings for record in reading.records],
            warnings=self._warnings + _warnings(servers, self._readings),
            interrupted=interrupted,
        )


@contextmanager
def _without_cycle_search() -> Iterator[None]:
    """Rows of JSON hold no cycles; walking millions of them in search of some took a quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _role(reading: ServerReading) -> str | None:
    """What the account may do as far as its reading shows; the API does not tell an account its own role."""
    status = {record.name: record.status for record in reading.records}.get("server_info")
    if status is DatasetStatus.COMPLETE:
        return "may read administrator data"
    return "may not read administrator data" if status is DatasetStatus.DENIED else None


def _warnings(servers: Iterable[ServerRecord], readings: list[ServerReading]) -> list[str]:
    lines = []
    for server in servers:
        if server.tls.startswith("NOT VERIFIED"):
            lines.append(f"{server.name}: the certificate was not verified; the answers may come from anyone")
        if server.revision != server.revision_newest:
            lines.append(
                f"{server.name}: read with revision {server.revision}; settings that only "
                f"{server.revision_newest} shows are unknown"
            )
    repeated = [reading.client for reading in readings if reading.client.retries]
    return lines + [f"{client.name}: {client.retries:,} requests had to be repeated" for client in repeated]


def _check_names(clients: list[Client]) -> None:
    if not clients:
        raise ConfigurationError("no server to read", hint="Give the address of at least one VBR server.")
    names = [client.name for client in clients]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ConfigurationError(f"two servers are called {', '.join(double)}", hint="Give each server its own name.")
