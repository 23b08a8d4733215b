"""The main job, readable aloud: connect (which `vbr_audit.api.connecting` does), collect, audit, report.

client = connect("https://vbr01.example", username="auditor")
snapshot = collect(client, month="2026-10")
audit = audit_snapshot(snapshot, policy="policy.yaml")
audit.to_html("october.html")
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from vbr_audit import __version__
from vbr_audit.api.client import Client
from vbr_audit.audited import Audit
from vbr_audit.checks.engine.recorded import recorded_answers
from vbr_audit.checks.own.own_checks import OwnChecks, checks_of_run, known_checks, left_out_text
from vbr_audit.checks.policy.needs import datasets_to_read
from vbr_audit.checks.policy.policy import Policy
from vbr_audit.checks.site import Site, load_site
from vbr_audit.collection import run_folder
from vbr_audit.collection.collector import read_snapshot
from vbr_audit.collection.datasets import DATASETS
from vbr_audit.collection.period import PeriodRequest
from vbr_audit.collection.request import CollectionRequest
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.config.settings import load_settings
from vbr_audit.display import encodable
from vbr_audit.findings.evaluation import evaluate
from vbr_audit.findings.own_frameworks import OwnFrameworks, kept_frameworks, read_own_frameworks
from vbr_audit.findings.waivers import Waivers, load_waivers
from vbr_audit.reports.brand import Brand, kept_brand, load_brand
from vbr_audit.reports.review import Review, load_review
from vbr_audit.reports.sample import checked_size


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
    progress: bool | None = None,
    command: str | None = None,
    note: str | None = None,
) -> Snapshot:
    """Read one or several servers for a period: a month, `since` (inclusive) to `until` (exclusive), or 30 days.

    `jobs` is a pattern of job names (`"SQL*"`), `datasets` a choice of `vbr_audit.collection.datasets.DATASETS`, or
    "all"; without it, what every report shows and what the checks of `policy` (else of the default one) need, those
    of your own in the folder `checks` among them.
    `mask_accounts` replaces user names and hints before anything is kept; a `note` stands on the cover of every report.
    Raises `ConnectError` when no server answers and `CollectionInterrupted` on Ctrl-C.
    """
    zone = load_settings(timezone=timezone).timezone
    request = CollectionRequest(
        period=PeriodRequest.of(month=month, since=since, until=until, timezone=zone),
        jobs_pattern=jobs,
        datasets=_chosen_datasets(datasets, policy, checks),
        mask_accounts=mask_accounts,
        workers=workers,
        command=None if command is None else encodable(command),
        note=None if note is None else encodable(note),
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


def audit_snapshot(
    snapshot: Snapshot,
    *,
    policy: str | Path | Policy | None = None,
    waivers: str | Path | Waivers | None = None,
    site: str | Path | Site | None = None,
    checks: str | Path | OwnChecks | None = None,
    frameworks: Iterable[str | Path] | OwnFrameworks = (),
    review: str | Path | Review | None = None,
    sample: int | None = None,
    sample_seed: str | None = None,
    brand: str | Path | Brand | None = None,
) -> Audit:
    """Check `snapshot` against a policy (a file, or the shipped default), with accepted exceptions from `waivers`.

    `site` is the file of what only its owner knows: off-site repositories, tiers, assets; `checks` a folder with checks
    of your own, beside those declared in this session; `frameworks` are files with requirements of your own.
    `review` is an earlier workbook whose reviewers' remarks are carried over; `sample` findings are drawn for the
    workbook by `sample_seed`, else by the run's id. `brand` is the file of who reports: name, logo, colours.
    Raises `PolicyError`, `WaiverError`, `SiteError`, `RuleError` and
    `FrameworkError`, naming file and line, `ConfigurationError` for the review, `CheckError` for an id that is taken.
    """
    own = known_checks(checks)
    chosen = own.policy(policy)
    excepted = waivers if isinstance(waivers, Waivers) else load_waivers(waivers, registry=own.registry)
    place = site if isinstance(site, Site) else load_site(site)
    asked = read_own_frameworks(frameworks, registry=own.registry)
    remarks = review if isinstance(review, Review) else load_review(review)
    earlier = snapshot.manifest.run
    run = earlier.model_copy(
        update={
            "policy_name": chosen.name,
            "policy_sha256": chosen.sha256,
            "waivers_sha256": hashlib.sha256(excepted.text.encode()).hexdigest() if excepted.text else None,
            "site_sha256": place.sha256,
            "own_checks": own.records,
            "frameworks": asked.records,
            "review_sha256": remarks.sha256,
            "sample_size": checked_size(sample) or earlier.sample_size,
            "sample_seed": encodable(sample_seed or "") or earlier.sample_seed,
        }
    )
    told_before = {left_out_text(record) for record in earlier.own_checks}
    warnings = [text for text in snapshot.manifest.warnings if text not in told_before] + own.warnings
    manifest = snapshot.manifest.model_copy(update={"run": run, "warnings": warnings})
    stated = dataclasses.replace(snapshot, manifest=manifest)
    results = evaluate(stated, chosen, excepted, place, frameworks=asked.with_shipped)
    look = brand if isinstance(brand, Brand) else load_brand(brand)
    return Audit(stated, results, chosen, excepted, place, own, asked, remarks, look)


def load_audit(
    folder: str | Path,
    *,
    policy: str | Path | None = None,
    waivers: str | Path | None = None,
    site: str | Path | None = None,
    checks: str | Path | OwnChecks | None = None,
    frameworks: Iterable[str | Path] | None = None,
    review: str | Path | Review | None = None,
    sample: int | None = None,
    sample_seed: str | None = None,
    brand: str | Path | Brand | None = None,
    as_recorded: bool = False,
) -> Audit:
    """The audit of a saved run, evaluated anew offline; by default under what was kept with it: policy, waivers, site.

    Its own rules and its brand are kept with it too; own checks in Python come from the folder `checks` only, never
    from the run. With `as_recorded`, those that are not at hand answer what they answered when the run was judged.
    """
    folder = Path(folder)
    snapshot = run_folder.load(folder)
    kept_policy = folder / run_folder.POLICY
    run = snapshot.manifest.run
    answers = None
    if as_recorded and run_folder.FINDINGS_JSON not in run_folder.changed_files(folder):
        answers = recorded_answers(folder / run_folder.FINDINGS_JSON)
    own = checks_of_run(folder / run_folder.OWN_CHECKS, run.own_checks, checks, answers=answers)
    rules = own.policy(policy) if policy is not None or not kept_policy.is_file() else None
    return audit_snapshot(
        snapshot,
        policy=rules or own.policy(kept_policy, name=run.policy_name),
        waivers=waivers if waivers is not None else _kept(folder / run_folder.WAIVERS),
        site=load_site(site) if site is not None else _kept_site(folder),
        checks=own,
        frameworks=frameworks or kept_frameworks(folder / run_folder.FRAMEWORKS, run.frameworks),
        review=review or _kept(folder / run_folder.REVIEW),
        sample=sample,
        sample_seed=sample_seed,
        brand=brand or (kept_brand(folder / run_folder.BRAND) if (folder / run_folder.BRAND).is_file() else None),
    )


def _kept(path: Path) -> Path | None:
    return path if path.is_file() else None


def _kept_site(folder: Path) -> Site:
    """The site file of a saved run; an empty site where it was made without one."""
    kept = folder / run_folder.SITE
    return load_site(kept, assets=folder / run_folder.ASSETS) if kept.is_file() else load_site()
