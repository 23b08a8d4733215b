"""One client for one VBR server: connecting, headers, timeouts, retries, and errors with a hint on what to do next."""

from __future__ import annotations

import contextlib
import logging
import random
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import stamina
from pydantic import SecretStr

from vbr_audit.api import negotiate
from vbr_audit.api.address import DEFAULT_PORT, is_loopback, parse_url, without_userinfo
from vbr_audit.api.answers import (
    ENCODINGS,
    Deadline,
    SlowAnswerError,
    UnusableAnswer,
    WholeAnswerTimeout,
    bound,
    deadline_for,
    decode,
    error_text,
    raise_for_answer,
)
from vbr_audit.api.auth import VERSION_HEADER, BearerAuth
from vbr_audit.api.hiding import Hiding
from vbr_audit.api.job_operations.writing import check_write, send_write
from vbr_audit.api.time_limit import TimeLimit
from vbr_audit.api.tls import Tls, plain_on_tls, speaks_tls, tls_cause, tls_fault
from vbr_audit.config.settings import find_password, load_settings
from vbr_audit.display import encodable, plain, shorten
from vbr_audit.errors import (
    BadAnswerError,
    ConfigurationError,
    DeadlinePassedError,
    TransientError,
    UnreachableError,
    VbrAuditError,
)
from vbr_audit.notebook import Facts, fragment
from vbr_audit.revisions import NEWEST, is_at_least, newest_common

__all__ = ["DEFAULT_PORT", "Answer", "Client", "parse_url", "without_userinfo"]

_SCHEME_PORTS = {"https": 443, "http": 80}
_SERVER_TIME = "/api/v1/serverTime"
_NO_REVISION = "0.0-rev0"
_ATTEMPTS = 6
_RETRY_TIMEOUT_S = 300.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_GOODBYE_S, _SHORT_GOODBYE_S = 10.0, 3.0
MOST_AT_ONCE = 4
"""Maximum number of requests that wait for one server's answer at a time, whatever asks."""
_LOOKED_AT, _SHOWN = 4000, 60
_LOG = logging.getLogger(__name__)
_LONGEST_FACT = 300
"""Maximum number of characters of a fact that a notebook shows."""
_BROKEN = (httpx.RequestError, ConnectionError, ssl.SSLError)


@dataclass(frozen=True)
class Answer:
    """One answer: the body as received (decoded from transfer), and the JSON document in it.

    `hiding` takes the client's secrets out of texts of the server.
    """

    body: bytes
    document: Any
    hiding: Hiding | None = field(default=None, repr=False, compare=False)

    @property
    def beginning(self) -> str:
        """How the body begins, to be shown to people, without the secrets."""
        begins = self.body[:_LOOKED_AT].decode("utf-8", "replace")
        return (self.hiding.hide(begins) if self.hiding else begins)[:_SHOWN]


