"""From clients to a snapshot: which datasets to read, from several servers at once, and what to make of it."""

from __future__ import annotations

import datetime as dt
import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from vbr_audit.api.client import Client
from vbr_audit.collection.account import manifest_of, server_record
from vbr_audit.collection.assemble import join
from vbr_audit.collection.clock import clock_warnings, leading_clock
from vbr_audit.collection.dataset import YEAR
from vbr_audit.collection.datasets import CLOCK, Dataset
from vbr_audit.collection.fragment import outcome_line
from vbr_audit.collection.manifest import utc_now
from vbr_audit.collection.period import Period, resolve
from vbr_audit.collection.progress import Listener, show_progress
from vbr_audit.collection.reading import ServerReading, settle, terms_of
from vbr_audit.collection.redaction import Redaction
from vbr_audit.collection.request import CollectionRequest
from vbr_audit.collection.scope import Scope
from vbr_audit.collection.shapes import Window
from vbr_audit.collection.snapshot import Snapshot, provenance_tables
from vbr_audit.errors import CollectionInterrupted, ConfigurationError, ConnectError
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
    with show_progress(progress) as shown, _without_cycle_search():
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
            ServerReading(client, progress, workers=request.workers, redaction=self._redaction, stop=self._stop)
            for client in clients
        ]
        self._warnings: list[str] = []
        self._period: Period | None = None
        self._now = utc_now()

    def read(self) -> None:
        """Read the clocks of all servers, settle the period, then read all else."""
        self._on_each(self._read_clock)
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
            server = server_record(reading, self._redaction)
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
        tables = join(parts) | provenance_tables(manifest)
        return Snapshot(manifest=manifest, tables=tables, evidence=evidence)

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
                told = reading.tables.server_time() if dataset.name == "server_time" else None
                if told is not None and told.server_time is not None:
                    # the first read also signs in, which may take long: only its end is near the server's answer
                    reading.clock_skew_s = round((told.server_time - utc_now()).total_seconds(), 1)
        reading.offered_revisions = reading.client.offered_revisions()
        reading.newest_revision = reading.client.newest_revision()

    def _settle_period(self) -> None:
        """A server's clock, as a rule the first one's, is the clock of the run, and its zone the zone."""
        told = {reading.client.name: reading.tables.server_time() for reading in self._readings}
        skews = {r.client.name: r.clock_skew_s for r in self._readings if r.clock_skew_s is not None}
        leading = leading_clock(skews)
        clock = told[leading] if leading is not None else None
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


def _check_names(clients: list[Client]) -> None:
    if not clients:
        raise ConfigurationError("no server to read", hint="Give the address of at least one VBR server.")
    names = [client.name for client in clients]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ConfigurationError(f"two servers are called {', '.join(double)}", hint="Give each server its own name.")
