"""The HTTP face of the simulator: its paths, and the order in which it looks at a request."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from threading import Lock
from typing import Any, Final, Unpack
from uuid import UUID

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule

from vbr_audit.simulator.answers import error, one_page, whole_object
from vbr_audit.simulator.clock import ZONE_NAME, ZONE_TEXT, stamp
from vbr_audit.simulator.identity import identify
from vbr_audit.simulator.job_writes import add_job_writes
from vbr_audit.simulator.misbehaviour import misbehave
from vbr_audit.simulator.options import OptionNames, SimulatorOptions
from vbr_audit.simulator.queries import BadQueryError
from vbr_audit.simulator.revisions import BUILDS, at_least
from vbr_audit.simulator.serving import add_endpoints, role_refused
from vbr_audit.simulator.signing import TOKEN_PATH, add_sign_in, refused
from vbr_audit.simulator.simulator import Simulator

_API = "/api/"


class _MatchedRule(Rule):
    """A path that is only ever matched: to compile what builds an address from it takes longer than all the rest."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return _build_no_address


def _build_no_address(rule: Rule, *values: object) -> tuple[str, str]:
    raise NotImplementedError(f"{rule.rule} is matched, not built")


_PATHS: Final = Map()
_KNOWN: Final = set[tuple[str, str]]()
_LOCK: Final = Lock()


