"""The main job, readable aloud: connect, collect, audit, report.

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
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import SecretStr

from vbr_audit import __version__
from vbr_audit.api.client import Client, parse_url
from vbr_audit.api.tls import Tls
from vbr_audit.checks.needs import datasets_to_read
from vbr_audit.checks.own import OwnChecks, checks_of_run, known_checks, left_out_text
from vbr_audit.checks.policy import Policy
from vbr_audit.checks.site import Site, load_site
from vbr_audit.collection import run_folder
from vbr_audit.collection.collector import CollectionRequest, read_snapshot
from vbr_audit.collection.datasets import DATASETS
from vbr_audit.collection.files import write_bytes
from vbr_audit.collection.period import PeriodRequest
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.errors import ConfigurationError
from vbr_audit.findings.evaluation import evaluate
from vbr_audit.findings.results import Results, Summary
from vbr_audit.findings.waivers import Waivers, load_waivers
from vbr_audit.reports.interface import FORMATS, make_report
from vbr_audit.settings import find_password, load_settings

if TYPE_CHECKING:
    import httpx

    from vbr_audit.findings.explain import Explanation
    from vbr_audit.reports.context import ReportContext


def connect(
    url: str,
    *,
    username: str | None = None,
    password: str | SecretStr | None = None,
    name: str | None = None,
    revision: str | None = None,
    ca_file: str | Path | None = None,
    fingerprint: str | None = None,
    insecure: bool | None = None,
    timeout: float | None = None,
    proxy: str | None = None,
    transport: httpx.BaseTransport | None = None,
    allow_writes: bool = False,
) -> Client:
    """A client for the VBR server at `url`; nothing is sent before its first read.

    The password is `password`, else `VBR_AUDIT_PASSWORD`, else the keyring's, else asked for. Raises
    `ConfigurationError` for a wrong address or setting. `allow_writes` is for the functions of `vbr_audit.api.jobs`
    that change jobs; no report or audit command ever uses it.
    """
    settings = load_settings(
        username=username,
        password=password,
        revision=revision,
        ca_file=ca_file,
        fingerprint=fingerprint,
        insecure=insecure,
        timeout=timeout,
        proxy=proxy,
    )
    address = str(parse_url(url)).rstrip("/")
    if not settings.username:
        raise ConfigurationError(f"no user name for {address}", hint="Give --username, or set VBR_AUDIT_USERNAME.")
    tls = Tls(ca_file=settings.ca_file, fingerprint=settings.fingerprint, insecure=settings.insecure)
    return Client(
        url,
        username=settings.username,
        password=find_password(settings.username, address, settings.password),
        name=name,
        revision=settings.revision,
        tls=tls,
        timeout=settings.timeout,
        proxy=settings.proxy,
        transport=transport,
        allow_writes=allow_writes,
    )


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
        command=command,
        note=note,
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
) -> Audit:
    """Check `snapshot` against a policy (a file, or the shipped default), with accepted exceptions from `waivers`.

    `site` is the file of what only its owner knows: off-site repositories, tiers, assets; `checks` a folder with checks
    of your own, beside those declared in this session. Raises `PolicyError`, `WaiverError`, `SiteError` and
    `RuleError`, naming file and line, and `CheckError` for an id that is taken.
    """
    own = known_checks(checks)
    chosen = own.policy(policy)
    excepted = waivers if isinstance(waivers, Waivers) else load_waivers(waivers, registry=own.registry)
    place = site if isinstance(site, Site) else load_site(site)
    earlier = snapshot.manifest.run
    run = earlier.model_copy(
        update={
            "policy_name": chosen.name,
            "policy_sha256": chosen.sha256,
            "waivers_sha256": hashlib.sha256(excepted.text.encode()).hexdigest() if excepted.text else None,
            "site_sha256": place.sha256,
            "own_checks": own.records,
        }
    )
    told_before = {left_out_text(record) for record in earlier.own_checks}
    warnings = [text for text in snapshot.manifest.warnings if text not in told_before] + own.warnings
    manifest = snapshot.manifest.model_copy(update={"run": run, "warnings": warnings})
    stated = dataclasses.replace(snapshot, manifest=manifest)
    return Audit(stated, evaluate(stated, chosen, excepted, place), chosen, excepted, place, own)


@dataclasses.dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a snapshot under a policy; shows itself in a notebook and writes itself as reports."""

    snapshot: Snapshot
    results: Results
    policy: Policy
    waivers: Waivers
    site: Site
    own: OwnChecks

    @property
    def findings(self) -> pd.DataFrame:
        """One row per server, check and object, worst first, whatever its status."""
        return self.results.findings

    @property
    def failed(self) -> pd.DataFrame:
        """The findings that fail and are not waived."""
        return self.results.failed

    @property
    def coverage(self) -> pd.DataFrame:
        """One row per server and check: how many objects it looked at, and with which answers."""
        return self.results.coverage

    @property
    def summary(self) -> Summary:
        """The numbers that every report shows."""
        return self.results.summary

    @cached_property
    def context(self) -> ReportContext:
        """What a report template is given."""
        from vbr_audit.reports.context import build_context

        return build_context(self.snapshot, self.results)

    def explain(self, finding_id: str) -> Explanation:
        """Why a finding is what it is: observed, expected, parameters and their source, and the server's own words.

        `finding_id` may be shortened as long as it is unique, or be `CHECK:object name`. Raises `ConfigurationError`.
        """
        from vbr_audit.findings.explain import explain_finding

        return explain_finding(finding_id, self.snapshot, self.results, self.policy, self.waivers)

    def what_if(self, check_id: str, **values: Any) -> pd.DataFrame:
        """What a check would find with other parameters: one row per value, or per combination of several.

        `audit.what_if("RUN-005", min_rate=[0.9, 0.95])`; nothing is asked of a server. Raises `PolicyError`.
        """
        from vbr_audit.findings.whatif import try_values

        return try_values(check_id, values, self.snapshot, self.policy, self.waivers, self.site)

    def to_html(self, path: str | Path, *, templates: str | Path | None = None) -> Path:
        """Write the report as one self-contained HTML page; return its path."""
        return self._write("html", path, templates)

    def to_excel(self, path: str | Path) -> Path:
        """Write the workbook; return its path."""
        return self._write("xlsx", path)

    def to_json(self, path: str | Path) -> Path:
        """Write findings, coverage and summary as JSON; return the path."""
        return self._write("json", path)

    def to_csv(self, path: str | Path) -> Path:
        """Write the findings as CSV, guarded against formulas; return the path."""
        return self._write("csv", path)

    def _write(self, kind: str, path: str | Path, templates: str | Path | None = None) -> Path:
        report = make_report(kind, templates_dir=None if templates is None else Path(templates))
        report.write(self.context, Path(path))
        return Path(path)

    def save(
        self,
        folder: str | Path,
        *,
        formats: Iterable[str] = tuple(FORMATS),
        templates: str | Path | None = None,
        force: bool = False,
    ) -> Path:
        """Write the whole run: manifest, evidence, policy, waivers, findings and the reports named in `formats`."""
        folder = Path(folder)
        self.snapshot.save(folder, force=force)
        self.write_outcome(folder, formats=formats, templates=templates)
        return folder

    def write_outcome(
        self, folder: Path, *, formats: Iterable[str] = tuple(FORMATS), templates: str | Path | None = None
    ) -> None:
        """Write what was found into a run folder that already holds manifest and evidence.

        Reports of an earlier outcome that are not written anew are removed: a folder never holds two answers.
        """
        wanted = checked_formats(formats)
        run_folder.write_manifest(folder, self.snapshot.manifest)
        write_bytes(folder / run_folder.POLICY, self.policy.text.encode())
        (folder / run_folder.WAIVERS).unlink(missing_ok=True)
        if self.waivers.text:
            write_bytes(folder / run_folder.WAIVERS, self.waivers.text.encode())
        for name, text in ((run_folder.SITE, self.site.text), (run_folder.ASSETS, self.site.assets_text)):
            (folder / name).unlink(missing_ok=True)
            if text:
                write_bytes(folder / name, text.encode())
        run_folder.write_own_checks(folder, self.own.files)
        for kind in FORMATS:
            path = folder / make_report(kind).file_name
            if kind in wanted:
                self._write(kind, path, templates)
            else:
                path.unlink(missing_ok=True)
        run_folder.seal(folder)

    def _repr_html_(self) -> str:
        from vbr_audit.reports.notebook import audit_html

        return audit_html(self.context)

    def __repr__(self) -> str:
        counts = self.summary.counts
        shown = ", ".join(f"{status} {counts[status]:,}" for status in counts if counts[status])
        return f"<Audit: {self.summary.verdict.headline} ({shown or 'no finding'})>"


