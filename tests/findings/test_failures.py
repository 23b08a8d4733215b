"""What is wrong, in sentences: with the numbers of the coverage, and by the title where a phrase would not hold."""

from __future__ import annotations

from typing import Any

import pandas as pd

from vbr_audit.checks import Registry, load_policy
from vbr_audit.checks.engine.registry import check
from vbr_audit.findings.evaluation import COVERAGE_COLUMNS
from vbr_audit.findings.failures import Failures
from vbr_audit.vocabulary import COUNT_COLUMNS


def coverage(**rows: dict[str, Any]) -> pd.DataFrame:
    """One row for each server, all of one check."""
    made = [{"server": server, **dict.fromkeys(COUNT_COLUMNS, 0), **row} for server, row in rows.items()]
    frame = pd.DataFrame(made, columns=list(COVERAGE_COLUMNS))
    return frame.astype({"population": "Int64", **dict.fromkeys(COUNT_COLUMNS, "Int64")})


def row(check_id: str, population: int | None = 9, **counts: int) -> dict[str, Any]:
    return {"check_id": check_id, "population": population, **counts}


def failures(frame: pd.DataFrame, policy: str = "version: 1\n") -> Failures:
    registry = Registry()

    @check("ACME-001", "It is good", severity="low", table="jobs", reads=("name",), remediation="Do: x.")
    def judge(jobs: Any) -> Any:
        """It matters."""
        return jobs["name"]

    for one in (judge, *(one for one in load_policy().uses if one.check.id in ("JOB-001", "SRV-004"))):
        registry.add(one if one is judge else one.check)
    return Failures(load_policy(policy, registry=registry).uses, frame)


def test_what_does_not_apply_is_not_among_the_objects_and_what_is_unknown_is() -> None:
    frame = coverage(vbr01=row("JOB-001", fail=2, waived=1, unknown=1, **{"pass": 3}, error=1, not_applicable=4))
    assert failures(frame).of_server("JOB-001", "vbr01") == "2 of 8 jobs are disabled"


def test_servers_are_added_up_and_one_that_was_not_read_leaves_the_number_open() -> None:
    known = coverage(vbr01=row("JOB-001", fail=2, **{"pass": 3}), vbr02=row("JOB-001", fail=1))
    assert failures(known).of_check("JOB-001") == "3 of 6 jobs are disabled"
    assert failures(known).of_server("JOB-001", "vbr02") == "The job is disabled"
    open_ = coverage(vbr01=row("JOB-001", fail=1, **{"pass": 3}), vbr02=row("JOB-001", None, unknown=1))
    assert failures(open_).of_check("JOB-001") == "1 of an unknown number of jobs is disabled"


def test_a_check_without_a_phrase_is_told_by_its_title() -> None:
    one = failures(coverage(vbr01=row("ACME-001", fail=1, **{"pass": 3}), vbr02=row("ACME-001", fail=1)))
    assert one.of_server("ACME-001", "vbr01") == "It is good: 1 of 4 jobs fails"
    assert one.of_server("ACME-001", "vbr02") == "It is good: the job fails"
    assert one.of_check("ACME-001") == "It is good: 2 of 5 jobs fail"
    assert one.alone("ACME-001", 2) is None


def test_a_parameter_has_the_value_of_the_policy_and_none_where_single_objects_have_another() -> None:
    frame = coverage(vbr01=row("SRV-004", fail=1), vbr02=row("SRV-004", **{"pass": 1}))
    general = "version: 1\nchecks: {SRV-004: {params: {max_minutes: 9}}}\n"
    assert failures(frame, general).of_check("SRV-004") == "1 of 2 servers has a clock that is wrong by more than 9 min"
    single = "version: 1\noverrides: [{match: {server: vbr02}, checks: {SRV-004: {params: {max_minutes: 9}}}}]\n"
    assert failures(frame, single).of_check("SRV-004") == "The server's clock is right: 1 of 2 servers fails"
    assert failures(frame, single).alone("SRV-004", 1) is None
