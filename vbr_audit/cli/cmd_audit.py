"""`vbr-audit audit`: collect, check and report in one go."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli import seal_options as so
from vbr_audit.cli.cmd_diff import exit_on_new
from vbr_audit.cli.guard import Exit, complain, guarded
from vbr_audit.cli.judging import JudgedBy, takes_rules
from vbr_audit.cli.outcome import exit_code, print_outcome
from vbr_audit.cli.servers import open_clients, take_servers
from vbr_audit.cli.shards import take_shard
from vbr_audit.cli.standing import settled
from vbr_audit.vocabulary import MAIN_SHEETS, PdfLength

if TYPE_CHECKING:
    from vbr_audit.audited import Audit
    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.fleets.servers_file import Server
    from vbr_audit.histories.seals import Sealer
    from vbr_audit.reports.pdf_signature import PdfSigner
    from vbr_audit.rules import Rules
    from vbr_audit.scrub.pseudonyms import ScrubKey


@dataclasses.dataclass(frozen=True)
class AuditOrder:
    """An audit as ordered, with its files read and found right before the first request."""

    out: Path
    rules: Rules
    formats: list[str]
    fail_on: str | None
    templates: Path | None
    force: bool
    quiet: bool
    allow_incomplete: bool = False
    csv_bom: bool = False
    pdf: PdfLength = PdfLength.SHORT
    sign_pdf: PdfSigner | None = None
    sheets: str = MAIN_SHEETS
    scrub_key: ScrubKey | None = None
    history: Path | None = None
    fail_on_new: str = "never"
    sealer: Sealer | None = None


@guarded
@settled()
@takes_rules()
@so.takes_sealer
def audit_command(
    *,
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
    rules: JudgedBy,
    formats: o.Formats = None,
    fail_on: o.FailOn = None,
    allow_incomplete: o.AllowIncomplete = False,
    history: o.History = None,
    fail_on_new: o.FailOnNew = None,
    sealer: so.SealBy,
    revision: o.Revision = None,
    ca_file: o.CaFile = None,
    fingerprint: o.Fingerprint = None,
    insecure: o.Insecure = None,
    timeout: o.Timeout = None,
    deadline: o.Deadline = None,
    dataset_deadline: o.DatasetDeadline = None,
    proxy: o.Proxy = None,
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
    """Collect from one or several VBR servers, check, and report into a run folder. Only reads."""
    part = take_shard(shard, urls, servers, fixed=bool(month or until), quiet=quiet)
    key = o.take_scrub_key(scrub, scrub_key, out)
    writing: dict[str, Any] = {"formats": formats, "templates": templates, "csv_bom": csv_bom, "scrub_key": key}
    writing |= {"pdf": pdf, "sheets": sheets, "force": force, "quiet": quiet, "history": history, "sealer": sealer}
    writing["sign_pdf"] = o.take_pdf_signer(sign_pdf)
    writing["fail_on_new"] = o.check_fail_on(fail_on_new, "--fail-on-new") or "never"
    if history is not None and rules["baseline"] is None and history.is_dir():
        rules["baseline"] = history
    order = take_order(out, rules, **writing, fail_on=fail_on, allow_incomplete=allow_incomplete)
    access: dict[str, Any] = {"username": username, "revision": revision, "timeout": timeout, "proxy": proxy}
    access |= {"ca_file": ca_file, "fingerprint": fingerprint, "insecure": insecure, "deadline": o.span(deadline)}
    chosen = take_servers(urls, servers, password_stdin=password_stdin, shard=part, **access)
    scope = {"month": month, "since": since, "until": until, "timezone": timezone, "jobs": jobs}
    reading = {"datasets": o.split_datasets(datasets), "mask_accounts": mask_accounts, "policy": order.rules.policy}
    scope["dataset_deadline"] = o.span(dataset_deadline, "--dataset-deadline")
    run_order(order, chosen, scope | reading)


def take_order(
    out: Path,
    rules: JudgedBy,
    *,
    formats: str | None,
    templates: Path | None,
    force: bool,
    sheets: str = MAIN_SHEETS,
    fail_on: str | None = None,
    **as_given: Any,
) -> AuditOrder:
    """Read and check everything that the user gave, so that nothing is wrong with it after an hour of reading.

    `as_given` are the fields of the order that hold what was given as it is.
    """
    from vbr_audit.collection.run_folder import prepare
    from vbr_audit.reports.html.templates import check_templates
    from vbr_audit.reports.interface import checked_sheets
    from vbr_audit.rules import Rules
    from vbr_audit.tables.build.arrays import make_texts_plainly

    make_texts_plainly()
    order = AuditOrder(
        out=out,
        rules=Rules.load(**rules),
        formats=o.split_formats(formats),
        fail_on=o.check_fail_on(fail_on),
        templates=templates,
        force=force,
        sheets=checked_sheets(sheets),
        **as_given,
    )
    check_templates(templates)
    prepare(out, force=force)
    return order


def run_order(order: AuditOrder, servers: tuple[Server, ...], terms: dict[str, Any]) -> None:
    """Collect, then write the run and say what was found; an interrupted run is written too. Ends in an exit code."""
    from vbr_audit.collection.files import alone
    from vbr_audit.collection.run_folder import prepare
    from vbr_audit.errors import CollectionInterrupted

    with alone(order.out):
        prepare(order.out, force=order.force)  # another process may have been at work there until now
        try:
            snapshot = collect_from(servers, terms, quiet=order.quiet)
        except CollectionInterrupted as error:
            finish(order, error.partial)
            complain(error.message, error.hint)
            raise typer.Exit(Exit.INTERRUPTED) from None
        raise typer.Exit(finish(order, snapshot))


def finish(order: AuditOrder, snapshot: Snapshot) -> Exit:
    """Check `snapshot`, write the run folder, print the outcome; return the exit code."""
    from vbr_audit.pipeline import judge

    if order.scrub_key is None:
        snapshot.save(
            order.out, force=order.force, unwritten=order.formats
        )  # first of all: whatever follows, what was read is kept
    audit = judge(snapshot, order.rules)
    if order.scrub_key is not None:
        audit = audit.scrub(order.scrub_key)
        audit.snapshot.save(order.out, force=order.force, unwritten=order.formats)
        snapshot.close()
    how: dict[str, Any] = {"formats": order.formats, "templates": order.templates, "csv_bom": order.csv_bom}
    how |= {"pdf": order.pdf, "sheets": order.sheets, "sign_pdf": order.sign_pdf}
    audit.write_outcome(order.out, **how)
    print_outcome(audit, written(order.out), quiet=order.quiet)
    warn_of_readers(order.out)
    whole = _keep(order, audit)
    code = exit_code(audit, order.fail_on, allow_incomplete=order.allow_incomplete)
    if not whole and code is Exit.DONE:
        return Exit.INCOMPLETE
    return exit_on_new(audit.changes, order.fail_on_new) if code is Exit.DONE else code


def _keep(order: AuditOrder, audit: Audit) -> bool:
    """Add the run to the history, and seal it; return whether it has every seal that was asked for."""
    from vbr_audit.display import plain
    from vbr_audit.histories.adding import add_to_history
    from vbr_audit.histories.seals import UNSIGNED, keep_beside, seal_run

    sealer = order.sealer or UNSIGNED
    if order.history is None:
        if not sealer.vouches:
            return True
        sealed = seal_run(order.out, sealer)
        return so.tell_seal(sealed.head, sealed.notes, quiet=order.quiet)
    added = add_to_history(order.history, order.out, audit.snapshot, audit.results, sealer=sealer)
    if added.seal is not None and sealer.vouches:
        keep_beside(order.out, added.seal)
    if not order.quiet:
        typer.echo(f"{'Was there already' if added.was_there else 'Added to the history'}: {plain(added.folder)}")
    return so.tell_seal(added.head, added.notes, quiet=order.quiet)


def collect_from(servers: tuple[Server, ...], terms: dict[str, Any], *, quiet: bool) -> Snapshot:
    """Sign in to each of `servers`, read it, sign out; `terms` are the period, the scope and what to read."""
    import contextlib

    from vbr_audit.pipeline import collect

    with contextlib.ExitStack() as stack:
        clients = open_clients(servers, stack)
        pairs = list(zip(clients, servers, strict=True))
        of_each: dict[str, Any] = {"deadline": {c.name: server.deadline for c, server in pairs if server.deadline}}
        of_each["tenants"] = {client.name: server.tenant for client, server in pairs if server.tenant}
        return collect(clients, progress=False if quiet else None, command=command_line(), **of_each, **terms)


def warn_of_readers(folder: Path) -> None:
    """Say on stderr that other accounts of this machine may read a run, where that is so."""
    from vbr_audit.collection.files import readable_by_others

    if readable_by_others(folder):
        complain(f"other accounts on this machine can read {folder}, which is confidential", f"chmod 700 {folder}")


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
    from vbr_audit.reports.formats import FORMATS

    names = [*(card.file_name for card in FORMATS.values()), run_folder.MANIFEST]
    return [folder / name for name in names if (folder / name).is_file()]
