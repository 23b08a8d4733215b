"""The main job, readable aloud: connect (which `vbr_audit.api.client` does), collect, audit, report.

client = connect("https://vbr01.example", username="auditor")
snapshot = collect(client, month="2026-10")
audit = audit_snapshot(snapshot, policy="policy.yaml")
audit.to_html("october.html")
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Unpack

from vbr_audit import __version__
from vbr_audit.api.client import Client
from vbr_audit.audited import Audit
from vbr_audit.checks.own.own_checks import OwnChecks, known_checks
from vbr_audit.checks.policy.needs import datasets_to_read
from vbr_audit.checks.policy.policy import Policy
from vbr_audit.collection import run_folder
from vbr_audit.collection.assemble import without_cycle_search
from vbr_audit.collection.collector import CollectionRequest, read_snapshot
from vbr_audit.collection.period import PeriodRequest
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.config.settings import load_settings
from vbr_audit.config.time_spans import Duration, seconds_of
from vbr_audit.datasets import DATASETS
from vbr_audit.display import encodable
from vbr_audit.errors import EvidenceError
from vbr_audit.findings.evaluation import evaluate
from vbr_audit.histories.adding import add_to_history, record_of_run
from vbr_audit.histories.archive import Added
from vbr_audit.histories.seals import UNSIGNED, Sealer
from vbr_audit.histories.trends import MONTHS_SHOWN, trend_of
from vbr_audit.rules import RuleOptions, Rules, shows_rule_options


def collect(
    client: Client | Sequence[Client],
    *,
    month: str | None = None,
    since: dt.date | dt.datetime | str | None = None,
    until: dt.date | dt.datetime | str | None = None,
    timezone: str | None = None,
    jobs: str | None = None,
    datasets: Iterable[str] | None = None,
    policy: str | Path | Policy | None = None,
    checks: str | Path | OwnChecks | None = None,
    mask_accounts: bool = False,
    workers: int = 4,
    deadline: Duration | Mapping[str, Duration] | None = None,
    dataset_deadline: Duration | None = None,
    tenants: Mapping[str, str] | None = None,
    progress: bool | None = None,
    command: str | None = None,
    note: str | None = None,
) -> Snapshot:
    """Read one or several servers for a period: a month, `since` (inclusive) to `until` (exclusive), or 30 days.

    `jobs` is a pattern of job names (`"SQL*"`), `datasets` a choice of `vbr_audit.datasets.DATASETS`, or
    "all"; without it, what every report shows and what the checks of `policy` (else of the default one) need, those
    of your own in the folder `checks` among them.
    `mask_accounts` replaces user names and hints before anything is kept; a `note` stands on the cover of every report.
    `workers` pages are asked for at once, of one server never more than four, and one after the other of a server that
    answers at once. `deadline` bounds the reading of each server: `"30m"`, seconds, a `timedelta`, or a mapping of
    these by the names of servers; `dataset_deadline` that of one dataset, else half of the server's. What had come by
    then is kept, the rest is recorded as not read. `tenants` says whose servers are, by their names; the manifest keeps
    it.
    Raises `ConnectError` when no server answers, `ConfigurationError` where two names are one server, and
    `CollectionInterrupted` on Ctrl-C.
    """
    settings = load_settings(timezone=timezone)
    own = deadline if isinstance(deadline, Mapping) else {}
    common = settings.deadline if deadline is None or isinstance(deadline, Mapping) else deadline
    of_dataset = settings.dataset_deadline if dataset_deadline is None else dataset_deadline
    request = CollectionRequest(
        period=PeriodRequest.of(month=month, since=since, until=until, timezone=settings.timezone),
        jobs_pattern=jobs,
        datasets=_chosen_datasets(datasets, policy, checks),
        mask_accounts=mask_accounts,
        workers=workers,
        command=None if command is None else encodable(command),
        note=None if note is None else encodable(note),
        deadline_s=None if common is None else seconds_of(common),
        deadlines_s={server: seconds_of(duration) for server, duration in own.items()},
        dataset_deadline_s=None if of_dataset is None else seconds_of(of_dataset),
        tenants={server: encodable(tenant) for server, tenant in (tenants or {}).items()},
    )
    return read_snapshot(client, request, tool_version=__version__, progress=progress)


def _chosen_datasets(
    datasets: Iterable[str] | None, policy: str | Path | Policy | None, checks: str | Path | OwnChecks | None
) -> tuple[str, ...]:
    if datasets is None:
        return datasets_to_read(policy if isinstance(policy, Policy) else known_checks(checks).policy(policy))
    if isinstance(datasets, str):
        return tuple(DATASETS) if datasets == "all" else (datasets,)
    return tuple(datasets)


@shows_rule_options
def audit_snapshot(snapshot: Snapshot, **given: Unpack[RuleOptions]) -> Audit:
    """Check `snapshot` against a policy (a file, or the shipped default), with accepted exceptions from `waivers`.

    `site` is the file of what only its owner knows: off-site repositories, tiers, assets; `checks` a folder with checks
    of your own, beside those declared in this session; `frameworks` are files with requirements of your own.
    `review` is an earlier workbook whose reviewers' remarks are carried over; `sample` findings are drawn for the
    workbook by `sample_seed`, else by the run's id. `brand` is the file of who reports: name, logo, colours.
    `baseline` is an earlier run, or a history: `audit.changes` then says what became of the findings since.
    `events` are files of VBR's events, which say who changed settings since; `change_register` is the file of the
    changes that were approved.
    Raises `PolicyError`, `WaiverError`, `SiteError`, `RuleError` and
    `FrameworkError`, naming file and line, `ConfigurationError` for review, events and change register, `CheckError`
    for an id that is taken.
    """
    return judge(snapshot, Rules.load(**given))


@shows_rule_options
def load_audit(folder: str | Path, *, as_recorded: bool = False, **given: Unpack[RuleOptions]) -> Audit:
    """The audit of a saved run, evaluated anew offline; by default under what was kept with it: policy, waivers, site.

    Its own rules and its brand are kept with it too; own checks in Python come from the folder `checks` only, never
    from the run. With `as_recorded`, those that are not at hand answer what they answered when the run was judged.
    """
    return judge(run_folder.load(folder), Rules.kept(folder, as_recorded=as_recorded, **given))


def judge(snapshot: Snapshot, rules: Rules) -> Audit:
    """What `rules` find in `snapshot`; the manifest of the audit names them."""
    earlier = rules.baseline.before(snapshot.manifest)
    rules = rules.of_run(snapshot.manifest.run, earlier)
    stated = dataclasses.replace(snapshot, manifest=rules.recorded_in(snapshot.manifest))
    with without_cycle_search():
        results = evaluate(
            stated,
            rules.policy,
            rules.waivers,
            rules.site,
            frameworks=rules.frameworks.with_shipped,
            known=None if earlier is None else earlier.known,
            earlier=rules.compared(earlier),
        )
    trend = None if earlier is None else trend_of(earlier.runs, record_of_run(stated, results), months=MONTHS_SHOWN)
    return Audit(stated, results, rules, trend, None if earlier is None else earlier.samples)


def add_saved_run(
    history: str | Path,
    folder: str | Path,
    *,
    checks: str | Path | OwnChecks | None = None,
    sealer: Sealer = UNSIGNED,
) -> Added:
    """Add a saved run to a history, with its findings as they were reported; `sealer` signs and stamps its seal.

    `checks` is the folder of its own checks in Python; without them their recorded answers count. Raises
    `EvidenceError` where the findings do not follow from the evidence by this version, `ConfigurationError` for a run
    that is there with another content.
    """
    from vbr_audit.reports.exports.json import findings_sha256

    folder = Path(folder)
    audit = load_audit(folder, as_recorded=True, checks=checks)
    kept = run_folder.hash_of(folder / run_folder.FINDINGS_JSON)
    if kept and findings_sha256(audit.context) != kept:
        raise EvidenceError(
            f"{folder}: the findings are not what this version makes of the evidence, and nothing was added",
            hint=f"Judge the run again with this version, then add it: vbr-audit check {folder}",
        )
    try:
        return add_to_history(history, folder, audit.snapshot, audit.results, sealer=sealer)
    finally:
        audit.snapshot.close()
