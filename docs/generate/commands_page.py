"""The command line as one Markdown page: what Typer writes of the commands, with exit codes and settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from docs_cells import table_head, table_row
from typer import Context
from typer.cli import get_docs_for_click
from typer.main import get_command

from vbr_audit.cli import app
from vbr_audit.config.settings import FILE_KEYS, GUARDED, PREFIX

_INTRODUCTION = """# Command line

Every command with its options, as `vbr-audit COMMAND --help` tells them. `vbr-audit --version` prints the version.
Results go to standard output, progress and complaints to standard error.

`vbr-audit completion bash` (or zsh, fish, powershell) prints a script that lets your shell complete commands,
options, checks, datasets and formats; `vbr-audit completion --help` says where it goes.

## Exit codes

| code | meaning |
|---|---|
| 0 | done; nothing fails at or above `--fail-on` |
| 1 | a finding fails at or above `--fail-on` and is not waived |
| 2 | the command line, or a file of yours, is wrong; nothing was asked of a server |
| 3 | nothing was collected: connection, TLS, sign-in |
| 4 | incomplete: something that a check needs could not be read whole, or a check broke; outranks 1 |
| 5 | an output could not be written |
| 130 | interrupted; what had been read is written and marked as incomplete |

`--allow-incomplete` lifts 4. `verify` ends with 4 where a run is not what it was, `doctor` where something that the
checks need cannot be read.
"""
_SETTINGS: Final = """## Settings

What you would type each time may stand in a settings file or in a variable. The stronger place counts: the command
line, the variable, `vbr_audit.toml` in the folder where the command is started (or the file of `--config` or
`VBR_AUDIT_CONFIG`), then `config.toml` in your own folder of settings. `vbr-audit init` writes a file that explains
every key, `vbr-audit config show` prints what is in force and which place says it.

A `vbr_audit.toml` that nobody named may have been laid into the folder by anybody. It may not say the keys
marked with ▲, which decide to whom your password is sent and what is run: a command that would use one of them ends
with exit code 2 until you name the file, with `--config` or by its whole path in `VBR_AUDIT_CONFIG`.
"""
_PLAIN: Final = """
A file holds no password. `VBR_AUDIT_PASSWORD` holds it for one run; `VBR_AUDIT_KEYRING=0` leaves the keyring alone.
`VBR_AUDIT_BRAND_NAME`, `_LOGO`, `_COLOUR` and `_ACCENT` say one by one what a brand file says. `VBR_AUDIT_DEBUG=1`
shows tracebacks in a notebook. `VBR_AUDIT_PROGRESS=0` shows no progress.
"""
_OPTION_OF: Final = {"url": "`URL`", "classification": ""}


def render_commands() -> str:
    """The whole page as Markdown, ending in a line break."""
    root = get_command(app)
    commands = get_docs_for_click(
        obj=root, ctx=Context(root, info_name="vbr-audit"), indent=1, name="vbr-audit", title="Commands"
    )
    return "\n".join([_INTRODUCTION, commands.rstrip(), "", _SETTINGS, *_settings(), _PLAIN.rstrip()]) + "\n"


def _settings() -> Iterator[str]:
    yield from table_head("key in the file", "variable", "option")
    for name in FILE_KEYS:
        option = _OPTION_OF.get(name, f"`--{name.replace('_', '-')}`")
        mark = " ▲" if name in GUARDED else ""
        yield table_row(f"`{name}`{mark}", f"`{PREFIX}{name.upper()}`", option)
