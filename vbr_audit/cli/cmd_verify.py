"""`vbr-audit verify`: prove that a run folder is what was collected and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli import seal_options as so
from vbr_audit.cli.guard import Exit, complain, guarded
from vbr_audit.display import plain


@guarded
def verify_command(
    run: o.Run,
    checks: o.OwnChecks = None,
    key: so.Keys = None,
    timestamp_ca: so.TimestampCa = None,
    anchor: so.Anchor = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Hash every file and every page of evidence again, evaluate the run again, and list each difference.

    The seal of the run, where it has one, is checked by the keys, authorities and hash that are given.
    """
    from vbr_audit.collection.run_folder import FINDINGS_JSON
    from vbr_audit.histories.seal_checks import check_run_seal
    from vbr_audit.histories.seals import root_of
    from vbr_audit.reports.pdf_evidence import check_pdfs
    from vbr_audit.verifying import differences_of, is_scrubbed

    trust = so.take_trust(key, timestamp_ca, anchor)
    pdfs = check_pdfs(run)
    differences = differences_of(run, pdfs, checks=checks)
    sealed = check_run_seal(run, trust)
    differences += [str(problem) for problem in sealed.problems]
    for line in differences:
        complain(line)
    if differences:
        raise typer.Exit(Exit.INCOMPLETE)
    if quiet:
        return
    notes = [*pdfs.notes, *sealed.notes]
    if is_scrubbed(run):
        typer.echo(f"{plain(run)}: no file was changed")
        _tell_notes(root_of(run), notes)
        typer.echo("This run has no names and no evidence, because of --scrub: verify the original run.")
        return
    compared = (run / FINDINGS_JSON).is_file()
    follows = "and the findings are the same" if compared else f"(no {FINDINGS_JSON} to compare the findings with)"
    typer.echo(f"{plain(run)}: no file and no page was changed, {follows}")
    _tell_notes(root_of(run), notes)


def _tell_notes(root: str | None, notes: Iterable[str]) -> None:
    """Print the root hash, what PDFs and seal show, and what nobody can tell from the folder alone."""
    typer.echo(f"Root: {root}")
    for note in notes:
        typer.echo(plain(note))
    typer.echo(
        "Anybody who can write to the run can also write its hashes: keep the root elsewhere, or check a signed seal."
    )
