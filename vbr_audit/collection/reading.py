"""Reading one dataset of one server: the pages, their evidence, and an honest record of how it went."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from vbr_audit.api.client import Answer, Client
from vbr_audit.api.paging import LargestPage
from vbr_audit.collection.allowance import Allowance
from vbr_audit.collection.assemble import ServerTables, Terms
from vbr_audit.collection.evidence import DatasetWriter, EvidenceWriter
from vbr_audit.collection.manifest import (
    DEADLINE_PASSED,
    UNREAD_BELOW,
    DatasetRecord,
    DatasetStatus,
    ServerRecord,
    utc_now,
)
from vbr_audit.collection.progress import Listener
from vbr_audit.collection.redaction import Redaction
from vbr_audit.collection.row_positions import KeptRows
from vbr_audit.collection.scope import RowCount, Scope
from vbr_audit.collection.shapes import HANDLINGS, MOST_SILENT, Intake, KindsInHand, Parents, Window, query_for
from vbr_audit.datasets import DATASETS, Dataset
from vbr_audit.errors import (
    AbsentError,
    ApiError,
    ConnectError,
    DeadlinePassedError,
    DeniedError,
    OutputError,
    TransientError,
    VbrAuditError,
)
from vbr_audit.revisions import is_at_least

_UNREAD = (DatasetStatus.DENIED, DatasetStatus.ABSENT, DatasetStatus.FAILED)


class ReadingStopped(VbrAuditError):  # noqa: N818 - a request to stop, not a failure
    """Reading was asked to stop."""


class ServerReading:
    """Reads the datasets of one server one after another into `tables`, `evidence` and `records`.

    `stop` ends the reading at the next request, and `allowance` bounds its time; what had come by then is kept.
    """

    def __init__(
        self,
        client: Client,
        progress: Listener,
        *,
        workers: int,
        redaction: Redaction | None = None,
        stop: threading.Event | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        self.client = client
        self.tables = ServerTables(client.name)
        self.evidence = EvidenceWriter()
        self.records: list[DatasetRecord] = []
        self.clock_skew_s: float | None = None
        self.newest_revision: str | None = None
        self.offered_revisions: tuple[str, ...] = ()
        self.failure: ConnectError | None = None
        self.stop = stop or threading.Event()
        self.allowance = allowance or Allowance()
        self._progress = progress
        self._workers = workers
        self._redaction = redaction or Redaction()
        self._largest_page = LargestPage()
        self._kinds = KindsInHand()
        self._answered = False
        self._silences: list[str] = []

    def read(self, dataset: Dataset, window: Window | None = None) -> None:
        """Read `dataset`; what cannot be read is recorded, not raised, once the server has answered at all.

        Raises `ConnectError` while the server has not answered anything yet.
        """
        self._progress.start(self.client.name, dataset.title)
        dataset = dataset.at(self.client.revision)
        record = self._new_record(dataset, query_for(dataset, window, self.client.revision))
        writer = self.evidence.dataset(dataset.name)
        if not dataset.is_offered(self.client.revision):
            record.status = DatasetStatus.ABSENT
            record.reason = f"revision {record.revision} does not offer it (first in {dataset.first_revision})"
            return
        if (limit := self.allowance.over) is not None:
            _run_out(record, limit.error())
            return
        if len(self._silences) >= MOST_SILENT:
            reason = (
                f"not asked: the server gave no answer to the {MOST_SILENT} datasets before it ({self._silences[-1]})"
            )
            record.reason = self._fit_to_keep(reason)
            return
        maybe = not is_at_least(record.revision, dataset.first_revision)
        with self._recording(record, writer, maybe_absent=maybe), self.client.within(self.allowance.for_dataset()):
            parents = self._parents(dataset, record)
            if parents is not None:
                HANDLINGS[dataset.shape].read(self._intake(dataset, record, writer, parents, window))

    def skip(self, dataset: Dataset, reason: str) -> None:
        """Record that `dataset` was not read, and why."""
        self._new_record(dataset.at(self.client.revision), {}).reason = self._fit_to_keep(reason)

    def doubt(self, name: str, reason: str) -> None:
        """Record that what came of dataset `name` cannot be taken for all of it."""
        record = self.record_of(name)
        if record is not None and record.status is DatasetStatus.COMPLETE:
            record.status, record.reason = DatasetStatus.PARTIAL, reason

    def record_of(self, name: str) -> DatasetRecord | None:
        """The record of dataset `name`, or None when it was not asked for."""
        return next((record for record in self.records if record.name == name), None)

    def _fit_to_keep(self, reason: str) -> str:
        """`reason`, which may hold words of the server, without secrets and, where asked for, without the account."""
        return self._redaction.mask_text(self.client.without_secrets(reason), [self.client.username]) or ""

    def _new_record(self, dataset: Dataset, query: dict[str, str]) -> DatasetRecord:
        moment = utc_now()
        record = DatasetRecord(
            server=self.client.name,
            name=dataset.name,
            path=dataset.path,
            query=query,
            revision=self.client.revision,
            status=DatasetStatus.FAILED,
            started=moment,
            ended=moment,
        )
        self.records.append(record)
        return record

    def _intake(
        self,
        dataset: Dataset,
        record: DatasetRecord,
        writer: DatasetWriter,
        parents: Parents,
        window: Window | None,
    ) -> Intake:
        redacted: set[str] = set()

        def ask(path: str, query: dict[str, str]) -> Answer:
            if self.stop.is_set():
                raise ReadingStopped("interrupted while it was read")
            answer = self.client.get(path, query or None)
            self._answered, self._silences = True, []
            answer, paths = self._redaction.clean(answer, dataset)
            if not paths <= redacted:
                redacted.update(paths)
                record.redacted = sorted(redacted)
            return answer

        def accept(name: str, rows: list[Any], kept: KeptRows | None) -> None:
            self._kinds.see(name, rows)
            self.tables.accept(name, rows, kept)

        return Intake(
            dataset=dataset,
            query=record.query,
            record=record,
            ask=ask,
            keep=writer.write,
            accept=accept,
            advance=lambda rows, total: self._progress.advance(self.client.name, rows, total),
            workers=self._workers,
            largest_page=self._largest_page,
            parents=parents,
            kinds=self._kinds,
            window=window,
        )

    def _parents(self, dataset: Dataset, record: DatasetRecord) -> Parents | None:
        """The rows below which `dataset` is read, as far as those were read; None, and in `record` why, without any."""
        if dataset.parent is None:
            return Parents([], None)
        parent = self.record_of(dataset.parent)
        if parent is None or parent.status in _UNREAD:
            why = f"{parent.status}: {parent.reason}" if parent is not None else "not asked for"
            record.status = parent.status if parent is not None else DatasetStatus.FAILED
            record.reason = f"it is read below each of the {dataset.parent}, and those were {why}"
            return None
        nameless = self.tables.nameless(parent.name)
        gaps = [parent.reason or "why is not known"] if parent.status is DatasetStatus.PARTIAL else []
        gaps += [f"{nameless:,} of them have no id"] if nameless else []
        return Parents(self.tables.ids_above(dataset), "; ".join(gaps) or None)

    @contextmanager
    def _recording(self, record: DatasetRecord, writer: DatasetWriter, *, maybe_absent: bool) -> Iterator[None]:
        try:
            yield
        except ConnectError as error:
            if not self._answered:
                raise
            self._silences.append(error.message)
            _give_up(record, writer, error.message)
        except (DeniedError, AbsentError) as error:
            self._answered, self._silences = True, []
            _give_up(record, writer, error.message)
            if not writer.pages:
                record.status = DatasetStatus.DENIED if isinstance(error, DeniedError) else DatasetStatus.ABSENT
        except OutputError:
            raise
        except VbrAuditError as error:
            _give_up(record, writer, error.message)
            if isinstance(error, DeadlinePassedError):
                _run_out(record, error)
            status = error.status if isinstance(error, ApiError) else None
            silent = isinstance(error, TransientError | DeadlinePassedError) and status is None
            self._silences = [*self._silences, error.message] if silent else []
            if status is not None and status != 200:
                record.notes["http_status"] = status
            if status == 400 and maybe_absent and not writer.pages:
                record.status = DatasetStatus.ABSENT
        except KeyboardInterrupt:
            _give_up(record, writer, "interrupted while it was read")
            raise
        finally:
            if self.stop.is_set() and record.status in (DatasetStatus.FAILED, DatasetStatus.PARTIAL):
                record.reason = "interrupted while it was read"
            record.reason = self._fit_to_keep(record.reason) if record.reason else None
            record.ended = utc_now()
            record.revision = self.client.revision
            record.pages, record.bytes = writer.pages, writer.bytes
            record.sha256 = writer.sha256 if writer.pages else None


def terms_of(scope: Scope, records: Sequence[DatasetRecord], server: ServerRecord) -> Terms:
    """Under which terms the rows of `server` become tables; the record of the jobs says where settings stand."""
    jobs = next((record.revision for record in records if record.name == "jobs"), server.revision)
    from_sessions = take_states_from_sessions(records)
    whole = {record.name for record in records if record.status is DatasetStatus.COMPLETE}
    return Terms(
        scope=scope,
        revision=jobs,
        revision_newest=server.revision_newest,
        states_from_sessions=from_sessions,
        unread=frozenset(DATASETS) - whole,
    )


def settle(record: DatasetRecord, count: RowCount) -> None:
    """Write into `record` what became of its rows; rows that cannot be read, or not be placed, make it partial."""
    record.rows_kept = count.kept
    record.rows_outside_period = count.outside_period
    record.rows_out_of_scope = count.out_of_scope
    record.notes |= count.notes
    if count.unreadable or count.ownerless or count.unplaced:
        # Rows that nobody could place may belong below any parent.
        record.notes.pop(UNREAD_BELOW, None)
    if record.status is DatasetStatus.COMPLETE and (count.unreadable or count.ownerless or count.unplaced):
        gaps = [
            (count.unreadable, "rows are no JSON objects and could not be read"),
            (count.ownerless, "job runs do not name their job"),
            (count.unplaced, "rows belong to nothing that was read, so whether they are in scope is not known"),
        ]
        record.status = DatasetStatus.PARTIAL
        record.reason = "; ".join(f"{number:,} {words}" for number, words in gaps if number)


def _give_up(record: DatasetRecord, writer: DatasetWriter, reason: str) -> None:
    record.status = DatasetStatus.PARTIAL if writer.pages else DatasetStatus.FAILED
    record.reason = reason


def _run_out(record: DatasetRecord, error: DeadlinePassedError) -> None:
    record.reason = error.message
    record.notes[DEADLINE_PASSED] = "server" if error.whole else "dataset"


def take_states_from_sessions(records: Iterable[DatasetRecord]) -> bool:
    """Whether the job states come from the sessions, because the server broke on them but gave the sessions.

    A server of version 13 answers 500 for states that an old revision has no word for. Marks the record of the job
    states once; they stay partial, since a job without a session in the period has none.
    """
    by_name = {record.name: record for record in records}
    states, sessions = by_name.get("job_states"), by_name.get("sessions")
    if states is None or sessions is None or sessions.status in _UNREAD:
        return False
    if "taken_from" not in states.notes:
        if states.status is not DatasetStatus.FAILED or states.notes.get("http_status", 0) < 500:
            return False
        states.status = DatasetStatus.PARTIAL
        states.notes["taken_from"] = "sessions"
        states.reason = f"{states.reason}; the last run of each job was taken from its sessions instead"
    return True
