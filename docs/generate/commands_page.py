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

All commands with their options, as in `vbr-audit COMMAND --help`. `vbr-audit --version` prints the version.
Results go to standard output, progress and errors to standard error.

`vbr-audit completion bash` (or zsh, fish, powershell) prints a script that makes your shell complete commands,
options, checks, datasets and formats; `vbr-audit completion --help` shows where to put it.

## Exit codes

| code | meaning |
|---|---|
| 0 | done; nothing fails at or above `--fail-on` |
| 1 | a finding fails at or above `--fail-on` and is not waived |
| 2 | the command line or one of your files is wrong; no request was sent to a server |
| 3 | nothing was collected: connection, TLS, sign-in |
| 4 | incomplete: data that a check needs could not be read completely, or a check failed to run; overrides 1 |
| 5 | an output could not be written |
| 6 | `deliver`: a message could not be delivered; it waits in the outbox, and the result of the audit is as it was |
| 130 | interrupted; the data read so far is written and marked incomplete |

`--allow-incomplete` disables exit code 4. `verify` ends with 4 if a run was changed, `doctor` if data that the checks
need cannot be read.
"""
_SETTINGS: Final = """## Settings

You can set options in a settings file or in a variable. The order of precedence is: the command
line, the variable, `vbr_audit.toml` in the current folder (or the file of `--config` or
`VBR_AUDIT_CONFIG`), then `config.toml` in your own settings folder. `vbr-audit init` writes a file that explains
every key, `vbr-audit config show` prints every setting and where it is set.

Anybody may have put a `vbr_audit.toml` into the current folder. Unless you give the file explicitly, it cannot set the
keys marked with ▲, which decide where your password is sent, which code is run, whose key signs, and where each run is
kept. A command
that would use one of them ends with exit code 2 until you give the file with `--config`, or its absolute path in
`VBR_AUDIT_CONFIG`.
"""
_PLAIN: Final = """
A file cannot contain a password. `VBR_AUDIT_PASSWORD` sets it for one run; `VBR_AUDIT_KEYRING=0` disables the keyring.
`VBR_AUDIT_BRAND_NAME`, `_LOGO`, `_COLOUR` and `_ACCENT` set the keys of a brand file one by one. `VBR_AUDIT_DEBUG=1`
shows tracebacks in a notebook. `VBR_AUDIT_PROGRESS=0` hides the progress.
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
