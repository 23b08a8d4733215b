"""What a report is made from: the terms of the run, the results and the snapshot, in words ready to print.

A `ReportContext` computes no number of its own: they come from `results.summary`, `results.coverage` and the
manifest, so that every artefact says the same. Its fields are the contract with report templates.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from vbr_audit.collection.manifest import DEADLINE_PASSED, FILTER_UNHEARD, PAGES_UNCOUNTED
from vbr_audit.display import count, day, duration, moment, number, percent, period_text, plain, shorten, time_zone
from vbr_audit.findings.gaps import GapKind, LimitKind
from vbr_audit.findings.summary import counted_runs
from vbr_audit.reports.access_map import AccessRow, access_rows
from vbr_audit.reports.brand import Brand
from vbr_audit.reports.figures.digits import Protection, protection_of
from vbr_audit.reports.figures.estate import Estate, estate_of
from vbr_audit.reports.figures.month_trend import MonthTrend, months_of_trend
from vbr_audit.reports.figures.repository_space import RepositorySpace, repository_spaces
from vbr_audit.reports.figures.run_calendar import RunCalendar, build_calendar
from vbr_audit.reports.figures.runs import (
    DailyRuns,
    SlowRun,
    SuccessTrend,
    count_daily_runs,
    slowest_runs,
    success_trend_of,
)
from vbr_audit.reports.figures.scorecard import JobScore, score_jobs
from vbr_audit.reports.review import Review

if TYPE_CHECKING:
    import pandas as pd

    from vbr_audit.collection.manifest import DatasetRecord, Manifest, ServerRecord
    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.gaps import Gap
    from vbr_audit.findings.results import Results, Summary
    from vbr_audit.histories.trends import Trend

MOST_SERVERS: Final = 5
"""So many servers are named in a line."""


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

    trend: Trend | None = field(
        default=None, metadata=_help("the months up to this run, the last being the run itself; None without earlier")
    )
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
        """The names of the servers in one line: the first of them, and how many more there are."""
        names = [plain(server.name) for server in self.manifest.servers]
        more = f" and {number(len(names) - MOST_SERVERS)} more" if len(names) > MOST_SERVERS else ""
        return (", ".join(names[:MOST_SERVERS]) or "no server") + more


def build_context(
    snapshot: Snapshot,
    results: Results,
    *,
    title: str | None = None,
    brand: Brand | None = None,
    review: Review | None = None,
    trend: Trend | None = None,
    samples: pd.DataFrame | None = None,
) -> ReportContext:
    """The context of all reports of one run; `title` replaces the heading, `samples` are the space before the run."""
    run = snapshot.manifest.run
    zone = time_zone(run.timezone)
    span = period_text(run.since, run.until, zone, run.timezone)
    read_at = moment(run.now, zone, run.timezone)
    servers = snapshot.manifest.servers
    figures = Figures(snapshot, results, zone, samples, months_of_trend(trend))
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
        trend=trend,
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
    if run.events_sha256:
        facts.append(Fact("Events of changes", f"SHA-256 {run.events_sha256}"))
    if run.change_register_sha256:
        facts.append(Fact("Change register", f"SHA-256 {run.change_register_sha256}"))
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
        _jobs_tile(summary),
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
    description = (
        f"success rate of offloads, of {count(sum(counts.values()), 'finished offload')} to a further tier ({listed})"
    )
    return (
        Tile(
            percent(summary.offload_rate), description + ("" if summary.sessions_whole else "; sessions not read whole")
        ),
    )


def _rpo_tiles(rpo: RpoCount | None) -> tuple[Tile, ...]:
    """How many objects are later than their recovery point objective; nothing where no check asks for it."""
    if rpo is None:
        return ()
    unknown = f", {number(rpo.unknown)} not known" if rpo.unknown else ""
    description = f"of {count(rpo.objects, 'protected object')}: newest restore point older than allowed{unknown}"
    return (Tile(number(rpo.late), description),)


def _jobs_tile(summary: Summary) -> Tile:
    """How many jobs; the server shows some by their state or their backups only, so that fewer documents were read."""
    disabled = "not known" if summary.jobs_disabled is None else number(summary.jobs_disabled)
    jobs = number(summary.jobs_in_scope)
    if summary.jobs_in_scope is not None and not summary.jobs_whole:
        jobs = f"at least {jobs}"
    found = summary.jobs_found
    sources = f": {found.sources}" if found.total > found.with_settings else ""
    return Tile(jobs, f"{'job' if jobs == '1' else 'jobs'} in scope, {disabled} disabled{sources}")


def _runs_tile(summary: Summary) -> Tile:
    counts = {result: runs for result, runs in summary.sessions_by_result.items() if runs}
    description = ", ".join(f"{number(runs)} {result.lower()}" for result, runs in counts.items())
    least, whole = ("", "") if summary.sessions_whole else ("at least ", "; sessions not read whole")
    runs = count(sum(counts.values()), "finished job run")
    listed = f" ({description})" if description else ""
    beside = "".join(f"; {name[0].lower()}{name[1:]}: {number(many)}" for name, many, _ in summary.runs_beside.lines)
    return Tile(percent(summary.success_rate), f"success rate by run, of {least}{runs}{listed}{whole}{beside}")


# What makes a run incomplete, together where it is for one reason, each with what to do about it.

_GAP_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "denied": (
        "denied",
        "Give the account a role that may read this (report and workbook name the roles), then collect again.",
    ),
    "partial": ("read only in part", "Collect again; where it stays so, first correct what the reason names."),
    "absent": ("not found", "Correct what the reason names, then collect again."),
    "failed": ("not read", "Correct what the reason names, then collect again."),
}
"""What became of datasets that are not whole, and what to do, by their status."""
_MORE_TIME: Final[Mapping[str, str]] = {
    "server": "Look at why the server is slow, or collect again with a longer --deadline.",
    "dataset": "Look at why the server is slow, or collect again with a longer --deadline or --dataset-deadline.",
}
"""What to do where the time ran out, by whose time it was."""
_GAP_REMEDY: Final = "Correct what this names, then collect again."


@dataclass(frozen=True)
class GapGroup:
    """One reason why a run is incomplete: `text` says what is missing and why, `remedy` what to do about it."""

    text: str
    remedy: str


def grouped_gaps(
    gaps: Iterable[Gap], records: Iterable[DatasetRecord], access: Iterable[AccessRow]
) -> tuple[GapGroup, ...]:
    """The `gaps` in their order, those about datasets of one server with one reason as one."""
    titles = {(row.server, row.name): row.title for row in access}
    known = {(record.server, record.name): record for record in records}
    groups: dict[tuple[str, ...], list[str]] = {}
    for gap in gaps:
        if gap.kind != GapKind.NOT_WHOLE or (record := known.get((gap.server or "", gap.dataset or ""))) is None:
            groups.setdefault((str(gap),), [])
            continue
        key = (record.server, str(record.status), _why_not_read(record), str(record.notes.get(DEADLINE_PASSED, "")))
        groups.setdefault(key, []).append(titles.get((record.server, record.name), record.name))
    return tuple(_gap_group(key, names) for key, names in groups.items())


def _why_not_read(record: DatasetRecord) -> str:
    """The reason without the path, which differs from dataset to dataset, and without what the status says."""
    words = (record.reason or "").removeprefix(f"{record.path} ").removeprefix("is ")
    return words.strip().rstrip(".")


def _gap_group(key: tuple[str, ...], names: Sequence[str]) -> GapGroup:
    if not names:
        return GapGroup(plain(key[0]), _GAP_REMEDY)
    server, status, why, over = key
    state, remedy = _GAP_STATES[status]
    remedy = _MORE_TIME.get(over, remedy)
    text = f"{count(len(names), 'dataset')} of {server} {'was' if len(names) == 1 else 'were'} {state}"
    reason = f" {why[:1].upper()}{why[1:]}." if why else ""
    return GapGroup(plain(f"{text}: {'; '.join(names)}.{reason}"), remedy)


# What the tables could not take over as it stood, in sentences: unknown words, odd dates, values that do not fit.

NAMED_VALUES = 8
"""Maximum number of values that are named in one sentence."""

_NOTES_OF_COLUMNS = {
    "uncastable": "a value of another type than expected",
    "naive_dates": "a date without an offset",
    "dates_out_of_range": "a date outside 1990 to 2100",
}
_NOTES_OF_ROWS = {
    "not_objects": "that are not JSON objects",
    "missing_keys": "without an id",
    "duplicates": "left out as duplicates",
    "undated_rows_kept": "without a date, kept",
    "rows_gone_while_reading": "gone while reading",
}


def data_notes(datasets: Iterable[DatasetRecord]) -> tuple[str, ...]:
    """One sentence per dataset and kind of oddity, in the manifest's order."""
    return tuple(sentence for record in datasets for sentence in _sentences(record))