class Client:
    """Reads one VBR server over REST. Nothing is sent before the first read, which signs in.

    Only GET leaves this client, besides sign-in, refresh and sign-out; anything else raises `WriteRefusedError`,
    unless the client was made with `allow_writes`.
    Use it as a context manager, or call `close()`, to sign out. It may be shared by threads, of which four wait for an
    answer at a time. `requests` counts what was sent, sign-in and sign-out included, `retries` what was sent again.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str,
        password: SecretStr,
        name: str | None = None,
        revision: str | None = None,
        tls: Tls | None = None,
        timeout: float = 60.0,
        deadline: float | None = None,
        proxy: str | None = None,
        transport: httpx.BaseTransport | None = None,
        allow_writes: bool = False,
    ) -> None:
        self._allow_writes = allow_writes
        self._tls = tls or Tls()
        self._url = parse_url(url)
        self.url = str(self._url).rstrip("/")
        self.host = self._url.host
        self.port = self._url.port or _SCHEME_PORTS[self._url.scheme]
        self.name = encodable(name or self.host)
        self.retries = 0
        self.requests = 0
        self._slow_answers = 0
        self._count_lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._ran_out = False
        self._offered: tuple[str, ...] | None = None
        pinned = negotiate.check_pinned(revision) if revision else None
        self._auth = BearerAuth(self.url, username, password, revision=pinned)
        self.without_secrets = self._auth.hiding.hide_in_sentence
        if proxy and (through := _userinfo(proxy)):
            self._auth.hiding.add_password(*through)
        self._over_network = transport is None
        steps = httpx.Timeout(timeout, connect=min(timeout, 15.0))
        self._deadline = Deadline(deadline or deadline_for(timeout), steps)
        secure = self._over_network and self._url.scheme == "https"
        try:
            self._http = httpx.Client(
                base_url=self.url,
                auth=self._auth,
                headers={"Accept": "application/json", "Accept-Encoding": ", ".join(ENCODINGS)},
                cookies=_no_cookies(),
                timeout=steps,
                event_hooks={
                    "request": [self._deadline.leaving, self._count_request],
                    "response": [_log_answer, self._deadline.arriving, bound],
                },
                limits=httpx.Limits(max_connections=16, max_keepalive_connections=16),
                verify=self._tls.context() if secure else False,
                proxy=proxy,
                transport=transport,
                trust_env=proxy is None and not is_loopback(self._url.host),
            )
        except (httpx.InvalidURL, ValueError, ImportError):
            raise ConfigurationError(
                "--proxy: not the address of an HTTP proxy", hint="Write it as http://proxy.example:3128."
            ) from None
        self._deadline.guard(self._http)

    @property
    def username(self) -> str:
        """The account that reads."""
        return self._auth.username

    @property
    def allow_writes(self) -> bool:
        """Whether this client may change the server; settled when it is made."""
        return self._allow_writes

    @property
    def revision(self) -> str:
        """The REST revision in use; settled once the first read was answered."""
        return self._auth.revision

    @property
    def tls(self) -> str:
        """How the server's certificate was trusted, in words."""
        return self._tls.describe() if self._url.scheme == "https" else "none (http on loopback)"

    @property
    def verified(self) -> bool:
        """Whether it is sure who answers: false only where the certificate is taken unseen."""
        return not (self._tls.insecure and self._url.scheme == "https")

    @property
    def state(self) -> str:
        """Whether it has signed in, in words."""
        if self._http.is_closed:
            return "closed"
        return "signed in" if self._auth.sign_ins else "nothing was sent yet"

    def newest_revision(self) -> str:
        """The newest revision that this package and the server know, also when an older one was fixed."""
        if not self._auth.pinned:
            return self.revision
        offered = self.offered_revisions()
        best = newest_common(offered) if offered else NEWEST
        return best if best and is_at_least(best, self.revision) else self.revision

    def offered_revisions(self) -> tuple[str, ...]:
        """The revisions that the server offers, oldest first; empty when it does not list them.

        Asks once, without signing in, for a revision that does not exist: a server refuses that before it looks
        at the account, and names those it supports.
        """
        if self._offered is None:
            try:
                response = self._http.get(_SERVER_TIME, headers={VERSION_HEADER: _NO_REVISION}, auth=None)
            except _BROKEN:
                return ()
            self._offered = negotiate.offered_in(response.status_code, error_text(response))
        return self._offered

    def get(self, path: str, params: dict[str, str] | None = None) -> Answer:
        """The JSON answer to `GET path`; retried within bounds where another try can help.

        Raises `ConnectError` kinds when the server cannot be used, `ApiError` kinds when this request failed.
        """
        tries = 0

        def wait(error: Exception) -> bool | float:
            return self._wait_after(error, tries)

        try:
            for attempt in stamina.retry_context(on=wait, attempts=_ATTEMPTS, timeout=_RETRY_TIMEOUT_S):
                with attempt:
                    tries = attempt.num
                    if tries > 1:
                        self._count_retry()
                    return self._get_once(path, params)
        except TransientError as error:
            if not self._auth.sign_ins:
                message = f"cannot sign in: {error.message}, after {_tries(tries)}"
                raise UnreachableError(message, hint=error.hint) from None
            raise _settled(error, path, tries) from None
        except DeadlinePassedError as error:
            if not self._auth.sign_ins:
                raise UnreachableError(
                    f"cannot sign in: no answer before the {error.message}", hint=error.hint
                ) from None
            raise
        raise AssertionError("a retry context yields at least one attempt")

    @contextlib.contextmanager
    def within(self, limit: TimeLimit | None) -> Iterator[None]:
        """Within, no request, wait or retry goes on beyond `limit`: what would raises `DeadlinePassedError`."""
        before, self._deadline.limit = self._deadline.limit, limit
        try:
            yield
        finally:
            self._deadline.limit = before

    def get_once(self, path: str, params: dict[str, str] | None = None) -> Answer:
        """The JSON answer to `GET path`, which is not asked for again if it fails; raises as `get` does."""
        try:
            return self._get_once(path, params)
        except TransientError as error:
            if not self._auth.sign_ins:
                raise UnreachableError(f"cannot sign in: {error.message}", hint=error.hint) from None
            raise

    def request(self, method: str, path: str, body: Any = None, params: dict[str, str] | None = None) -> Answer:
        """The answer to a GET, or to a write on a client that may write; `body` is sent as JSON.

        Without `allow_writes` any other method than GET raises `WriteRefusedError` before anything leaves. A write
        is sent once: `OutcomeUnknownError` is raised where no clear answer came. An empty answer has the document None.
        """
        method = method.upper()
        if method == "GET":
            return self.get(path, params)
        check_write(method, path, allowed=self.allow_writes)
        self.settle()
        content, document = send_write(self._http, method, path, body=body, params=params)
        return Answer(content, document, self._auth.hiding)

    def settle(self) -> str:
        """The revision in use; signs in when that has not happened, so that it is the server's and ours."""
        if self._http.is_closed or not self._auth.sign_ins:
            self.get(_SERVER_TIME)
        return self.revision

    def close(self) -> None:
        """Sign out and close the connections; a failing sign-out is no error, the token then expires by itself.

        It takes 10 seconds at most, and 3 where the server had used up its time.
        """
        request = self._auth.sign_out_request()
        if request is not None and not self._http.is_closed:
            goodbye = TimeLimit.of(_SHORT_GOODBYE_S if self._ran_out else _GOODBYE_S)
            with contextlib.suppress(httpx.RequestError, OSError), self.within(goodbye):
                self._http.send(request, auth=None)
        self._http.close()

    def abort(self) -> None:
        """Close the connections at once, without signing out; running reads end with an error."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        facts = {
            "Server": self.name,
            "Address": self.url,
            "Account": self.username,
            "Revision": self.revision,
            "Certificate": self.tls,
            "State": self.state,
            "Requests": "may change jobs" if self.allow_writes else "only reads",
        }
        return fragment([Facts({name: shorten(value, _LONGEST_FACT) for name, value in facts.items()})])

    def __repr__(self) -> str:
        return f"<Client of {plain(self.name)} at {self.url} as {self.username!r}, revision {self.revision}>"

    def _get_once(self, path: str, params: dict[str, str] | None) -> Answer:
        if self._http.is_closed:
            raise UnreachableError(f"{path}: the client was closed", hint="Connect again to read more.")
        with self._slot():
            try:
                response = self._http.get(path, params=params)
            except _BROKEN as error:
                raise self._unsent(error, path) from None
        response.stream = httpx.ByteStream(b"")  # the old one refers to the response: no cycle shall keep the body
        raise_for_answer(response, path)
        return Answer(response.content, decode(response, path), self._auth.hiding)

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        """One of the requests that may wait for an answer; raises `DeadlinePassedError` where no time is left."""
        limit = self._deadline.limit
        if limit is not None and limit.is_over:
            raise self._over(limit)
        if limit is None:
            self._slots.acquire()
        elif not self._slots.acquire(timeout=limit.left):
            raise self._over(limit)
        try:
            yield
        finally:
            self._slots.release()

    def _over(self, limit: TimeLimit) -> DeadlinePassedError:
        self._ran_out = True
        return limit.error()

    def _wait_after(self, error: Exception, tries: int) -> bool | float:
        """The seconds until the next try; False where it would not help, or would go on beyond the time limit.

        Part of a wait is left to chance, also where the server says how long it is: those who were told the same do
        not come back at the same moment.
        """
        if not isinstance(error, TransientError) or (isinstance(error, SlowAnswerError) and not error.again):
            return False
        least = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (tries - 1))
        if error.retry_after is not None and not isinstance(error, SlowAnswerError):
            least = error.retry_after
        seconds = least + random.uniform(0, max(1.0, least / 4))  # noqa: S311 - no secret
        limit = self._deadline.limit
        return False if limit is not None and seconds >= limit.left else seconds

    def _unsent(self, error: Exception, path: str) -> VbrAuditError:
        if self._deadline.limit is not None and self._deadline.limit.is_over:
            return self._over(self._deadline.limit)
        cause = tls_cause(error)
        # Once signed in, TLS works: only another certificate is more than a connection that broke off.
        if cause is not None and (not self._auth.sign_ins or isinstance(cause, ssl.SSLCertVerificationError)):
            return tls_fault(cause, self.host, self.port)
        where = f"{self.host}:{self.port}"
        unreachable = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)
        if unreachable and not self._auth.sign_ins:
            return UnreachableError(
                f"cannot connect to {where}: {self._auth.hiding.hide(str(error)) or type(error).__name__}",
                hint=f"Check name, port (VBR's REST service listens on {DEFAULT_PORT}), firewall and --proxy.",
            )
        if isinstance(error, UnusableAnswer):
            return BadAnswerError(f"{path}: an answer that cannot be taken: {error}", path=path)
        if isinstance(error, WholeAnswerTimeout) or (isinstance(error, httpx.ReadTimeout) and self._deadline.left <= 0):
            return self._slow_answer(path)
        if self._is_plain_on_tls():
            return plain_on_tls(self.host, self.port)
        kind = "no answer in time" if isinstance(error, httpx.TimeoutException) else "the connection broke off"
        return TransientError(
            f"{path}: {kind} ({type(error).__name__})",
            hint="Raise --timeout if the server is slow; otherwise look at its REST service.",
            path=path,
        )

    def _is_plain_on_tls(self) -> bool:
        """Whether nothing was ever answered because plain http was spoken to a port that speaks TLS."""
        fresh = not self._auth.sign_ins and self._over_network
        return fresh and self._url.scheme == "http" and speaks_tls(self.host, self.port)

    def _slow_answer(self, path: str) -> SlowAnswerError:
        """An answer that was not whole in time; the first one of a client is asked for again, later ones are not."""
        with self._count_lock:
            self._slow_answers += 1
            again = self._slow_answers == 1
        return SlowAnswerError(
            f"{path}: no whole answer in time; it came too slowly",
            hint="Look at the network path and the load of the server; a larger --timeout allows more time.",
            again=again,
            path=path,
        )

    def _count_request(self, _: httpx.Request) -> None:
        with self._count_lock:
            self.requests += 1

    def _count_retry(self) -> None:
        with self._count_lock:
            self.retries += 1


def _userinfo(address: str) -> tuple[str, str] | None:
    """The account in the address of a proxy; None without one, or where it is no address."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return None
    return (url.username, url.password) if url.password else None


