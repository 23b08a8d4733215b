"""Waivers: what they accept, when they end, what they never touch, and what a file may not say."""

# ruff: noqa: E501 - a case and its message on one line

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from core_checks import text_of

from vbr_audit.checks import Outcome, Registry, load_policy
from vbr_audit.checks.engine.registry import check
from vbr_audit.errors import WaiverError
from vbr_audit.findings import Results, evaluate, load_waivers

Estate = Callable[..., Any]
BAD = {"encryption_enabled": False}
JOBS_TEXT = text_of("JOB-001", "JOB-003", "JOB-004", "JOB-008")
JOBS = load_policy(JOBS_TEXT)


def waiver(**other: str) -> str:
    keys = {
        "id": "W-12",
        "check": "JOB-008",
        "object_name": "'Lab *'",
        "owner": "a.smith",
        "reason": "moves to new storage",
        "expires": "2026-11-01",
    } | other
    body = "\n    ".join(f"{key}: {value}" for key, value in keys.items() if value)
    return f"version: 1\nwaivers:\n  - {body}\n"


def results(estate: Estate, text: str, *, now: dt.datetime | None = None) -> Results:
    jobs = {"Lab 1": BAD, "Payroll": BAD}
    snapshot = estate(jobs) if now is None else estate(jobs, now=now)
    return evaluate(snapshot, JOBS, load_waivers(text))


def row(found: Results, name: str) -> dict[str, Any]:
    frame = found.findings
    chosen = (frame["check_id"] == "JOB-008") & (frame["object_name"] == name)
    return dict(frame[chosen.to_numpy(dtype=bool)].iloc[0])


def test_a_waiver_accepts_what_fails_until_its_last_day_in_utc(estate: Estate) -> None:
    last_moment = dt.datetime(2026, 11, 1, 23, 59, tzinfo=dt.timezone(dt.timedelta(hours=-9)))
    for now, status in (
        (dt.datetime(2026, 11, 1, 23, 59, 59, tzinfo=dt.UTC), "WAIVED"),
        (dt.datetime(2026, 11, 2, tzinfo=dt.UTC), "FAIL"),
        (last_moment, "FAIL"),
    ):
        found = results(estate, waiver(), now=now)
        assert row(found, "Lab 1")["status"] == status
        assert row(found, "Lab 1")["result"] == "FAIL"
        assert row(found, "Payroll")["status"] == "FAIL"


def test_what_a_waived_finding_says(estate: Estate) -> None:
    found = results(estate, waiver(ticket="CHG-1042", approved_by="ciso"))
    lab = row(found, "Lab 1")
    assert lab["waiver_id"] == "W-12"
    assert lab["waiver_owner"] == "a.smith"
    assert lab["waiver_expires"] == "2026-11-01"
    assert lab["reason"] == "accepted until 2026-11-01 by waiver W-12 (CHG-1042): moves to new storage"
    assert found.summary.counts["WAIVED"] == 1
    assert [one.id for one in found.waivers.active] == ["W-12"]
    assert [one.id for one in found.waivers.expiring_soon] == ["W-12"]
    assert found.summary.verdict.detail.endswith("1 finding is accepted by waivers.")


def test_an_expired_waiver_gives_the_finding_back(estate: Estate) -> None:
    found = results(estate, waiver(expires="2026-10-31"))
    lab = row(found, "Lab 1")
    assert lab["status"] == "FAIL"
    assert lab["reason"] == "waiver W-12 expired 2026-10-31"
    assert [one.id for one in found.waivers.expired] == ["W-12"]
    assert found.waivers.active == found.waivers.expiring_soon == found.waivers.unmatched == ()
    assert found.summary.verdict.detail.endswith("1 waiver has expired.")


def test_expiring_soon_means_30_days(estate: Estate) -> None:
    for day, soon in (("2026-12-01", True), ("2026-12-02", False)):
        found = results(estate, waiver(expires=day))
        assert bool(found.waivers.expiring_soon) is soon


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"object_name": "", "object_id": "ID-LAB 1"}, "WAIVED"),
        ({"object_name": "", "object_id": "id-Lab"}, "FAIL"),
        ({"object_name": "lab 1"}, "FAIL"),
        ({"check": "'JOB-*'"}, "WAIVED"),
        ({"check": "JOB-003"}, "FAIL"),
        ({"server": "vbr01"}, "WAIVED"),
        ({"server": "vbr02"}, "FAIL"),
        ({"object_name": "'*'"}, "WAIVED"),
    ],
)
def test_what_a_waiver_fits(estate: Estate, other: dict[str, str], status: str) -> None:
    assert row(results(estate, waiver(**other)), "Lab 1")["status"] == status


def test_a_waiver_that_fits_nothing_is_listed(estate: Estate) -> None:
    found = results(estate, waiver(object_name="Gone"))
    assert [one.id for one in found.waivers.unmatched] == ["W-12"]
    assert found.summary.verdict.detail.endswith("1 waiver fits nothing.")
    fits_a_passing_one = results(estate, waiver(check="JOB-001"))
    assert fits_a_passing_one.waivers.unmatched == ()


