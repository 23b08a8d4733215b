"""`vbr-audit waivers`: accepted exceptions as a spreadsheet, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded
from vbr_audit.display import plain

waivers_app = typer.Typer(help="Convert waivers to a workbook, and back.", no_args_is_help=True, rich_markup_mode=None)

Yaml = Annotated[Path, typer.Argument(metavar="FILE", help="Waivers in YAML.")]
Register = Annotated[Path, typer.Argument(metavar="REGISTER", help="Workbook, .xlsx.")]
WaiversOut = Annotated[
    str, typer.Option("--out", "-o", metavar="FILE", help="YAML file to write; default: standard output.")
]
Replace = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]


@waivers_app.command("export")
@guarded
def waivers_export(
    file: Yaml, register: Register, checks: o.OwnChecks = None, force: Replace = False, debug: o.Debug = False
) -> None:
    """Write the waivers of a YAML file as a workbook that you can edit and import."""
    from vbr_audit.checks.own.own_checks import known_checks
    from vbr_audit.findings import load_waivers
    from vbr_audit.reports.waiver_register import write_register

    waivers = load_waivers(file, registry=known_checks(checks).registry)
    o.refuse_present(register, force=force)
    write_register(waivers.waivers, register)
    typer.echo(plain(f"{register}: {len(waivers.waivers)} waivers"), err=True)


@waivers_app.command("import")
@guarded
def waivers_import(
    register: Register,
    out: WaiversOut = "-",
    checks: o.OwnChecks = None,
    force: Replace = False,
    debug: o.Debug = False,
) -> None:
    """Write the waivers of a workbook as YAML; exit 2 with sheet, row and column if one is invalid."""
    from vbr_audit.checks.own.own_checks import known_checks
    from vbr_audit.findings.waivers import waivers_yaml
    from vbr_audit.reports.waiver_register import read_register

    waivers = read_register(register, registry=known_checks(checks).registry)
    o.write_text(out, waivers_yaml(waivers), force=force)
    typer.echo(plain(f"{register}: {len(waivers)} waivers"), err=True)
