"""Filtering and ordering of the two small collections, jobs and job states, which are plain JSON objects."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from vbr_audit.simulator import queries
from vbr_audit.simulator.clock import to_ticks
from vbr_audit.simulator.queries import Args
from vbr_audit.simulator.revisions import JOB_TYPES, at_least, has_job_type, job_type_name

Json = dict[str, object]
Test = Callable[[Json], bool]

RESULTS = ("None", "Success", "Warning", "Failed")
_STATUSES = ("Running", "Inactive", "Disabled")
_NEWER_STATUSES = ("Enabled", "Stopping", "Stopped", "Starting")
_WORKLOADS = ("Application", "CloudVm", "File", "Server", "Workstation", "Vm")
_JOB_COLUMNS = {"Name": "name", "Type": "type", "Description": "description"}
_STATE_COLUMNS = _JOB_COLUMNS | {
    "Status": "status",
    "LastRun": "lastRun",
    "LastResult": "lastResult",
    "NextRun": "nextRun",
    "RepositoryId": "repositoryId",
    "ObjectsCount": "objectsCount",
}
_DATES = {"lastRun", "nextRun"}


def select_jobs(rows: Sequence[Json], args: Args, revision: str) -> list[Json]:
    """Answer the jobs that the query asks for, in its order."""
    tests = _shared_tests(args, revision)
    return _ordered(_passing(rows, tests), args, _JOB_COLUMNS)


def select_states(
    rows: Sequence[Json], args: Args, revision: str, *, high_priority: frozenset[str], dates_ignored: bool
) -> list[Json]:
    """Answer the job states that the query asks for, in its order.

    `high_priority` holds the ids of such jobs, because states do not show it before 1.3-rev0 and can be asked for it.
    """
    tests = _shared_tests(args, revision)
    newer = at_least(revision, "1.3-rev0")
    statuses = _STATUSES + (_NEWER_STATUSES if newer else ())
    for key, name, known in (
        ("lastResult", "lastResultFilter", RESULTS),
        ("status", "statusFilter", statuses),
        ("workload", "workloadFilter", _WORKLOADS),
    ):
        wanted = queries.enum_values(args, name, known)
        if wanted is not None:
            tests.append(_one_of(key, wanted))
    for key, name in (("id", "idFilter"), ("repositoryId", "repositoryIdFilter")):
        wanted_id = queries.identifier(args, name)
        if wanted_id is not None:
            tests.append(_one_of(key, frozenset({wanted_id})))
    priority = queries.flag(args, "isHighPriorityJobFilter")
    if priority is not None:
        tests.append(lambda row: (row["id"] in high_priority) is priority)
    if "objectsCountFilter" in args:
        count = queries.whole(args, "objectsCountFilter", 0)
        tests.append(lambda row: row["objectsCount"] == count)
    if newer:
        tests += _chain_tests(args)
    dates = _date_tests(args)
    columns = _STATE_COLUMNS | ({"RepositoryName": "repositoryName"} if newer else {})
    return _ordered(_passing(rows, tests if dates_ignored else tests + dates), args, columns)


def _shared_tests(args: Args, revision: str) -> list[Test]:
    tests: list[Test] = []
    known = [job_type_name(revision, each) for each in JOB_TYPES if has_job_type(revision, each)]
    kinds = queries.enum_values(args, "typeFilter", known)
    if kinds is not None:
        tests.append(_one_of("type", kinds))
    matches = queries.name_pattern(args)
    if matches is not None:
        tests.append(lambda row: any(matches(value) for value in row.values() if isinstance(value, str)))
    return tests


def _chain_tests(args: Args) -> list[Test]:
    tests: list[Test] = []
    after_id = queries.identifier(args, "afterJobIdFilter")
    if after_id is not None:
        tests.append(lambda row: _run_after(row).get("jobId") == after_id)
    after_name = args.get("afterJobNameFilter")
    if after_name is not None:
        tests.append(lambda row: _run_after(row).get("jobName") == after_name)
    return tests


def _run_after(row: Json) -> Json:
    part = row.get("runAfterJob")
    return part if isinstance(part, dict) else {}


def _date_tests(args: Args) -> list[Test]:
    tests: list[Test] = []
    after = queries.moment(args, "lastRunAfterFilter")
    if after is not None:
        tests.append(lambda row: row["lastRun"] is not None and _instant(row["lastRun"]) >= after)
    before = queries.moment(args, "lastRunBeforeFilter")
    if before is not None:
        tests.append(lambda row: row["lastRun"] is not None and _instant(row["lastRun"]) <= before)
    return tests


def _instant(value: object) -> int:
    return to_ticks(datetime.fromisoformat(str(value)))


def _one_of(key: str, wanted: frozenset[str]) -> Test:
    return lambda row: str(row.get(key)).lower() in wanted


def _passing(rows: Iterable[Json], tests: Sequence[Test]) -> list[Json]:
    return [row for row in rows if all(test(row) for test in tests)]


def _ordered(rows: list[Json], args: Args, columns: dict[str, str]) -> list[Json]:
    ascending = queries.flag(args, "orderAsc") is not False
    column = queries.column(args, columns)
    if column is None:
        return rows
    key = columns[column]

    def rank(row: Json) -> tuple[bool, int, str]:
        value = row.get(key)
        if key in _DATES and value is not None:
            return (True, _instant(value), "")
        return (value is not None, value if isinstance(value, int) else 0, str(value).lower())

    return sorted(rows, key=rank, reverse=not ascending)
