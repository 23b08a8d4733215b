"""Collections from a simulated server, in process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from vbr_audit.api.client import Client
from vbr_audit.collection.collector import CollectionRequest, read_snapshot
from vbr_audit.collection.period import PeriodRequest
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, Simulator, create_app

NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)
Collect = Callable[..., tuple[Snapshot, Simulator]]


@contextmanager
def _reading() -> Iterator[Collect]:
    """A function that reads a simulator, with its snapshots open to the end of the block."""
    with ExitStack() as stack:

        def read(
            *faults: str,
            workers: int = 4,
            jobs_pattern: str | None = None,
            pinned: str | None = None,
            datasets: tuple[str, ...] | None = None,
            mask_accounts: bool = False,
            **options: Any,
        ) -> tuple[Snapshot, Simulator]:
            period = {name: options.pop(name) for name in ("month", "since", "until", "timezone") if name in options}
            app = create_app(faults=faults, **{"jobs": 12, "sessions": 300, "now": NOW, **options})
            client = Client(
                "http://127.0.0.1",
                name="vbr01",
                username=DEMO_USERNAME,
                password=SecretStr(DEMO_PASSWORD),
                revision=pinned,
                transport=httpx.WSGITransport(app=app),
            )
            stack.enter_context(client)
            request = CollectionRequest(
                period=PeriodRequest.of(**period),
                workers=workers,
                jobs_pattern=jobs_pattern,
                datasets=datasets,
                mask_accounts=mask_accounts,
            )
            snapshot = read_snapshot(client, request, tool_version="test")
            stack.callback(snapshot.close)
            return snapshot, app.config["simulator"]

        yield read


@pytest.fixture
def collect() -> Iterator[Collect]:
    """A function that reads a simulator: `collect("fault=1", sessions=300, workers=1, since="2026-10-01")`."""
    with _reading() as read:
        yield read


@pytest.fixture(scope="module")
def collected_once() -> Iterator[Collect]:
    """The same, but what was read in the same way before is given again: nobody may change it."""
    with _reading() as read:
        yield cache(read)
