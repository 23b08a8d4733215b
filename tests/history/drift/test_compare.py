"""What changed between two runs, and what cannot be compared."""

from __future__ import annotations

from random import Random
from typing import Any

import pandas as pd
import pytest
from drift_runs import EARLIER, LATER, make_run, row
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vbr_audit.checks.drift.compare import SettingsOfRun, drift_between
from vbr_audit.checks.drift.settings import SPEC
from vbr_audit.tables.build.schema import conform


def _changes(old: list[dict[str, Any]], new: list[dict[str, Any]], **options: Any) -> list[tuple[Any, ...]]:
    drift = drift_between(make_run(old, EARLIER), make_run(new, LATER, **options)).drift
    return list(drift[["object_name", "control", "before", "after", "direction"]].itertuples(index=False, name=None))


def _gaps(old: SettingsOfRun, new: SettingsOfRun) -> list[tuple[Any, ...]]:
    frame = drift_between(old, new).not_compared
    return [
        tuple(None if cell is pd.NA else cell for cell in cells)
        for cells in frame[["object_type", "object_name", "control", "kind", "is_open"]].itertuples(index=False)
    ]


def test_a_change_is_one_row_with_its_place() -> None:
    drift = drift_between(
        make_run([row("retry_enabled", True)], EARLIER), make_run([row("retry_enabled", False)], LATER)
    ).drift
    (change,) = drift.to_dict("records")
    assert (change["before"], change["after"], change["direction"]) == ("true", "false", "weakening")
    assert change["json_path"] == "path.of.retry_enabled"
    assert (change["changed_after"], change["changed_before"]) == (EARLIER, LATER)
    assert change["source"] == "not attributed"
    assert pd.isna(change["approval"])
    assert pd.isna(change["who"])


def test_the_earlier_run_cannot_be_the_later_one() -> None:
    with pytest.raises(ValueError, match="after the later one"):
        drift_between(make_run([], LATER), make_run([], EARLIER))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["Monday", "Friday"], ["Friday", "Monday"]),
        (["monday"], ["Monday", "Monday"]),
        ("Everyday", "everyday"),
        (1, 1.0),
        ("Transofrm", "Transform"),
    ],
)
def test_what_only_looks_unlike_has_not_changed(before: Any, after: Any) -> None:
    assert _changes([row("backup_mode", before)], [row("backup_mode", after)]) == []


def test_yes_is_not_one() -> None:
    assert [change[-1] for change in _changes([row("is_disabled", 0)], [row("is_disabled", False)])] == ["unknown"]
    assert len(_changes([row("disks_to_process", [1])], [row("disks_to_process", [True])])) == 1


def test_hours_belong_to_their_days() -> None:
    def window(days: list[str], hours: list[str]) -> list[dict[str, Any]]:
        return [row("backup_window_days", days), row("backup_window_hours", hours)]

    here = window(["Monday", "Friday"], ["0,1", "1,0"])
    assert _changes(here, window(["Friday", "Monday"], ["1,0", "0,1"])) == []
    assert [change[1] for change in _changes(here, window(["Monday", "Friday"], ["1,0", "0,1"]))] == [
        "backup_window_hours"
    ]
    assert [change[1] for change in _changes(here, window(["Friday", "Monday"], ["0,1", "1,0"]))] == [
        "backup_window_hours"
    ]


def test_a_list_that_loses_and_gains_has_both_directions() -> None:
    def excluded(*names: str) -> dict[str, Any]:
        return row("recipients", list(names), object_type="email settings", object_id=None, object_name="email")

    assert [change[-1] for change in _changes([excluded("a", "b")], [excluded("b", "c")])] == [
        "strengthening",
        "weakening",
    ]


