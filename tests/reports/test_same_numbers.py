"""The headline numbers, read back from every artefact: they are those of Python, and so of each other."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import estates
import pandas as pd
import pytest
from html_tables import Page
from openpyxl import load_workbook
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from shared import artefact, printed_run

from vbr_audit.checks.derived.protection import DIGITS
from vbr_audit.cli.outcome import print_outcome
from vbr_audit.display import day, number, percent
from vbr_audit.pipeline import Audit
from vbr_audit.reports.formats import FORMATS
from vbr_audit.reports.html.board import MOST_RISKS

ESTATES = {made.__name__: made for made in (estates.demo, estates.incomplete, estates.nothing)}
STATUSES = ("PASS", "FAIL", "WAIVED", "UNKNOWN", "ERROR", "NOT_APPLICABLE")
SEVERITIES = ("critical", "high", "medium", "low", "info")
Numbers = dict[str, Any]
"""Some of: statuses, severities, areas (by status), compliance, assessed, success (as texts), jobs, needed, digits."""


def whole(text: str) -> int:
    return int(text.replace(",", ""))


def status_of(word: str) -> str:
    return word.strip().upper().replace(" ", "_")


def full(counts: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    return {name: counts.get(name, 0) for name in names}


def in_python(audit: Audit) -> Numbers:
    summary, objects = audit.summary, audit.results.protected
    digits = [[int((objects[name] == wanted).sum()) for wanted in (True, False)] for name in DIGITS]
    return {
        "statuses": full(audit.findings["status"].value_counts().to_dict(), STATUSES),
        "severities": full(audit.failed["severity"].value_counts().to_dict(), SEVERITIES),
        "areas": {area.area: dict(area.counts) for area in summary.by_area},
        "compliance": percent(summary.compliance),
        "assessed": percent(summary.assessed),
        "success": percent(summary.success_rate),
        "jobs": number(summary.jobs_in_scope),
        "needed": f"{summary.needed_complete} of {summary.needed_total}",
        "checks": share_of_checks(audit),
        "causes": audit.failed["cause"].nunique(),
        "rating": summary.rating.told,
        "settled": settled(audit.failed),
        "at risk": number(sum(score.is_at_risk for score in audit.context.figures.scores)),
        "digits": [[yes, no, len(objects) - yes - no] for yes, no in digits],
    }


def share_of_checks(audit: Audit) -> str:
    """The share of the checks with a finding that applies of which none is open, counted by hand."""
    statuses = audit.findings.groupby("check_id")["status"].agg(set)
    applies = [found for found in statuses if found != {"NOT_APPLICABLE"}]
    clean = [found for found in applies if not found & {"FAIL", "UNKNOWN", "ERROR"}]
    return f"{percent(len(clean) / len(applies) if applies else None)}: {len(clean)} of {len(applies)}"


def settled(failed: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Severity, check and number of findings of each cause, in an order of their own; an item of Veeam's analyzer
    that another check fails for, too, counts there."""
    causes = failed.sort_values("check_id", key=lambda ids: ids == "SCA-001", kind="stable").groupby("cause")
    worst = causes["severity"].agg(lambda found: min(found, key=SEVERITIES.index))
    return sorted(zip(worst, causes["check_id"].first(), causes.size().tolist(), strict=True))


def tiles_of(page: Page) -> Numbers:
    checks, compliance, causes, at_risk, jobs, runs, needed = page.tiles[:7]
    assessed = re.search(r", ([\d.]+ %|not known) assessed", compliance[1])
    assert assessed is not None
    assert jobs[1].startswith("jobs in scope")
    assert runs[1].startswith("success rate by run, of")
    assert re.match("jobs? at risk:", at_risk[1])
    assert re.match(r"causes? of [\d,]+ failing findings?:", causes[1])
    return {
        "checks": f"{checks[0]}: {checks[1].removeprefix('of checks without an open finding: ')}",
        "causes": whole(causes[0]),
        "at risk": at_risk[0],
        "compliance": compliance[0],
        "assessed": assessed[1],
        "jobs": jobs[0],
        "success": runs[0],
        "needed": needed[0],
    }


