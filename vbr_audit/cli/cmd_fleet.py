"""`vbr-audit fleet`: many servers audited on many workers, and seen together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import Exit, guarded
from vbr_audit.cli.judging import JudgedBy, takes_rules
from vbr_audit.cli.servers import completed
from vbr_audit.cli.standing import settled
from vbr_audit.display import count, plain, shorten

if TYPE_CHECKING:
    from vbr_audit.fleets.dask_cluster import SchedulerTls
    from vbr_audit.fleets.fleet import Fleet
    from vbr_audit.fleets.summaries import ServerSummary

fleet_app = typer.Typer(help="Audit many servers, and see them together.", no_args_is_help=True, rich_markup_mode=None)

ServersFile = Annotated[Path, typer.Option("--servers", metavar="FILE", help="File of the servers, in TOML.")]
FleetHistory = Annotated[
    Path, typer.Option("--history", metavar="DIR", help="Folder of the history that every run is added to.")
]
FleetOut = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for fleet.json.")]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="URL", help="A Dask scheduler, tls://…; default: processes of this machine."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, max=256, metavar="N", help="Processes of this machine [its cores].")
]
MinCoverage = Annotated[
    str,
    typer.Option("--min-coverage", metavar="SHARE", help="Least share of servers that must be audited, e.g. 95%."),
]
RunFormats = Annotated[
    str, typer.Option("--run-format", metavar="LIST", help="Reports that each run in the history holds.")
]


@fleet_app.command("audit")
@guarded
@settled("servers", "history")
@takes_rules(without=("baseline", "review", "events", "change_register", "sample", "sample_seed"))
def fleet_audit(
    servers: ServersFile,
    history: FleetHistory,
    out: FleetOut,
    config: o.Config = None,
    scheduler: Scheduler = None,
    scheduler_ca: Annotated[
        Path | None, typer.Option("--scheduler-ca", metavar="FILE", help="CA of the scheduler, in PEM.")
    ] = None,
    scheduler_cert: Annotated[
        Path | None, typer.Option("--scheduler-cert", metavar="FILE", help="Certificate of this client, in PEM.")
    ] = None,
    scheduler_key: Annotated[
        Path | None, typer.Option("--scheduler-key", metavar="FILE", help="Key of that certificate, in PEM.")
    ] = None,
    workers: Workers = None,
    username: o.Username = None,
    month: o.Month = None,
    since: o.Since = None,
    until: o.Until = None,
    timezone: o.Timezone = None,
    jobs: o.Jobs = None,
    shard: o.Shard = None,
    mask_accounts: o.MaskAccounts = False,
    deadline: o.Deadline = None,
    dataset_deadline: o.DatasetDeadline = None,
    timeout: o.Timeout = None,
    *,
    rules: JudgedBy,
    run_formats: RunFormats = "json",
    fail_on: o.FailOn = None,
    min_coverage: MinCoverage = "100%",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Audit every server of a file as a task of its own, and keep each run in a history. Only reads.

    Passwords are looked for where a server is audited: the file names the variable, file, command or keyring. Exit code
    4 where less than --min-coverage of the servers were audited, 1 where one fails at --fail-on.
    """
    from vbr_audit.fleets.fleet import audit_fleet
    from vbr_audit.fleets.servers_file import load_servers
    from vbr_audit.fleets.shards import Shard
    from vbr_audit.rules import Rules

    least = share_of(min_coverage)
    formats = o.split_formats(run_formats)
    judged_by = Rules.load(**rules)
    threshold = o.check_fail_on(fail_on) or judged_by.policy.fail_on
    part = None if shard is None else Shard.of(shard)
    named = load_servers(servers, environ={}, password_given=True, shard=part)
    defaults: dict[str, Any] = {"username": username, "timeout": timeout}
    fleet = audit_fleet(
        [completed(server, defaults) for server in named],
        history=history,
        cluster=scheduler,
        workers=workers,
        tls=_tls_of(scheduler_ca, scheduler_cert, scheduler_key),
        month=month,
        since=since,
        until=until,
        timezone=timezone,
        jobs=jobs,
        deadline=o.span(deadline),
        dataset_deadline=o.span(dataset_deadline, "--dataset-deadline"),
        mask_accounts=mask_accounts,
        formats=formats,
        on_done=(lambda summary: None) if quiet else _tell,
        **rules,
    )
    path = fleet.save(out)
    if not quiet:
        print_fleet(fleet)
        typer.echo(plain(path))
    raise typer.Exit(fleet_exit(fleet, threshold, least))


def _tls_of(ca: Path | None, cert: Path | None, key: Path | None) -> SchedulerTls | None:
    """The files of the scheduler's TLS; raises `ConfigurationError` where some are given and others are not."""
    from vbr_audit.errors import ConfigurationError
    from vbr_audit.fleets.dask_cluster import SchedulerTls

    if ca is None and cert is None and key is None:
        return None
    if ca is None or cert is None or key is None:
        raise ConfigurationError(
            "--scheduler-ca, --scheduler-cert and --scheduler-key belong together", hint="Give all three."
        )
    if missing := [path for path in (ca, cert, key) if not path.is_file()]:
        raise ConfigurationError(f"{missing[0]} is not there", hint="Check the path.")
    return SchedulerTls(ca, cert, key)


def share_of(text: str) -> float:
    """`95%` or `0.95` as a fraction; raises `ConfigurationError` for anything else."""
    from vbr_audit.errors import ConfigurationError

    number = text.strip()
    try:
        share = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ConfigurationError(f"--min-coverage: not a share: {shorten(text, 30)}", hint="Write it as 95% or 0.95.")
    return share


def _tell(summary: ServerSummary) -> None:
    """One line on stderr for each server as it is done."""
    reason = f": {shorten(summary.reasons[0], 100)}" if summary.reasons else ""
    typer.echo(f"{plain(summary.server)} {summary.outcome}{reason}", err=True)


def print_fleet(fleet: Fleet) -> None:
    """Print how many servers were audited, and those that were not, with the reason."""
    from vbr_audit.fleets.summaries import Outcome

    total, counts = len(fleet.summaries), fleet.counts
    missing = counts[Outcome.NOT_AUDITED]
    typer.echo(f"{missing:,} of {count(total, 'server')} {'was' if missing == 1 else 'were'} not audited")
    for summary in fleet.summaries:
        if summary.outcome is Outcome.NOT_AUDITED:
            typer.echo(f"  {plain(summary.server)}: {shorten(summary.reasons[0], 160)}")
    if counts[Outcome.INCOMPLETE]:
        typer.echo(f"{count(counts[Outcome.INCOMPLETE], 'server')} audited with questions left open")


def fleet_exit(fleet: Fleet, threshold: str, least: float) -> Exit:
    """4 where too few servers were audited, 1 where one has a failing finding at or above the threshold, else 0."""
    from vbr_audit.vocabulary import severities_from

    if fleet.coverage is None or fleet.coverage < least:
        return Exit.INCOMPLETE
    counted = severities_from(threshold)
    failing = any(
        summary.point.failing.get(severity, 0)
        for summary in fleet.summaries
        if summary.point is not None
        for severity in counted
    )
    return Exit.FAILING if failing else Exit.DONE
