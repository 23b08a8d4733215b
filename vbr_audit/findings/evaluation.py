"""From a snapshot to results: run the checks, lay the waivers over them, count, and say it in words."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.analyzer.analyzer import ALSO_ANSWERED, BEST_PRACTICE
from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.logic.three_valued import Cells
from vbr_audit.checks.policy.model import LONGEST_WAIVER
from vbr_audit.checks.policy.policy import Policy
from vbr_audit.checks.run import CheckRun, run_checks
from vbr_audit.checks.site import Site
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.display import time_zone
from vbr_audit.findings.changes import Changes, Known, changes_since
from vbr_audit.findings.compared import judged_run
from vbr_audit.findings.gaps import Gap, find_gaps, find_limits, needed_of_servers
from vbr_audit.findings.owners import owners_of
from vbr_audit.findings.requirements import Framework, answer_requirements, load_frameworks
from vbr_audit.findings.results import Planning, Results, Sentences, Verdict, WaiverOutcome, WaiverReport, WaiverState
from vbr_audit.findings.summary import failing_counts, status_counts, summarise
from vbr_audit.findings.table import FINDING_SENTENCES, cause_ids, finding_ids, in_order, with_waivers
from vbr_audit.findings.tracing import traced
from vbr_audit.findings.waivers import Waiver, Waivers
from vbr_audit.tables.build.arrays import STRING, strings_of
from vbr_audit.tables.build.naming import marked, told_frame
from vbr_audit.tables.build.schema import Holds
from vbr_audit.vocabulary import COUNT_COLUMNS, COUNTED, SEVERITIES


def evaluate(
    snapshot: Snapshot,
    policy: Policy,
    waivers: Waivers | None = None,
    site: Site | None = None,
    *,
    frameworks: Sequence[Framework] | None = None,
    known: Known | None = None,
    earlier: Earlier | None = None,
) -> Results:
    """Everything that `policy` finds in `snapshot`, with `waivers` laid over it, at the snapshot's clock.

    `frameworks` are those whose requirements are answered; None stands for all that the package ships. `known` is what
    earlier runs left: with it, the findings say what became of them. `earlier` is whose settings those of the run are
    compared with; without it, the checks of drift do not apply.
    """
    run = run_checks(snapshot, policy, site, earlier)
    waived = apply_waivers(
        run.marked_results,
        waivers.waivers if waivers else (),
        snapshot.now,
        horizon_days=policy.waiver_horizon_days,
    )
    results = run.marked_results
    linked = link_items(results, waived.status, waived.reason, cause_ids(results))
    added: dict[str, Any] = {"finding_id": finding_ids(results), **waived.columns, **linked}
    blank = np.full(len(results), pd.NA, dtype=object)
    added |= {"first_seen": blank, "change": blank, **traced(run, snapshot)}
    marked_findings = in_order(with_waivers(results, added))
    findings = told_frame(marked_findings, FINDING_SENTENCES)
    gaps = find_gaps(snapshot, run)
    verdict = give_verdict(snapshot, run, findings, gaps, waived.report)
    marked_coverage = counted_coverage(run, waived.status)
    coverage = told_frame(marked_coverage, ("reason",))
    changes = None
    if known is not None:
        changes = changes_since(known, judged_run(snapshot.manifest, findings, coverage))
        findings = with_changes(findings, changes)
    asked = load_frameworks() if frameworks is None else frameworks
    return Results(
        findings=findings,
        coverage=coverage,
        uses=run.uses,
        summary=summarise(snapshot, run, findings, verdict, len(gaps)),
        planning=Planning(snapshot.now, time_zone(snapshot.manifest.run.timezone), owners_of(findings, site)),
        waivers=waived.report,
        gaps=gaps,
        outside=find_limits(snapshot, run),
        protected=run.protected,
        copies=run.copies,
        offloads=run.offloads,
        left=run.left,
        drift=run.drift,
        changes=changes,
        requirements=answer_requirements(asked, run, findings, coverage),
        sentences=Sentences.of(marked_findings, marked_coverage),
    )


def with_changes(findings: pd.DataFrame, changes: Changes) -> pd.DataFrame:
    """The findings with what became of each, and when it first failed."""
    places = changes.by_finding.index.get_indexer(pd.Index(findings["finding_id"]))
    moments = changes.by_finding["first_seen"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    columns: dict[str, Any] = {}
    for name, values in (("change", changes.by_finding["change"]), ("first_seen", moments)):
        cells = np.append(values.astype(object).where(values.notna(), pd.NA).to_numpy(dtype=object), [pd.NA])
        columns[name] = strings_of(cells[places])
    return findings.assign(**columns)


# Coverage: for each check and server how many objects there are, and what was found for them.

COVERAGE_COLUMNS: Final = (
    "server",
    "check_id",
    "title",
    "area",
    "severity",
    "population",
    *COUNT_COLUMNS,
    "whole",
    "reason",
    "worst_severity",
    "meaning",
)
"""The columns of the coverage, in order."""

COVERAGE_HOLDS: Final[Mapping[str, Holds]] = {
    **dict.fromkeys(COVERAGE_COLUMNS, "kept"),
    "server": "server",
    "reason": "own text",
}
"""What the columns of the coverage hold."""


def counted_coverage(run: CheckRun, status: Cells) -> pd.DataFrame:
    """The coverage of the checks with the number of findings by status and the worst that fails, by check and server.

    Its sentences are not told yet.
    `status` is the status of each row of the results of `run`, in their order.
    """
    ends = np.cumsum(run.sizes)
    parts = [Counter(status[end - size : end].tolist()) for end, size in zip(ends, run.sizes, strict=True)]
    severity = run.results["severity"].to_numpy(dtype=object)
    failing = (
        severity[end - size : end][status[end - size : end] == "FAIL"]
        for end, size in zip(ends, run.sizes, strict=True)
    )
    columns: dict[str, Any] = {}
    for name in COVERAGE_COLUMNS:
        if name.upper() in COUNTED:
            columns[name] = pd.array([part[name.upper()] for part in parts], dtype=pd.Int64Dtype())
        elif name == "worst_severity":
            columns[name] = pd.array([_worst(severities) for severities in failing], dtype=STRING)
        else:
            columns[name] = run.marked_coverage[name].array
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(run.marked_coverage)))
    return frame.sort_values(["check_id", "server"], kind="stable", ignore_index=True)


def _worst(severities: Cells) -> Any:
    """The worst of some severities; NA for none."""
    present = set(severities.tolist())
    return next((severity for severity in SEVERITIES if severity in present), pd.NA)


# Items of Veeam's analyzer that a check answers too: linked with it, and one cause, so that what to do counts once.

_ANSWERS = tuple((re.compile(words, re.IGNORECASE), checks) for words, checks in ALSO_ANSWERED)
_LINKED = sorted({check for _, checks in ALSO_ANSWERED for check in checks})


def answered_by(item: str) -> tuple[str, ...]:
    """The checks that answer an item of the analyzer too, by its words; none for an item that no check knows."""
    return next((checks for words, checks in _ANSWERS if words.search(item)), ())


def link_items(results: pd.DataFrame, status: Cells, reason: Cells, cause: Cells) -> Mapping[str, Cells]:
    """Columns `reason` and `cause`, with each failing item in the cause of the check that fails for the same.

    The item stays a finding of its own, as it is evidence of its own. Where the check passes, has no answer, does not
    run, or is waived, the item stands alone: nobody else says it.
    """
    failing, checks = status == "FAIL", results["check_id"]
    items = np.flatnonzero(failing & checks.eq(BEST_PRACTICE).to_numpy(dtype=bool))
    if not len(items):
        return {"reason": reason, "cause": cause}
    ours = np.flatnonzero(failing & checks.isin(_LINKED).to_numpy(dtype=bool))
    rank = {word: place for place, word in enumerate(SEVERITIES)}
    order = ours[np.argsort([rank[word] for word in results["severity"].iloc[ours]], kind="stable")]
    worst: dict[tuple[str, str], str] = {}
    for server, check, one in zip(results["server"].iloc[order], checks.iloc[order], cause[order], strict=True):
        worst.setdefault((server, check), one)
    reason, cause = reason.copy(), cause.copy()
    names, servers = results["object_name"], results["server"]
    for place in items.tolist():
        name, server = names.iloc[place], servers.iloc[place]
        both = [check for check in answered_by("" if name is pd.NA else name) if (server, check) in worst]
        if both:
            cause[place] = worst[server, both[0]]
            words = (
                f"{' and '.join(both)} {'fails' if len(both) == 1 else 'fail'} for the same; counted there as one cause"
            )
            own = reason[place]
            reason[place] = words if own is pd.NA or own is None else f"{own}; {words}"
    return {"reason": reason, "cause": cause}


# The verdict in plain words.

_COUNTED_STATUSES: Final = ("jobs", "job_states", "sessions", "backup_objects", "restore_points")
"""The datasets of which the verdict tells how many rows were read."""


def give_verdict(
    snapshot: Snapshot,
    run: CheckRun,
    findings: pd.DataFrame,
    gaps: Sequence[Gap],
    waivers: WaiverReport,
) -> Verdict:
    """The headline, the detail and the level of a run."""
    counts, failing = status_counts(findings), failing_counts(findings)
    open_questions = counts["UNKNOWN"] + counts["ERROR"]
    worst = next((severity for severity, number in failing.items() if number), None)
    parts = []
    if worst is not None:
        parts.append(_failing_words(failing, worst))
    if open_questions:
        parts.append(f"{_number(open_questions, 'question')} could not be answered")
    hollow = snapshot.jobs.empty and any(use.enabled and use.check.population == "jobs" for use in run.uses)
    if worst is None and hollow:
        parts.insert(0, "no job is in scope, so no job was judged")
    if not parts:
        asked = counts["PASS"] + counts["WAIVED"]
        parts.append(_nothing_failing(asked, counts["WAIVED"], bool(gaps)))
    level: Literal["fail", "incomplete", "pass"] = "pass"
    if worst is not None:
        level = "fail"
    elif open_questions or gaps or hollow or not counts["PASS"] + counts["WAIVED"]:
        level = "incomplete"
    headline = "; ".join(parts)
    detail = " ".join([_reading_words(snapshot, run, gaps), *_waiver_words(findings, waivers)])
    return Verdict(headline[:1].upper() + headline[1:] + ".", detail, level)


def _failing_words(failing: Mapping[str, int], worst: str) -> str:
    """`7 high findings need attention`, and how many of lower severity."""
    lower = sum(failing.values()) - failing[worst]
    more = f", and {lower:,} of lower severity" if lower else ""
    return f"{_number(failing[worst], f'{worst} finding')} {'needs' if failing[worst] == 1 else 'need'} attention{more}"


def _nothing_failing(asked: int, waived: int, is_incomplete: bool) -> str:
    if not asked:
        return "there was nothing to judge"
    if is_incomplete:
        return "nothing fails in what was read"
    return f"all {asked:,} findings are good" if not waived else f"all {asked:,} findings are good or accepted"


def _reading_words(snapshot: Snapshot, run: CheckRun, gaps: Sequence[Gap]) -> str:
    """Whether everything was read that the checks need and a server offers, with the rows of each dataset."""
    every = needed_of_servers(snapshot, run)
    needed = [need for need in every if need.is_offered]
    expected, whole = len(needed), sum(need.is_whole for need in needed)
    several = len(run.servers) > 1
    rows: dict[str, int] = {}
    for name in _COUNTED_STATUSES:
        records = [need.record for need in needed if need.dataset == name and need.record is not None]
        if records:
            rows[name] = sum(record.rows_kept for record in records)
    counted = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in rows.items())
    detail = f" ({counted})" if counted else ""
    who = ""
    if absent := len(every) - expected:
        who = f" and the server{'s offer' if several else ' offers'}"
        verb, whose = "is" if absent == 1 else "are", "their revisions" if several else "its revision"
        detail += f"; {absent:,} {'more ' if expected else ''}{verb} not offered by {whose}"
    if not gaps:
        if not every:
            return "The enabled checks need nothing that a server could withhold."
        if not expected:
            return f"Of what the checks need nothing could be read{detail}."
        if expected == 1:
            return f"The one dataset that the checks need{who} was read whole{detail}."
        return f"All {_number(expected, 'dataset')} that the checks need{who} were read whole{detail}."
    missing = expected - whole
    if missing:
        return f"The run is incomplete: {missing} of {_number(expected, 'needed dataset')} not read whole{detail}."
    return f"The run is incomplete: {gaps[0]}"


def _waiver_words(findings: pd.DataFrame, waivers: WaiverReport) -> list[str]:
    """How many findings are accepted, by waivers and in the product itself, and how many waivers accept nothing."""
    accepted = findings.loc[findings["status"].eq("WAIVED"), "waiver_id"]
    words = []
    if waived := int(accepted.count()):
        words.append(f"{_number(waived, 'finding')} {'is' if waived == 1 else 'are'} accepted by waivers.")
    if suppressed := len(accepted) - waived:
        they = "it is" if suppressed == 1 else "they are"
        verb = "is" if suppressed == 1 else "are"
        where = f"in Veeam Backup & Replication itself, where {they} suppressed"
        words.append(f"{_number(suppressed, 'finding')} {verb} accepted {where}.")
    if expired := len(waivers.expired):
        words.append(f"{_number(expired, 'waiver')} {'has' if expired == 1 else 'have'} expired.")
    if long := len(waivers.too_long):
        one = long == 1
        why = f"{'it runs' if one else 'they run'} for longer than the policy allows"
        ends = f"{'is' if one else 'are'} too long: {why}, and {'accepts' if one else 'accept'} nothing."
        words.append(f"{_number(long, 'waiver')} {ends}")
    if idle := len(waivers.unmatched):
        words.append(f"{_number(idle, 'waiver')} {'fits' if idle == 1 else 'fit'} nothing.")
    return words


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


# Laying waivers over results: what is accepted, what no longer is, and which waivers fit nothing.


@dataclass(frozen=True, eq=False)
class Waived:
    """The status and reason of each result after waivers, and the waiver that is at work, as object arrays."""

    status: Cells
    reason: Cells
    waiver_id: Cells
    waiver_owner: Cells
    waiver_expires: Cells
    report: WaiverReport

    @property
    def columns(self) -> dict[str, Cells]:
        """The columns of the findings that depend on waivers."""
        return {
            "status": self.status,
            "reason": self.reason,
            "waiver_id": self.waiver_id,
            "waiver_owner": self.waiver_owner,
            "waiver_expires": self.waiver_expires,
        }


def apply_waivers(
    results: pd.DataFrame, waivers: Sequence[Waiver], now: dt.datetime, *, horizon_days: int = LONGEST_WAIVER
) -> Waived:
    """What `waivers` make of the failing results, and of those without an answer where they cover them.

    What was accepted in the product itself is waived without a waiver of ours.
    Of several waivers that fit one finding, one in force counts more than one that is not, then the one that ends
    last. One that fits only after its last day, or that runs for more than `horizon_days`, leaves the finding as it
    is, and the reason says so.
    """
    status = results["result"].to_numpy(dtype=object, copy=True)
    reason = results["reason"].to_numpy(dtype=object, copy=True)
    blank = np.full(len(results), pd.NA, dtype=object)
    waived = Waived(status, reason, blank, blank.copy(), blank.copy(), WaiverReport())
    accepted_on_server = results["accepted"].to_numpy(dtype=object)
    accepted = (status == "FAIL") & ~pd.isna(accepted_on_server)
    status[accepted], reason[accepted] = "WAIVED", accepted_on_server[accepted]
    coverable = {covered for waiver in waivers for covered in waiver.covers}
    open_ones = np.flatnonzero(np.isin(status.astype(str), sorted(coverable))).tolist()
    keys = [results[name].to_numpy(dtype=object) for name in ("server", "check_id", "object_id", "object_name")]
    for position in open_ones:
        server, check_id, object_id, name = (None if key[position] is pd.NA else key[position] for key in keys)
        fitting = [
            waiver
            for waiver in waivers
            if status[position] in waiver.covers and waiver.fits(server, check_id, object_id, name)
        ]
        if fitting:
            best = max(fitting, key=lambda one: (not one.is_too_long(now, horizon_days), one.expires, one.id))
            _lay(waived, position, best, now, horizon_days)
    return replace(waived, report=_waiver_report(results, waived, waivers, now, horizon_days))


def _lay(waived: Waived, position: int, waiver: Waiver, now: dt.datetime, horizon_days: int) -> None:
    """Write one waiver into the row at `position`."""
    told_id = marked("waiver", waiver.id)
    waived.waiver_id[position] = waiver.id
    waived.waiver_owner[position] = waiver.owner
    waived.waiver_expires[position] = waiver.expires.isoformat()
    if waiver.is_too_long(now, horizon_days):
        words = f"waiver {told_id} does not count: it runs until {waiver.expires}, more than {horizon_days} days"
    elif waiver.is_active(now):
        waived.status[position] = "WAIVED"
        ticket = f" ({marked('ticket', waiver.ticket)})" if waiver.ticket else ""
        why = marked("server text", waiver.reason)
        words = f"accepted until {waiver.expires} by waiver {told_id}{ticket}: {why}"
    else:
        words = f"waiver {told_id} expired {waiver.expires}"
    own = waived.reason[position]
    waived.reason[position] = words if own is pd.NA else f"{own}; {words}"


def _waiver_report(
    results: pd.DataFrame, waived: Waived, waivers: Sequence[Waiver], now: dt.datetime, horizon_days: int
) -> WaiverReport:
    """Each waiver with what became of it, by id."""
    ordered = sorted(waivers, key=lambda waiver: waiver.id)
    columns = [results[name].to_numpy(dtype=object) for name in ("server", "check_id", "object_id", "object_name")]
    rows = [[None if cell is pd.NA else cell for cell in row] for row in zip(*columns, strict=True)] if ordered else []
    matched = Counter(waived.waiver_id.tolist())
    accepted = Counter(waived.waiver_id[waived.status == "WAIVED"].tolist())

    def state_of(waiver: Waiver) -> WaiverState:
        if not waiver.is_active(now):
            return WaiverState.EXPIRED
        if waiver.is_too_long(now, horizon_days):
            return WaiverState.TOO_LONG
        if not any(waiver.fits(*row) for row in rows):
            return WaiverState.FITS_NOTHING
        return WaiverState.ENDS_SOON if waiver.expires_soon(now) else WaiverState.IN_FORCE

    return WaiverReport(tuple(WaiverOutcome(one, state_of(one), matched[one.id], accepted[one.id]) for one in ordered))