def rating_in(path: Path) -> str:
    found = re.search(r'class="rating"[^>]*>Rating <b>([^<]+)</b>', path.read_text("utf-8"))
    assert found is not None
    return found[1]


def in_html(path: Path) -> Numbers:
    page = Page(path.read_text("utf-8"))
    tables = {table.id: table.rows for table in page.tables if table.id}
    statuses = {status_of(row[0]): whole(row[1]) for row in tables["status-counts"][1:]}
    found = tiles_of(page) | {
        "rating": rating_in(path),
        "statuses": statuses,
        "severities": {row[0]: whole(row[1]) for row in tables["severity-counts"][1:]},
    }
    plan = [row for name, rows in tables.items() if name.startswith("table-causes") for row in rows[1:]]
    plan = [row for row in plan if len(row) > 1]  # what stands beneath a cause is one cell
    if plan:
        found["settled"] = sorted((row[0], row[1].split()[0], whole(row[3])) for row in plan)
    if "digit-counts" in tables:
        found["digits"] = [[whole(cell) for cell in row[1:4]] for row in tables["digit-counts"][1:6]]
    for table in page.tables:
        if table.rows and table.rows[0][0] == "Area":
            names = [status_of(word) for word in table.rows[0][1:]]
            rows = [dict(zip(names, map(whole, row[1:]), strict=True)) for row in table.rows[1:]]
            found["areas"] = {row[0]: full(counts, STATUSES) for row, counts in zip(table.rows[1:], rows, strict=True)}
    return found


def in_executive(path: Path) -> Numbers:
    page = Page(path.read_text("utf-8"))
    tables = {table.id: table.rows for table in page.tables if table.id}
    found = tiles_of(page) | {"rating": rating_in(path)}
    if "table-digits" in tables:
        found["digits"] = [[whole(cell) for cell in row[1:4]] for row in tables["table-digits"][1:6]]
    return found


def in_workbook(path: Path) -> Numbers:
    book = load_workbook(path, read_only=True)
    rows = [row or (None,) for row in book["Summary"].iter_rows(values_only=True)]
    head, *causes = book["Causes"].iter_rows(values_only=True)
    told = [[row[head.index(name)] for name in ("Severity", "Check ID", "Findings")] for row in causes if row[0]]
    tiles = [row[:2] for row in book["Cover"].iter_rows(values_only=True) if row and len(row) > 1]
    book.close()
    cover = {label: value for value, label in tiles if isinstance(label, str)}
    shares = next(row for row in rows if row[0] == "Checks without an open finding")

    def below(*header: str) -> list[tuple[Any, ...]]:
        start = next((at + 1 for at, row in enumerate(rows) if row[: len(header)] == header), len(rows))
        end = next((at for at in range(start, len(rows)) if rows[at][0] is None), len(rows))
        return rows[start:end]

    totals = {row[0]: row[1] for row in below("Number", "Value")}
    headers = next(row for row in rows if row[:2] == ("Area", "Pass"))
    names = [status_of(word) for word in headers[1:7]]

    def rate(value: Any) -> str:
        return value if isinstance(value, str) else percent(value)

    digits = [list(row[1:4]) for row in below("Digit", "Yes")[:5]]
    return {
        "statuses": {row[0]: row[1] for row in below("Status", "Findings")},
        "severities": {row[0]: row[1] for row in below("Severity", "Failing")},
        "areas": {row[0]: dict(zip(names, row[1:7], strict=True)) for row in below("Area", "Pass")},
        "compliance": rate(totals["Compliance"]),
        "assessed": rate(totals["Share assessed"]),
        "success": rate(totals["Success rate by run"]),
        "jobs": number(totals["Jobs in scope"]),
        "needed": f"{totals['Datasets needed, complete']} of {totals['Datasets needed']}",
        "checks": f"{rate(shares[1])}: {shares[2].split(' checks: ')[0]}",
        "causes": totals["Causes of failing findings"],
        "rating": totals["Rating"],
        "settled": sorted(map(tuple, told)),
        "at risk": next(value for label, value in cover.items() if re.match("jobs? at risk:", label)),
    } | ({"digits": digits} if digits else {})


