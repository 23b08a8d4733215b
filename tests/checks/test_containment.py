"""A check that goes wrong stays alone: every other finding is what it would have been without it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from core_checks import CORE_CHECKS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vbr_audit.checks import REGISTRY, CheckUse, Outcome, Policy, load_policy, run_checks
from vbr_audit.checks.derived import DERIVED
from vbr_audit.checks.drift.compare import SettingsOfRun
from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.engine.views import ServerView
from vbr_audit.checks.run import CheckRun
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.histories.drift.settings import settings_of_run

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)


def _raises(*frames: pd.DataFrame, **_: Any) -> pd.Series:
    raise KeyError("gone")


def _warns(*frames: pd.DataFrame, **_: Any) -> pd.Series:
    raise RuntimeWarning("seen as an error")


def _runs_out(*frames: pd.DataFrame, **_: Any) -> pd.Series:
    raise RecursionError


def _answers_plain_bool(population: pd.DataFrame, *_: pd.DataFrame, **__: Any) -> pd.Series:
    return pd.Series(np.ones(len(population), dtype=bool), index=population.index)


def _answers_elsewhere(population: pd.DataFrame, *_: pd.DataFrame, **__: Any) -> pd.Series:
    return pd.Series([True] * (len(population) + 1), dtype="boolean")


def _answers_nothing(*frames: pd.DataFrame, **_: Any) -> None:
    return None


def _speaks_numbers(population: pd.DataFrame, *_: pd.DataFrame, **__: Any) -> Outcome:
    yes = pd.Series([True] * len(population), index=population.index, dtype="boolean")
    return Outcome(yes, observed=pd.Series(range(len(population)), index=population.index))


def _spoils(*frames: pd.DataFrame, **_: Any) -> pd.Series:
    """Writes over everything that it can reach, then fails."""
    for frame in frames:
        for name in list(frame):
            values = frame[name].array
            for part in ("_data", "_mask", "_ndarray"):
                inside = getattr(values, part, None)
                if isinstance(inside, np.ndarray) and inside.flags.writeable and len(inside):
                    inside[:] = inside[0]
            frame[name] = pd.NA
        frame.drop(frame.index, inplace=True)
        frame["more"] = 1
    raise ValueError("after the damage")


WRONGS: dict[str, Callable[..., Any]] = {
    function.__name__.strip("_"): function
    for function in (
        *(_raises, _warns, _runs_out, _answers_plain_bool, _answers_elsewhere, _answers_nothing),
        *(_speaks_numbers, _spoils),
    )
}


def _estate(snapshot_of: Callable[..., Snapshot]) -> Snapshot:
    """Two servers with something to find; rows in every table that the jobs and their runs are judged by."""
    jobs, states, sessions = [], [], []
    for server in ("vbr01", "vbr02"):
        for number, kind in enumerate(("VSphereBackup", "VSphereReplica", "BackupCopy/Periodic", None)):
            jobs.append({
                "server": server, "job_id": f"{server}-{number}", "name": f"Job {number}", "seen_in": "jobs+job_states",
                "type": (kind or "Strange").partition("/")[0], "settings_profile": kind and f"1.3-rev1/{kind}",
                "is_disabled": number == 1, "retry_enabled": True, "retry_count": number, "expected_to_run": True,
                "encryption_enabled": number == 0,
            })  # fmt: skip
            last = NOW - dt.timedelta(hours=30 * number)
            states.append(
                {"server": server, "job_id": f"{server}-{number}", "last_result": "Success", "last_run": last}
            )
            sessions.append({"server": server, "job_id": f"{server}-{number}", "state": "Stopped", "result": "Failed",
                             "created": last})  # fmt: skip
    return snapshot_of(servers=("vbr01", "vbr02"), jobs=jobs, job_states=states, sessions=sessions)


def _with_wrong(policy: Policy, check_id: str, wrong: Callable[..., Any]) -> Policy:
    def swapped(use: CheckUse) -> CheckUse:
        if use.check.id != check_id:
            return use
        return replace(use, check=replace(use.check, function=wrong))

    return replace(policy, uses=tuple(swapped(use) for use in policy.uses))


def _others(run: CheckRun, check_ids: Collection[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Findings and coverage without those of some checks."""
    kept = [frame[~frame["check_id"].isin(check_ids).to_numpy(dtype=bool)] for frame in (run.results, run.coverage)]
    return kept[0].reset_index(drop=True), kept[1].reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Calm:
    """What the checks find where none of them goes wrong."""

    policy: Policy
    snapshot: Snapshot
    earlier: Earlier
    tables: dict[str, pd.DataFrame]
    run: CheckRun


@pytest.fixture(scope="module")
def calm(snapshot_of: Callable[..., Snapshot]) -> Calm:
    policy, snapshot = load_policy("version: 1\n"), _estate(snapshot_of)
    tables = {name: frame.copy(deep=True) for name, frame in snapshot.tables.items()}
    same = settings_of_run(snapshot)
    earlier = Earlier(SettingsOfRun(same.now - dt.timedelta(days=5), same.settings, same.read))
    run = run_checks(snapshot, policy, earlier=earlier)
    assert run.broken == ()
    return Calm(policy, snapshot, earlier, tables, run)


