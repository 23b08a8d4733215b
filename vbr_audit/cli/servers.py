"""The servers of one command: addresses from the command line, then those of a file, each with its own access."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import complain

if TYPE_CHECKING:
    from vbr_audit.api.client import Client
    from vbr_audit.fleets.servers_file import Server
    from vbr_audit.fleets.shards import Shard

_AT_ONCE = 32
_TRUST = ("ca_file", "fingerprint", "insecure")


def take_servers(
    urls: list[str] | None,
    file: Path | None,
    *,
    password_stdin: bool = False,
    shard: Shard | None = None,
    **defaults: Any,
) -> tuple[Server, ...]:
    """The servers that the user named, those of the command line first; `defaults` hold for what one does not say.

    With a `shard`, those of the file that are in it.

    Raises `ConfigurationError` for none at all, for two of one name, and for a file that is wrong.
    """
    import os

    from vbr_audit.errors import ConfigurationError
    from vbr_audit.fleets.servers_file import Server, check_names, load_servers

    servers = [Server(url, place="the command line") for url in urls or ()]
    if file is not None:
        servers += load_servers(file, environ=os.environ, password_given=password_stdin, shard=shard)
    if not servers:
        raise ConfigurationError(
            "no server is given",
            hint="Give the address of a VBR server, e.g. https://vbr01.example, a file of servers with --servers, or "
            "a settings file with --config.",
        )
    check_names(servers)
    if password_stdin:
        from pydantic import SecretStr

        defaults["password"] = SecretStr(o.read_password())
    return tuple(completed(server, defaults) for server in servers)


def open_clients(servers: tuple[Server, ...], clients: contextlib.ExitStack) -> list[Client]:
    """A client for each of `servers`, which `clients` closes; sends nothing. Raises `ConfigurationError`."""
    opened: list[Client] = []
    clients.callback(_close_all, opened)
    opened.extend(map(open_client, servers))  # one by one: those before one that is refused are closed
    return opened


def _close_all(clients: list[Client]) -> None:
    """Sign out of all at once: of those that hang, each may take some seconds."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for closed in [pool.submit(client.close) for client in clients]:
            closed.result()


def open_client(server: Server) -> Client:
    """A client for `server`, which has not sent anything yet; an error of its settings says where it is named."""
    client = server.connect()
    if not client.verified:
        complain(
            f"WARNING: the certificate is not verified (--insecure): responses of {client.name} may come from anyone"
        )
    return client


def completed(server: Server, defaults: dict[str, Any]) -> Server:
    """`server` with `defaults` where it is silent; how its certificate is trusted is one question, not three."""
    own_trust = any(getattr(server, name) is not None for name in _TRUST)
    missing = {
        name: value
        for name, value in defaults.items()
        if getattr(server, name) is None and not (own_trust and name in _TRUST)
    }
    if "password" in missing:
        missing["secret"] = None
    return dataclasses.replace(server, **missing)
