"""Servers that answer oddly on purpose: nothing is lost unsaid, nothing spoils a neighbour, no secret is kept."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from vbr_audit.api.client import Client
from vbr_audit.collection import run_folder
from vbr_audit.collection.collector import CollectionRequest, clock_warnings, leading_clock, read_snapshot
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.collection.survey import Reach, take_survey
from vbr_audit.datasets import DATASETS
from vbr_audit.errors import BadAnswerError, SignInError
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, create_app

NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)
Answering = Callable[[httpx.Request], "httpx.Response | None"]
Changing = Callable[[dict[str, Any]], None]


class Tampered(httpx.BaseTransport):
    """A simulated server behind something that answers in its place, or changes its first pages of one path."""

    def __init__(
        self,
        answering: Answering | None = None,
        *,
        path: str = "",
        changing: Changing | None = None,
        deep: str = "",
        **options: Any,
    ) -> None:
        app = create_app(**{"jobs": 8, "sessions": 120, "now": NOW, "role": "Administrator", **options})
        self._inner, self._answering = httpx.WSGITransport(app=app), answering
        self._path, self._changing, self._deep = path, changing, deep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of the one in between, else the server's."""
        answer = self._answering(request) if self._answering else None
        if answer is not None:
            return answer
        response = self._inner.handle_request(request)
        first = request.url.params.get("skip", "0") == "0"
        if self._changing is None or not request.url.path.endswith(self._path) or not first:
            return response
        response.read()
        document = json.loads(response.content)
        self._changing(document)
        return httpx.Response(200, text=json.dumps(document).replace('"DEEP"', self._deep))


Read = Callable[..., Snapshot]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def read(opened: ExitStack) -> Read:
    """Reads servers, called a, b, c … in the order given."""

    def reading(*transports: httpx.BaseTransport, **request: Any) -> Snapshot:
        clients = [connected(name, transport) for name, transport in zip("abc", transports, strict=False)]
        for client in clients:
            opened.enter_context(client)
        snapshot = read_snapshot(clients, CollectionRequest(**request), tool_version="test")
        opened.callback(snapshot.close)
        return snapshot

    return reading


def connected(name: str, transport: httpx.BaseTransport, **more: Any) -> Client:
    words = {"username": DEMO_USERNAME, "password": SecretStr(DEMO_PASSWORD), **more}
    return Client("http://127.0.0.1", name=name, transport=transport, **words)


def told(snapshot: Snapshot, name: str, server: str = "a") -> Any:
    record = snapshot.manifest.dataset(server, name)
    assert record is not None
    return record


def refusal(status: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"errorCode": "Refused", "message": message})


def test_order_columns_refused_below_many_parents_at_once_are_left_out_for_all(read: Read) -> None:
    def slowly_refused(request: httpx.Request) -> httpx.Response | None:
        if "orderColumn" not in request.url.params or "backupFiles" not in request.url.path:
            return None
        time.sleep(0.03)
        return refusal(400, "no such column")

    record = told(read(Tampered(slowly_refused, jobs=30), datasets=("backup_files",)), "backup_files")
    assert record.status == "complete"
    assert record.notes["order_refused"] == "CreationTime"


def test_a_refusal_that_names_only_the_revision_in_use_is_no_refusal_of_it(read: Read) -> None:
    def refused(request: httpx.Request) -> httpx.Response | None:
        if "orderColumn" not in request.url.params:
            return None
        return refusal(400, f"orderColumn is not supported in version {request.headers['x-api-version']}")

    assert told(read(Tampered(refused), datasets=("jobs",)), "jobs").status == "complete"


def test_rows_without_an_id_leave_a_gap_below_them(read: Read, tmp_path) -> None:
    def nameless(document: dict[str, Any]) -> None:
        document["data"][0]["id"] = None
        document["data"][1] = "no object"

    odd = Tampered(path="/v1/backups", changing=nameless, revision="1.3-rev1")
    snapshot = read(odd, datasets=("backup_files", "backup_objects"))
    for name in ("backup_files", "backup_objects"):
        assert told(snapshot, name).status == "partial"
        assert "2 of them have no id" in told(snapshot, name).reason
    loaded = run_folder.load(snapshot.save(tmp_path / "run"))
    assert all(loaded.tables[name].equals(snapshot.tables[name]) for name in snapshot.tables)


