"""`vbr-audit diff`: what changed from one run to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import Exit, guarded
from vbr_audit.display import count, is_known, plain, shorten
from vbr_audit.vocabulary import severities_from

if TYPE_CHECKING:
    import pandas as pd

    from vbr_audit.findings.changes import Changes

_MOST = 20
_MOST_OF_A_KIND = 5

History = Annotated[
    Path | None,
    typer.Option("--history", metavar="DIR", help="Take OLD and NEW from this history, by month (YYYY-MM) or run id."),
]


@guarded
def diff_command(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Run folder of the earlier run.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Run folder of the later run.")],
    history: History = None,
    events: o.Events = None,
    change_register: o.ChangeRegister = None,
    fail_on_new: o.FailOnNew = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Compare two saved runs: what is new, fixed, back, out of sight; what cannot be compared is said first.

    With events or a change register it also shows which settings changed, who did it, and whether that was approved.
    """
    from vbr_audit.histories.comparing import diff_runs

    threshold = o.check_fail_on(fail_on_new, "--fail-on-new") or "never"
    changes = diff_runs(old, new, history=history, events=events, change_register=change_register)
    if not quiet:
        print_changes(changes)
        if changes.drift is not None:
            print_drift(changes.drift)
    raise typer.Exit(exit_on_new(changes, threshold))


def exit_on_new(changes: Changes | None, threshold: str) -> Exit:
    """1 where something of severity `threshold` or worse fails now, and did not when it was looked at last."""
    turned = changes is not None and changes.turned_bad["severity"].isin(severities_from(threshold)).any()
    return Exit.FAILING if turned else Exit.DONE


def print_changes(changes: Changes) -> None:
    """Print what became of the findings, what cannot be compared first."""
    earlier = changes.earlier
    typer.echo(f"Compared with the run of {earlier.now:%Y-%m-%d %H:%M}Z ({plain(earlier.run_id)}).")
    _print_not_compared(changes)
    parts = [f"{plain(state).replace('_', ' ').lower()} {many:,}" for state, many in changes.counts.items() if many]
    typer.echo(" · ".join(parts) if parts else "Nothing changed.")
    rows = changes.changed.head(_MOST)
    for row in rows.itertuples(index=False):
        name = shorten(f"{plain(row.object_type)} {plain(row.object_name)}", 40)
        state, severity, check = plain(row.state), plain(row.severity), plain(row.check_id)
        typer.echo(f"  {state:14} {severity:8} {check}  {shorten(row.title, 48):48} {name}")
    if len(changes.changed) > _MOST:
        typer.echo(f"  … and {count(len(changes.changed) - _MOST, 'more finding')}")
    if open_since := len(changes.still_open):
        typer.echo(f"{count(open_since, 'finding')} fail as before.")


def print_drift(drift: pd.DataFrame) -> None:
    """Print the settings that changed, what weakens first: who changed them, and whether that was approved."""
    from vbr_audit.checks.drift.compare import maker_text

    many = drift["change_id"].nunique()  # a list that lost and gained items has two rows
    typer.echo(f"{count(many, 'setting')} changed." if many else "No setting changed.")
    for row in drift.sort_values("direction", key=_weakest_first, kind="stable").head(_MOST).itertuples(index=False):
        name = shorten(f"{plain(row.object_type)} {plain(row.object_name)}", 40)
        change = f"{row.control}: {shorten(row.before, 40)} → {shorten(row.after, 40)}"
        parts = [change, plain(maker_text(row.who, row.source))]
        if is_known(row.approval):
            by = f" by {plain(row.approved_by)}" if is_known(row.approved_by) else ""
            parts.append(f"{row.approval}{by}{f' ({plain(row.ticket)})' if is_known(row.ticket) else ''}")
        typer.echo(f"  {row.direction:13} {name:40} {', '.join(parts)}")
    if len(drift) > _MOST:
        typer.echo(f"  … and {count(len(drift) - _MOST, 'more change')}")


def _weakest_first(directions: pd.Series) -> pd.Series:
    return directions.ne("weakening").astype(int) + directions.isin(["neutral", "strengthening"]).astype(int)


def _print_not_compared(changes: Changes) -> None:
    by_kind: dict[str, list[str]] = {}
    for each in changes.not_compared:
        by_kind.setdefault(each.kind, []).append(plain(each))
    for lines in by_kind.values():
        for line in lines[:_MOST_OF_A_KIND]:
            typer.echo(f"Not compared: {line}")
        if len(lines) > _MOST_OF_A_KIND:
            typer.echo(f"Not compared: … and {len(lines) - _MOST_OF_A_KIND:,} more of this kind")
