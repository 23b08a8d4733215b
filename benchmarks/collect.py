"""Collecting sessions over loopback against a floor: bare `httpx` GETs of the same pages and `orjson.loads`."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import orjson

import vbr_audit as va
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME

REVISION = "1.3-rev1"
DAYS = 61


@contextlib.contextmanager
def simulated(sessions: int, fault: str | None = None) -> Iterator[str]:
    """The address of a simulator in a process of its own."""
    command = [sys.executable, "-m", "vbr_audit", "simulate", "--port", "0", "--sessions", str(sessions)]
    command += ["--fault", fault] if fault else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0]
        process.terminate()


def floor(url: str) -> tuple[float, int]:
    """Seconds and rows of the bare loop: one page after the other, no evidence, no table."""
    with httpx.Client(base_url=url, timeout=60) as client:
        form = {"grant_type": "password", "username": DEMO_USERNAME, "password": DEMO_PASSWORD}
        headers = {"x-api-version": REVISION}
        token = client.post("/api/oauth2/token", data=form, headers=headers).json()["access_token"]
        headers["Authorization"] = f"Bearer {token}"
        started, rows, total = time.perf_counter(), 0, 1
        while rows < total:
            query = {"skip": str(rows), "limit": "1000", "orderColumn": "CreationTime", "orderAsc": "true"}
            page = orjson.loads(client.get("/api/v1/sessions", params=query, headers=headers).content)
            rows, total = rows + len(page["data"]), page["pagination"]["total"]
        return time.perf_counter() - started, rows


def collected(url: str, workers: int) -> tuple[float, int]:
    """Seconds and rows of the real thing: pages, evidence written and hashed, typed table."""
    with va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD, revision=REVISION) as client:
        client.get("/api/v1/serverTime")
        started = time.perf_counter()
        since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - DAYS * 86_400))
        snapshot = va.collect(client, since=since, timezone="UTC", datasets=["sessions"], workers=workers)
        seconds = time.perf_counter() - started
    record = snapshot.manifest.dataset(client.name, "sessions")
    assert record is not None
    assert record.status == "complete", record.reason
    snapshot.close()
    return seconds, record.rows_received


def main() -> None:
    """Print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=int, default=0)
    options = parser.parse_args()
    fault = f"latency-ms={options.latency_ms}" if options.latency_ms else None
    ways: dict[str, list[float]] = {"floor": [], "collect": [], "collect, one at a time": []}
    with simulated(options.sessions, fault) as url:
        for _ in range(options.rounds):
            ways["floor"].append(floor(url)[0])
            seconds, rows = collected(url, 4)
            ways["collect"].append(seconds)
            ways["collect, one at a time"].append(collected(url, 1)[0])
    base = statistics.median(ways["floor"])
    for way, times in ways.items():
        median = statistics.median(times)
        print(f"{way:24} {median:7.2f} s  {rows / median:10,.0f} rows/s  {median / base:5.2f} x floor")


if __name__ == "__main__":
    main()