def test_an_id_in_another_spelling_doubles_nothing_and_what_is_no_id_is_a_gap(read: Read) -> None:
    def respelt(document: dict[str, Any]) -> None:
        first = document["data"][0]
        spellings = (first["id"].upper(), f"{{{first['id']}}}", "../../../oauth2/logout")
        document["data"] += [first | {"id": spelling} for spelling in spellings]
        document["pagination"]["total"] += 3

    plain = read(Tampered(revision="1.3-rev1"), datasets=("backup_files", "backup_objects"))
    odd = read(
        Tampered(path="/v1/backups", changing=respelt, revision="1.3-rev1"),
        datasets=("backup_files", "backup_objects"),
    )
    for name in ("backup_files", "backup_objects"):
        assert len(odd.tables[name]) == len(plain.tables[name])
        assert told(odd, name).status == "partial"
        assert "2 of" in told(odd, name).reason
        assert "is no id" in told(odd, name).reason
        assert told(odd, name).api_total is None
    assert all(".." not in name for name, _ in odd.evidence["a"].named_pages("backup_files"))


def test_a_right_lost_midway_leaves_what_had_come_in_part(read: Read) -> None:
    def lost(request: httpx.Request) -> httpx.Response | None:
        later = request.url.params.get("skip", "0") != "0"
        return refusal(403, "not any more") if later and request.url.path.endswith("/v1/jobs") else None

    snapshot = read(Tampered(lost, faults=("limit-cap=5",), jobs=30), datasets=("jobs",), workers=1)
    assert told(snapshot, "jobs").status == "partial"
    assert told(snapshot, "jobs").rows_kept


def test_what_cannot_be_placed_in_the_scope_is_said(read: Read) -> None:
    def no_jobs(request: httpx.Request) -> httpx.Response | None:
        return refusal(403, "no") if request.url.path.endswith(("/v1/jobs", "/jobs/states")) else None

    snapshot = read(Tampered(no_jobs), jobs_pattern="*", datasets=("sessions", "restore_points", "task_sessions"))
    for name in ("sessions", "backups", "restore_points", "task_sessions"):
        assert told(snapshot, name).status == "partial", name
        assert "whether they are in scope is not known" in told(snapshot, name).reason


def test_a_pattern_reads_the_jobs_whatever_datasets_are_chosen(read: Read) -> None:
    everything = read(Tampered(), datasets=("sessions",))
    narrowed = read(Tampered(), jobs_pattern="*", datasets=("sessions",))
    assert narrowed.is_complete
    assert len(narrowed.sessions) > 50
    assert len(narrowed.sessions) == everything.sessions["job_id"].isin(narrowed.job_states["job_id"]).sum()


def test_rows_of_owners_that_were_not_read_are_not_taken_for_out_of_scope(read: Read) -> None:
    def broken(request: httpx.Request) -> httpx.Response | None:
        later = request.url.params.get("skip", "0") != "0"
        return refusal(404, "gone") if later and request.url.path.endswith("/v1/backups") else None

    odd = Tampered(broken, faults=("limit-cap=5",), jobs=30)
    snapshot = read(odd, jobs_pattern="*", datasets=("restore_points",), workers=1)
    assert told(snapshot, "backups").status == "partial"
    assert told(snapshot, "restore_points").status == "partial"
    assert told(snapshot, "restore_points").rows_kept


@pytest.mark.parametrize("ahead", [86_400 * 365, -86_400 * 365])
def test_a_clock_that_is_far_off_spoils_no_other_server(read: Read, ahead: int) -> None:
    snapshot = read(Tampered(faults=(f"clock-skew={ahead}",), seed=2), Tampered(), datasets=("sessions",))
    alone = read(Tampered(), datasets=("sessions",))
    assert snapshot.now == alone.now
    assert (snapshot.sessions["server"] == "b").sum() == len(alone.sessions)
    assert told(snapshot, "sessions", "b").status == "complete"
    assert any(line.startswith("a: its clock is") for line in snapshot.manifest.warnings)
    if ahead < 0:
        assert told(snapshot, "sessions", "a").status == "partial"


def test_the_first_clock_leads_unless_it_stands_alone() -> None:
    assert leading_clock({}) is None
    assert leading_clock({"a": -7200.0}) == "a"
    assert leading_clock({"a": 2.0, "b": -3.0}) == "a"
    assert leading_clock({"a": 3600.0, "b": -3.0}) == "b"
    assert leading_clock({"a": 3600.0, "b": 1.0, "c": -3600.0}) == "b"
    assert leading_clock({"a": 3600.0, "b": 3601.0, "c": 0.0}) == "a"
    assert clock_warnings({"a": 0.0, "b": 59.0}, "a") == ()
    assert "3,600 seconds behind" in clock_warnings({"a": 0.0, "b": -3600.0}, "a")[0]


