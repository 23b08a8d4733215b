"""The command line, `vbr-audit`: one module per command; each imports heavy libraries only when it runs."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from typing import Annotated, Any, Final

import typer

from vbr_audit import __version__
from vbr_audit.cli.cmd_audit import audit_command
from vbr_audit.cli.cmd_check import check_command
from vbr_audit.cli.cmd_checks import checks_command
from vbr_audit.cli.cmd_collect import collect_command
from vbr_audit.cli.cmd_completion import VARIABLE, completion_command
from vbr_audit.cli.cmd_config import config_app
from vbr_audit.cli.cmd_deliver import deliver_command
from vbr_audit.cli.cmd_demo import demo_command
from vbr_audit.cli.cmd_diff import diff_command
from vbr_audit.cli.cmd_doctor import doctor_command
from vbr_audit.cli.cmd_explain import explain_command
from vbr_audit.cli.cmd_fleet import fleet_app
from vbr_audit.cli.cmd_history import history_app
from vbr_audit.cli.cmd_init import init_command
from vbr_audit.cli.cmd_mcp import mcp_command
from vbr_audit.cli.cmd_policy import policy_app
from vbr_audit.cli.cmd_report import report_command
from vbr_audit.cli.cmd_schema import schema_command
from vbr_audit.cli.cmd_seal import seal_command
from vbr_audit.cli.cmd_simulate import simulate_command
from vbr_audit.cli.cmd_templates import templates_app
from vbr_audit.cli.cmd_verify import verify_command
from vbr_audit.cli.cmd_waivers import waivers_app

_EXITS = """Exit codes: 0 done · 1 a finding fails at or above --fail-on · 2 usage, policy or waiver file ·
3 nothing collected: connection, TLS, sign-in · 4 incomplete · 5 an output could not be written ·
6 a message could not be delivered · 130 interrupted."""

_AGAIN_S: Final = 0.01
"""Seconds after which an interrupt that was lost is repeated: the callback that lost it has ended by then."""

app = typer.Typer(
    name="vbr-audit",
    help="Read a Veeam Backup & Replication estate over REST, check it against a policy, "
    "report what fails and what is not known.",
    epilog=_EXITS,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo")(demo_command)
app.command("init")(init_command)
app.command("audit")(audit_command)
app.command("collect")(collect_command)
app.command("check")(check_command)
app.command("report")(report_command)
app.command("verify")(verify_command)
app.command("seal")(seal_command)
app.command("deliver")(deliver_command)
app.command("diff")(diff_command)
app.add_typer(fleet_app, name="fleet")
app.add_typer(history_app, name="history")
app.command("explain")(explain_command)
app.command("mcp")(mcp_command)
app.command("checks")(checks_command)
app.add_typer(policy_app, name="policy")
app.add_typer(waivers_app, name="waivers")
app.command("schema")(schema_command)
app.add_typer(templates_app, name="templates")
app.command("doctor")(doctor_command)
app.add_typer(config_app, name="config")
app.command("simulate")(simulate_command)
app.command("completion")(completion_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vbr-audit {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Hold the options that come before a command."""


def _interrupt(number: int, frame: object) -> None:
    """End as Ctrl-C does, however a user or a service manager asks for it: what was read is kept, and marked."""
    raise KeyboardInterrupt


def _heed_lost_interrupts() -> None:
    """Repeat each interrupt that came where Python lets no exception out, as in a callback of its garbage collector.

    Such are those of Dask; without this, every twentieth Ctrl-C of a fleet audit would do nothing.
    """
    before = sys.unraisablehook

    def tell(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            before(lost)
        elif not sys.is_finalizing():
            again = threading.Timer(_AGAIN_S, _interrupt_main_thread)
            again.daemon = True
            again.start()

    sys.unraisablehook = tell


def _interrupt_main_thread() -> None:
    """Interrupt the main thread by a signal that it heeds, also while it waits for the system, where that can be done.

    `nohup`, and a shell for what it starts in the background, let Ctrl-C be ignored.
    """
    number = next((number for number in _ending_signals() if callable(signal.getsignal(number))), signal.SIGINT)
    main_thread = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main_thread is not None:
        signal.pthread_kill(main_thread, number)
    else:
        _thread.interrupt_main(number)


def _ending_signals() -> list[signal.Signals]:
    """The signals by which a user or a service manager ends a command, as far as the system has them."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def main() -> None:
    """Run the command line."""
    _heed_lost_interrupts()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    for number in _ending_signals():
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    if VARIABLE in os.environ:
        from typer._completion_classes import completion_init

        completion_init()
    app()
