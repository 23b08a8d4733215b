"""No check puts a name in its own words: every value in a sentence tells what it holds, so that it can be told anew."""

from __future__ import annotations

from functools import cache
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.assessment import Assessment
from vbr_audit.checks.engine.examples import assess_view, view_of
from vbr_audit.checks.engine.outcome import Example
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.tables.build.arrays import are_known
from vbr_audit.tables.build.naming import marked, parts_of, told, words_around
from vbr_audit.tables.build.schema import NameOf

CANARY = "Zqx7v"
NAMING = {*get_args(NameOf), "jobs", "repositories", "objects", "mails", "first job", "first repository"}
FREE = {*NAMING, "prose", "server text"}


@cache
def _free(table: str) -> tuple[str, ...]:
    """The columns of a table in which names stand, and what people and servers wrote."""
    return tuple(name for name, holds in TABLES[table].holds.items() if holds in FREE)


def with_canaries(check: Check, example: Example) -> Assessment:
    """What a check says of an example in which every name, and what people and servers wrote, ends with a canary."""
    view = view_of(check, example)
    for table, frame in view.frames.items():
        free = [name for name in _free(table) if len(frame) and name in frame]
        filled = {name: column for name in free if are_known(column := frame[name]).any()}
        view.frames[table] = frame.assign(**{name: column + CANARY for name, column in filled.items()})
    return assess_view(check, example, view)


@pytest.mark.parametrize("check", REGISTRY.all(), ids=lambda check: check.id)
def test_no_check_puts_a_name_in_its_own_words(check: Check) -> None:
    for example in check.examples:
        answer = with_canaries(check, example)
        assert answer.broke is None
        for cells in (answer.observed, answer.expected, answer.reason, answer.accepted, answer.json_path):
            assert [text for text in cells if isinstance(text, str) and CANARY in words_around(text)] == []


@given(st.lists(st.tuples(st.text("ab\ufdd0\ufdd1\ufdd2\ufdd301"), st.text("xy ")), max_size=4))
def test_a_value_is_told_as_it_was(pairs: list[tuple[str, str]]) -> None:
    sentence = "".join(words + marked("job", value) for value, words in pairs)
    assert told(sentence) == "".join(words + value for value, words in pairs)
    assert [text for holds, text in parts_of(sentence) if holds == "job"] == [value for value, _ in pairs]
    assert words_around(sentence) == "".join(words for _, words in pairs)
