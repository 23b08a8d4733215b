"""A table with search in a notebook: offline, text stays text, and what is cut is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from looking import open_pages

import vbr_audit as va
from vbr_audit import searchable_table
from vbr_audit.errors import ConfigurationError

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}\x1b[31m\u202e"


def table() -> pd.DataFrame:
    at = pd.to_datetime(["2026-10-25T00:30:00Z", None], utc=True)
    return pd.DataFrame({"name": pd.array([HOSTILE, pd.NA], dtype="string"), "at": at, "runs": pd.array([3, pd.NA])})


@pytest.mark.browser
def test_it_runs_no_text_and_asks_no_network(tmp_path: Path, need_tool: Callable[..., str]) -> None:
    shown = va.searchable(table().rename(columns={"runs": HOSTILE}), caption=HOSTILE, timezone="Europe/Berlin")
    path = tmp_path / "table.html"
    path.write_text(f"<!doctype html><html lang=en><meta charset=utf-8><title>t</title>{shown.html}", "utf-8")
    seen = open_pages([path], need_tool)[path]
    assert not seen["dialogs"]
    assert [asked for asked in seen["requests"] if not asked.startswith("blob:null/")] == []  # its own script


def test_instants_are_on_the_clock_of_the_zone_and_what_is_not_known_is_empty() -> None:
    html = va.searchable(table(), timezone="Europe/Berlin").html
    body = html[html.index("<table id=") :]
    assert "at (Europe/Berlin)" in body
    assert "2026-10-25 02:30:00" in body
    assert "<script>alert(1)</script><img" not in html
    assert "NaT" not in body
    assert "&lt;NA&gt;" not in body


def test_a_long_table_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searchable_table, "MOST_ROWS", 5)
    shown = va.searchable(pd.DataFrame({"row": range(8)}), caption="Rows")
    assert (shown.rows, shown.total, repr(shown)) == (5, 8, "<SearchableTable of 8 rows>")
    assert "the first 5 of 8 rows" in shown.html
    assert re.search(r"Rows: the first", shown.html)


def test_a_zone_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="Nowhere"):
        va.searchable(table(), timezone="Nowhere/City")