def in_json(path: Path) -> Numbers:
    document = json.loads(path.read_bytes())
    summary, findings = document["summary"], document["findings"]
    told = counted((row["status"], row["severity"], row["area"]) for row in findings)
    assert summary["counts"] == told["statuses"]
    return told | {
        "severities": summary["failing_by_severity"],
        "areas": {area["area"]: area["counts"] for area in summary["by_area"]},
        "compliance": percent(summary["compliance"]),
        "assessed": percent(summary["assessed"]),
        "success": percent(summary["success_rate"]),
        "jobs": number(summary["jobs_in_scope"]),
        "needed": f"{summary['needed_complete']} of {summary['needed_total']}",
        "checks": f"{percent(summary['checks_share'])}: {summary['checks_clean']} of {summary['checks_judged']}",
        "causes": summary["causes"],
        "rating": summary["rating"]["grade"] + (" at best" if summary["rating"]["at_best"] else ""),
        "settled": sorted((row["severity"], row["check_id"], row["findings"]) for row in document["causes"]),
        "at risk": number(summary["jobs_at_risk"]),
    }


def counted(findings: Iterable[tuple[str, str, str]]) -> Numbers:
    """What a list of findings, as status, severity and area, adds up to."""
    rows = list(findings)
    areas: dict[str, Counter[str]] = {}
    for status, _, area in rows:
        areas.setdefault(area, Counter())[status] += 1
    return {
        "statuses": full(Counter(row[0] for row in rows), STATUSES),
        "severities": full(Counter(row[1] for row in rows if row[0] == "FAIL"), SEVERITIES),
        "judged areas": {area: full(counts, STATUSES) for area, counts in areas.items()},
    }


def in_csv(path: Path) -> Numbers:
    rows = csv.DictReader(io.StringIO(path.read_text("utf-8"), newline=""))
    return counted((row["status"], row["severity"], row["area"]) for row in rows)


def in_markdown(path: Path) -> Numbers:
    text = path.read_text("utf-8")
    tables = [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    ]
    statuses = next(table for table in tables if table[0][0] == "Status")
    areas = next((table for table in tables if table[0][0] == "Area"), [[]])
    names = [status_of(word) for word in areas[0][1:7]]

    def line(label: str) -> str:
        found = re.search(rf"^- {label}: ([^,;\n]+?)(?:, which is.*|;.*)?$", text, re.MULTILINE)
        assert found is not None, label
        return found[1]

    severities = re.search(r"^- Failing by severity: (.*)$", text, re.MULTILINE)
    assert severities is not None
    shares = re.search(r"^- Checks without an open finding: .*, which is (\d+ of \d+)$", text, re.MULTILINE)
    assert shares is not None
    return {
        "statuses": {status_of(row[0]): whole(row[1]) for row in statuses[2:]},
        "severities": {word: whole(count) for word, count in re.findall(r"(\w+) ([\d,]*\d)", severities[1])},
        "areas": {row[0]: dict(zip(names, map(whole, row[1:7]), strict=True)) for row in areas[2:]},
        "compliance": line("Compliance"),
        "assessed": line("Assessed"),
        "success": line("Job runs that succeeded"),
        "jobs": line("Jobs in scope"),
        "needed": line("Datasets that the checks need, read whole"),
        "checks": line("Checks without an open finding") + ": " + shares[1],
        "causes": whole(line("Causes of what fails")),
        "rating": line("Rating"),
        "at risk": line("Jobs at risk"),
    }


