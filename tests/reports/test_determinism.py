"""The same run gives the same bytes, whatever the process, its hash seed, its zone, its folder and its umask."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import estates
import pytest
from shared import printed_run

from vbr_audit.pipeline import Audit
from vbr_audit.reports.formats import FORMATS

WRITE = """\
import os, sys
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
        report.write(audit.context, Path(place) / report.file_name)
    for name, content in data_contents(audit.context, ReportOptions()).items():
        (Path(place) / name).write_bytes(content())
"""
CHEAP = tuple(name for name in FORMATS if not FORMATS[name].file_name.endswith(".pdf"))
BYTES = tuple(name for name in CHEAP if name != "xlsx")
SURROUNDINGS = (
    {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "4242", "TZ": "Asia/Kolkata", "LC_ALL": "C", "COLUMNS": "40", "LANG": "de_DE.UTF-8"},
)


def write_elsewhere(place: Path, at: int, **formats: tuple[Path, Sequence[str]]) -> None:
    """Write reports of runs in a process of its own, in surroundings of its own, each into a folder below `place`."""
    orders = []
    for folder, (run, names) in formats.items():
        (place / folder).mkdir(parents=True)
        orders += [str(run), str(place / folder), ",".join(names)]
    paths = [str(path) for path in sys.path if path]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VBR_AUDIT_")}
    environment |= {"PYTHONPATH": os.pathsep.join(paths), **SURROUNDINGS[at]}
    command = [sys.executable, "-W", "ignore", "-c", WRITE, ("022", "077")[at], *orders]
    subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True, timeout=300)


def estate() -> Audit:
    """A few jobs, judged by files of every kind: everything is written four times."""
    return estates.audit_of(judged=True, jobs=6, sessions=60)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What was written in each of the surroundings: `files`, and in the second `paper`, where there is a printer."""
    folder = tmp_path_factory.mktemp("twice")
    run = estate().save(folder / "run", formats=["json"])
    files = {"files": (run, CHEAP)}
    paper = (
        {"paper": (printed_run(tmp_path_factory) / "run", ["executive-pdf", "pdf"])} if find_spec("weasyprint") else {}
    )
    write_elsewhere(folder / "0", 0, **files)
    write_elsewhere(folder / "1", 1, **files, **paper)
    return folder / "0", folder / "1"


@pytest.fixture(scope="module")
def written_twice(elsewhere: tuple[Path, Path]) -> tuple[Path, Path]:
    first, second = elsewhere
    return first / "files", second / "files"


@pytest.mark.parametrize("name", BYTES)
def test_equal_runs_give_equal_bytes(name: str, written_twice: tuple[Path, Path]) -> None:
    first, second = (folder / FORMATS[name].file_name for folder in written_twice)
    assert first.read_bytes() == second.read_bytes()


def test_equal_runs_give_equal_files_of_data(written_twice: tuple[Path, Path]) -> None:
    first, second = written_twice
    tables = sorted(path.name for path in first.glob("*.csv") if path.name != FORMATS["csv"].file_name)
    assert {"sessions.csv", "restore_points.csv"} <= set(tables)
    assert [name for name in tables if (first / name).read_bytes() != (second / name).read_bytes()] == []


def parts_of(path: Path) -> dict[str, bytes]:
    """The files in a workbook by name, without the moments at which it was written."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    parts["docProps/core.xml"] = re.sub(
        rb"(<dcterms:(?:created|modified)\b[^>]*>)[^<]*", rb"\1", parts["docProps/core.xml"]
    )
    return parts


def test_equal_runs_give_equal_workbooks(written_twice: tuple[Path, Path]) -> None:
    first, second = (parts_of(folder / "report.xlsx") for folder in written_twice)
    assert list(first) == list(second)
    assert [name for name in first if first[name] != second[name]] == []
    assert len([name for name in first if name.startswith("xl/worksheets/sheet")]) > 20


def test_the_reports_are_those_of_this_process(written_twice: tuple[Path, Path], tmp_path: Path) -> None:
    cheap = tuple(name for name in ("json", "csv", "md") if name in FORMATS)
    for name, path in estates.write_all(estate(), tmp_path, cheap).items():
        assert path.read_bytes() == (written_twice[0] / FORMATS[name].file_name).read_bytes()


@pytest.mark.slow
def test_equal_runs_give_equal_paper(elsewhere: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("weasyprint")
    here = printed_run(tmp_path_factory)
    for name in ("executive.pdf", "report.pdf"):
        assert (elsewhere[1] / "paper" / name).read_bytes() == (here / name).read_bytes()
