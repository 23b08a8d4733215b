"""Collecting sessions from a simulated server, beside two peers in the same run.

`floor` is a bare loop of `httpx` GETs of the same pages and `orjson.loads`: no retries, no evidence, no table.
`veeam-br` is the PyPI package of that name: its pages as models, models to dicts, `pandas.json_normalize`.
Every way runs in a process of its own, so that its peak memory is its own; the ways take turns.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import orjson

from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME

REVISION = "1.3-rev1"
DAYS = 61
PAGE = 1000
_DATED = "%Y-%m-%d"


@dataclass(frozen=True)
class Taken:
    """One run of one way."""

    seconds: float
    rows: int
    peak_mib: float


@contextlib.contextmanager
def simulated(sessions: int, latency_ms: int) -> Iterator[str]:
    """The address of a simulator in a process of its own."""
    command = [sys.executable, "-m", "vbr_audit", "simulate", "--port", "0", "--sessions", str(sessions)]
    command += ["--fault", f"latency-ms={latency_ms}"] if latency_ms else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[0]
        finally:
            process.terminate()


def _token(client: httpx.Client) -> str:
    form = {"grant_type": "password", "username": DEMO_USERNAME, "password": DEMO_PASSWORD}
    answer = client.post("/api/oauth2/token", data=form, headers={"x-api-version": REVISION})
    return str(answer.json()["access_token"])


def floor(url: str) -> tuple[float, int]:
    """Seconds and rows of the bare loop: one page after the other."""
    with httpx.Client(base_url=url, timeout=60) as client:
        headers = {"Authorization": f"Bearer {_token(client)}", "x-api-version": REVISION}
        started, rows, total = time.perf_counter(), 0, 1
        while rows < total:
            query = {"skip": str(rows), "limit": str(PAGE), "orderColumn": "CreationTime", "orderAsc": "true"}
            page = orjson.loads(client.get("/api/v1/sessions", params=query, headers=headers).content)
            rows, total = rows + len(page["data"]), page["pagination"]["total"]
        return time.perf_counter() - started, rows


class Filling(httpx.BaseTransport):
    """Gives `veeam-br` ids and dates where a server says null: its models cannot read null there and would stop."""

    _IDS = (b"resourceId", b"parentSessionId", b"jobId", b"relatedSessionId", b"platformId")
    _OTHERS = (
        (b'"platformName":null', b'"platformName":"VMware"'),
        (b'"endTime":null', b'"endTime":"2026-01-01T00:00:00+00:00"'),
        (b'"result":null', b'"result":{"result":"None","message":"","isCanceled":false}'),
    )

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer with its nulls filled."""
        response = self._inner.handle_request(request)
        body = response.read()
        for name in self._IDS:
            body = body.replace(b'"%s":null' % name, b'"%s":"00000000-0000-0000-0000-000000000000"' % name)
        for null, filled in self._OTHERS:
            body = body.replace(null, filled)
        return httpx.Response(response.status_code, content=body, headers={"Content-Type": "application/json"})


def veeam_br(url: str) -> tuple[float, int]:
    """Seconds and rows of the package `veeam-br`, to a DataFrame of the same rows."""
    import pandas as pd
    from veeam_br.v1_3_rev1.api.sessions import get_all_sessions
    from veeam_br.v1_3_rev1.client import AuthenticatedClient
    from veeam_br.v1_3_rev1.models.e_sessions_filters_order_column import ESessionsFiltersOrderColumn

    with httpx.Client(base_url=url) as client:
        token = _token(client)
    signed_in = AuthenticatedClient(base_url=url, token=token)
    bearer = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=bearer, timeout=60, transport=Filling()) as http:
        signed_in.set_httpx_client(http)
        started, rows, total = time.perf_counter(), [], 1
        while len(rows) < total:
            page = get_all_sessions.sync(
                client=signed_in,
                skip=len(rows),
                limit=PAGE,
                order_column=ESessionsFiltersOrderColumn.CREATIONTIME,
                order_asc=True,
            )
            rows += [model.to_dict() for model in page.data]
            total = page.pagination.total
        frame = pd.json_normalize(rows)
        return time.perf_counter() - started, len(frame)


def collected(url: str, workers: int) -> tuple[float, int]:
    """Seconds and rows of this package: pages, evidence written and hashed, typed table."""
    import vbr_audit as va

    collect = va.collect  # imports count for no way
    with va.connect(url, username=DEMO_USERNAME, password=DEMO_PASSWORD, revision=REVISION) as client:
        client.get("/api/v1/serverTime")
        since = time.strftime(_DATED, time.gmtime(time.time() - DAYS * 86_400))
        started = time.perf_counter()
        snapshot = collect(client, since=since, timezone="UTC", datasets=["sessions"], workers=workers)
        seconds = time.perf_counter() - started
    record = snapshot.manifest.dataset(client.name, "sessions")
    assert record is not None
    assert record.status == "complete", record.reason
    snapshot.close()
    return seconds, len(snapshot.sessions)


WAYS: dict[str, Callable[[str], tuple[float, int]]] = {
    "floor": floor,
    "vbr_audit": lambda url: collected(url, 4),
    "vbr_audit (one page at a time)": lambda url: collected(url, 1),
    "veeam-br": veeam_br,
}


def in_its_own_process(way: str, url: str) -> Taken:
    """Run one way in a fresh interpreter."""
    program = [sys.executable, __file__, "--run", way, "--url", url]
    answer = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    return Taken(**json.loads(answer.splitlines()[-1]))


def run_here(way: str, url: str) -> None:
    """Run one way and print what it took."""
    seconds, rows = WAYS[way](url)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "rows": rows, "peak_mib": peak}))


def machine() -> str:
    """The machine and the versions, as one line."""
    names = ("httpx", "orjson", "pandas", "veeam-br")
    found = []
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    cores = os.cpu_count()
    return f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, {', '.join(found)}"


def main() -> None:
    """Print the medians, their ratios to the floor, and each way's peak memory, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=int, default=0)
    parser.add_argument("--ways", default=",".join(WAYS), help="comma-separated names")
    parser.add_argument("--run", choices=WAYS)
    parser.add_argument("--url")
    options = parser.parse_args()
    if options.run:
        run_here(options.run, options.url)
        return
    ways = options.ways.split(",")
    taken: dict[str, list[Taken]] = {way: [] for way in ways}
    with simulated(options.sessions, options.latency_ms) as url:
        for _ in range(options.rounds):
            for way in ways:
                taken[way].append(in_its_own_process(way, url))
    base = statistics.median(each.seconds for each in taken[ways[0]])
    print(f"{options.sessions:,} sessions, {options.latency_ms} ms a page, median of {options.rounds}; {machine()}\n")
    print(f"| way | seconds | rows/s | against {ways[0]} | peak memory |\n|---|---:|---:|---:|---:|")
    for way in ways:
        median = statistics.median(each.seconds for each in taken[way])
        rows, peak = taken[way][0].rows, max(each.peak_mib for each in taken[way])
        print(f"| {way} | {median:.2f} | {rows / median:,.0f} | {median / base:.2f} x | {peak:,.0f} MiB |")


if __name__ == "__main__":
    main()
