"""Random jobs against an oracle that was written apart from the checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vbr_audit.checks import load_policy, run_checks

YES_NO = st.sampled_from([True, False, None])
PROFILES = {
    "1.3-rev1/VSphereBackup": {"retry", "gfs", "encryption"},
    "1.2-rev1/VSphereBackup": {"retry", "gfs", "encryption"},
    "1.3-rev1/VSphereReplica": {"retry"},
    "1.3-rev1/SureBackupContentScan": set(),
    "1.3-rev1/BackupCopy/Immediate": {"gfs", "encryption"},
    None: None,
}
JOBS = st.lists(
    st.fixed_dictionaries(
        {
            "settings_profile": st.sampled_from(list(PROFILES)),
            "is_disabled": YES_NO,
            "retry_enabled": YES_NO,
            "retry_count": st.sampled_from([None, 0, 1, 2, 3, 10]),
            "gfs_enabled": YES_NO,
            "gfs_level_enabled": YES_NO,
            "encryption_enabled": YES_NO,
        }
    ),
    min_size=1,
    max_size=12,
)


def all_of(*parts: bool | None) -> str:
    """Good if all parts are, bad as soon as one is bad, else not known."""
    if False in parts:
        return "FAIL"
    return "UNKNOWN" if None in parts else "PASS"


def oracle(row: dict[str, Any], check_id: str, min_retries: int) -> str:
    if check_id == "JOB-001":
        return all_of(None if row["is_disabled"] is None else not row["is_disabled"])
    has = PROFILES[row["settings_profile"]]
    group = {"JOB-003": "retry", "JOB-004": "gfs", "JOB-008": "encryption"}[check_id]
    if has is None:
        return "UNKNOWN"
    if group not in has:
        return "NOT_APPLICABLE"
    if check_id == "JOB-003":
        count = row["retry_count"]
        return all_of(row["retry_enabled"], None if count is None else count >= min_retries)
    if check_id == "JOB-004":
        return all_of(row["gfs_enabled"], row["gfs_level_enabled"])
    return all_of(row["encryption_enabled"])


def as_the_tables_give_it(row: dict[str, Any]) -> dict[str, Any]:
    """A control that the profile does not have, or that nobody can read, is never filled."""
    has = PROFILES[row["settings_profile"]] or set()
    return {
        key: None
        if key.partition("_")[0] in ("retry", "gfs", "encryption") and key.partition("_")[0] not in has
        else value
        for key, value in row.items()
    }


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=JOBS, min_retries=st.integers(1, 4))
def test_checks_agree_with_the_oracle(
    snapshot_of: Callable[..., Any], rows: list[dict[str, Any]], min_retries: int
) -> None:
    filled = [as_the_tables_give_it(row) for row in rows]
    jobs = [
        {"server": "vbr01", "job_id": str(number), "name": "same name", "type": "T", "seen_in": "jobs", **row}
        for number, row in enumerate(filled)
    ]
    text = "version: 1\nchecks:\n  'RUN-*': {enabled: false, reason: x}\n  JOB-003: {params: {min_retries: %d}}\n"
    frame = run_checks(snapshot_of(jobs=jobs), load_policy(text % min_retries)).results
    for check_id in ("JOB-001", "JOB-003", "JOB-004", "JOB-008"):
        found = frame.loc[(frame["check_id"] == check_id).to_numpy(dtype=bool), "result"].tolist()
        assert found == [oracle(row, check_id, min_retries) for row in filled], check_id