def test_only_failing_findings_are_waived(estate: Estate) -> None:
    jobs = {"Lab 1": {"encryption_enabled": None, "gfs_enabled": None}}
    found = evaluate(estate(jobs), JOBS, load_waivers(waiver(check="'JOB-*'")))
    assert found.summary.counts["WAIVED"] == 0
    assert found.summary.counts["UNKNOWN"] == 2


def test_a_waiver_may_cover_what_could_not_be_answered(estate: Estate) -> None:
    jobs = {"Lab 1": {"encryption_enabled": None, "gfs_enabled": None}, "Lab 2": BAD}
    text = waiver(covers="[UNKNOWN]")
    found = evaluate(estate(jobs), JOBS, load_waivers(text))
    unknown, failing = row(found, "Lab 1"), row(found, "Lab 2")
    assert (unknown["status"], unknown["result"], unknown["waiver_id"]) == ("WAIVED", "UNKNOWN", "W-12")
    assert unknown["reason"].endswith("; accepted until 2026-11-01 by waiver W-12: moves to new storage")
    assert failing["status"] == "FAIL"
    both = evaluate(estate(jobs), JOBS, load_waivers(waiver(covers="[UNKNOWN, FAIL]")))
    assert both.summary.counts["WAIVED"] == 2
    assert load_waivers(waiver(covers="[UNKNOWN, FAIL]")).waivers[0].covers == ("FAIL", "UNKNOWN")


def test_what_is_accepted_without_an_answer_was_not_assessed(estate: Estate) -> None:
    jobs = {"Lab 1": {"encryption_enabled": None}}
    without = evaluate(estate(jobs), JOBS)
    accepted = evaluate(estate(jobs), JOBS, load_waivers(waiver(covers="[UNKNOWN]")))
    assert without.summary.assessed == accepted.summary.assessed < 1
    area = {one.area: one.assessed for one in accepted.summary.by_area}["Job settings"]
    assert area is not None
    assert area < 1


def test_a_broken_check_is_never_accepted(estate: Estate) -> None:
    registry = Registry()

    @check("ACME-001", "It works", severity="low", table="jobs", reads=["name"], remediation="> it")
    def broken(jobs: Any) -> Any:
        """It always breaks."""
        raise RuntimeError("broken")

    registry.add(broken)
    text = waiver(check="ACME-001", covers="[FAIL, UNKNOWN]")
    found = evaluate(
        estate({"Lab 1": {}}), load_policy("version: 1\n", registry=registry), load_waivers(text, registry=registry)
    )
    assert list(found.findings["status"]) == ["ERROR"]
    assert list(found.findings["waiver_id"].isna()) == [True]


def test_the_verdict_tells_waivers_from_what_is_suppressed_in_the_product(estate: Estate) -> None:
    registry = Registry()

    @check("ACME-001", "It is on", severity="low", table="jobs", reads=["name"], remediation="> it")
    def suppressed(jobs: Any) -> Outcome:
        """Nobody of us accepts it."""
        off = jobs["name"].str.startswith("x").astype("boolean")
        return Outcome(off, accepted=jobs["name"].where(jobs["name"] == "Payroll"))

    registry.add(suppressed)
    found = evaluate(
        estate({"Lab 1": {}, "Payroll": {}}),
        load_policy("version: 1\n", registry=registry),
        load_waivers(waiver(check="ACME-001"), registry=registry),
    )
    assert list(found.findings["status"]) == ["WAIVED", "WAIVED"]
    assert found.summary.verdict.detail.endswith(
        "1 finding is accepted by waivers. "
        "1 finding is accepted in Veeam Backup & Replication itself, where it is suppressed."
    )


@pytest.mark.parametrize(
    ("other", "days", "counts"),
    [
        ({"expires": "2027-11-02"}, 366, True),
        ({"expires": "2027-11-03"}, 366, False),
        ({"expires": "2026-12-01"}, 30, True),
        ({"expires": "2026-12-02"}, 30, False),
        ({"expires": "2026-12-02", "created": "2026-11-02"}, 30, True),
        ({"expires": "2026-12-02", "created": "2026-11-01"}, 30, False),
    ],
)
def test_a_waiver_that_runs_for_too_long_accepts_nothing(
    estate: Estate, other: dict[str, str], days: int, counts: bool
) -> None:
    policy = load_policy(f"version: 1\nwaiver_horizon_days: {days}\n{JOBS_TEXT.removeprefix('version: 1')}")
    found = evaluate(estate({"Lab 1": BAD}), policy, load_waivers(waiver(**other)))
    lab = row(found, "Lab 1")
    assert lab["status"] == ("WAIVED" if counts else "FAIL")
    assert bool(found.waivers.too_long) is not counts
    assert ("runs for longer than the policy allows" in found.summary.verdict.detail) is not counts
    assert bool(found.waivers.active) is counts
    if not counts:
        assert lab["reason"] == f"waiver W-12 does not count: it runs until {other['expires']}, more than {days} days"


