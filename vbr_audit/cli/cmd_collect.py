"""`vbr-audit collect`: read a server into a run folder, without judging it."""

from __future__ import annotations

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.cmd_audit import collect_from
from vbr_audit.cli.guard import Exit, complain, guarded
from vbr_audit.display import plain


@guarded
def collect_command(
    urls: o.Urls,
    out: o.Out,
    username: o.Username = None,
    password_stdin: o.PasswordStdin = False,
    month: o.Month = None,
    since: o.Since = None,
    until: o.Until = None,
    timezone: o.Timezone = None,
    jobs: o.Jobs = None,
    allow_incomplete: o.AllowIncomplete = False,
    revision: o.Revision = None,
    ca_file: o.CaFile = None,
    fingerprint: o.Fingerprint = None,
    insecure: o.Insecure = None,
    timeout: o.Timeout = None,
    proxy: o.Proxy = None,
    force: o.Force = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Read one or several VBR servers into a run folder; check and report it later, offline."""
    from vbr_audit.checks import load_policy, needed_datasets
    from vbr_audit.collection.run_folder import prepare
    from vbr_audit.errors import CollectionInterrupted

    prepare(out, force=force)
    access = {
        "username": username,
        "password_stdin": password_stdin,
        "revision": revision,
        "ca_file": ca_file,
        "fingerprint": fingerprint,
        "insecure": insecure,
        "timeout": timeout,
        "proxy": proxy,
    }
    period = {"month": month, "since": since, "until": until, "timezone": timezone, "jobs": jobs}
    try:
        snapshot = collect_from(urls, access, period, quiet=quiet)
    except CollectionInterrupted as error:
        error.partial.save(out, force=force)
        complain(error.message, error.hint)
        raise typer.Exit(Exit.INTERRUPTED) from None
    snapshot.save(out, force=force)
    if not quiet:
        for record in snapshot.manifest.datasets:
            reason = f": {plain(record.reason)}" if record.reason else ""
            rows = f"{record.rows_kept:>9,} rows"
            typer.echo(f"{plain(record.server)}  {record.name:16} {record.status:9} {rows}{reason}")
        typer.echo(plain(out))
    needed = needed_datasets(load_policy().uses)
    broken = any(record.status != "complete" for record in snapshot.manifest.datasets if record.name in needed)
    raise typer.Exit(Exit.INCOMPLETE if broken and not allow_incomplete else Exit.DONE)
