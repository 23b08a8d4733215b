"""Many small servers on sockets of loopback, with the file that names them: what a fleet is audited of in tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from core_checks import CORE_TEXT
from raw_server import Answering, raw_server
from small_server import SmallServer, days

PASSWORD = "correct-horse-canary-9419"
VARIABLE = "FLEET_TEST_PASSWORD"
TERMS = {"month": "2026-10", "timezone": "Europe/Berlin", "policy": CORE_TEXT}
"""How fleets are audited in tests, by a policy of a few checks: what is looked at is not what they find."""

NOW = "2026-11-01T06:00:00+01:00"


def small_server(name: str, now: str = NOW) -> SmallServer:
    """A server with one nightly job, a repository, and a run each night of October; every third one failed."""
    vbr = SmallServer("1.3-rev1", name=name, now=now)
    vbr.add_repository("Repository A")
    job = vbr.add_job(f"Nightly of {name}")
    for place, day in enumerate(days("2026-10-01", "2026-10-31")):
        vbr.add_session(job, f"{day}T22:00:00+01:00", minutes=30, result="Failed" if place % 3 == 0 else "Success")
    vbr.add_state(job, "2026-10-31T22:00:00+01:00")
    return vbr


@contextlib.contextmanager
def fleet_of(
    names: list[str],
    folder: Path,
    *,
    answering: Mapping[str, Answering] | None = None,
    tenants: Mapping[str, str] | None = None,
    more: Mapping[str, str] | None = None,
    now: str = NOW,
) -> Iterator[Path]:
    """Serve one small server per name and yield the file of servers; `more` are further lines of an entry."""
    lines = []
    with contextlib.ExitStack() as stack:
        for name in names:
            url = stack.enter_context(raw_server((answering or {}).get(name), honest=small_server(name, now)))
            tenant = f'tenant = "{tenants[name]}"\n' if tenants and name in tenants else ""
            lines.append(
                f'[[server]]\nurl = "{url}"\nname = "{name}"\nusername = "auditor"\npassword_env = "{VARIABLE}"\n'
                f"{tenant}{(more or {}).get(name, '')}"
            )
        file = folder / "servers.toml"
        file.write_text("\n".join(lines), encoding="utf-8")
        yield file
