"""What judging the servers of a fleet takes. Part one: one small server, of 16 jobs and about 3,000 findings.

A provider judges many such servers in one night, so that it is the processor time of one that counts. The server is
collected from the simulator, then judged several times in one process; the shortest time is compared with its bar. The
exit code is 1 where that is missed.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time

import vbr_audit as va
from vbr_audit.pipeline import judge
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, read_moment, serve

NOW = "2026-11-15T09:00"
BAR_S = 0.8
"""Seconds of processor time to judge a server of 3,000 findings."""


def small_server(jobs: int, sessions: int) -> va.Snapshot:
    """The snapshot of a server, of all that the default policy asks for."""
    with (
        serve(now=read_moment(NOW), role="Administrator", jobs=jobs, sessions=sessions) as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        return va.collect(client, timezone="UTC", progress=False)


def main() -> None:
    """Print the figure with its bar; with `--profile`, also where the time goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    snapshot = small_server(options.jobs, options.sessions)
    rules = va.audit(snapshot).rules  # the first one also imports all checks
    times = []
    for _ in range(options.rounds):
        started = time.process_time()
        results = judge(snapshot, rules).results
        times.append(time.process_time() - started)
    counts = (
        f"{len(snapshot.jobs):,} jobs, {len(results.findings):,} findings, {len(results.requirements):,} requirements"
    )
    print(f"judging {counts}: {min(times):.2f} s of processor time (longest {max(times):.2f} s), bar {BAR_S:.1f} s")
    if options.profile:
        with cProfile.Profile(time.process_time) as profile:
            judge(snapshot, rules)
        pstats.Stats(profile).sort_stats("cumtime").print_stats(60)
    raise SystemExit(min(times) > BAR_S)


if __name__ == "__main__":
    main()