def test_the_unit_of_a_number_counts() -> None:
    def kept(number: int, unit: str) -> list[dict[str, Any]]:
        return [row("retention_quantity", number), row("retention_type", unit)]

    assert [change[1::3] for change in _changes(kept(3, "Months"), kept(3, "Days"))] == [
        ("retention_type", "weakening")
    ]
    assert sorted(change[1::3] for change in _changes(kept(1, "Months"), kept(60, "Days"))) == [
        ("retention_quantity", "strengthening"),
        ("retention_type", "neutral"),
    ]
    assert sorted(change[1::3] for change in _changes(kept(14, "Days"), kept(7, "RestorePoints"))) == [
        ("retention_quantity", "unknown"),
        ("retention_type", "neutral"),
    ]
    assert [change[1::3] for change in _changes(kept(14, "Days"), kept(14, "RestorePoints"))] == [
        ("retention_type", "unknown")
    ]
    assert _changes(kept(30, "Days"), [row("retention_quantity", 7)])[0][-1] == "unknown"


def _repository(name: str, immutable: Any = ...) -> dict[str, Any]:
    return row("immutability_enabled", immutable, object_type="repository", object_id=name.upper(), object_name=name)


def _scale_out(name: str, *extents: str) -> dict[str, Any]:
    return row(
        "performance_extents", list(extents), object_type="scale-out repository", object_id=name, object_name=name
    )


@pytest.mark.parametrize(
    ("place", "direction"),
    [("open", "weakening"), ("other", "neutral"), ("vague", "unknown"), ("strong", "neutral"), ("mixed", "weakening")],
)
def test_a_job_that_leaves_immutability_is_weakened(place: str, direction: str) -> None:
    estate = [
        _repository("hardened", True),
        _repository("other", True),
        _repository("open", False),
        _repository("vague"),
        _scale_out("strong", "hardened", "other"),
        _scale_out("mixed", "hardened", "open"),
    ]
    change = _changes([*estate, row("repository_id", "hardened")], [*estate, row("repository_id", place)])
    assert [each[-1] for each in change] == [direction]


def test_one_schedule_in_place_of_another_is_neutral() -> None:
    def runs(daily: Any, monthly: Any) -> list[dict[str, Any]]:
        return [row("schedule_daily_enabled", daily), row("schedule_monthly_enabled", monthly)]

    assert [change[-1] for change in _changes(runs(True, False), runs(False, True))] == ["neutral", "neutral"]
    assert [change[-1] for change in _changes(runs(True, True), runs(False, False))] == ["weakening", "weakening"]
    assert [change[-1] for change in _changes(runs(True, ...), runs(False, ...))] == ["unknown"]


def test_an_unknown_setting_is_kept() -> None:
    assert _changes([row("warp_drive", 1)], [row("warp_drive", 2)]) == [("Nightly", "warp_drive", "1", "2", "unknown")]
    assert _changes([row("x", 1, object_type="warp")], [row("x", 2, object_type="warp")])[0][-1] == "unknown"
    assert _changes([row("retry_enabled", {"a": 1})], [row("retry_enabled", {"b": 1})])[0][-1] == "unknown"


def test_a_setting_that_only_a_newer_revision_shows_has_not_changed() -> None:
    old = make_run([row("is_disabled", False), row("rpo_monitor_enabled", supported=False)], EARLIER)
    new = make_run([row("is_disabled", False), row("rpo_monitor_enabled", False), row("retry_enabled", False)])
    found = drift_between(old, new)
    assert found.drift.empty
    assert set(found.not_compared["kind"]) == {"newly visible"}
    assert not found.not_compared["is_open"].any()


def test_where_support_is_not_known_the_revisions_tell() -> None:
    def at(revision: str, **values: Any) -> dict[str, Any]:
        return row("mfa_enabled", revision=revision, supported=None, object_type="user", **values)

    new = make_run([row("mfa_enabled", True, object_type="user", revision="1.3-rev2")])
    assert _gaps(make_run([at("1.3-rev1")], EARLIER), new)[0][3:] == ("newly visible", False)
    assert _gaps(make_run([at("1.3-rev2")], EARLIER), new)[0][3:] == ("not known before", True)


