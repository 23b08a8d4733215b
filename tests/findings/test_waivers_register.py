"""The register of waivers as a workbook: what goes out comes back, and what is wrong is named by its cell."""

# ruff: noqa: E501 - a case and its message on one line

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vbr_audit.errors import WaiverError
from vbr_audit.findings import Waiver, load_waivers
from vbr_audit.findings.waivers import waivers_yaml
from vbr_audit.reports.waiver_register import COLUMNS, SHEET, read_register, write_register

GOOD: dict[str, Any] = {
    "id": "W-1",
    "check": "JOB-008",
    "object_name": "Lab *",
    "covers": "FAIL",
    "owner": "a.smith",
    "reason": "moves",
    "expires": dt.datetime(2026, 12, 1),
}

_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=40
).map(str.strip).filter(bool) | st.sampled_from(
    ["=1+1", "#N/A", "@x", "+1", "4711", "_x0041_", "true", "2027-01-01", "a\nb", "'"]
)
_DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2090, 12, 31))


@st.composite
def waivers(draw: st.DrawFn) -> tuple[Waiver, ...]:
    found = []
    for number in range(draw(st.integers(0, 4))):
        start, by_id = draw(_DAYS), draw(st.booleans())
        maybe = st.none() | _TEXT
        row = {
            "id": f"{draw(_TEXT)} {number}",
            "check": draw(st.sampled_from(["JOB-008", "JOB-*", "EVD-00?"])),
            "server": draw(maybe),
            "object_id" if by_id else "object_name": draw(_TEXT),
            "covers": draw(st.sampled_from([("FAIL",), ("UNKNOWN",), ("FAIL", "UNKNOWN")])),
            "owner": draw(_TEXT),
            "approved_by": draw(maybe),
            "reason": draw(_TEXT),
            "ticket": draw(maybe),
            "created": start.isoformat() if draw(st.booleans()) else None,
            "expires": (start + dt.timedelta(days=draw(st.integers(0, 366)))).isoformat(),
        }
        found.append(Waiver.model_validate(row))
    return tuple(found)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(waivers())
def test_what_goes_out_comes_back(tmp_path: Path, given_ones: tuple[Waiver, ...]) -> None:
    path = tmp_path / "register.xlsx"
    write_register(given_ones, path)
    assert read_register(path) == given_ones
    assert load_waivers(waivers_yaml(given_ones)).waivers == given_ones


def sheet(path: Path, *rows: dict[str, Any], columns: tuple[str, ...] = COLUMNS, title: str = SHEET) -> Path:
    book = openpyxl.Workbook()
    page: Any = book.active
    page.title = title
    page.append(list(columns))
    for row in rows:
        page.append([row.get(name) for name in columns])
    book.save(path)
    return path


def test_dates_are_dates_and_text_is_text(tmp_path: Path) -> None:
    path = tmp_path / "register.xlsx"
    write_register(
        load_waivers("""version: 1
waivers:
  - {id: W-1, check: JOB-008, object_name: '=HYPERLINK("x")', owner: '4711', reason: b, expires: 2026-12-01}
""").waivers,
        path,
    )
    page: Any = openpyxl.load_workbook(path)[SHEET]
    assert [cell.value for cell in page[1]] == list(COLUMNS)
    cells = dict(zip(COLUMNS, page[2], strict=True))
    assert (cells["expires"].is_date, cells["expires"].value) == (True, dt.datetime(2026, 12, 1))
    assert (cells["object_name"].data_type, cells["owner"].value) == ("s", "4711")
    assert cells["created"].value is None


