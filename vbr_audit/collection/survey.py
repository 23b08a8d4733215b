"""A look before reading: what this account may read of this server, dataset by dataset, one row of each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vbr_audit.api.client import Client
from vbr_audit.api.paging import WORKERS
from vbr_audit.api.tls import Certificate, shown_certificate
from vbr_audit.collection.manifest import utc_now
from vbr_audit.collection.shapes import HANDLINGS, ask_in_order
from vbr_audit.datasets import DATASETS, Dataset
from vbr_audit.errors import AbsentError, ApiError, ConnectError, DeniedError, VbrAuditError
from vbr_audit.revisions import KNOWN, NEWEST, is_at_least
from vbr_audit.tables import server_info, server_time

NO_PARENT = "no row of {} to look below"


class Reach(StrEnum):
    """Whether one dataset can be read."""

    READABLE = "readable"
    """One row of it, or its being empty, was answered."""
    DENIED = "denied"
    """The account's role may not read it."""
    NOT_OFFERED = "not offered"
    """The server does not have it in this revision."""
    FAILED = "failed"
    """It was asked for and not answered as the API promises."""
    NOT_TRIED = "not tried"
    """It stands below another dataset that could not be looked into."""


@dataclass(frozen=True)
class Probe:
    """What became of asking for one row of one dataset.

    `path` is the one of this revision; `roles` are those that may read it there; `rows` is the server's count, None
    where it does not report one. A dataset below an empty parent is NOT_TRIED with `rows` 0: there is nothing to read.
    """

    name: str
    title: str
    path: str
    first_revision: str
    reach: Reach
    reason: str | None = None
    roles: tuple[str, ...] = ()
    rows: int | None = None

    @property
    def is_lacking(self) -> bool:
        """Whether a check that needs it would lack it: it cannot be read, and is not known to be empty."""
        return self.reach is not Reach.READABLE and self.rows != 0


@dataclass(frozen=True)
class Survey:
    """What a server is, how it was reached, and what may be read of it; all texts as the server gave them.

    `clock_skew_s` is its clock minus ours, in seconds; `build_reason` says why `build` is None; `revisions_beyond` are
    those that the server speaks and that are newer than all that this package knows.
    """

    server: str
    url: str
    host: str
    port: int
    tls: str
    certificate: Certificate | None
    account: str
    revision: str
    revision_newest: str
    revisions_offered: tuple[str, ...]
    build: str | None
    build_reason: str | None
    clock_skew_s: float | None
    probes: tuple[Probe, ...]

    @property
    def revisions_beyond(self) -> tuple[str, ...]:
        """What the server speaks beyond the newest revision known here, oldest first."""
        return tuple(r for r in self.revisions_offered if r not in KNOWN and is_at_least(r, NEWEST))

    def probe(self, name: str) -> Probe:
        """The probe of dataset `name`; raises `KeyError`."""
        return {probe.name: probe for probe in self.probes}[name]


def certificate_of(client: Client) -> Certificate | None:
    """The certificate that the server shows, trusted or not; None over plain http or when no handshake succeeds."""
    return shown_certificate(client.host, client.port) if client.url.startswith("https:") else None


def take_survey(client: Client, *, workers: int = WORKERS) -> Survey:
    """Sign in and ask for at most one row of every dataset, with GET only and a few at a time.

    What is refused or breaks is recorded. Raises `ConnectError` when the server cannot be reached or signed in to.
    """
    certificate = certificate_of(client)
    clock, skew = _read_clock(client)
    documents: dict[str, Any] = {}
    first = [d for d in DATASETS.values() if d.at(client.revision).parent is None and d.name != clock.name]
    probes = {clock.name: clock, **_side_by_side(first, lambda d: _probe(client, d, documents), workers)}
    below = [dataset for dataset in DATASETS.values() if dataset.name not in probes]
    probes |= _side_by_side(below, lambda d: _probe_below(client, d, probes, documents), workers)
    info = documents.get("server_info")
    return Survey(
        server=client.name,
        url=client.url,
        host=client.host,
        port=client.port,
        tls=client.tls,
        certificate=certificate,
        account=client.username,
        revision=client.revision,
        revision_newest=client.newest_revision(),
        revisions_offered=client.offered_revisions(),
        build=None if info is None else server_info.parse(info).build,
        build_reason=probes["server_info"].reason,
        clock_skew_s=skew,
        probes=tuple(probes[name] for name in DATASETS),
    )