def test_what_one_run_does_not_know_has_not_changed() -> None:
    old = make_run([row("retry_enabled"), row("encryption_enabled", True), row("compression_level")], EARLIER)
    new = make_run([row("retry_enabled", False), row("encryption_enabled"), row("compression_level", "None")])
    assert drift_between(old, new).drift.empty
    assert sorted(_gaps(old, new)) == [
        ("job", "Nightly", "compression_level", "not known before", False),
        ("job", "Nightly", "encryption_enabled", "not known now", True),
        ("job", "Nightly", "retry_enabled", "not known before", True),
    ]


def test_what_neither_run_knows_is_no_gap() -> None:
    found = drift_between(make_run([row("retry_enabled")], EARLIER), make_run([row("retry_enabled")]))
    assert found.drift.empty
    assert found.not_compared.empty


def test_a_new_job_and_a_deleted_one_have_not_changed() -> None:
    old, new = make_run([row("is_disabled", False)], EARLIER), make_run([row("is_disabled", True, object_id="j2")])
    assert drift_between(old, new).drift.empty
    assert sorted(gap[3:] for gap in _gaps(old, new)) == [("created", False), ("deleted", False)]


@pytest.mark.parametrize("status", ["partial", "denied", "failed", "not collected"])
def test_what_was_not_read_is_not_deleted(status: str) -> None:
    old, new = make_run([row("is_disabled", False)], EARLIER), make_run([], status={"job": status})
    assert _gaps(old, new) == [("job", "Nightly", None, "not read", True), ("job", None, None, "not read", True)]
    back = _gaps(make_run([], EARLIER, status={"job": status}), make_run([row("is_disabled", False)]))
    assert back == [("job", "Nightly", None, "not read", True), ("job", None, None, "not read", True)]


def test_jobs_beside_those_asked_for_are_no_gap() -> None:
    old, new = make_run([row("is_disabled", False)], EARLIER), make_run([], status={"job": "narrowed"})
    assert _gaps(old, new) == [("job", "Nightly", None, "out of scope", False)]


def test_a_kind_that_no_older_revision_has_is_no_gap() -> None:
    old, new = make_run([], EARLIER, status={"job": "absent"}), make_run([row("is_disabled", False)])
    assert _gaps(old, new) == [("job", "Nightly", None, "newly visible", False)]


def test_an_object_is_known_by_its_id_then_by_its_name() -> None:
    renamed = _changes([row("is_disabled", False)], [row("is_disabled", True, object_name="New name")])
    assert renamed == [("New name", "is_disabled", "false", "true", "weakening")]
    by_name = _changes([row("is_disabled", False, object_id=None)], [row("is_disabled", True)])
    assert len(by_name) == 1
    assert _changes([row("is_disabled", False, object_id="J1")], [row("is_disabled", False)]) == []


def test_objects_that_cannot_be_told_apart_are_not_compared() -> None:
    twice = [row("encryption_enabled", value, object_type="traffic rule", object_id=None) for value in (True, False)]
    one = row("encryption_enabled", False, object_type="traffic rule", object_id=None)
    nameless = row("retry_enabled", True, object_id=None, object_name=None)
    old, new = (
        make_run([*twice, nameless, row("is_disabled", False)], EARLIER),
        make_run([one, nameless, row("is_disabled", True)]),
    )
    found = drift_between(old, new)
    assert found.drift["control"].tolist() == ["is_disabled"]
    assert set(found.not_compared["kind"]) == {"ambiguous", "created"}


def test_a_server_is_known_by_its_own_id() -> None:
    moved = [row("is_disabled", True, server="10.0.0.7")]
    new = make_run(moved, servers=[("vbr-1", "10.0.0.7")])
    found = drift_between(make_run([row("is_disabled", False)], EARLIER), new)
    assert found.drift["server"].tolist() == ["10.0.0.7"]
    assert found.not_compared.empty


