"""The restore tests of a year: what was restored or verified, as each run read it, and what several runs know of it.

The same sessions count as in the checks of restore tests. The API names a restored object only by its name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.catalogue.restore_tests.restore_tests import TESTS, kind_is, succeeded
from vbr_audit.checks.engine.views import ServerView
from vbr_audit.checks.logic.three_valued import Cells, one_of, places_of, surely, taken
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.datasets.card import YEAR
from vbr_audit.histories import protection
from vbr_audit.histories.evidence import (
    HOUR,
    NO_INSTANT,
    SERVER_COLUMNS,
    RunTables,
    constant,
    id_of,
    instants,
    joined,
    server_views,
)
from vbr_audit.histories.month_parts import covered_length, joined_keys
from vbr_audit.tables.build.arrays import micros, micros_of, strings_of
from vbr_audit.tables.build.enums import GOOD_RESULTS, RESULTS
from vbr_audit.tables.build.schema import Column, TableSpec, conform, empty

OBJECT, SESSION = "object", "job"
_NO_RUN_SAW: Final = "no run of the history covers them"
_SOURCES: Final = {SESSION: "restore_sessions", OBJECT: "restore_tasks"}

SPEC: Final = TableSpec(
    "restore_tests",
    ("server_id", "kind", "test_id"),
    (
        *SERVER_COLUMNS,
        Column(
            "kind", "string", "`object` for a restored object, `job` for a whole restore or verification.", holds="word"
        ),
        Column("test_id", "string", "The id of the session or of the task.", holds="id"),
        Column("name", "string", "The object's name, or that of the job or session.", holds="object"),
        Column("session_type", "string", "The type of the session.", holds="word"),
        Column("created", "datetime", "When it started."),
        Column("is_good", "boolean", "It ended with Success or Warning; NA if not known."),
    ),
    "One row per restore or verification of the year before the collection, and per object that was restored in it.",
)

EVIDENCE_SPEC: Final = TableSpec(
    "restore_evidence",
    ("server_id", "kind"),
    (
        *SERVER_COLUMNS,
        Column("kind", "string", "`object` or `job`, as in `restore_tests`.", holds="word"),
        Column("since", "datetime", "From when on all are known; NaT if not known."),
        Column("until", "datetime", "The server's clock at the time of reading."),
        Column("reason", "string", "Why not all of the year before is known.", holds="own text"),
    ),
    "One row per server and kind: of which time all restore tests were read.",
)

YEAR_SPEC: Final = TableSpec(
    "restore_tests_year",
    ("server_id", "kind", "name"),
    (
        *SERVER_COLUMNS,
        Column("kind", "string", "`object` or `job`, as in `restore_tests`.", holds="word"),
        Column("name", "string", "The object's name, or that of the job or session.", holds="object"),
        Column("last_test", "datetime", "The start of the latest one; NaT if none is known."),
        Column("last_good_test", "datetime", "The start of the latest one that ended well; NaT if none is known."),
        Column("tests", "Int64", "Tests in the 365 days; NA if not all of these days are known."),
        Column("good", "Int64", "Of these, those that ended well; NA if that is not known of all."),
        Column("tests_seen", "Int64", "Tests that any run of the history saw: at least so many."),
        Column("unknown_days", "Float64", "Days of the 365 of which not all tests are known.", "days"),
        Column("reason", "string", "Why days are not known.", holds="own text"),
    ),
    "One row per protected object and per job that restores or verifies: its restore tests in the 365 days.",
)


def restore_tables(snapshot: Snapshot) -> dict[str, pd.DataFrame]:
    """The tables `restore_tests` and `restore_evidence` of one run, by name."""
    views = server_views(snapshot)
    return {
        SPEC.name: joined([_tests(snapshot, view, kind) for view in views for kind in _SOURCES], SPEC),
        EVIDENCE_SPEC.name: joined([_evidence(snapshot, view) for view in views], EVIDENCE_SPEC),
    }


def _tests(snapshot: Snapshot, view: ServerView, kind: str) -> pd.DataFrame:
    rows = view.frame(_SOURCES[kind])
    if kind == OBJECT:
        rows = rows[~surely(rows["type"] != "Restore")].reset_index(drop=True)
        known = surely(one_of(rows["result"], RESULTS)) & rows["type"].notna().to_numpy()
        good = one_of(rows["result"], GOOD_RESULTS).mask(~known)
        ids, names = rows["task_session_id"], rows["name"]
    else:
        rows = rows[~surely(~kind_is(rows, TESTS))].reset_index(drop=True)
        good = succeeded(rows).mask(rows["session_type"].isna().to_numpy())
        jobs = view.frame("jobs")
        own = taken(jobs["name"], places_of(rows["job_id"], jobs["job_id"]), rows.index)
        ids, names = rows["session_id"], own.fillna(rows["name"])
    return conform(
        {
            "server_id": pd.Series(constant(id_of(snapshot, view.name), len(rows))),
            "server": pd.Series(constant(view.name, len(rows))),
            "kind": pd.Series(constant(kind, len(rows))),
            "test_id": ids,
            "name": names,
            "session_type": rows["session_type"],
            "created": rows["created"],
            "is_good": good,
        },
        SPEC,
    )[0]


def _evidence(snapshot: Snapshot, view: ServerView) -> pd.DataFrame:
    """From when on all tests of one server are known: the year that was read, as far as the server remembers it."""
    until = micros(view.now)
    oldest = view.frame("session_history")["oldest_session"].dropna()
    records = []
    for kind, table in _SOURCES.items():
        gaps = "; ".join(view.gaps(table))
        reason = gaps or (None if len(oldest) else "how far back the server's history of sessions reaches is not known")
        since = max(micros(view.now - YEAR), micros(oldest.min())) if reason is None else NO_INSTANT
        if reason is None and since > micros(view.now - YEAR):
            reason = "the server's history of sessions begins later"
        records.append((kind, since, reason))
    kinds, since_cells, reasons = zip(*records, strict=True)
    return conform(
        {
            "server_id": [id_of(snapshot, view.name)] * len(records),
            "server": [view.name] * len(records),
            "kind": kinds,
            "since": pd.Series(instants(np.array(since_cells, dtype=np.int64))),
            "until": pd.Series(instants(np.full(len(records), until, dtype=np.int64))),
            "reason": reasons,
        },
        EVIDENCE_SPEC,
    )[0]


def restore_tests_of_year(runs: Iterable[RunTables], *, until: dt.datetime | None = None) -> pd.DataFrame:
    """The table `restore_tests_year` of a history: the 365 days before `until`, else before the latest run of a server.

    A test that several runs saw counts once, as the latest run shows it. A protected object without any test has a row
    too; so many days as no run knows leave its number of tests unknown.
    """
    ordered = sorted({run.run_id: run for run in runs}.values(), key=lambda run: (run.now, run.run_id))
    tests = joined([run.table(SPEC) for run in ordered], SPEC)
    tests = tests[tests["test_id"].isna() | ~tests.duplicated(["server_id", "kind", "test_id"], keep="last")]
    evidence = joined([run.table(EVIDENCE_SPEC) for run in ordered], EVIDENCE_SPEC)
    read = evidence.groupby("server_id")["until"].max()
    ends = {server: micros(until or moment) for server, moment in read.items()}
    length = int(YEAR.total_seconds()) * 1_000_000
    at, end = micros_of(tests["created"]), tests["server_id"].map(ends).fillna(NO_INSTANT).to_numpy(dtype=np.int64)
    tests = tests[(at == NO_INSTANT) | ((at >= end - length) & (at < end))].reset_index(drop=True)
    rows = _subjects(tests, ordered)
    if not len(rows):
        return empty(YEAR_SPEC)
    keys = pd.Index(_keys(rows))
    columns = _counts(tests, keys.get_indexer(pd.Index(_keys(tests))), len(rows))
    columns |= _known(rows, evidence, {server: (end - length, end) for server, end in ends.items()})
    gone = (columns["unknown_days"] > 0) | columns.pop("undated") | _nameless(rows, tests)
    columns["tests"] = pd.arrays.IntegerArray(columns["tests_seen"].copy(), gone)
    columns["good"] = pd.arrays.IntegerArray(columns["good"], gone | columns.pop("unclear"))
    data = {**{name: rows[name] for name in ("server_id", "server", "kind", "name")}, **columns}
    frame = conform({name: pd.Series(values) for name, values in data.items()}, YEAR_SPEC)[0]
    return frame.sort_values(["server_id", "kind", "name"], kind="stable", ignore_index=True)


def _keys(rows: pd.DataFrame) -> Any:
    """The server, the kind and the name of each row: names are the same in capitals and in small letters."""
    return joined_keys(rows["server_id"], rows["kind"], rows["name"].str.casefold())


def _subjects(tests: pd.DataFrame, runs: list[RunTables]) -> pd.DataFrame:
    """What may have been tested: every name with a test, and the protected objects of the latest run of each server."""
    names = ["server_id", "server", "kind", "name"]
    listed = [tests[tests["name"].notna()][names]]
    latest: dict[str, pd.DataFrame] = {}
    for run in runs:
        evidence = run.table(protection.EVIDENCE_SPEC)
        for server_id, own in evidence.groupby("server_id"):
            latest[str(server_id)] = own
    for own in latest.values():
        objects = own.rename(columns={"object_name": "name"})[["server_id", "server", "name"]]
        listed.append(
            objects[objects["name"].notna()].assign(kind=constant(OBJECT, int(objects["name"].notna().sum())))[names]
        )
    rows = pd.concat(listed, ignore_index=True)
    return rows[~pd.Series(_keys(rows)).duplicated(keep="last").to_numpy()].reset_index(drop=True)


def _counts(tests: pd.DataFrame, owner: Cells, size: int) -> dict[str, Any]:
    """What the tests in hand show of each name."""
    at, mine = micros_of(tests["created"]), owner >= 0
    dated, good = mine & (at != NO_INSTANT), surely(tests["is_good"])
    last, last_good = np.full(size, NO_INSTANT, dtype=np.int64), np.full(size, NO_INSTANT, dtype=np.int64)
    np.maximum.at(last, owner[dated], at[dated])
    np.maximum.at(last_good, owner[dated & good], at[dated & good])

    def count(chosen: Cells) -> Cells:
        return np.bincount(owner[chosen], minlength=size).astype(np.int64)

    return {
        "last_test": instants(last),
        "last_good_test": instants(last_good),
        "tests_seen": count(dated),
        "good": count(dated & good),
        "undated": count(mine & ~dated) > 0,
        "unclear": count(dated & tests["is_good"].isna().to_numpy()) > 0,
    }


def _known(rows: pd.DataFrame, evidence: pd.DataFrame, years: Mapping[Any, tuple[int, int]]) -> dict[str, Any]:
    """Of each name how many days of the year no run knows, and why."""
    days, reasons = np.full(len(rows), float(YEAR.days)), np.full(len(rows), _NO_RUN_SAW, dtype=object)
    groups: Any = rows.groupby(["server_id", "kind"]).indices
    for (server_id, kind), place in groups.items():
        if server_id not in years:
            continue
        start, end = years[server_id]
        own = evidence[surely((evidence["server_id"] == server_id) & (evidence["kind"] == kind))]
        known = own[own["since"].notna().to_numpy()]
        begin = np.maximum(micros_of(known["since"]), start)
        length = covered_length(begin, np.minimum(micros_of(known["until"]), end), start, end)[0]
        days[place] = (end - start - length) / HOUR / 24
        given = own["reason"].dropna()
        reasons[place] = pd.NA if length == end - start else given.iloc[-1] if len(given) else _NO_RUN_SAW
    return {"unknown_days": days, "reason": strings_of(reasons)}


def _nameless(rows: pd.DataFrame, tests: pd.DataFrame) -> Cells:
    """The rows of a server and kind that has a test without a name: it may be one of any of them."""
    strays = tests[tests["name"].isna()]
    asked = joined_keys(rows["server_id"], rows["kind"])
    return np.isin(asked, joined_keys(strays["server_id"], strays["kind"]))
