"""`vbr-audit fleet`: many servers audited on many workers, and seen together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.cmd_audit import command_line, warn_of_readers, written
from vbr_audit.cli.guard import Exit, guarded
from vbr_audit.cli.judging import KEPT, JudgedBy, takes_rules
from vbr_audit.cli.outcome import exit_code, print_outcome
from vbr_audit.cli.servers import completed
from vbr_audit.cli.standing import settled
from vbr_audit.display import count, plain, shorten
from vbr_audit.vocabulary import MAIN_SHEETS, PdfLength

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vbr_audit.fleets.dask_cluster import SchedulerTls
    from vbr_audit.fleets.fleet import Fleet
    from vbr_audit.fleets.merging import Expected
    from vbr_audit.fleets.picture import FleetPicture
    from vbr_audit.fleets.population import Population
    from vbr_audit.fleets.scrubbing import FleetScrubber
    from vbr_audit.fleets.servers_file import Server
    from vbr_audit.fleets.summaries import ServerSummary
    from vbr_audit.scrub.pseudonyms import ScrubKey

fleet_app = typer.Typer(help="Audit many servers, and see them together.", no_args_is_help=True, rich_markup_mode=None)

ServersFile = Annotated[Path, typer.Option("--servers", metavar="FILE", help="File of the servers, in TOML.")]
FleetHistory = Annotated[
    Path, typer.Option("--history", metavar="DIR", help="Folder of the history that every run is added to.")
]
FleetOut = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for fleet.json and the reports.")]
FleetFormats = Annotated[
    str, typer.Option("--format", metavar="LIST", help="Reports of the fleet: html, xlsx, json (always there).")
]
PopulationFile = Annotated[
    Path | None,
    typer.Option("--population", metavar="FILE", help="CSV list of the servers that ought to be audited."),
]
FleetTitle = Annotated[str, typer.Option("--title", help="Heading of the report.")]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="URL", help="A Dask scheduler, tls://…; default: processes of this machine."),
]
SchedulerCa = Annotated[
    Path | None, typer.Option("--scheduler-ca", metavar="FILE", help="CA of the scheduler, in PEM.")
]
SchedulerCert = Annotated[
    Path | None, typer.Option("--scheduler-cert", metavar="FILE", help="Certificate of this client, in PEM.")
]
SchedulerKey = Annotated[
    Path | None, typer.Option("--scheduler-key", metavar="FILE", help="Key of that certificate, in PEM.")
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
    scheduler_ca: SchedulerCa = None,
    scheduler_cert: SchedulerCert = None,
    scheduler_key: SchedulerKey = None,
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
    formats: FleetFormats = "html,xlsx,json",
    run_formats: RunFormats = "json",
    population: PopulationFile = None,
    title: FleetTitle = "Backup servers",
    scrub: o.Scrub = False,
    scrub_key: o.ScrubKeyFile = None,
    fail_on: o.FailOn = None,
    min_coverage: MinCoverage = "100%",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Audit every server of a file as a task of its own, and keep each run in a history. Only reads.

    With --scrub, names are replaced before anything is kept. Passwords are looked for where a server is audited: the
    file names their place. Exit code 4 where less than --min-coverage were audited, 1 where one fails at --fail-on.
    """
    from vbr_audit.fleets.reporting import make_fleet_folder, write_fleet
    from vbr_audit.rules import Rules

    _refuse_list_of_shard(shard, population)
    least, (wanted, listed) = share_of(min_coverage), _reports(formats, population)
    threshold = o.check_fail_on(fail_on) or Rules.load(**rules).policy.fail_on
    how: dict[str, Any] = {"cluster": scheduler, "workers": workers, "mask_accounts": mask_accounts}
    how |= {"tls": _tls_of(scheduler_ca, scheduler_cert, scheduler_key), "formats": o.split_formats(run_formats)}
    how |= {"month": month, "since": since, "until": until, "timezone": timezone, "jobs": jobs}
    how |= {"deadline": o.span(deadline), "dataset_deadline": o.span(dataset_deadline, "--dataset-deadline")}
    named = _named(servers, shard, {"username": username, "timeout": timeout})
    if (key := o.take_scrub_key(scrub, scrub_key, out)) is not None:
        how["scrub_key"], title, listed = _scrubbed_terms(key, scrub_key, named, title, listed)
    make_fleet_folder(out)
    fleet = _audited(named, history, how | rules, quiet=quiet)
    picture, paths = write_fleet(fleet, out, formats=wanted, population=listed, title=title)
    if not quiet:
        print_fleet(picture, paths)
    # A shard without servers is as whole as one with some, and is read with the others.
    raise typer.Exit(Exit.DONE if shard is not None and not named else fleet_exit(picture, threshold, least))