def _no_cookies() -> CookieJar:
    """A jar that takes nothing: the API knows tokens only, and cookies would grow with every answer."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def _log_answer(response: httpx.Response) -> None:
    """Log one answer, without its headers and the words beside its status: either may repeat a secret."""
    _LOG.info("%s %s: HTTP %s", response.request.method, response.request.url, response.status_code)


def _tries(number: int) -> str:
    return "one try" if number == 1 else f"{number} tries"


def _settled(error: TransientError, path: str, tries: int) -> VbrAuditError:
    """What a transient error becomes once the tries are used up: damaged answers stay damaged."""
    message = f"{error.message} (after {_tries(tries)})"
    if error.status == 200:
        return BadAnswerError(message, hint=error.hint, status=200, path=path)
    facts: dict[str, Any] = {"status": error.status, "code": error.code, "path": path}
    return TransientError(message, hint=error.hint, **facts)


# The first step: a client for a server, from arguments and settings; nothing is sent yet, and no pandas is needed.


def connect(
    url: str,
    *,
    username: str | None = None,
    password: str | SecretStr | None = None,
    name: str | None = None,
    revision: str | None = None,
    ca_file: str | Path | None = None,
    fingerprint: str | None = None,
    insecure: bool | None = None,
    timeout: float | None = None,
    proxy: str | None = None,
    transport: httpx.BaseTransport | None = None,
    allow_writes: bool = False,
) -> Client:
    """A client for the VBR server at `url`; nothing is sent before its first read.

    The password is `password`, else `VBR_AUDIT_PASSWORD`, else the keyring's, else asked for. Raises
    `ConfigurationError` for a wrong address or setting. `allow_writes` is for the functions of
    `vbr_audit.api.job_operations` that change jobs; no report or audit command ever uses it.
    """
    settings = load_settings(
        username=username,
        password=password,
        revision=revision,
        ca_file=ca_file,
        fingerprint=fingerprint,
        insecure=insecure,
        timeout=timeout,
        proxy=proxy,
    )
    address = str(parse_url(url)).rstrip("/")
    if not settings.username:
        raise ConfigurationError(f"no user name for {address}", hint="Give --username, or set VBR_AUDIT_USERNAME.")
    tls = Tls(ca_file=settings.ca_file, fingerprint=settings.fingerprint, insecure=settings.insecure)
    return Client(
        url,
        username=settings.username,
        password=find_password(settings.username, address, settings.password),
        name=name,
        revision=settings.revision,
        tls=tls,
        timeout=settings.timeout,
        proxy=settings.proxy,
        transport=transport,
        allow_writes=allow_writes,
    )
