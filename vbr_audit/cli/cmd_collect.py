"""`vbr-audit collect`: read a server into a run folder, without judging it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.cmd_audit import collect_from, warn_of_readers
from vbr_audit.cli.guard import Exit, complain, guarded
from vbr_audit.cli.servers import take_servers
from vbr_audit.cli.shards import take_shard
from vbr_audit.cli.standing import settled
from vbr_audit.display import plain

if TYPE_CHECKING:
    from vbr_audit.fleets.servers_file import Server


@guarded
@settled()
def collect_command(
    out: o.Out,
    urls: o.Urls = None,
    servers: o.Servers = None,
    shard: o.Shard = None,
    config: o.Config = None,
    username: o.Username = None,
    password_stdin: o.PasswordStdin = False,
    month: o.Month = None,
    since: o.Since = None,
    until: o.Until = None,
    timezone: o.Timezone = None,
    jobs: o.Jobs = None,
    datasets: o.Datasets = None,
    mask_accounts: o.MaskAccounts = False,
    policy: o.Policy = None,
    checks: o.OwnChecks = None,
    allow_incomplete: o.AllowIncomplete = False,
    revision: o.Revision = None,
    ca_file: o.CaFile = None,
    fingerprint: o.Fingerprint = None,
    insecure: o.Insecure = None,
    timeout: o.Timeout = None,
    deadline: o.Deadline = None,
    dataset_deadline: o.DatasetDeadline = None,
    proxy: o.Proxy = None,
    force: o.Force = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Read one or several VBR servers into a run folder; check and report it later, offline."""
    from vbr_audit.checks.own.own_checks import known_checks
    from vbr_audit.collection.run_folder import prepare

    part = take_shard(shard, urls, servers, fixed=bool(month or until), quiet=quiet)
    rules = known_checks(checks).policy(policy)
    prepare(out, force=force)
    chosen = take_servers(
        urls,
        servers,
        password_stdin=password_stdin,
        shard=part,
        username=username,
        revision=revision,
        ca_file=ca_file,
        fingerprint=fingerprint,
        insecure=insecure,
        timeout=timeout,
        deadline=o.span(deadline),
        proxy=proxy,
    )
    scope = {"month": month, "since": since, "until": until, "timezone": timezone, "jobs": jobs}
    reading = {"datasets": o.split_datasets(datasets), "mask_accounts": mask_accounts, "policy": rules}
    scope["dataset_deadline"] = o.span(dataset_deadline, "--dataset-deadline")
    _collect(chosen, scope | reading, out, force=force, quiet=quiet, allow_incomplete=allow_incomplete)


def _collect(
    servers: tuple[Server, ...],
    terms: dict[str, Any],
    out: Path,
    *,
    force: bool,
    quiet: bool,
    allow_incomplete: bool,
) -> None:
    """Read into `out` and say what came; an interrupted run is written too. Ends in an exit code."""
    from vbr_audit.checks import needed_datasets
    from vbr_audit.collection.files import alone
    from vbr_audit.collection.run_folder import prepare
    from vbr_audit.collection.snapshot import unread
    from vbr_audit.errors import CollectionInterrupted

    with alone(out):
        prepare(out, force=force)  # another process may have been at work there until now
        try:
            snapshot = collect_from(servers, terms, quiet=quiet)
        except CollectionInterrupted as error:
            error.partial.save(out, force=force)
            complain(error.message, error.hint)
            raise typer.Exit(Exit.INTERRUPTED) from None
        snapshot.save(out, force=force)
    warn_of_readers(out)
    if not quiet:
        for record in snapshot.manifest.datasets:
            reason = f": {plain(record.reason)}" if record.reason else ""
            rows = f"{record.rows_kept:>9,} rows"
            typer.echo(f"{plain(record.server)}  {record.name:22} {record.status:9} {rows}{reason}")
        typer.echo(plain(out))
    needed = needed_datasets(terms["policy"].uses)
    broken = any(record.name in needed for record in unread(snapshot.manifest))
    raise typer.Exit(Exit.INCOMPLETE if broken and not allow_incomplete else Exit.DONE)
