"""Which datasets the checks need: what to read for a policy, and which answers hang on which reading."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from vbr_audit.checks.derived import SITE
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import datasets_behind_table, sources_of
from vbr_audit.checks.policy.policy import CheckUse, Policy
from vbr_audit.collection.survey import Survey
from vbr_audit.datasets import BASIC, DATASETS, parents_of


def datasets_behind(check: Check) -> tuple[str, ...]:
    """The datasets whose rows `check` looks at, in the order of reading."""
    wanted = {name for table in check.tables for name in datasets_behind_table(table)}
    return tuple(name for name in DATASETS if name in wanted)


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
    by_dataset: dict[str, tuple[str, ...]] = dict.fromkeys(DATASETS, ())
    for use in uses:
        for name in datasets_behind(use.check) if use.enabled else ():
            by_dataset[name] = (*by_dataset[name], use.check.id)
    return by_dataset


@dataclass(frozen=True)
class Prospect:
    """Whether one check can be answered on a server: wholly, in part, or not; `missing` are the datasets it lacks."""

    check_id: str
    title: str
    needs: tuple[str, ...]
    missing: tuple[str, ...]
    answer: Literal["yes", "in part", "no"]


def prospects(policy: Policy, survey: Survey, *, has_site: bool = False) -> tuple[Prospect, ...]:
    """What the enabled checks of `policy` can say of a server, by what `survey` says may be read of it.

    `has_site` says whether there will be a site file.
    """
    unread = {probe.name for probe in survey.probes if probe.is_lacking} | ({SITE} if not has_site else set())
    return tuple(_prospect(use.check, unread) for use in policy.uses if use.enabled)


def _prospect(check: Check, unread: set[str]) -> Prospect:
    needs = datasets_behind(check)
    missing = tuple(name for name in needs if name in unread)
    vital = {name for table in check.tables if table not in check.fallback for name in sources_of(table)}
    lost = bool(vital & unread)
    return Prospect(check.id, check.title, needs, missing, "no" if lost else "in part" if missing else "yes")
