"""The words of results stand in one place, and every order of them has all of them."""

from __future__ import annotations

from vbr_audit.checks import REGISTRY
from vbr_audit.vocabulary import AREAS, AREAS_BY_URGENCY, COUNTED, RESULTS, SEVERITIES, STATUSES, THRESHOLDS


def test_every_order_has_every_word() -> None:
    assert sorted(AREAS_BY_URGENCY) == sorted(AREAS.values())
    assert sorted(COUNTED) == sorted(STATUSES)
    assert {*RESULTS, "WAIVED"} == set(STATUSES)
    assert (*SEVERITIES, "never") == THRESHOLDS


def test_every_area_has_checks_and_every_check_has_an_area() -> None:
    assert {check.area for check in REGISTRY.all()} == set(AREAS.values())