def on_the_console(audit: Audit, printed: str) -> Numbers:
    def one(pattern: str) -> tuple[str, ...]:
        found = re.search(pattern, printed, re.MULTILINE)
        assert found is not None, pattern
        return found.groups()

    share, clean = one(r"^([\d.]+ %|not known) of checks \(([\d,]+ of [\d,]+) checks? without an open finding\)$")
    compliance, assessed = one(r"^([\d.]+ %|not known) compliant \(.* are good\), ([\d.]+ %|not known) assessed$")
    at_risk, jobs = one(r"^Jobs at risk: ([\d,]+|not known) of ([\d,]+|not known) in scope$")
    found = {"checks": f"{share}: {clean}", "compliance": compliance, "assessed": assessed, "at risk": at_risk}
    if audit.summary.counts["FAIL"]:
        severities, causes = one(r"^[\d,]+ failing findings? \((.*)\) of ([\d,]+) causes?:$")
        told = {word: whole(many) for word, many in re.findall(r"(\w+) ([\d,]*\d)", severities)}
        found |= {"severities": full(told, SEVERITIES), "causes": whole(causes)}
    return found | {"jobs": jobs}


def in_junit(path: Path) -> Numbers:
    root = ElementTree.parse(path).getroot()
    suites = root.findall("testsuite")
    assert {name: sum(int(suite.get(name, "0")) for suite in suites) for name in GROUPS} == {
        name: int(root.get(name, "0")) for name in GROUPS
    }
    return {"groups": {name: int(root.get(name, "0")) for name in GROUPS}}


def in_ocsf(path: Path) -> Numbers:
    events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    suppressed = sum(event["status"] == "Suppressed" for event in events)
    new = Counter(event["compliance"]["status_code"] for event in events if event["status"] == "New")
    checks = [event["compliance"]["checks"][0] for event in events]
    words = [check["severity"].lower().replace("informational", "info") for check in checks]
    areas = [event["compliance"]["category"] for event in events]
    found = counted(zip((event["status_code"] for event in events), words, areas, strict=True))
    assert suppressed == found["statuses"]["WAIVED"]
    assert new == Counter({name: found["statuses"][name] for name in ("FAIL", "UNKNOWN", "ERROR")})
    return found


def in_oscal(path: Path) -> Numbers:
    (result,) = json.loads(path.read_bytes())["assessment-results"]["results"]

    def told(part: dict[str, Any]) -> dict[str, str]:
        return {entry["name"]: entry["value"] for entry in part.get("props", [])}

    facts = told(result)
    statuses = {name: int(facts[f"count-{name.lower()}"]) for name in STATUSES}
    observed = [told(part) for part in result.get("observations", [])]
    assert full(Counter(one["status"] for one in observed), STATUSES) == statuses
    assert len(result.get("risks", [])) == statuses["WAIVED"]
    severities = full(Counter(one["severity"] for one in observed if one["status"] == "FAIL"), SEVERITIES)
    return {"statuses": statuses, "severities": severities}


def in_sarif(path: Path) -> Numbers:
    (run,) = json.loads(path.read_bytes())["runs"]
    results = [result["properties"] for result in run["results"] if result.get("baselineState") != "absent"]
    statuses = {status: run["properties"]["counts"][status] for status in STATUSES}
    listed = full(Counter(result["status"] for result in results), STATUSES)
    assert listed == {**statuses, "PASS": 0, "NOT_APPLICABLE": 0}
    severities = Counter(result["severity"] for result in results if result["status"] == "FAIL")
    return {"statuses": statuses, "severities": full(severities, SEVERITIES)}


