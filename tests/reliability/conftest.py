"""Collections from a misbehaving server, compared with what it really holds."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from vbr_audit.api.client import Client
from vbr_audit.collection.collector import CollectionRequest, read_snapshot
from vbr_audit.collection.manifest import DatasetRecord
from vbr_audit.collection.period import PeriodRequest
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, Simulator, create_app

NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)
SINCE = "2026-08-01"
ESTATE: dict[str, Any] = {"jobs": 12, "sessions": 40, "now": NOW, "role": "Administrator"}
IDS = {
    "jobs": "job_id",
    "job_states": "job_id",
    "sessions": "session_id",
    "backups": "backup_id",
    "repositories": "repository_id",
    "credentials": "credentials_id",
}


@dataclass(frozen=True)
class Outcome:
    """What a collection says of itself, and how it compares with the server."""

    records: dict[str, DatasetRecord]
    lost: dict[str, set[str]] = field(default_factory=dict)
    doubled: dict[str, int] = field(default_factory=dict)

    @property
    def incomplete(self) -> set[str]:
        """The datasets that do not claim to be whole."""
        return {name for name in self.lost if self.records[name].status != "complete"}

    def check_honesty(self) -> None:
        """Nothing is doubled; nothing that was there all the time is lost, unless the dataset says it is not whole."""
        for name, lost in self.lost.items():
            record = self.records[name]
            assert not self.doubled[name], name
            assert record.status != "complete" or not lost, (name, len(lost))
            assert (record.status == "complete") == (record.reason is None), (name, record.reason)


def ids_held(
    simulator: Simulator, revision: str | None = None, datasets: Iterable[str] = tuple(IDS)
) -> dict[str, set[str]]:
    """The ids of all rows of `datasets` that the server holds now."""
    truth = simulator.truth(revision)
    return {name: {str(row["id"]) for row in truth.rows(name)} for name in datasets}


def compare(snapshot: Snapshot, simulator: Simulator, before: dict[str, set[str]], revision: str | None) -> Outcome:
    """The tables of `snapshot` against the rows that stood on the server from before to after the reading."""
    outcome = Outcome({record.name: record for record in snapshot.manifest.datasets})
    after = ids_held(simulator, revision, [name for name in IDS if name in outcome.records])
    for name in after:
        ids = snapshot.tables[name][IDS[name]].dropna()
        stayed = (before[name] & after[name]) - simulator.churn.gone.get(name, set())
        outcome.lost[name] = stayed - set(ids)
        outcome.doubled[name] = int(ids.duplicated().sum())
    return outcome


def collect_in_process(
    *faults: str, revision: str | None = None, workers: int = 4, datasets: tuple[str, ...] = tuple(IDS), **options: Any
) -> Outcome:
    """Read a misbehaving server without a socket, and compare."""
    app = create_app(faults=faults, **{**ESTATE, **options})
    simulator: Simulator = app.config["simulator"]
    before = ids_held(simulator, revision, datasets)
    client = Client(
        "http://127.0.0.1",
        username=DEMO_USERNAME,
        password=SecretStr(DEMO_PASSWORD),
        revision=revision,
        transport=httpx.WSGITransport(app=app),
    )
    period = PeriodRequest.of(since=SINCE, timezone="UTC")
    with client:
        request = CollectionRequest(period=period, datasets=datasets, workers=workers)
        snapshot = read_snapshot(client, request, tool_version="test", progress=False)
    try:
        return compare(snapshot, simulator, before, revision)
    finally:
        snapshot.close()


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    """Write no line for each of the many retries: nobody reads them here."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def collected() -> Callable[..., Outcome]:
    """A function that reads a misbehaving server in process: `collected("churn=1", "limit-cap=7", workers=1)`."""
    return collect_in_process


@pytest.fixture
def compared() -> Callable[..., Outcome]:
    """A function that compares a snapshot with the simulator it came from."""
    return compare


@pytest.fixture
def held() -> Callable[..., dict[str, set[str]]]:
    """A function that tells which ids a simulator holds."""
    return ids_held


@pytest.fixture
def estate() -> dict[str, Any]:
    """The options of the small estate that all of these tests read."""
    return dict(ESTATE)
