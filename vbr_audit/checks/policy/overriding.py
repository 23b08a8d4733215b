"""Assessing a check whose policy says something else of single objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.assessment import Assessment, assess
from vbr_audit.checks.engine.views import ServerView
from vbr_audit.checks.logic.three_valued import Cells
from vbr_audit.checks.policy.use import CheckUse, ObjectRule, ObjectUse


def assess_use(use: CheckUse, view: ServerView) -> Assessment:
    """Run a check on one server as its policy wants it; never raises because of the check.

    Where overrides give some objects other parameters, the check is run once with each set of them over the whole
    population, and each object has the answer of its own set.
    """
    general = _assessed(use, view, use.under(()))
    groups = _groups(use, view, general) if use.overrides else []
    if not groups:
        return general
    apart: dict[str, Any] = {name: cells.copy() for name, cells in _cells(general).items()}
    found = replace(general, **apart)
    known: dict[tuple[Any, ...], Assessment] = {}
    for overrides, rows in groups:
        own = use.under(overrides)
        key = (own.severity, own.severity_from_policy, *(repr(value) for value in own.params.values()))
        if key not in known:
            known[key] = _assessed(use, view, own)
        one = known[key] if own.enabled else _set_aside(known[key], own)
        for name, cells in _cells(found).items():
            cells[rows] = getattr(one, name)[rows]
        aside = 0 if own.enabled else len(rows)
        found = replace(found, broke=found.broke or one.broke, set_aside=found.set_aside + aside)
    return found


def _assessed(use: CheckUse, view: ServerView, own: ObjectUse) -> Assessment:
    return assess(
        use.check, view, params=own.params, severity=own.severity, severity_from_policy=own.severity_from_policy
    )


def _cells(one: Assessment) -> Mapping[str, Cells]:
    """Its columns that have a value for each object."""
    return {each.name: value for each in fields(one) if isinstance(value := getattr(one, each.name), np.ndarray)}


def _groups(use: CheckUse, view: ServerView, general: Assessment) -> list[tuple[list[ObjectRule], Cells]]:
    """The objects that some override fits, as positions, by the overrides that fit them."""
    found: dict[tuple[int, ...], list[int]] = {}
    known: dict[tuple[Any, Any], tuple[int, ...]] = {}
    for row, key in enumerate(zip(general.object_id, general.object_name, strict=True)):
        if key not in known:
            known[key] = _fitting(use, view.name, general.object_type, *key)
        found.setdefault(known[key], []).append(row)
    return [([use.overrides[number] for number in one], np.array(rows)) for one, rows in found.items() if one]


def _fitting(use: CheckUse, server: str, kind: str, object_id: Any, name: Any) -> tuple[int, ...]:
    """The numbers of the overrides that fit one object."""
    known = (server, kind, *(None if value is pd.NA else value for value in (object_id, name)))
    return tuple(number for number, rule in enumerate(use.overrides) if rule.match.fits(*known))


def _set_aside(one: Assessment, own: ObjectUse) -> Assessment:
    """What a disabled check says of an object: that it does not apply, and who says so."""
    size = len(one.result)
    blank = np.full(size, pd.NA, dtype=object)
    return replace(
        one,
        result=np.full(size, "NOT_APPLICABLE", dtype=object),
        severity=np.full(size, own.severity, dtype=object),
        observed=blank,
        expected=blank,
        json_path=blank,
        accepted=blank,
        reason=np.full(size, f"disabled by the policy ({own.enabled_source}): {own.reason}", dtype=object),
        broke=None,
    )
