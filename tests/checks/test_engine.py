"""The engine's promises: one finding per object, nothing passes silently, a check that breaks stays alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any

import pandas as pd
import pytest
from core_checks import core_policy

from vbr_audit.checks import Outcome, Policy, Registry, load_policy, param, run_checks
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import older_than
from vbr_audit.checks.run import CheckRun
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.errors import CheckError
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.tables.build.schema import conform

Make = Callable[..., Any]


def declare(function: Callable[..., Any], **facts: Any) -> Registry:
    """A registry with one check."""
    registry = Registry()
    function.__doc__ = "Because."
    facts = {
        "check_id": "TST-001",
        "title": "All is well",
        "severity": "high",
        "table": "jobs",
        "reads": ("retry_enabled",),
        "remediation": "Do: it.",
    } | facts
    registry.add(check(**facts)(function))
    return registry


def results(run: CheckRun, check_id: str, column: str = "result") -> list[Any]:
    frame = run.results
    return frame.loc[(frame["check_id"] == check_id).to_numpy(dtype=bool), column].tolist()


def test_one_finding_per_object_and_one_coverage_row_per_server(snapshot_of: Make, job: Make) -> None:
    jobs = [job("a", retry_enabled=True, retry_count=3), job("b"), job("c", type=None, settings_profile=None)]
    run = run_checks(snapshot_of(jobs=jobs), core_policy())

    per_object = run.results.groupby(["server", "check_id", "object_id"], dropna=False).size()
    assert (per_object == 1).all()
    enabled = [use for use in run.uses if use.enabled]
    for use in enabled:
        population = {"jobs": 3, "datasets": 8}.get(use.check.population, 1)
        assert len(results(run, use.check.id)) == population
    assert run.coverage["check_id"].tolist() == [use.check.id for use in enabled]
    assert list(run.sizes) == [len(results(run, use.check.id)) for use in enabled]
    assert set(run.results.dtypes) == {STRING}


def test_empty_server_has_coverage_and_passes_nothing(snapshot_of: Make) -> None:
    run = run_checks(snapshot_of(), core_policy())

    jobs = run.coverage[(run.coverage["area"] != "Evidence").to_numpy(dtype=bool)]
    assert len(jobs) == 12
    assert jobs["population"].tolist() == [0] * 12
    assert jobs["whole"].tolist() == [True] * 12
    assert results(run, "EVD-003") == ["UNKNOWN"]
    assert results(run, "EVD-003", "reason") == ["the server keeps no session at all"]


def test_no_server_at_all(snapshot_of: Make) -> None:
    run = run_checks(snapshot_of(servers=()), core_policy())
    assert run.results.empty
    assert run.coverage.empty
    assert run.coverage["whole"].dtype == "boolean"


def test_unknown_type_is_unknown_but_for_base_properties(snapshot_of: Make, job: Make) -> None:
    stranger = job("x", type="ProxmoxBackup", settings_profile=None, is_disabled=False)
    state_only = job("y", type="CloudBackupAzure", settings_profile=None, seen_in="job_states", is_disabled=True)
    run = run_checks(snapshot_of(jobs=[stranger, state_only]), core_policy())

    assert results(run, "JOB-001") == ["PASS", "FAIL"]
    for name in ("JOB-002", "JOB-003", "JOB-004", "JOB-007", "JOB-008", "JOB-012", "JOB-015"):
        assert results(run, name) == ["UNKNOWN", "UNKNOWN"]
        assert results(run, name, "reason") == [
            "settings not readable for job type ProxmoxBackup",
            "settings not readable: the server shows only the state of this job (type CloudBackupAzure)",
        ]


def test_a_setting_only_shown_by_a_newer_revision_is_unknown(snapshot_of: Make, job: Make) -> None:
    pinned = job("p", type="FileBackup", settings_profile="1.3-rev1<1.3-rev2/FileBackup")
    run = run_checks(snapshot_of(jobs=[pinned]), core_policy())
    assert results(run, "JOB-004") == ["UNKNOWN"]
    assert results(run, "JOB-004", "reason") == [
        "gfs_enabled is not shown in revision 1.3-rev1, only in a newer one of this server"
    ]


def test_an_unknown_variant_and_an_inherited_setting_are_told(snapshot_of: Make, job: Make) -> None:
    copy = job("c", type="BackupCopy", settings_profile="1.3-rev1/BackupCopy/?")
    heir = job("h", type="FileBackupCopy", settings_profile="1.3-rev1/FileBackupCopy")
    run = run_checks(snapshot_of(jobs=[copy, heir]), core_policy())
    assert results(run, "JOB-003", "reason")[0] == (
        "which kind of BackupCopy this is, is not reported, so retry_enabled cannot be judged"
    )
    assert results(run, "JOB-008", "reason")[1] == (
        "encryption.isEnabled is missing in the answer, or inherited from the job that it copies"
    )


@pytest.mark.parametrize("status", ["denied", "absent", "failed"])
def test_dataset_that_was_not_read_is_one_unknown(snapshot_of: Make, job: Make, status: str) -> None:
    snapshot = snapshot_of(jobs=[job()], status={("vbr01", "jobs"): status})
    run = run_checks(snapshot, core_policy())

    for use in run.uses:
        if use.enabled and use.check.population == "jobs":
            assert results(run, use.check.id) == ["UNKNOWN"]
            assert results(run, use.check.id, "object_type") == ["server"]
            assert results(run, use.check.id, "reason") == [f"could not be read: jobs: {status} (403)"]
    covered = run.coverage[(run.coverage["check_id"] == "JOB-001").to_numpy(dtype=bool)]
    assert covered["population"].isna().all()
    assert covered["whole"].tolist() == [False]


def test_dataset_that_nobody_asked_for(snapshot_of: Make, job: Make) -> None:
    run = run_checks(snapshot_of(jobs=[job()], skipped=["job_states"]), core_policy())
    assert results(run, "RUN-003", "reason") == ["could not be read: job_states: not collected"]
    frame = run.results[(run.results["check_id"] == "EVD-001").to_numpy(dtype=bool)].set_index("object_id")
    assert frame.loc["job_states", "result"] == "FAIL"
    assert frame.loc["job_states", "observed"] == "not collected"


def test_partial_jobs_answer_for_what_was_read(snapshot_of: Make, job: Make) -> None:
    run = run_checks(snapshot_of(jobs=[job(is_disabled=False)], status={("vbr01", "jobs"): "partial"}), core_policy())
    assert results(run, "JOB-001") == ["PASS"]
    covered = run.coverage[(run.coverage["check_id"] == "JOB-001").to_numpy(dtype=bool)]
    assert covered["whole"].tolist() == [False]
    assert covered["reason"].tolist() == ["not read whole: jobs: partial (403)"]


def test_partial_sessions_give_no_rate_and_tell_of_no_job_that_it_did_not_run(snapshot_of: Make, job: Make) -> None:
    run = run_checks(
        snapshot_of(
            jobs=[job("a", expected_to_run=True), job("b", expected_to_run=False)],
            job_states=[{"server": "vbr01", "job_id": "id-of-a", "last_result": "Failed"}],
            sessions=[
                {"server": "vbr01", "job_id": "id-of-a", "state": "Stopped", "result": "Success",
                 "created": "2026-10-20T00:00:00Z"}
            ],
            status={("vbr01", "sessions"): "partial"},
        ),
        core_policy(),
    )  # fmt: skip
    assert results(run, "RUN-005") == ["UNKNOWN", "UNKNOWN"]
    assert results(run, "RUN-005", "reason")[0] == "cannot be answered from a part of the rows: sessions: partial (403)"
    assert results(run, "RUN-001") == ["FAIL", "UNKNOWN"], "the state alone answers for the first"
    assert results(run, "RUN-001", "reason")[1] == (
        "no state was returned for this job (not read whole: sessions: partial (403))"
    )


def test_denied_on_one_server_does_not_touch_the_other(snapshot_of: Make, job: Make) -> None:
    jobs = [job("a", is_disabled=False), job("b", is_disabled=True) | {"server": "vbr02"}]
    status = {("vbr01", "jobs"): "denied"}
    run = run_checks(snapshot_of(servers=("vbr01", "vbr02"), jobs=jobs, status=status), core_policy())

    frame = run.results[(run.results["check_id"] == "JOB-001").to_numpy(dtype=bool)]
    assert frame[["server", "object_name", "result"]].to_numpy().tolist() == [
        ["vbr01", "vbr01", "UNKNOWN"],
        ["vbr02", "b", "FAIL"],
    ]


def test_same_job_id_on_two_servers_is_kept_apart(snapshot_of: Make, job: Make) -> None:
    jobs = [job(expected_to_run=True), job(expected_to_run=True) | {"server": "vbr02"}]
    states = [{"server": "vbr02", "job_id": "id-of-Nightly", "last_result": "Failed"}]
    run = run_checks(snapshot_of(servers=("vbr01", "vbr02"), jobs=jobs, job_states=states), core_policy())
    assert results(run, "RUN-001") == ["UNKNOWN", "FAIL"]


def _crash(jobs: pd.DataFrame) -> pd.Series:
    raise ZeroDivisionError("no luck")


def _bool_dtype(jobs: pd.DataFrame) -> pd.Series:
    return pd.Series([True] * len(jobs), index=jobs.index)


def _wrong_index(jobs: pd.DataFrame) -> pd.Series:
    return pd.Series([True], index=[99], dtype="boolean")


def _no_series(jobs: pd.DataFrame) -> bool:
    return True


def _wrong_severity(jobs: pd.DataFrame) -> Outcome:
    return Outcome(jobs["retry_enabled"], severity="catastrophic")


def _words_that_are_none(jobs: pd.DataFrame) -> Outcome:
    return Outcome(jobs["retry_enabled"], observed=pd.Series([1, 2], index=jobs.index))


def _foreign_words(jobs: pd.DataFrame) -> Outcome:
    return Outcome(jobs["retry_enabled"], reason=pd.Series(["x"], dtype=STRING))


def _bool_applies(jobs: pd.DataFrame) -> Outcome:
    return Outcome(jobs["retry_enabled"], applies=jobs["retry_enabled"].notna())


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_crash, "ZeroDivisionError: no luck"),
        (_bool_dtype, "dtype bool, not nullable boolean"),
        (_wrong_index, "another index"),
        (_no_series, "ok is a bool, not a Series"),
        (_wrong_severity, "'catastrophic', not one of"),
        (_words_that_are_none, "observed must hold text"),
        (_foreign_words, "reason must be one text, or a Series"),
        (_bool_applies, "applies has dtype bool"),
    ],
)
def test_broken_check_is_an_error_per_object(
    snapshot_of: Make, job: Make, only: Make, function: Callable[..., Any], words: str
) -> None:
    registry = declare(function)

    def fine(jobs: pd.DataFrame) -> pd.Series:
        """It holds."""
        return jobs["is_disabled"]

    declare_fine = check("TST-002", "Disabled", severity="low", table="jobs", reads=("is_disabled",), remediation="x")
    registry.add(declare_fine(fine))
    jobs = [job("a", retry_enabled=True, is_disabled=True), job("b", retry_enabled=True, is_disabled=False)]
    run = run_checks(snapshot_of(jobs=jobs), only(registry))

    assert results(run, "TST-001") == ["ERROR", "ERROR"]
    assert words in results(run, "TST-001", "reason")[0]
    assert results(run, "TST-002") == ["PASS", "FAIL"], "the others go on"
    assert len(run.broken) == 1
    assert words in run.broken[0]
    assert words in run.coverage["reason"].tolist()[0]


def test_check_gets_copies_of_what_it_reads_and_no_more(snapshot_of: Make, job: Make, only: Make) -> None:
    seen: list[list[str]] = []

    def vandal(jobs: pd.DataFrame) -> pd.Series:
        seen.append(list(jobs.columns))
        answer = jobs["retry_enabled"].copy()
        jobs["retry_count"].array._data[:] = 7  # type: ignore[attr-defined]
        jobs["retry_enabled"] = False
        jobs.loc[:, "retry_count"] = 99
        del jobs["retry_enabled"]
        return answer

    snapshot: Snapshot = snapshot_of(jobs=[job(retry_enabled=True, retry_count=3)])
    before = {name: frame.copy(deep=True) for name, frame in snapshot.tables.items()}
    run = run_checks(snapshot, only(declare(vandal, reads=("retry_enabled", "retry_count"))))

    assert seen == [["retry_enabled", "retry_count"]]
    assert results(run, "TST-001") == ["PASS"], run.broken
    assert results(run, "TST-001", "observed") == ["on"]
    for name, frame in before.items():
        pd.testing.assert_frame_equal(snapshot.tables[name], frame)


def test_severity_of_single_objects_and_the_policy_above_it(snapshot_of: Make, job: Make) -> None:
    def lower(jobs: pd.DataFrame) -> Outcome:
        words = pd.Series(["low", pd.NA], index=jobs.index, dtype=STRING)
        return Outcome(jobs["retry_enabled"], severity=words)

    registry = declare(lower)
    snapshot = snapshot_of(jobs=[job("a", retry_enabled=False), job("b", retry_enabled=False)])

    def severities(policy: Policy) -> list[Any]:
        return results(run_checks(snapshot, policy), "TST-001", "severity")

    assert severities(load_policy("version: 1\n", registry=registry)) == ["low", "high"]
    for word, expected in (("critical", ["low", "critical"]), ("info", ["info", "info"])):
        text = f"version: 1\nchecks:\n  TST-001: {{severity: {word}}}\n"
        assert severities(load_policy(text, registry=registry)) == expected


def test_hostile_names_pass_through_as_data(snapshot_of: Make, job: Make) -> None:
    names = [
        "=cmd|' /C calc'!A0",
        "<script>alert(1)</script>",
        "\x1b[31m\x00\n",
        "{min_retries}",
        "ü" * 300,
        "",
        "💾 %s",
    ]
    jobs = [job(name, is_disabled=False) for name in names]
    run = run_checks(snapshot_of(jobs=jobs), core_policy())
    assert results(run, "JOB-001", "object_name") == names
    assert results(run, "JOB-001") == ["PASS"] * len(names)


def test_json_path_and_observed_come_from_the_map(snapshot_of: Make, job: Make) -> None:
    copy = job("c", type="BackupCopy", settings_profile="1.3-rev1/BackupCopy/Periodic", encryption_enabled=False)
    run = run_checks(snapshot_of(jobs=[job("a", encryption_enabled=True), copy]), core_policy())
    assert results(run, "JOB-008", "json_path") == [
        "storage.advancedSettings.storageData.encryption.isEnabled",
        "target.advancedSettings.storageData.encryption.isEnabled",
    ]
    assert results(run, "JOB-008", "observed") == ["on", "off"]


def test_a_check_of_servers_shows_instants(snapshot_of: Make, only: Make) -> None:
    def clock_known(servers: pd.DataFrame, *, now: dt.datetime) -> Outcome:
        return Outcome(older_than(servers["server_time"], dt.timedelta(days=1), now=now), severity="info")

    registry = declare(clock_known, table="servers", reads=("server_time",))
    servers = [{"server": "vbr01", "server_time": "2026-10-02T03:04:05Z"}, {"server": "vbr02"}]
    run = run_checks(snapshot_of(servers=("vbr01", "vbr02")), only(registry))
    assert results(run, "TST-001", "reason") == ["server_time is missing in the answer"] * 2, "no table, no clock"
    snapshot = snapshot_of(servers=("vbr01", "vbr02"))
    told = Snapshot.from_tables(
        {"servers": conform({key: [row.get(key) for row in servers] for key in servers[0]}, SPECS["servers"])[0]},
        now=snapshot.now,
        since=snapshot.since,
        until=snapshot.until,
        manifest=snapshot.manifest,
    )
    run = run_checks(told, only(registry))
    assert results(run, "TST-001") == ["PASS", "UNKNOWN"]
    assert results(run, "TST-001", "observed") == ["2026-10-02 03:04 UTC", pd.NA]
    assert results(run, "TST-001", "severity") == ["info", "info"]


def test_parameters_become_a_strict_model() -> None:
    def asking(jobs: pd.DataFrame, *, least: Annotated[int, param("Least.", unit="days", ge=1, le=9)] = 2) -> pd.Series:
        return jobs["retry_enabled"]

    registry = declare(asking, expected="≥ {least}")
    (parameter,) = registry.get("TST-001").parameters
    assert (parameter.name, parameter.type, parameter.default) == ("least", "int", 2)
    assert (parameter.bounds, parameter.unit, parameter.help) == ("at least 1, at most 9", "days", "Least.")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"reads": ("nonsense",)}, "jobs has no column nonsense"),
        ({"reads": ("sessions.result",)}, "unknown table sessions"),
        ({"table": "sessions", "reads": ("result",)}, "its first table must be one of jobs, backups, replicas"),
        ({"remediation": ""}, "it must say what to do"),
        ({"severity": "worst"}, "unknown severity worst"),
        ({"aggregates": ("sessions",)}, "it does not read sessions"),
        ({"check_id": "7"}, "an id looks like JOB-001"),
        ({"title": "x" * 101}, "its title needs 1 to 100 characters"),
        ({"table": None, "reads": ()}, "its first table must be one of"),
    ],
)
def test_wrong_declaration_is_refused(facts: dict[str, Any], words: str) -> None:
    def function(jobs: pd.DataFrame) -> pd.Series:
        return jobs["retry_enabled"]

    with pytest.raises(CheckError, match=words):
        declare(function, **facts)


def test_two_checks_with_one_id_and_a_parameter_without_default_are_refused() -> None:
    def function(jobs: pd.DataFrame) -> pd.Series:
        """Because."""
        return jobs["is_disabled"]

    def needy(jobs: pd.DataFrame, *, least: int) -> pd.Series:
        return jobs["is_disabled"]

    registry = declare(function)
    with pytest.raises(CheckError, match="two checks have this id"):
        registry.add(registry.get("TST-001"))
    with pytest.raises(CheckError, match="the parameter least needs a default"):
        declare(needy)
