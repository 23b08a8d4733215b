"""`vbr-audit report`: write the reports of a saved run anew, offline."""

from __future__ import annotations

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.cmd_audit import written
from vbr_audit.cli.guard import guarded
from vbr_audit.display import plain


@guarded
def report_command(
    run: o.Run,
    formats: o.Formats = o.ALL_FORMATS,
    templates: o.Templates = None,
    checks: o.OwnChecks = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Write the reports of a saved run under the policy kept with it."""
    from vbr_audit.pipeline import load_audit
    from vbr_audit.reports.templates import check_templates

    wanted = o.split_formats(formats)
    check_templates(templates)
    load_audit(run, checks=checks).write_outcome(run, formats=wanted, templates=templates)
    if not quiet:
        for path in written(run):
            typer.echo(plain(path))
