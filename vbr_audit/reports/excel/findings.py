"""The sheets of what was found: findings, causes, requirements, the whole population, checks, exceptions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.derived import left_objects
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.collection.run_folder import EVIDENCE, evidence_names
from vbr_audit.reports.causes import due_rule
from vbr_audit.reports.excel.data import columns_of
from vbr_audit.reports.excel.estate import estate_plans
from vbr_audit.reports.review import NOTE_HEADER, REVIEWER_STATUSES, STATUS_HEADER
from vbr_audit.spreadsheet.sheet import DAY_FORMAT, SheetColumn, SheetPlan
from vbr_audit.tables.build.arrays import STRING, strings_of

if TYPE_CHECKING:
    from vbr_audit.reports.context import ReportContext

RESULTS_TAB: Final = "1F3A5F"
"""The colour of the tabs of results."""
NOT_GOOD: Final = ("FAIL", "ERROR", "UNKNOWN", "WAIVED")
"""The statuses of the sheet Findings: what somebody has to look at."""

FINDINGS_FIRST: Final = (
    *("status", "severity", "check_id", "title", "server", "object_name", "observed", "expected"),
    *("reason", "remediation"),
)
_CAUSES_FIRST: Final = (
    *("urgency", "severity", "due", "overdue", "owner", "consequence", "check_id", "server", "name", "kind"),
    *("findings", "objects", "remediation", "open_since", "object_names"),
)
_CONTROLS_FIRST: Final = ("framework", "requirement", "title", "answer", "why")
_DAY_ZERO: Final = dt.date(1899, 12, 30).toordinal()

FINDING_HELP: Final[Mapping[str, str]] = {
    "finding_id": "Names the finding from run to run: a hash of server, check and object ID.",
    "server": "The server, by its name in this run.",
    "check_id": "The check; see the sheet Checks as configured.",
    "title": "The good state that the check asks for.",
    "area": "The area that the check belongs to.",
    "severity": "How much it matters if the state is not good: critical, high, medium, low or info.",
    "object_type": "What kind of object was judged.",
    "object_id": "The object's ID on its server, or what else identifies it.",
    "object_name": "The object's name.",
    "status": "FAIL, ERROR, UNKNOWN, WAIVED, PASS or NOT_APPLICABLE; the sheet Summary says what each means.",
    "result": "What the check answered, before waivers.",
    "observed": "What the data show.",
    "expected": "What the check asks for, with the parameters of this run.",
    "json_path": "Where the observed value is in the server's answer.",
    "reason": "Why the answer is what it is, where it is not plain.",
    "remediation": "What to do about it.",
    "waiver_id": "The waiver at work; see the sheet Exceptions.",
    "waiver_owner": "Who accepted it.",
    "waiver_expires": "The waiver's last day, in UTC.",
    "cause": "Names what has to be changed: findings of one cause share it.",
    "cause_kind": "What kind of thing that is: job, repository, server setting, machine and so on.",
    "cause_key": "Its ID on its server, or what else identifies it.",
    "cause_name": "Its name.",
    "rule": "A digest of the parameters in force for the object, by which runs are compared.",
    "first_seen": "The first run in which it failed or was accepted; empty where no earlier run is at hand.",
    "change": "What became of it since it was last looked at; empty where no earlier run is at hand.",
    "job_name": "The job that the object is, belongs to or is written by; of several the first and how many more.",
    "repository_name": "The repository that the object is, or is stored in; of several the first and how many more.",
    "evidence_file": "The file of the run folder with the page that holds the object's document; empty for none.",
    "evidence_entry": "The entry of that file: one page of answers as it was received.",
    "evidence_row": "The place of the document in the list of that page, from 0; empty where the page is one document.",
    "evidence_sha256": "The SHA-256 of that page.",
    "evidence": "The file of the run folder with the server's answers, and the datasets in it that the check looks at.",
}
_ASKED_HELP: Final = {
    name: f"{FINDING_HELP[name]} Empty for PASS and NOT_APPLICABLE; findings.csv has it for every row."
    for name in ("remediation", "cause", "cause_kind", "cause_key", "cause_name")
}
"""What is about those findings only that somebody has to act on."""
_REVIEW_HELP: Final = {
    STATUS_HEADER: "For the reviewer, from the list in each cell; the option --review carries it over to a later run.",
    NOTE_HEADER: "For the reviewer: free text, carried over with the status. Neither changes a finding's status.",
}
_COUNT_HELP: Final[Mapping[str, str]] = {
    "population": "The objects that were judged.",
    "pass": "Findings with the status PASS.",
    "fail": "Findings with the status FAIL.",
    "waived": "Findings with the status WAIVED.",
    "unknown": "Findings with the status UNKNOWN.",
    "error": "Findings with the status ERROR.",
    "not_applicable": "Findings with the status NOT_APPLICABLE.",
}
_COVERAGE_HELP: Final[Mapping[str, str]] = {
    **_COUNT_HELP,
    "server": "The server.",
    "check_id": "The check.",
    "title": "The good state that the check asks for.",
    "area": "The area that the check belongs to.",
    "severity": "The severity in force for objects without an override; Worst severity is what its findings have.",
    "whole": "Whether all objects could be read: FALSE means that there may be more.",
    "reason": "Why the population is not whole, or not known.",
    "worst_severity": "The worst severity of its failing findings; empty where none fails.",
    "meaning": "The meaning of the check: it grows when its logic changes.",
}
_CAUSES_HELP: Final[Mapping[str, str]] = {
    "cause": "Names the cause; the findings of the sheet Findings with the same one are those that it would settle.",
    "server": "The server.",
    "check_id": "The check.",
    "title": "The good state that the check asks for.",
    "failure": "What is wrong there.",
    "consequence": "What may come of it, and what is wrong there.",
    "kind": "What kind of thing has to be changed: job, repository, server setting, machine and so on.",
    "name": "The name of that thing.",
    "severity": "The worst severity that one of its failing findings has.",
    "findings": "How many failing findings it would settle.",
    "objects": "How many objects those are about.",
    "object_names": "The first of these objects.",
    "urgency": "When to deal with it: today for critical, this month for high, later for the rest.",
    "open_since": "Since when the first of its findings has been failing, in UTC; empty without an earlier run.",
    "due": f"The last day to deal with it: {due_rule()}.",
    "overdue": "Whether that day was over when the run was read.",
    "owner": "Who owns its machines by the asset list of the site file; empty where that names nobody.",
    "remediation": "What to do.",
}
_CONTROLS_HELP: Final[Mapping[str, str]] = {
    **_COUNT_HELP,
    "framework": "The standard or law.",
    "edition": "Its edition.",
    "requirement": "Its number of the requirement.",
    "title": "What the requirement is about, in our words.",
    "judgement": "Whether the checks were mapped to it by reading its text, or by judgement.",
    "checks": "The checks that give evidence for it.",
    "answer": "supports, exception, exception accepted, or insufficient evidence. The auditor concludes, not the tool.",
    "why": "What the answer rests on.",
}
_EXCEPTION_HELP: Final[Mapping[str, str]] = {
    "kind": "A waiver of this run, or a finding that was suppressed in the Security & Compliance Analyzer itself.",
    "state": "in force, ends within 30 days, fits nothing (no finding is of its check and object), expired or too long "
    "(both accept nothing), or suppressed.",
    "id": "The waiver's ID, or that of the analyzer's item.",
    "findings_matched": "Findings that it is laid over in this run.",
    "findings_accepted": "Those of them whose status it makes WAIVED.",
    "check": "The check, or checks, that it is about.",
    "server": "The server that it is about; empty for every one.",
    "object": "The object, by ID or by name; * and ? stand for other characters.",
    "covers": "Which results it accepts.",
    "owner": "Who owns the risk.",
    "approved_by": "Who approved it.",
    "reason": "Why it is accepted.",
    "ticket": "The ticket.",
    "created": "The day on which it was made.",
    "expires": "Its last day, in UTC.",
}


def result_plans(context: ReportContext, findings: pd.DataFrame, footer: str) -> Iterator[SheetPlan]:
    """What to look at first: findings, causes, objects and repositories, requirements, what former objects left.

    `findings` are those of `findings_with_evidence`, as for `check_plans`.
    """
    zone = context.zone_name
    columns = _review_columns(context, findings)
    yield _plan("Findings", "tblFindings", columns, 3, footer, _FINDINGS_ROW)
    causes = columns_of(
        context.results.causes, zone, first=_CAUSES_FIRST, helps=_CAUSES_HELP, source="findings", counts=True
    )
    yield _plan("Causes", "tblCauses", with_days(causes, ("Due",)), 2, footer, _CAUSES_ROW)
    yield from estate_plans(context, footer)
    controls = columns_of(
        context.results.requirements, zone, first=_CONTROLS_FIRST, helps=_CONTROLS_HELP, source="findings", counts=True
    )
    yield _plan("Controls", "tblControls", controls, 3, footer, "One row per requirement of a framework.")
    if len(context.results.left):
        left = columns_of(context.results.left, zone, spec=left_objects.SPEC, source=_PROTECTED)
        yield SheetPlan(
            "No longer backed up", "tblLeft", left, 2, footer, help="One row per server and reason.", tab=RESULTS_TAB
        )


def check_plans(context: ReportContext, findings: pd.DataFrame, footer: str) -> Iterator[SheetPlan]:
    """All findings with any status, and how each check went."""
    zone = context.zone_name
    every = columns_of(
        _without_unasked_causes(findings),
        zone,
        first=FINDINGS_FIRST,
        helps={**FINDING_HELP, **_ASKED_HELP},
        source="findings",
    )
    yield SheetPlan(
        "Check results",
        "tblCheckResults",
        with_days(every),
        3,
        footer,
        widest=50,
        help=_RESULTS_ROW,
        tab=RESULTS_TAB,
    )
    coverage = columns_of(
        context.results.coverage,
        zone,
        first=("check_id", "worst_severity", "title", "server"),
        helps=_COVERAGE_HELP,
        source="coverage",
        counts=True,
    )
    yield _plan(
        "Check coverage", "tblCheckCoverage", coverage, 2, footer, "One row per server and check: its population."
    )


_PROTECTED: Final = "made of restore points, backups, jobs and repositories"
_CAUSES_ROW: Final = "One row per cause of failing findings, which is one thing that somebody can do, the worst first."
_FINDINGS_ROW: Final = (
    f"One row per finding with the status {', '.join(NOT_GOOD[:-1])} or {NOT_GOOD[-1]}, or with a reviewer's remark."
)
_RESULTS_ROW: Final = "One row per server, check and object, with any status: the whole population."


def _plan(
    name: str, table: str, columns: tuple[SheetColumn, ...], frozen: int, footer: str, row_help: str
) -> SheetPlan:
    return SheetPlan(name, table, columns, frozen, footer, wrap=True, help=row_help, tab=RESULTS_TAB)


def findings_with_evidence(context: ReportContext) -> pd.DataFrame:
    """The findings with `evidence`, a pointer to the answers that each rests on."""
    findings = context.results.findings
    kept = () if context.manifest.is_scrubbed else context.manifest.servers
    files = evidence_names(server.name for server in kept)
    datasets = {use.check.id: ", ".join(sorted(use.check.datasets)) for use in context.results.uses}
    servers, checks = codes_of(findings["server"]), codes_of(findings["check_id"])
    pairs, first = pd.factorize(servers.rows * len(checks.texts) + checks.rows)
    pointers = []
    for pair in first.tolist():
        server, check = divmod(pair, len(checks.texts))
        file, names = files.get(servers.texts[server]), datasets.get(checks.texts[check])
        pointers.append(f"{EVIDENCE}/{file}: {names}" if file and names else "manifest.json")
    return findings.assign(evidence=strings_of(np.array(pointers, dtype=object)[pairs]))


def _without_unasked_causes(findings: pd.DataFrame) -> pd.DataFrame:
    """The findings without cause and remediation where nothing is to be done: in most rows, a tenth of the workbook."""
    to_do = ~findings["status"].isin(["PASS", "NOT_APPLICABLE"])
    return findings.assign(**{name: findings[name].where(to_do) for name in _ASKED_HELP})


def _review_columns(context: ReportContext, findings: pd.DataFrame) -> tuple[SheetColumn, ...]:
    """The findings that somebody has to look at, or looked at, with the columns for the reviewer."""
    remarks = context.review.remarks
    chosen = findings["status"].isin(NOT_GOOD) | findings["finding_id"].isin(list(remarks))
    shown = findings[chosen.to_numpy(dtype=bool, na_value=False)].reset_index(drop=True)
    given = [remarks.get(str(name)) for name in shown["finding_id"].tolist()]
    columns = with_days(
        columns_of(shown, context.zone_name, first=FINDINGS_FIRST, helps=FINDING_HELP, source="findings")
    )
    review = (
        SheetColumn(
            STATUS_HEADER,
            pd.Series([remark.status if remark else None for remark in given], index=shown.index, dtype=STRING),
            coloured=True,
            help=_REVIEW_HELP[STATUS_HEADER],
            source="the reviewer",
            choices=REVIEWER_STATUSES,
        ),
        SheetColumn(
            NOTE_HEADER,
            pd.Series([remark.note if remark else None for remark in given], index=shown.index, dtype=STRING),
            help=_REVIEW_HELP[NOTE_HEADER],
            source="the reviewer",
            width=38,
        ),
    )
    at = len(FINDINGS_FIRST)
    return (*columns[:at], *review, *columns[at:])


def with_days(
    columns: Iterable[SheetColumn], headers: tuple[str, ...] = ("Waiver expires",)
) -> tuple[SheetColumn, ...]:
    """The columns, with those called `headers` as days of the calendar instead of texts such as `2027-01-31`."""
    return tuple(
        SheetColumn(
            column.header, _days(column.values), help=column.help, source=column.source, number_format=DAY_FORMAT
        )
        if column.header in headers
        else column
        for column in columns
    )


def _days(texts: pd.Series) -> pd.Series:
    days = {text: dt.date.fromisoformat(str(text)).toordinal() - _DAY_ZERO for text in texts.dropna().unique()}
    return texts.map(days).astype("Int64")


def exceptions_plan(context: ReportContext, footer: str) -> SheetPlan:
    """The register of exceptions: waivers with what became of them, then what the analyzer suppresses itself."""
    rows = [*_waiver_rows(context), *_suppressed_rows(context)]
    names = list(_EXCEPTION_HELP)
    frame = pd.DataFrame(
        {
            name: pd.array([row.get(name) for row in rows], dtype="Int64" if name.startswith("findings_") else STRING)
            for name in names
        }
    )
    columns = columns_of(frame, context.zone_name, helps=_EXCEPTION_HELP, source="waivers, best_practices")
    return _plan(
        "Exceptions",
        "tblExceptions",
        with_days(columns, ("Created", "Expires")),
        3,
        footer,
        "One row per waiver, then one per item that is suppressed in the Security & Compliance Analyzer.",
    )


def _waiver_rows(context: ReportContext) -> Iterator[dict[str, Any]]:
    for outcome in context.results.waivers.outcomes:
        waiver = outcome.waiver
        yield {
            **waiver.model_dump(mode="json"),
            "kind": "waiver",
            "state": str(outcome.state),
            "object": waiver.object_id or waiver.object_name,
            "covers": ", ".join(waiver.covers),
            "findings_matched": outcome.matched,
            "findings_accepted": outcome.accepted,
        }


def _suppressed_rows(context: ReportContext) -> Iterator[dict[str, Any]]:
    findings = context.results.findings
    waived = findings[(findings["status"].eq("WAIVED") & findings["waiver_id"].isna()).to_numpy(dtype=bool)]
    numbers = waived.groupby(["server", "object_id"]).size()
    items = context.snapshot.tables["best_practices"]
    for item in items[items["status"].eq("Suppressed").to_numpy(dtype=bool, na_value=False)].itertuples(index=False):
        number = int(numbers.get((item.server, item.best_practice_id), 0))
        yield {
            "kind": "suppressed in the analyzer",
            "state": "suppressed",
            "id": item.best_practice_id,
            "findings_matched": number,
            "findings_accepted": number,
            "server": item.server,
            "object": item.best_practice,
            "reason": item.note,
        }
