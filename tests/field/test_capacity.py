"""Space of repositories that a server does not know: never a number in a table, a sheet or an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from small_server import SmallServer, audited, finding, statuses_of

from vbr_audit.reports.formats import FORMATS

STATES: dict[str, tuple[str, dict[str, Any]]] = {
    "disk": ("WinLocal", {}),
    "full disk": ("WinLocal", {"freeGB": 0}),
    "silent disk": ("WinLocal", {"capacityGB": 0, "freeGB": 0}),
    "bucket -1": ("AmazonS3", {"capacityGB": -1, "freeGB": -1}),
    "bucket 0": ("AmazonS3", {"capacityGB": 0, "freeGB": 0}),
    "bucket null": ("AmazonS3", {"capacityGB": None, "freeGB": None}),
    "bucket with a limit": ("AmazonS3", {"capacityGB": 500, "freeGB": 20}),
}


@pytest.fixture(scope="module")
def audit() -> Any:
    vbr = SmallServer()
    for name, (kind, state) in STATES.items():
        vbr.add_repository(name, kind, state=state)
    return audited(vbr, only="REP")


def test_the_answers_are_not_those_of_a_number_that_nobody_knows(audit: Any) -> None:
    assert statuses_of(audit, "REP-001") == {
        "disk": "PASS",
        "full disk": "FAIL",
        "silent disk": "UNKNOWN",
        "bucket -1": "NOT_APPLICABLE",
        "bucket 0": "NOT_APPLICABLE",
        "bucket null": "UNKNOWN",
        "bucket with a limit": "FAIL",
    }
    assert finding(audit, "REP-001", "bucket -1")["reason"] == "object storage without a limit has no capacity"


def test_neither_table_nor_sheet_has_a_number(audit: Any, tmp_path: Path) -> None:
    frame = audit.snapshot.tables["repository_states"].set_index("name")
    unknown = [name for name in STATES if name not in ("disk", "full disk", "bucket with a limit")]
    assert frame.loc[unknown, ["capacity_gb", "free_gb", "free_percent"]].isna().all(axis=None)
    assert frame.loc[["disk", "full disk"], "free_gb"].tolist() == [600.0, 0.0]
    path = tmp_path / "report.xlsx"
    FORMATS["xlsx"].write(audit.context, path)
    header, *rows = openpyxl.load_workbook(path)["Repositories"].iter_rows(values_only=True)
    told = {row[header.index("Name")]: dict(zip(header, row, strict=True)) for row in rows}
    names = [name for name in header if name.startswith(("Capacity", "Free"))]
    assert len(names) == 5
    assert all(told[name][column] is None for name in unknown for column in names)