def in_metrics(path: Path) -> Numbers:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(path.read_text("utf-8")):
        own = found.setdefault(family.name.removeprefix("vbr_audit_"), {})
        own.update((tuple(sample.labels.values()), sample.value) for sample in family.samples)

    def one(name: str) -> float | None:
        return found.get(name, {}).get(())

    statuses, areas = Counter[str](), dict[str, dict[str, int]]()
    severities = Counter[str]()
    for (_, severity, status), many in found["findings"].items():
        statuses[status] += int(many)
        severities[severity] += int(many) if status == "FAIL" else 0
    for (area, status), many in found["area_findings"].items():
        areas.setdefault(area, {})[status] = int(many)
    complete, incomplete = (int(found["needed_datasets"][(state,)]) for state in ("complete", "incomplete"))
    clean, judged = (int(found[name][()]) for name in ("checks_clean", "checks_judged"))
    (grade,) = [labels[0] for labels, is_it in found["rating"].items() if is_it]
    digits = list(found.get("digit_objects", {}).values())
    return {
        "statuses": full(statuses, STATUSES),
        "severities": full(severities, SEVERITIES),
        "areas": areas,
        "compliance": percent(one("compliance_ratio")),
        "assessed": percent(one("assessed_ratio")),
        "success": percent(one("job_runs_success_ratio")),
        "jobs": number(one("jobs_in_scope")),
        "needed": f"{complete} of {complete + incomplete}",
        "checks": f"{percent(clean / judged if judged else None)}: {clean} of {judged}",
        "causes": int(sum(found["causes"].values())),
        "rating": grade + (" at best" if one("rating_at_best") else ""),
        "at risk": number(one("jobs_at_risk")),
    } | ({"digits": [[int(each) for each in digits[at : at + 3]] for at in range(0, 15, 3)]} if digits else {})


GROUPS = {
    "tests": STATUSES,
    "failures": ("FAIL",),
    "errors": ("UNKNOWN", "ERROR"),
    "skipped": ("WAIVED", "NOT_APPLICABLE"),
}
READ: Mapping[str, Callable[[Path], Numbers]] = {
    "html": in_html,
    "executive": in_executive,
    "xlsx": in_workbook,
    "json": in_json,
    "csv": in_csv,
    "md": in_markdown,
    "junit": in_junit,
    "ocsf": in_ocsf,
    "sarif": in_sarif,
    "oscal": in_oscal,
    "openmetrics": in_metrics,
}
SHORT = {"compliance", "assessed", "success", "jobs", "needed", "checks", "causes", "at risk", "rating"}
HEADLINES = {"statuses", "severities", "areas"} | SHORT
TOLD = {
    "html": HEADLINES,
    "executive": SHORT,
    "xlsx": HEADLINES,
    "json": HEADLINES,
    "csv": {"statuses", "severities", "judged areas"},
    "md": HEADLINES,
    "junit": {"groups"},
    "ocsf": {"statuses", "severities", "judged areas"},
    "sarif": {"statuses", "severities"},
    "oscal": {"statuses", "severities"},
    "openmetrics": HEADLINES,
}


DIGITAL = dict.fromkeys(READ, frozenset[str]()) | dict.fromkeys(
    ("html", "executive", "xlsx", "openmetrics"), frozenset({"digits"})
)
"""The artefacts that count the digits of 3-2-1-1-0, where there is an object that has them."""


def audit_called(estate: str) -> Audit:
    return ESTATES[estate]()


@cache
def expected_of(audit: Audit) -> Numbers:
    numbers = in_python(audit)
    statuses, areas = numbers["statuses"], numbers["areas"]
    if audit.summary.jobs_in_scope is None:
        numbers["at risk"] = "not known"
    numbers["groups"] = {name: sum(statuses[status] for status in members) for name, members in GROUPS.items()}
    numbers["judged areas"] = {name: counts for name, counts in areas.items() if any(counts.values())}
    return numbers


def test_every_format_is_compared() -> None:
    # The PDFs are printed pages, which test_pdf.py and test_executive_pdf.py read back.
    assert set(READ) == set(FORMATS) - {"pdf", "executive-pdf"}


