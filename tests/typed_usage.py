"""Written like a user's notebook, and only type-checked: the lazy public names keep their types."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import vbr_audit as va


def october(url: str) -> pd.DataFrame:
    """The failing findings of one month."""
    with va.connect(url, username="auditor") as client:
        snapshot: va.Snapshot = va.collect(client, month="2026-10")
    audit: va.Audit = va.audit(snapshot, policy="policy.yaml", waivers="waivers.yaml")
    audit.to_html("october.html")
    audit.to_excel("october.xlsx")
    snapshot.save("runs/october")
    again: va.Snapshot = va.load("runs/october")
    differences: list[str] = va.verify("runs/october")
    va.plot.sessions_per_day(again)
    return audit.failed.head(len(differences))


def questions(month: va.Snapshot, audit: va.Audit) -> str:
    """What an analyst does with the tables of a month."""
    machines: pd.DataFrame = va.protected(month, site="site.yaml")
    jobs: pd.DataFrame = va.with_names(month.jobs, month)
    path: Path = va.to_excel(jobs, "jobs.xlsx", timezone=month.timezone)
    text: str = audit.waive(audit.failed, owner="me", reason=f"{len(machines)}", expires="2027-01-31")
    return f"{path}: {text}"
