"""Any table as a workbook: types, dates on the clock of the zone, and no text that a spreadsheet would run."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

import vbr_audit as va
from vbr_audit.errors import ConfigurationError, OutputError

INSTANTS = pd.to_datetime(["2026-07-01T10:00Z", "2026-12-01T10:00Z", None], utc=True)


def written(frame: pd.DataFrame, folder: Path, **options: Any) -> list[list[Any]]:
    """The rows of the workbook of a table, header and all."""
    path = va.to_excel(frame, folder / "table.xlsx", **options)
    book = load_workbook(path)
    assert book.sheetnames == ["Table"]
    return [list(row) for row in book.active.iter_rows()]


def values(frame: pd.DataFrame, folder: Path, **options: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in written(frame, folder, **options)]


def test_each_type_is_that_of_its_column(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 2**62], dtype="Int64"),
            "fraction": [0.5, np.nan, np.inf],
            "flag": pd.array([True, None, False], dtype="boolean"),
            "plain_flag": [True, False, True],
            "took": pd.to_timedelta([3600, None, 90_000], unit="s"),
            "naive": pd.to_datetime(["2026-07-01T10:00", None, "2026-12-01T10:00"]),
            "kind": pd.Categorical(["a", None, "b"]),
            "list": [[1, 2], None, dt.date(2026, 1, 1)],
        }
    )
    header, *rows = values(frame, tmp_path)
    assert header == list(frame)
    noon, hour = dt.datetime(2026, 7, 1, 10), dt.timedelta(hours=1)
    assert rows[0] == [1, 0.5, True, True, hour, noon, "a", "[1, 2]"]
    assert rows[1] == [None, None, None, False, None, None, None, None]
    # what a spreadsheet would round, or cannot hold, is text
    last = dt.datetime(2026, 12, 1, 10)
    assert rows[2] == [str(2**62), "inf", False, True, dt.timedelta(hours=25), last, "b", "2026-01-01"]


@pytest.mark.parametrize(("zone", "hours"), [("Europe/Berlin", (12, 11)), ("UTC", (10, 10)), ("UTC+02:00", (12, 12))])
def test_instants_are_on_the_clock_that_the_header_names(zone: str, hours: tuple[int, int], tmp_path: Path) -> None:
    header, *rows = values(pd.DataFrame({"n": range(3), "created": INSTANTS}), tmp_path, timezone=zone)
    assert header == ["n", f"created ({zone})"]
    assert [moment and moment.hour for _, moment in rows] == [*hours, None]


def test_the_zone_is_that_of_the_settings_unless_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert values(pd.DataFrame({"created": INSTANTS}), tmp_path)[0] == ["created (UTC)"]
    monkeypatch.setenv("VBR_AUDIT_TIMEZONE", "Asia/Tokyo")
    assert values(pd.DataFrame({"created": INSTANTS}), tmp_path)[0] == ["created (Asia/Tokyo)"]


def test_hostile_texts_stay_text_in_cells_headers_and_index(tmp_path: Path) -> None:
    hostile = ["=HYPERLINK(1)", "#N/A", "+1\x1b[2J", "_x003D_1", "\ud800"]
    frame = pd.DataFrame([hostile], columns=pd.Index(hostile), index=pd.Index(["=1+1"], name="@SUM(1)"))
    rows = written(frame, tmp_path)
    assert {cell.data_type for row in rows for cell in row} == {"s"}
    assert [cell.value for cell in rows[0]][:3] == ["@SUM(1)", "=HYPERLINK(1)", "#N/A"]
    assert rows[1][0].value == "=1+1"
    with zipfile.ZipFile(tmp_path / "table.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "\x1b" not in sheet


def test_headers_are_one_line_and_differ(tmp_path: Path) -> None:
    columns = pd.Index(["a", "A", "a\nb", ("x", 1), None, "long" * 100], dtype=object)
    frame = pd.DataFrame([range(6)], columns=columns)
    header = values(frame, tmp_path)[0]
    assert header[:5] == ["a", "A 2", "a b", "x 1", "Column"]
    assert len(header[5]) <= 255


def test_a_pivot_keeps_the_names_of_its_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame({"job": ["n", "n", "m"], "day": [0, 1, 0], "good": [1.0, 0.5, 1.0]})
    pivot = frame.pivot_table(index="job", columns="day", values="good")
    assert values(pivot, tmp_path) == [["job", "0", "1"], ["m", 1, None], ["n", 1, 0.5]]
    grouped = frame.groupby(["job", "day"])[["good"]].mean()
    assert values(grouped, tmp_path)[1] == ["m", 0, 1]


def test_a_table_without_rows_is_a_header(tmp_path: Path) -> None:
    header, *rows = values(pd.DataFrame({"a": pd.array([], dtype="Int64"), "t": INSTANTS[:0]}), tmp_path)
    assert header == ["a", "t (UTC)"]
    assert rows in ([], [[None, None]])


@pytest.mark.parametrize(
    ("frame", "options", "words"),
    [
        (pd.DataFrame(), {}, "a table of 0 columns"),
        (pd.DataFrame(np.zeros((1, 16_385))), {}, "a table of 16,385 columns"),
        (pd.DataFrame({"a": [1]}), {"timezone": "Mars/Base"}, "not a time zone"),
    ],
)
def test_what_cannot_be_written_is_refused(
    frame: pd.DataFrame, options: dict[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        va.to_excel(frame, tmp_path / "table.xlsx", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(OutputError):
        va.to_excel(pd.DataFrame({"a": [1]}), tmp_path / "file" / "table.xlsx")
