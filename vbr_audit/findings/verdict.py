"""The verdict in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import pandas as pd

from vbr_audit.checks.run import CheckRun
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.findings.gaps import Gap
from vbr_audit.findings.needed import needed_of_servers
from vbr_audit.findings.results import Verdict, WaiverReport
from vbr_audit.findings.summary import failing_counts, status_counts

_COUNTED: Final = ("jobs", "job_states", "sessions", "backup_objects", "restore_points")
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
    for name in _COUNTED:
        records = [need.record for need in needed if need.dataset == name and need.record is not None]
        if records:
            rows[name] = sum(record.rows_kept for record in records)
    counted = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in rows.items())
    told = f" ({counted})" if counted else ""
    who = ""
    if absent := len(every) - expected:
        who = f" and the server{'s offer' if several else ' offers'}"
        verb, whose = "is" if absent == 1 else "are", "their revisions" if several else "its revision"
        told += f"; {absent:,} {'more ' if expected else ''}{verb} not offered by {whose}"
    if not gaps:
        if not every:
            return "The enabled checks need nothing that a server could withhold."
        if not expected:
            return f"Of what the checks need nothing could be read{told}."
        if expected == 1:
            return f"The one dataset that the checks need{who} was read whole{told}."
        return f"All {_number(expected, 'dataset')} that the checks need{who} were read whole{told}."
    missing = expected - whole
    if missing:
        return f"The run is incomplete: {missing} of {_number(expected, 'needed dataset')} not read whole{told}."
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
