"""The sign-in paths: token, refresh and sign-out."""

from http import HTTPStatus

from flask import Flask, Response, g, request

from vbr_audit.simulator.answers import error, whole_object
from vbr_audit.simulator.clock import TICKS, stamp
from vbr_audit.simulator.simulator import Simulator
from vbr_audit.simulator.tokens import Grant

TOKEN_PATH = "/api/oauth2/token"
_FORM = "application/x-www-form-urlencoded"


def refused(simulator: Simulator) -> Response:
    """The answer to a missing, unknown or expired token."""
    if "empty-401" in simulator.faults:
        return Response(b"", status=HTTPStatus.UNAUTHORIZED)
    return error(HTTPStatus.UNAUTHORIZED, "InvalidToken", "The access token is missing, invalid or expired.")


def add_sign_in(app: Flask, simulator: Simulator) -> None:
    """Add the paths to an application."""

    @app.route(TOKEN_PATH, methods=["POST"], provide_automatic_options=False)
    def token() -> Response:
        password_grant, refresh_grant = "password", "refresh_token"
        if "capitalised-grant" in simulator.faults:
            password_grant, refresh_grant = "Password", "Refresh_token"
        given = request.form.get("grant_type")
        if request.mimetype != _FORM or given not in {password_grant, refresh_grant}:
            message = f"The value '{given}' is not valid for grant_type."
            return error(HTTPStatus.BAD_REQUEST, "UnexpectedContent", message)
        return _signed_in(simulator) if given == password_grant else _renewed(simulator)

    @app.route("/api/oauth2/logout", methods=["POST"], provide_automatic_options=False)
    def logout() -> Response:
        simulator.tokens.sign_out(g.token)
        with simulator.lock:
            simulator.counts.sign_outs += 1
        return whole_object({})


def _signed_in(simulator: Simulator) -> Response:
    grant = simulator.tokens.sign_in(request.form.get("username", ""), request.form.get("password", ""))
    with simulator.lock:
        if grant is None:
            simulator.counts.failed_sign_ins += 1
        else:
            simulator.counts.sign_ins += 1
    if grant is None:
        return error(HTTPStatus.UNAUTHORIZED, "AccessDenied", "Authentication failed")
    return _pair(simulator, grant)


def _renewed(simulator: Simulator) -> Response:
    grant = simulator.tokens.renew(request.form.get("refresh_token", ""))
    with simulator.lock:
        if grant is None:
            simulator.counts.failed_refreshes += 1
        else:
            simulator.counts.refreshes += 1
    if grant is None:
        return refused(simulator)
    return _pair(simulator, grant)


def _pair(simulator: Simulator, grant: Grant) -> Response:
    now = simulator.now()
    return whole_object(
        {
            "access_token": grant.access_token,
            "token_type": "bearer",
            "refresh_token": grant.refresh_token,
            "expires_in": grant.expires_in,
            ".issued": stamp(now),
            ".expires": stamp(now + grant.expires_in * TICKS),
        }
    )
