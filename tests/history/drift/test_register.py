"""The change register: strict reading, and which changes it approves."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from drift_runs import EARLIER, LATER, make_run, row
from hypothesis import given, settings
from hypothesis import strategies as st

from vbr_audit.checks.drift.compare import drift_between
from vbr_audit.checks.drift.register import load_register, with_approvals
from vbr_audit.errors import ConfigurationError

HEAD = "object,control,from,to,approved_by,ticket,date\n"


def _approval(before: Any, after: Any, *rows: str, control: str = "retention_quantity", head: str = HEAD) -> Any:
    old, new = (make_run([row(control, v)], t) for v, t in ((before, EARLIER), (after, LATER)))
    drift = with_approvals(drift_between(old, new).drift, load_register(head + "\n".join(rows) + "\n"), LATER)
    (change,) = drift.to_dict("records")
    assert drift.dtypes.equals(drift_between(old, new).drift.dtypes)
    return change["approval"], *(None if pd.isna(change[name]) else change[name] for name in ("approved_by", "ticket"))


@pytest.mark.parametrize(
    ("before", "after", "control", "line"),
    [
        (14, 7, "retention_quantity", "Nightly,retention_quantity,14,7,boss,C-1,2026-10-01"),
        (14, 7, "retention_quantity", "j1,retention_quantity,14,7,boss,C-1,"),
        (14, 7, "retention_quantity", "NIGHTLY,Retention_Quantity,14.0,7,boss,C-1,"),
        (True, False, "is_disabled", "Nightly,is_disabled,TRUE,False,boss,C-1,"),
        ("Days", "RestorePoints", "retention_type", "Nightly,retention_type,Days,restorepoints,boss,C-1,"),
        ("Days", "Months", "retention_type", 'Nightly,retention_type,"""Days""",Months,boss,C-1,'),
        (["a", "b"], ["a"], "source_job_ids", "Nightly,source_job_ids,b;a,a,boss,C-1,"),
        (["a", "b"], [], "source_job_ids", 'Nightly,source_job_ids,"[""b"",""a""]",,boss,C-1,'),
        ("r1", None, "repository_id", "Nightly,repository_id,r1,,boss,C-1,"),
        ("1", "2", "novel", "Nightly,novel,1,2,boss,C-1,"),
    ],
)
def test_an_approved_change(before: Any, after: Any, control: str, line: str) -> None:
    assert _approval(before, after, line, control=control) == ("approved", "boss", "C-1")


@pytest.mark.parametrize(
    "line",
    [
        "Nightly,retention_quantity,14,8,boss,,",
        "Nightly,retention_quantity,7,14,boss,,",
        "Weekly,retention_quantity,14,7,boss,,",
        "Nightly,retry_count,14,7,boss,,",
        "Nightly,retention_quantity,14,7,boss,,2026-12-24",
        "Nightly,retention_quantity,true,7,boss,,",
    ],
)
def test_another_change_is_not_approved(line: str) -> None:
    assert _approval(14, 7, line) == ("unapproved", None, None)


def test_several_steps_lead_to_one_change() -> None:
    steps = ("Nightly,retention_quantity,10,7,b,T2,", "Nightly,retention_quantity,14,10,a,T1,")
    assert _approval(14, 7, *steps) == ("approved", "a, b", "T1, T2")


def test_many_ways_are_walked_once() -> None:
    rows = [f"Nightly,retention_quantity,{a},{b},x,," for a in range(40) for b in range(40) if a != b]
    assert _approval(0, 99, *rows) == ("unapproved", None, None)


def test_a_sheet_with_semicolons() -> None:
    head = "object;control;from;to;approved_by\n"
    assert _approval(14, 7, "Nightly;retention_quantity;14;7;boss", head=head) == ("approved", "boss", None)


def test_hostile_cells_are_text() -> None:
    cells = ('=HYPERLINK("x")', "<script>", '{"a": 1}', "\x1b[31m", "@SUM(A1)", "{{ x }}", "")
    register = load_register(HEAD + ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n")
    (approval,) = register.approvals
    assert approval.object == '=HYPERLINK("x")'
    assert approval.before == '{"a": 1}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("object,control,from,to\n", "changes.csv:1: approved_by: this column is missing"),
        (HEAD.replace("ticket", "tickets"), "changes.csv:1: unknown column 'tickets'; did you mean 'ticket'"),
        (HEAD.replace("ticket", "to"), "changes.csv:1: to: appears twice"),
        (HEAD + "a,b,1,2,c,d\n", "changes.csv:2: has 6 cells for 7 columns"),
        (HEAD + "\na,,1,2,,,\n", "changes.csv:3: approved_by: is empty"),
        (HEAD + "a,b,1,1,c,,\n", "changes.csv:2: to: is the same"),
        (HEAD + "a,b,1,2,c,,24.12.2026\n", "changes.csv:2: date: expected a day"),
        (HEAD + 'a,"b,1\n', "not valid CSV"),
        ("\n", "this column is missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_register(text)
    assert message in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Any) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        load_register(tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_register(tmp_path / "bad.csv")
    (tmp_path / "good.csv").write_text(HEAD + "a,b,1,2,c,,\n", "utf-8-sig")
    assert load_register(tmp_path / "good.csv").name == "good.csv"


def test_a_change_is_due_on_its_day_in_every_zone() -> None:
    (approval,) = load_register(HEAD + "a,b,1,2,c,,2026-11-01\n").approvals
    assert approval.is_due(dt.datetime(2026, 10, 31, 10, tzinfo=dt.UTC))
    assert not approval.is_due(dt.datetime(2026, 10, 31, 9, tzinfo=dt.UTC))


@settings(max_examples=60)
@given(st.text(max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        register = load_register(HEAD + text)
    except ConfigurationError:
        return
    assert all(each.object and each.control and each.approved_by for each in register.approvals)
