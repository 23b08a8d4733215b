"""What a command says when it is done: verdict, counts, the worst causes, the files, and the exit code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vbr_audit.cli.guard import Exit
from vbr_audit.display import count, number, percent, plain, shorten

if TYPE_CHECKING:
    from vbr_audit.audited import Audit

_WORST = 5
_LEFT_CHECK, _LEFT_KIND = "RPO-018", "group of objects left"
_COLLECTION_CHECKS = ("EVD-001", "EVD-002")


def exit_code(audit: Audit, fail_on: str | None, *, allow_incomplete: bool) -> Exit:
    """4 for an incomplete run unless allowed, 1 for a failing finding at or above the threshold, else 0."""
    from vbr_audit.findings.table import failing_at

    if audit.results.incomplete and not allow_incomplete:
        return Exit.INCOMPLETE
    threshold = fail_on or audit.policy.fail_on
    failed = failing_at(audit.findings, threshold, without=_COLLECTION_CHECKS if allow_incomplete else ())
    return Exit.FAILING if len(failed) else Exit.DONE


def print_outcome(audit: Audit, files: Iterable[Path], *, quiet: bool) -> None:
    """Print the outcome to stdout; nothing when `quiet`."""
    if quiet:
        return
    summary = audit.summary
    typer.echo(plain(summary.verdict.headline))
    typer.echo(plain(summary.verdict.detail))
    for gap in audit.context.gaps:
        typer.echo(f"INCOMPLETE: {plain(gap.text)}")
    for warning in audit.snapshot.manifest.warnings:
        typer.echo(f"Note: {plain(warning)}")
    review = audit.rules.review
    if review.remarks:
        gone = review.gone(audit.findings["finding_id"])
        left = f"; {count(gone, 'is', 'are')} about findings that are no longer there" if gone else ""
        typer.echo(f"Review: {count(len(review.remarks), 'remark')} taken from {shorten(review.source)}{left}")
    counts = " · ".join(f"{plain(name).replace('_', ' ').lower()} {value:,}" for name, value in summary.counts.items())
    typer.echo(f"\n{counts}")
    clean = f"{summary.checks_clean:,} of {count(summary.checks_judged, 'check')} without an open finding"
    typer.echo(f"{percent(summary.checks_share)} of checks ({clean})")
    good = f"{summary.counts['PASS']:,} of {count(summary.judged, 'answer')} are good"
    typer.echo(f"{percent(summary.compliance)} compliant ({good}), {percent(summary.assessed)} assessed")
    at_risk = number(audit.context.figures.jobs_at_risk)
    typer.echo(f"Jobs at risk: {at_risk} of {number(summary.jobs_in_scope)} in scope")
    for name, many, results in summary.runs_beside.lines:
        typer.echo(f"{name}: {many:,}{f' ({plain(results)})' if results else ''}, in no rate")
    _print_changes(audit)
    _print_left(audit)
    _print_causes(audit)
    typer.echo("")
    for path in files:
        typer.echo(plain(path))


def _print_changes(audit: Audit) -> None:
    """What became of the findings since the earlier run; nothing without one."""
    if audit.changes is None:
        return
    parts = [
        f"{plain(state).replace('_', ' ').lower()} {many:,}" for state, many in audit.changes.counts.items() if many
    ]
    since = f"Since {audit.changes.earlier.now:%Y-%m-%d}"
    aside = (
        f"; {count(len(audit.changes.not_compared), 'thing')} could not be compared"
        if audit.changes.not_compared
        else ""
    )
    typer.echo(f"{since}: {' · '.join(parts) or 'nothing changed'}{aside}")


def _print_left(audit: Audit) -> None:
    """The groups of objects that no job backs up any more; a server whose objects were not read reports none."""
    of_check, of_kind = (
        audit.findings[name].eq(value).to_numpy(dtype=bool, na_value=False)
        for name, value in (("check_id", _LEFT_CHECK), ("object_type", _LEFT_KIND))
    )
    for row in audit.findings[of_check & of_kind].itertuples(index=False):
        typer.echo(f"Left behind ({plain(row.object_name)}): {shorten(row.observed, 160)}")


def _print_causes(audit: Audit) -> None:
    """How much fails, of how many causes, and the causes that come first with what each would settle."""
    causes, failing = audit.causes, audit.summary.failing_by_severity
    if causes.empty:
        return
    parts = ", ".join(f"{name} {many:,}" for name, many in failing.items() if many)
    typer.echo(f"{count(sum(failing.values()), 'failing finding')} ({parts}) of {count(len(causes), 'cause')}:")
    for row in causes.head(_WORST).itertuples(index=False):
        where = shorten(f"{plain(row.kind)} {plain(row.name)}", 30)
        typer.echo(
            f"  {row.severity:8} {row.check_id}  {shorten(row.failure, 58):58} {where:30} settles {row.findings:,}"
        )
    if len(causes) > _WORST:
        typer.echo(f"  … and {count(len(causes) - _WORST, 'more cause')}")
