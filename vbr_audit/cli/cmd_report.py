"""`vbr-audit report`: write the reports of a saved run anew, offline."""

from __future__ import annotations

from typing import Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.cmd_audit import written
from vbr_audit.cli.guard import complain, guarded
from vbr_audit.cli.judging import KEPT, JudgedBy, takes_rules
from vbr_audit.cli.standing import settled
from vbr_audit.display import plain
from vbr_audit.vocabulary import MAIN_SHEETS, PdfLength


@guarded
@settled(*KEPT)
@takes_rules(without=("policy", "waivers", "site", "events", "change_register"))
def report_command(
    *,
    run: o.Run,
    config: o.Config = None,
    formats: o.Formats = None,
    templates: o.Templates = None,
    csv_bom: o.CsvBom = False,
    pdf: o.Pdf = PdfLength.SHORT,
    sign_pdf: o.SignPdf = None,
    sheets: o.Sheets = MAIN_SHEETS,
    scrub: o.Scrub = False,
    scrub_key: o.ScrubKeyFile = None,
    out: o.ScrubOut = None,
    force: o.ForceChanged = False,
    rules: JudgedBy,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Write the reports of a saved run with its stored policy, and its stored frameworks unless you give others.

    With --scrub, write a run without names and evidence to --out; the saved run does not change.
    """
    from vbr_audit.pipeline import load_audit
    from vbr_audit.reports.html.templates import check_templates
    from vbr_audit.reports.interface import checked_sheets

    wanted = o.split_formats(formats)
    check_templates(templates)
    checked_sheets(sheets)
    signer = o.take_pdf_signer(sign_pdf)
    key = o.take_scrub_key(scrub, scrub_key, out)
    if key is None:
        o.refuse_out(out)
    audit = load_audit(run, as_recorded=True, **rules)
    for note in audit.rules.checks.notes:
        complain(note)
    place = run if out is None else out
    if key is not None:
        audit = audit.scrub(key)
        audit.snapshot.save(place, force=force, unwritten=wanted)
    writing: dict[str, Any] = {"templates": templates, "csv_bom": csv_bom, "pdf": pdf, "sheets": sheets}
    writing["sign_pdf"] = signer
    audit.write_outcome(place, formats=wanted, **writing, force=force)
    if not quiet:
        for path in written(place):
            typer.echo(plain(path))