def load_audit(
    folder: str | Path,
    *,
    policy: str | Path | None = None,
    waivers: str | Path | None = None,
    site: str | Path | None = None,
    checks: str | Path | OwnChecks | None = None,
) -> Audit:
    """The audit of a saved run, evaluated anew offline; by default under the policy, waivers and site kept with it.

    Its own rules are kept with it too; own checks in Python come from the folder `checks` only, never from the run.
    """
    folder = Path(folder)
    snapshot = run_folder.load(folder)
    kept_policy, kept_waivers = folder / run_folder.POLICY, folder / run_folder.WAIVERS
    run = snapshot.manifest.run
    own = checks_of_run(folder / run_folder.OWN_CHECKS, run.own_checks, checks)
    rules = own.policy(policy) if policy is not None or not kept_policy.is_file() else None
    return audit_snapshot(
        snapshot,
        policy=rules or own.policy(kept_policy, name=run.policy_name),
        waivers=waivers if waivers is not None or not kept_waivers.is_file() else kept_waivers,
        site=load_site(site) if site is not None else _kept_site(folder),
        checks=own,
    )


def _kept_site(folder: Path) -> Site:
    """The site file of a saved run; an empty site where it was made without one."""
    kept = folder / run_folder.SITE
    return load_site(kept, assets=folder / run_folder.ASSETS) if kept.is_file() else load_site()


def checked_formats(formats: Iterable[str]) -> list[str]:
    """`formats` without doubles; raises `ConfigurationError` for one that does not exist."""
    wanted = list(dict.fromkeys(formats))
    unknown = [kind for kind in wanted if kind not in FORMATS]
    if unknown:
        raise ConfigurationError(f"unknown format {', '.join(unknown)}", hint=f"Known are {', '.join(FORMATS)}.")
    return wanted
