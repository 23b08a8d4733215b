"""The same run gives the same bytes, whatever the process, its hash seed, its zone, its folder and its umask."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import estates
import pytest
from openpyxl import load_workbook

from vbr_audit.reports.interface import FORMATS, make_report

WRITE = """\
import os, sys
os.umask(int(sys.argv[3]))
from pathlib import Path
from vbr_audit.pipeline import load_audit
from vbr_audit.reports.interface import make_report
audit = load_audit(sys.argv[1])
for name in sys.argv[4].split(","):
    report = make_report(name)
    report.write(audit.context, Path(sys.argv[2]) / report.file_name)
"""
CHEAP = tuple(name for name in FORMATS if name != "pdf")
BYTES = tuple(name for name in CHEAP if name != "xlsx")
SURROUNDINGS = (
    {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "4242", "TZ": "Asia/Kolkata", "LC_ALL": "C", "COLUMNS": "40", "LANG": "de_DE.UTF-8"},
)


def write_elsewhere(run: Path, out: Path, at: int, formats: str) -> Path:
    """Write the reports of a run in a process of its own, in surroundings of its own."""
    place = out / f"cwd{at}"
    place.mkdir(parents=True)
    paths = [str(path) for path in sys.path if path]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VBR_AUDIT_")}
    environment |= {"PYTHONPATH": os.pathsep.join(paths), **SURROUNDINGS[at]}
    command = [sys.executable, "-W", "ignore", "-c", WRITE, str(run), str(place), ("0o022", "0o077")[at][2:], formats]
    subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True, timeout=300)
    return place


@pytest.fixture(scope="module")
def written_twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("twice")
    run = estates.demo().save(folder / "run", formats=["json"])
    first, second = (write_elsewhere(run, folder, at, ",".join(CHEAP)) for at in (0, 1))
    return first, second


@pytest.mark.parametrize("name", BYTES)
def test_equal_runs_give_equal_bytes(name: str, written_twice: tuple[Path, Path]) -> None:
    first, second = (folder / make_report(name).file_name for folder in written_twice)
    assert first.read_bytes() == second.read_bytes()


def cells_of(path: Path) -> Iterator[object]:
    book = load_workbook(path)
    for sheet in book.worksheets:
        yield (sheet.title, sheet.dimensions, sheet.freeze_panes, sheet.auto_filter.ref, sorted(sheet.tables))
        yield {name: size.width for name, size in sheet.column_dimensions.items()}
        for row in sheet.iter_rows():
            yield [(cell.data_type, cell.value, cell.number_format, cell.font.b, cell.fill.fgColor.rgb) for cell in row]


def test_equal_runs_give_equal_workbooks(written_twice: tuple[Path, Path]) -> None:
    first, second = (folder / "report.xlsx" for folder in written_twice)
    for at, (one, other) in enumerate(zip(cells_of(first), cells_of(second), strict=True)):
        assert one == other, at


def test_the_reports_are_those_of_this_process(written_twice: tuple[Path, Path], tmp_path: Path) -> None:
    cheap = tuple(name for name in ("json", "csv", "md") if name in FORMATS)
    for name, path in estates.write_all(estates.demo(), tmp_path, cheap).items():
        assert path.read_bytes() == (written_twice[0] / make_report(name).file_name).read_bytes()


@pytest.mark.slow
def test_equal_runs_give_equal_paper(tmp_path: Path) -> None:
    pytest.importorskip("weasyprint")
    run = estates.nothing().save(tmp_path / "run", formats=["json"])
    first, second = (write_elsewhere(run, tmp_path, at, "pdf") / "report.pdf" for at in (0, 1))
    assert first.read_bytes() == second.read_bytes()
