"""The servers of a run side by side: each with the numbers that the summary has of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from vbr_audit.checks.logic.three_valued import surely
from vbr_audit.findings.summary import counts_by_server, failing_counts
from vbr_audit.tables.build.enums import GOOD_RESULTS
from vbr_audit.vocabulary import SEVERITIES

if TYPE_CHECKING:
    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.results import Results


@dataclass(frozen=True)
class ServerLine:
    """One server: fractions and counts, None where not known.

    `failing` has its failing findings by severity, `compliance` and `assessed` are those of its findings.
    `success_rate` is that of its counted runs, None unless all its sessions were read. `objects` are its protected
    objects, `whole` of `asked` datasets were read whole.
    """

    server: str
    build: str
    failing: Mapping[str, int]
    unanswered: int
    compliance: float | None
    assessed: float | None
    jobs: int | None
    runs: int
    success_rate: float | None
    objects: int | None
    whole: int
    asked: int


def server_lines(snapshot: Snapshot, results: Results, runs: pd.DataFrame) -> tuple[ServerLine, ...]:
    """The servers, those with the worst failing findings first."""
    servers = snapshot.manifest.servers
    by_server = {count.area: count for count in counts_by_server(results.findings, [each.name for each in servers])}
    ended = Counter(zip(runs["server"].tolist(), runs["result"].fillna("").tolist(), strict=True))
    counted = Counter(runs["server"].tolist())
    jobs, objects = (Counter(frame["server"].tolist()) for frame in (snapshot.jobs, results.protected))
    lines = []
    for server in servers:
        count, name = by_server[server.name], server.name
        records = [record for record in snapshot.manifest.datasets if record.server == name]
        read = {record.name: str(record.status) for record in records}
        own = results.findings[surely(results.findings["server"] == name)]
        good = sum(ended[name, result] for result in GOOD_RESULTS)
        known = good + ended[name, "Failed"]
        asks = _whole(read, "backups", "backup_objects") and bool(len(results.protected))
        lines.append(
            ServerLine(
                server=name,
                build=server.build or "",
                failing=failing_counts(own),
                unanswered=count.counts["UNKNOWN"] + count.counts["ERROR"],
                compliance=count.compliance,
                assessed=count.assessed,
                jobs=jobs[name] if read.get("jobs") in ("complete", "partial") else None,
                runs=counted[name],
                success_rate=good / known if known and _whole(read, "sessions") else None,
                objects=objects[name] if asks or objects[name] else None,
                whole=sum(status == "complete" for status in read.values()),
                asked=len(records),
            )
        )
    return tuple(sorted(lines, key=_badness))


def _whole(read: Mapping[str, str], *names: str) -> bool:
    return all(read.get(name) == "complete" for name in names)


def _badness(line: ServerLine) -> tuple[object, ...]:
    return (*(-line.failing[severity] for severity in SEVERITIES), line.server.casefold(), line.server)
