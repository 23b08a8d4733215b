"""Checks of the machines that protection groups hold: whether their agents work, answer and protect them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.dates import minute_text, older_than
from vbr_audit.checks.logic.machine_names import are_nameless, find_machine, held_by_name
from vbr_audit.checks.logic.three_valued import named, nullable, one_of, surely, surely_not, surely_one, worded
from vbr_audit.tables.build.arrays import are_known

_BROKEN: Final = ("Failed", "NotInstalled", "UnsupportedOperatingSystem")
_KNOWN_STATUSES: Final = (*_BROKEN, "Installed", "UpgradeRequired")
_TYPES: Final = ("Computer", "Cluster", "ActiveDirectory")

_SOUND = {"type": "Computer", "agent_status": "Installed"}
_REACHED = {"type": "Computer", "state": "Online"}
_AWAY = {"type": "Computer", "state": "Offline"}
_HELD = {"name": "win-001.hansa.example", "restore_points_count": 14}
_MACHINE = {"type": "Computer", "name": "win-001.hansa.example"}


@check(
    "AGT-001",
    "The machine's agent works",
    severity="medium",
    table="discovered_entities",
    reads=("agent_status", "type"),
    json_path="agentStatus",
    expected="Installed",
    failure="{has} an agent that failed, is missing, is unsupported or needs an upgrade",
    consequence="could miss {its} next backups",
    remediation="Inventory > Physical Infrastructure: read the error of the last rescan; reinstall the agent.",
    examples=(
        Example("PASS", _SOUND),
        Example("FAIL", {**_SOUND, "agent_status": "Failed"}, severity="medium"),
        Example("FAIL", {**_SOUND, "agent_status": "NotInstalled"}, severity="medium"),
        Example("FAIL", {**_SOUND, "agent_status": "UnsupportedOperatingSystem"}, severity="medium"),
        Example("FAIL", {**_SOUND, "agent_status": "UpgradeRequired"}, severity="low"),
        Example("UNKNOWN", {**_SOUND, "agent_status": "Unknown"}),
        Example("UNKNOWN", {**_SOUND, "agent_status": "NotInitialized"}),
        Example("UNKNOWN", {**_SOUND, "agent_status": None}),
        Example("UNKNOWN", {"type": None, "agent_status": "Installed"}),
        Example("NOT_APPLICABLE", {"type": "Cluster"}),
        Example("NOT_APPLICABLE", {"type": "ActiveDirectory"}),
    ),
)
def agent_works(entities: pd.DataFrame) -> Outcome:
    """A machine in a protection group should be protected, but without a working agent no job can reach it.

    An agent that only needs an upgrade fails with low severity. Clusters and directory objects have no agent.
    """
    status, computer = entities["agent_status"], _is_computer(entities)
    works = (status == "Installed").mask(~surely_one(status, *_KNOWN_STATUSES))
    return explained(
        Outcome(
            works,
            observed=named(status, "word"),
            severity=worded(entities.index, (status == "UpgradeRequired", "low")),
            applies=computer,
            reason=worded(
                entities.index,
                (surely_not(computer), "it is no computer, so that it has no agent"),
                (computer.isna(), "type is missing in the answer, or not known to this check"),
                (status.isna(), "agentStatus is missing in the answer"),
                default="the server does not know the state of the agent",
            ),
        )
    )


@check(
    "AGT-002",
    "The machine was reached recently",
    severity="low",
    table="discovered_entities",
    reads=("state", "last_connected", "type"),
    json_path="state",
    expected="online, or reached in the last {max_days} days",
    failure="{is} not online and {was} not reached in the last {max_days} days",
    consequence="could be without a recent backup",
    remediation="Inventory > Physical Infrastructure: rescan the machine; remove it from the group if it is gone.",
    examples=(
        Example("PASS", _REACHED),
        Example("PASS", {**_AWAY, "last_connected": hours_ago(14 * 24)}),
        Example("FAIL", {**_AWAY, "last_connected": hours_ago(14 * 24 + 1)}),
        Example("FAIL", {**_AWAY, "last_connected": hours_ago(25)}, params={"max_days": 1}),
        Example("FAIL", {**_AWAY, "state": "Unknown", "last_connected": hours_ago(500)}),
        Example("UNKNOWN", {**_AWAY, "state": "Unknown", "last_connected": hours_ago(2)}),
        Example("UNKNOWN", {**_AWAY, "state": None, "last_connected": hours_ago(2)}),
        Example("UNKNOWN", {**_AWAY, "last_connected": None}),
        Example("UNKNOWN", {"state": "Online", "type": None}),
        Example("NOT_APPLICABLE", {"type": "ActiveDirectory"}),
    ),
)
def machine_reached(
    entities: pd.DataFrame,
    *,
    now: dt.datetime,
    max_days: Annotated[int, param("Days that a machine may be unreachable.", unit="days", ge=1)] = 14,
) -> Outcome:
    """Jobs skip a machine that they cannot reach, and report it every night until nobody reads the message.

    A machine that is offline now but was reached recently passes: laptops travel.
    """
    state, computer = entities["state"], _is_computer(entities)
    stale = older_than(entities["last_connected"], dt.timedelta(days=max_days), now=now)
    online, offline = surely_one(state, "Online"), surely_one(state, "Offline")
    away = surely(stale) & ~online
    is_known = online | (offline & are_known(stale))
    last = minute_text(entities["last_connected"])
    return explained(
        Outcome(
            nullable(~away, ~(is_known | away), entities.index),
            observed=worded(
                entities.index,
                (online, "online"),
                (entities["last_connected"].notna(), [f"last reached {moment}" for moment in last]),
                (offline, "offline"),
            ),
            applies=computer,
            reason=worded(
                entities.index,
                (surely_not(computer), "it is no computer"),
                (computer.isna(), "type is missing in the answer, or not known to this check"),
                (offline, "it is offline, and since date unknown"),
                default="whether it can be reached is not reported",
            ),
        )
    )


@check(
    "AGT-003",
    "The machine of a protection group has a restore point",
    severity="medium",
    tables=("discovered_entities", "backup_objects"),
    aggregates=("backup_objects",),
    reads=("name", "type", "backup_objects.name", "backup_objects.restore_points_count"),
    json_path="name",
    expected="an object of a backup with this name and a restore point",
    failure="{is} in no backup with a restore point",
    consequence="could be lost for good",
    remediation="Jobs > Backup > Agent: add the group or the machine to a job; or remove it from the group.",
    examples=(
        Example("PASS", _MACHINE, {"backup_objects": [_HELD]}),
        Example("PASS", _MACHINE, {"backup_objects": [{**_HELD, "name": "WIN-001"}]}),
        Example("PASS", {**_MACHINE, "type": "Cluster"}, {"backup_objects": [_HELD]}),
        Example("PASS", _MACHINE, {"backup_objects": [{**_HELD, "restore_points_count": 0}, _HELD]}),
        Example("FAIL", _MACHINE, {"backup_objects": [{**_HELD, "restore_points_count": 0}]}),
        Example("FAIL", _MACHINE, {"backup_objects": [{**_HELD, "name": "win-001.other.example"}]}),
        Example("FAIL", _MACHINE, {"backup_objects": [{**_HELD, "name": None}, {**_HELD, "name": "win-002"}]}),
        Example("FAIL", _MACHINE),
        Example("UNKNOWN", _MACHINE, {"backup_objects": [{**_HELD, "restore_points_count": None}]}),
        Example("UNKNOWN", _MACHINE, {"backup_objects": [{**_HELD, "name": None}]}),
        Example("UNKNOWN", {**_MACHINE, "name": None}, {"backup_objects": [_HELD]}),
        Example("UNKNOWN", {**_MACHINE, "type": None}, {"backup_objects": [_HELD]}),
        Example("UNKNOWN", _MACHINE, {"backup_objects": [_HELD]}, datasets={"backup_objects": "partial"}),
        Example("NOT_APPLICABLE", {**_MACHINE, "type": "ActiveDirectory"}),
    ),
)
def grouped_machine_protected(entities: pd.DataFrame, objects: pd.DataFrame) -> Outcome:
    """A machine that is in a protection group but in no job looks protected, but is not.

    Names match if they are equal, ignoring case, or if their host names are equal and one of them has no domain. It
    does not matter whether an agent job or a job of the platform created the restore point.
    """
    kind = entities["type"]
    machine = one_of(kind, ("Computer", "Cluster")).mask(~surely_one(kind, *_TYPES))
    held, codes, nameless = held_by_name(objects), codes_of(entities["name"]), are_nameless(objects)
    protected = np.array([*(find_machine(held, str(name))[1] for name in codes.texts), None], dtype=object)[codes.rows]
    unclear = np.array([answer is None or (nameless and not answer) for answer in protected.tolist()], dtype=bool)
    answers = np.array([answer is True for answer in protected.tolist()], dtype=bool)
    return explained(
        Outcome(
            nullable(answers, unclear, entities.index),
            observed=worded(entities.index, (answers, "held by a backup"), (~unclear, "in no backup")),
            applies=machine,
            reason=worded(
                entities.index,
                (surely_not(machine), "it is an object of a directory, not a machine"),
                (machine.isna(), "type is missing in the answer, or not known to this check"),
                (entities["name"].isna(), "name is missing in the answer"),
                (np.full(len(entities), nameless), "no object of the backups has a name in the answer"),
                default="how many restore points the object of this name has is not reported",
            ),
        )
    )


@check(
    "AGT-004",
    "The protection group is enabled",
    severity="low",
    table="protection_groups",
    reads=("is_disabled",),
    json_path="isDisabled",
    expected="enabled",
    failure="{is} disabled",
    consequence="could leave {its} machines without backups",
    remediation="Inventory > Physical Infrastructure: enable the group; delete it if its machines are gone.",
    examples=(
        Example("PASS", {"is_disabled": False}),
        Example("FAIL", {"is_disabled": True}),
        Example("UNKNOWN", {"is_disabled": None}),
    ),
)
def group_enabled(groups: pd.DataFrame) -> Outcome:
    """A disabled protection group is not scanned: new machines get no agent, and failures are not detected."""
    off = groups["is_disabled"]
    return Outcome(~off, observed=worded(groups.index, (off, "disabled"), (~off, "enabled")))


def _is_computer(entities: pd.DataFrame) -> pd.Series:
    kind = entities["type"]
    return (kind == "Computer").mask(~surely_one(kind, *_TYPES))
