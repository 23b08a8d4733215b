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
    """Hash every file and every page of evidence again, evaluate the run again, and list each difference."""
    from vbr_audit.collection.run_folder import FINDINGS_JSON, SUMS
    from vbr_audit.verifying import is_scrubbed, verify_run

    differences = verify_run(run, checks=checks)
    for line in differences:
        complain(line)
    if differences:
        raise typer.Exit(Exit.INCOMPLETE)
    if quiet:
        return
    if is_scrubbed(run):
        typer.echo(f"{plain(run)}: no file was changed")
        typer.echo("This run has no names and no evidence, because of --scrub: verify the original run.")
        return
    compared = (run / FINDINGS_JSON).is_file()
    follows = "and the findings are the same" if compared else f"(no {FINDINGS_JSON} to compare the findings with)"
    typer.echo(f"{plain(run)}: no file and no page was changed, {follows}")
    typer.echo(
        f"Anybody who can write to the run can also write its hashes: compare {SUMS} with a copy kept elsewhere."
    )
