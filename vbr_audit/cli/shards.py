"""Parts of a file of servers, for several processes or machines that share the reading of it.

Which part a server is in follows from its name and the number of parts alone: a server that is added or removed moves
no other one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import typer

from vbr_audit.cli.guard import Exit, complain
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError

_MOST_PARTS = 1000


@dataclass(frozen=True)
class Shard:
    """Part `number` of `parts`, counted from 1."""

    number: int
    parts: int

    @classmethod
    def of(cls, text: str) -> Shard:
        """The shard that `text` names, such as `1/3`; raises `ConfigurationError`."""
        match = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text, re.ASCII)
        number, parts = map(int, match.groups()) if match else (0, 0)
        if not 1 <= number <= parts <= _MOST_PARTS:
            raise ConfigurationError(
                f"--shard: not a part of a whole: {text[:50]!r}",
                hint=f"Write K/N with K from 1 to N, and N at most {_MOST_PARTS:,}: 1/3, 2/3 and 3/3 are all servers.",
            )
        return cls(number, parts)

    def holds(self, server: str) -> bool:
        """Whether the server of this name is in the shard; case makes no other name."""
        digest = hashlib.sha256(server.casefold().encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.parts == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.parts}"


def take_shard(
    text: str | None, urls: list[str] | None, file: Path | None, *, fixed: bool, quiet: bool
) -> Shard | None:
    """The shard that the user named; ends the command, successfully, where no server is in it.

    `fixed`: the period does not depend on when the servers are read; where it does, runs of shards cannot be merged,
    which is said. Raises `ConfigurationError` for what is no shard, or without a file of servers.
    """
    from vbr_audit.cli.servers_file import load_servers

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
