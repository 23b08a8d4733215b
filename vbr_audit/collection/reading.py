"""Reading one dataset of one server: the pages, their evidence, and an honest record of how it went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vbr_audit.api.client import Answer, Client
from vbr_audit.api.paging import LIMIT, PageReader, envelope
from vbr_audit.collection.assemble import RowCount, ServerTables
from vbr_audit.collection.datasets import Dataset, Shape
from vbr_audit.collection.evidence import DatasetWriter, EvidenceWriter
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, utc_now
from vbr_audit.collection.progress import Listener
from vbr_audit.errors import AbsentError, BadAnswerError, ConnectError, DeniedError, OutputError, VbrAuditError

_MARGIN = dt.timedelta(seconds=1)


@dataclass(frozen=True)
class Window:
    """The frozen bounds that are sent as the server's date filter."""

    since: dt.datetime
    until: dt.datetime


class ServerReading:
    """Reads the datasets of one server one after another into `tables`, `evidence` and `records`."""

    def __init__(self, client: Client, progress: Listener, *, workers: int) -> None:
        self.client = client
        self.tables = ServerTables(client.name)
        self.evidence = EvidenceWriter()
        self.records: list[DatasetRecord] = []
        self.clock_skew_s: float | None = None
        self.newest_revision: str | None = None
        self._progress = progress
        self._workers = workers
        self._answered = False

    def read(self, dataset: Dataset, window: Window | None = None) -> None:
        """Read `dataset`; what cannot be read is recorded, not raised, once the server has answered at all.

        Raises `ConnectError` while the server has not answered anything yet.
        """
        self._progress.start(self.client.name, dataset.title)
        query = query_for(dataset, window)
        record = DatasetRecord(
            server=self.client.name,
            name=dataset.name,
            path=dataset.path,
            query=query,
            revision=self.client.revision,
            status=DatasetStatus.FAILED,
            started=utc_now(),
            ended=utc_now(),
        )
        writer = self.evidence.dataset(dataset.name)
        self.records.append(record)
        with self._recording(record, writer):
            if dataset.shape is Shape.PAGES:
                self._read_pages(dataset, query, record, writer)
            elif dataset.shape is Shape.FIRST:
                self._read_first(dataset, query, record, writer)
            else:
                self._read_object(dataset, record, writer)

    def skip(self, dataset: Dataset, reason: str) -> None:
        """Record that `dataset` was not read, and why."""
        moment = utc_now()
        self.records.append(
            DatasetRecord(
                server=self.client.name,
                name=dataset.name,
                path=dataset.path,
                revision=self.client.revision,
                status=DatasetStatus.FAILED,
                reason=reason,
                started=moment,
                ended=moment,
            )
        )

    def _read_pages(
        self, dataset: Dataset, query: dict[str, str], record: DatasetRecord, writer: DatasetWriter
    ) -> None:
        def fetch(skip: int, limit: int) -> Answer:
            return self.client.get(dataset.path, {"skip": str(skip), **query, "limit": str(limit)})

        reader = PageReader(fetch, path=dataset.path, key=dataset.key, workers=self._workers)
        try:
            for page in reader:
                self._answered = True
                writer.write(page.skip, page.body)
                self.tables.accept(dataset.name, page.rows)
                self._progress.advance(reader.distinct, reader.total)
        finally:
            record.api_total = reader.total
            record.rows_received = reader.received
            record.rows_duplicate = reader.duplicates
            if reader.vanished:
                record.notes["rows_gone_while_reading"] = reader.vanished
        record.reason = reader.shortfall
        record.status = DatasetStatus.PARTIAL if reader.shortfall else DatasetStatus.COMPLETE

    def _read_first(
        self, dataset: Dataset, query: dict[str, str], record: DatasetRecord, writer: DatasetWriter
    ) -> None:
        answer = self.client.get(dataset.path, query)
        rows, total = envelope(answer, dataset.path)
        self._answered = True
        writer.write(0, answer.body)
        self.tables.accept(dataset.name, rows)
        record.rows_received = len(rows)
        record.notes["rows_on_server"] = total
        record.status = DatasetStatus.COMPLETE
        if total and not rows:
            record.status = DatasetStatus.FAILED
            record.reason = f"the server counts {total:,} rows but answered none"

    def _read_object(self, dataset: Dataset, record: DatasetRecord, writer: DatasetWriter) -> None:
        answer = self.client.get(dataset.path)
        if not isinstance(answer.document, dict):
            raise BadAnswerError(f"{dataset.path}: expected a JSON object", path=dataset.path)
        self._answered = True
        writer.write(0, answer.body)
        self.tables.accept_object(dataset.name, answer.document)
        record.rows_received = 1
        record.status = DatasetStatus.COMPLETE

    @contextmanager
    def _recording(self, record: DatasetRecord, writer: DatasetWriter) -> Iterator[None]:
        try:
            yield
        except ConnectError as error:
            if not self._answered:
                raise
            _give_up(record, writer, error.message)
        except DeniedError as error:
            record.status, record.reason = DatasetStatus.DENIED, error.message
            self._answered = True
        except AbsentError as error:
            record.status, record.reason = DatasetStatus.ABSENT, error.message
            self._answered = True
        except OutputError:
            raise
        except VbrAuditError as error:
            _give_up(record, writer, error.message)
        except KeyboardInterrupt:
            _give_up(record, writer, "interrupted while it was read")
            raise
        finally:
            record.ended = utc_now()
            record.revision = self.client.revision
            record.pages, record.bytes = writer.pages, writer.bytes
            record.sha256 = writer.sha256 if writer.pages else None


def query_for(dataset: Dataset, window: Window | None) -> dict[str, str]:
    """The query of `dataset` without `skip`; the date filter is a hint, a second wider than the window."""
    query = {"limit": str(LIMIT if dataset.shape is Shape.PAGES else 1)} if dataset.shape is not Shape.OBJECT else {}
    if dataset.order:
        query |= {"orderColumn": dataset.order, "orderAsc": "true"}
    if dataset.by_period and window is not None:
        query |= {
            "createdAfterFilter": _stamp(window.since - _MARGIN),
            "createdBeforeFilter": _stamp(window.until + _MARGIN),
        }
    return query


def settings_revision(records: Iterable[DatasetRecord], default: str) -> str:
    """The revision in which the job documents were read: it says where their settings stand."""
    return next((record.revision for record in records if record.name == "jobs"), default)


def settle(record: DatasetRecord, count: RowCount) -> None:
    """Write into `record` what became of its rows; rows that cannot be read, or not be placed, make it partial."""
    record.rows_kept = count.kept
    record.rows_outside_period = count.outside_period
    record.rows_out_of_scope = count.out_of_scope
    record.notes |= count.notes
    if record.status is DatasetStatus.COMPLETE and (count.unreadable or count.ownerless):
        gaps = [
            (count.unreadable, "rows are no JSON objects and could not be read"),
            (count.ownerless, "runs of jobs do not say of which job"),
        ]
        record.status = DatasetStatus.PARTIAL
        record.reason = "; ".join(f"{number:,} {words}" for number, words in gaps if number)


def _give_up(record: DatasetRecord, writer: DatasetWriter, reason: str) -> None:
    record.status = DatasetStatus.PARTIAL if writer.pages else DatasetStatus.FAILED
    record.reason = reason


def _stamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
