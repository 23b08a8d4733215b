"""`vbr-audit schema`: the JSON Schema of findings.json."""

from __future__ import annotations

from typing import Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded

SchemaOut = Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="File to write; default: standard output.")]


@guarded
def schema_command(
    out: SchemaOut = "-", force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False
) -> None:
    """Print the JSON Schema (2020-12) of findings.json."""
    from vbr_audit.reports.exports.json import findings_schema

    o.write_text(out, findings_schema(), force=force)
