"""`vbr-audit fleet`: many servers, read in parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.cmd_audit import command_line, warn_of_readers, written
from vbr_audit.cli.guard import guarded
from vbr_audit.cli.judging import KEPT, JudgedBy, takes_rules
from vbr_audit.cli.outcome import exit_code, print_outcome
from vbr_audit.cli.standing import settled
from vbr_audit.vocabulary import MAIN_SHEETS, PdfLength

if TYPE_CHECKING:
    from vbr_audit.fleet.merging import Expected

fleet_app = typer.Typer(help="Make one run of the runs of many servers.", no_args_is_help=True, rich_markup_mode=None)

Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders of different servers.")]
AllServers = Annotated[
    Path | None,
    typer.Option(
        "--servers",
        metavar="FILE",
        help="The file of all servers: one that no run is about is recorded as not read.",
    ),
]


@fleet_app.command("merge")
@guarded
@settled(*KEPT, "servers")
@takes_rules()
def fleet_merge(
    *,
    runs: Runs,
    out: o.Out,
    servers: AllServers = None,
    config: o.Config = None,
    rules: JudgedBy,
    formats: o.Formats = None,
    fail_on: o.FailOn = None,
    allow_incomplete: o.AllowIncomplete = False,
    templates: o.Templates = None,
    csv_bom: o.CsvBom = False,
    pdf: o.Pdf = PdfLength.SHORT,
    sheets: o.Sheets = MAIN_SHEETS,
    force: o.Force = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Copy the runs of different servers, such as those of shards, into one run, and judge and report it as one audit.

    The runs must have the same period, time zone, scope and rules, and be as they were written.
    """
    from vbr_audit.collection.run_folder import prepare
    from vbr_audit.fleet.merging import merge_runs
    from vbr_audit.reports.html.templates import check_templates

    o.check_fail_on(fail_on)
    check_templates(templates)
    expected = _expected(servers)
    prepare(out, force=force)
    how: dict[str, Any] = {"templates": templates, "csv_bom": csv_bom, "pdf": pdf, "sheets": sheets, "force": force}
    how |= {"formats": o.split_formats(formats), "expected": expected, "command": command_line()}
    audit = merge_runs(runs, out, **how, **rules)
    print_outcome(audit, written(out), quiet=quiet)
    warn_of_readers(out)
    raise typer.Exit(exit_code(audit, fail_on, allow_incomplete=allow_incomplete))


def _expected(file: Path | None) -> list[Expected]:
    """The servers of the file; what is said of their access does not matter here."""
    from vbr_audit.api.client import parse_url
    from vbr_audit.cli.servers_file import load_servers
    from vbr_audit.fleet.merging import Expected

    named = () if file is None else load_servers(file, environ={}, password_given=True)
    return [Expected(each.shown_name, str(parse_url(each.url)).rstrip("/"), each.tenant) for each in named]
