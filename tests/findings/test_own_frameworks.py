"""Framework files of one's own: refused with their line, kept with the run, and answered again from there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from core_checks import CORE_TEXT

import vbr_audit as va
from vbr_audit import simulator
from vbr_audit.errors import EvidenceError, FrameworkError
from vbr_audit.findings.requirements import read_own_frameworks

TEXT = """version: 1
id: {0}
title: House rules
edition: "3"
source: our handbook
requirements:
  - {{id: R-1, title: Nobody reads a stolen backup, checks: [JOB-008], judgement: own}}
"""


PAGE = (Path(__file__).parents[2] / "docs" / "frameworks.md").read_text("utf-8")


def test_the_example_of_the_page_is_one() -> None:
    text = PAGE.partition("```yaml\n")[2].partition("```")[0]
    (one,) = read_own_frameworks([text]).frameworks
    assert (one.id, [row.id for row in one.requirements]) == ("house-rules", ["4.1", "4.2"])


@pytest.fixture(scope="module")
def snapshot() -> va.Snapshot:
    with (
        simulator.serve(jobs=4, sessions=10) as url,
        va.connect(url, username=simulator.DEMO_USERNAME, password=simulator.DEMO_PASSWORD) as client,
    ):
        return va.collect(client, datasets=["jobs", "job_states"], progress=False)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    path = tmp_path / "house.yaml"
    path.write_text(TEXT.format("house"), encoding="utf-8")
    return path


def own_rows(audit: va.Audit) -> list[tuple[str, str]]:
    rows = audit.results.requirements
    rows = rows[rows["framework"] == "House rules"]
    return list(zip(rows["requirement"], rows["answer"], strict=True))


def test_what_is_given_is_kept_and_answered_again(snapshot: va.Snapshot, house: Path, tmp_path: Path) -> None:
    audit = va.audit(snapshot, policy="minimal", frameworks=[house])
    assert own_rows(audit) == [("R-1", "supports")]
    folder = audit.save(tmp_path / "run", formats=["json"])
    assert (folder / "frameworks" / "house.yaml").read_text("utf-8") == TEXT.format("house")
    assert "frameworks/house.yaml" in (folder / "SHA256SUMS").read_text("utf-8")
    (record,) = json.loads((folder / "manifest.json").read_bytes())["run"]["frameworks"]
    assert record == {"name": "house.yaml", "sha256": audit.rules.frameworks.sources[0].sha256}
    house.unlink()
    again = va.load_audit(folder)
    assert own_rows(again) == own_rows(audit)
    assert va.verify(folder) == []
    assert any(fact.label == "Framework" for fact in again.context.cover)


def test_others_given_anew_take_the_place_of_those_kept(snapshot: va.Snapshot, house: Path, tmp_path: Path) -> None:
    folder = va.audit(snapshot, policy=CORE_TEXT, frameworks=[house]).save(tmp_path / "run", formats=["json"])
    other = tmp_path / "other.yaml"
    other.write_text(TEXT.format("other"), encoding="utf-8")
    va.load_audit(folder, frameworks=[other]).write_outcome(folder, formats=["json"])
    assert [path.name for path in (folder / "frameworks").iterdir()] == ["other.yaml"]
    assert va.verify(folder) == []
    va.audit(va.load(folder), policy=CORE_TEXT).write_outcome(folder, formats=["json"])
    assert not (folder / "frameworks").exists()
    assert va.verify(folder) == []


def test_a_copy_that_is_gone_or_was_changed_is_a_difference(snapshot: va.Snapshot, house: Path, tmp_path: Path) -> None:
    folder = va.audit(snapshot, policy=CORE_TEXT, frameworks=[house]).save(tmp_path / "run", formats=["json"])
    kept = folder / "frameworks" / "house.yaml"
    kept.write_text(kept.read_text("utf-8").replace("JOB-008", "JOB-003"), encoding="utf-8")
    assert va.verify(folder)[0] == "frameworks/house.yaml was changed"
    assert "findings.json is not what" in va.verify(folder)[1]
    shutil.rmtree(folder / "frameworks")
    assert va.verify(folder)[0] == "frameworks/house.yaml is missing"
    with pytest.raises(EvidenceError, match=r"the framework house\.yaml of the run is missing"):
        va.load_audit(folder)


def test_files_of_one_name_and_frameworks_of_one_id_are_refused(house: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    twin = Path(shutil.copy(house, tmp_path / "b" / "House.yaml"))
    with pytest.raises(FrameworkError, match=r"two framework files are called House\.yaml"):
        read_own_frameworks([house, twin])
    with pytest.raises(FrameworkError, match=r"other\.yaml:2: id: another framework is called house"):
        read_own_frameworks([house, shutil.copy(house, tmp_path / "other.yaml")])
    with pytest.raises(FrameworkError, match=r"none\.yaml"):
        read_own_frameworks([tmp_path / "none.yaml"])
