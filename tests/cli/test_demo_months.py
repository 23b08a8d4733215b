"""`vbr-audit demo --months`: a run for each month of a simulated server, and the last one as a report."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from command_line import invoke

import vbr_audit as va
from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.cli.demo_year import own_checks_in, policy_in, take_year, waivers_in
from vbr_audit.cli.judging import OPTIONS
from vbr_audit.collection import run_folder
from vbr_audit.findings.lifecycle import State
from vbr_audit.findings.waivers import load_waivers
from vbr_audit.simulator import year
from vbr_audit.simulator.clock import ZONE
from vbr_audit.verifying import verify_run

DEMO = ("demo", "--now", "2026-11-15T09:00", "--sessions", 60, "--format", "json")
NOW = dt.datetime(2026, 11, 15, 8, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demonstration of four months, the first of which nobody read, and what it said."""
    out = tmp_path_factory.mktemp("demo") / "year"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(year, "MISSING", frozenset({-3}))
        result = invoke(*DEMO, "--months", 4, "--out", out)
    assert result.exit_code == 0, result.stderr
    return out, result


def runs(out):
    return sorted(path for path in (out / "history").iterdir() if (path / run_folder.MANIFEST).is_file())


def statuses(run):
    rows = json.loads((run / "findings.json").read_text("utf-8"))["findings"]
    return {(row["check_id"], row["object_name"]): row["status"] for row in rows}


def test_there_is_a_whole_run_for_each_month(demo):
    out, _ = demo
    assert len(runs(out)) == 3
    for run, month in zip(runs(out), ("2026-08", "2026-09", "2026-10"), strict=True):
        recorded = run_folder.read_manifest(run).run
        first, last = (at.astimezone(ZONE) for at in (recorded.since, recorded.until))
        assert f"{first:%Y-%m-%d %H:%M}" == f"{month}-01 00:00"
        assert (last.day, last.hour, (last - first).days) == (1, 0, 30 if month == "2026-09" else 31)
        assert recorded.now.astimezone(ZONE) == last.replace(hour=6, minute=30)
    assert verify_run(runs(out)[0]) == []


def test_the_last_one_is_the_report(demo):
    out, result = demo
    assert statuses(out) == statuses(runs(out)[-1])
    assert verify_run(out) == []
    # The run of the last month is made of the same files, beside those of a history.
    sums = [set((run / run_folder.SUMS).read_text("utf-8").splitlines()) for run in (out, runs(out)[-1])]
    assert sums[0] < sums[1]
    assert "2026-08: " in result.stdout.splitlines()[1]
    assert "findings need attention" in result.stdout


def test_the_last_month_has_what_a_report_on_changes_needs(demo):
    before, now = (statuses(run) for run in runs(demo[0])[-2:])
    changes = {
        ("JOB-008", "File servers Hamburg"): ("PASS", "FAIL"),
        ("JOB-003", "Tenant vApps"): ("PASS", "FAIL"),
        ("JOB-008", "File servers Munich"): ("FAIL", "PASS"),
        ("JOB-008", "Data warehouse"): (None, "FAIL"),
        ("JOB-008", "Legacy intranet"): ("FAIL", None),
        ("JOB-008", "Media archive bucket"): ("WAIVED", "FAIL"),
        ("JOB-001", "Migration wave 3"): ("PASS", "WAIVED"),
        ("SEC-008", "HANSA\\svc-veeam-guest"): ("PASS", "FAIL"),  # the policy asks for more
        ("SEC-014", "vbr01.demo"): ("FAIL", "UNKNOWN"),
        ("SEC-016", "vbr01.demo"): (None, "FAIL"),  # the policy did not ask before
        ("JOB-003", "Hyper-V branch offices"): ("FAIL", "FAIL"),
    }
    assert {key: (before.get(key), now.get(key)) for key in changes} == changes
    assert statuses(runs(demo[0])[0])["JOB-003", "Tenant vApps"] == "FAIL"  # so that it fails again


def test_the_last_month_shows_every_state(demo):
    assert set(va.history(demo[0] / "history").changes().findings["state"]) == set(State)


def test_the_rule_of_the_company_means_more_since_the_last_month(demo):
    changes = va.history(demo[0] / "history").changes()
    changed = changes.having(State.METHOD_CHANGED)
    assert ("HANSA-001", "Laptops - Development") in set(zip(changed["check_id"], changed["object_name"], strict=True))
    assert set(changed["check_id"]) == {"HANSA-001"}
    assert set(zip(changed["status_before"], changed["status"], strict=True)) == {("NOT_APPLICABLE", "FAIL")}
    assert "HANSA-001 on vbr01.demo: its logic changed" in map(str, changes.not_compared)


@pytest.mark.parametrize("month", [-1, 0])
def test_the_rule_of_the_company_gives_way_to_checks_of_the_user(tmp_path, month):
    rule = "id: ACME-001, title: It is named, severity: low, table: jobs, column: name, op: exists"
    text = f"version: 1\nrules: [{{{rule}, rationale: It has to be found., remediation: Name it.}}]\n"
    (tmp_path / "acme.yaml").write_text(text, encoding="utf-8")
    assert own_checks_in(month).ids == {"HANSA-001"}
    writing = dict.fromkeys(("formats", "templates", "scrub_key")) | {"force": False, "csv_bom": False, "quiet": True}
    given = dict.fromkeys(OPTIONS) | {"checks": tmp_path}
    order = take_year(tmp_path / "year", given, NOW, **writing, fail_on="never")
    assert order.rules_in(month).checks.ids == {"ACME-001"}


def test_a_month_that_nobody_read_has_no_run(demo):
    out, result = demo
    assert result.stdout.startswith("2026-07: no run\n")
    assert run_folder.read_manifest(runs(out)[0]).run.since.astimezone(ZONE).month == 8


@pytest.mark.parametrize("month", range(1 - year.MONTHS, 1))
def test_every_month_has_a_policy_and_waivers_that_hold(month):
    uses = {use.check.id: use for use in load_policy(policy_in(month)).uses}
    assert uses["SEC-016"].enabled is (month == 0)
    waivers = load_waivers(waivers_in(month, NOW)).waivers
    assert len(waivers) == sum(given <= month for given in (-9, -6, 0))
    end = year.month_end(NOW, month).date()
    assert all(waiver.created <= end for waiver in waivers)
    assert [waiver.id for waiver in waivers if waiver.expires < end] == (["W-2"] if month == 0 else [])


def test_a_history_is_not_written_over(tmp_path):
    (tmp_path / "history").mkdir()
    result = invoke(*DEMO, "--months", 2, "--force", "--out", tmp_path)
    assert result.exit_code == 2
    assert "not written over" in result.stderr


def test_a_scrubbed_year_is_refused(tmp_path):
    result = invoke(*DEMO, "--months", 2, "--scrub", "--out", tmp_path / "year")
    assert result.exit_code == 2
    assert "--scrub" in result.stderr


@pytest.mark.parametrize("months", ["1", "25", "x"])
def test_a_number_of_months_out_of_range_is_refused(tmp_path, months):
    result = invoke(*DEMO, "--months", months, "--out", tmp_path / "year")
    assert result.exit_code == 2
    assert not list(tmp_path.iterdir())