def _broken(calm: Calm, wrongs: Mapping[str, Callable[..., Any]]) -> CheckRun:
    """Let some checks go wrong, each in its own way, and look at everything else."""
    policy = calm.policy
    for check_id, wrong in wrongs.items():
        policy = _with_wrong(policy, check_id, wrong)
    broken = run_checks(calm.snapshot, policy, earlier=calm.earlier)
    for one, other in zip(_others(calm.run, wrongs), _others(broken, wrongs), strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert broken.datasets_needed == calm.run.datasets_needed
    for name, frame in calm.tables.items():
        assert calm.snapshot.tables[name].equals(frame), name
    return broken


def _look_at(calm: Calm, run: CheckRun, check_id: str) -> int:
    """Look at the answers of a check that went wrong; return how many servers it was asked on."""
    found = run.results.loc[(run.results["check_id"] == check_id).to_numpy(dtype=bool), "result"]
    assert set(found) <= {"ERROR", "UNKNOWN"}
    asked = calm.run.coverage.loc[(calm.run.coverage["check_id"] == check_id).to_numpy(dtype=bool), "population"]
    servers = int((asked.fillna(0) > 0).sum())
    told = [broken for broken in run.broken if broken.startswith(f"{check_id} ")]
    assert len(told) == servers, "said once for each server where it was asked"
    return servers


KINDS = dict(zip(WRONGS, CORE_CHECKS[3:], strict=False))
"""A check for each kind of wrong, all of which are asked about the jobs of both servers."""


@pytest.fixture(scope="module")
def of_all_kinds(calm: Calm) -> CheckRun:
    return _broken(calm, {KINDS[kind]: wrong for kind, wrong in WRONGS.items()})


@pytest.mark.parametrize("kind", WRONGS)
def test_every_kind_of_wrong_stays_alone(calm: Calm, of_all_kinds: CheckRun, kind: str) -> None:
    assert _look_at(calm, of_all_kinds, KINDS[kind]) == 2


AREAS = {check.area: check.id for check in reversed(REGISTRY.all())}


@pytest.fixture(scope="module")
def of_all_areas(calm: Calm) -> CheckRun:
    return _broken(calm, dict.fromkeys(AREAS.values(), _spoils))


@pytest.mark.parametrize("check_id", AREAS.values(), ids=AREAS)
def test_a_broken_check_of_any_area_stays_alone(calm: Calm, of_all_areas: CheckRun, check_id: str) -> None:
    _look_at(calm, of_all_areas, check_id)


def test_a_wrong_alone_is_all_that_is_said(calm: Calm) -> None:
    alone = _broken(calm, {"JOB-003": _spoils})
    assert len(alone.broken) == _look_at(calm, alone, "JOB-003") == 2


@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from([check.id for check in REGISTRY]), st.sampled_from(list(WRONGS)), min_size=4, max_size=12
    )
)
def test_any_wrong_in_any_place_stays_alone(calm: Calm, wrongs: dict[str, str]) -> None:
    broken = _broken(calm, {check_id: WRONGS[wrong] for check_id, wrong in wrongs.items()})
    assert len(broken.broken) == sum(_look_at(calm, broken, check_id) for check_id in wrongs)


def test_all_broken_at_once_is_an_error_for_each_object(calm: Calm) -> None:
    broken = calm.policy
    for check in REGISTRY:
        broken = _with_wrong(broken, check.id, _raises)
    run = run_checks(calm.snapshot, broken, earlier=calm.earlier)
    names = ["server", "check_id", "object_id"]
    pd.testing.assert_frame_equal(run.results[names], calm.run.results[names])
    assert "PASS" not in set(run.results["result"])
    assert run.sizes == calm.run.sizes


def test_a_derived_table_that_breaks_is_an_error_of_its_checks_alone(
    snapshot_of: Callable[..., Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(material: object) -> pd.DataFrame:
        raise ZeroDivisionError("odd data")

    broken = replace(DERIVED["protected_objects"], make=break_down)
    monkeypatch.setitem(DERIVED, "protected_objects", broken)  # type: ignore[misc]
    monkeypatch.setattr(ServerView, "is_read", lambda self, table: True)
    monkeypatch.setattr(ServerView, "marked_gaps", lambda self, table, readable=False: ())
    run = run_checks(snapshot_of(), load_policy())
    of_it = {use.check.id for use in run.uses if use.check.population == "protected_objects"}
    wrong = run.results[(run.results["result"] == "ERROR").to_numpy(dtype=bool)]
    assert of_it <= set(wrong["check_id"])
    assert set(wrong["object_type"]) == {"server"}
    assert wrong["reason"].str.contains("ZeroDivisionError: odd data").all()
    assert run.protected.empty
