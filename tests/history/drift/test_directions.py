"""Every setting has a direction, and each direction holds both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drift_runs import EARLIER, LATER, make_run, row

from vbr_audit.checks.drift.compare import drift_between
from vbr_audit.checks.drift.directions import DIRECTIONS_BY_KIND
from vbr_audit.checks.drift.rules import AnyOf, Items, Neutral, Number, Present, Switch, Target, UnitOf, Words
from vbr_audit.checks.drift.sources import COLLECTED, JOB, TABLES_OF_SETTINGS
from vbr_audit.datasets import SPECS
from vbr_audit.tables.jobs.documents import READ_CONTROLS

Rows = list[dict[str, Any]]


def _changes(control: str, rule: Any) -> Iterator[tuple[str, dict[str, Any], dict[str, Any], str]]:
    match rule:
        case Switch(strong=strong):
            yield "turned", {control: strong}, {control: not strong}, "weakening"
            yield "at one of two places", {control: [strong]}, {control: [strong, not strong]}, "weakening"
            yield "no longer a switch", {control: strong}, {control: "perhaps"}, "unknown"
        case Number(more_is_strong=more, unit=""):
            first, second = (30, 7) if more else (7, 30)
            yield "changed", {control: first}, {control: second}, "weakening"
            yield "from none", {control: 1 if more else 0}, {control: 0 if more else 1}, "weakening"
            yield "no number", {control: first}, {control: True}, "unknown"
        case Number(more_is_strong=more, unit=unit, sizes=sizes):
            (small, _, _), (large, _, _) = sizes[:2]
            first, second = (large, small) if more else (small, large)
            yield (
                "in one unit",
                {control: 14 if more else 7, unit: small},
                {control: 7 if more else 14, unit: small},
                ("weakening"),
            )
            yield "in another unit", {control: 2, unit: first}, {control: 3, unit: second}, "weakening"
        case UnitOf(control=counted, number=number):
            (small, _, _), (large, _, _) = number.sizes[:2]
            first, second = (large, small) if number.more_is_strong else (small, large)
            yield "alone", {control: first, counted: 3}, {control: second, counted: 3}, "weakening"
        case Words(groups=groups):
            yield "to the worst", {control: groups[-1][0]}, {control: groups[0][0]}, "weakening"
            yield "at one place", {control: [groups[-1][0]]}, {control: [groups[-1][0], groups[0][0]]}, "weakening"
            yield "to an unknown one", {control: groups[-1][0]}, {control: "Levitating"}, "unknown"
        case Items(more_is_strong=more):
            first, second = (["a", "b"], ["b"]) if more else (["b"], ["a", "b"])
            yield "of items", {control: first}, {control: second}, "weakening"
            yield "of all items", {control: ["a"] if more else []}, {control: [] if more else ["a"]}, "weakening"
        case Present():
            yield "gone", {control: "siem"}, {control: None}, "weakening"
            yield "another", {control: "siem"}, {control: "other"}, "neutral"
        case AnyOf(group=group):
            other = next(name for name in group if name != control)
            yield "the last", {control: True, other: False}, {control: False, other: False}, "weakening"
            yield "one of two", {control: True, other: True}, {control: False, other: True}, "neutral"
        case Target():
            yield "to an unknown place", {control: "r1"}, {control: "r9"}, "unknown"
        case Neutral():
            yield "changed", {control: "a"}, {control: "b"}, "neutral"
            yield "to none", {control: "a"}, {control: None}, "neutral"
        case _:
            raise AssertionError(f"no case for {rule!r}")


_MIRROR = {"weakening": "strengthening", "neutral": "neutral", "unknown": "unknown"}


@pytest.mark.parametrize("kind", DIRECTIONS_BY_KIND)
def test_each_direction_holds_both_ways(kind: str) -> None:
    """Each change is made on an object of its own."""
    cases = {
        f"{control}: {name}": (control, before, after, direction)
        for control, rule in DIRECTIONS_BY_KIND[kind].items()
        for name, before, after, direction in _changes(control, rule)
    }

    def rows(side: int) -> Rows:
        return [
            row(control, value, object_type=kind, object_id=case, object_name=case)
            for case, change in cases.items()
            for control, value in change[side].items()
        ]

    def directions(old: Rows, new: Rows) -> dict[str, list[str]]:
        drift = drift_between(make_run(old, EARLIER), make_run(new, LATER)).drift
        of_cases = [cases[each][0] for each in drift["object_id"]]
        drift = drift[drift["control"] == of_cases]
        return drift.groupby("object_id")["direction"].apply(list).to_dict()

    there = {case: [direction] for case, (_, _, _, direction) in cases.items()}
    assert directions(rows(1), rows(2)) == there
    assert directions(rows(2), rows(1)) == {case: [_MIRROR[one]] for case, (one,) in there.items()}
    assert directions(rows(1), rows(1)) == {}


def test_every_setting_has_a_rule_and_every_rule_a_setting() -> None:
    declared = {(kind, control) for kind, rules in DIRECTIONS_BY_KIND.items() for control in rules}
    read = {(JOB, control) for control in READ_CONTROLS}
    read |= {(source.kind, control) for source in TABLES_OF_SETTINGS for control in source.controls}
    read |= {(item.kind, item.control) for item in COLLECTED}
    assert declared == read


def test_many_settings_have_a_direction() -> None:
    directed = [rule for rules in DIRECTIONS_BY_KIND.values() for rule in rules.values() if rule.is_directed]
    assert len(directed) >= 40
    assert sum(rule.is_directed for rule in DIRECTIONS_BY_KIND[JOB].values()) >= 30


def test_the_columns_of_settings_exist() -> None:
    for source in TABLES_OF_SETTINGS:
        own = {*SPECS[source.table].names, *(SPECS[source.older].names if source.older else ())}
        renamed = {name for name, _ in source.renamed}
        assert set(source.controls) - renamed <= own
        assert {*source.lists, *source.none_if_missing} <= set(source.controls)
