"""The workbook's sheet of sessions against a bare openpyxl write-only loop over the same values."""

from __future__ import annotations

import argparse
import gc
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
        return va.collect(client, since=since, timezone="UTC", datasets=("server_time", "jobs", "sessions"))


def bare(audit: va.Audit, path: Path) -> None:
    """Append every row as it is: no header style, no guard, no widths, no table; dates as naive datetimes."""
    from openpyxl import Workbook

    frame = audit.snapshot.sessions
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


def ours(audit: va.Audit, path: Path) -> None:
    """The same sheet as the report writes it, with the columns that it makes of others, and its guard and styles."""
    from vbr_audit.reports.excel.data import data_plans
    from vbr_audit.reports.interface import ReportOptions
    from vbr_audit.spreadsheet.book import streamed_book
    from vbr_audit.spreadsheet.cells import CellGuard
    from vbr_audit.spreadsheet.sheet import write_sheets

    context = audit.context
    plan = next(plan for plan in data_plans(context, "", ReportOptions(sheets="all")) if plan.table == "tblSessions")
    with streamed_book(path) as book:
        write_sheets(book, plan, context.zone, CellGuard())


WAYS = {"bare": bare, "ours": ours}


def peak_mib(way: str, run: Path) -> float:
    """How far one way raises the memory of a process that holds the saved run and nothing else; in MiB."""
    program = [sys.executable, __file__, "--peak", way, "--run", str(run)]
    return float(subprocess.run(program, capture_output=True, text=True, check=True).stdout)


def print_peak(way: str, run: Path) -> None:
    """Print the peak while writing, above what the process held right before; the kernel's mark is reset there."""
    audit = va.load_audit(run)
    _ = audit.context.zone
    with tempfile.TemporaryDirectory() as folder:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
        before = memory("VmRSS")
        WAYS[way](audit, Path(folder) / "book.xlsx")
        print(memory("VmHWM") - before)


def memory(name: str) -> float:
    """A figure of this process's memory, in MiB; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


def main() -> None:
    """Print both medians, their ratio, and the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peak", choices=WAYS)
    parser.add_argument("--run", type=Path)
    options = parser.parse_args()
    if options.peak:
        print_peak(options.peak, options.run)
        return
    audit = va.audit(snapshot_of(options.sessions))
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        audit.snapshot.save(Path(folder) / "run")
        for _ in range(options.rounds):
            for way, write in WAYS.items():
                started = time.process_time()
                write(audit, Path(folder) / f"{way}.xlsx")
                times[way].append(time.process_time() - started)
        base = statistics.median(times["bare"])
        for way in WAYS:
            median = statistics.median(times[way])
            peak = peak_mib(way, Path(folder) / "run") if sys.platform == "linux" else float("nan")
            rows = len(audit.snapshot.sessions)
            print(f"{way:5} {rows:,} rows {median:6.2f} s {median / base:5.2f} x, peak +{peak:.0f} MiB")


if __name__ == "__main__":
    main()
