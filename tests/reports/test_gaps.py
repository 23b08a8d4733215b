"""Why a run is incomplete: each reason once, and what to do about it, the same in every artefact."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest

from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports.markdown import summary_markdown
from vbr_audit.reports.html.executive import build_brief
from vbr_audit.reports.html.rendering import render_html

MakeRun = Callable[..., ReportContext]


def refused(path: str) -> dict[str, str]:
    return {"status": "denied", "reason": f"{path} is denied to this account (HTTP 403): No permission."}


@pytest.fixture(scope="module")
def denied(context: ReportContext, make_run: MakeRun) -> ReportContext:
    paths = {record.name: record.path for record in context.manifest.datasets}
    return make_run(changes={name: refused(paths[name]) for name in ("jobs", "sessions")})


def test_datasets_that_are_missing_for_one_reason_stand_together(denied: ReportContext) -> None:
    (gap,) = denied.gaps
    assert gap.text == (
        "2 datasets of vbr01.example were denied: Jobs; Sessions. Denied to this account (HTTP 403): No permission."
    )
    assert "Give the account a role" in gap.remedy


def test_each_artefact_says_what_is_missing_and_what_to_do(denied: ReportContext) -> None:
    (gap,) = denied.gaps
    page, markdown = html.unescape(render_html(denied)), html.unescape(summary_markdown(denied).decode())
    assert f"<li>{gap.text}<br><strong>What to do:</strong> {gap.remedy}</li>" in page
    assert "jobs of vbr01.example: denied" not in page.partition('id="verdict"')[0]
    assert "2 datasets of vbr01.example were denied" in markdown
    assert build_brief(denied).remedies == (gap.remedy,)


def test_another_reason_or_another_server_is_another_gap(make_run: MakeRun) -> None:
    changes = {
        "jobs": {"status": "failed", "reason": "it broke"},
        "sessions": {"status": "partial", "reason": "3 of 9 rows"},
    }
    gaps = make_run(changes=changes, servers=("a", "b")).gaps
    assert {gap.text for gap in gaps} == {
        "1 dataset of a was not read: Jobs. It broke.",
        "1 dataset of b was not read: Jobs. It broke.",
        "1 dataset of a was read only in part: Sessions. 3 of 9 rows.",
        "1 dataset of b was read only in part: Sessions. 3 of 9 rows.",
    }
    assert {gap.remedy for gap in gaps} == {
        "Correct what the reason names, then collect again.",
        "Collect again; where it stays so, first correct what the reason names.",
    }


def test_what_is_no_dataset_is_told_as_it_stands(make_run: MakeRun) -> None:
    (gap,) = make_run(jobs_pattern="nothing*", job_count=0).gaps
    assert gap.text.startswith("No job has a name that fits")
    assert gap.remedy


def test_a_whole_run_has_none(context: ReportContext) -> None:
    assert context.gaps == ()
