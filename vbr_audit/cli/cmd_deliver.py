"""`vbr-audit deliver`: tell people and systems what a run says, where there is something to say."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import Exit, complain, guarded
from vbr_audit.cli.standing import settled
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError

if TYPE_CHECKING:
    from vbr_audit.delivering.channels_file import Channels
    from vbr_audit.delivering.fleet_message import FleetMessage
    from vbr_audit.delivering.sending import Outcome, Runs


@guarded
@settled()
def deliver_command(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN]",
            help="Run folder, or folder of a fleet; without one only what waits in the outbox is sent.",
        ),
    ] = None,
    *,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="File of the channels, in TOML.")] = None,
    config: o.Config = None,
    history: Annotated[
        Path | None,
        typer.Option("--history", metavar="DIR", help="Where the runs of a fleet are; tickets are kept by them."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent where; send nothing.")] = False,
    unsure: Annotated[
        str | None,
        typer.Option("--unsure", metavar="WHAT", help="Of what may have arrived: resend it, or take it as arrived."),
    ] = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Send what a run says by mail, to chats, webhooks and tickets; say nothing twice. No backup server is asked.

    A message is due on the first run, when something turned bad or went out of sight, and once a month. Of the folder
    of a fleet, one message is about all servers. Exit code 6 if
    something could not be delivered: it waits in the outbox, and is sent again by the next delivery.
    """
    from vbr_audit.delivering.channels_file import load_channels
    from vbr_audit.delivering.fleet_message import is_fleet, read_fleet_message
    from vbr_audit.delivering.message import read_message
    from vbr_audit.delivering.sending import Unsure, deliver_run, rehearsed

    if unsure not in (None, *Unsure):
        raise ConfigurationError("--unsure takes resend or arrived", hint="See docs/delivery.md.")
    plan = load_channels(_given(to))
    fleet = read_fleet_message(run) if run is not None and is_fleet(run) else None
    runs = None if fleet is None else _runs_of(fleet, plan, history)
    message = fleet or (None if run is None else read_message(run))
    if dry_run:
        if message is None:
            raise ConfigurationError("--dry-run needs a run", hint="Name the run folder.")
        for outcome, content in rehearsed(plan, message, runs=runs):
            typer.echo(_line(outcome))
            if content:
                typer.echo(plain(content, lines=True))
        return
    outcomes = deliver_run(plan, message, unsure=Unsure(unsure) if unsure else None, runs=runs)
    for outcome in outcomes:
        if outcome.failed:
            complain(_line(outcome), outcome.hint)
        elif not quiet:
            typer.echo(_line(outcome))
    if any(outcome.failed for outcome in outcomes):
        raise typer.Exit(Exit.NOT_DELIVERED)


def _given(to: Path | None) -> Path:
    """The file of channels; raises `ConfigurationError` where neither an option nor a setting names one."""
    if to is None:
        raise ConfigurationError(
            "no file of channels is given", hint="Give it with --to, or as `deliver` in the settings file."
        )
    return to


def _runs_of(fleet: FleetMessage, plan: Channels, history: Path | None) -> Runs | None:
    """The runs of a fleet, where a channel keeps tickets; raises `ConfigurationError` where they are not there."""
    from vbr_audit.delivering.fleet_message import messages_of_runs

    keeping = [channel.name for channel in plan.channels if channel.keeps_tickets]
    if not keeping:
        return None
    if history is None:
        raise ConfigurationError(
            f"{keeping[0]} keeps tickets, by the runs of the fleet", hint="Give --history, where these runs are."
        )
    messages_of_runs(fleet, history)
    return functools.partial(messages_of_runs, fleet, history)


def _line(outcome: Outcome) -> str:
    where = f" ({outcome.where})" if outcome.where else ""
    return plain(f"{outcome.channel}{where}: {outcome.fate}: {outcome.text}")
