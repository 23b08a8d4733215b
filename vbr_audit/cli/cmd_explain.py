"""`vbr-audit explain`: why one finding of a saved run is what it is."""

from __future__ import annotations

from typing import Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded
from vbr_audit.cli.standing import settled

FindingId = Annotated[
    str, typer.Argument(metavar="ID", help="Id of a finding, the beginning of an id, or CHECK:object name.")
]


@guarded
@settled()
def explain_command(
    run: o.Run,
    finding: FindingId,
    config: o.Config = None,
    checks: o.OwnChecks = None,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Show the basis of a finding: observed and expected, parameters and their source, the server's response."""
    from vbr_audit.pipeline import load_audit

    typer.echo(str(load_audit(run, checks=checks).explain(finding)))