def test_a_server_without_an_id_is_known_by_its_name() -> None:
    old = make_run([row("is_disabled", False, server_id="vbr01")], EARLIER, servers=[("vbr01", "vbr01")])
    assert drift_between(old, make_run([row("is_disabled", True)])).drift["server_id"].tolist() == ["vbr-1"]
    stranger = make_run([row("is_disabled", True, server_id="vbr-2")], servers=[("vbr-2", "vbr01")])
    found = drift_between(make_run([row("is_disabled", False)], EARLIER), stranger)
    assert found.drift.empty
    assert sorted(found.not_compared["kind"]) == ["new server", "server gone"]


def test_a_server_that_was_read_under_two_names_counts_once() -> None:
    both = [row("is_disabled", False), row("is_disabled", True, server="vbr01.example")]
    run = make_run(both, EARLIER, servers=[("vbr-1", "vbr01"), ("vbr-1", "vbr01.example")])
    found = drift_between(run, make_run([row("is_disabled", True)]))
    assert len(found.drift) == 1


def test_pseudonyms_are_not_compared_with_names() -> None:
    def mails(*names: str) -> dict[str, Any]:
        return row("recipients", list(names), object_type="email settings", object_id=None, object_name="email")

    old, new = make_run([mails("a@b")], EARLIER), make_run([mails("account-1")], hides_accounts=True)
    assert drift_between(old, new).drift.empty
    assert [gap[3:] for gap in _gaps(old, new)] == [("not known now", True)]


_VALUES = st.one_of(
    st.booleans(),
    st.integers(0, 40),
    st.sampled_from(["Days", "Months", "RestorePoints", "Process", "CopyOnly", "x"]),
    st.lists(st.sampled_from(["a", "b", "c", "Monday"]), max_size=3),
    st.none(),
    st.just(...),
)
_NAMES = (
    *("retry_enabled", "retention_quantity", "retention_type", "schedule_daily_enabled", "schedule_monthly_enabled"),
    *("source_job_ids", "excluded_count", "transaction_log_handling", "compression_level", "new"),
)
_CONTROLS = st.sampled_from(_NAMES)
_JOBS = st.dictionaries(st.sampled_from(["j1", "j2", "j3"]), st.dictionaries(_CONTROLS, _VALUES), max_size=3)
_SOME = (True, False, 14, 7, "Days", "Months", "Process", "CopyOnly", "x", ["a", "b", "Monday"], ["c"], [], None, ...)


def _jobs_from(*starts: int) -> dict[str, dict[str, Any]]:
    """Jobs that have every control, each with another of `_SOME`, which begin at `starts`."""
    return {
        f"j{number}": {name: _SOME[(start + place) % len(_SOME)] for place, name in enumerate(_NAMES)}
        for number, start in enumerate(starts, 1)
    }


_OLD, _NEW = _jobs_from(0, 4, 8), _jobs_from(1, 9)
"""Every kind of value in place of every other kind, and a job that is gone."""


def _rows_of(jobs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        row(control, value, object_id=job, object_name=job)
        for job, values in jobs.items()
        for control, value in values.items()
    ]


def _counted(drift: pd.DataFrame, mirrored: bool) -> list[tuple[Any, ...]]:
    mirror = {"weakening": "strengthening", "strengthening": "weakening"} if mirrored else {}
    return sorted(
        (change.object_id, change.control, mirror.get(change.direction, change.direction))
        for change in drift.itertuples()
    )


@example(_OLD, _NEW)
@settings(max_examples=3)
@given(_JOBS, _JOBS)
def test_what_weakens_there_strengthens_back(old: dict[str, Any], new: dict[str, Any]) -> None:
    there = drift_between(make_run(_rows_of(old), EARLIER), make_run(_rows_of(new)))
    back = drift_between(make_run(_rows_of(new), EARLIER), make_run(_rows_of(old)))
    assert _counted(there.drift, mirrored=True) == _counted(back.drift, mirrored=False)
    assert drift_between(make_run(_rows_of(old), EARLIER), make_run(_rows_of(old))).drift.empty