def _side_by_side(datasets: list[Dataset], ask: Callable[[Dataset], Probe], workers: int) -> dict[str, Probe]:
    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="vbr-audit-survey")
    try:
        return {probe.name: probe for probe in pool.map(ask, datasets)}
    finally:
        pool.shutdown(cancel_futures=True)


def _read_clock(client: Client) -> tuple[Probe, float | None]:
    """The probe of the server's clock, and its clock minus ours; signs in, and settles the revision."""
    dataset, documents, before = DATASETS["server_time"], dict[str, Any](), utc_now()
    try:
        client.get(dataset.path)
        before = utc_now()
        probe = _probe(client, dataset, documents)
    except ConnectError:
        raise
    except VbrAuditError as error:
        return _failed(client, dataset, client.revision, error), None
    clock = server_time.parse(documents.get(dataset.name)).server_time
    middle = before + (utc_now() - before) / 2
    return probe, None if clock is None else round((clock - middle).total_seconds(), 1)


def _probe(client: Client, dataset: Dataset, documents: dict[str, Any], parent_id: str | None = None) -> Probe:
    """Ask for one row of `dataset`; the document goes to `documents`, and every error into the probe."""
    revision = client.revision
    if not dataset.is_offered(revision):
        reason = f"revision {revision} does not have it; it came with {dataset.at(revision).first_revision}"
        return _probe_of(dataset, revision, Reach.NOT_OFFERED, reason)
    shape = dataset.at(revision)
    try:
        path = shape.path if parent_id is None else shape.path_below(parent_id)
        handling = HANDLINGS[shape.shape]
        answer, _ = ask_in_order(lambda path, query: client.get(path, query or None), path, handling.query(shape, 1))
        rows = handling.count(answer, shape)
    except VbrAuditError as error:
        if isinstance(error, ApiError) and error.status in dataset.none_at:
            return _probe_of(dataset, revision, Reach.READABLE, None, 0)
        return _failed(client, dataset, revision, error)
    documents[dataset.name] = answer.document
    return _probe_of(dataset, revision, Reach.READABLE, None, rows)


def _probe_below(client: Client, dataset: Dataset, probes: dict[str, Probe], documents: dict[str, Any]) -> Probe:
    """Ask for `dataset` below the first row of its parent, where there is one."""
    revision = client.revision
    parent = dataset.at(revision).parent or ""
    above = probes[parent]
    if not dataset.is_offered(revision):
        return _probe(client, dataset, documents)
    if above.reach is not Reach.READABLE:
        return _probe_of(dataset, revision, Reach.NOT_TRIED, f"{parent}: {above.reach}")
    rows = documents[parent]["data"]
    if not rows:
        empty = above.rows == 0
        counts = "does not report how many rows it has" if above.rows is None else f"counts {above.rows:,} rows"
        reason = NO_PARENT.format(parent) if empty else f"{parent} {counts} but answered none"
        return _probe_of(dataset, revision, Reach.NOT_TRIED, reason, 0 if empty else None)
    shape = dataset.at(revision)
    if isinstance(rows[0], dict) and shape.not_below and rows[0].get(shape.not_below) is True:
        return _probe_of(dataset, revision, Reach.NOT_TRIED, f"the first row of {parent} has none")
    parent_id = rows[0].get("id") if isinstance(rows[0], dict) else None
    if not isinstance(parent_id, str) or not parent_id:
        return _probe_of(dataset, revision, Reach.NOT_TRIED, f"the first row of {parent} has no id")
    probe = _probe(client, dataset, documents, parent_id)
    return _probe_of(dataset, revision, probe.reach, probe.reason)


def _failed(client: Client, dataset: Dataset, revision: str, error: VbrAuditError) -> Probe:
    denied, absent = isinstance(error, DeniedError), isinstance(error, AbsentError)
    reach = Reach.DENIED if denied else Reach.NOT_OFFERED if absent else Reach.FAILED
    return _probe_of(dataset, revision, reach, client.without_secrets(error.message))


def _probe_of(dataset: Dataset, revision: str, reach: Reach, reason: str | None, rows: int | None = None) -> Probe:
    read = dataset.at(revision)
    return Probe(
        name=dataset.name,
        title=dataset.title,
        path=read.path,
        first_revision=first_revision_of(dataset),
        reach=reach,
        reason=reason,
        roles=tuple(read.access.roles(revision)),
        rows=rows,
    )


def first_revision_of(dataset: Dataset) -> str:
    """The oldest revision that has the rows of `dataset`, wherever it keeps them."""
    return min((dataset, *dataset.earlier), key=lambda d: KNOWN.index(d.first_revision)).first_revision
