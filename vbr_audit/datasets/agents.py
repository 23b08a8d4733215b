"""The datasets `protection_groups` and `discovered_entities`: machines that agents protect, and whether they answer."""

from __future__ import annotations

from typing import Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset, Shape
from vbr_audit.tables.build.fields import Table, flag, ident, moment, own_id, text, word
from vbr_audit.tables.build.schema import ObjectKind

PROTECTION_GROUPS: Final = Table(
    "protection_groups",
    "One row per protection group, as of the collection (`/agents/protectionGroups`, from 1.3-rev0 on).",
    (
        own_id("protection_group_id", "The group's id.", "id"),
        text("name", "The group's name.", "name", holds="group"),
        text("description", "The group's description.", "description", holds="prose"),
        word(
            "type",
            "How machines are added to the group.",
            "type",
            known=(
                *("ManuallyAdded", "Unmanaged", "IndividualComputers", "ADObjects", "CSVFile", "PreInstalledAgents"),
                *("CloudMachines", "MongoDB", "Iris"),
            ),
        ),
        flag("is_disabled", "The group is disabled: its machines are not scanned.", "isDisabled"),
    ),
    key=("protection_group_id",),
    also_known="""
    activeDirectory advancedSettings cloudAccount cloudMachines computerNames computers credentials exclusions file
    options servers
    """,
    kind=ObjectKind("protection group", "protection_group_id", "name"),
)

DISCOVERED_ENTITIES: Final = Table(
    "discovered_entities",
    "One row per protection group and discovered machine, cluster or directory object, as of the last scan "
    "(`/agents/discoveredEntities`; before 1.3-rev2, from 1.3-rev0 on, "
    "`/agents/protectionGroups/{id}/discoveredEntities`).",
    (
        own_id("entity_id", "The entity's id.", "id"),
        text("name", "The entity's name.", "name", holds="object"),
        ident("protection_group_id", "The id of the protection group that contains it.", "protectionGroupId"),
        word(
            "type",
            "The entity's type: Computer, Cluster or ActiveDirectory.",
            "type",
            known=("Computer", "Cluster", "ActiveDirectory"),
        ),
        word("state", "Computers only: Online, Offline or Unknown.", "state", known=("Unknown", "Online", "Offline")),
        word(
            "agent_status",
            "Computers only: the agent's state.",
            "agentStatus",
            known=(
                *("Installed", "NotInstalled", "UpgradeRequired", "Failed", "UnsupportedOperatingSystem", "Unknown"),
                "NotInitialized",
            ),
        ),
        text("agent_version", "Computers only: the agent's version.", "agentVersion", holds="word"),
        flag("reboot_required", "Computers only: the computer requires a restart.", "rebootRequired"),
        moment("last_connected", "Computers only: when the agent was last reached.", "lastConnected"),
        flag("is_trusted", "Computers only: the certificate is known and current.", "isTrusted"),
    ),
    key=("entity_id", "protection_group_id"),
    also_known="""
    driverStatus driverVersion ipAddresses operatingSystem operatingSystemPlatform operatingSystemVersion
    operatingSystemUpdateVersion objectId biosUuid plugins parentId domain entity embeddedRecoveryMediaState
    """,
    kind=ObjectKind("agent machine", "entity_id", "name"),
)

CARDS: Final = (
    Dataset(
        PROTECTION_GROUPS,
        "Protection groups",
        "agents/protectionGroups",
        access=roles.AGENT_READERS,
        first_revision="1.3-rev0",
        order="Name",
        sensitive=True,
    ),
    Dataset(
        DISCOVERED_ENTITIES,
        "Machines of protection groups",
        "agents/discoveredEntities",
        access=roles.ENTITY_READERS,
        first_revision="1.3-rev2",
        key=("id", "protectionGroupId"),
        order="Name",
        earlier=(
            Dataset(
                DISCOVERED_ENTITIES,
                "Machines of protection groups",
                "agents/protectionGroups/{id}/discoveredEntities",
                Shape.EACH,
                roles.ENTITY_READERS,
                first_revision="1.3-rev0",
                key=("id", "protectionGroupId"),
                order="Name",
                parent="protection_groups",
                parent_key="protectionGroupId",
            ),
        ),
    ),
)
