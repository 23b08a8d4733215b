"""The real client in front of the simulator, in process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from vbr_audit.api.client import Client
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, Simulator, create_app

Simulate = Callable[..., tuple[Client, Simulator]]


@pytest.fixture
def simulate() -> Iterator[Simulate]:
    """A function that makes a client and the simulator behind it: `simulate("fault=1", revision="1.2-rev1")`."""
    with ExitStack() as clients:

        def make(
            *faults: str,
            password: str = DEMO_PASSWORD,
            server_password: str = DEMO_PASSWORD,
            pinned: str | None = None,
            allow_writes: bool = False,
            **options: Any,
        ) -> tuple[Client, Simulator]:
            app = create_app(faults=faults, password=server_password, **{"jobs": 5, "sessions": 40, **options})
            client = Client(
                "http://127.0.0.1",
                username=DEMO_USERNAME,
                password=SecretStr(password),
                revision=pinned,
                transport=httpx.WSGITransport(app=app),
                allow_writes=allow_writes,
            )
            return clients.enter_context(client), app.config["simulator"]

        yield make
