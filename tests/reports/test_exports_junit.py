"""findings.junit.xml: counts that add up, names that stay, and nothing unanswered that looks like a pass."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from vbr_audit.display import iso
from vbr_audit.pipeline import Audit
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.exports.junit import findings_junit

MakeRun = Callable[..., ReportContext]
KINDS = {"failure": ("FAIL",), "error": ("ERROR", "UNKNOWN"), "skipped": ("WAIVED", "NOT_APPLICABLE")}


def parsed(context: ReportContext) -> ElementTree.Element:
    return ElementTree.fromstring(findings_junit(context))


def counts_of(element: ElementTree.Element) -> dict[str, int]:
    cases = list(element.iter("testcase"))
    return {"tests": len(cases)} | {
        name: sum(case.find(kind) is not None for case in cases)
        for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }


def with_errors(context: ReportContext) -> ReportContext:
    """The run with one check that broke for one object."""
    findings = context.results.findings.copy()
    place = findings.index[findings["status"].eq("PASS")][0]
    findings.loc[place, ["status", "result", "reason"]] = ["ERROR", "ERROR", "KeyError: 'x'"]
    return dataclasses.replace(context, results=dataclasses.replace(context.results, findings=findings))


def test_one_case_a_finding_and_every_status_as_it_should_look(context: ReportContext) -> None:
    changed = with_errors(context)
    findings = changed.results.findings
    assert set(findings["status"]) == {"PASS", "FAIL", "WAIVED", "UNKNOWN", "ERROR", "NOT_APPLICABLE"}
    by_id = dict(zip(findings["finding_id"], findings["status"], strict=True))
    seen = Counter[str]()
    for case in parsed(changed).iter("testcase"):
        status = by_id[case.attrib["name"].rsplit("[", 1)[1].rstrip("]")]
        outcome = list(case)
        seen[status] += 1
        assert [child.tag for child in outcome] == [kind for kind, held in KINDS.items() if status in held]
        if outcome:
            assert outcome[0].attrib["message"].startswith(f"{status}: ")
            assert outcome[0].get("type") == (status if outcome[0].tag != "skipped" else None)
    assert seen == Counter(findings["status"].tolist())


def test_counts_add_up_on_every_level(hostile_estate: Audit) -> None:
    context = hostile_estate.context
    root = parsed(context)
    for element in (root, *root):
        assert {name: int(element.attrib[name]) for name in counts_of(element)} == counts_of(element)
    counts = context.summary.counts
    assert int(root.attrib["failures"]) == counts["FAIL"]
    assert int(root.attrib["errors"]) == counts["ERROR"] + counts["UNKNOWN"]
    assert int(root.attrib["skipped"]) == counts["WAIVED"] + counts["NOT_APPLICABLE"]
    assert int(root.attrib["tests"]) == sum(counts.values())


def test_one_suite_for_each_server_and_area_that_has_findings(run_of: MakeRun) -> None:
    context = run_of(servers=("vbr01.example", "vbr02.example"))
    findings, root = context.results.findings, parsed(context)
    pairs = {f"{server}: {area}" for server, area in zip(findings["server"], findings["area"], strict=True)}
    names = [suite.attrib["name"] for suite in root]
    assert names == sorted(pairs)
    assert {suite.attrib["timestamp"] for suite in root} == {iso(context.manifest.run.now)}
    for suite in root:
        told = {entry.attrib["name"]: entry.attrib["value"] for entry in suite.iter("property")}
        assert told["run_id"] == context.manifest.run_id
        assert told["revision"] == "1.3-rev1"


def test_a_case_is_the_same_one_in_the_next_run(context: ReportContext, run_of: MakeRun) -> None:
    def cases(context: ReportContext) -> set[tuple[str, str]]:
        return {(case.attrib["classname"], case.attrib["name"]) for case in parsed(context).iter("testcase")}

    before, after = cases(context), cases(run_of(session_count=30))
    assert before == after
    assert len(before) == len(list(parsed(context).iter("testcase")))
    assert any(class_name == "vbr01.example.JOB-008" for class_name, _ in before)


def test_incomplete_evidence_is_said(hostile_context: ReportContext) -> None:
    assert hostile_context.results.incomplete
    suite = parsed(hostile_context)[0]
    assert any(entry.attrib["name"] == "incomplete" for entry in suite.iter("property"))


IN_NAMES = {
    "Payroll DB": "\x00",
    "Files HQ": "\x0b",
    "Lab VMs": "\x1b",
    "Exchange": "\x9f",
    "Web shop": "\ud800",
    "Archive": "\ufffe",
    "Monitoring": "\uffff",
}
"""A sign for the name of each of these jobs."""


@pytest.fixture(scope="module")
def odd_names(make_run: MakeRun) -> list[str]:
    """The names of the cases where jobs have such names."""
    context = make_run(word=lambda text: f"a{IN_NAMES[text]}]]>&<b{text}" if text in IN_NAMES else text)
    return [case.attrib["name"] for case in parsed(context).iter("testcase")]


@pytest.mark.parametrize(("job", "sign"), IN_NAMES.items())
def test_characters_that_xml_cannot_hold_are_shown(odd_names: list[str], job: str, sign: str) -> None:
    assert any(name.startswith("a") and f"]]>&<b{job}" in name for name in odd_names)
    assert not [name for name in odd_names if sign in name]
