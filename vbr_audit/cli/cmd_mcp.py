"""`vbr-audit mcp`: answer the questions of a program over a history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded


@guarded
def mcp_command(
    history: Annotated[Path, typer.Argument(metavar="HISTORY", help="Folder of the history.")],
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Serve a history to a client of the Model Context Protocol, on standard input and output, until the input ends.

    Its tools only read: runs, findings, causes, changes, explanations, one SELECT. Nothing is written, and no backup
    server is reached. Runs that are added later are seen after a restart.
    """
    from vbr_audit.asking.mcp_server import serve_history

    serve_history(history)
