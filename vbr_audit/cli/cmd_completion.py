"""`vbr-audit completion`: what a shell needs to complete commands, options, checks and formats."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from vbr_audit.cli.guard import guarded

PROGRAM = "vbr-audit"
VARIABLE = "_VBR_AUDIT_COMPLETE"
"""By which a shell asks for words."""


class ShellName(StrEnum):
    """The shells with completion."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


Shell = Annotated[ShellName, typer.Argument(help="Your shell.")]


@guarded
def completion_command(shell: Shell) -> None:
    """Print a script that makes a shell complete commands, options and names.

    bash: `source <(vbr-audit completion bash)` in ~/.bashrc; zsh: the same in ~/.zshrc, after compinit; fish:
    `vbr-audit completion fish > ~/.config/fish/completions/vbr-audit.fish`; PowerShell:
    `vbr-audit completion powershell | Out-String | Invoke-Expression` in $PROFILE.
    """
    from typer._completion_shared import get_completion_script

    typer.echo(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell.value))
