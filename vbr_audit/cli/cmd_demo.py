"""`vbr-audit demo`: the whole main job on a simulated server."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.cmd_audit import run_order, take_order
from vbr_audit.cli.cmd_simulate import Now, Seed, SimulatedRevision, read_now
from vbr_audit.cli.guard import guarded
from vbr_audit.cli.judging import JudgedBy, takes_rules
from vbr_audit.cli.standing import without_settings_files
from vbr_audit.errors import ConfigurationError

NOTE = "Demonstration on a simulated server: its jobs, sessions and faults are invented."

DemoOut = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Run folder to write; must be new or empty.")]


@guarded
@without_settings_files
@takes_rules(without=("frameworks", "review", "sample", "sample_seed"))
def demo_command(
    *,
    out: DemoOut = Path("demo-run"),
    seed: Seed = 1,
    now: Now = None,
    revision: SimulatedRevision = "1.3-rev1",
    rules: JudgedBy,
    formats: o.Formats = None,
    templates: o.Templates = None,
    csv_bom: o.CsvBom = False,
    scrub: o.Scrub = False,
    scrub_key: o.ScrubKeyFile = None,
    force: o.Force = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Audit a simulated server and write a complete run, to see the reports before you audit your own server."""
    simulator = _simulator()
    from pydantic import SecretStr

    from vbr_audit.checks.site import load_site
    from vbr_audit.cli.servers_file import Server
    from vbr_audit.collection.manifest import standing_clock

    moment = read_now(now)
    key = o.take_scrub_key(scrub, scrub_key, out)
    if rules["site"] is None:
        rules["site"] = load_site(simulator.DEMO_SITE, assets=simulator.DEMO_ASSETS)
    order = take_order(
        out,
        rules,
        formats=formats,
        templates=templates,
        force=force,
        fail_on="never",
        csv_bom=csv_bom,
        scrub_key=key,
        quiet=quiet,
    )
    with (
        standing_clock(moment),
        simulator.serve(seed=seed, now=moment, revision=revision, role="Administrator") as url,
    ):
        server = Server(
            url,
            place="the demonstration",
            name="vbr01.demo",
            username=simulator.DEMO_USERNAME,
            password=SecretStr(simulator.DEMO_PASSWORD),
        )
        run_order(order, (server,), {"note": NOTE, "policy": order.rules.policy})


def _simulator() -> ModuleType:
    """The package of the simulator, which needs more than the rest."""
    try:
        from vbr_audit import simulator
    except ImportError as error:
        raise ConfigurationError(
            f"the simulator needs the package {error.name}", hint="Install it with: pip install 'vbr-audit[demo]'"
        ) from None
    return simulator
