"""`metrics.prom`: Prometheus and its textfile collector can read it, and what is not known is no number."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import re
from collections import Counter
from functools import lru_cache
from typing import Any

import estates
import pandas as pd
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as textfile
from small_server import SmallServer, audited

import vbr_audit as va
from vbr_audit.collection.manifest import DatasetStatus
from vbr_audit.reports.exports.openmetrics import run_metrics

ESTATES = ("demo", "incomplete", "nothing", "hostile")
NOW = dt.datetime(2026, 11, 1, 6, 0, tzinfo=dt.UTC)
Samples = dict[tuple[str, ...], float]


@lru_cache
def text_of(estate: str) -> str:
    return run_metrics(getattr(estates, estate)().context).decode()


def read(text: str) -> dict[str, Samples]:
    """The samples of each metric by the values of their labels."""
    return {
        family.name.removeprefix("vbr_audit_"): {tuple(each.labels.values()): each.value for each in family.samples}
        for family in openmetrics(text)
    }


@pytest.mark.parametrize("estate", ESTATES)
def test_both_grammars_read_the_same_and_no_series_stands_twice(estate: str) -> None:
    text = text_of(estate)
    assert text.endswith("\n# EOF\n")
    strict, plain = ([each for family in parse(text) for each in family.samples] for parse in (openmetrics, textfile))
    assert [(each.name, each.labels, each.value) for each in strict] == [
        (each.name, each.labels, each.value) for each in plain
    ]
    series = Counter((each.name, tuple(sorted(each.labels.items()))) for each in strict)
    assert max(series.values()) == 1
    assert not re.search(r"nan|inf", " ".join(line.rpartition(" ")[2] for line in text.splitlines()), re.IGNORECASE)


@pytest.mark.parametrize("estate", ESTATES)
def test_names_and_units_are_those_that_prometheus_asks_for(estate: str) -> None:
    """What `promtool check metrics` asks: base units, a help for each, no word that it keeps for other types."""
    for family in openmetrics(text_of(estate)):
        assert family.type == "gauge"
        assert family.documentation.endswith(".")
        assert not set('\\"') & set(family.documentation), "the textfile collector knows no other escape"
        assert family.unit in ("", "seconds", "bytes", "ratio")
        assert family.name.endswith(family.unit)
        assert not re.search(r"_(total|count|sum|bucket|days|hours|minutes|percent)(_|$)", family.name)


def test_the_numbers_of_servers_and_objects_add_up_to_those_of_the_run() -> None:
    audit, found = estates.demo(), read(text_of("demo"))
    statuses = [str(status) for status in DatasetStatus]
    datasets = {status: found["datasets"][estates.SERVER, status] for status in statuses}
    assert datasets["complete"] == audit.summary.datasets_complete
    assert sum(datasets.values()) == audit.summary.datasets_total
    objects = {state: many for (_, state), many in found["protected_objects"].items()}
    assert objects["fresh"] / sum(objects.values()) == found["protected_ratio"][()]
    assert found["server_compliance_ratio"] == {(estates.SERVER,): audit.summary.compliance}
    assert found["server_job_runs_success_ratio"] == {(estates.SERVER,): audit.summary.success_rate}
    assert sum(found["job_runs"].values()) == sum(audit.summary.sessions_by_result.values())
    assert found["run_timestamp_seconds"][()] == audit.snapshot.now.timestamp()
    begun = min(each.started for each in audit.snapshot.manifest.datasets if each.rows_kept)
    assert abs(found["evidence_timestamp_seconds"][(estates.SERVER,)] - begun.timestamp()) < 60


def test_each_of_several_servers_has_its_own_numbers() -> None:
    servers = []
    for name in ("vbr02", "vbr\x01"):
        servers.append(SmallServer(now="2026-11-01T06:00:00Z", name=name))
        servers[-1].add_repository("Local")
        servers[-1].add_job("Nightly", repository="Local")
    audit = audited(*servers, month="2026-10", timezone="UTC", only="JOB", datasets=("jobs", "repository_states"))
    found = read(run_metrics(audit.context).decode())
    shown = {"vbr02", "vbr␁"}
    for name in ("findings", "causes", "datasets", "evidence_timestamp_seconds", "server_info"):
        assert {labels[0] for labels in found[name]} == shown
    assert sum(found["findings"].values()) == len(audit.findings)
    assert sum(found["causes"].values()) == len(audit.causes)
    lines = {line.server: line for line in audit.context.figures.estate.servers}
    assert found["server_compliance_ratio"]["vbr02",] == lines["vbr02"].compliance
    known = {labels[1] for labels, value in found["value_known"].items() if labels[1:] and not value}
    assert known == shown, "no session was read"


def test_what_is_not_known_is_absent_and_said() -> None:
    found = read(text_of("nothing"))
    assert {"job_runs_success_ratio", "server_job_runs_success_ratio", "protected_ratio"} & found.keys() == set()
    known = found["value_known"]
    assert known["vbr_audit_job_runs_success_ratio",] == 0
    assert known["vbr_audit_server_job_runs_success_ratio", estates.SERVER] == 0
    assert known["vbr_audit_compliance_ratio",] == 1
    told = {f"vbr_audit_{name}" for name in found}
    assert {name for (name, *_), value in known.items() if value} <= told
    assert read(text_of("incomplete"))["incomplete_reasons"][()] == len(estates.incomplete().results.incomplete) > 0


def test_a_number_that_is_at_least_so_many_is_not_called_known() -> None:
    audit = estates.demo()
    partial = dataclasses.replace(audit.summary, jobs_whole=False, sessions_whole=False, success_rate=None)
    context = dataclasses.replace(audit.context, results=dataclasses.replace(audit.results, summary=partial))
    found = read(run_metrics(context).decode())
    assert found["jobs_in_scope"][()] == partial.jobs_in_scope
    known = {name for (name, *_), value in found["value_known"].items() if value == 0}
    assert known == {f"vbr_audit_{name}" for name in ("jobs_in_scope", "job_runs", "job_runs_success_ratio")}


def with_repositories(*rows: dict[str, Any]) -> dict[str, Samples]:
    """The metrics of an estate whose list of repositories has these rows."""
    context = estates.nothing().context
    frame = context.figures.estate.repositories
    nothing = dict.fromkeys(frame.columns)
    made = pd.DataFrame([nothing | {"server": estates.SERVER, "kind": "repository"} | row for row in rows])
    estate = dataclasses.replace(context.figures.estate, repositories=made.astype(frame.dtypes.to_dict()))
    figures = copy.copy(context.figures)
    vars(figures)["estate"] = estate
    return read(run_metrics(dataclasses.replace(context, figures=figures)).decode())


def test_a_repository_says_when_it_is_full_or_why_nobody_knows() -> None:
    found = with_repositories(
        {
            "name": "A",
            "repository_id": "1",
            "outlook": "filling",
            "days_to_full": 2.5,
            "days_low": 2.0,
            "used_bytes": 7,
        },
        {"name": "B", "repository_id": "2", "outlook": "too few samples", "capacity_bytes": 9},
        {"name": "C", "repository_id": "3", "outlook": "unknown", "kind": "scale-out repository"},
    )
    one, two = (estates.SERVER, "A", "1"), (estates.SERVER, "B", "2")
    assert found["repository_until_full_seconds"] == {(*one, "expected"): 216_000.0, (*one, "earliest"): 172_800.0}
    assert found["repository_outlook"] == {(*one, "filling"): 1, (*two, "too few samples"): 1}
    assert (found["repository_used_bytes"], found["repository_capacity_bytes"]) == ({one: 7}, {two: 9})


def test_names_are_escaped_and_those_that_look_alike_stay_apart() -> None:
    evil = 'a"b\\c\nd\r\x1b[31m\u202e{x="y"} 1 # EOF'
    rows = [{"name": evil, "repository_id": number, "outlook": "unknown"} for number in ("\x01", "␁", None, None)]
    found = with_repositories(*rows)
    assert [labels[1:3] for labels in found["repository_outlook"]] == [
        ('a"b\\c␊d␍␛[31m⟨U+202E⟩{x="y"} 1 # EOF', number) for number in ("␁", "␁ (2)", "not known", "not known (2)")
    ]


def test_a_run_without_servers_has_its_own_numbers() -> None:
    snapshot = va.Snapshot.from_tables({}, now=NOW, since=NOW - dt.timedelta(days=30), until=NOW)
    found = read(run_metrics(va.audit(snapshot).context).decode())
    assert found["run_timestamp_seconds"] == {(): NOW.timestamp()}
    assert found["rating"]["not rated",] in (0, 1)
