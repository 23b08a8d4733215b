"""Findings followed by hand: the place that one names holds its object, in every artefact and by the commands told."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import estates
import pandas as pd
import pytest
from original_names import scrubbed

import vbr_audit as va
from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.collection.evidence import KeptPage
from vbr_audit.collection.row_positions import NOWHERE, KeptRows, Positions
from vbr_audit.datasets import DATASETS
from vbr_audit.findings.compared import FINDINGS_SPEC
from vbr_audit.findings.related import in_words
from vbr_audit.findings.results import JobsFound
from vbr_audit.findings.table import EVIDENCE_COLUMNS
from vbr_audit.pipeline import Audit
from vbr_audit.reports.excel.findings import check_plans, findings_with_evidence
from vbr_audit.reports.exports.csv import findings_csv
from vbr_audit.reports.exports.json import findings_json
from vbr_audit.reports.html.rendering import render_html

DOCS = Path(__file__).parents[2] / "docs"
BY_HAND = ("evidence_file", "evidence_entry", "evidence_row", "evidence_sha256")


def odd() -> Audit:
    """Hostile names, rows that come twice, and pages that overlap by a row."""
    return estates.audit_of("duplicates", "limit-cap=7", hostile=True, jobs=8, sessions=60)


@pytest.fixture(scope="module", params=[estates.demo, odd], ids=["demo", "odd"])
def audit(request: pytest.FixtureRequest) -> Audit:
    made: Audit = request.param()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the odd estate."""
    return odd().save(tmp_path_factory.mktemp("traced") / "first-run", formats=["json"])


