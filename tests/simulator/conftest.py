"""A signed-in client in front of a simulated server, in this process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, Simulator, create_app

NOW = datetime(2026, 11, 15, 9, 0, tzinfo=UTC)
TOKEN = "/api/oauth2/token"


class Client:
    """Asks the simulator as an API client would, and looks behind its face."""

    def __init__(self, http: httpx.Client, simulator: Simulator) -> None:
        self.http = http
        self.simulator = simulator

    def token(self, **form: str) -> httpx.Response:
        return self.http.post(TOKEN, data=form)

    def sign_in(self) -> dict[str, Any]:
        answer = self.token(grant_type="password", username=DEMO_USERNAME, password=DEMO_PASSWORD)
        assert answer.status_code == 200, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer.json()

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(f"/api/v1/{path}", params=query)

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(path, limit=100_000, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="module")
def whole_server() -> Iterator[Callable[[str], Client]]:
    """An administrator in front of a larger server of a revision, started once for all tests of a module."""
    with ExitStack() as stack:
        started: dict[str, Client] = {}

        def in_revision(revision: str) -> Client:
            if revision not in started:
                asked = {"asking": revision, "revision": revision, "role": "Administrator"}
                started[revision] = _start(stack, now=NOW, jobs=60, sessions=400, **asked)
            return started[revision]

        yield in_revision


@pytest.fixture(scope="module")
def server_of_year() -> Iterator[Callable[..., Client]]:
    """An administrator in front of a server as of a month of its year, started once for all tests of a module."""
    with ExitStack() as stack:
        started: dict[tuple[int, str], Client] = {}

        def in_month(month: int, revision: str) -> Client:
            if (month, revision) not in started:
                asked = {"month": month, "revision": revision, "role": "Administrator"}
                started[month, revision] = _start(stack, now=NOW, jobs=45, sessions=150, **asked)
            return started[month, revision]

        yield in_month


def _start(stack: ExitStack, *faults: str, asking: str = "", signed_in: bool = True, **options: Any) -> Client:
    app = create_app(faults=faults, **options)
    simulator: Simulator = app.config["simulator"]
    http = httpx.Client(
        transport=httpx.WSGITransport(app=app),
        base_url="http://simulator",
        headers={"x-api-version": asking or simulator.options.revision},
    )
    client = Client(stack.enter_context(http), simulator)
    if signed_in:
        client.sign_in()
    return client


@pytest.fixture
def start(now: datetime) -> Iterator[Callable[..., Client]]:
    """Start a simulated server; `asking` is the revision to ask for, default its newest."""
    with ExitStack() as stack:

        def start_one(*faults: str, **options: Any) -> Client:
            return _start(stack, *faults, **{"now": now, "jobs": 12, "sessions": 120, **options})

        yield start_one


def assert_is_error(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"errorCode", "message", "resourceId"}
    assert body["errorCode"] == code
    assert body["message"]


@pytest.fixture
def is_error() -> Callable[[httpx.Response, int, str], None]:
    return assert_is_error
