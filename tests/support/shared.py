"""Files that are expensive to make, made once for a whole test run, by whichever worker comes first."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import estates
import pytest
from typer.testing import CliRunner

from vbr_audit.cli import app
from vbr_audit.pipeline import Audit
from vbr_audit.reports.formats import FORMATS


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make(folder)` filled: the workers of pytest-xdist share it, so that nobody may write into it."""
    base = factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    place = root / f"shared-{name}"
    with (root / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            part = factory.mktemp(name)  # renamed when whole: one that failed is made again by the next
            make(part)
            part.rename(place)
    return place


THEN = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
DEMO = ("demo", "--out", "demo-run")
AS_OF = ("--now", THEN.isoformat())
SAID = "said.txt"
"""What the demonstration printed, beside its run."""


def demo(factory: pytest.TempPathFactory) -> Path:
    """A folder with the run of `vbr-audit demo`, as of `THEN`, and what it printed, in `SAID`."""

    def make(folder: Path) -> None:
        with contextlib.chdir(folder):
            done = CliRunner().invoke(app, [*DEMO, *AS_OF])
        assert done.exit_code == 0, done.output
        (folder / SAID).write_text(done.stdout, "utf-8")

    return once(factory, "demo", make)


def artefact(factory: pytest.TempPathFactory, estate: Callable[[], Audit], name: str) -> Path:
    """The report of an estate, as of `estates`, in the format `name`, the workbook with every table."""

    def make(folder: Path) -> None:
        estates.write_all(estate(), folder, (name,))

    return once(factory, f"{estate.__name__}-{name}", make) / FORMATS[name].file_name


def printed_run(factory: pytest.TempPathFactory) -> Path:
    """A folder with the run of a server on which nothing is, in `run`, and its reports as PDFs."""

    def make(folder: Path) -> None:
        audit = estates.in_short(estates.nothing())
        audit.save(folder / "run", formats=["json"])
        estates.write_all(audit, folder, ("executive-pdf", "pdf"))

    return once(factory, "printed-run", make)
