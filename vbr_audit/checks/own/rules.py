"""Own checks without code: YAML rules that compare one column of a table, made into checks like all others.

Nothing in a rule is evaluated: an operator is one of `vbr_audit.checks.logic.operators`, a value is a plain value.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, create_model, model_validator

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.objects import OBJECTS
from vbr_audit.checks.engine.outcome import Outcome
from vbr_audit.checks.engine.registry import Check, check
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.checks.logic.operators import OPERATORS, Operator, fitting_operators, value_type
from vbr_audit.checks.logic.three_valued import surely_not, worded
from vbr_audit.config.yaml_file import (
    KeyPath,
    Problem,
    Version,
    YamlFile,
    load_yaml,
    model_problems,
    raise_problems,
    shown,
    suggestion,
)
from vbr_audit.errors import CheckError, RuleError
from vbr_audit.tables.build.arrays import are_missing
from vbr_audit.tables.jobs.control_list import CONTROLS
from vbr_audit.vocabulary import Severity

_HINT = "Correct the rule file; docs/own-checks.md describes its keys and operators."

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Condition(BaseModel):
    """One comparison: a column, or a setting of jobs by its canonical name, an operator and a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    column: Text | None = None
    control: Text | None = None
    op: Text
    value: Any = None

    @model_validator(mode="after")
    def _one_subject(self) -> Condition:
        if (self.column is None) == (self.control is None):
            raise ValueError("needs exactly one of column and control")
        return self

    @property
    def subject(self) -> str:
        """The column that is looked at."""
        return self.column or self.control or ""


class Rule(Condition):
    """One rule: the condition that is the good state, `where` for the objects that it is about, and its words."""

    id: Text
    title: Text
    severity: Severity
    table: Text
    where: tuple[Condition, ...] = Field(default=())
    rationale: Text
    remediation: Text
    expected: Text | None = None
    failure: Text | None = None
    consequence: Text | None = None


