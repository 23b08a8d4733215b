"""The facts of a message are those of the run's own files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vbr_audit.delivering.message import Message, read_message
from vbr_audit.display import number
from vbr_audit.errors import EvidenceError


def test_numbers_causes_and_gaps_are_those_of_the_findings(first: Message, runs: Path) -> None:
    found = json.loads((runs / "first" / "findings.json").read_bytes())
    summary = found["summary"]
    assert dict(first.numbers)["Failing findings"] == number(summary["counts"]["FAIL"])
    assert first.headline == summary["verdict"]["headline"]
    assert [cause.key for cause in first.causes] == [cause["cause"] for cause in found["causes"]]
    assert len(first.gaps) == len(found["run"]["incomplete"]) > 0
    assert "INCOMPLETE" in first.subject
    assert (first.earlier, first.news, dict(first.changed)) == ("", (), {})


def test_what_changed_is_counted_and_what_is_due_is_grouped(later: Message, runs: Path) -> None:
    found = json.loads((runs / "later" / "findings.json").read_bytes())
    assert dict(later.changed) == found["changes"]["counts"]
    assert later.earlier_run == found["changes"]["earlier"]["run_id"]
    due = sum(found["changes"]["counts"].get(state, 0) for state in ("NEW", "REGRESSED", "WAIVER_ENDED", "LOST_SIGHT"))
    assert sum(news.objects for news in later.news) == due > 0


def test_every_cause_of_the_list_has_failing_findings_by_its_id(first: Message) -> None:
    assert {one.key for one in first.causes} == {one.cause for one in first.findings if one.status == "FAIL"}


def test_a_scrubbed_run_says_so_and_names_nobody(runs: Path, first: Message) -> None:
    message = read_message(runs / "scrubbed")
    assert message.is_scrubbed
    names = {one.name for one in first.findings if one.kind in ("job", "protected object")} | set(first.servers)
    shown = {one.name for one in message.findings} | set(message.servers)
    assert names & shown == set()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("findings.json", None, "holds no findings.json"),
        ("findings.json", b"{}", "is not what SHA256SUMS says"),
        ("manifest.json", b"{}", "manifest.json"),
    ],
)
def test_a_run_that_is_not_as_it_was_written_is_refused(
    runs: Path, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    run = Path(shutil.copytree(runs / "first", tmp_path / "run"))
    if content is None:
        (run / name).unlink()
    else:
        (run / name).write_bytes(content)
    with pytest.raises(EvidenceError, match=words):
        read_message(run)
