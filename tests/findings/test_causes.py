"""Causes: findings of one job, repository or setting belong together, with the worst severity that one of them has."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from vbr_audit.checks import load_policy
from vbr_audit.checks.site import load_site
from vbr_audit.display import time_zone
from vbr_audit.findings.evaluation import COVERAGE_COLUMNS
from vbr_audit.findings.failures import Failures
from vbr_audit.findings.owners import owners_of, owners_told
from vbr_audit.findings.results import CAUSE_COLUMNS, DUE_DAYS, URGENCIES, Planning, causes_of
from vbr_audit.findings.table import FINDING_COLUMNS, cause_ids
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.vocabulary import SEVERITIES

NOW = dt.datetime(2026, 11, 1, 23, 30, tzinfo=dt.UTC)  # 2 November in Berlin
PLANNING = Planning(NOW, time_zone("Europe/Berlin"), pd.Series([], dtype=STRING))
FAILURES = Failures(load_policy().uses, pd.DataFrame(columns=list(COVERAGE_COLUMNS)))


def finding(**told: str) -> dict[str, str | None]:
    given = {"server": "vbr01", "check_id": "CPY-003", "status": "FAIL", "severity": "medium", "cause": "c1"}
    return {**dict.fromkeys(FINDING_COLUMNS), **given, **told}


def frame(*rows: dict[str, str | None]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(FINDING_COLUMNS), dtype=STRING)


def test_a_cause_is_one_row_with_the_worst_of_its_findings() -> None:
    found = causes_of(
        frame(
            finding(object_id="a", object_name="app01"),
            finding(object_id="b", object_name="app02", severity="high"),
            finding(object_id="c", object_name="app03", severity="critical", status="WAIVED"),
            finding(object_id="d", object_name="db01", cause="c2", severity="critical"),
        ),
        FAILURES,
        PLANNING,
    )

    assert tuple(found.columns) == CAUSE_COLUMNS
    assert found["cause"].tolist() == ["c2", "c1"]
    assert found["severity"].tolist() == ["critical", "high"]
    assert found["findings"].tolist() == [1, 2]
    assert found["failure"].tolist() == [
        "The protected object has no off-site copy",
        "2 protected objects have no off-site copy",
    ]
    assert found["consequence"].tolist() == [
        "The protected object could be lost with its site: it has no off-site copy",
        "2 protected objects could be lost with their site: they have no off-site copy",
    ]
    assert found["objects"].tolist() == [1, 2]
    assert found["object_names"].tolist() == ["db01", "app01, app02"]


def test_nothing_fails_nothing_is_to_be_done() -> None:
    found = causes_of(frame(finding(status="PASS", object_id="a")), FAILURES, PLANNING)

    assert found.empty
    assert tuple(found.columns) == CAUSE_COLUMNS


def test_the_id_of_a_cause_hangs_on_server_check_kind_and_key_only() -> None:
    rows = [
        {"server": "vbr01", "check_id": "CPY-003", "cause_kind": "job", "cause_key": key, "object_id": name}
        for key, name in (("j1", "a"), ("j1", "b"), ("j2", "a"))
    ]
    first, second, other = cause_ids(pd.DataFrame(rows, dtype=STRING))

    assert first == second != other


def test_a_cause_is_urgent_as_its_worst_finding_is_and_open_since_its_first() -> None:
    rows = frame(
        finding(finding_id="f1", object_id="a", severity="high"),
        finding(finding_id="f2", object_id="b", severity="low"),
        finding(finding_id="f3", object_id="c", cause="c2", severity="critical"),
        finding(finding_id="f4", object_id="d", cause="c3", severity="info"),
    )
    moments = pd.to_datetime(["2026-09-01T04:30Z", "2026-03-01T05:30Z", "2026-10-01T04:30Z"])
    opened = pd.Series(moments, index=["f1", "f2", "f4"])
    found = causes_of(rows, FAILURES, PLANNING, opened).set_index("cause")

    assert found["urgency"].to_dict() == {"c2": "today", "c1": "this month", "c3": "later"}
    assert found["open_since"].fillna("").to_dict() == {
        "c2": "",  # a change of a setting has no life of its own
        "c1": "2026-03-01T05:30:00Z",
        "c3": "2026-10-01T04:30:00Z",
    }
    assert causes_of(rows, FAILURES, PLANNING)["open_since"].isna().all()
    assert causes_of(rows, FAILURES, PLANNING, opened.iloc[:0])["open_since"].isna().all()  # all that fails is drift
    assert {severity for severities in URGENCIES.values() for severity in severities} == set(SEVERITIES)
    assert set(DUE_DAYS) == set(URGENCIES)
    assert list(DUE_DAYS.values()) == sorted(DUE_DAYS.values())


def test_a_cause_is_due_so_long_after_it_began_and_else_after_the_run_by_days_of_the_zone() -> None:
    rows = frame(
        finding(finding_id="f1", object_id="a", severity="critical"),
        finding(finding_id="f2", object_id="b", cause="c2", severity="high"),
        finding(finding_id="f3", object_id="c", cause="c3", severity="low"),
        finding(finding_id="f4", object_id="d", cause="c4", severity="critical"),
    )
    moments = pd.to_datetime(["2026-10-02T22:30Z", "2026-10-31T23:30Z"])
    found = causes_of(rows, FAILURES, PLANNING, pd.Series(moments, index=["f2", "f4"])).set_index("cause")

    assert found["due"].to_dict() == {"c1": "2026-11-03", "c4": "2026-11-02", "c2": "2026-11-02", "c3": "2027-01-31"}
    assert not found["overdue"].any()
    earlier = pd.Series(pd.to_datetime(["2026-10-01T21:30Z"]), index=["f2"])
    late = causes_of(rows, FAILURES, PLANNING, earlier).set_index("cause")
    assert late.loc["c2", ["due", "overdue"]].tolist() == ["2026-10-31", True]
    assert found["owner"].isna().all()


SITE = """version: 1
assets: assets.csv
"""
ASSETS = """name,owner
app01.example.com,Logistics
DB01,Finance
web.one.example,Shop
web.two.example,Press
idle,
"""


def test_the_owners_of_a_cause_are_those_of_its_machines() -> None:
    site = load_site(SITE, assets=ASSETS)
    rows = frame(
        finding(finding_id="f1", object_type="protected object", object_id="a", object_name="APP01"),
        finding(finding_id="f2", object_type="protected object", object_id="b", object_name="db01.example.com"),
        finding(finding_id="f3", object_type="job", object_id="c", object_name="db01", cause="c2"),
        finding(finding_id="f4", object_type="managed server", object_id="d", object_name="web", cause="c3"),
        finding(finding_id="f5", object_type="asset", object_id="e", object_name="idle", cause="c4"),
        finding(finding_id="f6", object_type="asset", object_id="f", cause="c5"),
        finding(finding_id="f7", object_type="asset", object_id="g", object_name="db01", cause="c6", status="PASS"),
    )
    owners = owners_of(rows, site)
    found = causes_of(rows, FAILURES, Planning(NOW, dt.UTC, owners)).set_index("cause")

    assert found["owner"].fillna("").to_dict() == {
        "c1": "Finance, Logistics",
        "c2": "",  # a job is no machine, whatever it is called
        "c3": "Press, Shop",  # both may be meant
        "c4": "",
        "c5": "",
    }
    assert owners_of(rows, None).empty
    assert owners_of(rows, load_site(None)).empty


@pytest.mark.parametrize(
    ("owners", "told"),
    [(["b", "a", "b"], "a, b"), (["c", "b", "a"], "a, b, c"), (["e", "d", "c", "b", "a"], "a, b, c and 2 more")],
)
def test_several_owners_are_told_in_order_and_counted(owners: list[str], told: str) -> None:
    assert owners_told(owners) == told