def test_what_a_server_echoes_of_the_sign_in_is_kept_nowhere(read: Read) -> None:
    token: list[str] = []

    def echo(request: httpx.Request) -> httpx.Response | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if given:
            token.append(given)
        words = f"{DEMO_USERNAME} with {DEMO_PASSWORD} and {given}"
        match request.url.path.rpartition("/")[2]:
            case "jobs":
                return refusal(403, words)
            case "states":
                return httpx.Response(200, text=f"<html>{words}")
            case "sessions":
                return httpx.Response(200, json={"message": words})
            case "repositories":
                return httpx.Response(500, json={"errorCode": words, "message": "x " * 235 + words})
        return None

    def refused(request: httpx.Request) -> httpx.Response | None:
        return refusal(401, f"{DEMO_PASSWORD} is wrong") if request.url.path.endswith("/token") else None

    names = ("jobs", "job_states", "sessions", "repositories")
    snapshot = read(Tampered(echo), Tampered(refused), Tampered(seed=2), datasets=names, mask_accounts=True)
    kept = snapshot.manifest.to_json().decode()
    assert {told(snapshot, name).status for name in names} == {"denied", "failed"}
    assert {told(snapshot, name, "b").status for name in names} == {"failed"}
    assert all(told(snapshot, name, "c").status == "complete" for name in names)
    for word in (DEMO_PASSWORD, DEMO_USERNAME, token[-1][:8]):
        assert word not in kept


@pytest.mark.parametrize("password", ['with "quotes" & <marks>', "spaces and \\ ü", "x"])
def test_a_refusal_shows_the_password_in_no_spelling(password: str) -> None:
    def refused(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(401, json={"message": f"«{password}» was refused; body {request.content.decode()}"})

    with connected("a", Tampered(refused), password=SecretStr(password)) as client:
        with pytest.raises(SignInError) as caught:
            client.get("/api/v1/jobs")
        assert f"«{password}»" not in str(caught.value)
        assert "(hidden)" in str(caught.value)


def test_doctor_repeats_no_echoed_secret() -> None:
    def echo(request: httpx.Request) -> httpx.Response | None:
        return refusal(403, f"no: {DEMO_PASSWORD}") if request.url.path.endswith("/v1/jobs") else None

    with connected("a", Tampered(echo)) as client:
        found = take_survey(client)
    assert found.probe("jobs").reach is Reach.DENIED
    assert DEMO_PASSWORD not in repr(found)


def test_doctor_asks_without_an_order_where_the_server_knows_none() -> None:
    def refused(request: httpx.Request) -> httpx.Response | None:
        return refusal(400, "no such column") if "orderColumn" in request.url.params else None

    with connected("a", Tampered(refused)) as client:
        assert take_survey(client).probe("jobs").reach is Reach.READABLE


@pytest.mark.parametrize("where", ["serverTime", "logout"])
def test_an_answer_that_cannot_be_unpacked_stops_neither_the_run_nor_its_end(read: Read, opened, where: str) -> None:
    def unpackable(request: httpx.Request) -> httpx.Response | None:
        asked_plainly = where == "logout" or "authorization" not in request.headers
        if not request.url.path.endswith(where) or not asked_plainly:
            return None
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))

    snapshot = read(Tampered(unpackable), Tampered(seed=2), datasets=("jobs",))
    assert snapshot.is_complete
    opened.close()


@pytest.mark.parametrize("depth", [400, 1000])
@pytest.mark.parametrize("masked", [False, True])
def test_a_secret_too_deep_to_be_taken_out_is_not_kept(read: Read, depth: int, masked: bool) -> None:
    def deepen(document: dict[str, Any]) -> None:
        document["data"][0]["more"] = "DEEP"

    secret = "[" * depth + '{"password": "hidden-deep"}' + "]" * depth
    odd = Tampered(path="/repositories", changing=deepen, deep=secret)
    snapshot = read(odd, Tampered(seed=2), datasets=("repositories",), mask_accounts=masked)
    assert told(snapshot, "repositories").status == "failed"
    assert told(snapshot, "repositories", "b").status == "complete"
    assert not list(snapshot.evidence["a"].pages("repositories"))


@pytest.mark.parametrize("parent", ["", "..", "a/b", "\n0", "{00000000-0000-0000-0000-000000000000}", "0" * 32])
def test_only_an_id_becomes_part_of_a_path(parent: str) -> None:
    with pytest.raises(BadAnswerError):
        DATASETS["backup_files"].path_below(parent)
