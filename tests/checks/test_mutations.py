"""The examples of a check hold, none passes without an input, and they notice every small wrong put into the check."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType

import pandas as pd
import pytest
from mutants import Shared, cases_of, functions_of, module_of, mutants_of, slice_of, unnoticed
from slicing import Slice
from watching import Key

from vbr_audit.checks import REGISTRY
from vbr_audit.checks.engine.assessment import Assessment
from vbr_audit.checks.engine.examples import assess_view
from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.registry import Check, check
from vbr_audit.checks.logic import machine_names, sessions
from vbr_audit.checks.logic import three_valued as logic
from vbr_audit.checks.logic.three_valued import surely, worded

_ONE_CLOCK = "the examples have one clock and one period, which ends at that clock; test_runs_sessions.py has others"
_UNDER_WAY = "count_of(places_of(runs['job_id'], jobs['job_id']), surely_not(finished(runs)), jobs) > 0"
EQUIVALENT: dict[tuple[str, str], str] = {
    ("RUN-001", "until >= now - _RECENT -> until > now - _RECENT"): _ONE_CLOCK,
    ("RUN-002", "until >= now - _RECENT -> until > now - _RECENT"): _ONE_CLOCK,
    **{
        ("states._judge_last", change): _ONE_CLOCK
        for change in (_UNDER_WAY + " -> " + _UNDER_WAY.replace(">", sign) for sign in ("<", ">="))
    },
    ("states._judge_last", "surely_not(finished(runs)) -> surely(finished(runs))"): _ONE_CLOCK,
    ("sessions._narrow", "places.max(initial=0) -> places.min(initial=0)"): (
        "it takes more than 256 jobs, as in test_runs_sessions.py"
    ),
}
"""Mutants that no example can notice, by check (or module and helper) and change: why."""


def _helpers() -> dict[str, list[Check]]:
    """The helpers of the catalogue's modules, as `jobs._switch_with_level`, and the checks that decide by them."""
    found: dict[str, list[Check]] = {}
    for one in REGISTRY:
        for name in sorted(slice_of(one).reached - {one.function.__name__}):
            found.setdefault(f"{module_of(one).__name__.rpartition('.')[2]}.{name}", []).append(one)
    return found


HELPERS = _helpers()
MODULES = (logic, machine_names, sessions)
SHARED = Shared(MODULES, REGISTRY.all())
each_check = pytest.mark.parametrize("one", REGISTRY.all(), ids=lambda one: one.id)
WORDING = frozenset({"listed", "phrased", "phrased_once"})
"""Shared helpers of which the answer is only ever read by people."""


def _survivors(checks: list[Check], function: str) -> list[str]:
    """The changes of `function` that no example of `checks` notices."""
    left: dict[Key, bool] = {}
    for one in checks:
        fresh = [mutant for mutant in mutants_of(one, function) if left.get(mutant.key, True)]
        survivors = unnoticed(one, fresh)
        left |= {mutant.key: mutant in survivors for mutant in fresh}
    return sorted({text for (*_, text), survives in left.items() if survives})


def faults_of(example: Example, found: Assessment) -> Iterator[str]:
    """What is wrong with what a check found for one of its examples."""
    if found.result.tolist() != [example.result]:
        yield f"{found.result.tolist()}, not {example.result}: {found.reason.tolist()}"
    if example.severity is not None and found.severity.tolist() != [example.severity]:
        yield f"severity {found.severity.tolist()}, not {example.severity}"
    reason, observed, expected = found.reason[0], found.observed[0], found.expected[0]
    if example.result in ("UNKNOWN", "NOT_APPLICABLE") and not (isinstance(reason, str) and reason):
        yield "has no reason"
    if example.result in ("PASS", "FAIL") and not isinstance(observed, str):
        yield "what was observed must be said"
    if example.result in ("PASS", "FAIL") and not isinstance(expected, str):
        yield "what is expected must be said"
    if example.result == "PASS" and isinstance(reason, str):
        yield "what passes needs no excuse"


@each_check
def test_examples_hold(one: Check) -> None:
    faults = [
        f"example {case.number}, {case.example.result}: {fault}"
        for case in cases_of(one)
        if case.without is None
        for fault in faults_of(case.example, assess_view(one, case.example, case.view))
    ]
    assert faults == []


@each_check
def test_no_pass_without_an_input(one: Check) -> None:
    blanked = [case for case in cases_of(one) if case.without is not None]
    passing = {number for number, example in enumerate(one.examples) if example.result == "PASS"}
    assert {case.number for case in blanked} == passing, "each has inputs"
    faults = []
    for case in blanked:
        found = assess_view(one, case.example, case.view)
        if found.result.tolist() != ["UNKNOWN"] or not isinstance(found.reason[0], str):
            faults.append(f"example {case.number} without {case.without}: {found.result[0]}, {found.reason[0]}")
    assert faults == []


def _excused(owner: str) -> list[str]:
    return sorted(change for name, change in EQUIVALENT if name == owner)


@each_check
def test_every_wrong_in_a_check_is_noticed(one: Check) -> None:
    assert _survivors([one], one.function.__name__) == _excused(one.id)


@pytest.mark.parametrize("helper", HELPERS)
def test_every_wrong_in_a_helper_is_noticed(helper: str) -> None:
    assert _survivors(HELPERS[helper], helper.partition(".")[2]) == _excused(helper)


