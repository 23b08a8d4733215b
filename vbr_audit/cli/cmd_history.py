"""`vbr-audit history`: runs and samples kept over time."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli import seal_options as so
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
Place = Annotated[Path, typer.Argument(metavar="HISTORY", help="Folder of the history.")]


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
    from vbr_audit.histories.sampling import take_sample, write_sample

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


@history_app.command("add")
@guarded
@settled("checks")
@so.takes_sealer
def history_add(
    folder: Place,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, as given with --out.")],
    checks: o.OwnChecks = None,
    config: o.Config = None,
    *,
    sealer: so.SealBy,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Copy saved runs into a history, oldest first, and seal each; a run that is there already is not added again.

    Exit code 4 if the time authority gave no time stamp: the runs are added all the same.
    """
    from vbr_audit.collection.run_folder import read_manifest
    from vbr_audit.pipeline import add_saved_run

    whole = True
    for run in sorted(runs, key=lambda run: read_manifest(run).run.now):
        added = add_saved_run(folder, run, checks=checks, sealer=sealer)
        if not quiet:
            typer.echo(f"{plain(run)}: {'was there already' if added.was_there else 'added'}, {plain(added.folder)}")
        whole &= so.tell_seal(added.head, added.notes, quiet=quiet)
    raise typer.Exit(Exit.DONE if whole else Exit.INCOMPLETE)


@history_app.command("list")
@guarded
def history_list(folder: Place, quiet: o.Quiet = False, verbose: o.Verbose = False, debug: o.Debug = False) -> None:
    """List the runs of a history, and what is missing or left out. Exit code 4 if a run is not as it was written."""
    from vbr_audit.display import count, percent
    from vbr_audit.histories.history import open_history

    history = open_history(folder)
    pinned, pruned = history.archive.pinned, set(history.archive.pruned)
    for entry in history.archive.ever:
        record, failing = entry.record, entry.record.point.failing
        marks = ["pruned"] * (entry in pruned) + ["pinned"] * (record.run_id in pinned)
        worst = f"{failing.get('critical', 0):,} critical, {failing.get('high', 0):,} high"
        servers = plain(", ".join(server.name for server in record.servers))
        typer.echo(
            f"{record.now:%Y-%m-%d %H:%M}Z  {record.run_id}  {servers}  {plain(record.point.level)}  {worst}  "
            f"{percent(record.point.success_rate)} of job runs succeeded{'  ' + ', '.join(marks) if marks else ''}"
        )
    for month in history.missing_months:
        typer.echo(f"{month}  no run")
    for problem in history.problems:
        complain(f"left out: {problem}")
    if not quiet:
        typer.echo(f"{count(len(history.archive.runs), 'run')} in {plain(folder)}")
    raise typer.Exit(Exit.INCOMPLETE if history.problems else Exit.DONE)


@history_app.command("verify")
@guarded
def history_verify(
    folder: Place,
    key: so.Keys = None,
    timestamp_ca: so.TimestampCa = None,
    anchor: so.Anchor = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Hash every file of every run again, and compare the runs with their seals. Nothing is asked of anybody.

    Exit code 4 if a run is not as it was written or sealed, is missing, or has no seal.
    """
    from vbr_audit.display import count
    from vbr_audit.histories.history import open_history

    trust = so.take_trust(key, timestamp_ca, anchor)
    history = open_history(folder)
    sealed = history.seals(trust)
    problems = [*history.changed_files(), *sealed.problems]
    for problem in problems:
        complain(str(problem))
    if problems:
        raise typer.Exit(Exit.INCOMPLETE)
    if not quiet:
        typer.echo(f"{plain(folder)}: {count(len(history.archive.runs), 'run')}, and no file was changed")
        for note in sealed.notes:
            typer.echo(plain(note))


@history_app.command("seal")
@guarded
@settled()
@so.takes_sealer
def history_seal(
    folder: Place,
    config: o.Config = None,
    *,
    sealer: so.SealBy,
    take_in: Annotated[
        bool, typer.Option("--take-in", help="Also seal runs that came past the chain, as they are found.")
    ] = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Add a seal that vouches for all before it, such as those of a fleet, and say its hash: the anchor to keep.

    In a history without seals, each run is sealed as it is found. Exit code 4 if there is no time stamp.
    """
    from vbr_audit.histories.seals import seal_history

    sealed = seal_history(folder, sealer, take_in=take_in)
    if not so.tell_seal(sealed.head, sealed.notes, quiet=quiet):
        raise typer.Exit(Exit.INCOMPLETE)


@history_app.command("prune")
@guarded
@settled()
@so.takes_sealer
def history_prune(
    folder: Place,
    keep: Annotated[int, typer.Option("--keep", min=1, metavar="N", help="Newest runs of each server to keep.")],
    config: o.Config = None,
    *,
    sealer: so.SealBy,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Remove old runs. Their numbers, and since when each finding is open, stay; pinned runs stay whole."""
    from vbr_audit.histories.archive import open_archive
    from vbr_audit.histories.pruning import prune_runs

    notes: list[str] = []
    for entry in prune_runs(open_archive(folder), keep=keep, sealer=sealer, told=notes.append):
        if not quiet:
            typer.echo(f"{plain(entry.path.name)}: removed, its numbers are kept")
    if not so.tell_seal("", notes, quiet=quiet):
        raise typer.Exit(Exit.INCOMPLETE)


@history_app.command("pin")
@guarded
def history_pin(
    folder: Place,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id, folder or month (YYYY-MM) of a run.")],
    remove: Annotated[bool, typer.Option("--remove", help="Let it be pruned again.")] = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Keep a run from ever being pruned."""
    from vbr_audit.histories.archive import open_archive
    from vbr_audit.histories.pruning import pin_run

    archive = open_archive(folder)
    pin_run(archive, archive.find(run), pinned=not remove)


@history_app.command("gc")
@guarded
def history_gc(folder: Place, quiet: o.Quiet = False, verbose: o.Verbose = False, debug: o.Debug = False) -> None:
    """Remove what processes left that were killed while they added a run; nothing that one is still at work on."""
    from vbr_audit.display import count
    from vbr_audit.histories.pruning import collect_garbage

    gone = collect_garbage(folder)
    if not quiet:
        typer.echo(f"{count(len(gone), 'unfinished folder')} removed")


@history_app.command("sql")
@guarded
def history_sql(
    folder: Place,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT, e.g. over runs, findings, state.")],
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Answer one SELECT over the tables of all runs as CSV; nothing else is run."""
    from vbr_audit.histories.history import open_history
    from vbr_audit.reports.exports.csv import csv_text

    typer.echo(csv_text(open_history(folder).sql(query)), nl=False)