@example(_OLD, _NEW, Random(1))
@settings(max_examples=3)
@given(_JOBS, _JOBS, st.randoms())
def test_no_order_matters(old: dict[str, Any], new: dict[str, Any], random: Any) -> None:
    first, second = _rows_of(old), _rows_of(new)
    expected = drift_between(make_run(first, EARLIER), make_run(second))
    shuffled = []
    for rows in (first, second):
        other = [dict(each) for each in rows]
        for each in other:
            if str(each["value"]).startswith("["):
                items = each["value"].strip("[]").split(",")
                random.shuffle(items)
                each["value"] = f"[{','.join(items)}]"
        random.shuffle(other)
        shuffled.append(other)
    found = drift_between(make_run(shuffled[0], EARLIER), make_run(shuffled[1]))
    assert _counted(found.drift, mirrored=False) == _counted(expected.drift, mirrored=False)
    columns = ["object_id", "control", "kind"]
    gaps = [
        frame[columns].astype(object).fillna("").sort_values(columns).to_numpy().tolist()
        for frame in (found.not_compared, expected.not_compared)
    ]
    assert gaps[0] == gaps[1]


@example(_NEW, _OLD, "x")
@settings(max_examples=3)
@given(_JOBS, _JOBS, _VALUES)
def test_an_odd_row_of_another_job_changes_nothing(old: dict[str, Any], new: dict[str, Any], odd: Any) -> None:
    def of_others(drift: pd.DataFrame) -> list[tuple[Any, ...]]:
        return [each for each in _counted(drift, mirrored=False) if each[0] != "odd"]

    alone = drift_between(make_run(_rows_of(old), EARLIER), make_run(_rows_of(new)))
    beside = [row("retry_enabled", odd, object_id=key, object_name=None) for key in ("odd", "odd", None)]
    together = drift_between(make_run([*_rows_of(old), *beside], EARLIER), make_run([*_rows_of(new), *beside[:1]]))
    assert of_others(together.drift) == of_others(alone.drift)


@example(_NEW, _OLD)
@settings(max_examples=3)
@given(_JOBS, _JOBS)
def test_every_setting_is_compared_or_named(old: dict[str, Any], new: dict[str, Any]) -> None:
    """A setting that one run knows is the same, has changed, or stands among what was not compared."""
    found = drift_between(make_run(_rows_of(old), EARLIER), make_run(_rows_of(new)))
    named = {(each.object_id, each.control) for each in found.not_compared.itertuples() if each.control is not pd.NA}
    whole = {each.object_id for each in found.not_compared.itertuples() if each.control is pd.NA}
    compared = dict(zip(found.compared["object_id"], found.compared["compared"], strict=True))
    for job in old.keys() | new.keys():
        known = [
            control
            for control in old.get(job, {}).keys() | new.get(job, {}).keys()
            if any(values.get(job, {}).get(control, ...) is not ... for values in (old, new))
        ]
        if job in compared:
            assert len(known) == compared[job] + sum((job, control) in named for control in known)
        elif known:
            assert job in whole


def test_each_change_of_many_settings_is_told_once() -> None:
    jobs, controls = 40, [f"retry_{number}" for number in range(64)]
    ids = [f"j{number}" for number in range(jobs) for _ in controls]
    frame = {
        "server_id": ["vbr-1"] * len(ids),
        "server": ["vbr01"] * len(ids),
        "revision": ["1.3-rev1"] * len(ids),
        "object_type": ["job"] * len(ids),
        "object_id": ids,
        "object_name": ids,
        "control": controls * jobs,
        "value": ["true"] * len(ids),
        "supported": [True] * len(ids),
    }
    old = conform(frame, SPEC)[0]
    new = old.assign(value=old["value"].mask(old.index % 97 == 0, "false"))
    read = make_run([]).read
    drift = drift_between(SettingsOfRun(EARLIER, old, read), SettingsOfRun(LATER, new, read)).drift
    changed = range(0, len(ids), 97)
    assert len(drift) == len(changed)
    assert set(zip(drift["object_id"], drift["control"], strict=True)) == {
        (ids[place], controls[place % len(controls)]) for place in changed
    }
