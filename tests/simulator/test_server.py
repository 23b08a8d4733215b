"""The simulator behind a real socket."""

import hashlib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve

ACCOUNT = {"grant_type": "password", "username": DEMO_USERNAME, "password": DEMO_PASSWORD}
HEADERS = {"x-api-version": "1.3-rev1"}


@contextmanager
def signed_in(url, **options):
    with httpx.Client(base_url=url, headers=HEADERS, trust_env=False, **options) as http:
        token = http.post("/api/oauth2/token", data=ACCOUNT).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


def small(now, *faults, **options):
    return serve(now=now, jobs=5, sessions=50, faults=faults, **options)


def test_serves_and_stops(now):
    with small(now) as url:
        assert url.startswith("http://127.0.0.1:")
        with signed_in(url) as http:
            assert http.get("/api/v1/sessions").json()["pagination"]["total"] == 50
        assert url.simulator.counts.requests["/api/v1/sessions"] == 1
        assert url.app.config["simulator"] is url.simulator
        assert url.fingerprint is None
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/api/v1/jobs", trust_env=False)


def assert_hung_up(http):
    with pytest.raises(httpx.TransportError):
        http.get("/api/v1/jobs")


def test_connections_stay_open_and_end_with_the_server(now):
    with ExitStack() as clients, small(now) as url:
        http = clients.enter_context(signed_in(url))
        addresses = {
            http.get("/api/v1/jobs").extensions["network_stream"].get_extra_info("client_addr") for _ in range(3)
        }
        assert len(addresses) == 1
        clients.callback(assert_hung_up, http)


def test_serves_several_clients_at_once(now):
    with small(now) as url, signed_in(url) as http, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda skip: http.get("/api/v1/sessions", params={"skip": skip}).json(), range(20)))
    assert [answer["pagination"]["count"] for answer in answers] == [50 - skip for skip in range(20)]


def test_a_port_in_use_is_an_error_and_no_exit(now):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=r".+"):  # noqa: SIM117
        with small(now, port=taken.getsockname()[1]):
            pass


def test_tls_is_trusted_through_its_own_certificate(now):
    with small(now, tls=True) as url:
        assert url.startswith("https://127.0.0.1:")
        assert url.ca_file is not None
        context = ssl.create_default_context(cafile=url.ca_file)
        with signed_in(url, verify=context) as http:
            assert http.get("/api/v1/jobs").status_code == 200
        certificate = ssl.PEM_cert_to_DER_cert(url.ca_file.read_text())
        assert hashlib.sha256(certificate).hexdigest() == url.fingerprint
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{url}/api/v1/jobs", verify=ssl.create_default_context(), trust_env=False)
        with signed_in(url, verify=context) as http:
            assert http.get("/api/v1/jobs").status_code == 200
        folder = url.ca_file.parent
    assert not folder.exists()


def test_plain_http_to_the_tls_port_hurts_nobody(now):
    with small(now, tls=True) as url:
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http{url[5:]}/api/v1/jobs", headers=HEADERS, trust_env=False)
        with signed_in(url, verify=ssl.create_default_context(cafile=url.ca_file)) as http:
            assert http.get("/api/v1/jobs").status_code == 200


def test_cut_body_is_a_broken_transfer(now):
    with small(now, "cut-body=2") as url, signed_in(url) as http:
        assert http.get("/api/v1/sessions").status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            http.get("/api/v1/sessions")
        assert len(http.get("/api/v1/sessions").json()["data"]) == 50


def test_reset_closes_without_an_answer(now):
    with small(now, "reset=2") as url, signed_in(url) as http:
        assert http.get("/api/v1/sessions").status_code == 200
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            http.get("/api/v1/sessions")
        assert http.get("/api/v1/sessions").status_code == 200


def test_slow_runs_into_a_timeout(now):
    with small(now, "slow=0.3") as url, signed_in(url) as http:
        with pytest.raises(httpx.ReadTimeout):
            http.get("/api/v1/jobs", timeout=0.05)
        assert http.get("/api/v1/jobs").status_code == 200


def test_head_has_no_body(now):
    with small(now) as url, signed_in(url) as http:
        answer = http.head("/api/v1/jobs")
        assert (answer.status_code, answer.content) == (200, b"")
        assert http.get("/api/v1/jobs").status_code == 200


def test_a_body_can_drip_byte_by_byte():
    with (
        serve(faults=["slow-loris=0.001"], jobs=1, sessions=1) as url,
        signed_in(url) as client,
        client.stream("GET", "/api/v1/serverTime") as answer,
    ):
        parts = list(answer.iter_raw())
    assert len(parts) > 5
    assert url.simulator.counts.faults["slow-loris"] == 1


def test_the_certificate_changes_between_two_requests():
    with serve(tls=True, faults=["certificate-change=3"], jobs=1, sessions=1) as url:
        port = httpx.URL(url).port
        first = ssl.get_server_certificate(("127.0.0.1", port))
        with signed_in(url, verify=ssl.create_default_context(cafile=url.ca_file)) as client:
            assert client.get("/api/v1/serverTime").status_code == 200
            assert client.get("/api/v1/serverTime").status_code == 200
            with suppress(httpx.RemoteProtocolError, httpx.ReadError, httpx.ConnectError):  # hung up on
                client.get("/api/v1/serverTime")
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                client.get("/api/v1/serverTime")
        assert ssl.get_server_certificate(("127.0.0.1", port)) != first
