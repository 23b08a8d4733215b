"""The datasets of what the licence is used for: workloads with an instance, hosts with sockets."""

from __future__ import annotations

from typing import Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset
from vbr_audit.tables.build.fields import Table, flag, own_id, real, text, whole, word
from vbr_audit.tables.build.schema import ObjectKind

INSTANCES: Final = Table(
    "license_instances",
    "One row per workload that uses the instance licence, as of the collection (`/license/instances`, from 1.2-rev1 "
    "on).",
    (
        own_id("instance_id", "The id of the workload in the licence.", "instanceId"),
        text("name", "The workload's name.", "name", holds="object"),
        text("host_name", "The host that the workload runs on, or its equivalent.", "hostName", holds="host"),
        text(
            "workload_type",
            "The workload's type, as the server wrote it, e.g. `VM`, `Server` or `Application`.",
            "type",
            holds="word",
        ),
        real("used_instances", "Number of instances that the workload uses.", "usedInstancesNumber", unit="instances"),
        flag("can_be_revoked", "The licence can be revoked manually. From 1.3-rev1 on.", "canBeRevoked"),
    ),
    key=("instance_id",),
    also_known="displayName platformType",
    kind=ObjectKind("licensed workload", "instance_id", "name"),
)

SOCKETS: Final = Table(
    "license_sockets",
    "One row per host that the socket licence counts, as of the collection (`/license/sockets`, from 1.2-rev1 on).",
    (
        own_id("host_id", "The host's id.", "hostId"),
        text("name", "The host's name.", "name", holds="host"),
        text("host_name", "The name of the host that this host belongs to.", "hostName", holds="host"),
        whole("sockets", "Number of CPU sockets.", "socketsNumber", unit="sockets"),
        whole("cores", "Number of CPU cores.", "coresNumber", unit="cores"),
        word(
            "type",
            "The licence that covers the host; Unlicensed if none does.",
            "type",
            known=("HyperV", "Universal", "Unlicensed", "vSphere"),
        ),
    ),
    key=("host_id",),
    kind=ObjectKind("licensed host", "host_id", "name"),
)

CARDS: Final = (
    Dataset(
        INSTANCES,
        "Workloads with an instance licence",
        "license/instances",
        access=roles.ADMINISTRATOR,
        first_revision="1.2-rev1",
        key=("instanceId",),
        order="Name",
    ),
    Dataset(
        SOCKETS,
        "Hosts with a socket licence",
        "license/sockets",
        access=roles.ADMINISTRATOR,
        first_revision="1.2-rev1",
        key=("hostId",),
        order="Name",
    ),
)
