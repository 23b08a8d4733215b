"""A run beside earlier ones that never were: answers and settings differ, a month is missing, the rules changed."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from functools import lru_cache

import estates
import numpy as np
import pandas as pd

from vbr_audit.audited import Audit
from vbr_audit.findings.changes import EarlierRun, Known
from vbr_audit.findings.compared import Judged, judged_run
from vbr_audit.findings.lifecycle import Lives, step
from vbr_audit.histories.adding import record_of_run
from vbr_audit.histories.baseline import Baseline, Earlier
from vbr_audit.histories.capacities import CAPACITY, capacity_of
from vbr_audit.histories.drift.settings import settings_of_run
from vbr_audit.histories.run_records import HistoryRecord
from vbr_audit.pipeline import judge
from vbr_audit.tables.build.schema import conform

OTHER = {"PASS": "FAIL", "FAIL": "PASS", "WAIVED": "FAIL", "UNKNOWN": "PASS"}
EVERY = 3
"""Every third answer was another one before, and every third setting another value."""


def compared(audit: Audit) -> Audit:
    """The audit, compared with a run of the month before, and with a trend of four months with a gap."""
    snapshot, rules = audit.snapshot, audit.rules
    before = _before(judged_run(snapshot.manifest, audit.findings, audit.coverage))
    settings = settings_of_run(snapshot)
    values = settings.settings["value"].to_numpy(dtype=object).copy()
    values[::EVERY] = [{"true": "false", "false": "true"}.get(value, value) for value in values[::EVERY]]
    values[1::EVERY] = ["1" if str(value).isdigit() else value for value in values[1::EVERY]]
    changed = settings.settings.assign(value=pd.array(values, dtype=settings.settings["value"].dtype))
    earlier = Earlier(
        Known(EarlierRun.of(before), step(Lives(), before), ("a run that was changed",)),
        dataclasses.replace(settings, now=before.now, settings=changed),
        tuple(_records(record_of_run(snapshot, audit.results))),
    )
    return judge(snapshot, dataclasses.replace(rules, baseline=Baseline(kept=earlier.to_bytes())))


@lru_cache
def compared_demo() -> Audit:
    """The whole estate of `estates.demo`, compared so, with the space of its repositories on sixty days before."""
    audit = compared(estates.demo())
    return dataclasses.replace(audit, samples=samples_before(audit))


def samples_before(audit: Audit) -> pd.DataFrame:
    """The space of its repositories on each of sixty days before, a GiB less a day."""
    own = capacity_of(audit.snapshot)
    parts = [
        own.assign(
            taken_at=own["taken_at"] - pd.Timedelta(days=back),
            free_bytes=own["free_bytes"] + back * 2**30,
            used_bytes=own["used_bytes"] - back * 2**30,
        )
        for back in range(1, 61)
    ]
    return conform(pd.concat(parts, ignore_index=True), CAPACITY)[0]


def _before(judged: Judged) -> Judged:
    status = judged.findings["status"].to_numpy(dtype=object).copy()
    status[::EVERY] = [OTHER.get(each, each) for each in status[::EVERY]]
    findings = judged.findings.assign(status=pd.array(status, dtype=judged.findings["status"].dtype))
    kept = np.arange(len(findings)) % 7 != 1  # the rest is answered for the first time
    earlier = dt.timedelta(days=30)
    return dataclasses.replace(
        judged,
        run_id="b" * 16,
        now=judged.now - earlier,
        since=judged.since - earlier,
        until=judged.until - earlier,
        findings=findings[kept].reset_index(drop=True),
    )


def _records(last: HistoryRecord) -> Iterator[HistoryRecord]:
    """Points one and three months before the run, of the policy and the version of then; and a run of other jobs."""
    for months, policy in ((3, "of then"), (1, last.policy_sha256)):
        apart = dt.timedelta(days=30.4 * months)
        moments = {name: getattr(last, name) - apart for name in ("now", "since", "until")}
        point = last.point.model_copy(update={"causes": {"critical": 2, "high": 3, "medium": 5, "low": 1, "info": 0}})
        update = {**moments, "run_id": f"{months:016x}", "policy_sha256": policy, "tool_version": "0", "point": point}
        record = last.model_copy(update=update).as_point
        yield record
        if months == 3:
            yield record.model_copy(update={"run_id": "f" * 16, "scope": "SQL*"})
