"""Which datasets the checks need: what to read for a policy, and which answers hang on which reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from vbr_audit.checks.policy import CheckUse, Policy
from vbr_audit.checks.registry import Check
from vbr_audit.collection.datasets import BASIC, DATASETS, datasets_of, parents_of
from vbr_audit.collection.survey import Survey

_ALSO: Final[Mapping[str, tuple[str, ...]]] = {"jobs": ("jobs", "job_states"), "job_settings": ("jobs",)}
"""Tables that are made of other datasets than their name says: some jobs are known by their state alone."""


def datasets_behind(check: Check) -> tuple[str, ...]:
    """The datasets whose rows `check` looks at, in the order of reading."""
    tables = {source for table in check.tables for source in _ALSO.get(table, (table,))}
    return tuple(name for name in datasets_of(tables) if tables & set(DATASETS[name].tables))


def needed_datasets(uses: Iterable[CheckUse]) -> frozenset[str]:
    """The datasets that the enabled checks look at, with those below whose rows they are read."""
    wanted = {name for use in uses if use.enabled for name in datasets_behind(use.check)}
    return frozenset(wanted | parents_of(wanted))


def datasets_to_read(policy: Policy) -> tuple[str, ...]:
    """What every report shows and what the checks of `policy` need, in the order of reading."""
    wanted = {*BASIC, *needed_datasets(policy.uses)}
    return tuple(name for name in DATASETS if name in wanted)


def checks_by_dataset(uses: Iterable[CheckUse]) -> dict[str, tuple[str, ...]]:
    """The ids of the enabled checks that look at each dataset; every dataset has its entry."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(DATASETS, ())
    for use in uses:
        for name in datasets_behind(use.check) if use.enabled else ():
            found[name] = (*found[name], use.check.id)
    return found


@dataclass(frozen=True)
class Prospect:
    """Whether one check can be answered on a server: wholly, in part, or not; `missing` are the datasets it lacks."""

    check_id: str
    title: str
    needs: tuple[str, ...]
    missing: tuple[str, ...]
    answer: Literal["yes", "in part", "no"]


def prospects(policy: Policy, found: Survey) -> tuple[Prospect, ...]:
    """What the enabled checks of `policy` can say of a server, by what `found` says may be read of it."""
    unread = {probe.name for probe in found.probes if probe.is_lacking}
    return tuple(_prospect(use.check, unread) for use in policy.uses if use.enabled)


def _prospect(check: Check, unread: set[str]) -> Prospect:
    needs = datasets_behind(check)
    missing = tuple(name for name in needs if name in unread)
    vital = {_ALSO.get(table, (table,))[0] for table in check.tables if table not in check.fallback}
    lost = any(vital & set(DATASETS[name].tables) for name in missing)
    return Prospect(check.id, check.title, needs, missing, "no" if lost else "in part" if missing else "yes")
