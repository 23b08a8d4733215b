"""Answers that no simulator gives: a server in a few lines that says whatever a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import httpx
import orjson
import pytest
from core_checks import core_policy
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

import vbr_audit as va
from vbr_audit.api.client import Client
from vbr_audit.checks.policy.needs import datasets_to_read
from vbr_audit.collection.collector import CollectionRequest, read_snapshot
from vbr_audit.collection.period import PeriodRequest
from vbr_audit.collection.run_folder import load
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.errors import SignInError, UnreachableError
from vbr_audit.reports.context import Figures

NOW = "2026-11-01T06:00:00Z"
PATHS = {
    "/api/v1/serverTime": "time",
    "/api/v1/serverInfo": "info",
    "/api/v1/jobs": "jobs",
    "/api/v1/jobs/states": "states",
    "/api/v1/sessions": "sessions",
}


class OddServer:
    """A WSGI application: each of `answers` is rows to page, a body, or a function of query and headers."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"time": {"serverTime": NOW, "timeZone": "UTC"}, "info": {"buildVersion": "13.0"}} | answers
        self.asked: list[tuple[str, str]] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path, query = environ["PATH_INFO"], dict(parse_qsl(environ["QUERY_STRING"]))
        self.asked.append((environ["REQUEST_METHOD"], path))
        status, document = self._answer(path, query, environ.get("HTTP_X_API_VERSION", ""))
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, path: str, query: dict[str, str], revision: str) -> tuple[str, Any]:
        if path.endswith("/token"):
            return self.answers.get("token", ("200 OK", {"access_token": "kq4J7wXcV2mB9sLt", "expires_in": 900}))
        answer = self.answers.get(PATHS.get(path, ""), [])
        if callable(answer):
            answer = answer(query, revision)
        if isinstance(answer, tuple):
            return answer
        if isinstance(answer, list):
            skip, limit = int(query.get("skip", 0)), int(query.get("limit", 1000))
            rows = answer[skip : skip + limit]
            answer = {"data": rows, "pagination": {"total": len(answer), "count": len(rows)}}
        return "200 OK", answer


def client_of(server: OddServer) -> Client:
    return Client(
        "http://127.0.0.1",
        name="odd",
        username="auditor",
        password=SecretStr("secret"),
        transport=httpx.WSGITransport(app=server),
    )


def read(server: OddServer, **period: str) -> Snapshot:
    with client_of(server) as client:
        needed = datasets_to_read(core_policy())
        request = CollectionRequest(period=PeriodRequest.of(**period), datasets=needed, workers=2)  # type: ignore[arg-type]
        return read_snapshot(client, request, tool_version="test")


def job(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"j{number}", "name": f"Job {number}", "type": "VSphereBackup", "isDisabled": False} | changes


def state(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"j{number}",
        "name": f"Job {number}",
        "type": "VSphereBackup",
        "status": "Inactive",
        "lastResult": "Success",
        "lastRun": "2026-11-01T01:00:00Z",
    } | changes


def session(number: int, of: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"s{number}",
        "name": f"Job {of}",
        "jobId": f"j{of}",
        "sessionType": "BackupJob",
        "creationTime": "2026-10-20T01:00:00Z",
        "endTime": "2026-10-20T02:00:00Z",
        "state": "Stopped",
        "result": {"result": "Success"},
    } | changes


def status_of(snapshot: Snapshot, check: str) -> set[str]:
    findings = va.audit(snapshot, policy=core_policy()).findings
    return set(findings.loc[findings["check_id"] == check, "status"])


@pytest.mark.parametrize("status", [{}, {"status": None}, {"status": 7}, {"status": []}])
def test_a_job_known_by_a_state_without_a_usable_status_is_unknown(status: dict[str, Any]) -> None:
    lone = {"id": "j9", "name": "Tape", "type": "TapeBackup"} | status
    snapshot = read(OddServer(jobs=[job(0)], states=[state(0), lone]))
    assert snapshot.jobs.loc[snapshot.jobs["job_id"] == "j9", "is_disabled"].isna().all()
    assert status_of(snapshot, "JOB-001") == {"PASS", "UNKNOWN"}


