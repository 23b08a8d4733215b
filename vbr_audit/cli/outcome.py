"""What a command says when it is done: verdict, counts, the worst findings, the files, and the exit code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vbr_audit.cli.guard import Exit
from vbr_audit.display import count, percent, plain, shorten

if TYPE_CHECKING:
    from vbr_audit.audited import Audit

_WORST = 5
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
    if review := audit.review.remarks:
        gone = audit.review.gone(audit.findings["finding_id"])
        left = f"; {count(gone, 'is', 'are')} about findings that are no longer there" if gone else ""
        typer.echo(f"Review: {count(len(review), 'remark')} taken from {shorten(audit.review.source)}{left}")
    counts = " · ".join(f"{plain(name).replace('_', ' ').lower()} {value:,}" for name, value in summary.counts.items())
    typer.echo(f"\n{counts}")
    clean = f"{summary.checks_clean:,} of {count(summary.checks_judged, 'check')} without an open finding"
    typer.echo(f"{percent(summary.checks_share)} of checks ({clean})")
    typer.echo(f"{percent(summary.compliance)} compliant, {percent(summary.assessed)} assessed")
    for name, many, results in summary.runs_beside.lines:
        typer.echo(f"{name}: {many:,}{f' ({plain(results)})' if results else ''}, in no rate")
    _print_worst(audit)
    typer.echo("")
    for path in files:
        typer.echo(plain(path))


def _print_worst(audit: Audit) -> None:
    failed = audit.failed
    for row in failed.head(_WORST).itertuples(index=False):
        typer.echo(
            f"  {row.severity:8} {row.check_id}  {shorten(row.title, 44):44} {shorten(row.object_name, 40)}"
            f"  ({shorten(row.observed, 40)})"
        )
    if len(failed) > _WORST:
        typer.echo(f"  … and {count(len(failed) - _WORST, 'more failing finding')}")
