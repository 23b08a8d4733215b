"""Serving the table of endpoints: who may ask, whether the revision has it, and what is answered."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from uuid import UUID

from flask import Flask, Response, g, request
from werkzeug.datastructures import MultiDict

from vbr_audit.simulator import access
from vbr_audit.simulator.access import Access, may_read
from vbr_audit.simulator.answers import error, one_page, whole_object
from vbr_audit.simulator.endpoint import OBJECT, Endpoint
from vbr_audit.simulator.endpoints import ENDPOINTS
from vbr_audit.simulator.misbehaviour import misbehave
from vbr_audit.simulator.queries import Args, BadQueryError, identifier
from vbr_audit.simulator.revisions import at_least
from vbr_audit.simulator.selecting import select
from vbr_audit.simulator.simulator import Simulator

Json = dict[str, object]

_GUARDED: dict[str, Access] = {
    "/api/v1/jobs": access.JOB_READERS,
    "/api/v1/jobs/states": access.JOB_READERS,
    "/api/v1/jobs/<job_id>": access.JOB_READERS,
    "/api/v1/sessions": access.SESSION_READERS,
    "/api/v1/serverInfo": access.ADMINISTRATOR,
}
_BY_RULE = {each.rule: each for each in ENDPOINTS}


def role_refused(simulator: Simulator) -> Response | None:
    """The 403 that this read request gets because of the account's role, if it gets one."""
    rule = request.url_rule.rule if request.url_rule else ""
    endpoint = _BY_RULE.get(rule)
    guard = endpoint.access if endpoint else _GUARDED.get(rule)
    if request.method != "GET" or guard is None or (endpoint and not endpoint.is_offered(g.revision)):
        return None
    if may_read(simulator.options.role, guard, g.revision):
        return None
    return error(HTTPStatus.FORBIDDEN, "AccessDenied", "The role of the account does not permit this operation.")


def add_endpoints(app: Flask, simulator: Simulator) -> None:
    """Serve every endpoint of the table with GET, and nothing but GET."""
    for endpoint in ENDPOINTS:
        view = _view(simulator, endpoint)
        app.add_url_rule(endpoint.rule, endpoint.path, view, methods=["GET"], provide_automatic_options=False)


def _view(simulator: Simulator, endpoint: Endpoint) -> Callable[..., Response]:
    def view(id: str = "") -> Response:
        if not endpoint.is_offered(g.revision):
            return _absent(endpoint)
        return misbehave(simulator, endpoint.dataset, lambda: _answer(simulator, endpoint, id))

    return view


def _absent(endpoint: Endpoint) -> Response:
    if endpoint.path.endswith("/states"):
        raise BadQueryError("id", "states")
    return error(HTTPStatus.NOT_FOUND, "NotFound", "The requested resource was not found.")


def _answer(simulator: Simulator, endpoint: Endpoint, parent_id: str) -> Response:
    revision = g.revision
    if endpoint.shape == OBJECT and not endpoint.parent:
        document = simulator.holdings.document(endpoint.dataset, revision)
        if document is None:
            return error(HTTPStatus.NOT_FOUND, "NotFound", "There is nothing here yet.")
        return whole_object(document)
    if endpoint.parent:
        below = _below(simulator, endpoint, parent_id)
        if isinstance(below, Response):
            return below
        if endpoint.shape == OBJECT:
            if not below:
                return error(HTTPStatus.NOT_FOUND, "NotFound", "There is nothing here yet.")
            return whole_object(below[0])
        rows = below
    else:
        rows = simulator.holdings.rows(endpoint.dataset, revision)
    args: Args = request.args
    if not at_least(revision, endpoint.paged_since):
        args = MultiDict([("limit", str(max(1, len(rows))))])
    elif endpoint.dataset == "restore_points" and not endpoint.parent:
        object_id = identifier(args, "backupObjectIdFilter")
        if object_id is not None:
            rows = simulator.holdings.below("backup_objects", "restore_points", object_id, revision)
    chosen = select(
        rows,
        args,
        revision,
        order=endpoint.order,
        filters=endpoint.filters,
        dates_ignored="ignored-filter" in simulator.faults,
    )
    moved = chosen if endpoint.parent else simulator.churn.moved(endpoint.dataset, chosen)
    return one_page(moved, args, simulator.faults, endpoint.dataset)


def _below(simulator: Simulator, endpoint: Endpoint, text: str) -> Sequence[Json] | Response:
    """The rows of one parent, or the refusal: an id that is none, a parent that is not there or cannot be read."""
    try:
        parent_id = str(UUID(text))
    except ValueError:
        raise BadQueryError("id", text) from None
    holdings = simulator.holdings
    if not holdings.has(endpoint.parent, parent_id):
        return error(HTTPStatus.NOT_FOUND, "NotFound", f"There is nothing with the id {parent_id}.")
    if endpoint.dataset == "backup_objects" and holdings.is_unreadable(parent_id, g.revision):
        return error(HTTPStatus.BAD_REQUEST, "UnexpectedContent", "Specify backup of supported platform type.")
    return holdings.below(endpoint.parent, endpoint.dataset, parent_id, g.revision)
