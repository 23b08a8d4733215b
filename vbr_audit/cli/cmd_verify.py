"""`vbr-audit verify`: prove that a run folder is what was collected and what follows from it."""

from __future__ import annotations

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import Exit, complain, guarded
from vbr_audit.display import plain


@guarded
def verify_command(
    run: o.Run,
    checks: o.OwnChecks = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Hash every file and every page of evidence again, evaluate anew, and name each difference."""
    from vbr_audit.collection.run_folder import FINDINGS_JSON, SUMS
    from vbr_audit.verifying import is_scrubbed, verify_run

    found = verify_run(run, checks=checks)
    for line in found:
        complain(line)
    if found:
        raise typer.Exit(Exit.INCOMPLETE)
    if quiet:
        return
    if is_scrubbed(run):
        typer.echo(f"{plain(run)}: every file is as it was written")
        typer.echo("Names were scrubbed and evidence left out on purpose: verify the run that it was made from.")
        return
    compared = (run / FINDINGS_JSON).is_file()
    follows = "and gives the same findings" if compared else f"(no {FINDINGS_JSON} here to compare findings with)"
    typer.echo(f"{plain(run)}: every file and every page is as it was written, {follows}")
    typer.echo(f"Whoever can write the run can write its sums too: compare {SUMS} with what you kept elsewhere.")
