"""What the runs, sessions and task sessions of several jobs are taken to say, through the whole engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

from vbr_audit.checks import Policy, load_policy, run_checks
from vbr_audit.checks.site import Site, load_site
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets import SPECS
from vbr_audit.tables.build.schema import conform

Make = Callable[..., Any]
Row = dict[str, Any]

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
SINCE = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
SESSION_CHECKS = tuple(f"RUN-{number:03}" for number in (*range(5, 12), 13, 14, 15, 16))
TASK_CHECKS = ("RUN-012", "RUN-017")
SITE = load_site('version: 1\nwindow: {start: "20:00", end: "06:00"}\n')


@lru_cache
def policy_of(*checks: str, **params: Any) -> Policy:
    """Only these checks, the last of them with `params`."""
    rules = [f"  {name}: {{enabled: true}}" for name in checks[:-1]]
    rules.append(f"  {checks[-1]}: {{enabled: true, params: {{{', '.join(f'{k}: {v}' for k, v in params.items())}}}}}")
    return load_policy("version: 1\nchecks:\n  '*': {enabled: false, reason: not asked}\n" + "\n".join(rules) + "\n")


def at(day: int, hour: float = 22) -> dt.datetime:
    """An instant of October 2026."""
    return SINCE + dt.timedelta(days=day - 1, hours=hour)


def ran(created: dt.datetime | None, result: str | None = "Success", hours: float | None = 1, **more: Any) -> Row:
    """A finished session; without `hours` its end is not reported."""
    ended = created + dt.timedelta(hours=hours) if created and hours is not None else None
    length = None if hours is None else 3600 * hours
    told = {"session_type": "BackupJob", "state": "Stopped", "result": result, "created": created, "ended": ended}
    return {**told, "duration_s": length, "is_canceled": False, "initiated_by": "SYSTEM", **more}


def nights(results: str, **more: Any) -> list[Row]:
    """One session each night from the 5th on: `S`, `W`, `F`, or `?` for a result that is not reported."""
    words = {"S": "Success", "W": "Warning", "F": "Failed", "?": None}
    return [ran(at(5 + night), words[letter], **more) for night, letter in enumerate(results)]


DAILY = {
    "schedule_daily_enabled": True,
    "schedule_daily_kind": "Everyday",
    "schedule_daily_time": "22:00",
    **dict.fromkeys(
        (
            "schedule_periodically_enabled",
            "schedule_monthly_enabled",
            "schedule_continuously_enabled",
            "schedule_after_job_enabled",
            "backup_window_enabled",
        ),
        False,
    ),
}


@pytest.fixture
def estate(snapshot_of: Make, job: Make) -> Make:
    """A snapshot of jobs with these sessions each; a job is expected to run at 22:00 unless `settings` differ."""

    def make(
        jobs: Mapping[str, list[Row]], *, settings: Mapping[str, Row] | None = None, status: str = "complete"
    ) -> Snapshot:
        sessions = [
            {"server": "vbr01", "job_id": f"id-of-{name}", "session_id": f"{name}-{number}", **row}
            for name, rows in jobs.items()
            for number, row in enumerate(rows)
        ]
        told = [job(name, **{"expected_to_run": True, **DAILY, **(settings or {}).get(name, {})}) for name in jobs]
        made: Snapshot = snapshot_of(jobs=told, sessions=sessions, status={("vbr01", "sessions"): status})
        return made

    return make


def with_tasks(snapshot: Snapshot, tasks: list[Row], status: str = "complete") -> Snapshot:
    """The same with task sessions, which name their session as `session_id`."""
    rows = [{"server": "vbr01", "task_session_id": f"t{n}", "type": "Backup", **row} for n, row in enumerate(tasks)]
    names = dict.fromkeys(name for row in rows for name in row)
    plain = {name: [_text(row.get(name)) for row in rows] for name in names}
    frame = conform(plain, SPECS["task_sessions"])[0]
    record = DatasetRecord(
        server="vbr01", name="task_sessions", path="/api/v1/taskSessions", revision="1.3-rev1",
        status=DatasetStatus(status), started=NOW, ended=NOW, api_total=len(rows), rows_received=len(rows),
    )  # fmt: skip
    manifest = snapshot.manifest.model_copy(update={"datasets": [*snapshot.manifest.datasets, record]})
    return replace(snapshot, tables={**snapshot.tables, "task_sessions": frame}, manifest=manifest)


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value


def found(
    snapshot: Snapshot, check_id: str, policy: Policy | None = None, site: Site = SITE
) -> dict[str, tuple[str, Any]]:
    """Result and what was observed (the reason where nothing was) by name of the job."""
    frame = run_checks(snapshot, policy or policy_of(check_id), site).results
    rows = frame[(frame["check_id"] == check_id).to_numpy(dtype=bool)]
    told = rows["reason"].where(rows["result"].isin(["UNKNOWN", "NOT_APPLICABLE"]), rows["observed"])
    return dict(zip(rows["object_name"], zip(rows["result"], told, strict=True), strict=True))


def results(snapshot: Snapshot, check_id: str, policy: Policy | None = None) -> dict[str, str]:
    return {name: result for name, (result, _) in found(snapshot, check_id, policy).items()}


RETRIED = [row for day in range(5, 9) for row in (ran(at(day), "Failed", 0.25), ran(at(day, 22.5), "Success"))]
LOST_RETRIES = [row for day in range(5, 9) for row in (ran(at(day), "Failed", 0.25), ran(at(day, 22.5), "Failed"))]
ALL_NIGHTS = [ran(at(day)) for day in range(5, 32)]
USUAL = [ran(at(day), hours=1 + day % 2 / 2) for day in range(5, 26)]
SCENARIOS: dict[str, list[Row]] = {
    "good": nights("SSSS"),
    "warned": nights("WWSW"),
    "failing": nights("SFFF"),
    "almost": nights("FFSFF"),
    "only failures": nights("FF"),
    "unclear": nights("F?F"),
    "new word": nights("SS", state="Meditating"),
    "silent": [],
    "retried": RETRIED,
    "retried in vain": LOST_RETRIES,
    "dateless": [*nights("SFFF"), ran(None)],
    "one good, one dateless": [*nights("S"), ran(None)],
    "running": [*nights("SSSS"), {**ran(at(31), None, None), "state": "Working", "result": "None"}],
    "hanging": [*nights("SSSS"), {**ran(at(30), None, None), "state": "WaitingRepository", "result": "None"}],
    "slow": [*USUAL, ran(at(26), hours=9)],
    "as ever": [*USUAL, ran(at(26), hours=1.5)],
    "stopped": [*nights("SS"), ran(at(7), "Failed", is_canceled=True)],
    "by hand": [*nights("SS"), ran(at(7), initiated_by="EXAMPLE\\jane")],
    "by nobody": [*nights("SS"), ran(at(7), initiated_by=None)],
    "same error": [ran(at(day), "Failed" if day % 2 else "Success", result_message="No space") for day in range(5, 11)],
    "every night": ALL_NIGHTS,
    "with a gap": [ran(at(day)) for day in (5, 6, 8, 9)],
    "in the morning": [ran(at(day, 9)) for day in range(5, 9)],
    "earlier": [ran(SINCE - dt.timedelta(seconds=1), "Failed"), ran(SINCE, "Success")],
}

EXPECTED: dict[str, dict[str, str]] = {
    "RUN-005": {
        "good": "PASS", "warned": "PASS", "failing": "FAIL", "retried": "PASS", "retried in vain": "FAIL",
        "unclear": "FAIL", "dateless": "FAIL", "one good, one dateless": "UNKNOWN", "earlier": "PASS",
    },
    "RUN-006": {
        "good": "PASS", "failing": "FAIL", "almost": "PASS", "only failures": "PASS", "unclear": "UNKNOWN",
        "new word": "UNKNOWN", "silent": "NOT_APPLICABLE", "retried": "PASS", "retried in vain": "FAIL",
        "dateless": "UNKNOWN", "earlier": "PASS",
    },
    "RUN-007": {
        "good": "PASS", "warned": "PASS", "failing": "PASS", "only failures": "FAIL", "unclear": "UNKNOWN",
        "retried": "PASS", "retried in vain": "FAIL", "one good, one dateless": "UNKNOWN", "silent": "UNKNOWN",
        "earlier": "PASS",
    },
    "RUN-008": {"good": "PASS", "retried": "FAIL", "one good, one dateless": "UNKNOWN", "silent": "NOT_APPLICABLE"},
    "RUN-009": {"good": "PASS", "stopped": "FAIL", "silent": "UNKNOWN", "dateless": "UNKNOWN"},
    "RUN-010": {"good": "PASS", "running": "PASS", "hanging": "FAIL", "new word": "UNKNOWN", "silent": "UNKNOWN"},
    "RUN-011": {"slow": "FAIL", "as ever": "PASS", "good": "NOT_APPLICABLE", "silent": "UNKNOWN"},
    "RUN-013": {"good": "PASS", "in the morning": "FAIL", "running": "UNKNOWN", "silent": "UNKNOWN"},
    "RUN-014": {"every night": "PASS", "with a gap": "FAIL", "silent": "UNKNOWN", "dateless": "UNKNOWN"},
    "RUN-015": {"good": "PASS", "by hand": "FAIL", "by nobody": "UNKNOWN", "silent": "UNKNOWN"},
    "RUN-016": {"same error": "FAIL", "good": "PASS", "failing": "UNKNOWN", "unclear": "UNKNOWN"},
}  # fmt: skip


@pytest.mark.parametrize("check_id", EXPECTED)
def test_many_jobs_on_one_server(estate: Make, check_id: str) -> None:
    answers = results(estate(SCENARIOS), check_id)
    assert {name: answers[name] for name in EXPECTED[check_id]} == EXPECTED[check_id]


def test_no_job_changes_the_answer_for_another(estate: Make) -> None:
    policy = policy_of(*SESSION_CHECKS)
    strangers = [ran(at(9), "Failed", job_id="deleted", session_id=f"x{number}") for number in range(9)]
    together = run_checks(estate(SCENARIOS), policy, SITE).results
    crowd = run_checks(estate({**SCENARIOS, "good": [*SCENARIOS["good"], *strangers]}), policy, SITE).results
    assert crowd.equals(together)
    for check_id, answers in together.groupby("check_id")["result"]:
        assert set(answers) >= {"UNKNOWN", "PASS", "FAIL"}, check_id
    for name, rows in SCENARIOS.items():
        alone = run_checks(estate({name: rows}), policy, SITE).results
        mine = together[(together["object_name"] == name).to_numpy(dtype=bool)].reset_index(drop=True)
        assert mine.equals(alone), name


def test_more_jobs_than_a_byte_counts(estate: Make) -> None:
    jobs = {f"job {number:03}": nights("SFFF" if number % 7 else "FFSF") for number in range(300)}
    wanted = {name: "FAIL" if number % 7 else "PASS" for number, name in enumerate(jobs)}
    assert results(estate(jobs), "RUN-006") == wanted


def test_sessions_that_were_read_in_part_settle_nothing(estate: Make) -> None:
    snapshot = with_tasks(estate(SCENARIOS, status="partial"), [{"session_id": "good-0", "result": "Success"}])
    frame = run_checks(snapshot, policy_of(*TASK_CHECKS, *SESSION_CHECKS), SITE).results
    assert set(frame["result"]) == {"UNKNOWN"}
    assert frame["reason"].str.contains("sessions: partial").all()


def test_a_part_of_the_sessions_does_not_tell_whether_a_disabled_job_ran(estate: Make) -> None:
    snapshot = estate({"off": nights("FFF")}, settings={"off": {"expected_to_run": False}}, status="partial")
    assert results(snapshot, "RUN-006") == {"off": "UNKNOWN"}
    assert results(snapshot, "RUN-011") == {"off": "UNKNOWN"}, "a part of the runs does not report how many there were"


@pytest.mark.parametrize("check_id", ["RUN-005", "RUN-006", "RUN-007", "RUN-008", "RUN-016"])
def test_a_job_that_need_not_run_is_judged_by_the_runs_that_it_had(estate: Make, check_id: str) -> None:
    ran_all = {name: nights("FFF", result_message="No space") for name in ("off", "open")}
    settings = {key: {"expected_to_run": False} for key in ("off", "idle")} | {"open": {"expected_to_run": None}}
    bad = "PASS" if check_id == "RUN-008" else "FAIL"
    assert results(estate({**ran_all, "idle": []}, settings=settings), check_id) == {
        "off": bad, "open": bad, "idle": "NOT_APPLICABLE",
    }  # fmt: skip


def test_a_job_that_need_not_run_misses_no_run(estate: Make) -> None:
    jobs = {name: nights("FFF") for name in ("off", "open")}
    settings = {"off": {"expected_to_run": False}, "open": {"expected_to_run": None}}
    assert results(estate(jobs, settings=settings), "RUN-014") == {"off": "NOT_APPLICABLE", "open": "UNKNOWN"}


def test_a_job_without_an_id_owns_no_session(estate: Make) -> None:
    snapshot = estate({"a": nights("FFF"), "b": nights("SSS")}, settings={"a": {"job_id": None}})
    for check_id in SESSION_CHECKS:
        assert found(snapshot, check_id)["a"][0] in ("UNKNOWN", "NOT_APPLICABLE"), check_id


def test_a_retry_that_the_server_names_is_no_run_of_its_own(estate: Make) -> None:
    days = range(5, 15)
    runs = [ran(at(day), "Failed" if day < 7 else "Success", session_id=f"s{day}", retry_number=0) for day in days]
    again = [
        ran(at(day, 25), "Success", session_id=f"r{day}", original_session_id=f"s{day}", retry_number=1)
        for day in (5, 6)
    ]
    snapshot = estate({"a": [*again, *runs]})
    assert found(snapshot, "RUN-006")["a"] == ("PASS", "none failed")
    assert found(snapshot, "RUN-008")["a"] == ("PASS", "2 of 10 runs needed a retry")
    third = ran(at(7, 25), session_id="r7", original_session_id="s7", retry_number=1)
    assert found(estate({"a": [*again, *runs, third]}), "RUN-008")["a"] == ("FAIL", "3 of 10 runs needed a retry")
    recheck = {**third, "is_recheck_retry": True}
    assert found(estate({"a": [*again, *runs, recheck]}), "RUN-008")["a"][0] == "PASS"


def test_a_job_of_several_runs_a_day_is_not_taken_for_one_that_repeats(estate: Make) -> None:
    rows = [ran(at(day, hour), "Failed" if hour == 9 else "Success", 0.5) for day in (5, 6) for hour in (8, 9, 10)]
    grid = {"schedule_periodically_kind": "Hours", "schedule_periodically_frequency": 1}
    hourly = {"schedule_daily_enabled": False, "schedule_periodically_enabled": True, **grid}
    snapshot = estate({"a": rows}, settings={"a": hourly})
    assert found(snapshot, "RUN-008")["a"] == ("PASS", "0 of 6 runs needed a retry")
    assert found(snapshot, "RUN-007")["a"] == ("PASS", "4 of 6 (66.7 %)")


@pytest.mark.parametrize(("created", "result"), [(24, "PASS"), (24.01, "FAIL"), (None, "UNKNOWN")])
def test_when_a_running_session_hangs(estate: Make, created: float | None, result: str) -> None:
    start = None if created is None else NOW - dt.timedelta(hours=created)
    session = {**ran(start, "None", None), "state": "Working"}
    assert results(estate({"a": [session]}), "RUN-010") == {"a": result}


@pytest.mark.parametrize(
    ("finished", "age", "result"),
    [
        ([2.0] * 5, 6.0, "PASS"),
        ([2.0] * 5, 6.1, "FAIL"),
        ([2.0] * 4, 6.1, "PASS"),
        ([2.0] * 4 + [None], 6.1, "UNKNOWN"),
        ([2.0] * 5 + [None], 6.1, "FAIL"),
        ([2.0] * 4 + [None], 25.0, "FAIL"),
        ([10.0] * 5, 24.5, "FAIL"),
    ],
)
def test_a_session_hangs_when_it_takes_three_times_as_long_as_usual(
    estate: Make, finished: list[float | None], age: float, result: str
) -> None:
    rows = [ran(at(5 + day), hours=hours) for day, hours in enumerate(finished)]
    running = {**ran(NOW - dt.timedelta(hours=age), "None", None), "state": "Working"}
    assert results(estate({"a": [*rows, running]}), "RUN-010") == {"a": result}


@pytest.mark.parametrize(
    ("newest", "earlier", "result"),
    [
        (ran(at(27), hours=1.2), 10, "PASS"),
        (ran(at(27), hours=1.25), 10, "FAIL"),
        (ran(at(27), hours=3), 9, "NOT_APPLICABLE"),
        (ran(at(27), hours=3, result="Failed"), 11, "PASS"),
        (ran(at(27), hours=None), 10, "UNKNOWN"),
        (ran(None, hours=3), 11, "UNKNOWN"),
        (ran(at(27), hours=3, result=None), 11, "UNKNOWN"),
        ({**ran(at(27), hours=3), "state": None}, 11, "UNKNOWN"),
        ({**ran(at(27), "None", hours=None), "state": "Working"}, 11, "PASS"),
        (ran(SINCE - dt.timedelta(hours=1), hours=3), 11, "PASS"),
    ],
)
def test_the_newest_run_against_those_before_it(estate: Make, newest: Row, earlier: int, result: str) -> None:
    rows = [ran(at(5 + day), hours=1 + day % 2 / 10) for day in range(earlier)]
    assert results(estate({"a": [newest, *rows]}), "RUN-011") == {"a": result}


@pytest.mark.parametrize(
    ("start", "end", "result"),
    [
        (at(5, 20), at(6, 6), "PASS"),
        (at(5, 19.999), at(6, 6), "FAIL"),
        (at(5, 20), at(6, 6.001), "FAIL"),
        (at(5, 20), at(7, 21), "FAIL"),
        (at(5, 12), None, "FAIL"),
        (at(5, 23), None, "UNKNOWN"),
        (None, at(5, 23), "UNKNOWN"),
    ],
)
def test_hours_of_the_site_file(estate: Make, start: dt.datetime | None, end: dt.datetime | None, result: str) -> None:
    assert results(estate({"a": [{**ran(start), "ended": end}]}), "RUN-013") == {"a": result}


def test_hours_are_those_of_the_zone_of_the_report(estate: Make) -> None:
    snapshot = estate({"a": [ran(at(5, 18.5), hours=1)]})
    run = snapshot.manifest.run.model_copy(update={"timezone": "Europe/Berlin"})
    there = replace(snapshot, manifest=snapshot.manifest.model_copy(update={"run": run}))
    assert (results(snapshot, "RUN-013"), results(there, "RUN-013")) == ({"a": "FAIL"}, {"a": "PASS"})


def test_a_window_of_the_whole_day_and_none_at_all(estate: Make) -> None:
    snapshot = estate({"a": [ran(at(5, 12))]})
    whole = load_site('version: 1\nwindow: {start: "06:00", end: "06:00"}\n')
    assert found(snapshot, "RUN-013", site=whole)["a"][0] == "PASS"
    assert [result for result, _ in found(snapshot, "RUN-013", site=Site()).values()] == ["UNKNOWN"]


ON_WEEKDAYS = {"schedule_daily_kind": "WeekDays"}
ON_SATURDAYS = {"schedule_daily_kind": "SelectedDays", "schedule_daily_days": "Saturday"}


@pytest.mark.parametrize(
    ("settings", "gone", "observed"),
    [
        ({}, (), ("PASS", "0 of 27 runs missed")),
        ({}, (30,), ("FAIL", "1 of 27 runs missed")),
        ({}, (31,), ("FAIL", "1 of 27 runs missed")),
        ({"schedule_daily_time": "18:00:00"}, (31,), ("FAIL", "1 of 27 runs missed")),
        ({"schedule_daily_time": "18:01"}, (31,), ("FAIL", "1 of 27 runs missed")),
        ({}, (10, 11, 20), ("FAIL", "3 of 27 runs missed")),
        (ON_WEEKDAYS, (10, 11), ("PASS", "0 of 20 runs missed")),
        (ON_WEEKDAYS, (9,), ("FAIL", "1 of 20 runs missed")),
        (ON_SATURDAYS, (9,), ("PASS", "0 of 4 runs missed")),
        (ON_SATURDAYS | {"schedule_daily_days": "Friday,  Saturday"}, (9,), ("FAIL", "1 of 8 runs missed")),
    ],
)
def test_which_runs_are_missed(estate: Make, settings: Row, gone: tuple[int, ...], observed: tuple[str, str]) -> None:
    rows = [row for row in ALL_NIGHTS if row["created"].day not in gone]
    assert found(estate({"a": rows}, settings={"a": settings}), "RUN-014")["a"] == observed


@pytest.mark.parametrize(
    "time", ["24:00", "22:60", "22", "22:0x", "x22:00", "22:00\n", "22:00:00:00", "-1:00", "", "\u0662\u0662:00", None]
)
def test_a_time_that_is_none(estate: Make, time: str | None) -> None:
    snapshot = estate({"a": ALL_NIGHTS}, settings={"a": {"schedule_daily_time": time}})
    assert results(snapshot, "RUN-014") == {"a": "UNKNOWN"}


def test_nothing_is_missed_that_is_still_to_come(estate: Make) -> None:
    snapshot = estate({"a": ALL_NIGHTS})
    run = snapshot.manifest.run.model_copy(update={"until": NOW + dt.timedelta(days=20)})
    later = replace(snapshot, manifest=snapshot.manifest.model_copy(update={"run": run}))
    assert found(later, "RUN-014")["a"] == ("PASS", "0 of 27 runs missed")


@pytest.mark.parametrize(
    ("who", "services", "result"),
    [
        ("SYSTEM", None, "PASS"),
        ("nt authority\\system", None, "PASS"),
        ("EXAMPLE\\SVC-veeam", None, "PASS"),
        ("EXAMPLE\\vbr01$", None, "PASS"),
        ("EXAMPLE\\jane", None, "FAIL"),
        ("EXAMPLE\\jane", "'EXAMPLE\\jane'", "PASS"),
        ("SYSTEM", "''", "FAIL"),
        ("  ", None, "UNKNOWN"),
        (None, None, "UNKNOWN"),
    ],
)
def test_who_is_a_person(estate: Make, who: str | None, services: str | None, result: str) -> None:
    policy = policy_of("RUN-015", **({} if services is None else {"services": services}))
    assert results(estate({"a": [ran(at(5), initiated_by=who)]}), "RUN-015", policy) == {"a": result}


@pytest.mark.parametrize(
    ("ago", "under_way", "result"),
    [
        (0, (), "FAIL"),
        (60, (), "FAIL"),
        (61, (), "UNKNOWN"),
        (-60, (), "FAIL"),
        (61, ("Working",), "FAIL"),
        (61, ("Stopped",), "UNKNOWN"),
    ],
)
def test_a_period_that_ended_long_ago_says_nothing_of_the_last_run_but_one_under_way_does(
    estate: Make, ago: int, under_way: tuple[str, ...], result: str
) -> None:
    later = [
        ran(NOW - dt.timedelta(minutes=9), "None" if state == "Working" else "Failed", state=state, session_id="x")
        for state in under_way
    ]
    snapshot = estate({"a": [*nights("F"), *later]})
    run = snapshot.manifest.run.model_copy(update={"until": NOW - dt.timedelta(minutes=ago)})
    states = conform({"server": ["vbr01"], "job_id": ["id-of-a"], "last_result": ["None"]}, SPECS["job_states"])[0]
    there = replace(
        snapshot,
        tables={**snapshot.tables, "job_states": states},
        manifest=snapshot.manifest.model_copy(update={"run": run}),
    )
    assert results(there, "RUN-001") == {"a": result}


def read(session: str, gigabytes: float | None, **more: Any) -> Row:
    """A task session of an increment."""
    size = None if gigabytes is None else int(gigabytes * 10**9)
    return {"session_id": session, "algorithm": "Increment", "read_bytes": size, "result": "Success", **more}


EIGHT = {"a": nights("SSSSSSSS")}
TEN_GB = [read(f"a-{night}", 10) for night in range(7)]


@pytest.mark.parametrize(
    ("newest", "result"),
    [
        ([read("a-7", 15)], "PASS"),
        ([read("a-7", 15.1)], "FAIL"),
        ([read("a-7", 5)], "PASS"),
        ([read("a-7", 4.9)], "FAIL"),
        ([read("a-7", 4), read("a-7", 6)], "PASS"),
        ([read("a-7", 99, algorithm="Full")], "NOT_APPLICABLE"),
        ([read("a-7", 5), read("a-7", 99, algorithm="Full")], "NOT_APPLICABLE"),
        ([read("a-7", 10), read("a-7", None)], "UNKNOWN"),
        ([read("a-7", 10, algorithm=None)], "UNKNOWN"),
        ([read("a-7", 10), read("gone", 10, created=at(20))], "UNKNOWN"),
        ([read("a-7", 10), read("gone", 10, created=at(1, 23))], "PASS"),
        ([read("a-7", 10), read("gone", 10, created=at(2, 0))], "UNKNOWN"),
        ([read("a-7", 10), read("gone", 10)], "UNKNOWN"),
        ([], "NOT_APPLICABLE"),
    ],
)
def test_how_much_the_newest_run_read(estate: Make, newest: list[Row], result: str) -> None:
    assert results(with_tasks(estate(EIGHT), [*TEN_GB, *newest]), "RUN-012") == {"a": result}


@pytest.mark.parametrize(
    ("last", "result"),
    [
        (ran(at(31), hours=8), "FAIL"),
        (ran(at(31), hours=8.1), "PASS"),
        ({**ran(at(31), "None", hours=None), "state": "Working"}, "PASS"),
        (ran(at(31), hours=None), "UNKNOWN"),
        ({**ran(at(31)), "state": "Meditating"}, "UNKNOWN"),
    ],
)
def test_a_run_that_is_not_over_is_not_judged_by_what_it_read_so_far(estate: Make, last: Row, result: str) -> None:
    snapshot = estate({"a": [*EIGHT["a"], last]})
    assert results(with_tasks(snapshot, [*TEN_GB, read("a-7", 10), read("a-8", 1)]), "RUN-012") == {"a": result}


def task(session: str | None, result: str | None = "Success", **more: Any) -> Row:
    return {"session_id": session, "result": result, "name": "srv-1", **more}


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([task("a-0"), task("b-0")], {"a": "PASS", "b": "PASS"}),
        ([task("a-0"), task("a-0", "Failed"), task("b-0")], {"a": "FAIL", "b": "PASS"}),
        ([task("a-1"), task("b-1", "Failed")], {"a": "PASS", "b": "NOT_APPLICABLE"}),
        ([task("a-0", None), task("b-0", "Sideways")], {"a": "UNKNOWN", "b": "UNKNOWN"}),
        ([task("a-0", type=None), task("b-0")], {"a": "UNKNOWN", "b": "PASS"}),
        ([task("a-0"), task("a-0", None, type="Antivirus"), task("b-0")], {"a": "PASS", "b": "PASS"}),
        ([task("a-0"), task("b-0"), task("gone")], {"a": "UNKNOWN", "b": "UNKNOWN"}),
        ([task("a-0"), task("b-0", "Failed"), task(None)], {"a": "UNKNOWN", "b": "FAIL"}),
        ([task("a-0"), task("b-0"), task("gone", created=at(1, 1))], {"a": "PASS", "b": "PASS"}),
        ([task("a-0"), task("b-0"), task("gone", "Failed", created=at(1, 1))], {"a": "UNKNOWN", "b": "UNKNOWN"}),
        ([task("a-0"), task("b-0"), task(None, created=at(1, 1))], {"a": "UNKNOWN", "b": "UNKNOWN"}),
        ([task("a-0"), task("b-0"), task("gone", type="Restore")], {"a": "PASS", "b": "PASS"}),
        ([task("a-0")], {"a": "PASS", "b": "UNKNOWN"}),
    ],
)
def test_objects_that_failed_in_green_runs(estate: Make, tasks: list[Row], expected: dict[str, str]) -> None:
    snapshot = estate({"a": nights("SW"), "b": nights("SF")})
    assert results(with_tasks(snapshot, tasks), "RUN-017") == expected


def test_a_green_run_of_unknown_result_leaves_its_failed_object_open(estate: Make) -> None:
    assert results(with_tasks(estate({"a": nights("?")}), [task("a-0", "Failed")]), "RUN-017") == {"a": "UNKNOWN"}


@pytest.mark.parametrize("check_id", TASK_CHECKS)
@pytest.mark.parametrize("status", ["partial", "denied"])
def test_task_sessions_that_were_not_read_whole(estate: Make, check_id: str, status: str) -> None:
    snapshot = with_tasks(estate(EIGHT), [*TEN_GB, read("a-7", 10)], status)
    assert list(results(snapshot, check_id).values()) == ["UNKNOWN"]
