"""All checks on many jobs against parsing those jobs' documents with `orjson`."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import orjson

import vbr_audit as va
from vbr_audit.checks import load_policy, run_checks
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve


def median_of(rounds: int, work: Callable[[], object]) -> float:
    """The median seconds of `work`."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    """Print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        serve(jobs=options.jobs, sessions=options.sessions) as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        snapshot = va.collect(client)
    pages = list(next(iter(snapshot.evidence.values())).pages("jobs"))
    policy = load_policy()
    base = median_of(options.rounds, lambda: sum(len(orjson.loads(page)["data"]) for page in pages))
    checks = median_of(options.rounds, lambda: run_checks(snapshot, policy))
    print(f"orjson.loads of {len(snapshot.jobs):,} job documents {base:6.2f} s")
    print(f"all checks                            {checks:6.2f} s  {checks / base:4.2f} x")


if __name__ == "__main__":
    main()
