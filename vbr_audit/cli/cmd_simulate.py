"""`vbr-audit simulate`: a small VBR server with a believable estate, on loopback."""

from __future__ import annotations

import datetime as dt
import time
from typing import Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded
from vbr_audit.errors import ConfigurationError

Jobs = Annotated[int, typer.Option("--jobs", min=0, help="Number of jobs.")]
Sessions = Annotated[int, typer.Option("--sessions", min=0, help="Number of sessions over the last 65 days.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the estate: another seed gives another estate.")]
SimulatedRevision = Annotated[str, typer.Option("--revision", help="Newest REST revision that the server offers.")]
Role = Annotated[
    str,
    typer.Option(
        "--role",
        help="Role of the account: Viewer, BackupOperator, RestoreOperator, SecurityAdministrator or Administrator.",
    ),
]
Now = Annotated[
    str | None,
    typer.Option(
        "--now",
        metavar="MOMENT",
        help="Stop the clock of the simulated server at this ISO date or date and time, in its local time unless "
        "you give an offset; the same moment and seed give the same estate. Default: its clock runs.",
    ),
]
ServeTls = Annotated[bool, typer.Option("--tls", help="Serve https with a self-signed certificate.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on loopback; 0 selects a free port.")]
Faults = Annotated[
    list[str] | None,
    typer.Option("--fault", metavar="NAME[=VALUE]", help="Simulate a fault; repeat it for more faults."),
]


@guarded
def simulate_command(
    jobs: Jobs = 40,
    sessions: Sessions = 3000,
    seed: Seed = 1,
    now: Now = None,
    revision: SimulatedRevision = "1.3-rev1",
    role: Role = "Viewer",
    tls: ServeTls = False,
    port: Port = 9419,
    fault: Faults = None,
    debug: o.Debug = False,
) -> None:
    """Serve a simulated VBR server on loopback until Ctrl-C."""
    from vbr_audit import simulator

    moment = read_now(now)
    try:
        server = simulator.serve(
            jobs=jobs,
            sessions=sessions,
            seed=seed,
            now=moment,
            revision=revision,
            role=role,
            tls=tls,
            port=port,
            faults=fault or [],
        )
        with server as url:
            typer.echo(f"{url}  (user {simulator.DEMO_USERNAME}, password {simulator.DEMO_PASSWORD}); Ctrl-C ends it")
            if tls:
                typer.echo(f"certificate SHA-256 {url.fingerprint}")
            _wait()
    except (ValueError, OSError) as error:
        raise ConfigurationError(f"the simulator cannot start: {error}", hint="--help lists the options.") from None


def read_now(text: str | None) -> dt.datetime | None:
    """Read the moment of `--now`, None when its clock shall run."""
    from vbr_audit.simulator import read_moment

    try:
        return None if text is None else read_moment(text)
    except ValueError as error:
        raise ConfigurationError(
            f"--now: {error}", hint="Give a date like 2026-11-15, or 2026-11-15T09:00+01:00."
        ) from None


def _wait() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
