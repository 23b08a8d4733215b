"""All checks of the default policy on many jobs against parsing those jobs' documents with `orjson`.

Jobs, their settings, states and sessions are at size; every other table is that of the simulator's default estate. With
`--whole`, all tables of the large estate are measured too.
"""

from __future__ import annotations

import argparse
import cProfile
import dataclasses
import datetime as dt
import gc
import pstats
import statistics
import time
from collections.abc import Callable, Sequence

import orjson

import vbr_audit as va
from vbr_audit.checks import load_policy, run_checks
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve

AT_SIZE = ("jobs", "job_settings", "job_states", "sessions")


def in_turn(rounds: int, *ways: Callable[[], object]) -> list[float]:
    """The median seconds of each of `ways`, which run in turn: noise then meets all of them."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, taken in zip(ways, times, strict=True):
            started = time.perf_counter()
            way()
            taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in times]


def collected(now: dt.datetime, datasets: Sequence[str] | None = None, **size: int) -> tuple[va.Snapshot, list[bytes]]:
    """A snapshot of a simulated server, and the pages of its job documents."""
    with (
        serve(now=now, **size) as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        snapshot = va.collect(client, datasets=datasets)
    return snapshot, list(next(iter(snapshot.evidence.values())).pages("jobs"))


def measure(snapshot: va.Snapshot, pages: list[bytes], rounds: int, *, profile: bool) -> float:
    """Print the sizes, both medians and their ratio; give the seconds of the checks."""
    policy = load_policy()
    enabled = sum(use.enabled for use in policy.uses)
    # Parsing makes so many objects that the garbage collector runs often: it shall not look at what was there before.
    gc.collect()
    gc.freeze()
    base, checks = in_turn(
        rounds,
        lambda: sum(len(orjson.loads(page)["data"]) for page in pages),
        lambda: run_checks(snapshot, policy),
    )
    sizes = {name: len(frame) for name, frame in snapshot.tables.items() if name != "job_settings" and len(frame) > 999}
    print(", ".join(f"{name} {rows:,}" for name, rows in sizes.items()))
    print(f"  orjson.loads of {len(snapshot.jobs):,} job documents {base:6.2f} s")
    findings = len(run_checks(snapshot, policy).results)
    print(f"  {enabled} checks, {findings:,} findings {checks:6.2f} s  {checks / base:5.2f} x", flush=True)
    if profile:
        with cProfile.Profile() as profiled:
            run_checks(snapshot, policy)
        pstats.Stats(profiled).sort_stats("cumulative").print_stats("vbr_audit", 40)
    return checks


def main() -> None:
    """Measure a tenth of the jobs, then all of them; with `--profile`, show where the time of the checks goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--sessions-per-job", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--whole", action="store_true", help="the large estate as a whole too; takes minutes")
    parser.add_argument("--beside", type=int, default=200_000, help="rows of each further table of it, at most")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    small, _ = collected(now)
    seconds = []
    for jobs in (options.jobs // 10, options.jobs):
        large, pages = collected(
            now, ("jobs", "job_states", "sessions"), jobs=jobs, sessions=jobs * options.sessions_per_job
        )
        tables = {**small.tables, **{name: large.tables[name] for name in AT_SIZE}}
        snapshot = dataclasses.replace(small, tables=tables)
        seconds.append(measure(snapshot, pages, options.rounds, profile=options.profile and jobs == options.jobs))
    print(f"ten times the jobs and sessions: {seconds[1] / seconds[0]:.1f} times the time")
    if options.whole:
        large, pages = collected(now, jobs=options.jobs, sessions=options.jobs * options.sessions_per_job)
        tables = {n: t if n in AT_SIZE else t.head(options.beside) for n, t in large.tables.items()}
        measure(dataclasses.replace(large, tables=tables), pages, options.rounds, profile=options.profile)


if __name__ == "__main__":
    main()
