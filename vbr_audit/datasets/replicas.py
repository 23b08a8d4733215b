"""The datasets `replicas` and `replica_points`."""

from __future__ import annotations

from typing import Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.backups import platform
from vbr_audit.datasets.card import Dataset
from vbr_audit.tables.build.enums import SEVERITIES, listed
from vbr_audit.tables.build.fields import Table, ident, moment, own_id, text, word
from vbr_audit.tables.build.schema import ObjectKind

_STATES: Final = listed("Ready Processing SureBackup Failover FailedFailover PermanentFailover Failback ReadyToSwitch")

REPLICAS: Final = Table(
    "replicas",
    "One row per replica, as of the collection (`/replicas`, from 1.2-rev1 on).",
    (
        own_id("replica_id", "The replica's id.", "id"),
        text("name", "The replica's name.", "name", holds="job"),
        word("type", "The replica type: Regular, CDP, Snapshot.", "type", known=("Regular", "CDP", "Snapshot")),
        ident("job_id", "The id of the replica's job.", "jobId"),
        text("policy_unique_id", "The id of its retention policy.", "policyUniqueId", "policyTag", holds="id"),
        platform(),
        ident("platform_id", "The id of the platform.", "platformId"),
        moment("created", "When the replica was created; not reported for CDP.", "creationTime"),
        word("state", "Ready, or the replica's current operation; not reported for CDP.", "state", known=_STATES),
    ),
    key=("replica_id",),
    kind=ObjectKind("replica", "replica_id", "name", causes=(("job", "job_id"),)),
)

POINTS: Final = Table(
    "replica_points",
    "One row per restore point of a replica, as of the collection (`/replicaPoints`, from 1.2-rev1 on).",
    (
        own_id("replica_point_id", "The restore point's id.", "id"),
        ident("replica_id", "The id of its replica.", "replicaId"),
        text("name", "The object's name.", "name", holds="object"),
        platform(),
        moment("created", "When the restore point was created.", "creationTime"),
        word("state", "The state of the replica.", "state", known=_STATES),
        word("malware_status", "The malware status of the restore point.", "malwareStatus", known=SEVERITIES),
    ),
    key=("replica_point_id",),
    also_known="platformId allowedOperations",
)

CARDS: Final = (
    Dataset(
        REPLICAS,
        "Replicas",
        "replicas",
        access=roles.REPLICA_READERS,
        first_revision="1.2-rev1",
        order="Name",
    ),
    Dataset(
        POINTS,
        "Replica restore points",
        "replicaPoints",
        access=roles.REPLICA_READERS,
        first_revision="1.2-rev1",
        order="CreationTime",
    ),
)
