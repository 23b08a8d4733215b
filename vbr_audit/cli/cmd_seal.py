"""`vbr-audit seal`: sign and stamp one run that is in no history."""

from __future__ import annotations

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli import seal_options as so
from vbr_audit.cli.guard import Exit, complain, guarded
from vbr_audit.cli.standing import settled


@guarded
@settled()
@so.takes_sealer
def seal_command(
    run: o.Run,
    config: o.Config = None,
    *,
    sealer: so.SealBy,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Write `seal.json` into a run folder, with its signature and time stamp; one that stands there is replaced.

    A run that is not as it was written is not sealed. Exit code 4 if the time authority gave no time stamp.
    """
    from vbr_audit.collection.run_folder import differences
    from vbr_audit.histories.seals import seal_run

    for line in (wrong := differences(run)):
        complain(line)
    if wrong:
        complain("nothing was sealed", f"vbr-audit verify {run}")
        raise typer.Exit(Exit.INCOMPLETE)
    sealed = seal_run(run, sealer)
    if not so.tell_seal(sealed.head, sealed.notes, quiet=quiet):
        raise typer.Exit(Exit.INCOMPLETE)
