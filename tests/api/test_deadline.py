"""A whole answer has its time, however steadily its bytes drip."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from vbr_audit.api.answers import deadline_for
from vbr_audit.api.client import Client
from vbr_audit.errors import TransientError
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl, serve


@pytest.fixture
def dripping() -> Iterator[ServerUrl]:
    """A server that takes 50 ms for each byte of an answer."""
    with serve(faults=["slow-loris=0.05"], jobs=5, sessions=20) as url:
        yield url


def client_of(url: ServerUrl, deadline: float) -> Client:
    return Client(
        url, username=DEMO_USERNAME, password=SecretStr(DEMO_PASSWORD), revision="1.3-rev1", deadline=deadline
    )


def test_a_dripping_answer_is_left_at_the_deadline_and_tried_once_more(dripping: ServerUrl) -> None:
    with client_of(dripping, deadline=0.4) as client:
        started = time.monotonic()
        with pytest.raises(TransientError, match=r"no whole answer in time.*\(after 2 tries\)"):
            client.get("/api/v1/jobs")
        assert time.monotonic() - started < 5
        assert dripping.simulator.counts.data_requests == 2


def test_a_client_that_has_met_a_drip_does_not_wait_twice_again(dripping: ServerUrl) -> None:
    with client_of(dripping, deadline=0.3) as client:
        for expected in ("after 2 tries", "after one try", "after one try"):
            with pytest.raises(TransientError, match=expected):
                client.get("/api/v1/sessions")
        assert dripping.simulator.counts.data_requests == 4


def test_a_slow_answer_within_its_time_is_taken(dripping: ServerUrl) -> None:
    with client_of(dripping, deadline=30) as client:
        assert client.get("/api/v1/serverTime").document["serverTime"]
        assert client.retries == 0


def test_the_default_grows_with_the_timeout() -> None:
    assert (deadline_for(1), deadline_for(60)) == (120, 300)
