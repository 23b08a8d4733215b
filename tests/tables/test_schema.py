"""Columns, dtypes and the rules by which values become part of a column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vbr_audit.datasets import BUILDERS, SPECS
from vbr_audit.tables import server_info, server_time
from vbr_audit.tables.build.arrays import to_array
from vbr_audit.tables.build.notes import OTHER_VALUES, VALUES_KEPT, Notes
from vbr_audit.tables.build.schema import DTYPES, Column, TableSpec, conform, empty
from vbr_audit.tables.jobs import controls
from vbr_audit.tables.jobs.control_list import CONTROLS, Control
from vbr_audit.tables.jobs.controls import parse_controls, read_controls_file

SMALL = TableSpec(
    "small",
    ("id",),
    (
        Column("id", "string", "Its id."),
        Column("n", "Int64", "A number.", "rows"),
        Column("x", "Float64", "A fraction."),
        Column("yes", "boolean", "Yes or no."),
        Column("at", "datetime", "A date."),
    ),
    "A small table.",
)


@pytest.mark.parametrize("name", SPECS)
def test_every_table_is_described_and_empty_in_its_final_dtypes(name, same_dtypes):
    spec = SPECS[name]
    assert spec.name == name
    same_dtypes(empty(spec), spec)
    assert set(spec.key) <= set(spec.names)
    assert spec.names[0] == "server"
    assert len(set(spec.names)) == len(spec.names)
    assert all(column.help.endswith((".", "…")) for column in spec.columns)
    assert not set(map(str, empty(spec).dtypes)) & {"object", "str", "string[pyarrow]"}


def test_the_tables_are_all_there():
    names = list(SPECS)
    assert names[:9] == [
        "jobs", "job_settings", "job_states", "session_history", "sessions", "edge_sessions", "task_sessions",
        "restore_sessions", "restore_tasks",
    ]  # fmt: skip
    assert names[-2:] == ["servers", "datasets"]
    made_otherwise = {"jobs", "job_settings", "edge_sessions", "server_time", "server_info", "servers", "datasets"}
    assert set(names) - made_otherwise == set(BUILDERS)


def test_text_is_held_by_python_also_where_pyarrow_is_installed():
    assert DTYPES["string"].storage == "python"
    assert DTYPES["string"].na_value is pd.NA
    assert conform({"id": ["a"]}, SMALL)[0]["id"].array.dtype.storage == "python"


def test_conform_makes_order_dtypes_and_index(same_dtypes):
    frame, notes = conform({"n": [1, None], "id": ["a", "b"], "more": [1, 2]}, SMALL)
    same_dtypes(frame, SMALL)
    assert frame["n"].tolist() == [1, pd.NA]
    assert notes.to_dict() == {"unknown_fields": {"more": 2}}


def test_conform_refuses_columns_of_different_lengths():
    with pytest.raises(ValueError, match="different lengths for table small"):
        conform({"n": [1, 2], "id": ["a"]}, SMALL)


def test_conform_takes_frames(same_dtypes):
    raw = pd.DataFrame(
        {"id": ["a", None], "n": [1.0, 2.5], "yes": [True, False], "at": pd.to_datetime(["2026-01-01"] * 2)},
        index=[7, 8],
    )
    frame, notes = conform(raw, SMALL)
    same_dtypes(frame, SMALL)
    assert frame["n"].tolist() == [1, pd.NA]
    assert frame["yes"].tolist() == [True, False]
    assert notes.to_dict() == {"uncastable": {"n": 1}, "naive_dates": {"at": 2}, "missing_keys": 1}
    same_dtypes(conform(raw.iloc[:0], SMALL)[0], SMALL)
    pd.testing.assert_frame_equal(conform(frame, SMALL)[0], frame)


@pytest.mark.parametrize(
    ("dtype", "values", "expected", "wrong"),
    [
        ("string", ["a", "", None, pd.NA, 5, True, [], {}], ["a", "", *[pd.NA] * 6], 4),
        ("Int64", [1, -1, 3.0, 2**63 - 1], [1, -1, 3, 2**63 - 1], 0),
        ("Int64", ["3", 3.5, True, 2**63, None, float("inf")], [pd.NA] * 6, 5),
        ("Int64", [2**63, 1], [pd.NA, 1], 1),
        ("Int64", [np.int64(4), np.float64(5)], [4, 5], 0),
        ("Float64", [1, 2.5, None, "1", True, 10**400, float("nan")], [1.0, 2.5, *[pd.NA] * 5], 3),
        ("boolean", [True, False, None], [True, False, pd.NA], 0),
        ("boolean", [True, "true", 1, 0, np.True_, np.False_], [True, pd.NA, pd.NA, pd.NA, True, False], 3),
    ],
)
def test_one_strict_rule_per_dtype(dtype, values, expected, wrong):
    notes = Notes()
    array = to_array(values, dtype, "c", notes)
    assert array.dtype == DTYPES[dtype]
    assert list(array) == expected or [v is pd.NA for v in array] == [v is pd.NA for v in expected]
    assert [v for v in array if v is not pd.NA] == [v for v in expected if v is not pd.NA]
    assert notes.uncastable.get("c", 0) == wrong


def test_notes_merge_and_leave_out_what_did_not_happen():
    one, two = Notes(), Notes()
    assert one.to_dict() == {}
    one.count_uncastable("a")
    one.count_uncastable("b", 0)
    one.count_unknown_value("state", "x" * 200)
    two.count_uncastable("a", 2)
    two.count_unknown_value("state", "x" * 200, 3)
    two.count_unknown_field("k")
    two.naive_dates["at"] += 1
    two.dates_out_of_range["at"] += 1
    two.not_objects, two.missing_keys = 1, 2
    one.merge(two)
    assert one.to_dict() == {
        "uncastable": {"a": 3},
        "naive_dates": {"at": 1},
        "dates_out_of_range": {"at": 1},
        "unknown_values": {"state": {"x" * 100: 4}},
        "unknown_fields": {"k": 1},
        "not_objects": 1,
        "missing_keys": 2,
    }


def test_notes_stay_small_whatever_comes():
    notes = Notes()
    for i in range(VALUES_KEPT + 50):
        notes.count_unknown_value("state", str(i))
        notes.count_unknown_field(str(i))
    assert notes.unknown_values["state"][OTHER_VALUES] == 50
    assert notes.unknown_fields[OTHER_VALUES] == 50


def test_controls_are_described():
    assert all(isinstance(control, Control) and control.name == name for name, control in CONTROLS.items())
    assert all(control.help.endswith((".", "…")) for control in CONTROLS.values())
    for control in CONTROLS.values():
        assert set(control.computed_from) <= set(CONTROLS)
    mapped = {rule.control for rules in read_controls_file().types.values() for rule in rules.rules}
    assert mapped | {"is_disabled"} == {name for name, control in CONTROLS.items() if not control.computed_from}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"a": "no_such_control"}, "no control that is read"),
        ({"a": "is_scheduled"}, "no control that is read"),
        ({"a b": "retry_count"}, "not a key with conditions"),
        ({"a [when x]": "retry_count"}, "unknown condition"),
        ({"a [since 1.9-rev9]": "retry_count"}, "no such revision"),
        ({"a [if Sometimes]": "retry_count"}, "no such variant"),
    ],
)
def test_a_map_that_is_not_well_formed_is_refused(settings, message):
    data = {
        "base": {"isDisabled": "is_disabled"},
        "renames": [],
        "types": {"T": {"since": "1.3-rev0", "settings": settings}},
    }
    with pytest.raises(ValueError, match=message):
        parse_controls(data)


def test_conditions_of_the_map_add_up_on_the_way_down():
    data = {
        "base": {}, "renames": [],
        "types": {"T": {"since": "1.3-rev0", "settings": {
            "a [since 1.3-rev1, own flag]": {"b [until 1.3-rev1]": "retry_count"}}}},
    }  # fmt: skip
    rule = parse_controls(data).types["T"].rules[0]
    assert rule == controls.Rule("retry_count", ("a", "b"), "1.3-rev1", "1.3-rev1", frozenset(), "flag")
    assert [rule.holds_at(f"1.3-rev{n}") for n in (0, 1, 2)] == [False, True, False]


def test_server_time(same_dtypes):
    parsed = server_time.parse(
        {
            "serverTime": "2026-10-01T14:00:00.1234567+02:00",
            "timeZone": "(UTC+01:00) Berlin",
            "ianaTimeZoneId": "Europe/Berlin",
        }
    )
    assert parsed.server_time.isoformat() == "2026-10-01T12:00:00.123456+00:00"
    assert parsed.utc_offset.total_seconds() == 7200
    assert (parsed.time_zone, parsed.iana_time_zone) == ("(UTC+01:00) Berlin", "Europe/Berlin")
    assert parsed.notes.to_dict() == {}
    table = server_time.as_table("vbr01", parsed).frame
    same_dtypes(table, server_time.SPEC)
    assert table["utc_offset_min"].tolist() == [120]


@pytest.mark.parametrize(
    "document", [None, [], {}, {"serverTime": None}, {"serverTime": "2026-10-01T12:00:00"}, {"serverTime": 5}]
)
def test_server_time_that_cannot_be_read(document):
    parsed = server_time.parse(document)
    assert (parsed.server_time, parsed.utc_offset, parsed.time_zone) == (None, None, None)
    assert server_time.as_table("vbr01", parsed).frame["server_time"].isna().all()


def test_server_info(same_dtypes):
    parsed = server_info.parse(
        {"vbrId": "v", "name": "VBR01", "buildVersion": "13.0.1.180", "patches": ["P1", 5], "platform": "Linux", "x": 1}
    )
    assert (parsed.vbr_id, parsed.name, parsed.build, parsed.patches) == ("v", "VBR01", "13.0.1.180", ("P1",))
    assert parsed.notes.to_dict() == {"uncastable": {"patches": 1}, "unknown_fields": {"x": 1}}
    table = server_info.as_table("vbr01", parsed).frame
    same_dtypes(table, server_info.SPEC)
    assert table["patches"].tolist() == ["P1"]
    nothing = server_info.parse("text")
    assert (nothing.build, nothing.patches, nothing.notes.not_objects) == (None, (), 1)
    assert server_info.parse({"patches": "P1", "name": 7}).notes.uncastable == {"patches": 1, "name": 1}
