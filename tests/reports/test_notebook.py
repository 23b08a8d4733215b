"""The fragment of an audit in a notebook."""

from __future__ import annotations

from collections.abc import Callable

from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.notebook import audit_html

MakeRun = Callable[..., ReportContext]


def test_it_tells_the_verdict_and_the_worst(context: ReportContext) -> None:
    text = audit_html(context)
    assert context.summary.verdict.headline in text
    causes, failing = context.results.causes, context.summary.counts["FAIL"]
    assert f"{failing} failing findings have {len(causes)} causes: " in text
    assert "<td>1 finding</td>" in text
    assert "INCOMPLETE" not in text


def test_it_is_small_and_escaped_whatever_the_names(make_run: MakeRun, hostile_context: ReportContext) -> None:
    long = make_run(job_count=40, word=lambda text: f"{'<b>&' * 200}{text}")
    for context in (long, hostile_context):
        text = audit_html(context)
        assert len(text.encode()) <= 20_000
        assert "<script" not in text
        assert "<b>" not in text
        assert "http" not in text.partition("</style>")[0]


def test_an_incomplete_run_says_so(make_run: MakeRun) -> None:
    text = audit_html(make_run(changes={"jobs": {"status": "denied", "reason": "role"}}))
    assert "INCOMPLETE: 1 dataset of vbr01.example was denied: Jobs. Role. Give the account a role" in text


def test_nothing_fails(run_of: MakeRun) -> None:
    assert "The worst" not in audit_html(run_of(job_count=0, session_count=0, waivers=None))