class _Server(Flask):
    """All servers answer at the same paths, which are compiled once in a process; each has views of its own."""

    url_rule_class = _MatchedRule

    def __init__(self) -> None:
        super().__init__(__name__, static_folder=None)
        self.url_map = _PATHS

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Answer at a path by a view."""
        name = endpoint or str(getattr(view_func, "__name__", rule))
        with _LOCK:
            if (rule, name) not in _KNOWN:
                super().add_url_rule(rule, name, view_func, provide_automatic_options, **options)
                _KNOWN.add((rule, name))
        if view_func is not None:
            self.view_functions[name] = view_func


def create_app(**options: Unpack[OptionNames]) -> Flask:
    """Make the Flask application of one simulated server; the options are those of `SimulatorOptions`.

    `app.config["simulator"]` is the server behind it: its counts, its truth, its clock.
    """
    simulator = Simulator(SimulatorOptions(**options))
    app = _Server()
    app.config["simulator"] = simulator
    # What a fault raises on purpose must reach the transport, and a mistake here must not look like one.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.json.sort_keys = False  # type: ignore[attr-defined]
    _add_gate(app, simulator)
    _add_errors(app)
    add_sign_in(app, simulator)
    _add_collections(app, simulator)
    add_job_writes(app, simulator)
    _add_server(app, simulator)
    add_endpoints(app, simulator)
    return app


def _add_gate(app: Flask, simulator: Simulator) -> None:
    @app.before_request
    def gate() -> Response | None:
        """Look at the revision first, at the token second: a refused revision is no failed sign-in."""
        counts = simulator.counts
        revision = request.headers.get("x-api-version", "")
        with simulator.lock:
            counts.requests[request.path] += 1
            counts.methods[request.method] += 1
            counts.revisions[revision] += 1
            counts.log.append((request.method, request.path, request.query_string.decode("latin-1")))
        if request.routing_exception is not None or not request.path.startswith(_API):
            return None
        if revision not in simulator.revisions:
            return _unsupported(simulator)
        g.revision = revision
        g.token = _bearer()
        if request.path != TOKEN_PATH and not simulator.tokens.use(g.token):
            return refused(simulator)
        return role_refused(simulator)


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _unsupported(simulator: Simulator) -> Response:
    message = "Unsupported RESTAPI version."
    if "no-version-list" not in simulator.faults:
        listed = ", ".join(f"v{revision}" for revision in simulator.revisions)
        message += f" The following versions are supported: {listed}"
    return error(HTTPStatus.BAD_REQUEST, "NotImplemented", message)


def _add_errors(app: Flask) -> None:
    @app.errorhandler(BadQueryError)
    def bad_query(problem: BadQueryError) -> Response:
        return error(HTTPStatus.BAD_REQUEST, "InvalidURI", str(problem))

    @app.errorhandler(HTTPException)
    def http_problem(problem: HTTPException) -> Response:
        reads = request.method in {"GET", "HEAD"}
        if isinstance(problem, MethodNotAllowed) or (request.path.startswith(_API) and not reads):
            return error(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", "The method is not allowed here.")
        if problem.code == HTTPStatus.NOT_FOUND:
            return error(HTTPStatus.NOT_FOUND, "NotFound", "The requested resource was not found.")
        return error(HTTPStatus(problem.code or 400), "UnexpectedContent", "The request could not be read.")


def _add_collections(app: Flask, simulator: Simulator) -> None:
    @_route(app, "/api/v1/jobs")
    def jobs() -> Response:
        def answer() -> Response:
            return _page(simulator, simulator.jobs(request.args, g.revision), "jobs")

        return misbehave(simulator, "jobs", answer)

    @_route(app, "/api/v1/jobs/states")
    def states() -> Response:
        def answer() -> Response:
            return _page(simulator, simulator.states(request.args, g.revision), "job_states")

        return misbehave(simulator, "job_states", answer)

    @_route(app, "/api/v1/jobs/<job_id>")
    def job(job_id: str) -> Response:
        return misbehave(simulator, "jobs", lambda: _one_job(simulator, job_id))

    @_route(app, "/api/v1/sessions")
    def sessions() -> Response:
        def answer() -> Response:
            response = _page(simulator, simulator.sessions(request.args, g.revision), "sessions")
            simulator.move_on()
            return response

        return misbehave(simulator, "sessions", answer)


def _page(simulator: Simulator, rows: Sequence[bytes | dict[str, object]], dataset: str) -> Response:
    return one_page(simulator.churn.moved(dataset, rows), request.args, simulator.faults, dataset)


def _one_job(simulator: Simulator, text: str) -> Response:
    try:
        job_id = str(UUID(text))
    except ValueError:
        raise BadQueryError("id", text) from None
    document = simulator.job(job_id, g.revision)
    if document is not None:
        return whole_object(document)
    if any(job.id == job_id for job in simulator.estate.jobs):
        return error(HTTPStatus.BAD_REQUEST, "UnexpectedContent", "Specify job of supported platform type.")
    return error(HTTPStatus.NOT_FOUND, "NotFound", f"There is no job with the id {job_id}.")


def _add_server(app: Flask, simulator: Simulator) -> None:
    @_route(app, "/api/v1/serverTime")
    def server_time() -> Response:
        def answer() -> Response:
            row = {"serverTime": stamp(simulator.now()), "timeZone": ZONE_TEXT}
            if at_least(g.revision, "1.3-rev2"):
                row["ianaTimeZoneId"] = ZONE_NAME
            return whole_object(row)

        return misbehave(simulator, "server_time", answer)

    @_route(app, "/api/v1/serverInfo")
    def server_info() -> Response:
        return misbehave(simulator, "server_info", lambda: whole_object(_server_info(simulator, g.revision)))


def _server_info(simulator: Simulator, revision: str) -> dict[str, object]:
    row: dict[str, object] = {
        "vbrId": identify(simulator.options.seed, "server", "vbr01"),
        "name": "vbr01.hansa.example",
        "buildVersion": BUILDS[simulator.options.revision],
        "patches": [],
    }
    if at_least(revision, "1.2-rev0"):
        row |= {
            "databaseVendor": "PostgreSql",
            "sqlServerEdition": "",
            "sqlServerVersion": "17.2",
            "databaseSchemaVersion": "13.0.1",
            "databaseContentVersion": "13.0.1",
        }
    if at_least(revision, "1.3-rev0"):
        row["platform"] = "Windows"
        row["veeamRegistration"] = {"isRegistered": True}
    return row


def _route(app: Flask, path: str) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Serve GET only: no other method is answered by itself, as a read-only client must never need one."""
    return app.route(path, methods=["GET"], provide_automatic_options=False)
