"""The operators of YAML rules: each answers yes, no or "not known" for every value of a column.

A missing value answers "not known", but for `exists`. Text is compared as it stands, upper and lower case apart.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, Strict

from vbr_audit.checks.logic.dates import older_than
from vbr_audit.checks.logic.three_valued import nullable, one_of

MOST_PATTERN: Final = 200
"""The longest pattern of `regex`, in characters."""
MOST_TEXT: Final = 500
"""The longest text to which a pattern is applied; a longer one answers "not known"."""
_MOST_REPEATS = 3
_MOST_CHOICES = 4096

TEXT, WHOLE, NUMBER, YES_NO, DATE = "string", "Int64", "Float64", "boolean", "datetime"
Answer = Callable[[pd.Series, Any, dt.datetime], pd.Series]


@dataclass(frozen=True)
class Operator:
    """One operator: the dtypes that it fits, the good state in words, and how it answers for a column."""

    name: str
    dtypes: tuple[str, ...]
    words: str
    answer: Answer
    takes_value: bool = True
    takes_list: bool = False


def _eq(values: pd.Series, value: Any, now: dt.datetime) -> pd.Series:
    answer: pd.Series = (values == value).astype("boolean")
    return answer


def _ne(values: pd.Series, value: Any, now: dt.datetime) -> pd.Series:
    return ~_eq(values, value, now)


def _ordered(compare: Callable[[pd.Series, Any], pd.Series]) -> Answer:
    return lambda values, value, now: compare(values, value).astype("boolean")


def _in(values: pd.Series, value: Any, now: dt.datetime) -> pd.Series:
    return one_of(values, value)


def _not_in(values: pd.Series, value: Any, now: dt.datetime) -> pd.Series:
    return ~one_of(values, value)


def _by_text(values: pd.Series, fits: Callable[[str], bool | None]) -> pd.Series:
    """`fits` for each distinct text; None is "not known"."""
    known = {text: fits(text) for text in values.dropna().unique().tolist()}
    answers = [None if text is pd.NA else known[text] for text in values.to_numpy(dtype=object)]
    yes = np.array([answer is True for answer in answers], dtype=bool)
    unknown = np.array([answer is None for answer in answers], dtype=bool)
    return nullable(yes, unknown, values.index)


def _regex(values: pd.Series, value: Any, now: dt.datetime) -> pd.Series:
    pattern = re.compile(value)
    return _by_text(values, lambda text: None if len(text) > MOST_TEXT else pattern.fullmatch(text) is not None)


def _glob(values: pd.Series, value: Any, now: dt.datetime) -> pd.Series:
    return _by_text(values, lambda text: fnmatchcase(text, value))


def _contains(values: pd.Series, value: Any, now: dt.datetime) -> pd.Series:
    return _by_text(values, lambda text: value in text)


def _age_days(values: pd.Series, value: Any, now: dt.datetime) -> pd.Series:
    return ~older_than(values, dt.timedelta(days=value), now=now)


def _exists(values: pd.Series, value: Any, now: dt.datetime) -> pd.Series:
    return values.notna().astype("boolean")


_SCALARS, _NUMBERS = (TEXT, WHOLE, NUMBER, YES_NO), (WHOLE, NUMBER)

OPERATORS: Final[Mapping[str, Operator]] = {
    operator.name: operator
    for operator in (
        Operator("eq", _SCALARS, "{value}", _eq),
        Operator("ne", _SCALARS, "not {value}", _ne),
        Operator("gt", _NUMBERS, "above {value}", _ordered(lambda values, value: values > value)),
        Operator("ge", _NUMBERS, "at least {value}", _ordered(lambda values, value: values >= value)),
        Operator("lt", _NUMBERS, "below {value}", _ordered(lambda values, value: values < value)),
        Operator("le", _NUMBERS, "at most {value}", _ordered(lambda values, value: values <= value)),
        Operator("in", (TEXT, WHOLE), "one of {value}", _in, takes_list=True),
        Operator("not_in", (TEXT, WHOLE), "none of {value}", _not_in, takes_list=True),
        Operator("regex", (TEXT,), "text of the form {value}", _regex),
        Operator("glob", (TEXT,), "text that fits {value}", _glob),
        Operator("contains", (TEXT,), "text with {value} in it", _contains),
        Operator("age_days", (DATE,), "at most {value} days ago", _age_days),
        Operator("exists", (*_SCALARS, DATE), "known", _exists, takes_value=False),
    )
}
"""The operators by name."""


def fitting_operators(dtype: str) -> tuple[str, ...]:
    """The names of the operators that fit a column of `dtype`."""
    return tuple(name for name, operator in OPERATORS.items() if dtype in operator.dtypes)


def value_type(operator: Operator, dtype: str) -> Any:
    """The type of the value that `operator` compares a column of `dtype` with, for pydantic."""
    if operator.name == "regex":
        return Annotated[str, Strict(), AfterValidator(safe_pattern)]
    if operator.name == "age_days":
        return Annotated[int, Strict(), Field(ge=0, le=36_500)]
    if operator.name in ("glob", "contains"):
        return Annotated[str, Strict(), Field(min_length=1, max_length=MOST_PATTERN)]
    scalar: Any = {TEXT: str, WHOLE: int, NUMBER: float, YES_NO: bool}[dtype]
    return Annotated[list[scalar], Field(min_length=1)] if operator.takes_list else Annotated[scalar, Strict()]


def safe_pattern(pattern: str, most_repeats: int = _MOST_REPEATS) -> str:
    """`pattern`, if it is a regular expression that cannot run for ever; raises `ValueError`.

    Refused are long patterns, more than `most_repeats` open repetitions, a repeated group that itself holds a
    repetition or alternatives, and many alternatives one after the other: their cost could double with every letter.
    """
    if len(pattern) > MOST_PATTERN:
        raise ValueError(f"a pattern has at most {MOST_PATTERN} characters, this one has {len(pattern)}")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as fault:
        raise ValueError(f"not a regular expression: {fault}") from None
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)
    if len(re.findall(r"[*+]|\{\d*,\d*\}", bare)) > most_repeats:
        raise ValueError(f"at most {most_repeats} open repetitions (*, +, {{1,}}) are accepted")
    choices = 2 ** len(re.findall(r"(?<![*+}?(])\?", bare))
    while (plainer := _without_inner_groups(bare))[0] != bare:
        bare, choices = plainer[0], choices * plainer[1]
    if choices * (bare.count("|") + 1) > _MOST_CHOICES:
        raise ValueError("too many alternatives (| and ?) one after the other")
    return pattern


def _without_inner_groups(bare: str) -> tuple[str, int]:
    """`bare` with its innermost groups as single letters, marked where they hold a repetition or alternatives.

    And among how many ways through those groups there is to choose.
    """
    choices = 1

    def taken(match: re.Match[str]) -> str:
        nonlocal choices
        inside, repeat = match.group(1), match.group(2) or ""
        risky = bool(re.search(r"[*+?|!]|\{\d+(?:,\d*)?\}", inside))
        if risky and repeat:
            raise ValueError("a repeated group may not hold a repetition or alternatives; write it flat")
        choices *= inside.count("|") + 1
        return ("!" if risky else "x") + repeat

    flat = re.sub(r"\((?:\?[:=!<>P][^()]*?[:=!>]?)?([^()]*)\)([*+]|\{\d+(?:,\d*)?\})?", taken, bare)
    return flat, choices
