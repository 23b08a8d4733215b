"""The outcome of a run on one screen, `summary.md`, in GitHub's Markdown: for a ticket, a chat, a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from vbr_audit.display import NOT_KNOWN, count, number, percent
from vbr_audit.findings.results import WaiverState
from vbr_audit.reports.exports.encoding import pipe_table, records, text
from vbr_audit.reports.interface import export
from vbr_audit.reports.since import since_of
from vbr_audit.reports.words import ASSESSED_FORMULA, RATE_FORMULA, RUN_RATE_FORMULA, STATUS_WORDS
from vbr_audit.vocabulary import STATUSES

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

MOST_CAUSES: Final = 20
"""How many causes of failing findings are listed; the workbook has them all."""
MOST_LINES: Final = 30
"""How many lines a list has at most."""


def summary_markdown(context: ReportContext) -> bytes:
    """The summary as UTF-8 text; every text from outside stands as plain words or as code, never as markup."""
    parts = [f"# {text(context.title)}", *_verdict(context), *_since(context), *_numbers(context), *_worst(context)]
    parts += [*_requirements(context), *_exceptions(context), *_limits(context)]
    return ("\n\n".join(parts) + "\n").encode("utf-8", "replace")


def _verdict(context: ReportContext) -> Iterator[str]:
    verdict = context.summary.verdict
    yield f"**{verdict.level.upper()}:** {text(verdict.headline)}"
    yield text(verdict.detail)
    if context.results.incomplete:
        reasons = [f"> - {text(f'{gap.text} {gap.remedy}')}" for gap in context.gaps[:MOST_LINES]]
        reasons += _rest(len(context.gaps) - MOST_LINES, "> - ")
        yield "\n".join(["> **INCOMPLETE:** not everything that was asked could be read.", ">", *reasons])
    yield "\n".join(f"- **{fact.label}**: {text(fact.value)}" for fact in context.cover)


def _since(context: ReportContext) -> Iterator[str]:
    """What changed since the earlier run; nothing without one."""
    since = since_of(context.results.changes, context.zone)
    if since is None:
        return
    yield f"## Since the last report ({since.earlier})"
    missing = [f"- Not compared: {text(line)}" for line in since.not_compared.rows]
    missing += _rest(since.not_compared.total - len(since.not_compared.rows), "- Not compared: ")
    counts = [f"- {line.state}: {number(line.number)}" for line in since.counts]
    ages = [f"- failing for {age}: {number(many)}" for age, many in since.ageing]
    yield "\n".join([*missing, *counts, f"- still failing as before: {number(since.still_open)}", *ages])
    if (months := context.figures.months) is not None:
        heads = [
            "Month",
            *(severity.capitalize() for severity, _ in months.causes),
            "All",
            "Rating",
            "Protected",
            "Succeeded",
        ]
        shares = dict(months.shares)
        rows = [
            [
                text(name) + ("" if months.is_known[at] else " (no run)"),
                *("–" if (value := values[at]) is None else number(value) for _, values in months.causes),
                "–" if (total := months.totals[at]) is None else number(total),
                "–" if (rating := months.ratings[at]) is None else rating.told,
                *(percent(shares[share][at]) for share in ("protected_share", "success_rate")),
            ]
            for at, name in enumerate(months.months)
        ]
        yield "Causes of what failed, month by month:"
        yield pipe_table(heads, rows, numbers=range(1, len(heads)))


def _numbers(context: ReportContext) -> Iterator[str]:
    summary = context.summary
    yield "## Numbers"
    yield pipe_table(
        ["Status", "Findings"],
        [(STATUS_WORDS[status], number(summary.counts[status])) for status in STATUSES],
        numbers=[1],
    )
    failing = ", ".join(f"{name} {number(value)}" for name, value in summary.failing_by_severity.items())
    rate = percent(summary.success_rate)
    disabled = NOT_KNOWN if summary.jobs_disabled is None else number(summary.jobs_disabled)
    jobs = NOT_KNOWN if summary.jobs_in_scope is None else number(summary.jobs_in_scope)
    at_least = "" if summary.jobs_whole else ", at least"
    yield "\n".join(
        [
            f"- Rating: {summary.rating.told}; {summary.rating.rule} {summary.rating.reason}",
            f"- Checks without an open finding: {percent(summary.checks_share)}, which is "
            f"{number(summary.checks_clean)} of {number(summary.checks_judged)}",
            f"- Compliance: {percent(summary.compliance)}, which is {RATE_FORMULA}",
            f"- Assessed: {percent(summary.assessed)}, which is {ASSESSED_FORMULA}",
            f"- Failing by severity: {failing}",
            f"- Causes of what fails: {number(len(context.results.causes))}",
            f"- Jobs at risk: {number(context.figures.jobs_at_risk)}",
            f"- Jobs in scope{at_least}: {jobs}; disabled: {disabled}",
            f"- Job runs that succeeded: {rate}, which is {RUN_RATE_FORMULA}",
            f"- By their first attempt: {percent(summary.first_attempt_rate)}; by all sessions of these runs: "
            f"{percent(summary.session_rate)}",
            *(
                f"- {name}: {number(runs)}" + (f" ({words})" if words else "")
                for name, runs, words in summary.runs_beside.lines
            ),
            f"- Datasets that the checks need, read whole: {number(summary.needed_complete)} of "
            f"{number(summary.needed_total)}",
        ]
    )
    yield "## Areas"
    heads = ["Area", *(STATUS_WORDS[status] for status in STATUSES), "Compliance", "Assessed"]
    rows = [
        [
            area.area,
            *(number(area.counts[status]) for status in STATUSES),
            percent(area.compliance),
            percent(area.assessed),
        ]
        for area in summary.by_area
    ]
    yield pipe_table([head[0].upper() + head[1:] for head in heads], rows, numbers=range(1, len(heads)))


def _worst(context: ReportContext) -> Iterator[str]:
    """What to do about what fails: one row per cause, the worst first."""
    failing, causes = len(context.results.failed), records(context.results.causes)
    yield f"## What fails ({count(failing, 'finding')}, {count(len(causes), 'cause')})"
    if not failing:
        yield "Nothing fails."
        return
    columns = {
        "severity": "Severity",
        "due": "Due",
        "check_id": "Check",
        "consequence": "What may come of it",
        "server": "Server",
        "kind": "Kind",
        "name": "Where",
        "owner": "Owner",
        "findings": "Settles",
        "remediation": "What to do",
    }
    heads = list(columns.values())
    shown = (row | {"findings": number(row["findings"])} for row in causes[:MOST_CAUSES])
    rows = [[row[name] for name in columns] for row in shown]
    yield pipe_table(heads, rows, numbers=[heads.index("Settles")])
    if len(causes) > MOST_CAUSES:
        yield f"… {number(len(causes) - MOST_CAUSES)} more in the workbook, sheet Causes."


def _requirements(context: ReportContext) -> Iterator[str]:
    rows = records(context.results.requirements)
    if not rows:
        return
    yield "## Requirements"
    yield (
        "A run gives evidence; whether a requirement is met is for the auditor to conclude. Which checks speak for it "
        "is the judgement of this tool: made after reading its text (read), or without it at hand (own)."
    )
    columns = ("framework", "edition", "requirement", "title", "judgement", "answer", "why")
    yield pipe_table(
        ["Framework", "Edition", "Requirement", "Title", "Mapping", "Evidence", "Why"],
        [[row[name] for name in columns] for row in rows],
    )


def _exceptions(context: ReportContext) -> Iterator[str]:
    groups = {state: context.results.waivers.having(state) for state in WaiverState}
    accepted = count(context.summary.counts["WAIVED"], "finding is", "findings are")
    yield "## Exceptions"
    lines = [f"- {state}: {', '.join(text(one.id) for one in group)}" for state, group in groups.items() if group]
    yield "\n".join([f"- {accepted} accepted", *lines])


def _limits(context: ReportContext) -> Iterator[str]:
    limits: Sequence[str] = context.results.limits
    if limits:
        yield "## Not looked at"
        yield "\n".join([*(f"- {text(line)}" for line in limits[:MOST_LINES]), *_rest(len(limits) - MOST_LINES, "- ")])


def _rest(left: int, bullet: str) -> list[str]:
    return [f"{bullet}… {number(left)} more in the workbook"] if left > 0 else []


MD: Final = export("md", "summary.md", 100, summary_markdown)