def _sentences(record: DatasetRecord) -> Iterable[str]:
    where = f"{shorten(record.server, 60)}, {record.name}"
    notes = record.notes
    for column, values in _mapping(notes.get("unknown_values")).items():
        yield f"{where}: words that no known revision lists in {shorten(column)}: {_named(values)}."
    if fields := _mapping(notes.get("unknown_fields")):
        yield f"{where}: fields that no known revision lists: {_named(fields)}."
    for name, meaning in _NOTES_OF_COLUMNS.items():
        if columns := _mapping(notes.get(name)):
            yield f"{where}: {meaning}, taken as not known, in {_named(columns)}."
    if columns := _mapping(notes.get("assumed_dates")):
        yield f"{where}: a date without an offset, read by the server's clock, in {_named(columns)}."
    if FILTER_UNHEARD in notes:
        yield f"{where}: the server did not heed its filter by kind, so all kinds were read and the others left out."
    if pages := notes.get(PAGES_UNCOUNTED):
        yield f"{where}: {count(pages, 'page')} that did not report how many rows there are, read to the empty page."
    for name, meaning in _NOTES_OF_ROWS.items():
        if rows := notes.get(name):
            yield f"{where}: {count(rows, 'row')} {meaning}."
    if record.redacted:
        yield f"{where}: replaced before anything was stored: {', '.join(shorten(path) for path in record.redacted)}."


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _named(counts: Mapping[str, Any]) -> str:
    names = [f"{shorten(name)} ({times}×)" for name, times in list(counts.items())[:NAMED_VALUES]]
    rest = len(counts) - len(names)
    return ", ".join(names) + (f" and {rest} more" if rest else "")


