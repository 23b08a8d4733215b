"""All checks of the default policy on many jobs against parsing those jobs' documents with `orjson`."""

from __future__ import annotations

import argparse
import cProfile
import dataclasses
import pstats
import statistics
import time
from collections.abc import Callable

import orjson

import vbr_audit as va
from vbr_audit.checks import load_policy, run_checks
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve


def in_turn(rounds: int, *ways: Callable[[], object]) -> list[float]:
    """The median seconds of each of `ways`, which run in turn: noise then meets all of them."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, taken in zip(ways, times, strict=True):
            started = time.perf_counter()
            way()
            taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in times]


def main() -> None:
    """Print the medians and their ratio; with `--profile`, where the time of the checks goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=200_000)
    parser.add_argument("--beside", type=int, default=200_000, help="rows of each further table, at most")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with (
        serve(jobs=options.jobs, sessions=options.sessions) as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        snapshot = va.collect(client)
    kept = {"jobs", "job_states", "job_settings", "sessions"}
    tables = {n: t if n in kept else t.head(options.beside) for n, t in snapshot.tables.items()}
    snapshot = dataclasses.replace(snapshot, tables=tables)
    pages = list(next(iter(snapshot.evidence.values())).pages("jobs"))
    policy = load_policy()
    enabled = sum(use.enabled for use in policy.uses)
    base, checks = in_turn(
        options.rounds,
        lambda: sum(len(orjson.loads(page)["data"]) for page in pages),
        lambda: run_checks(snapshot, policy),
    )
    sizes = {name: len(frame) for name, frame in snapshot.tables.items() if name != "job_settings" and len(frame) > 999}
    print(", ".join(f"{name} {rows:,}" for name, rows in sizes.items()))
    print(f"orjson.loads of {len(snapshot.jobs):,} job documents {base:6.2f} s")
    findings = len(run_checks(snapshot, policy).results)
    print(f"{enabled:3} checks, {findings:,} findings {checks:6.2f} s  {checks / base:5.2f} x")
    if options.profile:
        with cProfile.Profile() as profile:
            run_checks(snapshot, policy)
        pstats.Stats(profile).sort_stats("cumulative").print_stats("vbr_audit", 40)


if __name__ == "__main__":
    main()
