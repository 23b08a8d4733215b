"""`vbr-audit init`: files to start from, with every choice explained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError

Folder = Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder to write into; it is made where it is missing.")]
Replace = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]

_NEXT = """\
Next: write the server's address and the account into {settings}, then
  vbr-audit config show --config {settings}
      what is in force, and which place says it
  vbr-audit doctor --config {settings}
      what this account may read; it changes nothing
  vbr-audit audit --config {settings} --out first-run
      the last 30 days: page, workbook and findings
With its whole path in the variable VBR_AUDIT_CONFIG, --config may be left out. A settings file that nobody
named may lie in any folder: it cannot say which server is asked, nor which checks of its own are run.
The password is asked for, or comes from VBR_AUDIT_PASSWORD, the keyring, or --password-stdin."""


@guarded
def init_command(folder: Folder = Path(), force: Replace = False, debug: o.Debug = False) -> None:
    """Write settings, policy, site file and waivers to start from: they change nothing yet and explain every choice."""
    from vbr_audit.checks.policy.policy import load_policy, starting_policy
    from vbr_audit.cli import starting_files
    from vbr_audit.collection.files import write_bytes
    from vbr_audit.config.settings import FILE_NAME

    texts = {
        FILE_NAME: starting_files.SETTINGS,
        "policy.yaml": starting_policy(load_policy("default"), "default"),
        "site.yaml": starting_files.SITE,
        "waivers.yaml": starting_files.WAIVERS,
    }
    for name in texts:
        if (folder / name).exists() and not force:
            raise ConfigurationError(
                f"{folder / name} is there already", hint="Give another folder, or --force to replace the four files."
            )
    for name, text in texts.items():
        write_bytes(folder / name, text.encode())
        typer.echo(plain(folder / name))
    settings = str(folder / FILE_NAME)
    quoted = f'"{settings}"' if " " in settings else settings  # as every shell takes it, that of Windows too
    typer.echo("\n" + plain(_NEXT.format(settings=quoted), lines=True))
