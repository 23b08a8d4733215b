"""A whole audit of a large estate, step by step, in one process: collect, judge, write each format, open again.

The server stands in another process and has all answers ready (`ready.py`). Every step is compared with collecting, by
the clock, as a user waits for it; the processor time stands beside it, which tells more where others are at work on the
machine. The exit code is 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parent))

from ready import cpu_seconds, ready_server

NOW = "2026-11-15T09:00"
FORMATS = ("xlsx", "html", "json", "csv")
DATA = "CSV files in data"
BARS = {"loading": 0.3, "formats": 0.6, "workbook": 12.0, "peak": 1024.0}
"""Against collecting: opening a saved run, and all formats together; MB of the workbook; MiB of memory."""

Made = TypeVar("Made")


class Steps:
    """Times steps: seconds of this process's processor time, seconds by the clock, MiB of its peak memory after it."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = {}
        self.wall: dict[str, float] = {}
        self.peak: dict[str, float] = {}

    def take(self, name: str, step: Callable[[], Made]) -> Made:
        """Do `step` and keep what it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        made = step()
        self.cpu[name], self.wall[name] = time.process_time() - cpu, time.perf_counter() - wall
        self.peak[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return made


def audited(url: str, since: str, place: Path) -> dict[str, Any]:
    """Collect, judge, write and load; what each step took, the counts, and the size of each file."""
    # imports count for no step
    import matplotlib.backends.backend_agg
    import matplotlib.collections
    import matplotlib.style  # noqa: F401

    import vbr_audit as va
    from vbr_audit.collection import run_folder
    from vbr_audit.reports.data_files import data_contents
    from vbr_audit.reports.formats import FORMATS as CARDS
    from vbr_audit.reports.html import rendering  # noqa: F401
    from vbr_audit.reports.interface import ReportOptions
    from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME

    steps, folder = Steps(), place / "run"
    with va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client:
        client.get("/api/v1/serverTime")
        served = cpu_seconds(url)
        snapshot = steps.take("collect", lambda: va.collect(client, since=since, timezone="UTC", progress=False))
        served = cpu_seconds(url) - served
    steps.take("save evidence and tables", lambda: snapshot.save(folder))
    audit = steps.take("judge", lambda: va.audit(snapshot))
    for kind in FORMATS:
        steps.take(kind, lambda kind=kind: audit.write(kind, folder / CARDS[kind].file_name))
    tables = data_contents(audit.context, ReportOptions(data_files=True))
    contents = ((name, content()) for name, content in tables.items())
    steps.take(DATA, lambda: run_folder.write_files(folder, run_folder.DATA, contents))
    loaded = steps.take("load the saved run", lambda: run_folder.load(folder))
    steps.take("load it from its evidence alone", lambda: run_folder.load(folder, from_evidence=True))
    rows = {name: len(loaded.tables[name]) for name in ("jobs", "sessions", "restore_points", "task_sessions")}
    sizes = {kind: (folder / CARDS[kind].file_name).stat().st_size for kind in FORMATS}
    sizes["save evidence and tables"] = sum(
        path.stat().st_size for path in (*(folder / run_folder.EVIDENCE).iterdir(), folder / run_folder.TABLES)
    )
    sizes[DATA] = sum(path.stat().st_size for path in (folder / run_folder.DATA).iterdir())
    rows["findings"] = len(audit.findings)
    return {"cpu": steps.cpu, "wall": steps.wall, "peak": steps.peak, "served": served, "rows": rows, "sizes": sizes}


def warmed(url: str, since: str) -> None:
    """Collect once, so that the server has all answers ready."""
    import vbr_audit as va
    from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME

    with va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client:
        va.collect(client, since=since, timezone="UTC", progress=False).close()


def in_its_own_process(url: str, since: str) -> dict[str, Any]:
    """One whole audit in a fresh interpreter, so that its peak memory is its own."""
    program = [sys.executable, __file__, "--url", url, "--since", since]
    answer = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(json.loads(answer.splitlines()[-1]))


def shown(taken: dict[str, Any]) -> bool:
    """Print the steps, the files and the bars; whether all bars hold."""
    rows, cpu, wall, peak, sizes = (taken[name] for name in ("rows", "cpu", "wall", "peak", "sizes"))
    print(f"Python {platform.python_version()}; " + ", ".join(f"{rows[name]:,} {name}" for name in rows))
    print(f"the server used {taken['served']:.1f} s of processor time while it was read\n")
    print(
        "| step | s by the clock | against collecting | CPU s | against collecting | peak MiB so far | MB |\n"
        "|---|---:|---:|---:|---:|---:|---:|"
    )
    for name in cpu:
        size = f"{sizes[name] / 1e6:.1f}" if name in sizes else ""
        times = [f"{took[name]:.2f} | {took[name] / took['collect']:.2f} x" for took in (wall, cpu)]
        print(f"| {name} | {' | '.join(times)} | {peak[name]:,.0f} | {size} |")
    written = sum(wall[kind] for kind in FORMATS)
    print(f"\nwith the CSV files in `data`, the formats take {(written + wall[DATA]) / wall['collect']:.2f} x")
    figures = {
        "formats": written / wall["collect"],
        "loading": wall["load the saved run"] / wall["collect"],
        "workbook": sizes["xlsx"] / 1e6,
        "peak": peak[DATA],
    }
    print()
    for name, bar in BARS.items():
        print(f"{name:10} {figures[name]:8.2f} bar {bar:7.1f}  {'MISSED' if figures[name] > bar else 'ok'}")
    return all(figures[name] <= bar for name, bar in BARS.items())


def main() -> None:
    """Print what an audit took; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=30_000)
    parser.add_argument("--since", default="2026-09-15", help="first day of the period")
    parser.add_argument("--url")
    options = parser.parse_args()
    if options.url:
        with tempfile.TemporaryDirectory() as place:
            print(json.dumps(audited(options.url, options.since, Path(place))))
        return
    with ready_server(jobs=options.jobs, sessions=options.sessions, now=NOW) as url:
        warmed(url, options.since)
        taken = in_its_own_process(url, options.since)
    raise SystemExit(not shown(taken))


if __name__ == "__main__":
    main()
