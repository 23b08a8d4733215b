"""The workbook's sheet of sessions against a bare openpyxl write-only loop over the same values."""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import vbr_audit as va
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve

DAYS = 61


def snapshot_of(sessions: int) -> va.Snapshot:
    """A snapshot with about so many sessions."""
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - DAYS * 86_400))
    with (
        serve(sessions=sessions) as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        return va.collect(client, since=since, timezone="UTC")


def bare(snapshot: va.Snapshot, path: Path) -> None:
    """Append every row as it is: no header style, no guard, no widths, no table; dates as naive datetimes."""
    from openpyxl import Workbook

    frame = snapshot.sessions
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sessions")
    sheet.append(list(frame.columns))
    columns = []
    for name in frame.columns:
        column = frame[name]
        if str(column.dtype).startswith("datetime"):
            column = column.dt.tz_localize(None)
        columns.append(column.astype(object).where(column.notna(), None).tolist())
    for row in zip(*columns, strict=True):
        sheet.append(row)
    book.save(path)


def ours(snapshot: va.Snapshot, path: Path) -> None:
    """The same sheet as the report writes it."""
    from openpyxl import Workbook

    from vbr_audit.reports.excel import plan_sheets
    from vbr_audit.reports.excel_cells import CellGuard
    from vbr_audit.reports.excel_sheet import write_sheets

    audit = va.audit(snapshot)
    (plan,) = [plan for plan in plan_sheets(audit.context) if plan.table == "tblSessions"]
    book = Workbook(write_only=True)
    write_sheets(book, plan, audit.context.zone, CellGuard())
    book.save(path)


WAYS = {"bare": bare, "ours": ours}


def peak_mib(way: str, sessions: int) -> float:
    """The peak memory of one way above the snapshot alone, in a process of its own."""
    program = [sys.executable, __file__, "--sessions", str(sessions), "--peak", way]
    return float(subprocess.run(program, capture_output=True, text=True, check=True).stdout)


def print_peak(way: str, sessions: int) -> None:
    """Print how far writing raised the peak."""
    snapshot = snapshot_of(sessions)
    va.audit(snapshot)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    WAYS[way](snapshot, Path(tempfile.mkdtemp()) / "book.xlsx")
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def main() -> None:
    """Print both medians, their ratio, and the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peak", choices=WAYS)
    options = parser.parse_args()
    if options.peak:
        print_peak(options.peak, options.sessions)
        return
    snapshot = snapshot_of(options.sessions)
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            for way, write in WAYS.items():
                started = time.process_time()
                write(snapshot, Path(folder) / f"{way}.xlsx")
                times[way].append(time.process_time() - started)
    base = statistics.median(times["bare"])
    for way in WAYS:
        median = statistics.median(times[way])
        peak = peak_mib(way, options.sessions)
        print(f"{way:5} {len(snapshot.sessions):,} rows {median:6.2f} s {median / base:5.2f} x, peak +{peak:.0f} MiB")


if __name__ == "__main__":
    main()