def _scrubbed_terms(
    key: ScrubKey, file: Path | None, servers: Iterable[Server], title: str, listed: Population | None
) -> tuple[Path, str, Population | None]:
    """The place of the key, and a title and a list without the names of the servers."""
    from vbr_audit.fleets.scrubbing import FleetScrubber
    from vbr_audit.scrub.pseudonyms import default_key_file

    return file or default_key_file(), *_without_names(FleetScrubber.of_servers(key, servers), title, listed)


def _without_names(scrubber: FleetScrubber, title: str, listed: Population | None) -> tuple[str, Population | None]:
    """A title and a list without names."""
    return scrubber.text(title), None if listed is None else scrubber.population(listed)


def _refuse_list_of_shard(shard: str | None, population: Path | None) -> None:
    """Raise `ConfigurationError` for a list that is held against one shard: it would miss all servers of the others."""
    from vbr_audit.errors import ConfigurationError

    if shard is not None and population is not None:
        raise ConfigurationError(
            "--population is about all servers, and --shard about some",
            hint="Give the list to `vbr-audit fleet report`, with the folders of all shards.",
        )


def _named(servers: Path, shard: str | None, defaults: dict[str, Any]) -> list[Server]:
    """The servers of a file that are of a shard, with `defaults` where the file is silent."""
    from vbr_audit.fleets.servers_file import load_servers
    from vbr_audit.fleets.shards import Shard

    part = None if shard is None else Shard.of(shard)
    named = load_servers(servers, environ={}, password_given=True, shard=part)
    return [completed(server, defaults) for server in named]


def _audited(servers: list[Server], history: Path, how: dict[str, Any], *, quiet: bool) -> Fleet:
    from vbr_audit.fleets.fleet import audit_fleet

    return audit_fleet(servers, history=history, on_done=(lambda summary: None) if quiet else _tell, **how)


