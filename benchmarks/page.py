"""The HTML page at its row limit: its size, and how long Chromium takes to load it, sort it and filter it."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import vbr_audit as va
from vbr_audit.reports.html.rendering import render_html
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, serve

TIMER = Path(__file__).parents[1] / "tests" / "browser" / "time_page.mjs"
TABLE = "table-wrong"


def page_of(jobs: int, sessions: int) -> tuple[str, float]:
    """The page of a simulated estate, and the seconds that it took to render."""
    with (
        serve(jobs=jobs, sessions=sessions) as url,
        va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD) as client,
    ):
        audit = va.audit(va.collect(client))
    started = time.process_time()
    page = render_html(audit.context)
    return page, time.process_time() - started


def timed(page: str, chromium: str, rounds: int) -> dict[str, Any]:
    """What Chromium needs for it, in milliseconds, round by round."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        path.write_text(page, encoding="utf-8")
        words = ["node", str(TIMER), chromium, str(path), TABLE, str(rounds)]
        found: dict[str, Any] = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return found


def main() -> None:
    """Print size and medians for a small estate and for one that reaches the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2_000)
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
    for jobs, sessions in ((12, 300), (options.jobs, options.sessions)):
        page, seconds = page_of(jobs, sessions)
        times = timed(page, chromium, options.rounds)
        told = ", ".join(f"{act} {statistics.median(times[act]):4.0f} ms" for act in ("load", "sort", "filter"))
        size = len(page.encode())
        print(
            f"{jobs:5,} jobs: {size:9,} bytes, rendered in {seconds:.1f} s; {times['rows']:5,} findings shown: {told}"
        )


if __name__ == "__main__":
    main()
