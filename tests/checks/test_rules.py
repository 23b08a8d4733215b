"""YAML rules: what each operator answers, what they refuse at load, and that missing values never pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from vbr_audit.checks.engine.examples import run_example
from vbr_audit.checks.engine.outcome import Example
from vbr_audit.checks.logic.operators import OPERATORS, safe_pattern
from vbr_audit.checks.own.own_checks import known_checks
from vbr_audit.checks.own.rules import load_rules
from vbr_audit.checks.run import run_checks
from vbr_audit.config.yaml_file import YamlFile
from vbr_audit.errors import RuleError
from vbr_audit.tables.build.arrays import STRING

NOW = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC)
RULE = """version: 1
rules:
  - id: ACME-010
    title: A good state
    severity: medium
    table: jobs
    {subject}
    rationale: It matters.
    remediation: "Do: this."
"""


def rules_of(subject: str) -> list[Any]:
    return list(load_rules(YamlFile("acme.yaml", RULE.replace("{subject}", subject.replace("; ", "\n    ")))))


TEXTS = pd.Series(["SQL-1", "files", pd.NA], dtype=STRING)
NUMBERS = pd.Series([4, 5, pd.NA], dtype="Int64")
DATES = pd.Series([NOW - dt.timedelta(days=7), NOW - dt.timedelta(days=7, seconds=1), pd.NaT]).astype(
    "datetime64[us, UTC]"
)


@pytest.mark.parametrize(
    ("op", "values", "value", "answer"),
    [
        ("eq", TEXTS, "files", [False, True, None]),
        ("ne", TEXTS, "files", [True, False, None]),
        ("gt", NUMBERS, 4, [False, True, None]),
        ("ge", NUMBERS, 5, [False, True, None]),
        ("lt", NUMBERS, 5, [True, False, None]),
        ("le", NUMBERS, 4, [True, False, None]),
        ("in", TEXTS, ["files"], [False, True, None]),
        ("not_in", TEXTS, ["files"], [True, False, None]),
        ("regex", TEXTS, r"SQL-\d", [True, False, None]),
        ("regex", TEXTS, "SQL", [False, False, None]),
        ("glob", TEXTS, "SQL*", [True, False, None]),
        ("contains", TEXTS, "L-", [True, False, None]),
        ("age_days", DATES, 7, [True, False, None]),
        ("exists", TEXTS, None, [True, True, False]),
    ],
)
def test_what_an_operator_answers(op: str, values: pd.Series, value: Any, answer: list[bool | None]) -> None:
    found = OPERATORS[op].answer(values, value, NOW)
    assert found.dtype == pd.BooleanDtype()
    assert [None if cell is pd.NA else bool(cell) for cell in found] == answer


def test_a_text_that_is_too_long_for_a_pattern_is_not_known() -> None:
    assert OPERATORS["regex"].answer(pd.Series(["a" * 501], dtype=STRING), "a+", NOW).isna().all()


@pytest.mark.parametrize("pattern", ["(a+)+", "(a|a)*b", "((a+)b)*", ".*.*.*.*", "([", "x" * 201, "(?:a{2,}){3}"])
def test_a_pattern_that_may_run_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|repe|regular expression"):
        safe_pattern(pattern)


@pytest.mark.parametrize("pattern", ["[A-Z]{2,3}-\\d+", "(SQL|FILE)-.*", "(?:ab)+c", r"\(a+\)+", "[(+*]+"])
def test_an_ordinary_pattern_is_accepted(pattern: str) -> None:
    assert safe_pattern(pattern) == pattern


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        (
            "column: nmae; op: eq; value: x",
            "acme.yaml:7: rules[0].column: jobs has no column nmae; did you mean 'name'?",
        ),
        ("control: retry_cout; op: ge; value: 1", "no such setting: retry_cout; did you mean 'retry_count'?"),
        ("column: name; op: gt; value: 1", "gt does not fit name, which is text"),
        ("column: name; op: equals; value: x", "no such operator: equals"),
        ("control: retry_count; op: ge; value: three", "rules[0].value: expected a whole number"),
        ("control: retry_count; op: ge", "rules[0].value: is required"),
        ("column: name; op: exists; value: true", "exists takes no value"),
        ("column: name; op: regex; value: '(a+)+'", "a repeated group may not hold"),
        ("column: name; op: in; value: []", "must not be empty"),
        ("column: name; control: name; op: exists", "needs exactly one of column and control"),
        ("column: name; op: eq; value: x; expected: '{value.__class__}'", "only {value} may stand in braces"),
        ("column: name; op: eq; value: x; where: [{column: type, op: exists}]", "exists cannot narrow a rule"),
        ("column: name; op: eq; value: x; wher: []", "unknown key"),
    ],
)
def test_a_wrong_rule_names_file_line_and_key(subject: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        rules_of(subject)
    assert message in caught.value.message
    assert caught.value.message.startswith("acme.yaml:")


def test_a_rule_runs_like_a_check(tmp_path: Path, snapshot_of: Callable[..., Any], job: Callable[..., Any]) -> None:
    subject = "control: retry_count; op: ge; value: 3; where: [{column: type, op: eq, value: VSphereBackup}]"
    text = RULE.replace("{subject}", subject.replace("; ", "\n    "))
    (tmp_path / "acme.yaml").write_text(text, "utf-8")
    policy = known_checks(tmp_path).policy(
        'version: 1\nchecks:\n  "*": {enabled: false, reason: x}\n  ACME-010: {enabled: true}\n'
    )
    rows = [
        job("good", retry_count=3),
        job("bad", retry_count=2),
        job("open"),
        job("other", type="FileBackup", settings_profile="1.3-rev1/FileBackup", retry_count=1),
        job("nameless", type=None, retry_count=5),
    ]
    results = run_checks(snapshot_of(jobs=rows), policy).results.set_index("object_name")
    expected = {"good": "PASS", "bad": "FAIL", "open": "UNKNOWN", "other": "NOT_APPLICABLE", "nameless": "UNKNOWN"}
    assert results["result"].to_dict() == expected
    assert (results.loc["bad", "observed"], results.loc["bad", "expected"]) == ("2", "at least 3")
    assert results.loc["bad", "json_path"] == "schedule.retry.retryCount"
    assert "only about objects with type eq VSphereBackup" in results.loc["other", "reason"]
    assert results.loc["open", "reason"]


def test_a_rule_about_an_object_of_many_rows_cannot_be_answered_from_a_part() -> None:
    subject = "column: points_count; op: ge; value: 1"
    text = RULE.replace("table: jobs", "table: protected_objects").replace("{subject}", subject.replace("; ", "\n    "))
    (made,) = load_rules(YamlFile("acme.yaml", text))
    example = Example("UNKNOWN", {"name": "a", "points_count": 3}, datasets={"backup_objects": "partial"})
    assert run_example(made, example).result.tolist() == ["UNKNOWN"]
    whole = Example("PASS", {"name": "a", "points_count": 3})
    assert run_example(made, whole).result.tolist() == ["PASS"]


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (("ACME-010", "ACME-010"), "acme.yaml:11: rules[1].id: the id ACME-010 appears twice"),
        (("ACME-010", "JOB-001"), "acme.yaml:11: rules[1].id: JOB-001 is the id of a shipped check"),
    ],
)
def test_an_id_that_is_taken_is_named_with_its_line(ids: tuple[str, str], told: str) -> None:
    text = RULE.replace("    {subject}", "    column: name\n    op: exists").replace("ACME-010", ids[0])
    rule = text.split("rules:\n")[1]
    with pytest.raises(RuleError) as caught:
        load_rules(YamlFile("acme.yaml", text + rule.replace(ids[0], ids[1])))
    assert caught.value.message == told


def test_a_rule_may_say_what_is_wrong_and_its_phrase_is_checked_at_its_line() -> None:
    text = RULE.replace("{subject}", "column: retry_count\n    op: ge\n    value: 3\n    failure: PHRASE")
    (made,) = load_rules(YamlFile("acme.yaml", text.replace("PHRASE", '"{has} fewer than {value} retries"')))
    assert made.failure_example == "2 of 9 jobs have fewer than 3 retries"
    with pytest.raises(RuleError) as caught:
        load_rules(YamlFile("acme.yaml", text.replace("PHRASE", '"{has} fewer than {limit} retries"')))
    assert caught.value.message.startswith("acme.yaml:3: rules[0]: ACME-010: its failure phrase names {limit}; it may")
