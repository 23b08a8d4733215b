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
        text("name", "Its name.", "name", holds="group"),
        text("description", "Its description.", "description", holds="prose"),
        word(
            "type",
            "How its machines are found.",
            "type",
            known=(
                *("ManuallyAdded", "Unmanaged", "IndividualComputers", "ADObjects", "CSVFile", "PreInstalledAgents"),
                *("CloudMachines", "MongoDB", "Iris"),
            ),
        ),
        flag("is_disabled", "It is switched off: its machines are not scanned.", "isDisabled"),
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
    "One row per machine, cluster or directory object and group, as of the last scan "
    "(`/agents/discoveredEntities`; before 1.3-rev2, from 1.3-rev0 on, "
    "`/agents/protectionGroups/{id}/discoveredEntities`).",
    (
        own_id("entity_id", "Its id.", "id"),
        text("name", "Its name.", "name", holds="object"),
        ident("protection_group_id", "The protection group that holds it.", "protectionGroupId"),
        word(
            "type",
            "Computer, Cluster or ActiveDirectory.",
            "type",
            known=("Computer", "Cluster", "ActiveDirectory"),
        ),
        word("state", "Of computers: Online, Offline or Unknown.", "state", known=("Unknown", "Online", "Offline")),
        word(
            "agent_status",
            "Of computers: the state of the agent.",
            "agentStatus",
            known=(
                *("Installed", "NotInstalled", "UpgradeRequired", "Failed", "UnsupportedOperatingSystem", "Unknown"),
                "NotInitialized",
            ),
        ),
        text("agent_version", "Of computers: the version of the agent.", "agentVersion", holds="word"),
        flag("reboot_required", "Of computers: it waits for a restart.", "rebootRequired"),
        moment("last_connected", "Of computers: when the agent was last reached.", "lastConnected"),
        flag("is_trusted", "Of computers: its certificate is known and current.", "isTrusted"),
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
