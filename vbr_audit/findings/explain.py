"""Why a finding is what it is: everything that a reader needs to come to the same answer by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import pandas as pd

from vbr_audit.checks.derived import EARLIER, protection, site_tables
from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import datasets_behind_table, sources_of
from vbr_audit.checks.policy.policy import Policy
from vbr_audit.checks.policy.use import DEFAULT, ObjectUse
from vbr_audit.checks.site import Site, Tier
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.config.yaml_file import KeyPath, YamlFile
from vbr_audit.display import is_known, plain
from vbr_audit.errors import ConfigurationError
from vbr_audit.findings.explain_evidence import Proof, proofs_of
from vbr_audit.findings.results import Results
from vbr_audit.findings.waivers import Waivers
from vbr_audit.notebook import Document, Facts, Grid, Line, Part, fragment


@dataclass(frozen=True)
class ParameterInForce:
    """One parameter of the check as it held for the object, and where that was set: `default`, or `policy.yaml:12`."""

    name: str
    value: Any
    unit: str | None
    source: str


@dataclass(frozen=True)
class TableRead:
    """One table that the check looked at, with the rows of its datasets that were kept and how far they were read."""

    table: str
    columns: tuple[str, ...]
    datasets: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Explanation:
    """A finding with everything behind it; prints as text, and shows itself in a notebook.

    `finding` is the row of the findings; `proofs` are the documents of the evidence, `notes` what could not be shown;
    `demands` are the values of the site file that count before the parameters, each with its tier and line;
    `severity_source` says who set the severity, `waiver` what was accepted, by whom and until when.
    """

    finding: Mapping[str, Any]
    rationale: str
    parameters: tuple[ParameterInForce, ...]
    demands: tuple[Demand, ...]
    severity_source: str
    waiver: str | None
    tables: tuple[TableRead, ...]
    proofs: tuple[Proof, ...]
    notes: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """Names and values of the finding itself, in the order of reading."""
        row = self.finding
        status = (
            row["status"] if row["status"] == row["result"] else f"{row['status']} (the check returned {row['result']})"
        )
        facts = {
            "Finding": row["finding_id"],
            "Check": f"{row['check_id']}  {row['title']}",
            "Server": row["server"],
            "Object": f"{plain(row['object_name'])}  ({row['object_type']} {plain(row['object_id'])})",
            "Status": status,
            "Severity": f"{row['severity']} ({self.severity_source})",
            "Observed": row["observed"],
            "Expected": row["expected"],
            "JSON path": row["json_path"],
            "Reason": row["reason"],
            "Waiver": self.waiver,
            "Why": " ".join(self.rationale.split()),
            "Do": row["remediation"],
        }
        return {name: value for name, value in facts.items() if is_known(value)}

    def __str__(self) -> str:
        lines = [f"{name:<10} {plain(value)}" for name, value in self.facts.items()]
        lines += [
            f"Parameter  {parameter.name} = {_with_unit(parameter)}, from {plain(parameter.source)}"
            for parameter in self.parameters
        ]
        lines += [f"Demand     {demand}" for demand in self.demands]
        for table in self.tables:
            lines.append(f"Read       {table.table}: {', '.join(table.columns)}")
            lines += [f"             {plain(dataset_line)}" for dataset_line in table.datasets]
        for note in self.notes:
            lines.append(f"Note       {plain(note)}")
        for proof in self.proofs:
            lines += ["", *_heading(proof), *(f"  {line}" for line in plain(proof.json, lines=True).split("\n"))]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        values = [(one.name, _with_unit(one), one.source) for one in self.parameters]
        read = [(one.table, ", ".join(one.columns), "; ".join(one.datasets)) for one in self.tables]
        parts: list[Part] = [Facts(self.facts)]
        parts += [Grid(("Parameter", "Value", "Set by"), values)] if values else []
        parts += [Line(str(demand)) for demand in self.demands]
        parts.append(Grid(("Table", "Columns read", "Datasets"), read))
        parts += [Line(note) for note in self.notes]
        parts += [Document(_heading(proof), proof.json.split("\n")) for proof in self.proofs]
        return fragment(parts)


def explain_finding(
    wanted: str,
    snapshot: Snapshot,
    results: Results,
    policy: Policy,
    waivers: Waivers,
    site: Site,
    *,
    earlier: Earlier | None = None,
) -> Explanation:
    """The explanation of one finding of `results`; see `Audit.explain`. Raises `ConfigurationError`.

    `earlier` is what the run was compared with when it was judged.
    """
    row = find_one(results.findings, wanted)
    finding: dict[str, Any] = {name: (None if value is pd.NA else value) for name, value in row.items()}
    use = policy.use(finding["check_id"])
    held = use.for_object(finding["server"], finding["object_type"], finding["object_id"], finding["object_name"])
    proofs, notes = proofs_of(finding, use.check, snapshot)
    demands, undemanded = demands_on(finding, use.check, results.protected, site)
    units = {parameter.name: parameter.unit for parameter in use.check.parameters}
    return Explanation(
        finding=finding,
        rationale=use.check.rationale,
        parameters=tuple(
            ParameterInForce(name, value, units.get(name), held.sources.get(name, DEFAULT))
            for name, value in held.params.items()
        ),
        demands=demands,
        severity_source=_severity_source(finding["severity"], held),
        waiver=_waiver_words(finding, waivers),
        tables=_tables(use.check, snapshot, finding["server"], earlier or Earlier()),
        proofs=proofs,
        notes=(*undemanded, *notes),
    )


def find_one(findings: pd.DataFrame, wanted: str) -> dict[str, Any]:
    """The one finding that `wanted` names: by id, by the beginning of one, or as `CHECK:object name`.

    Raises `ConfigurationError` where there is none, or more than one.
    """
    check_id, colon, name = wanted.partition(":")
    if colon:
        of_check = findings[(findings["check_id"] == check_id.strip().upper()).fillna(False)]
        fitting = of_check[(of_check["object_name"] == name.strip()).fillna(False)]
        known = of_check["object_name"].dropna().tolist() if len(of_check) else []
        if of_check.empty:
            near = get_close_matches(check_id.upper(), findings["check_id"].dropna().unique().tolist(), n=1)
            raise _unknown(f"no finding is of a check {check_id!r}", near)
        if fitting.empty:
            raise _unknown(f"{check_id.upper()} has no finding about {name!r}", get_close_matches(name, known, n=1))
    else:
        ids = findings["finding_id"]
        fitting = findings[ids.str.startswith(wanted.strip().lower()).fillna(False)] if wanted.strip() else findings[:0]
        if fitting.empty:
            raise _unknown(f"no finding has the id {wanted!r}", get_close_matches(wanted, ids.tolist(), n=1))
    if len(fitting) > 1:
        listed = ", ".join(f"{row.finding_id} ({plain(row.server)})" for row in fitting.head(5).itertuples())
        raise ConfigurationError(
            f"{len(fitting):,} findings fit {wanted!r}: {listed}", hint="Give the whole id of one of them."
        )
    return {str(key): value for key, value in fitting.iloc[0].to_dict().items()}


def _unknown(message: str, near: list[str]) -> ConfigurationError:
    close = f"Did you mean {near[0]!r}? " if near else ""
    return ConfigurationError(
        message, hint=close + "Ids stand in findings.csv and in audit.findings; CHECK:object name is accepted too."
    )


def _severity_source(severity: str, held: ObjectUse) -> str:
    if severity != held.severity:
        return f"set by the check for this object; in general {held.severity}"
    return f"set by {held.severity_source}" if held.severity_from_policy else "as the check declares it"


def _waiver_words(finding: Mapping[str, Any], waivers: Waivers) -> str | None:
    if finding["waiver_id"] is None:
        return None
    words = f"{finding['waiver_id']} of {finding['waiver_owner']}, until {finding['waiver_expires']}"
    for waiver in waivers.waivers:
        if waiver.id == finding["waiver_id"]:
            approved = f"; approved by {waiver.approved_by}" if waiver.approved_by else ""
            return f"{words}: {waiver.reason}{approved}"
    return words


def _tables(check: Check, snapshot: Snapshot, server: str, earlier: Earlier) -> tuple[TableRead, ...]:
    explained = []
    for table in check.tables:
        lines = [*earlier.facts] if EARLIER in sources_of(table) else []
        for name in datasets_behind_table(table):
            record = snapshot.manifest.dataset(server, name)
            if record is None:
                lines.append(f"{name}: not collected")
                continue
            why = f" ({record.reason})" if record.reason else ""
            digest = f", SHA-256 {record.sha256}" if record.sha256 else ""
            lines.append(f"{name}: {record.status}{why}, {record.rows_kept:,} rows{digest}")
        explained.append(TableRead(table, check.reads.get(table, ()), tuple(lines)))
    return tuple(explained)


def _with_unit(parameter: ParameterInForce) -> str:
    return f"{plain(parameter.value)} {parameter.unit}" if parameter.unit else plain(parameter.value)


def _heading(proof: Proof) -> list[str]:
    """What a document is, and where it stands in the evidence."""
    row = f", row {proof.index}" if proof.index is not None else ""
    part = f", part {plain(proof.path)}" if proof.path else ""
    return [
        f"Evidence   {plain(proof.what)}: {plain(proof.entry)} (page {proof.page}{row}{part})",
        f"           SHA-256 of the page {proof.page_sha256}",
    ]


# What the site file demanded of the object of a finding: the value, the tier it belongs to, and where both stand.

_DEMANDED: Final[Mapping[str, KeyPath]] = {
    "rpo_hours": ("rpo_hours",),
    "retention_days": ("retention_days",),
    "gfs_weekly": ("gfs", "weekly"),
    "gfs_monthly": ("gfs", "monthly"),
    "gfs_yearly": ("gfs", "yearly"),
}
"""The columns that hold what a tier demands, with their keys in a tier of the site file."""

_UNITS: Final = {column.name: column.unit for column in site_tables.DEMANDS_SPEC.columns}


@dataclass(frozen=True)
class Demand:
    """One value that the site file demands of an object; `tier` is None for what holds for all alike.

    `source` is where the value stands, as `site.yaml:12`.
    """

    name: str
    value: Any
    unit: str | None
    tier: str | None
    source: str

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        tier = f"the tier {plain(self.tier)}, " if self.tier is not None else ""
        return f"{self.name} = {plain(self.value)}{unit}, demanded by {tier}{plain(self.source)}"


def demands_on(
    finding: Mapping[str, Any], check: Check, protected: pd.DataFrame, site: Site
) -> tuple[tuple[Demand, ...], tuple[str, ...]]:
    """What the site file demands of the object of `finding` by what its check reads, and notes where it demands none.

    `protected` are the rows of `protected_objects`, which tell the tier of a protected object.
    """
    if not site.is_given:
        return (), ()
    file = YamlFile(site.name, site.text)
    demands, notes = list(_server_wide(check, site, file)), []
    asked = _asked(check)
    if asked and site.document.tiers:
        tier, why = _tier_of(finding, check, protected, site, file)
        if tier is None:
            notes.append(why)
        else:
            demands += _of_tier(tier, asked, site, file)
            missing = [name for name in asked if _value(tier, name) is None]
            if missing:
                where = f"{file.name}:{file.line_of(_place(tier, site))}"
                notes.append(f"Its tier {tier.name} ({where}) says nothing of {', '.join(missing)}.")
    return tuple(demands), tuple(notes)


def _asked(check: Check) -> list[str]:
    """The demands of tiers that the check reads."""
    tables = (site_tables.DEMANDS_SPEC.name, protection.SPEC.name)
    read = {column for table in tables for column in check.reads.get(table, ())}
    return [name for name in _DEMANDED if name in read]


def _tier_of(
    finding: Mapping[str, Any], check: Check, protected: pd.DataFrame, site: Site, file: YamlFile
) -> tuple[Tier | None, str]:
    """The tier of the object, else why there is none."""
    name, nothing = finding["object_name"], f"No tier of {file.name} is for it."
    if check.population != protection.SPEC.name:
        return (site.tier_of(job=name) if isinstance(name, str) else None), nothing
    mine = protected["server"].eq(finding["server"]) & protected["object_key"].eq(finding["object_id"])
    rows = protected[mine.to_numpy(dtype=bool, na_value=False)]
    if not len(rows):
        return None, nothing
    row = rows.iloc[0]
    if row["tier_known"] is pd.NA or not row["tier_known"]:
        known = [tier for tier in site.document.tiers if tier.rpo_hours is not None]
        loosest = max(known, key=lambda tier: tier.rpo_hours or 0, default=None)
        description = "Which tier it belongs to is not known."
        if loosest is not None and len(known) == len(site.document.tiers):
            line = file.line_of((*_place(loosest, site), "rpo_hours"))
            description += f" The loosest is {loosest.name}: rpo_hours = {loosest.rpo_hours} ({file.name}:{line})."
        return None, description
    called = None if row["tier"] is pd.NA else row["tier"]
    return next((tier for tier in site.document.tiers if tier.name == called), None), nothing


def _of_tier(tier: Tier, asked: list[str], site: Site, file: YamlFile) -> Iterator[Demand]:
    for name in asked:
        if (value := _value(tier, name)) is not None:
            line = file.line_of((*_place(tier, site), *_DEMANDED[name]))
            yield Demand(name, value, _UNITS[name], tier.name, f"{file.name}:{line}")


def _server_wide(check: Check, site: Site, file: YamlFile) -> Iterator[Demand]:
    """The hours in which jobs may run, and the oldest good builds, where the check reads them."""
    if site_tables.WINDOW_SPEC.name in check.tables and site.window is not None:
        hours = f"{site.window.start:%H:%M} to {site.window.end:%H:%M}"
        yield Demand("window", hours, None, None, f"{file.name}:{file.line_of(('window',))}")
    if site_tables.BUILDS_SPEC.name in check.tables:
        for release, build in site.document.builds.items():
            line = file.line_of(("builds", release))
            yield Demand(f"builds {release}", build, None, None, f"{file.name}:{line}")


def _value(tier: Tier, name: str) -> Any:
    here: Any = tier
    for key in _DEMANDED[name]:
        here = getattr(here, str(key))
    return here


def _place(tier: Tier, site: Site) -> KeyPath:
    return ("tiers", site.document.tiers.index(tier))
