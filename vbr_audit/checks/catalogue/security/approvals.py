"""Checks of four-eyes authorization: what two people must agree on, and what one person changed alone."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import hours_between, minute_text, older_than
from vbr_audit.checks.logic.three_valued import named, nullable, one_of, places_of, surely, surely_not, worded
from vbr_audit.tables.build.arrays import are_missing

_UNDECIDED: Final = ("Pending", "Expired")
_DECIDED: Final = ("Approved", "Rejected")
_NO_REQUEST: Final = ("Info", "CockpitMessage")
_FOUR_EYES: Final = r"four[\s-]?eyes"
_OFF: Final = r"\b(?:disabl\w*|deactivat\w*|(?:switch|turn)\w*\s+off)\b"
_USER_OR_ROLE: Final = r"\b(?:users?|roles?)\b"

_APPROVED = {
    "state": "Approved",
    "created_by": r"HANSA\backupadmin",
    "processed_by": r"HANSA\s.meier",
    "name": "Delete backup",
}
_ALONE = {**_APPROVED, "processed_by": r"hansa\BackupAdmin"}
_WAITING = {"state": "Pending"}
_ADDED = {"state": "Info", "name": "Add user"}
_EARLIER_INFO = {"state": "Info", "created": hours_ago(9)}
_OFF_AGREED = {**_APPROVED, "name": "Disable four-eyes authorization"}
_SWITCHED = {"state": "Info", "name": "Four-eyes authorization settings updated"}


@check(
    "SEC-002",
    "Four-eyes authorization is in use",
    severity="medium",
    tables=("servers", "authorization_events"),
    aggregates=("authorization_events",),
    reads=(
        "authorization_events.state",
        "authorization_events.created_by",
        "authorization_events.processed_by",
        "authorization_events.created",
        "authorization_events.name",
        "server",
        "authorization_events.server",
    ),
    json_path="state",
    expected="requests for approval in the period, each decided by somebody else than who asked",
    failure="{has} four-eyes authorization switched off, or requests that their own author approved",
    consequence="could lose all backups through one person",
    remediation="Main menu > Users and Roles > Authorization: require additional approval for sensitive operations.",
    examples=(
        Example("PASS", {}, {"authorization_events": [_APPROVED]}),
        Example("PASS", {}, {"authorization_events": [_WAITING]}),
        Example("PASS", {}, {"authorization_events": [{"state": "Expired"}]}),
        Example("PASS", {}, {"authorization_events": [_APPROVED, _ADDED]}),
        Example(
            "PASS",
            {},
            {
                "authorization_events": [
                    {**_WAITING, "created": hours_ago(3)},
                    {"state": "Info", "created": hours_ago(9)},
                ]
            },
        ),
        Example("PASS", {}, {"authorization_events": [{**_APPROVED, "name": "Disable job"}]}),
        Example("FAIL", {}, {"authorization_events": [_APPROVED, _ALONE]}),
        *(
            Example("FAIL", {}, {"authorization_events": [{**_OFF_AGREED, "created": hours_ago(2)}, at_once]})
            for at_once in ({**_SWITCHED, "created": hours_ago(2)}, {**_WAITING, "created": hours_ago(2)})
        ),
        Example(
            "FAIL",
            {},
            {
                "authorization_events": [
                    {**_OFF_AGREED, "created": hours_ago(12)},
                    {**_WAITING, "created": hours_ago(9)},
                    {**_OFF_AGREED, "created": hours_ago(2)},
                ]
            },
        ),
        Example(
            "FAIL",
            {},
            {
                "authorization_events": [
                    {**_APPROVED, "created": hours_ago(12)},
                    {**_OFF_AGREED, "created": hours_ago(2)},
                ]
            },
        ),
        Example(
            "UNKNOWN",
            {},
            {
                "authorization_events": [
                    {**_OFF_AGREED, "created": hours_ago(12)},
                    {**_SWITCHED, "created": hours_ago(2)},
                ]
            },
        ),
        Example(
            "UNKNOWN",
            {},
            {"authorization_events": [{**_WAITING, "created": hours_ago(9)}, {**_SWITCHED, "created": hours_ago(3)}]},
        ),
        Example(
            "UNKNOWN",
            {},
            {"authorization_events": [{**_WAITING, "created": hours_ago(9)}, {**_SWITCHED, "created": hours_ago(9)}]},
        ),
        Example(
            "UNKNOWN",
            {},
            {
                "authorization_events": [
                    {**_WAITING, "created": hours_ago(5)},
                    _EARLIER_INFO,
                    {**_SWITCHED, "created": hours_ago(3)},
                ]
            },
        ),
        Example(
            "PASS",
            {},
            {
                "authorization_events": [
                    {**_WAITING, "created": hours_ago(12)},
                    _EARLIER_INFO,
                    {**_WAITING, "created": hours_ago(3)},
                ]
            },
        ),
        Example(
            "UNKNOWN",
            {},
            {"authorization_events": [{**_WAITING, "created": hours_ago(3)}, _EARLIER_INFO, _SWITCHED]},
        ),
        Example("UNKNOWN", {}, {"authorization_events": [_APPROVED, {**_APPROVED, "name": None}]}),
        Example("UNKNOWN", {}, {"authorization_events": [_ADDED]}),
        Example("UNKNOWN", {}),
        Example("UNKNOWN", {}, {"authorization_events": [_APPROVED]}, datasets={"authorization_events": "partial"}),
    ),
)
def four_eyes_in_use(servers: pd.DataFrame, events: pd.DataFrame) -> Outcome:
    """One compromised or malicious administrator can delete every backup unless a second one must approve.

    The API has no such setting: only a request for approval shows that it was on. Without a request, it is not known
    whether it is on; a request proves nothing if the setting itself was changed after it. After an approved request to
    switch it off, one account is enough until a later request shows that it is on again.
    """
    own = events[(places_of(events["server"], servers["server"]) >= 0)]
    alone = surely(_approved_alone(own))
    about = own["name"].str.contains(_FOUR_EYES, case=False, regex=True)
    off = surely(about & own["name"].str.contains(_OFF, case=False, regex=True) & (own["state"] == "Approved"))
    proof = ~off & surely(one_of(own["state"], _UNDECIDED) | (one_of(own["state"], _DECIDED) & ~_approved_alone(own)))
    changed = ~surely(one_of(own["state"], (*_UNDECIDED, *_DECIDED))) & ~surely_not(about)
    newest, last_change = own["created"][proof].max(), own["created"][changed].max()
    last_off = own["created"][off].max()
    undated = bool((changed | off).any()) and bool(own["created"][proof | changed | off].isna().any())
    # What was approved and bears no name may have been the request to switch it off.
    unnamed = bool((are_missing(about) & surely(own["state"] == "Approved")).any())
    stands = bool(proof.any()) and not undated and not unnamed and (not changed.any() or bool(newest > last_change))
    stands &= not off.any() or bool(newest > last_off)
    ended = bool(off.any()) and not undated and not bool(newest > last_off) and not bool(last_change > last_off)
    count = int(proof.sum())
    few = np.full(len(servers), bool(alone.any()))
    over = np.full(len(servers), ended) & ~few
    moment = minute_text(own["created"][off].nlargest(1))
    certain = np.full(len(servers), stands) & ~few
    return explained(
        Outcome(
            nullable(certain, ~certain & ~few & ~over, servers.index),
            observed=worded(
                servers.index,
                (few, f"{int(alone.sum())} requests approved by the same account that asked"),
                (over, f"switched off with approval: {moment[0] if len(moment) else 'date unknown'}"),
                (certain, f"requests for approval in the period: {count}"),
            ),
            reason=worded(
                servers.index,
                (np.full(len(servers), count > 0), "settings of four-eyes authorization may have changed since"),
                default="no request for approval with both accounts in the period, and the API has no such setting",
            ),
        )
    )


@check(
    "SEC-003",
    "Requests for approval are decided in time",
    severity="medium",
    table="authorization_events",
    reads=("state", "created"),
    json_path="state",
    expected="approved or rejected; pending for at most {max_pending_days} days",
    failure="{has} expired, or {has} been pending for more than {max_pending_days} days",
    consequence="could leave a needed change undone, or a strange one unnoticed",
    remediation="Home > Pending Approvals: approve or reject the request; find out why nobody reviewed it.",
    examples=(
        Example("PASS", {"state": "Approved"}),
        Example("PASS", {"state": "Rejected"}),
        Example("PASS", {"state": "Pending", "created": hours_ago(7 * 24)}),
        Example("FAIL", {"state": "Pending", "created": hours_ago(7 * 24 + 1)}),
        Example("FAIL", {"state": "Expired", "created": hours_ago(9 * 24)}),
        Example("UNKNOWN", {"state": "Pending", "created": None}),
        Example("UNKNOWN", {"state": "Postponed", "created": hours_ago(1)}),
        Example("NOT_APPLICABLE", {"state": "Info"}),
    ),
)
def requests_decided(
    events: pd.DataFrame,
    *,
    now: dt.datetime,
    max_pending_days: Annotated[int, param("Maximum number of days that a request is pending.", unit="days", ge=0)] = 7,
) -> Outcome:
    """An undecided request blocks legitimate work, and shows that nobody reviews malicious requests either."""
    state, created = events["state"], events["created"]
    decided, pending = surely(one_of(state, _DECIDED)), surely(state == "Pending")
    late = older_than(created, dt.timedelta(days=max_pending_days), now=now)
    expired, aside = surely(state == "Expired"), surely(one_of(state, _NO_REQUEST))
    open_ = pending & are_missing(late)
    good = decided | (pending & surely_not(late))
    since = [f"pending for {max(days, 0):.0f} days" for days in hours_between(created, now).fillna(0) / 24]
    return explained(
        Outcome(
            nullable(good, ~(good | expired | (pending & surely(late))), events.index),
            observed=worded(events.index, (pending & ~open_, since), (state.notna(), named(state.str.lower(), "word"))),
            applies=nullable(~aside, np.zeros(len(events), dtype=bool), events.index),
            reason=worded(
                events.index,
                (aside, "it is no request for approval"),
                (open_, "since when it has been pending is not reported"),
                (state.notna(), "the server names a state that this check does not know"),
                default="state is missing in the answer",
            ),
        )
    )


@check(
    "SEC-007",
    "Changes to users and roles were approved by a second person",
    severity="info",
    table="authorization_events",
    reads=("name", "state", "created_by", "processed_by", "created"),
    json_path="name",
    expected="approved by another account than the one that made the change",
    failure="changed users or roles without approval by a second person",
    consequence="could have given somebody rights that nobody checked",
    remediation="Main menu > Users and Roles: compare each change with its ticket; require approval for such changes.",
    examples=(
        Example("PASS", {**_APPROVED, "name": "Update user"}),
        Example("FAIL", {"created_by": "a", "created": hours_ago(3), **_ADDED}),
        Example("FAIL", {**_ALONE, "name": "Delete role"}),
        Example("UNKNOWN", {**_APPROVED, "name": "Update user", "processed_by": None}),
        Example("UNKNOWN", {"name": "Update user", "state": "Postponed"}),
        Example("UNKNOWN", {"name": None, "state": "Info"}),
        Example("NOT_APPLICABLE", {"name": "Update user", "state": "Rejected"}),
        Example("NOT_APPLICABLE", _APPROVED),
    ),
)
def account_changes_approved(events: pd.DataFrame) -> Outcome:
    """Anyone who can assign roles can assign themselves all roles: auditors ask for each such change in the period."""
    about = events["name"].str.contains(_USER_OR_ROLE, case=False, regex=True).astype("boolean")
    state, alone = events["state"], _approved_alone(events)
    approved, informed = surely(state == "Approved"), surely(state == "Info")
    undone = surely(one_of(state, (*_UNDECIDED, "Rejected", "CockpitMessage")))
    good, bad = approved & surely_not(alone), informed | surely(alone)
    who = "by " + named(events["created_by"], "user").fillna("an account that is not named")
    when = worded(events.index, (events["created"].notna(), minute_text(events["created"])), default="date unknown")
    return explained(
        Outcome(
            nullable(good, ~(good | bad), events.index),
            observed=worded(
                events.index,
                (good, "approved by " + named(events["processed_by"], "user")),
                (bad, who + ", without a second person (" + when + ")"),
            ),
            applies=about & nullable(~undone, np.zeros(len(events), dtype=bool), events.index),
            reason=worded(
                events.index,
                (surely_not(about), "by its name it is not about users or roles"),
                (undone, "it was not carried out"),
                (events["name"].isna(), "name is missing in the answer"),
                (approved, "who asked or who approved is not reported"),
                default="the state of the event is missing or not known to this check",
            ),
        )
    )


def _approved_alone(events: pd.DataFrame) -> pd.Series:
    """Whether a decided request was decided by the account that asked; NA where one is not reported, no for others."""
    same = (events["created_by"].str.casefold() == events["processed_by"].str.casefold()).astype("boolean")
    decided = surely(one_of(events["state"], _DECIDED))
    return same.where(decided, False)
