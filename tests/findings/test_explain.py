"""The explanation of a finding: the server's own words, parameters and their source, hostile names kept harmless."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from core_checks import CORE_TEXT

import vbr_audit as va
from vbr_audit.errors import ConfigurationError
from vbr_audit.findings.explain_evidence import MOST_LINES, around, readable_json
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, create_app


@pytest.fixture(scope="module")
def audit() -> Iterator[va.Audit]:
    """A small simulated server, audited."""
    app = create_app(jobs=12, sessions=120)
    transport = httpx.WSGITransport(app=app)
    with va.connect("http://127.0.0.1", username=DEMO_USERNAME, password=DEMO_PASSWORD, transport=transport) as client:
        snapshot = va.collect(client, progress=False)
    text = CORE_TEXT.replace("  JOB-003: {enabled: true}", "  JOB-003: {enabled: true, params: {min_retries: 2}}")
    yield va.audit(snapshot, policy=text)
    snapshot.close()


def one(audit: va.Audit, check_id: str) -> dict[str, Any]:
    found = audit.findings[audit.findings["check_id"] == check_id]
    return dict(found.iloc[0])


def test_it_shows_the_part_of_the_document_around_the_value(audit: va.Audit) -> None:
    rows = audit.findings[(audit.findings["check_id"] == "JOB-003") & audit.findings["json_path"].notna()]
    row = rows.iloc[0]
    shown = audit.explain(row["finding_id"])
    (own, *_) = shown.proofs
    assert own.dataset == "jobs"
    assert own.entry.startswith("jobs/")
    assert own.path == "schedule.retry"
    assert '"retryCount"' in own.json
    assert own.dataset_sha256 == audit.snapshot.manifest.dataset(row["server"], "jobs").sha256
    assert [(p.name, p.value, p.source) for p in shown.parameters] == [("min_retries", 2, "policy.yaml:9")]
    text = str(shown)
    assert repr(shown) == text
    assert row["finding_id"] in text
    assert "from policy.yaml:9" in text


def test_a_check_of_sessions_shows_the_newest_sessions(audit: va.Audit) -> None:
    for finding_id in audit.findings.loc[audit.findings["check_id"] == "RUN-005", "finding_id"]:
        sessions = [proof for proof in audit.explain(finding_id).proofs if proof.dataset == "sessions"]
        if sessions:
            assert len(sessions) <= 5
            assert "the newest first" in sessions[0].what
            return
    pytest.fail("no job has a session")


def test_a_finding_is_found_by_prefix_and_by_name(audit: va.Audit) -> None:
    row = one(audit, "JOB-001")
    assert audit.explain(row["finding_id"][:12]).finding["finding_id"] == row["finding_id"]
    assert audit.explain(f"job-001:{row['object_name']}").finding["finding_id"] == row["finding_id"]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("zzzz", "no finding has the id"),
        ("", "no finding has the id"),
        ("NIX-001:x", "no finding is of a check"),
        ("JOB-001:no such job", "has no finding about"),
    ],
)
def test_what_is_not_there_is_an_error(audit: va.Audit, wanted: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        audit.explain(wanted)


def test_an_ambiguous_id_lists_what_fits(audit: va.Audit) -> None:
    first = audit.findings["finding_id"].str[0].value_counts().index[0]
    with pytest.raises(ConfigurationError, match="findings fit"):
        audit.explain(first)


def test_without_evidence_it_says_so_and_hostile_names_are_harmless(estate: Callable[..., Any]) -> None:
    name = "<script>alert(1)</script>\x1b[31m"
    audit = va.audit(estate({name: {"retry_enabled": False}}), policy=CORE_TEXT)
    shown = audit.explain(f"JOB-003:{name}")
    assert "no evidence" in shown.notes[0]
    assert "\x1b" not in str(shown)
    html = shown._repr_html_()
    assert "<script>" not in html
    assert "\x1b" not in html
    assert "&lt;script&gt;" in html


def test_the_part_around_a_value_is_as_deep_as_the_document_goes() -> None:
    document = {"schedule": {"retry": {"isEnabled": True}}, "name": "x"}
    assert around(document, "schedule.retry.isEnabled") == ("schedule.retry", {"isEnabled": True})
    assert around(document, "schedule.gone.x") == ("schedule", document["schedule"])
    assert around(document, "") == ("", document)
    cut = readable_json({f"k{n}": "v" * 500 for n in range(100)}).split("\n")
    assert len(cut) == MOST_LINES + 1
    assert max(map(len, cut)) <= 200
    assert cut[-1].startswith("… and ")


def kinds_of(audit: va.Audit, check_id: str) -> set[tuple[str, str]]:
    """The datasets that the findings of a check are shown from, each with what the first document is called."""
    ids = audit.findings.loc[audit.findings["check_id"] == check_id, "finding_id"]
    return {(proof.dataset, proof.what) for one in ids for proof in audit.explain(one).proofs}


@pytest.fixture(scope="module")
def whole_audit(audit: va.Audit) -> va.Audit:
    return va.audit(audit.snapshot)


def test_a_protected_object_is_shown_with_its_backups_and_newest_points(whole_audit: va.Audit) -> None:
    found = whole_audit.findings
    # Which machines are late hangs on the hour of the day.
    row = found[(found["check_id"] == "RPO-001") & found["status"].isin(["PASS", "FAIL"])].iloc[0]
    shown = whole_audit.explain(row["finding_id"])
    assert shown.proofs[0].dataset == "backup_objects"
    assert row["object_name"] in shown.proofs[0].json
    assert {proof.dataset for proof in shown.proofs} == {"backup_objects", "backups", "restore_points"}
    (newest, *_) = [proof for proof in shown.proofs if proof.dataset == "restore_points"]
    assert "newest first" in newest.what
    zone = whole_audit.snapshot.timezone
    created = dt.datetime.fromisoformat(json.loads(newest.json)["creationTime"]).astimezone(ZoneInfo(zone))
    assert row["observed"].startswith(f"{created:%Y-%m-%d %H:%M} {zone}")
    assert shown.notes == ()
    copies = found[found["check_id"] == "CPY-001"].iloc[0]
    assert {p.dataset for p in whole_audit.explain(copies["finding_id"]).proofs} == {"backup_objects", "backups"}


def test_an_extent_is_shown_in_its_scale_out_repository(whole_audit: va.Audit) -> None:
    assert {dataset for dataset, _ in kinds_of(whole_audit, "SOB-001")} == {"scale_out_repositories"}


def test_a_job_that_only_its_backups_tell_of_is_shown_by_them(whole_audit: va.Audit) -> None:
    jobs = whole_audit.snapshot.jobs
    (job,) = jobs.loc[(jobs["seen_in"] == "backups").fillna(False), "name"]
    assert {proof.dataset for proof in whole_audit.explain(f"JOB-001:{job}").proofs} == {"backups"}


SITE = """version: 1
tiers:
  - name: gold
    jobs: ["SQL*"]
    rpo_hours: 12
    gfs:
      weekly: 5
  - {name: rest, objects: ["*"], rpo_hours: 48, retention_days: 3}

