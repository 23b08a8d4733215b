"""`vbr-audit audit`: collect, check and report in one go."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import Exit, complain, guarded
from vbr_audit.cli.outcome import exit_code, print_outcome
from vbr_audit.cli.servers import open_clients, take_servers

if TYPE_CHECKING:
    from vbr_audit.checks.own import OwnChecks
    from vbr_audit.checks.policy import Policy
    from vbr_audit.checks.site import Site
    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.waivers import Waivers
    from vbr_audit.servers_file import Server


@dataclasses.dataclass(frozen=True)
class AuditOrder:
    """An audit as ordered, with its files read and found right before the first request."""

    out: Path
    policy: Policy
    waivers: Waivers
    site: Site
    own: OwnChecks
    formats: list[str]
    fail_on: str | None
    allow_incomplete: bool
    templates: Path | None
    force: bool
    quiet: bool


@guarded
def audit_command(
    out: o.Out,
    urls: o.Urls = None,
    servers: o.Servers = None,
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
    waivers: o.Waivers = None,
    site: o.Site = None,
    checks: o.OwnChecks = None,
    formats: o.Formats = o.ALL_FORMATS,
    fail_on: o.FailOn = None,
    allow_incomplete: o.AllowIncomplete = False,
    revision: o.Revision = None,
    ca_file: o.CaFile = None,
    fingerprint: o.Fingerprint = None,
    insecure: o.Insecure = None,
    timeout: o.Timeout = None,
    proxy: o.Proxy = None,
    templates: o.Templates = None,
    force: o.Force = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Collect, check and report: from one or several VBR servers to a run folder. Only reads."""
    order = take_order(out, policy, waivers, site, checks, formats, fail_on, allow_incomplete, templates, force, quiet)
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
    scope = {"month": month, "since": since, "until": until, "timezone": timezone, "jobs": jobs}
    reading = {"datasets": o.split_datasets(datasets), "mask_accounts": mask_accounts, "policy": order.policy}
    run_order(order, chosen, scope | reading)


def take_order(
    out: Path,
    policy: str | None,
    waivers: Path | None,
    site: Path | None,
    checks: Path | None,
    formats: str,
    fail_on: str | None,
    allow_incomplete: bool,
    templates: Path | None,
    force: bool,
    quiet: bool,
) -> AuditOrder:
    """Read and check everything that the user gave, so that nothing is wrong with it after an hour of reading."""
    from vbr_audit.checks.own import known_checks
    from vbr_audit.checks.site import load_site
    from vbr_audit.collection.run_folder import prepare
    from vbr_audit.findings.waivers import load_waivers
    from vbr_audit.reports.templates import check_templates

    own = known_checks(checks)
    order = AuditOrder(
        out=out,
        policy=own.policy(policy),
        waivers=load_waivers(waivers, registry=own.registry),
        site=load_site(site),
        own=own,
        formats=o.split_formats(formats),
        fail_on=o.check_fail_on(fail_on),
        allow_incomplete=allow_incomplete,
        templates=templates,
        force=force,
        quiet=quiet,
    )
    check_templates(templates)
    prepare(out, force=force)
    return order


def run_order(order: AuditOrder, servers: tuple[Server, ...], terms: dict[str, Any]) -> None:
    """Collect, then write the run and say what was found; an interrupted run is written too. Ends in an exit code."""
    from vbr_audit.errors import CollectionInterrupted

    try:
        snapshot = collect_from(servers, terms, quiet=order.quiet)
    except CollectionInterrupted as error:
        finish(order, error.partial)
        complain(error.message, error.hint)
        raise typer.Exit(Exit.INTERRUPTED) from None
    raise typer.Exit(finish(order, snapshot))


def finish(order: AuditOrder, snapshot: Snapshot) -> Exit:
    """Check `snapshot`, write the run folder, print the outcome; return the exit code."""
    from vbr_audit.pipeline import audit_snapshot

    snapshot.save(order.out, force=order.force)  # first of all: whatever follows, what was read is kept
    audit = audit_snapshot(snapshot, policy=order.policy, waivers=order.waivers, site=order.site, checks=order.own)
    audit.write_outcome(order.out, formats=order.formats, templates=order.templates)
    print_outcome(audit, written(order.out), quiet=order.quiet)
    return exit_code(audit, order.fail_on, allow_incomplete=order.allow_incomplete)


def collect_from(servers: tuple[Server, ...], terms: dict[str, Any], *, quiet: bool) -> Snapshot:
    """Sign in to each of `servers`, read it, sign out; `terms` are the period, the scope and what to read."""
    import contextlib

    from vbr_audit.pipeline import collect

    with contextlib.ExitStack() as stack:
        clients = open_clients(servers, stack)
        return collect(clients, progress=False if quiet else None, command=command_line(), **terms)


def command_line() -> str:
    """The command as typed; no option takes a password, and what an address may hold of one is masked."""
    import shlex
    import sys

    from vbr_audit.api.client import without_userinfo

    words = (word.encode("utf-8", "backslashreplace").decode() for word in sys.argv[1:])
    return shlex.join(["vbr-audit", *(without_userinfo(word) for word in words)])


def written(folder: Path) -> list[Path]:
    """The files of a run that a reader opens."""
    from vbr_audit.collection import run_folder

    names = (
        run_folder.REPORT_HTML,
        run_folder.REPORT_XLSX,
        run_folder.FINDINGS_JSON,
        run_folder.FINDINGS_CSV,
        run_folder.MANIFEST,
    )
    return [folder / name for name in names if (folder / name).is_file()]
