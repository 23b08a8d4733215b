"""The same run gives the same bytes, whatever the process, its hash seed, its zone, its folder and its umask."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import estates
import pytest
from shared import artefact, printed_run

from vbr_audit.reports.data_files import data_contents
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.interface import ReportOptions

WRITE = """\
import gc, os, sys
gc.disable()
os.umask(int(sys.argv[1], 8))
from pathlib import Path
from vbr_audit.pipeline import load_audit
from vbr_audit.reports.data_files import data_contents
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.interface import ReportOptions
for run, place, names in zip(sys.argv[2::3], sys.argv[3::3], sys.argv[4::3]):
    audit = load_audit(run)
    for name in names.split(","):
        report = FORMATS[name]
        report.write(audit.context, Path(place) / report.file_name, ReportOptions(sheets="all"))
    for name, content in data_contents(audit.context, ReportOptions()).items():
        (Path(place) / name).write_bytes(b"".join(content()))
"""
CHEAP = tuple(name for name in FORMATS if not FORMATS[name].file_name.endswith(".pdf"))
BYTES = tuple(name for name in CHEAP if name != "xlsx")
SURROUNDINGS = {
    "PYTHONHASHSEED": "4242",
    "TZ": "Asia/Kolkata",
    "LC_ALL": "C",
    "COLUMNS": "40",
    "LANG": "de_DE.UTF-8",
}
UMASK = "077"


def write_elsewhere(place: Path, **formats: tuple[Path, Sequence[str]]) -> None:
    """Write reports of runs in a process of its own, in other surroundings, each into a folder below `place`."""
    orders = []
    for folder, (run, names) in formats.items():
        (place / folder).mkdir(parents=True)
        orders += [str(run), str(place / folder), ",".join(names)]
    paths = [str(path) for path in sys.path if path]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VBR_AUDIT_")}
    environment |= {"PYTHONPATH": os.pathsep.join(paths), **SURROUNDINGS}
    command = [sys.executable, "-W", "ignore", "-c", WRITE, UMASK, *orders]
    subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What another process wrote of `estates.demo`, in `elsewhere`, and, where there is a printer, in `paper`."""
    folder = tmp_path_factory.mktemp("places")
    run = estates.demo().save(folder / "run", formats=["json"])
    paper = (
        {"paper": (printed_run(tmp_path_factory) / "run", ["executive-pdf", "pdf"])} if find_spec("weasyprint") else {}
    )
    write_elsewhere(folder, elsewhere=(run, CHEAP), **paper)
    return folder


@pytest.fixture
def here_and_elsewhere(tmp_path_factory: pytest.TempPathFactory, places: Path) -> Callable[[str], tuple[Path, Path]]:
    """The report in a format as the tests wrote it, of a run that was never saved, and as the other process did."""

    def get(name: str) -> tuple[Path, Path]:
        return artefact(tmp_path_factory, estates.demo, name), places / "elsewhere" / FORMATS[name].file_name

    return get


@pytest.mark.parametrize("name", BYTES)
def test_equal_runs_give_equal_bytes(name: str, here_and_elsewhere: Callable[[str], tuple[Path, Path]]) -> None:
    first, second = here_and_elsewhere(name)
    assert first.read_bytes() == second.read_bytes()


def test_equal_runs_give_equal_files_of_data(places: Path) -> None:
    second = places / "elsewhere"
    tables = sorted(path.name for path in second.glob("*.csv") if path.name != FORMATS["csv"].file_name)
    assert {"sessions.csv", "restore_points.csv"} <= set(tables)
    contents = data_contents(estates.demo().context, ReportOptions())
    made = {name: b"".join(content()) for name, content in contents.items()}
    assert sorted(made) == tables
    assert [name for name in tables if made[name] != (second / name).read_bytes()] == []


def parts_of(path: Path) -> dict[str, bytes]:
    """The files in a workbook by name, without the moments at which it was written."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    parts["docProps/core.xml"] = re.sub(
        rb"(<dcterms:(?:created|modified)\b[^>]*>)[^<]*", rb"\1", parts["docProps/core.xml"]
    )
    return parts


def test_equal_runs_give_equal_workbooks(here_and_elsewhere: Callable[[str], tuple[Path, Path]]) -> None:
    first, second = map(parts_of, here_and_elsewhere("xlsx"))
    assert list(first) == list(second)
    assert [name for name in first if first[name] != second[name]] == []
    assert len([name for name in first if name.startswith("xl/worksheets/sheet")]) > 20


@pytest.mark.slow
def test_equal_runs_give_equal_paper(places: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("weasyprint")
    here = printed_run(tmp_path_factory)
    for name in ("executive.pdf", "report.pdf"):
        assert (places / "paper" / name).read_bytes() == (here / name).read_bytes()
