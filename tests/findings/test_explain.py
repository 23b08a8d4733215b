"""The explanation of a finding: the server's own words, parameters and their source, hostile names kept harmless."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

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
