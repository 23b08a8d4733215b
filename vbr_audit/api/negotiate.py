"""The revision that this server and we both speak, read from the server's own refusal."""

from __future__ import annotations

from vbr_audit import revisions
from vbr_audit.errors import ConfigurationError, RevisionError


def check_pinned(revision: str) -> str:
    """`revision` in its normal spelling; raises `ConfigurationError` when this package does not know it."""
    name = revision.strip().lower().removeprefix("v")
    if name not in revisions.KNOWN:
        raise ConfigurationError(
            f"unknown REST revision {revision!r}",
            hint=f"Known are {', '.join(revisions.KNOWN)}; leave --revision out to take the newest common one.",
        )
    return name


def offered_in(status: int, message: str) -> tuple[str, ...]:
    """The revisions that an answer lists as supported; empty when it is no refusal of a revision."""
    if status != 400:
        return ()
    lowered = message.lower()
    return revisions.find_all(message) if "support" in lowered and "version" in lowered else ()


def choose(offered: tuple[str, ...], *, refused: str, pinned: bool) -> str:
    """The newest revision that is offered and known; raises `RevisionError` when there is none or one was fixed."""
    if pinned:
        raise RevisionError(
            f"the server does not speak revision {refused}; it offers {', '.join(offered)}",
            hint="Leave --revision out, or name one that the server offers.",
            supported=offered,
        )
    best = revisions.newest_common(r for r in offered if r != refused)
    if best is None:
        raise RevisionError(
            f"no common REST revision: the server offers {', '.join(offered)}",
            hint=f"This version knows {revisions.KNOWN[0]} to {revisions.NEWEST}; look for a newer vbr-audit.",
            supported=offered,
        )
    return best
