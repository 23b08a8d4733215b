"""`vbr-audit check`: evaluate a saved run anew, offline."""

from __future__ import annotations

from typing import Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.cmd_audit import written
from vbr_audit.cli.cmd_diff import exit_on_new
from vbr_audit.cli.guard import Exit, guarded
from vbr_audit.cli.judging import KEPT, JudgedBy, takes_rules
from vbr_audit.cli.outcome import exit_code, print_outcome
from vbr_audit.cli.standing import settled
from vbr_audit.vocabulary import MAIN_SHEETS, PdfLength


@guarded
@settled(*KEPT)
@takes_rules()
def check_command(
    *,
    run: o.Run,
    config: o.Config = None,
    rules: JudgedBy,
    templates: o.Templates = None,
    csv_bom: o.CsvBom = False,
    pdf: o.Pdf = PdfLength.SHORT,
    sign_pdf: o.SignPdf = None,
    sheets: o.Sheets = MAIN_SHEETS,
    fail_on: o.FailOn = None,
    allow_incomplete: o.AllowIncomplete = False,
    fail_on_new: o.FailOnNew = None,
    force: o.ForceChanged = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Evaluate a saved run again, by default with its stored policy, and rewrite its findings and existing reports."""
    from vbr_audit.pipeline import load_audit
    from vbr_audit.reports.formats import FORMATS, files_present
    from vbr_audit.reports.html.templates import check_templates
    from vbr_audit.reports.interface import checked_sheets

    o.check_fail_on(fail_on)
    threshold = o.check_fail_on(fail_on_new, "--fail-on-new") or "never"
    check_templates(templates)
    checked_sheets(sheets)
    signer = o.take_pdf_signer(sign_pdf)
    audit = load_audit(run, **rules)
    present = {"json", "csv", *files_present(run)}
    formats = [name for name in FORMATS if name in present]
    writing: dict[str, Any] = {"templates": templates, "csv_bom": csv_bom, "pdf": pdf, "sheets": sheets}
    writing["sign_pdf"] = signer
    audit.write_outcome(run, formats=formats, **writing, force=force)
    print_outcome(audit, written(run), quiet=quiet)
    code = exit_code(audit, fail_on, allow_incomplete=allow_incomplete)
    raise typer.Exit(exit_on_new(audit.changes, threshold) if code is Exit.DONE else code)
