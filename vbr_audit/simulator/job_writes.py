"""The seven operations of the Jobs section that change the server: the order in which a write is looked at."""

from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from flask import Flask, Response, g, request

from vbr_audit.simulator import job_changes
from vbr_audit.simulator.answers import error, whole_object
from vbr_audit.simulator.faults import WRITES
from vbr_audit.simulator.job_bodies import (
    BadBodyError,
    check_document,
    check_specification,
    read_object,
    read_start,
    read_stop,
)
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.misbehaviour import misbehave
from vbr_audit.simulator.queries import BadQueryError
from vbr_audit.simulator.revisions import at_least, has_job_type
from vbr_audit.simulator.sessions import Session, writer
from vbr_audit.simulator.simulator import Simulator

_ADMINISTRATOR = "Administrator"
_OPERATOR = "BackupOperator"

Operation = Callable[[Simulator, Job], Response]


def add_job_writes(app: Flask, simulator: Simulator) -> None:
    """Add the writes to an application: nothing but jobs can be changed."""
    one = "/api/v1/jobs/<job_id>"
    for rule, method, operation in (
        (one, "PUT", _edit),
        (one, "DELETE", _delete),
        (f"{one}/start", "POST", _start),
        (f"{one}/stop", "POST", _stop),
        (f"{one}/enable", "POST", _enable),
        (f"{one}/disable", "POST", _disable),
    ):
        view = _view(simulator, operation)
        app.add_url_rule(rule, operation.__name__, view, methods=[method], provide_automatic_options=False)

    @app.route("/api/v1/jobs", methods=["POST"], provide_automatic_options=False)
    def create_job() -> Response:
        return misbehave(simulator, WRITES, lambda: _guarded(simulator, _create, lambda: _create(simulator)))

    @app.errorhandler(BadBodyError)
    def bad_body(problem: BadBodyError) -> Response:
        return error(HTTPStatus.BAD_REQUEST, "UnexpectedContent", str(problem))


def _view(simulator: Simulator, operation: Operation) -> Callable[[str], Response]:
    def view(job_id: str) -> Response:
        def answer() -> Response:
            job = _find(simulator, job_id)
            return job if isinstance(job, Response) else operation(simulator, job)

        return misbehave(simulator, WRITES, lambda: _guarded(simulator, operation, answer))

    return view


def _guarded(simulator: Simulator, operation: Callable[..., Response], answer: Callable[[], Response]) -> Response:
    """Look at the role first; then act, alone, and forget what was spelt out before."""
    if not _may_write(simulator.options.role, operation, g.revision):
        return error(HTTPStatus.FORBIDDEN, "AccessDenied", "The role of the account does not permit this operation.")
    with simulator.lock:
        response = answer()
        simulator.forget()
    return response


def _may_write(role: str, operation: Callable[..., Response], revision: str) -> bool:
    """Operators start and stop jobs; that they enable them too is said of 1.1 only."""
    if role == _OPERATOR:
        return operation in {_start, _stop} or (operation is _enable and not at_least(revision, "1.1-rev2"))
    return role == _ADMINISTRATOR


def _find(simulator: Simulator, text: str) -> Job | Response:
    try:
        job_id = str(UUID(text))
    except ValueError:
        raise BadQueryError("id", text) from None
    job = next((each for each in simulator.estate.jobs if each.id == job_id), None)
    if job is None:
        return error(HTTPStatus.NOT_FOUND, "NotFound", f"There is no job with the id {job_id}.")
    if job.document is None or not has_job_type(g.revision, job.plan.type):
        return error(HTTPStatus.BAD_REQUEST, "UnexpectedContent", "Specify job of supported platform type.")
    return job


def _create(simulator: Simulator) -> Response:
    body = read_object(request.data)
    kind = check_specification(body, g.revision)
    job = job_changes.create(simulator.estate, body, kind, g.revision)
    return _created(job.document_in(g.revision))


def _edit(simulator: Simulator, job: Job) -> Response:
    body = read_object(request.data)
    check_document(body, g.revision, job_id=job.id, kind=job.plan.type)
    changed = job_changes.edit(simulator.estate, job, body, g.revision)
    return whole_object(changed.document_in(g.revision))


def _delete(simulator: Simulator, job: Job) -> Response:
    job_changes.delete(simulator.estate, job)
    return _nothing()


def _start(simulator: Simulator, job: Job) -> Response:
    full = read_start(request.data)
    return _session(job, job_changes.start(simulator.estate, job, at=simulator.now(), full=full))


def _stop(simulator: Simulator, job: Job) -> Response:
    graceful = read_stop(request.data, g.revision)
    return _session(job, job_changes.stop(simulator.estate, job, at=simulator.now(), graceful=graceful))


def _enable(simulator: Simulator, job: Job) -> Response:
    job_changes.switch(simulator.estate, job, disabled=False)
    return _switched()


def _disable(simulator: Simulator, job: Job) -> Response:
    job_changes.switch(simulator.estate, job, disabled=True)
    return _switched()


def _session(job: Job, session: Session) -> Response:
    """The session that was started or stopped.

    1.3-rev2 documents 204 beside 201 and does not say when; here agent policies get it.
    """
    if job.plan.type.endswith("Policy") and at_least(g.revision, "1.3-rev2"):
        return _nothing()
    return _created(writer(g.revision)(session))


def _switched() -> Response:
    return _nothing() if at_least(g.revision, "1.3-rev1") else whole_object({})


def _created(document: object) -> Response:
    response = whole_object(document)
    response.status_code = HTTPStatus.CREATED
    return response


def _nothing() -> Response:
    return Response(status=HTTPStatus.NO_CONTENT)
