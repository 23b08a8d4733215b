"""A whole answer has its time, however steadily its bytes drip."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from beside import begun
from pydantic import SecretStr

from vbr_audit.api.answers import deadline_for
from vbr_audit.api.client import Client
from vbr_audit.errors import TransientError
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl, serve


def client_of(url: ServerUrl, deadline: float) -> Client:
    return Client(
        url, username=DEMO_USERNAME, password=SecretStr(DEMO_PASSWORD), revision="1.3-rev1", deadline=deadline
    )


def ask(path: str, times: int, *, drip: float, deadline: float) -> tuple[list[str], float, int]:
    """Ask a server that takes `drip` seconds for each byte: what came of each try, the seconds, the requests."""
    with serve(faults=[f"slow-loris={drip}"], jobs=5, sessions=20) as url, client_of(url, deadline) as client:
        started, told = time.monotonic(), []
        for _ in range(times):
            try:
                told.append(str(client.get(path).body))
            except TransientError as error:
                told.append(str(error))
        return told, time.monotonic() - started, url.simulator.counts.data_requests


@pytest.fixture(scope="module")
def asked() -> Iterator[Callable[[str], tuple[list[str], float, int]]]:
    """What the client gets from servers that drip: the drips fall beside each other."""
    works = {
        "once": partial(ask, "/api/v1/jobs", 1, drip=0.05, deadline=0.8),
        "thrice": partial(ask, "/api/v1/sessions", 3, drip=0.05, deadline=0.5),
        "slow": partial(ask, "/api/v1/serverTime", 1, drip=0.005, deadline=30),
    }
    with begun(works) as asked:
        yield asked


def test_a_dripping_answer_is_left_at_the_deadline_and_tried_once_more(asked: Any) -> None:
    (told,), seconds, requests = asked("once")
    assert re.search(r"no whole answer in time.*\(after 2 tries\)", told)
    assert seconds < 5
    assert requests == 2


def test_a_client_that_has_met_a_drip_does_not_wait_twice_again(asked: Any) -> None:
    told, _, requests = asked("thrice")
    for text, expected in zip(told, ("after 2 tries", "after one try", "after one try"), strict=True):
        assert expected in text
    assert requests == 4


def test_a_slow_answer_within_its_time_is_taken(asked: Any) -> None:
    (told,), seconds, requests = asked("slow")
    assert "serverTime" in told
    assert seconds > 0.4  # it did drip
    assert requests == 1


def test_the_default_grows_with_the_timeout() -> None:
    assert (deadline_for(1), deadline_for(60)) == (120, 300)
