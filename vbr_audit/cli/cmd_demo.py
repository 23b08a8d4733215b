"""`vbr-audit demo`: the whole main job on a simulated server."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.cmd_audit import run_order, take_order
from vbr_audit.cli.cmd_simulate import Jobs, Now, Seed, Sessions, SimulatedRevision, read_now
from vbr_audit.cli.guard import guarded
from vbr_audit.cli.judging import JudgedBy, takes_rules
from vbr_audit.cli.standing import without_settings_files
from vbr_audit.errors import ConfigurationError
from vbr_audit.vocabulary import MAIN_SHEETS, PdfLength

if TYPE_CHECKING:
    from vbr_audit.fleets.servers_file import Server

NOTE = "Demonstration on a simulated server: its jobs, sessions and faults are invented."

Months = Annotated[
    int | None,
    typer.Option(
        "--months",
        min=2,
        max=24,
        metavar="N",
        help="Also write a run for each of the N months up to the last whole one, into the folder history in DIR.",
    ),
]
DemoOut = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Run folder to write; must be new or empty.")]


@guarded
@without_settings_files
@takes_rules(without=("frameworks", "review", "sample", "sample_seed", "events", "change_register"))
def demo_command(
    *,
    out: DemoOut = Path("demo-run"),
    jobs: Jobs = 40,
    sessions: Sessions = 3000,
    seed: Seed = 1,
    now: Now = None,
    months: Months = None,
    revision: SimulatedRevision = "1.3-rev1",
    rules: JudgedBy,
    formats: o.Formats = None,
    templates: o.Templates = None,
    csv_bom: o.CsvBom = False,
    pdf: o.Pdf = PdfLength.SHORT,
    sign_pdf: o.SignPdf = None,
    sheets: o.Sheets = MAIN_SHEETS,
    scrub: o.Scrub = False,
    scrub_key: o.ScrubKeyFile = None,
    force: o.Force = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Audit a simulated server and write a complete run, to see the reports before you audit your own server."""
    simulator = _simulator()
    from vbr_audit.checks.site import load_site
    from vbr_audit.cli import demo_year

    moment = read_now(now)
    key = o.take_scrub_key(scrub, scrub_key, out)
    if rules["site"] is None:
        rules["site"] = load_site(simulator.DEMO_SITE, assets=simulator.DEMO_ASSETS)
    writing: dict[str, Any] = {"formats": formats, "templates": templates, "csv_bom": csv_bom, "scrub_key": key}
    writing |= {"pdf": pdf, "sheets": sheets, "force": force, "quiet": quiet, "fail_on": "never"}
    writing["sign_pdf"] = o.take_pdf_signer(sign_pdf)
    served = {"jobs": jobs, "sessions": sessions, "seed": seed, "now": moment, "revision": revision}
    if months is None:
        order = take_order(out, rules, **writing)
        with _served(**served) as server:
            run_order(order, (server,), {"note": NOTE, "policy": order.rules.policy})
    end = moment or dt.datetime.now(dt.UTC)
    demo_year.run_year(
        demo_year.take_year(out, rules, end, **writing),
        months or 0,
        lambda month: _served(**served | {"now": end, "month": month}),
        {"note": NOTE},
    )


@contextlib.contextmanager
def _served(**options: Any) -> Iterator[Server]:
    """The simulated server, while it runs; where its clock stands still, the collector's does, too."""
    from pydantic import SecretStr

    from vbr_audit import simulator
    from vbr_audit.collection.manifest import standing_clock
    from vbr_audit.fleets.servers_file import Server

    with simulator.serve(**options, role="Administrator") as url, standing_clock(url.simulator.options.now):
        yield Server(
            url,
            place="the demonstration",
            name="vbr01.demo",
            username=simulator.DEMO_USERNAME,
            password=SecretStr(simulator.DEMO_PASSWORD),
        )


def _simulator() -> ModuleType:
    """The package of the simulator, which needs more than the rest."""
    try:
        from vbr_audit import simulator
    except ImportError as error:
        raise ConfigurationError(
            f"the simulator needs the package {error.name}", hint="Install it with: pip install 'vbr-audit[demo]'"
        ) from None
    return simulator
