"""Signing in, staying signed in, and what the client says when a server misbehaves."""

from __future__ import annotations

import logging
import traceback
import weakref

import httpx
import pytest
from pydantic import SecretStr

from vbr_audit.api.client import Client, parse_url
from vbr_audit.collection.assemble import without_cycle_search
from vbr_audit.errors import (
    AbsentError,
    ApiError,
    BadAnswerError,
    ConfigurationError,
    DeniedError,
    RevisionError,
    SignInError,
    TransientError,
    UnreachableError,
    VbrAuditError,
    WriteRefusedError,
)

TIME, JOBS = "/api/v1/serverTime", "/api/v1/jobs"


def test_one_sign_in_serves_many_reads_and_ends_with_a_sign_out(simulate) -> None:
    client, simulator = simulate()
    for _ in range(5):
        client.get(TIME)
    assert simulator.counts.sign_ins == 1
    client.close()
    assert simulator.counts.sign_outs == 1
    assert set(simulator.counts.methods) == {"GET", "POST"}
    assert {path for method, path, _ in simulator.counts.log if method == "POST"} == {
        "/api/oauth2/token",
        "/api/oauth2/logout",
    }


def test_the_body_of_an_answer_goes_with_it_also_while_nobody_searches_for_cycles(simulate) -> None:
    client, _ = simulate()
    client.get(TIME)
    responses: list[weakref.ref[httpx.Response]] = []
    client._http.event_hooks["response"].append(lambda response: responses.append(weakref.ref(response)))
    with without_cycle_search():
        answers = [client.get(JOBS), client.get(TIME)]
        assert all(answer.body for answer in answers)
        assert [response() for response in responses] == [None, None]


def test_nothing_is_sent_before_the_first_read(simulate) -> None:
    client, simulator = simulate()
    client.close()
    assert not simulator.counts.log


def test_a_refused_password_is_sent_once_however_often_one_reads(simulate) -> None:
    client, simulator = simulate(password="wrong")
    for _ in range(3):
        with pytest.raises(SignInError, match="'auditor'"):
            client.get(TIME)
    assert simulator.counts.failed_sign_ins == 1


@pytest.mark.parametrize("faults", [("token-calls=2",), ("token-calls=2", "empty-401"), ("token-ttl=0.2",)])
def test_a_dying_token_is_refreshed_not_signed_in_again(simulate, faults: tuple[str, ...]) -> None:
    client, simulator = simulate(*faults)
    for _ in range(9):
        client.get(TIME)
        if "token-ttl=0.2" in faults:
            import time

            time.sleep(0.11)
    assert simulator.counts.sign_ins == 1
    assert simulator.counts.refreshes >= 3
    assert simulator.counts.failed_refreshes == 0


def test_a_refused_refresh_falls_back_to_the_password(simulate) -> None:
    client, simulator = simulate("token-calls=2", "refuse-refresh")
    for _ in range(7):
        client.get(TIME)
    assert simulator.counts.sign_ins >= 3
    assert simulator.counts.failed_sign_ins == 0


def test_the_capitalised_grant_type_is_tried_after_a_400_only(simulate) -> None:
    client, simulator = simulate("capitalised-grant", "token-calls=2")
    for _ in range(5):
        client.get(TIME)
    assert simulator.counts.sign_ins == 1
    assert simulator.counts.refreshes >= 1


@pytest.mark.parametrize("revision", ["1.1-rev0", "1.1-rev1", "1.2-rev1", "1.3-rev1", "1.3-rev2"])
def test_the_newest_common_revision_is_taken_from_the_servers_own_list(simulate, revision: str) -> None:
    client, simulator = simulate(revision=revision)
    client.get(TIME)
    assert client.revision == client.newest_revision() == revision
    assert simulator.counts.failed_sign_ins == 0
    assert simulator.counts.sign_ins == 1


def test_a_fixed_revision_is_kept_and_the_newest_one_known_beside_it(simulate) -> None:
    client, _ = simulate(revision="1.3-rev1", pinned="v1.2-rev1")
    client.get(TIME)
    assert client.revision == "1.2-rev1"
    assert client.newest_revision() == "1.3-rev1"


def test_a_fixed_revision_that_the_server_does_not_speak_is_an_error_with_its_list(simulate) -> None:
    client, simulator = simulate(revision="1.2-rev1", pinned="1.3-rev1")
    with pytest.raises(RevisionError) as caught:
        client.get(TIME)
    assert "1.2-rev1" in caught.value.supported
    assert simulator.counts.failed_sign_ins == 0


def test_a_refusal_without_a_list_is_told_as_it_came(simulate) -> None:
    client, simulator = simulate("no-version-list", revision="1.2-rev1")
    with pytest.raises(SignInError, match="Unsupported"):
        client.get(TIME)
    assert simulator.counts.failed_sign_ins == 0


