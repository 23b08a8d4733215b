"""Faults of requests and answers: what is refused, delayed, cut or torn down before a client sees it."""

from collections.abc import Callable
from http import HTTPStatus
from time import sleep

from flask import Response, g, request

from vbr_audit.simulator.answers import HTML_PAGE, error
from vbr_audit.simulator.revisions import at_least
from vbr_audit.simulator.simulator import Simulator

_MILLI = 0.001
DRIP = "simulator.drip_s"
"""Where the seconds between two bytes of the answer stand in the environment of a request."""

Answer = Callable[[], Response]


def misbehave(simulator: Simulator, dataset: str, answer: Answer) -> Response:
    """Answer a data request, unless a fault answers in its place or spoils the answer."""
    with simulator.lock:
        simulator.counts.data_requests += 1
        number = simulator.counts.data_requests
    _delay(simulator)
    instead = _lasting(simulator, dataset) or _passing(simulator, number)
    return instead or _spoil(simulator, dataset, number, answer())


def _delay(simulator: Simulator) -> None:
    seconds = simulator.faults.seconds("slow") + simulator.faults.count("latency-ms") * _MILLI
    if seconds > 0:
        sleep(seconds)


def _lasting(simulator: Simulator, dataset: str) -> Response | None:
    """Faults that strike a dataset every time."""
    faults = simulator.faults
    if faults.strikes("denied", dataset):
        _note(simulator, "denied")
        return error(HTTPStatus.FORBIDDEN, "AccessDenied", "The account has no permission for this operation.")
    if faults.strikes("missing", dataset):
        _note(simulator, "missing")
        return error(HTTPStatus.NOT_FOUND, "NotFound", "The requested resource was not found.")
    if faults.strikes("broken", dataset):
        _note(simulator, "broken")
        return error(HTTPStatus.INTERNAL_SERVER_ERROR, "UnknownError", "An internal error has occurred.")
    if "states-500" in faults and dataset == "job_states" and _is_outdated(simulator):
        _note(simulator, "states-500")
        message = "The value of enum EJobStatus is not supported. Actual value was Stopped."
        return error(HTTPStatus.INTERNAL_SERVER_ERROR, "UnknownError", message)
    if faults.strikes("html", dataset):
        _note(simulator, "html")
        return Response(HTML_PAGE, content_type="text/html; charset=utf-8")
    return None


def _is_outdated(simulator: Simulator) -> bool:
    """Whether a server of 1.3 or newer is asked in an older revision than its newest."""
    newest = simulator.revisions[-1]
    return at_least(newest, "1.3-rev0") and str(g.revision) != newest


def _passing(simulator: Simulator, number: int) -> Response | None:
    """Faults that strike every Nth request and are gone with the next."""
    faults = simulator.faults
    if faults.is_turn("reset", number):
        _note(simulator, "reset")
        raise ConnectionResetError("the simulator dropped the connection on purpose")
    if faults.is_turn("unavailable", number):
        _note(simulator, "unavailable")
        message = "The service is temporarily unavailable."
        return error(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", message, retry_after="0")
    if faults.is_turn("throttle", number):
        _note(simulator, "throttle")
        message = "Too many requests."
        return error(HTTPStatus.TOO_MANY_REQUESTS, "ServiceUnavailable", message, retry_after="1")
    return None


def _spoil(simulator: Simulator, dataset: str, number: int, response: Response) -> Response:
    faults = simulator.faults
    if "slow-loris" in faults:
        _note(simulator, "slow-loris")
        request.environ[DRIP] = faults.seconds("slow-loris")
    body = response.get_data()
    half = body[: len(body) // 2]
    if faults.strikes("cut-json-forever", dataset) or faults.is_turn("cut-json", number):
        _note(simulator, "cut-json")
        response.set_data(half)
    elif faults.is_turn("cut-body", number):
        _note(simulator, "cut-body")
        response.set_data(half)
        # The declared length stays that of the whole body: over a socket this is a broken transfer.
        response.headers["Content-Length"] = str(len(body))
    return response


def _note(simulator: Simulator, name: str) -> None:
    with simulator.lock:
        simulator.counts.faults[name] += 1
