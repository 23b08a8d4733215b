"""Sign-in: password and refresh grants, single-use refresh tokens, and tokens that expire."""

from dataclasses import dataclass
from hmac import compare_digest
from secrets import token_urlsafe
from threading import Lock
from time import monotonic

from vbr_audit.simulator.faults import Faults

LIFETIME_S = 900


@dataclass(slots=True)
class _Access:
    refresh: str
    expires: float
    calls_left: int | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A fresh pair of tokens."""

    access_token: str
    refresh_token: str
    expires_in: int


class Tokens:
    """The tokens that the server has given out."""

    def __init__(self, username: str, password: str, faults: Faults) -> None:
        self._account = (username, password)
        self._faults = faults
        self._lock = Lock()
        self._valid: dict[str, _Access] = {}
        self._refresh: set[str] = set()

    def sign_in(self, username: str, password: str) -> Grant | None:
        """Give a pair for the right name and password, None for any other."""
        right_name = compare_digest(username.encode(), self._account[0].encode())
        right_password = compare_digest(password.encode(), self._account[1].encode())
        return self._issue() if right_name and right_password else None

    def renew(self, refresh_token: str) -> Grant | None:
        """Trade a refresh token for a new pair, once."""
        with self._lock:
            if refresh_token not in self._refresh or "refuse-refresh" in self._faults:
                return None
            self._refresh.discard(refresh_token)
        return self._issue()

    def use(self, access_token: str) -> bool:
        """Tell whether an access token is good, and count this call against it."""
        with self._lock:
            access = self._valid.get(access_token)
            if access is None:
                return False
            if monotonic() >= access.expires or access.calls_left == 0:
                del self._valid[access_token]
                return False
            if access.calls_left is not None:
                access.calls_left -= 1
            return True

    def sign_out(self, access_token: str) -> None:
        """Forget the token and the refresh token that came with it."""
        with self._lock:
            access = self._valid.pop(access_token, None)
            if access is not None:
                self._refresh.discard(access.refresh)

    def _issue(self) -> Grant:
        lifetime = self._faults.seconds("token-ttl") or LIFETIME_S
        grant = Grant(token_urlsafe(24), token_urlsafe(24), max(1, int(lifetime)))
        calls = self._faults.count("token-calls") or None
        with self._lock:
            self._valid[grant.access_token] = _Access(grant.refresh_token, monotonic() + lifetime, calls)
            self._refresh.add(grant.refresh_token)
        return grant