def test_blanks_and_the_order_of_columns_do_not_matter(tmp_path: Path) -> None:
    columns = ("expires", "reason", "owner", "object_name", "check", "id", " ")
    row = {**GOOD, "owner": " a.smith  ", " ": "  "}
    path = sheet(
        tmp_path / "a.xlsx", row, {"id": "   "}, {}, {**row, "id": "W-2", "expires": "2026-12-01"}, columns=columns
    )
    assert [(one.id, one.owner, one.expires) for one in read_register(path)] == [
        ("W-1", "a.smith", dt.date(2026, 12, 1)),
        ("W-2", "a.smith", dt.date(2026, 12, 1)),
    ]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"owner": None}, "row 2: column G: is required"),
        ({"owner": "=A1"}, "row 2: column G: holds a formula; write its value"),
        ({"ticket": 4711}, "row 2: column J: expected text, got 4711"),
        ({"ticket": dt.datetime(2026, 1, 1)}, "row 2: column J: holds a date; format the cell as text"),
        ({"expires": "01.12.2026"}, "row 2: column L: expected a date such as 2027-01-31, got the text '01.12.2026'"),
        ({"expires": 46000}, "row 2: column L: holds 46000; enter a date such as 2027-01-31, and format the cell as a date"),
        ({"expires": dt.datetime(2026, 12, 1, 12)}, "row 2: column L: holds a time of day; a waiver lasts for whole days"),
        ({"covers": "FAIL, ERROR"}, "row 2: column F: expected 'FAIL' or 'UNKNOWN', got the text 'ERROR'"),
        ({"object_id": "x"}, "row 2: needs exactly one of object_id and object_name"),
        ({"check": "*", "object_name": "*"}, "row 2: would waive every check for every object; name the check or the object"),
        ({"check": "JBO-008"}, "row 2: column B: no such check: JBO-008; did you mean 'JOB-008'?"),
        ({"created": dt.datetime(2025, 11, 29)}, "row 2: ends more than 366 days after it was created on 2025-11-29"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_cell(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    with pytest.raises(WaiverError) as caught:
        read_register(sheet(tmp_path / "a.xlsx", {**GOOD, **other}))
    assert caught.value.message == f"a.xlsx: sheet Waivers, {message}"


def test_all_faults_are_told_at_once_and_ids_are_not_doubled(tmp_path: Path) -> None:
    rows = ({**GOOD, "reason": None}, {}, GOOD, {**GOOD, "ticket": "=1"})
    with pytest.raises(WaiverError) as caught:
        read_register(sheet(tmp_path / "a.xlsx", *rows))
    assert caught.value.message.splitlines() == [
        "a.xlsx: sheet Waivers, row 2: column I: is required",
        "a.xlsx: sheet Waivers, row 4: column A: the id W-1 appears twice",
        "a.xlsx: sheet Waivers, row 5: column A: the id W-1 appears twice",
        "a.xlsx: sheet Waivers, row 5: column J: holds a formula; write its value",
    ]


def test_wrong_columns_are_named(tmp_path: Path) -> None:
    columns = ("id", "check", "object_nam", "owner", "owner", "expires")
    with pytest.raises(WaiverError) as caught:
        read_register(sheet(tmp_path / "a.xlsx", GOOD, columns=columns))
    assert caught.value.message.splitlines() == [
        "a.xlsx: sheet Waivers, row 1: the column reason is missing",
        "a.xlsx: sheet Waivers, row 1: column C: unknown column object_nam; did you mean 'object_name'?",
        "a.xlsx: sheet Waivers, row 1: column E: the column owner appears twice",
    ]


def test_a_cell_beside_the_columns_is_refused(tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.xlsx", GOOD)
    book = openpyxl.load_workbook(path)
    book[SHEET]["N2"] = "note"
    book.save(path)
    with pytest.raises(WaiverError, match=r"row 2: column N: holds something, but its column has no name"):
        read_register(path)


def test_what_is_no_register_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "b.xlsx"
    text.write_text("no workbook", encoding="utf-8")
    cases = {
        tmp_path / "gone.xlsx": "cannot be read",
        text: "not a workbook",
        sheet(tmp_path / "c.xlsx", title="Waiver"): "has no sheet called Waivers; did you mean 'Waiver'?",
    }
    for path, message in cases.items():
        with pytest.raises(WaiverError) as caught:
            read_register(path)
        assert message in caught.value.message


@pytest.mark.parametrize("text", ["a\\x07b", "a\\rb", "a" * 33_000])
def test_a_text_that_no_workbook_holds_is_refused(tmp_path: Path, text: str) -> None:
    row = f'{{id: W-1, check: JOB-008, object_name: x, owner: a, reason: "{text}", expires: 2026-12-01}}'
    one = load_waivers(f"version: 1\nwaivers:\n  - {row}\n").waivers
    with pytest.raises(WaiverError, match="waiver W-1: reason: a workbook cannot hold this text as it is"):
        write_register(one, tmp_path / "a.xlsx")
    assert not (tmp_path / "a.xlsx").exists()