@pytest.mark.parametrize("estate", ESTATES)
def test_the_console_tells_the_same_numbers(estate: str, capsys: pytest.CaptureFixture[str]) -> None:
    audit = audit_called(estate)
    print_outcome(audit, (), quiet=False)
    printed = capsys.readouterr().out
    found, expected = on_the_console(audit, printed), expected_of(audit)
    assert found == {key: expected[key] for key in found}
    shown = [
        (line.split()[0], line.split()[1], line.rpartition(" settles ")[2])
        for line in printed.splitlines()
        if " settles " in line
    ]
    assert shown == [
        (cause.severity, cause.check_id, number(cause.findings)) for cause in audit.causes.head(5).itertuples()
    ]


@pytest.mark.parametrize("estate", ESTATES)
@pytest.mark.parametrize("name", READ)
def test_every_artefact_tells_the_same_numbers(
    estate: str, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    audit = audit_called(estate)
    found = READ[name](artefact(tmp_path_factory, ESTATES[estate], name))
    expected = expected_of(audit)
    assert found == {key: expected[key] for key in found}
    assert TOLD[name] | ({"digits"} & DIGITAL[name] if len(audit.results.protected) else set()) <= found.keys()


def sentences_in_html(path: Path) -> list[tuple[str, str]]:
    """Check and sentence of each line of the page's list of what is wrong."""
    lines = re.findall(r'<li><span class="chip.*?<a href="#[^"]+">([^<]+)</a> ([^<]+)', path.read_text("utf-8"))
    return [(check, html.unescape(sentence).strip()) for check, sentence in lines]


RISK = re.compile(
    r'<li>\s*<p><span class="chip \w+">.*?</span> (\w+)</span> <b>([^<]+)</b> <span class="soft id">([^<]+)</span></p>'
    r'\s*<p class="line">([\d,]+) causes?:.*?</p>\s*<p class="line">(Overdue since|Due by) <b>([^<]+)</b>',
    re.DOTALL,
)
LEFT = re.compile(r"Besides these, causes of other checks: ([^<]+)\.</p>")


def risks_in_executive(path: Path) -> list[tuple[str, str, int, str]]:
    """Severity, check, causes and the first day by which one is due, of each risk."""
    text = path.read_text("utf-8")
    return [(severity, check, whole(many), due) for severity, _, check, many, _, due in RISK.findall(text)]


def sizes_of(audit: Audit, keys: list[str]) -> list[tuple[str, int, int | None]]:
    """For each check that fails: how many findings fail, and of how many that apply, counted by hand; None where the
    objects are not all known."""
    applies = audit.findings[audit.findings["status"] != "NOT_APPLICABLE"]
    failing = applies[applies["status"] == "FAIL"].groupby(keys).size()
    unknown = audit.results.coverage.groupby(keys)["population"].agg(lambda values: values.isna().any())
    judged = applies.groupby(keys).size()
    return [
        (key[0] if isinstance(key, tuple) else key, many, None if unknown[key] else int(judged[key]))
        for key, many in failing.items()
    ]


def size_in(sentence: str) -> tuple[int, int | None]:
    """How many fail of how many, as a sentence has it: `The repository …` is one of one."""
    found = re.search(r"([\d,]+) of (an unknown number|[\d,]+)", sentence)
    if found is None:
        assert sentence.startswith("The ")
        return 1, 1
    return whole(found[1]), None if found[2] == "an unknown number" else whole(found[2])


@pytest.mark.parametrize("estate", ESTATES)
def test_what_is_wrong_has_the_numbers_of_the_findings(estate: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    audit, page = audit_called(estate), artefact(tmp_path_factory, ESTATES[estate], "html")
    told = sorted((check, *size_in(sentence)) for check, sentence in sentences_in_html(page))
    assert told == sorted(sizes_of(audit, ["check_id", "server"]))


@pytest.mark.parametrize("estate", ESTATES)
def test_the_risks_count_no_more_causes_than_there_are(estate: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    audit, path = audit_called(estate), artefact(tmp_path_factory, ESTATES[estate], "executive")
    risks, causes = risks_in_executive(path), audit.causes
    by_check = causes.groupby(["severity", "check_id"])
    firsts = {key: day(dt.date.fromisoformat(rows["due"].min())) for key, rows in by_check}
    assert len(risks) == min(len(firsts), MOST_RISKS)
    for severity, check, many, due in risks:
        assert (many, due) == (len(by_check.get_group((severity, check))), firsts[severity, check])
    left = LEFT.search(path.read_text("utf-8"))
    total = Counter(dict.fromkeys(SEVERITIES, 0))
    total.update({word: whole(many) for many, word in re.findall(r"([\d,]*\d) (\w+)", left[1] if left else "")})
    for severity, _, many, _ in risks:
        total[severity] += many
    assert total == Counter(full(causes["severity"].value_counts().to_dict(), SEVERITIES))


def test_the_numbers_of_the_summary_are_those_of_the_findings() -> None:
    for estate in ESTATES:
        audit = audit_called(estate)
        numbers = in_python(audit)
        assert dict(audit.summary.counts) == numbers["statuses"]
        assert dict(audit.summary.failing_by_severity) == numbers["severities"]
        for status in STATUSES:
            assert sum(counts[status] for counts in numbers["areas"].values()) == numbers["statuses"][status]


def test_the_estates_differ_in_what_could_be_read() -> None:
    demo, incomplete, nothing = (audit_called(estate) for estate in ESTATES)
    assert not demo.results.incomplete
    assert incomplete.results.incomplete
    assert nothing.summary.jobs_in_scope == 0
    assert nothing.summary.success_rate is None
    assert 0 < (incomplete.summary.assessed or 0) < (demo.summary.assessed or 0)


def in_pdf(path: Path) -> Numbers:
    command = ["pdftotext", "-raw", str(path), "-"]
    text = " ".join(subprocess.run(command, capture_output=True, check=True).stdout.decode().split())

    def one(pattern: str) -> tuple[str, ...]:
        found = re.search(pattern, text)
        assert found is not None, pattern
        return found.groups()

    statuses = one(r"Findings by status Status Findings((?: \S \w+(?: \w+)? [\d,]+)+)")[0]
    severities = one(r"Failing findings by severity Severity Failing((?:(?: \S)? \w+ [\d,]+)+)")[0]
    compliance, good, judged, assessed = one(
        r"([\d.]+ %|not known) compliant: ([\d,]+) of ([\d,]+) answers are good, ([\d.]+ %|not known) assessed"
    )
    counts = {status_of(word): whole(count) for word, count in re.findall(r" \S ([a-z ]+) ([\d,]+)", statuses)}
    assert whole(good) == counts["PASS"]
    assert whole(judged) == sum(counts.values()) - counts["NOT_APPLICABLE"]
    return {
        "statuses": counts,
        "severities": {word: whole(count) for word, count in re.findall(r"(\w+) ([\d,]+)", severities)},
        "compliance": compliance,
        "assessed": assessed,
        "jobs": one(r"([\d,]+) jobs in scope")[0],
        "success": one(r"([\d.]+ %|not known) success rate by run, of")[0],
        "needed": one(r"(\d+ of \d+) datasets that the checks need")[0],
        "checks": ": ".join(one(r"([\d.]+ %|not known) of checks without an open finding: ([\d,]+ of [\d,]+)")),
        "causes": whole(one(r"([\d,]+) causes? of [\d,]+ failing finding")[0]),
        "at risk": one(r"([\d,]+|not known) jobs? at risk")[0],
        "rating": one(r"Rating (not rated|[A-E](?: at best)?):")[0],
    }


@pytest.mark.slow
@pytest.mark.parametrize("estate", ["nothing", "incomplete"])
def test_paper_tells_the_same_numbers(estate: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("weasyprint")
    audit = estates.in_short(audit_called(estate))
    if estate == "nothing":
        paper = printed_run(tmp_path_factory) / "report.pdf"
    else:
        paper = estates.write_all(audit, tmp_path, ("pdf",))["pdf"]
    found = in_pdf(paper)
    assert found.keys() == HEADLINES - {"areas"}
    assert found == {key: in_python(audit)[key] for key in found}