window: {start: "20:00", end: "06:00"}
builds:
  "12.3": "12.3.2.3617"
"""


def demands_of(audit: va.Audit, check_id: str, name: str | None = None) -> tuple[list[str], list[str]]:
    rows = audit.findings[(audit.findings["check_id"] == check_id).fillna(False)]
    rows = rows if name is None else rows[(rows["object_name"] == name).fillna(False)]
    shown = audit.explain(rows.iloc[0]["finding_id"])
    assert all(f"Demand     {demand}" in str(shown) and str(demand) in shown._repr_html_() for demand in shown.demands)
    return [str(demand) for demand in shown.demands], [note for note in shown.notes if "tier" in note]


def test_it_names_the_tier_and_the_line_that_demand_a_value(estate: Callable[..., Any]) -> None:
    audit = va.audit(estate({"SQL": {}, "ERP": {}}), site=SITE)
    assert demands_of(audit, "JOB-005", "SQL") == (
        ["gfs_weekly = 5 restore points, demanded by the tier gold, site.yaml:7"],
        ["Its tier gold (site.yaml:3) says nothing of gfs_monthly, gfs_yearly."],
    )
    assert demands_of(audit, "JOB-007", "SQL")[1] == ["Its tier gold (site.yaml:3) says nothing of retention_days."]
    assert demands_of(audit, "JOB-007", "ERP") == ([], ["No tier of site.yaml is for it."])
    assert demands_of(audit, "RUN-013")[0] == ["window = 20:00 to 06:00, demanded by site.yaml:10"]
    assert demands_of(audit, "SRV-003")[0] == ["builds 12.3 = 12.3.2.3617, demanded by site.yaml:12"]
    assert demands_of(audit, "JOB-003") == ([], [])


def test_the_tier_of_an_object_is_named_by_where_it_was_found(audit: va.Audit) -> None:
    told = va.audit(audit.snapshot, site=SITE)
    assert demands_of(told, "RPO-001")[0] == ["rpo_hours = 48 hours, demanded by the tier rest, site.yaml:8"]
    assert demands_of(va.audit(audit.snapshot), "RPO-001") == ([], [])
    unlike = SITE.replace('"SQL*"', '"no such job"').replace('objects: ["*"]', 'jobs: ["no such job"]')
    rows = va.audit(audit.snapshot, site=unlike)
    of = rows.results.protected
    known = of[of["tier_known"].fillna(False)].iloc[0]
    finding = rows.findings[(rows.findings["object_id"] == known["object_key"]).fillna(False)]
    rpo = finding[finding["check_id"] == "RPO-001"].iloc[0]
    assert rows.explain(rpo["finding_id"]).notes[0] == "No tier of site.yaml is for it."
    lost = of[~of["tier_known"].fillna(False)]
    if len(lost):
        finding = rows.findings[(rows.findings["object_id"] == lost.iloc[0]["object_key"]).fillna(False)]
        rpo = finding[finding["check_id"] == "RPO-001"].iloc[0]
        assert "The loosest is rest: rpo_hours = 48 (site.yaml:8)." in rows.explain(rpo["finding_id"]).notes[0]