# The figures behind the pictures and the scorecard: computed once, read by the page, the workbook and notebooks.

RPO_CHECK = "RPO-001"
"""The check that counts objects older than their recovery point objective."""


@dataclass(frozen=True)
class RpoCount:
    """The objects whose newest restore point is too old, unwaived, or not known; `objects` is None if not all are."""

    late: int
    unknown: int
    objects: int | None


@dataclass(frozen=True, eq=False)
class Figures:
    """What the pictures, the tiles and the scorecard of a report show; each is made once, when it is first asked for.

    `months` is None where no earlier run is known.
    """

    _snapshot: Snapshot
    _results: Results
    _zone: dt.tzinfo
    _samples: pd.DataFrame | None
    months: MonthTrend | None

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The runs that every number about runs counts, newest first, with the columns of `job_runs`."""
        runs = counted_runs(self._snapshot)
        return runs.sort_values(["started", "server", "run_id"], ascending=[False, True, True], kind="stable")

    @cached_property
    def daily_runs(self) -> DailyRuns:
        """The runs of each day by result."""
        return count_daily_runs(self._snapshot, self._zone, self.runs)

    @cached_property
    def trend(self) -> SuccessTrend:
        """The success rate of each day."""
        return success_trend_of(self.daily_runs)

    @cached_property
    def calendar(self) -> RunCalendar:
        """The state of each job on each day."""
        return build_calendar(self._snapshot, self.runs, self._zone)

    @cached_property
    def slow_runs(self) -> tuple[SlowRun, ...]:
        """The longest runs."""
        return slowest_runs(self.runs, self._snapshot.jobs)

    @cached_property
    def spaces(self) -> tuple[RepositorySpace, ...]:
        """The space of each repository."""
        return repository_spaces(self._snapshot.repository_states)

    @cached_property
    def protection(self) -> Protection:
        """How many protected objects keep the 3-2-1-1-0 rule."""
        return protection_of(self._results.protected)

    @cached_property
    def scores(self) -> tuple[JobScore, ...]:
        """The scorecard of each job."""
        return score_jobs(self._snapshot, self._results, self.runs)

    @cached_property
    def tested(self) -> Mapping[tuple[str, str], int]:
        """The objects that passed or failed, before waivers, by server and check."""
        return _tested(self._results.findings)

    @cached_property
    def rpo(self) -> RpoCount | None:
        """The objects whose newest restore point is too old; None where no check asks for it."""
        return _rpo(self._results.coverage)

    @cached_property
    def jobs_at_risk(self) -> int | None:
        """The jobs in scope with a failing finding, of their own or of a machine of theirs, that is critical or high.

        None where no job could be read.
        """
        at_risk = sum(score.is_at_risk for score in self.scores)
        return None if self._results.summary.jobs_in_scope is None else at_risk

    @cached_property
    def estate(self) -> Estate:
        """Objects, repositories, servers and nights."""
        return estate_of(self._snapshot, self._results, self.runs, self._zone, self._samples)


def _tested(findings: pd.DataFrame) -> Mapping[tuple[str, str], int]:
    answered = findings[findings["result"].isin(["PASS", "FAIL"])]
    return Counter(zip(answered["server"].tolist(), answered["check_id"].tolist(), strict=True))


def _rpo(coverage: pd.DataFrame) -> RpoCount | None:
    own = coverage[coverage["check_id"].eq(RPO_CHECK).to_numpy(dtype=bool, na_value=False)]
    if own.empty:
        return None
    late, unknown = (int(own[name].sum()) for name in ("fail", "unknown"))
    objects = own["population"]
    return RpoCount(late, unknown, int(objects.sum()) if objects.notna().all() else None)
