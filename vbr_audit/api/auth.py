"""Sign-in, refresh and sign-out as an `httpx.Auth`: one token for all threads, one lock around its renewal."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import Annotated, Any

import httpx
import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from vbr_audit import revisions
from vbr_audit.api import negotiate
from vbr_audit.api.answers import error_text, is_transient, transient_error
from vbr_audit.api.hiding import Hiding
from vbr_audit.errors import SignInError

TOKEN_PATH = "/api/oauth2/token"  # noqa: S105 - a path, not a secret
LOGOUT_PATH = "/api/oauth2/logout"
VERSION_HEADER = "x-api-version"
_EARLY_S = 30.0
_RENEWALS = 2

_MOST_TOKEN = 16_384
"""A longer token fits into no header of a request that servers take."""
Flow = Generator[httpx.Request, httpx.Response, None]


def _fit_for_header(token: SecretStr) -> SecretStr:
    """`token`, if it can stand in the header of a request; raises `ValueError`."""
    text = token.get_secret_value()
    if not 0 < len(text) <= _MOST_TOKEN or not all("!" <= sign <= "~" for sign in text):
        raise ValueError("no token")
    return token


Token = Annotated[SecretStr, AfterValidator(_fit_for_header)]


class TokenModel(BaseModel):
    """The part of the token answer that is used; unknown fields are ignored."""

    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: Token
    refresh_token: Token | None = None
    expires_in: float = Field(default=900, gt=0)


class BearerAuth(httpx.Auth):
    """Signs in on first use, renews the token shortly before it expires and once after a 401.

    A refused password is never sent twice: the refusal is kept and raised again. A refresh token is used once.
    `revision` is the one in use; it moves to the newest common one when the server lists what it supports.
    """

    requires_response_body = True

    def __init__(self, base_url: str, username: str, password: SecretStr, *, revision: str | None) -> None:
        self.username = username
        self.pinned = revision is not None
        self.revision = revision or revisions.NEWEST
        self.sign_ins = 0
        self.refreshes = 0
        self._base_url = base_url
        self._password = password
        self.hiding = Hiding(password, username=username)
        self._lock = threading.Lock()
        self._access: SecretStr | None = None
        self._refresh: SecretStr | None = None
        self._renew_at = 0.0
        self._refused: SignInError | None = None
        self._capitalised = False

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Send `request` with a valid token; after a 401 renew it and send again, at most twice."""
        used = yield from self._current()
        response = yield from self._attempt(request, used)
        for _ in range(_RENEWALS):
            if response.status_code != 401:
                break
            used = yield from self._renewed(used)
            response = yield from self._attempt(request, used)
        message = error_text(response) if response.status_code == 400 else ""
        offered, refused = negotiate.offered_in(response.status_code, message), request.headers[VERSION_HEADER]
        if set(offered) - {refused}:  # what names only the revision in use complains of something else
            with self._lock:
                if refused == self.revision:
                    self.revision = negotiate.choose(offered, refused=refused, pinned=self.pinned)
            if request.method == "GET":  # the body of a write was made for the revision that was refused
                yield from self._attempt(request, used)

    def sign_out_request(self) -> httpx.Request | None:
        """The request that ends the session, or None when there is none; forgets both tokens."""
        with self._lock:
            access, self._access, self._refresh = self._access, None, None
        if access is None:
            return None
        headers = {"Authorization": f"Bearer {access.get_secret_value()}", VERSION_HEADER: self.revision}
        return httpx.Request("POST", self._base_url + LOGOUT_PATH, headers=headers)

    def _attempt(
        self, request: httpx.Request, token: SecretStr
    ) -> Generator[httpx.Request, httpx.Response, httpx.Response]:
        request.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        request.headers[VERSION_HEADER] = self.revision
        return (yield self.hiding.watch(request))

    def _current(self) -> Generator[httpx.Request, httpx.Response, SecretStr]:
        with self._lock:
            if self._access is None:
                return (yield from self._sign_in())
            if time.monotonic() < self._renew_at:
                return self._access
            return (yield from self._refresh_or_sign_in())

    def _renewed(self, used: SecretStr) -> Generator[httpx.Request, httpx.Response, SecretStr]:
        with self._lock:
            if self._access is not None and self._access is not used:
                return self._access
            return (yield from self._refresh_or_sign_in())

    def _refresh_or_sign_in(self) -> Generator[httpx.Request, httpx.Response, SecretStr]:
        refresh, self._refresh, self._access = self._refresh, None, None
        if refresh is not None:
            form = {"grant_type": "refresh_token", "refresh_token": refresh.get_secret_value()}
            response = yield self._token_request(form)
            if response.status_code == 200:
                self.refreshes += 1
                return self._keep(response)
        return (yield from self._sign_in())

    def _sign_in(self) -> Generator[httpx.Request, httpx.Response, SecretStr]:
        if self._refused is not None:
            raise self._refused
        form = {
            "grant_type": "password",
            "username": self.username,
            "password": self._password.get_secret_value(),
        }
        response = yield self._token_request(form)
        offered = negotiate.offered_in(response.status_code, error_text(response))
        if offered:
            self.revision = negotiate.choose(offered, refused=self.revision, pinned=self.pinned)
            response = yield self._token_request(form)
        if response.status_code == 400 and not self._capitalised:
            self._capitalised = True
            response = yield self._token_request(form)
        if response.status_code != 200:
            self._raise_refusal(response)
        self.sign_ins += 1
        return self._keep(response)

    def _token_request(self, form: dict[str, str]) -> httpx.Request:
        word = form["grant_type"]
        fields = form | {"grant_type": word.capitalize() if self._capitalised else word}
        headers = {VERSION_HEADER: self.revision, "Accept": "application/json"}
        return self.hiding.watch(httpx.Request("POST", self._base_url + TOKEN_PATH, data=fields, headers=headers))

    def _keep(self, response: httpx.Response) -> SecretStr:
        try:
            token = TokenModel.model_validate(orjson.loads(response.content))
        except (ValidationError, orjson.JSONDecodeError):
            self._refused = SignInError(
                "the sign-in was answered with something that is no token",
                hint="Check that the address and port are those of the VBR REST service (port 9419).",
            )
            raise self._refused from None
        self._access, self._refresh = token.access_token, token.refresh_token
        self.hiding.add_token(token.access_token)
        self.hiding.add_token(token.refresh_token)
        self._renew_at = time.monotonic() + max(token.expires_in - _EARLY_S, token.expires_in / 2)
        return token.access_token

    def _raise_refusal(self, response: httpx.Response) -> None:
        if is_transient(response):
            raise transient_error(response, TOKEN_PATH)
        detail = error_text(response) or f"HTTP {response.status_code}"
        error = SignInError(
            f"the server refused to sign in {self.username!r}: {detail}",
            hint="Check user name and password. Multi-factor sign-in must be off for this account; "
            "up to 1.3-rev1 a custom role cannot sign in over REST.",
        )
        self._refused = error  # sent again, the password would count as one more failed sign-in
        raise error

    def __repr__(self) -> str:
        return f"<BearerAuth of {self.username!r}, revision {self.revision}>"

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("a signed-in session cannot be pickled")
