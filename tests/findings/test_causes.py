"""Causes: findings of one job, repository or setting belong together, with the worst severity that one of them has."""

from __future__ import annotations

import pandas as pd

from vbr_audit.checks import load_policy
from vbr_audit.findings.evaluation import COVERAGE_COLUMNS
from vbr_audit.findings.failures import Failures
from vbr_audit.findings.results import CAUSE_COLUMNS, URGENCIES, causes_of
from vbr_audit.findings.table import FINDING_COLUMNS, cause_ids
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.vocabulary import SEVERITIES

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
    )

    assert tuple(found.columns) == CAUSE_COLUMNS
    assert found["cause"].tolist() == ["c2", "c1"]
    assert found["severity"].tolist() == ["critical", "high"]
    assert found["findings"].tolist() == [1, 2]
    assert found["failure"].tolist() == [
        "The protected object has no off-site copy",
        "2 protected objects have no off-site copy",
    ]
    assert found["objects"].tolist() == [1, 2]
    assert found["object_names"].tolist() == ["db01", "app01, app02"]


def test_nothing_fails_nothing_is_to_be_done() -> None:
    found = causes_of(frame(finding(status="PASS", object_id="a")), FAILURES)

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
    found = causes_of(rows, FAILURES, opened).set_index("cause")

    assert found["urgency"].to_dict() == {"c2": "today", "c1": "this month", "c3": "later"}
    assert found["open_since"].fillna("").to_dict() == {
        "c2": "",  # a change of a setting has no life of its own
        "c1": "2026-03-01T05:30:00Z",
        "c3": "2026-10-01T04:30:00Z",
    }
    assert causes_of(rows, FAILURES)["open_since"].isna().all()
    assert causes_of(rows, FAILURES, opened.iloc[:0])["open_since"].isna().all()  # all that fails is drift
    assert {severity for severities in URGENCIES.values() for severity in severities} == set(SEVERITIES)
