"""`vbr-audit history`: runs and samples kept over time."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import Exit, complain, guarded
from vbr_audit.cli.servers import open_client, take_servers
from vbr_audit.cli.standing import settled
from vbr_audit.display import plain

if TYPE_CHECKING:
    from vbr_audit.api.client import Client

history_app = typer.Typer(
    help="Keep runs and samples, and compare them over time.", no_args_is_help=True, rich_markup_mode=None
)

Folder = Annotated[Path, typer.Option("--history", metavar="DIR", help="Folder of the history.")]


@history_app.callback()
def _commands() -> None:
    """Keep runs and samples, and compare them over time."""


@history_app.command("sample")
@guarded
@settled()
def history_sample(
    folder: Folder,
    urls: o.Urls = None,
    servers: o.Servers = None,
    config: o.Config = None,
    username: o.Username = None,
    password_stdin: o.PasswordStdin = False,
    revision: o.Revision = None,
    ca_file: o.CaFile = None,
    fingerprint: o.Fingerprint = None,
    insecure: o.Insecure = None,
    timeout: o.Timeout = None,
    proxy: o.Proxy = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Read only the space of the repositories, in at most 6 requests and 50 KB a server, e.g. every hour by cron.

    Days until a repository is full are more exact with a sample a day. Exit code 4 if a server could not be read, or
    has more repositories than fit.
    """
    chosen = take_servers(
        urls,
        servers,
        password_stdin=password_stdin,
        username=username,
        revision=revision,
        ca_file=ca_file,
        fingerprint=fingerprint,
        insecure=insecure,
        timeout=timeout,
        proxy=proxy,
    )
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(open_client(server)) for server in chosen]
        states = [_sample(client, folder, quiet=quiet) for client in clients]
    if not any(state is not Exit.NOT_COLLECTED for state in states):
        raise typer.Exit(Exit.NOT_COLLECTED)
    raise typer.Exit(Exit.DONE if all(state is Exit.DONE for state in states) else Exit.INCOMPLETE)


def _sample(client: Client, folder: Path, *, quiet: bool) -> Exit:
    """Take and write a sample of one server; a server that cannot be read does not stop the others."""
    from vbr_audit import __version__
    from vbr_audit.display import count, number
    from vbr_audit.errors import ApiError, ConnectError
    from vbr_audit.history.sampling import take_sample, write_sample

    try:
        with client:
            sample = take_sample(client, tool_version=__version__)
    except (ApiError, ConnectError) as error:
        complain(f"{client.name}: {client.without_secrets(error.message)}", error.hint)
        return Exit.NOT_COLLECTED
    path = write_sample(folder, sample)
    if sample.reason:
        complain(f"{client.name}: {sample.reason}; the sample is partial")
    if not quiet:
        repositories = count(len(sample.capacity), "repository", "repositories")
        spent = f"{count(sample.requests, 'request')}, {number(sample.bytes)} bytes"
        typer.echo(f"{plain(client.name)}  {repositories}  {spent}  {plain(path)}")
    return Exit.INCOMPLETE if sample.reason else Exit.DONE
