"""What judging the servers of a fleet takes: small servers, of 16 jobs and about 3,000 findings each.

A provider judges many such servers in one night, so that it is the processor time of one that counts. The first part
collects one from the simulator and judges it several times in one process; the shortest time is compared with its bar,
and the exit code is 1 where that is missed. The second part, with `--servers`, audits several as a fleet does: collect,
judge, write, add to a history; one after the other and two at a time. They are servers that have their answers ready
(`ready.py`), in processes of their own, and share the machine with what is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import os
import pstats
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ready import ready_server

import vbr_audit as va
from vbr_audit.fleets.fleet import audit_fleet
from vbr_audit.pipeline import judge
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, read_moment, serve

NOW = "2026-11-15T09:00"
SINCE = "2026-10-15"
BAR_S = 0.8
"""Seconds of processor time to judge a server of 3,000 findings."""
PASSWORD = "VBR_AUDIT_BENCHMARK_PASSWORD"
WAYS = {"1 thread": (False, 1), "2 threads": (False, 2), "2 processes": (True, 2)}
"""Whether the workers are processes, and how many there are."""


def small_server(jobs: int, sessions: int) -> va.Snapshot:
    """The snapshot of a server, of all that the default policy asks for."""
    with (
        serve(now=read_moment(NOW), role="Administrator", jobs=jobs, sessions=sessions) as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        return va.collect(client, timezone="UTC", progress=False)


def judged(snapshot: va.Snapshot, rounds: int, *, profiled: bool) -> float:
    """Print what judging takes; the shortest time in seconds."""
    rules = va.audit(snapshot).rules  # the first one also imports all checks
    times = []
    for _ in range(rounds):
        started = time.process_time()
        results = judge(snapshot, rules).results
        times.append(time.process_time() - started)
    counts = (
        f"{len(snapshot.jobs):,} jobs, {len(results.findings):,} findings, {len(results.requirements):,} requirements"
    )
    print(f"judging {counts}: {min(times):.2f} s of processor time (longest {max(times):.2f} s), bar {BAR_S:.1f} s")
    if profiled:
        with cProfile.Profile(time.process_time) as profile:
            judge(snapshot, rules)
        pstats.Stats(profile).sort_stats("cumtime").print_stats(60)
    return min(times)


@contextlib.contextmanager
def file_of_servers(number: int, jobs: int, sessions: int, folder: Path) -> Iterator[Path]:
    """A file that names `number` servers, all of them ready."""
    with contextlib.ExitStack() as stack:
        urls = [
            stack.enter_context(ready_server(jobs=jobs, sessions=sessions, now=NOW, seed=seed))
            for seed in range(1, number + 1)
        ]
        entries = [
            f'[[server]]\nurl = "{url}"\nname = "server{place:02}"\n'
            f'username = "{DEMO_USERNAME}"\npassword_env = "{PASSWORD}"\n'
            for place, url in enumerate(urls)
        ]
        file = folder / "servers.toml"
        file.write_text("\n".join(entries), encoding="utf-8")
        for url in urls:
            with va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client:
                va.collect(client, since=SINCE, timezone="UTC", progress=False).close()
        yield file


def audited(file: Path, history: Path, *, processes: bool, workers: int) -> tuple[int, float, float]:
    """Audit the servers of a file: how many were, seconds by the clock, and seconds of processor time."""
    from distributed import LocalCluster

    threads = 1 if processes else workers
    with LocalCluster(
        n_workers=workers if processes else 1, threads_per_worker=threads, processes=processes, dashboard_address=None
    ) as cluster:
        # Workers import the library when they get their first task.
        audit_fleet(file, history=history / "first", cluster=cluster, since=SINCE, timezone="UTC")
        cpu, started = _processor_time(processes), time.perf_counter()
        fleet = audit_fleet(file, history=history / "second", cluster=cluster, since=SINCE, timezone="UTC")
        seconds = time.perf_counter() - started
        cpu = _processor_time(processes) - cpu
    return sum(summary.is_audited for summary in fleet.summaries), seconds, cpu


def _processor_time(of_workers: bool) -> float:
    """Seconds of this process, and of the processes that work for it."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    seconds = own.ru_utime + own.ru_stime
    if of_workers:
        parents = {os.getpid()}
        ticks = os.sysconf("SC_CLK_TCK")
        for stat in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[1]) in parents and b"ready.py" not in (stat.parent / "cmdline").read_bytes():
                    parents.add(int(stat.parent.name))
                    seconds += (int(fields[11]) + int(fields[12])) / ticks
    return seconds


def main() -> None:
    """Print the figure with its bar, then the servers a minute; with `--profile`, also where the time goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--servers", type=int, default=0, help="audit so many as a fleet, too")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    seconds = judged(small_server(options.jobs, options.sessions), options.rounds, profiled=options.profile)
    if options.servers:
        os.environ[PASSWORD] = DEMO_PASSWORD
        print("\n| workers | servers audited | servers a minute | CPU s a server |\n|---|---:|---:|---:|")
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            with file_of_servers(options.servers, options.jobs, options.sessions, folder) as file:
                for way, (processes, workers) in WAYS.items():
                    number, wall, cpu = audited(file, folder / way, processes=processes, workers=workers)
                    print(f"| {way} | {number} | {60 * number / wall:.1f} | {cpu / number:.2f} |", flush=True)
    raise SystemExit(seconds > BAR_S)


if __name__ == "__main__":
    main()