class RuleDocument(BaseModel):
    """The shape of a rule file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Version
    rules: tuple[Rule, ...]


def load_rules(file: YamlFile) -> tuple[Check, ...]:
    """A check for every rule of `file`.

    Raises `RuleError`, whose message names file, line and key of everything that is wrong.
    """
    document = load_yaml(file, RuleDocument, error=RuleError, hint=_HINT, inspect=_inspect)
    checks = []
    for number, rule in enumerate(document.rules):
        try:
            checks.append(_declared(rule))
        except CheckError as fault:
            raise_problems(file, [Problem(("rules", number), fault.message)], error=RuleError, hint=_HINT)
    return tuple(checks)


def _inspect(content: Any) -> Iterator[Problem]:
    """Tables, columns, operators and values that do not exist or do not fit each other."""
    rows = content.get("rules") if isinstance(content, dict) else None
    ids: set[str] = set()
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        if not isinstance(row, dict):
            continue
        at: KeyPath = ("rules", number)
        yield from _id_problems(row.get("id"), ids, at)
        table = row.get("table")
        if not isinstance(table, str):
            continue
        if table not in OBJECTS:
            yield Problem((*at, "table"), f"no table of objects is called {table}" + suggestion(table, OBJECTS))
            continue
        yield from _condition_problems(row, table, at)
        yield from _words_problems(row, at)
        conditions = row.get("where")
        for place, condition in enumerate(conditions if isinstance(conditions, list) else []):
            if isinstance(condition, dict):
                where = (*at, "where", place)
                yield from _condition_problems(condition, table, where)
                if condition.get("op") == "exists":
                    yield Problem((*where, "op"), "exists cannot narrow a rule: what is not known would go unjudged")


def _id_problems(rule_id: Any, ids: set[str], at: KeyPath) -> Iterator[Problem]:
    """An id that is taken; each new one goes to `ids`."""
    name = rule_id.strip() if isinstance(rule_id, str) else ""
    if name in REGISTRY:
        yield Problem((*at, "id"), f"{name} is the id of a shipped check")
    if name and name in ids:
        yield Problem((*at, "id"), f"the id {name} appears twice")
    ids.add(name)


def _condition_problems(row: Mapping[str, Any], table: str, at: KeyPath) -> Iterator[Problem]:
    key = "control" if "control" in row else "column"
    name, op = row.get(key), row.get("op")
    if not isinstance(name, str):
        return
    dtypes = {column.name: column.dtype for column in TABLES[table].columns}
    if key == "control" and (table != "jobs" or name not in CONTROLS):
        near = suggestion(name, CONTROLS) if table == "jobs" else "; only the table jobs has them"
        yield Problem((*at, key), f"no such setting: {name}{near}")
        return
    if name not in dtypes:
        yield Problem((*at, key), f"{table} has no column {name}" + suggestion(name, dtypes))
        return
    if not isinstance(op, str):
        return
    if op not in OPERATORS:
        near = suggestion(op, OPERATORS) or f"; known: {', '.join(OPERATORS)}"
        yield Problem((*at, "op"), f"no such operator: {op}{near}")
        return
    dtype = dtypes[name]
    if dtype not in OPERATORS[op].dtypes:
        known = fitting_operators(dtype)
        near = suggestion(op, known) or f"; known: {', '.join(known)}"
        yield Problem((*at, "op"), f"{op} does not fit {name}, which is {_kind(dtype)}{near}")
        return
    yield from _value_problems(row, OPERATORS[op], dtype, at)


def _value_problems(row: Mapping[str, Any], operator: Operator, dtype: str, at: KeyPath) -> Iterator[Problem]:
    if not operator.takes_value:
        if "value" in row:
            yield Problem((*at, "value"), f"{operator.name} takes no value")
        return
    if "value" not in row:
        yield Problem((*at, "value"), "is required")
        return
    yield from model_problems(_value_model(operator, dtype), {"value": row["value"]}, at=at)


def _words_problems(row: Mapping[str, Any], at: KeyPath) -> Iterator[Problem]:
    """In `expected` the value may stand in braces, and nothing else."""
    expected = row.get("expected")
    if isinstance(expected, str) and re.search(r"[{}]", expected.replace("{value}", "")):
        yield Problem((*at, "expected"), f"only {{value}} may stand in braces, got {shown(expected)}")


def _value_model(operator: Operator, dtype: str) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, allow_inf_nan=False)
    fields: dict[str, Any] = {"value": (value_type(operator, dtype), ...)}
    return create_model("value", __config__=config, **fields)


def _kind(dtype: str) -> str:
    words = {"string": "text", "Int64": "a whole number", "Float64": "a number", "boolean": "yes or no"}
    return words.get(dtype, "a date")


def _declared(rule: Rule) -> Check:
    """The check of one rule; raises `CheckError`."""
    columns = list(dict.fromkeys([rule.subject, *(condition.subject for condition in rule.where)]))
    operator = OPERATORS[rule.op]
    expected = rule.expected or operator.words
    if not operator.takes_value:
        expected = expected.replace("{value}", "a value")
    return check(
        rule.id,
        rule.title,
        severity=rule.severity,
        table=rule.table,
        reads=columns,
        expected=expected,
        failure=rule.failure,
        consequence=rule.consequence,
        remediation=rule.remediation,
    )(_function_of(rule))


def _function_of(rule: Rule) -> Any:
    """The pure function of a rule; its `value` is a parameter, so that a policy can set another."""
    operator = OPERATORS[rule.op]
    dtypes = {column.name: column.dtype for column in TABLES[rule.table].columns}
    narrowing = [(condition, OPERATORS[condition.op], _taken_value(condition, dtypes)) for condition in rule.where]

    def judge(frame: pd.DataFrame, **given: Any) -> Outcome:
        now, value = given["now"], given.get("value")
        ok = operator.answer(frame[rule.subject], value, now)
        missing = np.full(len(frame), not operator.takes_value, dtype=bool) & are_missing(frame[rule.subject])
        observed = worded(frame.index, (missing, "not known"))
        if not narrowing:
            return Outcome(ok, observed=observed)
        applies = pd.Series(True, index=frame.index, dtype="boolean")
        for condition, narrow, wanted in narrowing:
            applies &= narrow.answer(frame[condition.subject], wanted, now)
        outside = worded(frame.index, (surely_not(applies), _outside(rule)))
        return Outcome(ok, observed=observed, applies=applies, reason=outside)

    keyword = inspect.Parameter.KEYWORD_ONLY
    arguments = [inspect.Parameter("frame", inspect.Parameter.POSITIONAL_ONLY)]
    judge.__annotations__ = {}
    if operator.takes_value:
        kind = value_type(operator, dtypes[rule.subject])
        default = _taken_value(rule, dtypes)
        arguments.append(inspect.Parameter("value", keyword, default=default))
        judge.__annotations__ = {"value": Annotated[kind, Field(description=f"what {rule.subject} is compared with")]}
    arguments.append(inspect.Parameter("now", keyword))
    judge.__signature__ = inspect.Signature(arguments)  # type: ignore[attr-defined]
    judge.__doc__, judge.__name__, judge.__qualname__ = rule.rationale, rule.id, rule.id
    return judge


def _taken_value(condition: Condition, dtypes: Mapping[str, str]) -> Any:
    operator = OPERATORS[condition.op]
    if not operator.takes_value:
        return None
    return TypeAdapter(value_type(operator, dtypes[condition.subject])).validate_python(condition.value)


def _outside(rule: Rule) -> str:
    conditions = " and ".join(f"{part.subject} {part.op} {part.value}" for part in rule.where)
    return f"the rule is only about objects with {conditions}"