@lru_cache
def pages_of(audit: Audit) -> dict[str, bytes]:
    """The pages of the evidence by their entries, read without this package."""
    (file,) = audit.snapshot.evidence.values()
    with zipfile.ZipFile(file.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@lru_cache
def html_of(audit: Audit) -> str:
    """The page of an audit."""
    return render_html(audit.context)


@cache
def read_page(audit: Audit, entry: str) -> tuple[str, Any]:
    """The hash of a page of the evidence, and what it says."""
    body = pages_of(audit)[entry]
    return hashlib.sha256(body).hexdigest(), json.loads(body)


def document_of(audit: Audit, row: Any) -> Any:
    """What stands in the evidence where a finding says; the hash of its page fits."""
    digest, page = read_page(audit, row.evidence_entry)
    assert digest == row.evidence_sha256
    if row.evidence_row is pd.NA:
        return page
    key = {"traffic_rules": "trafficRules", "best_practices": "items"}.get(row.evidence_entry.split("/")[0], "data")
    return page[key][row.evidence_row]


def test_each_finding_leads_to_the_document_of_its_object(audit: Audit) -> None:
    traced = audit.findings[audit.findings["evidence_entry"].notna()]
    assert len(traced) > 0.9 * len(audit.findings)
    assert set(traced["evidence_file"]) == {"evidence/vbr01.hansa.example.zip"}
    several = 0
    for row in traced.drop_duplicates(["object_type", "object_id", "evidence_entry", "evidence_row"]).itertuples():
        document = document_of(audit, row)
        several += not str(row.evidence_entry).endswith("/000000000.json")
        if row.evidence_row is not pd.NA and row.object_type not in ("extent", "approved change", "setting"):
            card = DATASETS[str(row.evidence_entry).split("/")[0]]
            keys = {document.get(card.key[0])} | ({document.get("jobId")} if row.object_type == "job" else set())
            assert row.object_id in keys
        elif row.object_type == "extent":
            assert str(row.object_id) in json.dumps(document)
    assert several or audit is not odd()


def test_what_has_no_document_names_none(audit: Audit) -> None:
    lost = audit.findings[audit.findings["evidence_entry"].isna()]
    assert lost[list(BY_HAND)].isna().all(axis=None)
    # Machines that somebody listed, groups of objects, datasets that were not read, servers of which nothing was read.
    assert set(lost["object_type"]) <= {"asset", "group of objects left", "dataset", "server", "configured object"}


def test_job_and_repository_are_named(audit: Audit) -> None:
    jobs = audit.snapshot.jobs.set_index("job_id")
    findings = audit.findings
    own = findings[(findings["object_type"] == "job").fillna(False)]
    assert (own["job_name"] == own["object_name"]).fillna(True).all()
    places = audit.snapshot.repositories.set_index("repository_id")["name"]
    for row in own.drop_duplicates("object_id").itertuples():
        if jobs["repository_id"].get(row.object_id) in places.index:
            assert row.repository_name == places[jobs["repository_id"][row.object_id]]
    machines = findings[(findings["object_type"] == "protected object").fillna(False)]
    assert machines["job_name"].notna().mean() > 0.9
    assert machines["repository_name"].notna().mean() > 0.9
    stores = findings[(findings["object_type"] == "repository").fillna(False)]
    assert (stores["repository_name"] == stores["object_name"]).fillna(True).all()


def test_several_names_are_the_first_and_a_count() -> None:
    assert in_words({"b"}) == "b"
    assert in_words({"b", "a", "c"}) == "a and 2 more"


def test_an_explanation_begins_with_the_same_document(audit: Audit) -> None:
    for row in audit.findings.drop_duplicates("object_type").itertuples():
        proofs = audit.explain(str(row.finding_id)).proofs
        if row.evidence_entry is not pd.NA:
            place = (row.evidence_entry, None if row.evidence_row is pd.NA else row.evidence_row, row.evidence_sha256)
            assert (proofs[0].entry, proofs[0].index, proofs[0].page_sha256) == place


def test_a_saved_run_leads_to_the_same_places(folder: Path) -> None:
    again, first = va.load_audit(folder), odd()
    columns = ["finding_id", "job_name", "repository_name", *BY_HAND]
    pd.testing.assert_frame_equal(again.findings[columns], first.findings[columns])


def test_all_artefacts_name_the_same_place() -> None:
    audit = odd()
    rows = audit.findings.set_index("finding_id")
    for found in json.loads(findings_json(audit.context))["findings"]:
        for name in BY_HAND:
            known = rows[name][found["finding_id"]]
            assert found[name] == (None if known is pd.NA else known)
    table = csv.DictReader(io.StringIO(b"".join(findings_csv(audit.context)).decode(), newline=""))
    told = {row["finding_id"]: tuple(row[name] for name in BY_HAND) for row in table}
    cells = rows[list(BY_HAND)].astype(object).where(rows[list(BY_HAND)].notna(), "")
    assert told == {name: tuple(map(str, each)) for name, each in zip(cells.index, cells.to_numpy(), strict=True)}
    page = html_of(audit)
    shown = re.findall(r"Evidence</summary>([^,]+), ([^,]+)(?:, row (\d+))?, SHA-256 (\w+)<", page)
    evident = audit.findings[audit.findings["evidence_entry"].notna()]
    assert len(shown) == int(evident["status"].isin(["FAIL", "WAIVED"]).sum())
    assert set(shown) <= set(told.values())
    plans = check_plans(audit.context, findings_with_evidence(audit.context), "")
    (sheet,) = [plan for plan in plans if plan.name == "Check results"]
    written = {column.header: column.values for column in sheet.columns}
    headers = ("Evidence file", "Evidence entry", "Evidence row", "Evidence SHA-256")
    columns = [written[header].astype(object).where(written[header].notna(), "").map(str) for header in headers]
    assert dict(zip(written["Finding ID"], zip(*columns, strict=True), strict=True)) == told


def test_a_scrubbed_run_names_no_place_and_no_job() -> None:
    audit = estates.demo()
    clean = scrubbed(audit).findings
    assert clean[list(EVIDENCE_COLUMNS)].isna().all(axis=None)
    names = {*audit.findings["job_name"].dropna(), *audit.findings["repository_name"].dropna()}
    stems = {name.split(" and ")[0] for name in names}
    told = {*clean["job_name"].dropna(), *clean["repository_name"].dropna()}
    assert not any(stem in text for text in told for stem in stems)
    pattern = r"(job|repository)-\w+( and [\d,]+ more)?"
    assert all(re.fullmatch(pattern, text) for text in told)
    assert clean["job_name"].notna().sum() == audit.findings["job_name"].notna().sum()


def test_a_history_does_not_grow_by_it() -> None:
    assert not {"job_name", "repository_name", *EVIDENCE_COLUMNS} & set(FINDINGS_SPEC.names)


def test_the_commands_of_the_page_lead_there(folder: Path, need_tool: Callable[[str], str], tmp_path: Path) -> None:
    for tool in ("unzip", "jq", "sha256sum", "bash"):
        need_tool(tool)
    blocks = re.findall(r"```bash\n(.*?)```", (DOCS / "reports.md").read_text("utf-8"), re.S)
    assert len(blocks) == 2
    row = next(odd().findings[odd().findings["evidence_row"].gt(0).fillna(False)].itertuples())
    expected = document_of(odd(), row)
    shutil.copytree(folder, tmp_path / "first-run")
    given = {"FILE": row.evidence_file, "ENTRY": row.evidence_entry, "ROW": row.evidence_row}
    for block in blocks:
        lines = re.sub(r"\b(FILE|ENTRY|ROW)=\S+", lambda match: f"{match[1]}={given[match[1]]}", block)
        done = subprocess.run(["bash", "-euc", lines], cwd=tmp_path, capture_output=True, text=True, check=True)
        digest, _, document = done.stdout.partition("\n")
        assert digest.split()[0] == row.evidence_sha256
        assert json.loads(document) == expected


# Where rows stand.


def kept(name: str, *places: int) -> KeptRows:
    return KeptRows(KeptPage(name, "0" * 64), places)


def test_positions_know_the_first_of_equal_rows_and_nothing_else() -> None:
    positions = Positions()
    rows = [{"id": "a"}, {"id": None}, None, {"id": "b\ud800"}]
    positions.add("jobs", rows, kept("jobs/0.json", 0, 1, 2, 5), key="id")
    positions.add("jobs", [{"id": "a"}, {"id": "c"}], kept("jobs/4.json", 0, 3), key="id")
    positions.add("roles", [{"id": "r"}], kept("roles/r/0.json"), key="id")
    pages, places = positions.find("jobs", ["c", "a", "none", pd.NA, "b\ud800"])
    assert pages.tolist() == [1, 0, NOWHERE, NOWHERE, 0]
    assert places.tolist() == [3, 0, NOWHERE, NOWHERE, 5]
    assert positions.places("roles", ["r", "x"])["r"].row is None
    assert positions.places("users", ["a"]) == {}
    assert positions.find("jobs", [])[0].tolist() == []


# How the jobs in scope are known.


def test_the_jobs_are_told_by_where_they_are_known_from(audit: Audit) -> None:
    found, seen = audit.summary.jobs_found, audit.snapshot.jobs["seen_in"]
    assert found.total == audit.summary.jobs_in_scope == len(seen)
    assert found.with_settings == seen.str.startswith("jobs").sum() == len(documents(audit, "jobs"))
    assert found.with_state == seen.str.contains("job_states").sum() == len(audit.snapshot.job_states)
    assert found.by_backups_only == (seen == "backups").sum()
    own = audit.findings[(audit.findings["object_type"] == "job").fillna(False)]
    assert found.judged == own.loc[own["result"] != "NOT_APPLICABLE", "object_id"].nunique()
    if audit is odd():
        assert found.text in html_of(audit)
        assert any(found.sources in tile.label for tile in audit.context.tiles)
        assert json.loads(findings_json(audit.context))["summary"]["jobs_found"] == dataclasses.asdict(found)


def documents(audit: Audit, dataset: str) -> set[str]:
    (file,) = audit.snapshot.evidence.values()
    return {row["id"] for body in file.pages(dataset) for row in json.loads(body)["data"]}


def test_the_account_of_jobs_in_words() -> None:
    assert JobsFound(3, 0, 0, 3, 3).text == "3 jobs: 3 with settings; 3 judged by checks of jobs."
    assert JobsFound(1, 0, 1, 1, None).text == (
        "2 jobs: 1 with settings, 1 known by its backups only; no check of jobs is enabled. The server lists 1 by "
        "their settings and 1 by their state, and checks of settings have no answer for the others."
    )
    assert JobsFound(2, 2, 1, 4, 4).sources == ("2 with settings, 2 known by their state only, 1 by its backups only")


def test_without_checks_of_jobs_none_is_judged() -> None:
    policy = load_policy("version: 1\nchecks:\n  '*': {enabled: false, reason: not wanted}\n")
    found = va.audit(odd().snapshot, policy=policy).summary.jobs_found
    assert found.judged is None
    assert found.total == len(odd().snapshot.jobs)
