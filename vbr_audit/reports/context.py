"""What a report is made from: the terms of the run, the results and the snapshot, in words ready to print.

A `ReportContext` computes no number of its own: they come from `results.summary`, `results.coverage` and the
manifest, so that every artefact says the same. Its fields are the contract with report templates.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vbr_audit.collection.scope import has_document
from vbr_audit.display import count, day, duration, moment, number, percent, period_text, plain, time_zone
from vbr_audit.findings.gaps import LimitKind
from vbr_audit.reports.access_map import AccessRow, access_rows
from vbr_audit.reports.brand import Brand
from vbr_audit.reports.figures.figures import Figures, RpoCount, make_figures
from vbr_audit.reports.gaps import GapGroup, grouped_gaps
from vbr_audit.reports.notes import data_notes
from vbr_audit.reports.review import Review

if TYPE_CHECKING:
    from vbr_audit.collection.manifest import DatasetRecord, Manifest, ServerRecord
    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.results import Results, Summary

"""How the manifest begins to describe a connection whose certificate nobody checked."""


@dataclass(frozen=True)
class Fact:
    """One line of the cover; `loud` marks what a reader must not overlook."""

    label: str
    value: str
    loud: bool = False


@dataclass(frozen=True)
class Tile:
    """One big number and what it counts."""

    value: str
    label: str


def _help(text: str) -> dict[str, str]:
    return {"help": text}


@dataclass(frozen=True, eq=False)
class ReportContext:
    """Everything that a report template or another writer may use."""

    title: str = field(metadata=_help("the heading of the report"))
    results: Results = field(metadata=_help("findings, coverage, uses, summary, waivers, incomplete, limits"))
    snapshot: Snapshot = field(metadata=_help("the tables and the manifest that the results rest on"))
    zone: dt.tzinfo = field(metadata=_help("the zone of all dates, and of the days that are counted"))
    period: str = field(metadata=_help("the period in words, with its zone"))
    read_at: str = field(metadata=_help("the run's clock in words, with its zone"))
    cover: tuple[Fact, ...] = field(metadata=_help("the terms of the run, line by line"))
    tiles: tuple[Tile, ...] = field(metadata=_help("the big numbers"))
    unverified: tuple[str, ...] = field(metadata=_help("servers whose certificate was not checked"))
    figures: Figures = field(metadata=_help("what the pictures, tiles and the scorecard show, computed once"))
    access: tuple[AccessRow, ...] = field(
        metadata=_help("every dataset of every server, asked for or not, and by whom")
    )
    notes: tuple[str, ...] = field(metadata=_help("what the tables could not take over as it stood"))

    brand: Brand = field(default=Brand(), metadata=_help("name, logo and colours of who reports; empty without one"))
    review: Review = field(default=Review(), metadata=_help("what reviewers wrote into the workbook of an earlier run"))

    @property
    def summary(self) -> Summary:
        """The numbers of the run."""
        return self.results.summary

    @property
    def manifest(self) -> Manifest:
        """What was asked, what came, what did not."""
        return self.snapshot.manifest

    @property
    def zone_name(self) -> str:
        """The zone as the manifest names it."""
        return self.manifest.run.timezone

    @property
    def unread(self) -> tuple[DatasetRecord, ...]:
        """The datasets that the checks need and that were not read whole; the others are among the limits."""
        beside = {(limit.server, limit.dataset) for limit in self.results.outside if limit.kind == LimitKind.NOT_WHOLE}
        return tuple(
            record
            for record in self.manifest.datasets
            if record.status != "complete" and (record.server, record.name) not in beside
        )

    @property
    def gaps(self) -> tuple[GapGroup, ...]:
        """Why the run is incomplete, each reason once, and what to do about it."""
        return grouped_gaps(self.results.gaps, self.manifest.datasets, self.access)

    @property
    def servers_text(self) -> str:
        """The names of the servers in one line."""
        return ", ".join(plain(server.name) for server in self.manifest.servers) or "no server"


def build_context(
    snapshot: Snapshot,
    results: Results,
    *,
    title: str | None = None,
    brand: Brand | None = None,
    review: Review | None = None,
) -> ReportContext:
    """The context of all reports of one run; `title` replaces the heading."""
    run = snapshot.manifest.run
    zone = time_zone(run.timezone)
    span = period_text(run.since, run.until, zone, run.timezone)
    read_at = moment(run.now, zone, run.timezone)
    servers = snapshot.manifest.servers
    figures = make_figures(snapshot, results, zone)
    return ReportContext(
        title=title or f"Backup compliance, {_span_name(run.since, run.until, zone, run.timezone)}",
        results=results,
        snapshot=snapshot,
        zone=zone,
        period=span,
        read_at=read_at,
        cover=_cover(snapshot, results.summary, span, read_at),
        tiles=_tiles(snapshot, results, figures),
        unverified=tuple(server.name for server in servers if not server.verified),
        figures=figures,
        access=access_rows(snapshot.manifest, results.uses),
        notes=data_notes(snapshot.manifest.datasets),
        brand=brand or Brand(),
        review=review or Review(),
    )


def _span_name(since: dt.datetime, until: dt.datetime, zone: dt.tzinfo, zone_name: str) -> str:
    """`October 2026` where the period is that month, else its days; the cover gives the times."""
    first, end = since.astimezone(zone), until.astimezone(zone)
    months = (end.year - first.year) * 12 + end.month - first.month
    if months == 1 and first.day == end.day == 1 and first.time() == end.time() == dt.time():
        return day(first.date()).split(" ", 1)[1]
    last = (until - dt.timedelta(microseconds=1)).astimezone(zone).date()
    start = dt.datetime.combine(first.date(), dt.time(), zone)
    stop = dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), zone)
    return period_text(start, stop, zone, zone_name)


def _cover(snapshot: Snapshot, summary: Summary, span: str, read_at: str) -> tuple[Fact, ...]:
    run = snapshot.manifest.run
    facts = [Fact("Note", plain(run.note), loud=True)] if run.note else []
    facts += [Fact("Period", span), Fact("Read on", read_at)]
    servers = snapshot.manifest.servers
    for server in servers:
        facts += _server_facts(server, many=len(servers) > 1)
    policy = plain(run.policy_name) if run.policy_name else "default profile"
    facts += [
        Fact("Policy", f"{policy}, SHA-256 {run.policy_sha256}" if run.policy_sha256 else policy),
        Fact("Completeness", _read_whole(summary), loud=summary.needed_complete < summary.needed_total),
        Fact("Jobs in scope", f"names that match {plain(run.jobs_pattern)}" if run.jobs_pattern else "all jobs"),
        Fact("Settings and states", "as of the moment of reading; sessions as of the period"),
        Fact("Time zone", f"{run.timezone}, from: {run.timezone_source}"),
        Fact("Tool", f"vbr-audit {run.tool_version}"),
    ]
    if run.accounts_masked:
        facts.append(Fact("Accounts", "user names and hints were replaced before anything was kept"))
    if run.scrub_key_id:
        words = f"names replaced by keyed pseudonyms (key {run.scrub_key_id}); ids and hashes are keyed, too"
        facts.append(Fact("Scrubbed", words, loud=True))
    if run.waivers_sha256:
        facts.append(Fact("Waivers", f"SHA-256 {run.waivers_sha256}"))
    if run.site_sha256:
        facts.append(Fact("Site file", f"SHA-256 {run.site_sha256}"))
    facts += [Fact("Framework", f"{plain(one.name)}, SHA-256 {one.sha256}") for one in run.frameworks]
    return tuple(facts)


def _server_facts(server: ServerRecord, *, many: bool) -> list[Fact]:
    """What the cover says of `server`; of `many`, each line names its server."""
    newer = "" if server.revision == server.revision_newest else f" (the server also speaks {server.revision_newest})"
    role = f"; {plain(server.role)}" if server.role else "; role not known"
    build = f"VBR {plain(server.build)}" if server.build else "VBR build not known"
    whose = f"{plain(server.name)}: " if many else ""
    facts = [
        Fact("Server", f"{plain(server.name)}, {plain(server.url)}, {build}, API {server.revision}{newer}"),
        Fact("Read as", f"{whose}{plain(server.account)}{role}"),
        Fact("Certificate", whose + plain(server.tls), loud=not server.verified),
    ]
    if server.clock_skew_s is not None and abs(server.clock_skew_s) >= 60:
        skew = f"{whose}{duration(server.clock_skew_s)} from the collector's clock"
        facts.append(Fact("Server's clock", skew, loud=True))
    return facts


def _read_whole(summary: Summary) -> str:
    whole, needed = number(summary.needed_complete), number(summary.needed_total)
    return f"{whole} of {needed} datasets that the checks need were read whole"


def _tiles(snapshot: Snapshot, results: Results, figures: Figures) -> tuple[Tile, ...]:
    summary = results.summary
    causes, failing = len(results.causes), count(summary.counts["FAIL"], "failing finding")
    at_risk = figures.jobs_at_risk
    return (
        Tile(
            percent(summary.checks_share),
            f"of checks without an open finding: {number(summary.checks_clean)} of {number(summary.checks_judged)}",
        ),
        Tile(
            percent(summary.compliance),
            f"compliant: {number(summary.counts['PASS'])} of {number(summary.judged)} answers are good, "
            f"{percent(summary.assessed)} assessed",
        ),
        Tile(
            number(causes),
            f"{'cause' if causes == 1 else 'causes'} of {failing}: each one thing that somebody can do",
        ),
        Tile(
            number(at_risk),
            f"{'job' if at_risk == 1 else 'jobs'} at risk: a critical or high finding fails, of the job or a machine",
        ),
        _jobs_tile(snapshot, summary),
        _runs_tile(summary),
        Tile(
            f"{number(summary.needed_complete)} of {number(summary.needed_total)}",
            f"datasets that the checks need read whole; {number(summary.datasets_complete)} of "
            f"{number(summary.datasets_total)} of all that were asked for",
        ),
        *_offload_tiles(summary),
        *_rpo_tiles(figures.rpo),
    )


def _offload_tiles(summary: Summary) -> tuple[Tile, ...]:
    """How many offloads ended well; nothing where there was none."""
    counts = {result: ended for result, ended in summary.offloads_by_result.items() if ended}
    if not counts:
        return ()
    listed = ", ".join(f"{number(ended)} {result.lower()}" for result, ended in counts.items())
    told = (
        f"success rate of offloads, of {count(sum(counts.values()), 'finished offload')} to a further tier ({listed})"
    )
    return (
        Tile(percent(summary.offload_rate), told + ("" if summary.sessions_whole else "; sessions not read whole")),
    )


def _rpo_tiles(rpo: RpoCount | None) -> tuple[Tile, ...]:
    """How many objects are later than their recovery point objective; nothing where no check asks for it."""
    if rpo is None:
        return ()
    unknown = f", {number(rpo.unknown)} not known" if rpo.unknown else ""
    told = f"of {count(rpo.objects, 'protected object')}: newest restore point older than allowed{unknown}"
    return (Tile(number(rpo.late), told),)


def _jobs_tile(snapshot: Snapshot, summary: Summary) -> Tile:
    """How many jobs; the server shows some by their state or their backups only, so that fewer documents were read."""
    disabled = "not known" if summary.jobs_disabled is None else number(summary.jobs_disabled)
    jobs = number(summary.jobs_in_scope)
    if summary.jobs_in_scope is not None and not summary.jobs_whole:
        jobs = f"at least {jobs}"
    silent = int((~has_document(snapshot.jobs)).sum())
    shown = f"; {number(silent)} of them without settings in the API" if silent else ""
    return Tile(jobs, f"{'job' if jobs == '1' else 'jobs'} in scope, {disabled} disabled{shown}")


def _runs_tile(summary: Summary) -> Tile:
    counts = {result: runs for result, runs in summary.sessions_by_result.items() if runs}
    told = ", ".join(f"{number(runs)} {result.lower()}" for result, runs in counts.items())
    least, whole = ("", "") if summary.sessions_whole else ("at least ", "; sessions not read whole")
    runs = count(sum(counts.values()), "finished job run")
    listed = f" ({told})" if told else ""
    beside = "".join(f"; {name[0].lower()}{name[1:]}: {number(many)}" for name, many, _ in summary.runs_beside.lines)
    return Tile(percent(summary.success_rate), f"success rate by run, of {least}{runs}{listed}{whole}{beside}")