@pytest.mark.parametrize(
    ("module", "function"),
    [
        pytest.param(module, name, id=f"{module.__name__.rpartition('.')[2]}.{name}")
        for module in MODULES
        for name in functions_of(module)
        if name not in WORDING
    ],
)
def test_every_wrong_in_what_all_checks_share_is_noticed(module: ModuleType, function: str) -> None:
    unnoticed = {mutant.text for mutant in SHARED.mutants(module, function) if not SHARED.is_noticed(module, mutant)}
    assert sorted(unnoticed) == _excused(f"{module.__name__.rpartition('.')[2]}.{function}")


def test_what_is_excused_exists_and_has_a_reason() -> None:
    shared = {f"{module.__name__.rpartition('.')[2]}.{name}" for module in MODULES for name in vars(module)}
    assert {owner for owner, _ in EQUIVALENT} <= {one.id for one in REGISTRY} | set(HELPERS) | shared
    assert all(EQUIVALENT.values())


def enough(jobs: pd.DataFrame) -> Outcome:
    """Because."""
    count = jobs["retry_count"]
    many = surely(count > 5)
    low = worded(jobs.index, (surely(count == 0), "low"))
    return Outcome(_at_least(count, 2), observed=worded(jobs.index, (many, "many")), severity=low)


def _at_least(count: pd.Series, least: int) -> pd.Series:
    return count >= least


def _declared(*examples: Example, function: Callable[[pd.DataFrame], Outcome] = enough) -> Check:
    declare = check(
        "TST-001", "Enough", severity="high", table="jobs", reads=("retry_count",), remediation="Do: it.",
        examples=examples,
    )  # fmt: skip
    return declare(function)


def test_examples_with_a_hole_are_found_out() -> None:
    assert module_of(_declared()) is sys.modules[__name__]
    passes, fails = Example("PASS", {"retry_count": 3}), Example("FAIL", {"retry_count": 1}, severity="high")
    weak = _declared(passes, fails)
    assert _survivors([weak], "_at_least") == ["count >= least -> count > least"]
    assert _survivors([weak], "enough") == []
    edge = Example("PASS", {"retry_count": 2})
    assert _survivors([_declared(passes, fails, edge)], "_at_least") == []
    silent = _declared(passes, Example("FAIL", {"retry_count": 1}))
    assert _survivors([silent], "enough") == ["count == 0 -> count != 0"], "a severity decides too"


def twice(jobs: pd.DataFrame) -> Outcome:
    """Because."""
    count = jobs["retry_count"]
    return Outcome(count > 2, severity=worded(jobs.index, (surely(count > 2), "low")))


def test_equal_words_at_two_places_are_two_wrongs() -> None:
    examples = (Example("PASS", {"retry_count": 3}), Example("FAIL", {"retry_count": 2}))
    weak = _declared(*examples, function=twice)
    assert _survivors([weak], "twice") == ["count > 2 -> count < 2", "count > 2 -> count >= 2"]
    strong = _declared(*examples, Example("PASS", {"retry_count": 3}, severity="low"), function=twice)
    assert _survivors([strong], "twice") == ["count > 2 -> count >= 2"]


def test_shared_functions_without_a_wrong_are_not_noticed() -> None:
    plain = next(SHARED.mutants(logic, "any_of"))
    same = replace(plain, functions=tuple(functions_of(logic).values()))
    assert SHARED.is_noticed(logic, plain)
    assert not SHARED.is_noticed(logic, same)


@pytest.mark.parametrize(
    ("body", "decides"),
    [
        ("return Outcome(a < b, observed=worded(i, (c < d, 'x')))", {"a < b"}),
        ("return Outcome(a < b, worded(i, (c < d, 'x')))", {"a < b"}),
        ("seen = c < d\n    return Outcome(a < b, reason=worded(i, (seen, 'x')))", {"a < b"}),
        ("late = c < d\n    return Outcome(late, reason=worded(i, (late, 'x')))", {"c < d"}),
        ("late = a.copy()\n    late[c < d] = True\n    return Outcome(late)", {"c < d"}),
        ("if c < d:\n        seen = 'x'\n    else:\n        seen = 'y'\n    return Outcome(a, observed=seen)", set()),
        ("if c < d:\n        return Outcome(a)\n    return Outcome(b)", {"c < d"}),
        ("for x in a:\n        if x < 3:\n            b.append(x)\n    return Outcome(b)", {"x < 3"}),
        ("for x in a:\n        if x < 3:\n            b.append(x)\n    return Outcome(c, observed=b)", set()),
        ("return helped(a, c < d)", {"plain < 1"}),
        ("return Outcome(a, observed=helped(a < b, c))", set()),
        ("return Outcome(f'{a < b}')", set()),
    ],
)
def test_what_only_words_a_finding_does_not_decide(body: str, decides: set[str]) -> None:
    tree = ast.parse(
        f"def rule(a, b, c, d, i):\n    {body}\n"
        "def helped(plain, said):\n    return Outcome(plain < 1, observed=worded(i, (said < 2, 'x')))\n"
    )
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = Slice(functions, "rule").deciding
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Compare) and id(node) in found]
    assert {ast.unparse(node) for node in nodes} == decides
