"""What a history of many runs of a large estate takes: adding, opening, the trend, one step of the lifecycle, `diff`.

One run, of jobs and sessions, is collected from a simulated server and judged; its tables stand in every run of the
history. The findings of the other runs are made up: as many as there are sessions, of which a few change from run to
run. Prints each figure with its bar; the exit code is 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from made_runs import judged, made_run

import vbr_audit as va
from vbr_audit.checks.drift.compare import drift_between
from vbr_audit.findings.compared import FINDINGS_SPEC, Judged, history_keys
from vbr_audit.findings.lifecycle import Lives, step
from vbr_audit.histories.adding import RUN_SPECS, add_to_history, tables_of_run
from vbr_audit.histories.archive import TABLES, add_run
from vbr_audit.histories.baseline import kept_settings
from vbr_audit.histories.comparing import diff_runs
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve
from vbr_audit.tables.build.schema import from_arrays

CHECKS = 40
"""The checks that are asked of each job in the findings that are made up."""
DAY = dt.timedelta(days=30)


def seconds(way: Callable[[], object], rounds: int) -> float:
    """The shortest time of the processor that `way` took: others may be at work on the machine."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        way()
        times.append(time.process_time() - started)
    return min(times)


def findings(server_id: str, number: int) -> pd.DataFrame:
    """So many findings of one server, in as many objects as that takes."""
    places = np.arange(number)
    objects = np.array([f"00000000-0000-0000-0000-{place:012}" for place in range(number // CHECKS + 1)], dtype=object)
    columns: dict[str, Any] = dict.fromkeys(FINDINGS_SPEC.names, "text")
    columns |= {
        "check_id": np.array([f"JOB-{place:03}" for place in range(CHECKS)], dtype=object)[places % CHECKS],
        "finding_id": np.array([f"{place:016x}" for place in places], dtype=object),
        "object_id": objects[places // CHECKS],
        "object_name": np.array([f"Job {place}" for place in range(len(objects))], dtype=object)[places // CHECKS],
        "status": np.where(places % 5 == 0, "FAIL", "PASS").astype(object),
        "severity": np.array(["critical", "high", "medium", "low"], dtype=object)[places % 4],
        "server_id": server_id,
    }
    filled = pd.DataFrame({name: columns[name] for name in FINDINGS_SPEC.names}, index=places)
    filled["key"] = history_keys(filled, filled["server_id"].to_numpy(dtype=object))
    return from_arrays({name: pd.array(filled[name].tolist(), dtype="string") for name in filled}, number)


def run_of(server_id: str, now: dt.datetime, number: int, rows: pd.DataFrame) -> Judged:
    """The run `number` of these findings: one in 97 has another answer than in the run before."""
    told = {f"JOB-{place:03}": {"population": len(rows) // CHECKS, "whole": True} for place in range(CHECKS)}
    base = judged([], asked=told, server=server_id)
    status = rows["status"].to_numpy(dtype=object).copy()
    turned = (np.arange(len(rows)) + number) % 97 == 0
    status[turned] = np.where(status[turned] == "PASS", "FAIL", "PASS")
    changed = rows.assign(status=pd.array(status.tolist(), dtype="string"))
    terms: dict[str, Any] = {"now": now, "since": now - DAY, "until": now, "findings": changed}
    return dataclasses.replace(base, run_id=f"{number:016x}", **terms)


class Figures:
    """What was measured, each with its bar."""

    def __init__(self) -> None:
        self.missed = False

    def tell(self, what: str, value: float, bar: float, unit: str) -> None:
        """Print a figure, and whether it is within its bar."""
        self.missed |= value > bar
        print(f"{what:44} {value:8.2f} {unit:4} bar {bar:5.1f}  {'MISSED' if value > bar else 'ok'}", flush=True)


def measure(place: Path, options: argparse.Namespace) -> Figures:
    """Build the history in `place`, and measure."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    with (
        serve(now=now, role="Administrator", jobs=options.jobs, sessions=options.sessions) as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        started = time.perf_counter()
        snapshot = va.collect(client, datasets=("jobs", "job_states", "sessions"), progress=False)
        collecting = time.perf_counter() - started
    audit = va.audit(snapshot)
    folder = audit.save(place / "run", formats=["json"])
    (server_id,) = set(snapshot.manifest.server_ids.values())
    made = tables_of_run(snapshot, audit.results)
    tables = tuple((spec, made[spec.name]) for spec in RUN_SPECS)
    rows = findings(server_id, options.sessions)
    runs = [run_of(server_id, now - number * DAY, number, rows) for number in range(options.runs - 1, 0, -1)]
    history = place / "history"
    for run in runs:
        new = made_run(place / run.run_id, run)
        add_run(history, dataclasses.replace(new, tables=tables))
    counts = f"{len(snapshot.jobs):,} jobs, {len(snapshot.sessions):,} sessions, {len(rows):,} findings"
    print(f"{options.runs} runs of {counts}; collecting {collecting:.1f} s, {len(audit.findings):,} findings judged")
    figures = Figures()
    started = time.perf_counter()
    add_to_history(history, folder, audit.snapshot, audit.results)
    figures.tell("adding, against collecting", 100 * (time.perf_counter() - started) / collecting, 20, "%")
    sizes = [
        sum(path.stat().st_size for path in (run / TABLES).iterdir()) / 1e6 for run in history.iterdir() if run.is_dir()
    ]
    figures.tell("tables of a run, the largest", max(sizes), 8, "MB")
    compare(figures, history, runs, options.rounds)
    return figures


def compare(figures: Figures, history: Path, runs: list[Judged], rounds: int) -> None:
    """Measure what compares the runs of a history."""
    figures.tell("opening, and the trend of all runs", seconds(lambda: va.history(history).trend(), rounds), 2, "s")
    before = step(Lives(), runs[-2])
    figures.tell("one step of the lifecycle", seconds(lambda: step(before, runs[-1]), rounds), 1.5, "s")
    ids = [run.run_id for run in runs[-2:]]
    figures.tell(
        "diff of two runs of the history", seconds(lambda: diff_runs(*ids, history=history).changed, rounds), 3, "s"
    )
    one, two = (twice(runs[-2:], times) for times in (1, 2))
    times = [seconds(lambda pair=pair: va_compare(*pair), rounds) for pair in (one, two)]
    figures.tell("diff of twice the findings", times[1] / times[0], 2.5, "x")
    entries = va.history(history).archive.runs[-2:]
    old, new = (kept_settings(entry) for entry in entries)
    if old is not None and new is not None:
        new = dataclasses.replace(new, now=max(new.now, old.now + dt.timedelta(seconds=1)))
        figures.tell("drift of all settings", seconds(lambda: drift_between(old, new), rounds), 15, "s")


def va_compare(old: Judged, new: Judged) -> object:
    """What changed between two runs, in the order in which a reader wants to know."""
    from vbr_audit.findings.changes import compare_runs

    return compare_runs(old, new).changed


def twice(runs: list[Judged], times: int) -> list[Judged]:
    """The runs with all their findings this many times, as those of further objects."""
    made = []
    for run in runs:
        parts = [
            run.findings.assign(
                key=run.findings["key"] + f"-{number}", object_id=run.findings["object_id"] + f"{number}"
            )
            for number in range(times)
        ]
        made.append(dataclasses.replace(run, findings=pd.concat(parts, ignore_index=True)))
    return made


def main() -> None:
    """Print the figures; exit code 1 where one misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--jobs", type=int, default=5_000)
    parser.add_argument("--sessions", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        figures = measure(Path(place), options)
    raise SystemExit(int(figures.missed))


if __name__ == "__main__":
    main()