@pytest.mark.parametrize("value", [None, 7, "00000000-0000-0000-0000-000000000000"])
def test_two_jobs_without_a_usable_id_break_nothing(value: Any) -> None:
    jobs = [job(0, id=value), job(1, id=value, name="Other"), job(2)]
    states = [state(0, id=value), state(1, id=value), state(2)]
    snapshot = read(OddServer(jobs=jobs, states=states, sessions=[session(1, 2)]))
    audit = va.audit(snapshot, policy=core_policy())
    assert audit.summary.counts["ERROR"] == 0
    assert audit.summary.sessions_by_result["Success"] == 1


@pytest.mark.parametrize("value", [None, 7])
def test_a_run_that_does_not_say_of_which_job_is_told_beside_those_that_do(value: Any) -> None:
    failed = [session(number, 0, jobId=value, result={"result": "Failed"}) for number in range(2, 11)]
    snapshot = read(OddServer(jobs=[job(0)], states=[state(0)], sessions=[session(1, 0), *failed]))
    record = snapshot.manifest.dataset("odd", "sessions")
    assert record is not None
    assert record.status == "complete"
    assert record.notes["runs_without_a_job"] == 9
    assert status_of(snapshot, "RUN-005") == {"PASS"}
    summary = va.audit(snapshot, policy=core_policy()).summary
    assert summary.success_rate == 1.0
    assert summary.runs_beside.unlisted["Failed"] == 9


@pytest.mark.parametrize("value", [None, 7])
def test_runs_none_of_which_says_of_which_job_let_no_rate_pass(value: Any) -> None:
    failed = [session(number, 0, jobId=value, result={"result": "Failed"}) for number in range(2, 11)]
    snapshot = read(OddServer(jobs=[job(0)], states=[state(0)], sessions=failed))
    record = snapshot.manifest.dataset("odd", "sessions")
    assert record is not None
    assert record.status == "partial"
    assert "do not name their job" in (record.reason or "")
    assert "PASS" not in status_of(snapshot, "RUN-005")
    assert va.audit(snapshot, policy=core_policy()).summary.success_rate is None


def test_an_old_period_does_not_speak_for_the_last_run() -> None:
    states = [state(0, lastResult="None", status="Running")]
    sessions = [session(1, 0, creationTime="2026-05-20T01:00:00Z", endTime="2026-05-20T02:00:00Z")]
    snapshot = read(OddServer(jobs=[job(0)], states=states, sessions=sessions), month="2026-05")
    assert status_of(snapshot, "RUN-001") == {"UNKNOWN"}


def test_no_job_in_scope_is_no_pass() -> None:
    verdict = va.audit(read(OddServer()), policy=core_policy()).summary.verdict
    assert verdict.level == "incomplete"
    assert "No job is in scope" in verdict.headline


def test_what_was_denied_is_not_counted_as_none() -> None:
    denied = ("403 Forbidden", {"errorCode": "AccessDenied", "message": "no", "resourceId": None})
    audit = va.audit(read(OddServer(jobs=denied, states=denied, sessions=denied)), policy=core_policy())
    assert audit.summary.jobs_in_scope is None
    shown = " ".join(f"{tile.value} {tile.label}" for tile in audit.context.tiles)
    assert "not known jobs in scope, not known disabled" in shown
    assert "sessions not read whole" in shown
    assert "none finished" not in shown


def test_a_server_that_ignores_limit_and_order_gives_the_same_when_replayed(tmp_path) -> None:
    rows = [session(number, 0, creationTime=f"2026-10-{number:02d}T01:00:00Z") for number in (20, 10, 2)]
    page = {"data": rows, "pagination": {"total": 3, "count": 3}}
    snapshot = read(OddServer(jobs=[job(0)], states=[state(0)], sessions=page))
    folder = va.audit(snapshot, policy=core_policy()).save(tmp_path / "run", formats=["json"])
    assert va.verify(folder) == []
    assert load(folder).session_history["oldest_session"][0] == snapshot.session_history["oldest_session"][0]


