"""The tables that are no sheets of the workbook: CSV files in a run folder, whole, hashed, replaced and described."""

from __future__ import annotations

import contextlib
import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import estates
import openpyxl
import pytest
from original_names import scrubbed
from typer.testing import CliRunner
from workbook_parts import parts_of, tables_of

import vbr_audit as va
from vbr_audit.cli import app
from vbr_audit.collection import run_folder
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports.data_files import data_contents
from vbr_audit.reports.excel.data import place_of_table
from vbr_audit.reports.interface import ReportOptions

MOST_SHEETS = 26
IN_A_RUN = ReportOptions(data_files=True)
RAW = {"sessions", "task_sessions", "restore_points", "backup_files", "backups", "job_states"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its workbook and its files, of which the reports are soon made anew; nobody writes into it."""
    return estates.small().save(tmp_path_factory.mktemp("data") / "run", formats=["xlsx", "json"])


@pytest.fixture
def run(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "run"))


@pytest.fixture(scope="module")
def book(written: Path) -> Iterator[Any]:
    """Its workbook, opened once."""
    with contextlib.closing(openpyxl.load_workbook(written / "report.xlsx", read_only=True)) as opened:
        yield opened


def rows_of(book: Any, sheet: str) -> list[tuple[Any, ...]]:
    return list(book[sheet].iter_rows(values_only=True))


def dictionary(book: Any) -> dict[tuple[str, str | None], tuple[Any, ...]]:
    return {(str(row[0]), row[1]): row[2:] for row in rows_of(book, "Dictionary")}


def invoke(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.output


def test_a_workbook_has_the_sheets_that_people_read_in_their_order(book: Any) -> None:
    names = book.sheetnames
    assert len(names) <= MOST_SHEETS
    order = ["Cover", "Summary", "Charts", "Findings", "Causes", "Protected objects", "Repositories", "Controls"]
    order += ["Check results", "Exceptions", "Sample"]
    order += ["Jobs", "Runs of jobs", "Repository settings", "Users", "Licence", "Provenance", "Limits", "Dictionary"]
    assert [name for name in names if name in order] == order


def test_every_table_with_rows_is_a_sheet_or_a_file(written: Path, book: Any) -> None:
    names = book.sheetnames
    files = {path.stem for path in (written / "data").iterdir()}
    assert files > RAW
    for table, frame in estates.small().snapshot.tables.items():
        if table in ("datasets", "edge_sessions"):  # told by Provenance, and counted nowhere
            continue
        place = place_of_table(table, len(frame), IN_A_RUN)
        assert (place in names) != (table in files) or not len(frame), table
        assert place == f"data/{table}.csv" or table not in files


def test_the_files_hold_the_tables(written: Path) -> None:
    tables = estates.small().snapshot.tables
    for name in RAW:
        with (written / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream))
        frame = tables[name]
        assert header[: frame.shape[1]] == list(frame.columns)
        assert len(rows) == len(frame) > 0
        at = header.index(str(frame.columns[1]))
        assert [row[at] for row in rows] == frame.iloc[:, 1].tolist()
    assert (written / "data" / "sessions.csv").read_bytes().count(b"\r\n") == len(tables["sessions"]) + 1


def test_the_dictionary_names_each_file_its_rows_and_its_columns(written: Path, book: Any) -> None:
    told = dictionary(book)
    for path in (written / "data").iterdir():
        with path.open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream))
        file = f"data/{path.name}"
        assert told[file, None][3] == len(rows)
        assert {column for sheet, column in told if sheet == file} == {None, *header}
        assert all(told[file, column][0] and told[file, column][1] for column in header)
    assert not [sheet for sheet, _ in told if "no sheet" in sheet]


def test_provenance_counts_the_rows_of_a_file(book: Any) -> None:
    header, *rows = rows_of(book, "Provenance")
    told = {row[1]: dict(zip(header, row, strict=False)) for row in rows}  # blank cells at the end are not read
    points = told["restore_points"]
    assert points["Sheet"] == "data/restore_points.csv"
    assert points["Rows in sheet"] == points["Rows kept"] == len(estates.small().snapshot.tables["restore_points"])
    assert points["Reconciled"] == "yes"


def test_the_files_are_sealed_and_verified(run: Path) -> None:
    assert va.verify(run) == []
    assert set(run_folder.listed_in(run, "data")) == {f"data/{path.name}" for path in (run / "data").iterdir()}
    (run / "data" / "sessions.csv").write_bytes(b"x")
    (run / "data" / "backups.csv").unlink()
    (run / "data" / "more.csv").write_bytes(b"x")
    assert va.verify(run) == [
        "data/backups.csv is missing",
        "data/sessions.csv was changed",
        "data/more.csv is not in SHA256SUMS",
    ]


def test_a_changed_file_is_written_over_with_force_alone_and_what_is_none_of_ours_stays(run: Path) -> None:
    whole = (run / "data" / "sessions.csv").read_bytes()
    (run / "data" / "sessions.csv").write_bytes(b"mine")
    for name in ("mine.csv", "notes.txt"):  # put there by somebody else
        (run / "data" / name).write_bytes(b"x")
    code, said = invoke("report", run, "--format", "xlsx")
    assert (code, "data/sessions.csv" in said) == (2, True)
    assert (run / "data" / "sessions.csv").read_bytes() == b"mine"
    assert invoke("report", run, "--format", "xlsx", "--force")[0] == 0
    assert (run / "data" / "sessions.csv").read_bytes() == whole
    assert va.verify(run) == ["data/mine.csv is not in SHA256SUMS"]
    assert [(run / "data" / name).read_bytes() for name in ("mine.csv", "notes.txt")] == [b"x", b"x"]


def test_all_tables_in_the_workbook_leave_no_file(run: Path) -> None:
    assert invoke("report", run, "--format", "xlsx", "--sheets", "all")[0] == 0
    assert not (run / "data").exists()
    assert va.verify(run) == []
    names = tables_of(parts_of(run / "report.xlsx"))
    assert {"Sessions", "Restore points", "Backup files", "Task sessions"} <= set(names)
    assert invoke("report", run, "--format", "xlsx")[0] == 0
    assert (run / "data" / "sessions.csv").is_file()
    assert va.verify(run) == []


def test_a_report_in_another_format_leaves_the_files_as_they_are(run: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (run / "data").iterdir()}
    assert invoke("report", run, "--format", "md")[0] == 0
    assert {path.name: path.stat().st_mtime_ns for path in (run / "data").iterdir()} == before
    assert va.verify(run) == []


def test_another_choice_of_sheets_is_refused_before_anything_is_written(run: Path, tmp_path: Path) -> None:
    for words in (("report", run), ("check", run), ("demo", "--out", tmp_path / "new")):
        code, said = invoke(*words, "--sheets", "most")
        assert (code, "Choose one of main, all." in said) == (2, True)
    assert not (tmp_path / "new").exists()
    with pytest.raises(ConfigurationError, match="most"):
        estates.small().to_excel(tmp_path / "x.xlsx", sheets="most")


def test_a_workbook_by_itself_has_no_files_and_says_so(tmp_path: Path) -> None:
    audit = estates.small()
    path = audit.to_excel(tmp_path / "alone.xlsx")
    assert list(tmp_path.iterdir()) == [path]
    rows = len(audit.snapshot.tables["restore_points"])
    with contextlib.closing(openpyxl.load_workbook(path, read_only=True)) as alone:
        meaning, *_, told = dictionary(alone)["restore_points (no sheet)", None]
    assert told == rows
    assert "not in this workbook; data/restore_points.csv of a run folder has them" in str(meaning)


def test_a_run_without_names_has_its_files_without_names() -> None:
    audit = estates.small()
    clean = scrubbed(audit).context
    texts = "\n".join(b"".join(content()).decode() for content in data_contents(clean, IN_A_RUN).values())
    named = "\n".join(b"".join(content()).decode() for content in data_contents(audit.context, IN_A_RUN).values())
    names = [name for name in audit.snapshot.jobs["name"].dropna() if len(name) > 6]
    assert estates.found_in(named, [*names, estates.SERVER])
    assert estates.found_in(texts, [*names, estates.SERVER]) == []


def test_a_history_leaves_out_the_files(run: Path, tmp_path: Path) -> None:
    code, said = invoke("history", "add", tmp_path / "history", run)
    assert code == 0, said
    assert (run / "data" / "restore_points.csv").is_file()
    assert not list((tmp_path / "history").rglob("data"))
    assert invoke("history", "verify", tmp_path / "history")[0] == 0


@pytest.mark.parametrize("make", [lambda place: place.write_bytes(b"x"), lambda place: place.symlink_to("/")])
def test_something_else_in_the_place_of_the_folder_is_not_touched(run: Path, make: Callable[[Path], object]) -> None:
    shutil.rmtree(run / "data")
    make(run / "data")
    code, said = invoke("report", run, "--format", "xlsx", "--force")
    assert code != 0
    assert "data" in said
    assert not (run / "data").is_dir() or (run / "data").is_symlink()