def test_a_valid_waiver_counts_more_than_a_longer_one_that_does_not_count(estate: Estate) -> None:
    text = waiver(id="W-13", expires="2029-01-01") + waiver().split("waivers:\n")[1]
    assert row(results(estate, text), "Lab 1")["waiver_id"] == "W-12"


def test_of_two_waivers_the_one_that_ends_last_counts(estate: Estate) -> None:
    other = waiver(id="W-13", expires="2026-10-01").split("waivers:\n")[1]
    assert row(results(estate, waiver() + other), "Lab 1")["waiver_id"] == "W-12"


def test_no_file_is_no_waiver() -> None:
    nothing = load_waivers(None)
    assert (nothing.waivers, nothing.text, nothing.sha256) == ((), "", None)


def test_file_is_read_with_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "accepted.yaml"
    path.write_text("version: 1\n", encoding="utf-8")
    loaded = load_waivers(path)
    assert (loaded.name, loaded.waivers, loaded.text) == ("accepted.yaml", (), "version: 1\n")
    assert loaded.sha256 == hashlib.sha256(b"version: 1\n").hexdigest()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"owner": ""}, "waivers.yaml:3: waivers[0].owner: is required"),
        ({"check": "'[A-Z]*'", "object_name": "'*'"}, "waivers.yaml:3: waivers[0]: would waive every check for every object"),
        ({"reason": ""}, "waivers.yaml:3: waivers[0].reason: is required"),
        ({"expires": ""}, "waivers.yaml:3: waivers[0].expires: is required"),
        ({"check": ""}, "waivers.yaml:3: waivers[0].check: is required"),
        ({"owner": "'  '"}, "waivers.yaml:6: waivers[0].owner: must not be empty"),
        ({"object_name": ""}, "waivers.yaml:3: waivers[0]: needs exactly one of object_id and object_name"),
        ({"object_id": "x"}, "waivers.yaml:3: waivers[0]: needs exactly one of object_id and object_name"),
        ({"expires": "2026-02-30"}, "waivers.yaml:8: waivers[0].expires: 2026-02-30 is not a day of the calendar"),
        ({"expires": "31.12.2026"}, "waivers.yaml:8: waivers[0].expires: expected a date such as 2027-01-31, got the text '31.12.2026'"),
        ({"expires": "20261231"}, "waivers.yaml:8: waivers[0].expires: expected a date such as 2027-01-31, got 20261231"),
        ({"created": "2027-01-01"}, "waivers.yaml:3: waivers[0]: expires on 2026-11-01, before it was created on 2027-01-01"),
        ({"ticket": "4711"}, "waivers.yaml:9: waivers[0].ticket: expected text (in quotes), got 4711"),
        ({"check": "JBO-008"}, "waivers.yaml:4: waivers[0].check: no such check: JBO-008; did you mean 'JOB-008'?"),
        ({"check": "'*'", "object_name": "'*'"}, "waivers.yaml:3: waivers[0]: would waive every check for every object; name the check or the object"),
        ({"aproved_by": "x"}, "waivers.yaml:9: waivers[0].aproved_by: unknown key; did you mean 'approved_by'?"),
        ({"covers": "[ERROR]"}, "waivers.yaml:9: waivers[0].covers[0]: expected 'FAIL' or 'UNKNOWN', got the text 'ERROR'"),
        ({"covers": "[]"}, "waivers.yaml:9: waivers[0].covers: names no status; give FAIL, UNKNOWN or both"),
        ({"covers": "[FAIL, FAIL]"}, "waivers.yaml:9: waivers[0].covers: names a status twice"),
        ({"created": "2025-10-30"}, "waivers.yaml:3: waivers[0]: ends more than 366 days after it was created on 2025-10-30"),
    ],
)  # fmt: skip
def test_wrong_waivers_are_refused_with_their_line(other: dict[str, str], message: str) -> None:
    with pytest.raises(WaiverError) as caught:
        load_waivers(waiver(**other))
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_rows_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(
        WaiverError, match=r"waivers.yaml:3: waivers\[0\]: expected a mapping of keys, got the text 'W-1'"
    ):
        load_waivers("version: 1\nwaivers:\n  - W-1\n")


def test_an_id_given_twice_is_refused() -> None:
    with pytest.raises(WaiverError, match=r"waivers.yaml:9: waivers\[1\].id: the id W-12 appears twice"):
        load_waivers(waiver() + waiver().split("waivers:\n")[1])


def test_ids_are_equal_whatever_the_blanks_around_them() -> None:
    text = waiver(id="'W-12 '") + waiver().split("waivers:\n")[1]
    with pytest.raises(WaiverError, match=r"waivers\[1\]\.id: the id W-12 appears twice"):
        load_waivers(text)
