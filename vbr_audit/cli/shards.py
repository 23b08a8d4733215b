"""The option `--shard`: which part of a file of servers a command is for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vbr_audit.cli.guard import Exit, complain
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError

if TYPE_CHECKING:
    from vbr_audit.fleets.shards import Shard


def take_shard(
    text: str | None, urls: list[str] | None, file: Path | None, *, fixed: bool, quiet: bool
) -> Shard | None:
    """The shard that the user named; ends the command, successfully, where no server is in it.

    `fixed`: the period does not depend on when the servers are read; where it does, runs of shards cannot be merged,
    which is said. Raises `ConfigurationError` for what is no shard, or without a file of servers.
    """
    from vbr_audit.fleets.servers_file import load_servers
    from vbr_audit.fleets.shards import Shard

    if text is None:
        return None
    shard = Shard.of(text)
    if file is None or urls:
        raise ConfigurationError(
            "--shard divides the servers of a file" + (", and no address of the command line" if urls else ""),
            hint="Name all servers in one file, and give it with --servers.",
        )
    named = load_servers(file, environ={}, password_given=True)
    if not any(shard.holds(server.shown_name) for server in named):
        if not quiet:
            typer.echo(
                f"No server of {plain(file.name)} is in shard {shard}: nothing was read, and no run was written."
            )
        raise typer.Exit(Exit.DONE)
    if not fixed:
        complain(
            "this period ends when the servers are read, so the runs of the shards cannot be merged",
            "Give the same --month, or --since and --until, to every shard, and --timezone.",
        )
    return shard
