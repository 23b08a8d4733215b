"""Checks of what the licence is used for."""

from __future__ import annotations

from typing import Final

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, explained
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.codes import codes_of
from vbr_audit.checks.logic.machine_names import are_nameless, find_machine, held_by_name
from vbr_audit.checks.logic.three_valued import named, one_of, surely_not, surely_one, worded

_MACHINES: Final = ("VM", "Server", "Workstation")
_COVERED: Final = ("HyperV", "Universal", "vSphere")

_WORKLOAD: Final = {"workload_type": "VM", "name": "win-001.hansa.example", "used_instances": 1.0}
_HELD: Final = {"name": "WIN-001", "restore_points_count": 3}
_REPLICA: Final = {"name": "win-001.hansa.example"}


@check(
    "LIC-005",
    "The workload that uses the licence is protected",
    severity="low",
    tables=("license_instances", "backup_objects", "replicas"),
    aggregates=("backup_objects", "replicas"),
    reads=(
        "name",
        "workload_type",
        "used_instances",
        "backup_objects.name",
        "backup_objects.restore_points_count",
        "replicas.name",
    ),
    json_path="name",
    expected="a backup with a restore point, or a replica, of this name",
    failure="{is} in no backup and no replica",
    consequence="could be lost for good, although a licence is used",
    remediation="Main menu > License > Instances: revoke it if it needs no protection; otherwise add it to a job.",
    examples=(
        Example("PASS", _WORKLOAD, {"backup_objects": [_HELD]}),
        Example("PASS", {**_WORKLOAD, "workload_type": "Server"}, {"backup_objects": [_HELD]}),
        Example("PASS", _WORKLOAD, {"replicas": [_REPLICA]}),
        Example("FAIL", _WORKLOAD, {"backup_objects": [{**_HELD, "restore_points_count": 0}]}),
        Example(
            "FAIL", _WORKLOAD, {"backup_objects": [{**_HELD, "name": "win-002"}], "replicas": [{"name": "win-003"}]}
        ),
        Example("FAIL", {**_WORKLOAD, "workload_type": "Workstation"}),
        Example("UNKNOWN", _WORKLOAD, {"backup_objects": [{**_HELD, "restore_points_count": None}]}),
        Example("UNKNOWN", _WORKLOAD, {"backup_objects": [{**_HELD, "name": None}]}),
        Example("UNKNOWN", _WORKLOAD, {"replicas": [{"name": None}]}),
        Example("UNKNOWN", {**_WORKLOAD, "name": None}, {"backup_objects": [_HELD]}),
        Example("UNKNOWN", {**_WORKLOAD, "workload_type": None}, {"backup_objects": [_HELD]}),
        Example("UNKNOWN", {**_WORKLOAD, "used_instances": None}, {"backup_objects": [_HELD]}),
        Example("UNKNOWN", _WORKLOAD, {"backup_objects": [_HELD]}, datasets={"replicas": "denied"}),
        Example("NOT_APPLICABLE", {**_WORKLOAD, "workload_type": "Application"}),
        Example("NOT_APPLICABLE", {**_WORKLOAD, "used_instances": 0.0}),
    ),
)
def licensed_are_protected(workloads: pd.DataFrame, objects: pd.DataFrame, replicas: pd.DataFrame) -> Outcome:
    """A licence instance of an unprotected machine is paid for, and is not available for the next machine.

    The check covers machines only: applications and shares have other names in the licence than in the backups.
    """
    held, codes = held_by_name(objects), codes_of(workloads["name"])
    copies = held_by_name(replicas.assign(restore_points_count=pd.array([1] * len(replicas), dtype="Int64")))
    blind = are_nameless(objects) or are_nameless(replicas)
    names = [str(name) for name in codes.texts]
    is_protected = [_either(find_machine(held, name)[1], find_machine(copies, name)[1]) for name in names]
    answers = pd.Series(pd.array([*is_protected, None], dtype="boolean").take(codes.rows), index=workloads.index)
    protected = answers.mask(surely_not(answers) & blind)
    machine, used = one_of(workloads["workload_type"], _MACHINES), workloads["used_instances"] > 0
    return explained(
        Outcome(
            protected,
            observed=worded(workloads.index, (protected, "protected"), (~protected, "in no backup and no replica")),
            applies=machine & used,
            reason=worded(
                workloads.index,
                (surely_not(machine), "it is no machine"),
                (surely_not(used), "it uses no instance"),
                ((machine & used).isna(), "what it is, or how many instances it uses, is not reported"),
                (workloads["name"].isna(), "name is missing in the answer"),
                default="whether the objects of this name have a restore point is not reported",
            ),
        )
    )


def _either(first: bool | None, second: bool | None) -> bool | None:
    if first or second:
        return True
    return False if first is False and second is False else None


@check(
    "LIC-006",
    "The host is covered by a socket licence",
    severity="medium",
    table="license_sockets",
    reads=("type",),
    json_path="type",
    expected="a licence for its platform, or a universal one",
    failure="{is} not covered by a socket licence",
    consequence="could be left out of backups",
    remediation="Main menu > License > Sockets: revoke hosts that are no longer protected, or extend the licence.",
    examples=(
        Example("PASS", {"type": "vSphere"}),
        Example("PASS", {"type": "HyperV"}),
        Example("PASS", {"type": "Universal"}),
        Example("FAIL", {"type": "Unlicensed"}),
        Example("UNKNOWN", {"type": "Floating"}),
        Example("UNKNOWN", {"type": None}),
    ),
)
def host_is_licensed(hosts: pd.DataFrame) -> Outcome:
    """The next job run skips machines on a host without a licence, and the job ends with a warning at most."""
    kind = hosts["type"]
    covered = one_of(kind, _COVERED).mask(~surely_one(kind, *_COVERED, "Unlicensed"))
    return explained(
        Outcome(
            covered,
            observed=named(kind, "word"),
            reason=worded(
                hosts.index,
                (kind.isna(), "type is missing in the answer"),
                default="the server names a licence that this check does not know",
            ),
        )
    )