def test_a_revision_that_nobody_knows_is_refused_before_any_request(simulate) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown REST revision '2\.0'"):
        simulate(pinned="2.0")


@pytest.mark.parametrize("fault", ["unavailable=2", "throttle=2", "cut-body=2", "cut-json=2", "reset=2"])
def test_what_may_pass_is_tried_again(simulate, fault: str) -> None:
    client, _ = simulate(fault)
    for _ in range(6):
        assert client.get(JOBS, {"skip": "0"}).document["pagination"]["total"] > 0
    assert client.retries >= 2


@pytest.mark.parametrize(
    ("fault", "kind", "message", "tries"),
    [
        ("denied=jobs", DeniedError, "denied to this account", 1),
        ("missing=jobs", AbsentError, "does not exist", 1),
        ("html=jobs", BadAnswerError, "expected JSON, got '<", 1),
        ("broken=jobs", TransientError, r"HTTP 500.*after 6 tries", 6),
        ("cut-json-forever=jobs", BadAnswerError, r"breaks off.*after 6 tries", 6),
    ],
)
def test_what_stays_wrong_is_said_with_path_and_hint(
    simulate, fault: str, kind: type[ApiError], message: str, tries: int
) -> None:
    client, simulator = simulate(fault)
    with pytest.raises(kind, match=message) as caught:
        client.get(JOBS, {"nameFilter": "secret-looking-filter"})
    assert caught.value.path == JOBS
    assert JOBS in caught.value.message
    assert "secret-looking-filter" not in str(caught.value)
    assert simulator.counts.requests[JOBS] == tries


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "post"])
def test_a_write_never_leaves_the_client(simulate, method: str) -> None:
    client, simulator = simulate()
    with pytest.raises(WriteRefusedError, match="would change the server"):
        client.request(method, f"{JOBS}/1/start")
    assert not simulator.counts.log


def test_an_unreachable_server_is_named_with_its_port() -> None:
    client = Client("http://127.0.0.1:9", username="a", password=SecretStr("b"))
    with client, pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9") as caught:
        client.get(TIME)
    assert "9419" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("vbr01.example", "https://vbr01.example:9419/"),
        ("https://vbr01.example", "https://vbr01.example:9419/"),
        ("https://vbr01.example/", "https://vbr01.example:9419/"),
        ("https://vbr01.example:443", "https://vbr01.example:443"),
        ("https://vbr01.example:8443", "https://vbr01.example:8443/"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]:9419/"),
        ("http://localhost:9419", "http://localhost:9419/"),
        ("http://127.0.0.1", "http://127.0.0.1:9419/"),
    ],
)
def test_the_port_is_9419_unless_said(text: str, address: str) -> None:
    client = Client(text, username="a", password=SecretStr("b"))
    with client:
        expected = address.rstrip("/").removesuffix(":443")
        assert client.url.removesuffix(":443") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://user:pw@vbr01.example", "do not belong into the address"),
        ("http://vbr01.example", "in the clear"),
        ("http://10.0.0.5:9419", "in the clear"),
        ("ftp://vbr01.example", "not the address"),
        ("https://vbr01.example/api/v1", "not the address"),
        ("https://vbr01.example?x=1", "not the address"),
        ("https://", "not the address"),
        ("https://vbr01.example:99999", "not an address"),
        (f"https://{'a' * 64}.example", "not an address"),
        ("https://vbr01..example", "not an address"),
    ],
)
def test_what_is_no_address_of_a_server_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        parse_url(text)
    assert "pw" not in str(caught.value)


CANARY = "canary-Xy7!pass"


def test_a_password_and_tokens_appear_nowhere(simulate, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for faults in ((), ("cut-json-forever=jobs",), ("denied=jobs",), ("token-calls=1", "refuse-refresh")):
        client, _ = simulate(*faults, password=CANARY, server_password=CANARY if faults else "another")
        texts += [repr(client), str(client), repr(client._auth), repr(vars(client)), repr(vars(client._auth))]
        for path in (JOBS, TIME):
            try:
                client.get(path)
            except VbrAuditError as error:
                texts += [str(error), repr(error), "".join(traceback.format_exception(error))]
        token = client._auth._access
        texts.append(caplog.text)
        if token is not None:
            assert token.get_secret_value() not in "".join(texts)
    assert CANARY not in "".join(texts)


@pytest.mark.parametrize(
    ("url", "port"), [("https://vbr01.example", 9419), ("https://vbr01.example:443", 443), ("http://127.0.0.1:80", 80)]
)
def test_the_port_that_is_asked_is_the_one_that_is_named(url: str, port: int) -> None:
    with Client(url, username="auditor", password=SecretStr("x")) as client:
        assert (client.host, client.port) == (client._url.host, port)
