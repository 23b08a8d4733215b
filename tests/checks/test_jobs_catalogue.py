"""Checks of jobs over several rows: joins, names that occur twice, parameters that are wrong."""

from __future__ import annotations

import pandas as pd
import pytest

from vbr_audit.checks import load_policy
from vbr_audit.checks.catalogue.jobs.encryption import encryption_key_known, passwords_spread
from vbr_audit.checks.catalogue.jobs.guests import predecessor_runs
from vbr_audit.checks.catalogue.jobs.storage import gfs_long_enough
from vbr_audit.checks.catalogue.runs.starts import runs_in_window
from vbr_audit.checks.engine.outcome import EXAMPLE_SINCE, EXAMPLE_UNTIL
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.display import time_zone
from vbr_audit.errors import PolicyError
from vbr_audit.tables.build.schema import conform


def table(name: str, *rows: dict[str, object]) -> pd.DataFrame:
    columns = dict.fromkeys(key for row in rows for key in row)
    return conform({key: [row.get(key) for row in rows] for key in columns}, TABLES[name])[0]


def test_a_pattern_that_is_no_regular_expression_is_an_error_of_the_policy() -> None:
    with pytest.raises(PolicyError, match="not a regular expression"):
        load_policy('version: 1\nchecks:\n  JOB-025: {params: {pattern: "(PRD"}}\n')


def test_a_tier_that_is_met_exactly_passes_and_only_its_own_job_is_asked() -> None:
    on = {"gfs_enabled": True, "gfs_weekly_enabled": True, "gfs_monthly_enabled": False, "gfs_yearly_enabled": False}
    jobs = table("jobs", *({"job_id": name, **on, "gfs_weekly_count": 8} for name in "ab"))
    demands = table("job_demands", {"job_id": "b", "gfs_weekly": 9}, {"job_id": "a", "gfs_weekly": 8})
    assert gfs_long_enough(jobs, demands).ok.tolist() == [True, False]


def test_a_name_that_two_jobs_have_leaves_open_which_one_is_meant() -> None:
    after = {"schedule_after_job_enabled": True, "schedule_after_job_name": "First", "is_disabled": False}
    after |= {"settings_profile": "1.3-rev1/VSphereBackup"}
    jobs = table("jobs", *({"job_id": str(n), "name": name, **after} for n, name in enumerate(["First", "First", "B"])))
    found = predecessor_runs(jobs, table("job_states"))
    assert found.ok.isna().all()
    told = table("job_states", {"job_id": "2", "run_after_job_id": "0"})
    assert predecessor_runs(jobs, told).ok.tolist() == [pd.NA, pd.NA, True]


def test_jobs_that_do_not_encrypt_do_not_share_a_password() -> None:
    password = {"encryption_type": "ByUserPassword", "encryption_password_id": "p"}
    rows = [{"encryption_enabled": on, **password} for on in (True, True, False)]
    assert passwords_spread(table("jobs", *rows), max_jobs=2).ok.tolist()[:2] == [True, True]
    assert passwords_spread(table("jobs", *rows), max_jobs=1).ok.tolist()[:2] == [False, False]


def test_a_password_may_be_one_whose_id_was_not_told() -> None:
    jobs = table(
        "jobs", {"encryption_enabled": True, "encryption_type": "ByUserPassword", "encryption_password_id": "p"}
    )
    passwords = table("encryption_passwords", {"encryption_password_id": None, "is_imported": False})
    assert encryption_key_known(jobs, passwords, table("kms_servers")).ok.isna().all()


@pytest.mark.parametrize(
    ("start", "end", "created", "ended", "result"),
    [
        (1200, 360, "2026-10-10T18:00Z", "2026-10-11T04:00Z", True),  # 20:00 to 06:00 in Berlin
        (1200, 360, "2026-10-10T17:59Z", "2026-10-11T04:00Z", False),
        (1200, 360, "2026-10-11T03:00Z", "2026-10-11T19:00Z", False),  # ends inside of the next window
        (540, 1020, "2026-10-10T07:00Z", "2026-10-10T15:00Z", True),
        (540, 1020, "2026-10-10T07:00Z", "2026-10-10T15:01Z", False),
        (0, 0, "2026-10-10T07:00Z", "2026-10-13T15:01Z", True),
    ],
)
def test_the_window_is_that_of_the_zone_and_may_reach_over_midnight(
    start: int, end: int, created: str, ended: str, result: bool
) -> None:
    found = runs_in_window(
        table("jobs", {"job_id": "a"}),
        table("sessions", {"job_id": "a", "created": created, "ended": ended}),
        table("run_window", {"start_min": start, "end_min": end}),
        since=EXAMPLE_SINCE,
        until=EXAMPLE_UNTIL,
        clocks=(time_zone("Europe/Berlin"),),
    )
    assert found.ok.tolist() == [result]
