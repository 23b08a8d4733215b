"""Checks of what changed since an earlier run."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import numpy as np
import pandas as pd

from vbr_audit.checks.drift.compare import maker_text
from vbr_audit.checks.engine.outcome import EXAMPLE_NOW, EXAMPLE_SINCE, Example, Outcome, explained, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import named, nullable, phrased, surely, surely_not, worded
from vbr_audit.tables.build.arrays import STRING, are_known
from vbr_audit.tables.build.naming import marked
from vbr_audit.tables.build.schema import Holds

_SAME = {"object_name": "Nightly", "compared": 70, "weakened": 0, "unclear": 0, "open": 0}
_WEAKER = {**_SAME, "weakened": 1, "changes": "retry_enabled: true → false", "json_path": "schedule.retry.isEnabled"}
_RUNS = {"changed_after": EXAMPLE_SINCE, "changed_before": EXAMPLE_NOW}
_WEAK = {"direction": "weakening", **_RUNS}
_WEEK = {"changed_after": hours_ago(7 * 24), "changed_before": EXAMPLE_NOW}


@check(
    "DRF-001",
    "Every setting is as strong as in the earlier run",
    severity="high",
    table="compared_objects",
    reads=("weakened", "compared", "unclear", "open", "changes", "gaps", "json_path"),
    expected="no weakening change",
    failure="{is} weaker than in the earlier run",
    consequence="could leave backups less safe than the business believes",
    remediation="Ask who changed the setting and why; change it back, or have the change approved.",
    examples=(
        Example("PASS", _SAME),
        Example("FAIL", _WEAKER),
        Example("FAIL", {**_WEAKER, "open": 3, "gaps": "gfs_enabled: the value is not known in the later run"}),
        Example("UNKNOWN", {**_SAME, "open": 1, "gaps": "gfs_enabled: the value is not known in the later run"}),
        Example("UNKNOWN", {**_SAME, "unclear": 1, "gaps": "retention_type changed"}),
        Example("UNKNOWN", {**_SAME, "compared": 0, "open": 1, "gaps": "not read completely in the later run: denied"}),
        Example("UNKNOWN", {**_SAME, "compared": 0}),
        Example("NOT_APPLICABLE", _SAME, datasets={"earlier run": "not given"}),
    ),
)
def nothing_weaker(objects: pd.DataFrame) -> Outcome:
    """Most weaknesses are not built in but made: a check box cleared for one night, and never set again.

    Each setting has a declared direction: for example, fewer restore points weaken and more strengthen a job. The check
    compares the settings of jobs, repositories, users and the server with those of the earlier run. A setting that one
    of the runs does not show has not changed; a setting that one of them should show and does not is UNKNOWN.
    """
    weaker = objects["weakened"] > 0
    vague = (objects["unclear"] > 0) | (objects["open"] > 0)
    sure = surely(objects["compared"] > 0) & surely_not(vague)
    ok = (~weaker).mask(surely_not(weaker) & ~sure)
    return explained(
        Outcome(
            ok,
            observed=worded(objects.index, (weaker, objects["changes"]), (surely(ok), "no weakening change")),
            reason=objects["gaps"],
            json_path=objects["json_path"],
        )
    )


@check(
    "DRF-002",
    "Settings are not weakened several times within a week",
    severity="critical",
    tables=("servers", "drift", "compared_objects"),
    aggregates=("drift", "compared_objects"),
    reads=(
        "server",
        *(f"drift.{name}" for name in ("direction", "changed_after", "changed_before", "changed_at")),
        *(f"compared_objects.{name}" for name in ("compared", "unclear", "open")),
    ),
    expected="fewer than {several} weakening changes within {days} days",
    failure="{has} {several} or more weakening changes within {days} days",
    consequence="could be under attack, or lose protection step by step",
    remediation="Treat it as an attack until it is explained: ask who changed the settings, and change them back.",
    examples=(
        Example("PASS", {}, {"compared_objects": [_SAME]}),
        Example("PASS", {}, {"drift": [{**_WEAK, **_WEEK}], "compared_objects": [_SAME]}),
        Example("FAIL", {}, {"drift": [{**_WEAK, **_WEEK}] * 2, "compared_objects": [_SAME]}),
        Example(
            "FAIL",
            {},
            {"drift": [{**_WEAK, "changed_at": hours_ago(h)} for h in (400, 300)], "compared_objects": [_SAME]},
        ),
        Example(
            "PASS",
            {},
            {"drift": [{**_WEAK, "changed_at": hours_ago(h)} for h in (400, 9)], "compared_objects": [_SAME]},
        ),
        Example(
            "FAIL",
            {},
            {"drift": [{**_WEAK, "changed_at": hours_ago(h)} for h in (400, 400 - 168)], "compared_objects": [_SAME]},
        ),
        Example("PASS", {}, {"drift": [{**_WEAK, **_WEEK}] * 2, "compared_objects": [_SAME]}, params={"several": 3}),
        Example("UNKNOWN", {}, {"drift": [_WEAK] * 2, "compared_objects": [_SAME]}),
        Example("UNKNOWN", {}, {"drift": [_WEAK, {**_WEAK, **_WEEK}], "compared_objects": [_SAME]}),
        Example("UNKNOWN", {}, {"drift": [{**_WEAK, **_WEEK}], "compared_objects": [{**_SAME, "open": 1}]}),
        Example("UNKNOWN", {}, {"drift": [], "compared_objects": []}),
        Example("UNKNOWN", {}, {"drift": [], "compared_objects": [{**_SAME, "compared": 0}]}),
        Example("NOT_APPLICABLE", {}, datasets={"earlier run": "not given"}),
    ),
)
def not_weakened_at_once(
    servers: pd.DataFrame,
    drift: pd.DataFrame,
    objects: pd.DataFrame,
    *,
    several: Annotated[int, param("Number of weakening changes from which on it fails.", unit="changes", ge=2)] = 2,
    days: Annotated[int, param("The time in which they were made.", unit="days", ge=1)] = 7,
) -> Outcome:
    """One setting may be weakened for a reason; an intruder who prepares an attack weakens several within days.

    The date of a change is that of the event that it is attributed to. Without one, it is only known that the change
    was made between the two runs.
    """
    span = dt.timedelta(days=days)
    weak = drift[drift["direction"].eq("weakening").fillna(False).to_numpy(dtype=bool)]
    vague = int(objects["unclear"].sum()) + int(objects["open"].sum())
    missing = objects[["unclear", "open", "compared"]].isna().any(axis=None) or drift["direction"].isna().any()
    missing = missing or weak[["changed_after", "changed_before"]].isna().any(axis=None)
    blind = bool(missing) or not (objects["compared"] > 0).any()
    within = (weak["changed_before"] - weak["changed_after"] <= span).fillna(False).to_numpy(dtype=bool)
    dated = are_known(weak["changed_at"])
    at_once = _most_within(weak, within, dated, span)
    possible = at_once + (0 if within.all() else int((~dated).sum())) + vague
    is_bad, is_good = at_once >= several, possible < several and not blind
    named = are_known(servers["server"])
    answer = np.full(len(servers), not is_bad)
    return explained(
        Outcome(
            nullable(answer & named, np.full(len(servers), not is_bad and not is_good) | ~named, servers.index),
            observed=_number(at_once, "weakening change") if is_bad else _number(len(weak), "weakening change"),
            reason=(
                "what both runs show of the settings is not known"
                if blind
                else f"{_number(possible, 'change')} may have weakened settings, and when is not known"
                if not vague
                else f"{_number(vague, 'setting')} could not be compared, or changed in an unknown direction"
            ),
        )
    )


def _most_within(weak: pd.DataFrame, within: Any, dated: Any, span: dt.timedelta) -> int:
    """The largest number of changes that were surely made within `span`."""
    if within.all():
        return len(weak)
    moments = sorted(weak["changed_at"][dated].tolist())
    return max((sum(each <= first + span for each in moments[at:]) for at, first in enumerate(moments)), default=0)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


_CHANGE = {"change_id": "job j1: retry_enabled", "object_name": "Nightly", "control": "retry_enabled"}
_MADE = {**_CHANGE, "before": "true", "after": "false", "approval": "unapproved"}


@check(
    "DRF-003",
    "Each change of a setting is approved",
    severity="medium",
    table="registered_changes",
    reads=("approval", "control", "before", "after", "approved_by", "ticket", "who", "source", "json_path"),
    expected="an approval in the change register",
    failure="{has} no approval in the change register",
    consequence="could come from a mistake or from an intruder",
    remediation="Ask who made the change; enter the approval in the change register, or change the setting back.",
    examples=(
        Example("PASS", {**_MADE, "approval": "approved", "approved_by": "j.doe"}),
        Example("FAIL", _MADE),
        Example("FAIL", {**_MADE, "who": "HANSA\\admin", "source": "VBR event 23050 at 2026-10-20T20:42:30Z"}),
        Example("UNKNOWN", {**_MADE, "approval": None}),
        Example("NOT_APPLICABLE", _MADE, datasets={"earlier run": "not given"}),
    ),
)
def change_approved(changes: pd.DataFrame) -> Outcome:
    """An approval shows that somebody knew of a change beforehand; a change without one is a mistake, or worse.

    A change is approved if the register names the object, by its name or id, the setting, and the values before and
    after. Several approvals may lead from one value to the other.
    """
    ok, cells = changes["approval"].eq("approved"), changes.astype(object).where(changes.notna(), None)
    made = [_change_text(*row) for row in zip(*(cells[name] for name in _SHOWN), surely(ok), strict=True)]
    whole = changes[["control", "before", "after"]].notna().all(axis=1) & changes["approved_by"].notna()
    return explained(
        Outcome(
            ok.mask(surely(ok) & ~whole.to_numpy(dtype=bool)),
            observed=pd.Series(made, index=changes.index, dtype=STRING),
            reason="what the change register says of it is not known",
            json_path=changes["json_path"],
        )
    )


_SHOWN = ("control", "before", "after", "approved_by", "ticket", "who", "source")


def _change_text(control: Any, before: Any, after: Any, by: Any, ticket: Any, who: Any, source: Any, ok: bool) -> str:
    """`retry_enabled: true → false, by HANSA\\admin (VBR event 23050 at …)`; else `not attributed`."""
    ordered = f" ({marked('prose', ticket)})" if ticket else ""
    approval = f"approved by {_told(by, 'user')}{ordered}" if ok else ""
    change = f"{control}: {_told(before, 'json')} → {_told(after, 'json')}"
    return ", ".join(part for part in (change, approval, maker_text(who and marked("user", who), source)) if part)


def _told(value: str | None, holds: Holds) -> str:
    return str(None) if value is None else marked(holds, value)


_APPROVAL = {"object_name": "Nightly", "change": "retry_enabled: false → true", "is_due": True}


@check(
    "DRF-004",
    "Each approved change was made",
    severity="low",
    table="approved_changes",
    reads=("is_made", "is_due", "change", "value"),
    expected="the approved value",
    failure="{was|were} not made",
    consequence="could leave a known weakness in place",
    remediation="Make the change; if it is no longer wanted, take its approval out of the change register.",
    examples=(
        Example("PASS", {**_APPROVAL, "is_made": True}),
        Example("FAIL", {**_APPROVAL, "is_made": False, "value": "false"}),
        Example("UNKNOWN", {**_APPROVAL, "is_made": None}),
        Example("UNKNOWN", {**_APPROVAL, "is_made": False, "is_due": None, "value": "false"}),
        Example("NOT_APPLICABLE", {**_APPROVAL, "is_made": False, "is_due": False, "value": "false"}),
        Example("NOT_APPLICABLE", {**_APPROVAL, "is_made": True}, datasets={"earlier run": "not given"}),
    ),
)
def approved_change_made(approvals: pd.DataFrame) -> Outcome:
    """An approval that nobody carries out leaves a weakness that everybody believes to be gone."""
    index, due, is_made = approvals.index, approvals["is_due"], approvals["is_made"]
    is_named = are_known(approvals["change"])
    values = named(approvals["value"], "json")
    valued = are_known(approvals["value"])
    return Outcome(
        is_made.mask(~is_named),
        observed=worded(
            index,
            (is_named & valued, phrased("{}; it is {}", approvals["change"], values, where=is_named & valued)),
            (is_named, approvals["change"]),
        ),
        applies=due,
        reason=worded(
            index,
            (surely_not(due), "the day of the approval has not come"),
            (due.isna(), "the day of the approval is not known"),
            (is_made.isna(), "no setting of such an object is known, or several with unlike values"),
        ),
    )
