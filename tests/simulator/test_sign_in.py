"""Sign-in, refresh, sign-out, and what is looked at before them."""

from datetime import UTC, datetime, timedelta

import pytest


def test_answers_a_pair_with_all_keys(start):
    pair = start(signed_in=False).sign_in()
    assert set(pair) == {"access_token", "token_type", "refresh_token", "expires_in", ".issued", ".expires"}
    assert pair["token_type"] == "bearer"
    assert pair["expires_in"] == 900


@pytest.mark.parametrize(("username", "password"), [("auditor", "wrong"), ("nobody", "demo-password"), ("", "")])
def test_refuses_a_wrong_account(start, is_error, username, password):
    client = start(signed_in=False)
    answer = client.token(grant_type="password", username=username, password=password)
    is_error(answer, 401, "AccessDenied")
    assert answer.json()["message"] == "Authentication failed"
    assert client.simulator.counts.failed_sign_ins == 1


def test_account_can_be_chosen(start):
    client = start(signed_in=False, username="ann", password="s3cret")
    assert client.token(grant_type="password", username="ann", password="s3cret").status_code == 200


@pytest.mark.parametrize("grant", ["Password", "Refresh_token", "client_credentials", ""])
def test_refuses_other_grants_without_counting_a_failed_sign_in(start, is_error, grant):
    client = start(signed_in=False)
    is_error(client.token(grant_type=grant), 400, "UnexpectedContent")
    assert client.simulator.counts.failed_sign_ins == 0


def test_takes_a_form_and_not_json(start):
    client = start(signed_in=False)
    body = {"grant_type": "password", "username": "auditor", "password": "demo-password"}
    assert client.http.post("/api/oauth2/token", json=body).status_code == 400


def test_capitalised_grant_turns_it_round(start):
    client = start("capitalised-grant", signed_in=False)
    account = {"username": "auditor", "password": "demo-password"}
    assert client.token(grant_type="password", **account).status_code == 400
    pair = client.token(grant_type="Password", **account).json()
    assert client.token(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 400
    assert client.token(grant_type="Refresh_token", refresh_token=pair["refresh_token"]).status_code == 200


def test_refresh_token_works_once_and_gives_a_new_pair(start):
    client = start()
    first = client.sign_in()
    second = client.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert client.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 401
    assert client.simulator.counts.refreshes == 1
    assert client.simulator.counts.failed_refreshes == 1


def test_refuse_refresh(start):
    client = start("refuse-refresh")
    pair = client.sign_in()
    assert client.token(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 401


def test_sign_out_ends_both_tokens(start):
    client = start(signed_in=False)
    pair = client.sign_in()
    assert client.http.post("/api/oauth2/logout").status_code == 200
    assert client.get("jobs").status_code == 401
    assert client.token(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 401
    assert client.simulator.counts.sign_outs == 1


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic abc", "Bearer"])
def test_refuses_a_missing_or_unknown_token(start, is_error, header):
    client = start(signed_in=False)
    if header:
        client.http.headers["Authorization"] = header
    is_error(client.get("jobs"), 401, "InvalidToken")


def test_empty_401(start):
    answer = start("empty-401", signed_in=False).get("jobs")
    assert (answer.status_code, answer.content) == (401, b"")


def test_token_dies_after_its_calls(start):
    client = start("token-calls=3")
    assert [client.get("serverTime").status_code for _ in range(5)] == [200, 200, 200, 401, 401]


def test_token_dies_after_its_time(start, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("vbr_audit.simulator.tokens.monotonic", lambda: clock[0])
    client = start("token-ttl=30", signed_in=False)
    assert client.sign_in()["expires_in"] == 30
    clock[0] += 29
    assert client.get("serverTime").status_code == 200
    clock[0] += 1
    assert client.get("serverTime").status_code == 401


@pytest.mark.parametrize("asked", ["", "1.0-rev1", "9.9-rev9", "v1.3-rev1", "1.3-rev2"])
def test_revision_is_looked_at_before_the_sign_in(start, is_error, asked):
    client = start(signed_in=False, revision="1.3-rev1")
    client.http.headers["x-api-version"] = asked
    answer = client.token(grant_type="password", username="auditor", password="wrong")
    is_error(answer, 400, "NotImplemented")
    assert answer.json()["message"].endswith(
        "v1.1-rev0, v1.1-rev1, v1.1-rev2, v1.2-rev0, v1.2-rev1, v1.3-rev0, v1.3-rev1"
    )
    assert client.simulator.counts.failed_sign_ins == 0
    is_error(client.get("jobs"), 400, "NotImplemented")


def test_revision_may_be_missing_altogether(start, is_error):
    client = start()
    del client.http.headers["x-api-version"]
    is_error(client.get("jobs"), 400, "NotImplemented")


def test_no_version_list(start):
    client = start("no-version-list", asking="0.1-rev0", signed_in=False)
    assert client.get("jobs").json()["message"] == "Unsupported RESTAPI version."


def test_counts_what_it_was_asked(start):
    client = start()
    client.get("jobs", limit=1)
    client.get("jobs", limit=2)
    counts = client.simulator.counts
    assert counts.sign_ins == 1
    assert counts.requests["/api/v1/jobs"] == 2
    assert set(counts.methods) == {"POST", "GET"}
    assert counts.log[-1] == ("GET", "/api/v1/jobs", "limit=2")


WRITES = {  # only jobs can be written; jobs/states has the form of one job
    "jobs": {"POST"},
    "jobs/states": {"PUT", "DELETE"},
    "jobs/some": {"PUT", "DELETE"},
    "jobs/some/start": {"POST"},
}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", [*WRITES, "sessions", "serverTime", "serverInfo"])
def test_other_methods_are_not_allowed(start, is_error, method, path):
    answer = start(role="Administrator").http.request(method, f"/api/v1/{path}")
    if method in WRITES.get(path, ()):
        assert answer.status_code == 400
    else:
        is_error(answer, 405, "MethodNotAllowed")


@pytest.mark.parametrize("path", ["/", "/api/v1/nothing", "/api/v2/jobs", "/api/v1/Jobs"])
def test_unknown_paths(start, is_error, path):
    is_error(start().http.get(path), 404, "NotFound")


def test_server_info_is_for_administrators(start, is_error):
    is_error(start().get("serverInfo"), 403, "AccessDenied")
    info = start(role="Administrator", revision="1.3-rev2").get("serverInfo").json()
    assert info["buildVersion"] == "13.1.0.411"
    assert info["platform"] == "Windows"
    old = start(role="Administrator", asking="1.1-rev1").get("serverInfo").json()
    assert set(old) == {"vbrId", "name", "buildVersion", "patches"}
    assert old["buildVersion"] == "13.0.1.180"


def test_server_time_is_frozen_and_names_its_zone(start):
    client = start(revision="1.3-rev2")
    row = client.get("serverTime").json()
    assert row == {
        "serverTime": "2026-11-15T10:00:00+01:00",
        "timeZone": "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
        "ianaTimeZoneId": "Europe/Berlin",
    }
    assert client.get("serverTime").json() == row
    assert "ianaTimeZoneId" not in start().get("serverTime").json()


def test_clock_runs_when_no_moment_is_given(start):
    read = datetime.fromisoformat(start(now=None).get("serverTime").json()["serverTime"])
    assert abs(datetime.now(UTC) - read) < timedelta(minutes=1)


def test_clock_skew(start):
    assert start("clock-skew=-90").get("serverTime").json()["serverTime"] == "2026-11-15T09:58:30+01:00"
