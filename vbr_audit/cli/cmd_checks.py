"""`vbr-audit checks`: what can be checked, and what one check means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded
from vbr_audit.errors import ConfigurationError

if TYPE_CHECKING:
    from vbr_audit.checks.registry import Check

CheckId = Annotated[str | None, typer.Argument(metavar="[ID]", help="A check's id, e.g. JOB-003.")]


@guarded
def checks_command(check_id: CheckId = None, debug: o.Debug = False) -> None:
    """List all checks, or tell all about one: why, parameters, what it reads, remediation."""
    from vbr_audit.checks import REGISTRY

    if check_id is None:
        for check in REGISTRY.all():
            typer.echo(f"{check.id:8} {check.severity:8} {check.title}")
        return
    known = {check.id: check for check in REGISTRY.all()}
    if check_id.upper() not in known:
        raise ConfigurationError(f"no check is called {check_id!r}", hint=_closest(check_id.upper(), list(known)))
    _tell(known[check_id.upper()])


def _tell(check: Check) -> None:
    typer.echo(f"{check.id}  {check.title}\n\n{check.rationale}\n")
    typer.echo(f"Area         {check.area}\nSeverity     {check.severity}")
    for table, columns in check.reads.items():
        typer.echo(f"Reads        {table}: {', '.join(columns)}")
    for parameter in check.parameters:
        unit = f" {parameter.unit}" if parameter.unit else ""
        bounds = f", {parameter.bounds}" if parameter.bounds else ""
        typer.echo(f"Parameter    {parameter.name} = {parameter.default}{unit}{bounds}: {parameter.help}")
    typer.echo(f"Remediation  {check.remediation}")


def _closest(word: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word, known, n=3)
    return f"Did you mean {' or '.join(close)}?" if close else "`vbr-audit checks` lists them."
