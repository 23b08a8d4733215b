"""`vbr-audit templates`: the templates of the reports, copies to change, and a look at your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded
from vbr_audit.display import count, plain
from vbr_audit.errors import ConfigurationError

templates_app = typer.Typer(
    help="List and copy the templates of the reports, and check your own.", no_args_is_help=True, rich_markup_mode=None
)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of templates, as listed.")]
Target = Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder for the copies; use it with --templates.")]
Every = Annotated[bool, typer.Option("--all", help="Copy every template.")]
Replace = Annotated[bool, typer.Option("--force", help="Replace existing files.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder with your own templates.")]


@templates_app.command("list")
@guarded
def templates_list(debug: o.Debug = False) -> None:
    """List every template and its purpose."""
    from vbr_audit.reports.html.templates import list_templates

    templates = list_templates()
    width = max(len(file.name) for file in templates)
    for file in templates:
        typer.echo(f"{file.name:{width}}  {file.purpose}".rstrip())


@templates_app.command("copy")
@guarded
def templates_copy(
    to: Target, names: Names = None, every: Every = False, force: Replace = False, debug: o.Debug = False
) -> None:
    """Copy built-in templates to a folder; a file there replaces the built-in one of the same name."""
    from vbr_audit.reports.html.templates import builtin_names, copy_templates

    if bool(names) == every:
        raise ConfigurationError("give the names of templates, or --all", hint="`vbr-audit templates list` lists them.")
    for path in copy_templates(builtin_names() if every else names or (), to, force=force):
        typer.echo(plain(path))


@templates_app.command("check")
@guarded
def templates_check(folder: Folder, debug: o.Debug = False) -> None:
    """Render the templates of a folder with an invented run; exit 2 with file and line for every problem."""
    from vbr_audit.reports.html.templates import KINDS, check_templates

    for remark in check_templates(folder):
        typer.echo(f"Note: {plain(remark)}")
    files = sum(path.suffix in KINDS for path in folder.rglob("*"))
    typer.echo(plain(f"{count(files, 'template')} in {folder}: no problems."))
