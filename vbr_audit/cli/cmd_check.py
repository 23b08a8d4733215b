"""`vbr-audit check`: evaluate a saved run anew, offline."""

from __future__ import annotations

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.cmd_audit import written
from vbr_audit.cli.guard import guarded
from vbr_audit.cli.outcome import exit_code, print_outcome


@guarded
def check_command(
    run: o.Run,
    policy: o.Policy = None,
    waivers: o.Waivers = None,
    site: o.Site = None,
    checks: o.OwnChecks = None,
    fail_on: o.FailOn = None,
    allow_incomplete: o.AllowIncomplete = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Evaluate a saved run, by default under the policy kept with it; findings and present reports are written anew."""
    from vbr_audit.collection.run_folder import REPORT_HTML, REPORT_XLSX
    from vbr_audit.pipeline import load_audit

    o.check_fail_on(fail_on)
    audit = load_audit(run, policy=policy, waivers=waivers, site=site, checks=checks)
    present = [kind for kind, name in (("html", REPORT_HTML), ("xlsx", REPORT_XLSX)) if (run / name).is_file()]
    audit.write_outcome(run, formats=[*present, "json", "csv"])
    print_outcome(audit, written(run), quiet=quiet)
    raise typer.Exit(exit_code(audit, fail_on, allow_incomplete=allow_incomplete))