def test_settings_are_read_by_the_revision_in_which_the_jobs_came() -> None:
    def only_old(query: dict[str, str], revision: str) -> Any:
        if revision == "1.1-rev1":
            return [job(0, type="Backup")]
        message = "Unsupported version. The following versions are supported: v1.1-rev1"
        return "400 Bad Request", {"errorCode": "NotImplemented", "message": message, "resourceId": None}

    broken = ("500 Error", {"errorCode": "UnknownError", "message": "no", "resourceId": None})
    snapshot = read(OddServer(time=broken, info=broken, jobs=only_old))
    assert snapshot.servers["revision"][0] == "1.1-rev1"
    assert snapshot.jobs["settings_profile"][0].startswith("1.1-rev1<")


@pytest.mark.parametrize("token", [("200 OK", b"<html>"), ("200 OK", {"token": 1})])
def test_a_sign_in_without_a_token_collects_nothing_and_is_not_repeated(token: Any) -> None:
    server = OddServer(token=token)
    with pytest.raises(SignInError, match="no token"):
        read(server)
    assert server.asked == [("POST", "/api/oauth2/token")]


def test_a_sign_in_that_stays_busy_collects_nothing() -> None:
    server = OddServer(token=("503 Busy", {"errorCode": "ServiceUnavailable", "message": "busy", "resourceId": None}))
    with pytest.raises(UnreachableError, match="cannot sign in"):
        read(server)
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    "body", [b"[" * 300 + b"]" * 300, b'{"data":[' + b"[" * 300 + b"]" * 300 + b'],"pagination":{"total":1}}']
)
def test_deep_nesting_is_an_answer_that_cannot_be_read(body: bytes) -> None:
    record = read(OddServer(jobs=body)).manifest.dataset("odd", "jobs")
    assert record is not None
    assert record.status in ("failed", "partial")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "id",
    "name",
    "type",
    "isDisabled",
    "schedule",
    "storage",
    "status",
    "lastRun",
    "lastResult",
    "jobId",
    "state",
    "result",
]
FIELDS += ["creationTime", "endTime", "sessionType", "guestProcessing"]
ROW = st.one_of(JSON, st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8))


def changed(good: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A good row with some fields replaced by whatever."""
    return st.dictionaries(st.sampled_from([*good]), JSON, max_size=3).map(lambda changes: good | changes)


def rows(*good: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
    """Many rows at once: a server with twenty costs little more than one with one."""
    return st.lists(st.one_of(ROW, *map(changed, good)), max_size=24)


ODD = [None, 3, "x", [], {}, True, {"id": 1, "name": ["x"], "jobId": {}, "status": 7, "result": "None", "type": None}]


@example(
    jobs=[*ODD, job(0, schedule=3, storage=[], type={}), job(0), job(1, isDisabled="x")],
    states=[*ODD, state(0, lastRun="9999-12-31T23:59:59Z", lastResult={}), state(1), state(1, status=[])],
    sessions=[
        *ODD,
        session(1, 0, result={"result": 1}),
        session(2, 1, creationTime="x", endTime=2**62),
        session(2, 1),
    ],
)
@settings(max_examples=2)
@given(jobs=rows(job(0), job(1)), states=rows(state(0), state(1)), sessions=rows(session(1, 0), session(2, 1)))
def test_no_json_whatsoever_crashes_a_run(jobs: list[Any], states: list[Any], sessions: list[Any]) -> None:
    snapshot = read(OddServer(jobs=jobs, states=states, sessions=sessions))
    audit = va.audit(snapshot, policy=core_policy())
    assert audit.summary.counts["ERROR"] == 0
    assert len(audit.results.coverage) == 15
    figures = [getattr(audit.context.figures, name) for name, part in vars(Figures).items() if hasattr(part, "func")]
    assert len(figures) > 10
    snapshot.close()
