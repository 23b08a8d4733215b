"""The company of the demonstration has a half that is in order and one that is not, so that work on it makes sense."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

import vbr_audit as va
from vbr_audit.api.client import Client
from vbr_audit.checks.site import load_site
from vbr_audit.collection.manifest import standing_clock
from vbr_audit.pipeline import Audit
from vbr_audit.simulator import DEMO_ASSETS, DEMO_PASSWORD, DEMO_SITE, DEMO_USERNAME, create_app, read_moment

NOW = read_moment("2026-11-01T06:00")
GOOD = {
    "After ERP - reporting",
    "Copy to DR site",
    "Copy to object storage - Daily",
    "Copy to object storage - Weekly",
    "Domain controllers",
    "ERP application servers",
    "Entra ID tenant (Copy)",
    "Malware scan of restore points",
    "NAS home directories",
    "Physical servers Linux",
    "Physical servers Windows",
    "SQL Production - Nightly",
    "Server policy - Windows DMZ",
    "Tenant vApps",
}
"""The jobs that are in order, with all that they protect."""


@pytest.fixture(scope="module")
def audit() -> Audit:
    transport = httpx.WSGITransport(app=create_app(now=NOW, role="Administrator"))
    client = Client(
        "http://127.0.0.1",
        name="vbr01.demo",
        username=DEMO_USERNAME,
        password=SecretStr(DEMO_PASSWORD),
        transport=transport,
    )
    with standing_clock(NOW):
        snapshot = va.collect([client], month="2026-10", timezone="Europe/Berlin", progress=False)
        client.close()
        return va.audit(snapshot, site=load_site(DEMO_SITE, assets=DEMO_ASSETS))


def test_one_half_is_in_order_and_one_is_not(audit: Audit) -> None:
    failing = audit.findings[(audit.findings["status"] == "FAIL") & ~audit.findings["severity"].isin(["low", "info"])]
    of_jobs = failing[failing["cause_kind"] == "job"]
    bad = set(of_jobs["cause_name"]) | set(failing.loc[failing["object_type"] == "job", "object_name"])
    assert GOOD & bad == set()
    jobs = set(audit.snapshot.jobs["name"])
    assert jobs >= GOOD
    assert len(jobs & bad) >= 15


def test_promises_have_answers(audit: Audit) -> None:
    for check, most_open in (("RPO-001", 0.05), ("RPO-002", 0.05), ("RPO-007", 0.25), ("RPO-008", 0.2)):
        found = audit.findings.loc[audit.findings["check_id"] == check, "status"].value_counts(normalize=True)
        assert {"PASS", "FAIL"} <= set(found.index), check
        assert found["PASS"] > 0.3, check
        assert found.get("UNKNOWN", 0) < most_open, check


def test_dates_without_an_offset_are_read_by_the_clock_of_the_server(audit: Audit) -> None:
    notes = {record.name: record.notes for record in audit.snapshot.manifest.datasets}
    for dataset in ("task_sessions", "backup_files", "authorization_events", "analyzer_last_run"):
        assert notes[dataset]["assumed_dates"]["created"] > 0
        assert "naive_dates" not in notes[dataset]
    tasks = audit.snapshot.tables["task_sessions"].merge(
        audit.snapshot.tables["sessions"], on="session_id", suffixes=("", "_of_session")
    )
    late = (tasks["created"] - tasks["created_of_session"]).dt.total_seconds()
    # But for the hour that came twice in the night of 25 October 2026.
    assert (
        late.between(-1, 6 * 3600) | (late < 0) & (tasks["created_of_session"].dt.strftime("%m-%d") == "10-25")
    ).all()
