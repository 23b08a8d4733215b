"""Running the checks of a policy over a snapshot, with other parameters for single objects where it says so."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from vbr_audit.checks.derived import drift_tables, left_objects, object_copies, offloads, protection
from vbr_audit.checks.drift.compare import SPEC as DRIFT
from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.engine.assessment import Assessment, assess
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import site_parts_behind
from vbr_audit.checks.engine.views import ServerView, views_of
from vbr_audit.checks.logic.codes import repeated
from vbr_audit.checks.logic.three_valued import Cells
from vbr_audit.checks.policy.needs import needed_datasets
from vbr_audit.checks.policy.policy import CheckUse, Policy
from vbr_audit.checks.policy.use import ObjectRule, ObjectUse, in_file
from vbr_audit.checks.site import Site
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.tables.build.arrays import joined_strings, strings_of, to_array
from vbr_audit.tables.build.naming import marked, told_frame
from vbr_audit.tables.build.notes import Notes
from vbr_audit.tables.build.schema import TableSpec, empty, from_arrays, relabelled

RESULT_COLUMNS: Final = (
    "server",
    "check_id",
    "title",
    "area",
    "severity",
    "object_type",
    "object_id",
    "object_name",
    "result",
    "observed",
    "expected",
    "json_path",
    "reason",
    "remediation",
    "accepted",
    "cause_kind",
    "cause_key",
    "cause_name",
    "rule",
)

SENTENCES: Final = ("observed", "expected", "reason", "accepted")
"""The columns of the results that are sentences, in which values tell what they hold until they are told."""

DISABLED: Final = "disabled"
"""The rule of an object for which the policy disables the check."""


@dataclass(frozen=True, eq=False)
class CheckRun:
    """What the checks found, before waivers.

    `results` has one row per server, enabled check and object, with `RESULT_COLUMNS`, all text. `coverage` has one row
    per server and enabled check: `server, check_id, title, area, severity` (text), `population` (Int64, NA where the
    objects could not be read), `whole` (boolean), `reason`, `meaning`; `sizes` is the number of results of each
    of its rows, in their order. `broken` names the checks that failed themselves, and where. `uses` holds every check,
    `datasets_needed` what the enabled ones read. `protected` are the rows of `protected_objects` of all servers; none
    where no enabled check asks for them; `copies` are those of `object_copies` beside them. `offloads` are those of
    `offload_sessions`, `left` those of `left_objects` in the same way, and `drift` those of `drift`, of the servers
    that an earlier run read. `set_aside` counts, by check, the objects for which the policy disables it.

    `marked_results` and `marked_coverage` are the same as `results` and `coverage` with sentences in which each value
    still tells what it holds; so are the sentences of `broken`.
    """

    marked_results: pd.DataFrame
    marked_coverage: pd.DataFrame
    uses: tuple[CheckUse, ...]
    datasets_needed: frozenset[str]
    servers: tuple[str, ...]
    broken: tuple[str, ...]
    sizes: tuple[int, ...]
    protected: pd.DataFrame
    copies: pd.DataFrame
    offloads: pd.DataFrame
    left: pd.DataFrame
    drift: pd.DataFrame
    set_aside: Mapping[str, int]

    @cached_property
    def results(self) -> pd.DataFrame:
        """The results in plain words."""
        return told_frame(self.marked_results, SENTENCES)

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """The coverage in plain words."""
        return told_frame(self.marked_coverage, ("reason",))


def run_checks(
    snapshot: Snapshot, policy: Policy, site: Site | None = None, earlier: Earlier | None = None
) -> CheckRun:
    """Every enabled check of `policy` on every server of `snapshot`, with what the `site` file tells.

    `earlier` is what the run is compared with; without it, the checks of drift do not apply.
    """
    needed = needed_datasets(policy.uses)
    views = views_of(snapshot, needed, site, earlier)
    parts: list[tuple[CheckUse, ServerView, Assessment]] = [
        (use, view, assess_use(use, view)) for use in policy.uses if use.enabled for view in views
    ]
    return CheckRun(
        protected=_of_all(parts, protection.SPEC, protection.SPEC.name),
        copies=_of_all(parts, object_copies.SPEC, protection.SPEC.name),
        offloads=_of_all(parts, offloads.SPEC, offloads.BY_REPOSITORY.name),
        left=_of_all(parts, left_objects.SPEC, left_objects.SPEC.name),
        drift=_of_all([part for part in parts if _is_compared(part[1])], DRIFT, drift_tables.OBJECTS_SPEC.name),
        set_aside=_set_aside(parts),
        marked_results=_results(parts),
        marked_coverage=_coverage(parts),
        uses=policy.uses,
        datasets_needed=needed,
        servers=tuple(view.name for view in views),
        sizes=tuple(len(part.result) for _, _, part in parts),
        broken=tuple(
            f"{use.check.id} broke on {marked('server', view.name)}: {part.broke}"
            for use, view, part in parts
            if part.broke is not None
        ),
    )


def _is_compared(view: ServerView) -> bool:
    return view.earlier.why_not(view.identity, view.now, "") is None


def _of_all(parts: Sequence[tuple[CheckUse, ServerView, Assessment]], spec: TableSpec, read: str) -> pd.DataFrame:
    """A derived table of all servers, where a check reads the table `read`; nothing of a server where that broke."""
    asked = [(view, part.broke) for use, view, part in parts if read in use.check.tables]
    whole = {view.name: view for view, _ in asked}
    for view, broke in asked:
        if broke is not None:
            whole.pop(view.name, None)
    frames = [frame for view in whole.values() if len(frame := view.frame(spec.name))]
    if not frames:
        return empty(spec)
    return relabelled(frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True), "text")


def _set_aside(parts: Sequence[tuple[CheckUse, ServerView, Assessment]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for use, _, part in parts:
        counts[use.check.id] += part.set_aside
    return dict(counts)


def judge_with(use: CheckUse, views: Sequence[ServerView]) -> pd.DataFrame:
    """What one check finds on the servers of `views`, with `RESULT_COLUMNS`."""
    return told_frame(_results([(use, view, assess_use(use, view)) for view in views]), SENTENCES)


def _results(parts: Sequence[tuple[CheckUse, ServerView, Assessment]]) -> pd.DataFrame:
    """All findings in one frame of text columns."""
    part_of = np.repeat(np.arange(len(parts)), [len(part.result) for _, _, part in parts])
    alike = {
        "server": [view.name for _, view, _ in parts],
        "check_id": [use.check.id for use, _, _ in parts],
        "object_type": [part.object_type for _, _, part in parts],
        **{name: [getattr(use.check, name) for use, _, _ in parts] for name in ("title", "area", "remediation")},
    }
    columns: dict[str, Any] = {
        name: strings_of(alike[name]).take(part_of)
        if name in alike
        else joined_strings([getattr(part, name) for _, _, part in parts])
        for name in RESULT_COLUMNS
    }
    return from_arrays(columns, len(part_of))


def _coverage(parts: Sequence[tuple[CheckUse, ServerView, Assessment]]) -> pd.DataFrame:
    rows = [
        (
            view.name,
            use.check.id,
            use.check.title,
            use.check.area,
            use.severity,
            part.population,
            part.whole,
            f"the check broke: {part.broke}" if part.broke else part.why_not_whole,
            str(use.check.meaning),
        )
        for use, view, part in parts
    ]
    names = ("server", "check_id", "title", "area", "severity", "population", "whole", "reason", "meaning")
    dtypes = {"population": "Int64", "whole": "boolean"}
    cells = zip(names, zip(*rows, strict=True), strict=True) if rows else ((name, ()) for name in names)
    notes = Notes()
    return from_arrays(
        {name: to_array(column, dtypes.get(name, "string"), name, notes) for name, column in cells}, len(rows)
    )


# Assessing a check whose policy says something else of single objects.


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
    assessment = replace(general, **apart)
    known: dict[tuple[Any, ...], Assessment] = {}
    for overrides, rows in groups:
        own = use.under(overrides)
        key = (own.severity, own.severity_from_policy, *(repr(value) for value in own.params.values()))
        if key not in known:
            known[key] = _assessed(use, view, own)
        one = known[key] if own.enabled else _disabled_answer(known[key], own)
        for name, cells in _cells(assessment).items():
            cells[rows] = getattr(one, name)[rows]
        aside = 0 if own.enabled else len(rows)
        assessment = replace(assessment, broke=assessment.broke or one.broke, set_aside=assessment.set_aside + aside)
    return assessment


def _assessed(use: CheckUse, view: ServerView, own: ObjectUse) -> Assessment:
    assessment = assess(
        use.check, view, params=own.params, severity=own.severity, severity_from_policy=own.severity_from_policy
    )
    return replace(assessment, rule=repeated(_rule_digest(use.check, own, view.site), len(assessment.result)))


def _rule_digest(check: Check, own: ObjectUse, site: Site) -> str:
    """What tells whether two answers were given under the same parameters, what the site file says among them."""
    facts = {name: in_file(_in_order(value)) for name, value in own.params.items()}
    facts |= {f"site: {part}": site.text_of(part) for part in site_parts_behind(check.tables)}
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _in_order(value: Any) -> Any:
    """A set as a list that is the same in every process."""
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else value


def _cells(one: Assessment) -> Mapping[str, Cells]:
    """Its columns that have a value for each object."""
    return {each.name: value for each in fields(one) if isinstance(value := getattr(one, each.name), np.ndarray)}


def _groups(use: CheckUse, view: ServerView, general: Assessment) -> list[tuple[list[ObjectRule], Cells]]:
    """The objects that some override fits, as positions, by the overrides that fit them."""
    groups: dict[tuple[int, ...], list[int]] = {}
    known: dict[tuple[Any, Any], tuple[int, ...]] = {}
    for row, key in enumerate(zip(general.object_id, general.object_name, strict=True)):
        if key not in known:
            known[key] = _fitting(use, view.name, general.object_type, *key)
        groups.setdefault(known[key], []).append(row)
    return [([use.overrides[number] for number in one], np.array(rows)) for one, rows in groups.items() if one]


def _fitting(use: CheckUse, server: str, kind: str, object_id: Any, name: Any) -> tuple[int, ...]:
    """The numbers of the overrides that fit one object."""
    known = (server, kind, *(None if value is pd.NA else value for value in (object_id, name)))
    return tuple(number for number, rule in enumerate(use.overrides) if rule.match.fits(*known))


def _disabled_answer(one: Assessment, own: ObjectUse) -> Assessment:
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
        reason=np.full(
            size,
            f"disabled by the policy ({marked('server text', own.enabled_source)}): "
            f"{marked('server text', str(own.reason))}",
            dtype=object,
        ),
        rule=np.full(size, DISABLED, dtype=object),
        broke=None,
    )