@fleet_app.command("report")
@guarded
def fleet_report(
    fleets: Annotated[list[Path], typer.Argument(metavar="FLEET...", help="Folders with fleet.json; shards add up.")],
    out: FleetOut,
    formats: FleetFormats = "html,xlsx,json",
    population: PopulationFile = None,
    title: FleetTitle = "Backup servers",
    scrub: o.Scrub = False,
    scrub_key: o.ScrubKeyFile = None,
    fail_on: o.FailOn = None,
    min_coverage: MinCoverage = "100%",
    *,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Report what one or several fleet audits left, each about other servers; no server is asked.

    With --scrub, the reports in --out have no names, nor has the list of --population there. Exit code 4 where less
    than --min-coverage of the servers were audited, 1 where one fails at --fail-on.
    """
    from vbr_audit.fleets.fleet import load_fleet
    from vbr_audit.fleets.reporting import write_fleet
    from vbr_audit.fleets.scrubbing import FleetScrubber

    least, threshold = share_of(min_coverage), o.check_fail_on(fail_on) or "high"
    wanted, listed = _reports(formats, population)
    fleet = load_fleet(*fleets)
    if (key := o.take_scrub_key(scrub, scrub_key, out)) is not None:
        title, listed = _without_names(FleetScrubber.of_summaries(key, fleet.summaries), title, listed)
        fleet = fleet.scrub(key)
    picture, paths = write_fleet(fleet, out, formats=wanted, population=listed, title=title)
    if not quiet:
        print_fleet(picture, paths)
    raise typer.Exit(fleet_exit(picture, threshold, least))


def _reports(formats: str, population: Path | None) -> tuple[tuple[str, ...], Population | None]:
    """The formats and the list of servers, read and right before anything is asked of a server."""
    from vbr_audit.fleets.population import load_population
    from vbr_audit.fleets.reporting import checked_fleet_formats

    names = [name.strip() for name in formats.split(",") if name.strip()]
    return checked_fleet_formats(names), None if population is None else load_population(population)


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


def print_fleet(picture: FleetPicture, paths: Iterable[Path]) -> None:
    """Print the coverage, what was not audited and why, the grades, what servers share, and the files."""
    from vbr_audit.fleets.summaries import Outcome

    typer.echo(picture.coverage_text)
    for line in picture.not_audited[:_SHOWN]:
        typer.echo(f"  {plain(line.summary.server)}: {shorten(line.summary.reasons[0], 160)}")
    if len(picture.not_audited) > _SHOWN:
        typer.echo(f"  … and {count(len(picture.not_audited) - _SHOWN, 'more server')}")
    incomplete = picture.fleet.counts[Outcome.INCOMPLETE]
    if incomplete:
        typer.echo(f"{count(incomplete, 'server')} audited with questions left open")
    typer.echo(
        "Ratings: " + (", ".join(f"{many:,} {grade}" for grade, many in picture.grades.items() if many) or "none")
    )
    for cause in picture.shared[:_SHARED]:
        typer.echo(
            f"  {cause.severity:8} {cause.check_id}  {count(cause.servers, 'server')}: {shorten(cause.told, 90)}"
        )
    if picture.population:
        typer.echo(f"Against the list: {count(len(picture.population), 'difference')}")
    typer.echo("")
    for path in paths:
        typer.echo(plain(path))


_SHOWN, _SHARED = 10, 5


def fleet_exit(picture: FleetPicture, threshold: str, least: float) -> Exit:
    """4 where too few servers were audited, 1 where one has a failing finding at or above the threshold, else 0."""
    from vbr_audit.vocabulary import severities_from

    if picture.coverage is None or picture.coverage < least:
        return Exit.INCOMPLETE
    counted = severities_from(threshold)
    points = [line.summary.point for line in picture.lines if line.summary.point is not None]
    failing = any(point.failing.get(severity, 0) for point in points for severity in counted)
    return Exit.FAILING if failing else Exit.DONE


Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders of different servers.")]
AllServers = Annotated[
    Path | None,
    typer.Option(
        "--servers",
        metavar="FILE",
        help="The file of all servers: one that no run is about is recorded as not read.",
    ),
]


@fleet_app.command("merge")
@guarded
@settled(*KEPT, "servers")
@takes_rules()
def fleet_merge(
    *,
    runs: Runs,
    out: o.Out,
    servers: AllServers = None,
    config: o.Config = None,
    rules: JudgedBy,
    formats: o.Formats = None,
    fail_on: o.FailOn = None,
    allow_incomplete: o.AllowIncomplete = False,
    templates: o.Templates = None,
    csv_bom: o.CsvBom = False,
    pdf: o.Pdf = PdfLength.SHORT,
    sign_pdf: o.SignPdf = None,
    sheets: o.Sheets = MAIN_SHEETS,
    scrub: o.Scrub = False,
    scrub_key: o.ScrubKeyFile = None,
    force: o.Force = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Copy the runs of different servers, such as those of shards, into one run, and judge and report it as one audit.

    With --scrub, the run in --out has neither names nor evidence. The runs must have the same period, time zone,
    scope and rules, and be as they were written.
    """
    from vbr_audit.collection.run_folder import prepare
    from vbr_audit.fleets.merging import merge_runs
    from vbr_audit.reports.html.templates import check_templates

    o.check_fail_on(fail_on)
    check_templates(templates)
    expected = _expected(servers)
    signer = o.take_pdf_signer(sign_pdf)
    key = o.take_scrub_key(scrub, scrub_key, out)
    prepare(out, force=force)
    how: dict[str, Any] = {"templates": templates, "csv_bom": csv_bom, "pdf": pdf, "sheets": sheets, "force": force}
    how |= {"formats": o.split_formats(formats), "expected": expected, "command": command_line()}
    how |= {"sign_pdf": signer, "scrub_key": key}
    audit = merge_runs(runs, out, **how, **rules)
    print_outcome(audit, written(out), quiet=quiet)
    warn_of_readers(out)
    raise typer.Exit(exit_code(audit, fail_on, allow_incomplete=allow_incomplete))


def _expected(file: Path | None) -> list[Expected]:
    """The servers of the file; what is said of their access does not matter here."""
    from vbr_audit.api.client import parse_url
    from vbr_audit.fleets.merging import Expected
    from vbr_audit.fleets.servers_file import load_servers

    named = () if file is None else load_servers(file, environ={}, password_given=True)
    return [Expected(each.shown_name, str(parse_url(each.url)).rstrip("/"), each.tenant) for each in named]
