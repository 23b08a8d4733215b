"""The datasets `proxies`, `proxy_states`, `managed_servers` and `wan_accelerators`."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset
from vbr_audit.tables.build.enums import listed
from vbr_audit.tables.build.fields import Field, Table, flag, ident, joined, moment, own_id, text, whole, word
from vbr_audit.tables.build.schema import ObjectKind, Sheet

PROXY_TYPES: Final = ("ViProxy", "HvProxy", "GeneralPurposeProxy", "NutanixAHV", "PVE")
"""The types of backup proxies."""

MANAGED_SERVER_TYPES: Final = listed(
    """
    WindowsHost LinuxHost ViHost CloudDirectorHost HvServer HvCluster SCVMM SmbV3Cluster SmbV3StandaloneHost
    NutanixCluster PrismCentral ProxmoxNode ProxmoxCluster
    """
)
"""The types of managed servers."""

PROXIES: Final = Table(
    "proxies",
    "One row per backup proxy with its settings, as of the collection (`/backupInfrastructure/proxies`).",
    (
        own_id("proxy_id", "The proxy's id.", "id"),
        text("name", "The proxy's name.", "name", holds="host"),
        text("description", "The proxy's description.", "description", holds="prose"),
        word(
            "type", "The proxy type: ViProxy, HvProxy, GeneralPurposeProxy, NutanixAHV, PVE.", "type", known=PROXY_TYPES
        ),
        ident("host_id", "The id of the managed server that it runs on.", "server.hostId"),
        text("host_name", "The name of that server. From 1.3-rev0 on.", "server.hostName", holds="host"),
        word(
            "transport_mode",
            "The transport mode for disks of VMware machines.",
            "server.transportMode",
            known=("Auto", "DirectAccess", "VirtualAppliance", "Network"),
        ),
        flag(
            "failover_to_network", "The proxy reads over the network if its own mode fails.", "server.failoverToNetwork"
        ),
        flag(
            "host_to_proxy_encryption",
            "Data that the proxy reads over the network is encrypted.",
            "server.hostToProxyEncryption",
        ),
        whole("max_tasks", "Maximum number of concurrent tasks.", "server.maxTaskCount", unit="tasks"),
    ),
    key=("proxy_id",),
    kind=ObjectKind("proxy", "proxy_id", "name", nouns=("proxy", "proxies")),
)

PROXY_STATES: Final = Table(
    "proxy_states",
    "One row per backup proxy with its state, as of the collection (`/backupInfrastructure/proxies/states`, "
    "from 1.3-rev0 on).",
    (
        own_id("proxy_id", "The proxy's id.", "id"),
        text("name", "The proxy's name.", "name", holds="host"),
        word(
            "type", "The proxy type: ViProxy, HvProxy, GeneralPurposeProxy, NutanixAHV, PVE.", "type", known=PROXY_TYPES
        ),
        ident("host_id", "The id of the managed server that it runs on.", "hostId"),
        text("host_name", "The name of that server.", "hostName", holds="host"),
        flag("is_disabled", "The proxy is disabled.", "isDisabled"),
        flag("is_online", "The proxy can be reached.", "isOnline"),
        flag("is_out_of_date", "The proxy's components are out of date.", "isOutOfDate"),
    ),
    key=("proxy_id",),
    also_known="description",
    kind=ObjectKind("proxy", "proxy_id", "name", nouns=("proxy", "proxies")),
)

MANAGED_SERVERS: Final = Table(
    "managed_servers",
    "One row per managed server, as of the collection (`/backupInfrastructure/managedServers`).",
    (
        own_id("managed_server_id", "The managed server's id.", "id"),
        text("name", "The managed server's name or address.", "name", holds="host"),
        text("description", "The managed server's description.", "description", holds="prose"),
        word(
            "type",
            "The server type: a Windows or Linux machine, a host or manager of virtual machines.",
            "type",
            known=MANAGED_SERVER_TYPES,
        ),
        word("status", "Available or Unavailable.", "status", known=("Available", "Unavailable")),
        word(
            "updates_state",
            "Windows, Linux and Hyper-V machines only: the state of updates. From 1.3-rev0 on.",
            "updatesState",
            known=listed(
                "CheckInProgress Installing LastInstallFailed Available NotAvailable CheckUpdatesFailed OutOfDate"
            ),
        ),
        moment("auto_update_deadline", "The deadline for installing updates.", "autoUpdateDeadline"),
        flag("is_backup_server", "It is the backup server itself. From 1.3-rev0 on.", "isBackupServer"),
        flag(
            "is_default_mount_server",
            "It is the default mount server. From 1.3-rev0 on.",
            "isDefaultMountServer",
        ),
        flag("is_appliance", "It is a Veeam Linux appliance.", "isVBRLinuxAppliance"),
        word(
            "credentials_storage_type",
            "How the backup server signs in: stored credentials, single-use credentials, or a certificate.",
            "credentialsStorageType",
            known=("Permanent", "SingleUse", "Certificate"),
        ),
        ident("credentials_id", "The id of the credentials that the backup server signs in with.", "credentialsId"),
        joined(
            "vi_credentials_ids",
            "Cloud Director only: credentials ids of its VMware servers, joined by commas.",
            "viServers[].viCredentialsId",
            holds="ids",
        ),
        word("vi_host_type", "VMware only: ESX, ESXi or VC.", "viHostType", known=("ESX", "ESXi", "VC")),
        ident("parent_id", "The id of the managed server that it belongs to.", "parentHostId"),
        text("parent_name", "The name of that server.", "parentHostName", holds="host"),
    ),
    key=("managed_server_id",),
    also_known="""
        networkSettings singleUseCredentials sshSettings handshakeCode optionalComponents port url
        certificateThumbprint maxTaskCount childServers addAllServers
    """,
    kind=ObjectKind("managed server", "managed_server_id", "name"),
)

_UNITS: Final = ("B", "KB", "MB", "GB", "TB", "PB")


def _add_cache_bytes(arrays: dict[str, Any]) -> None:
    factors = {unit: 1024**power for power, unit in enumerate(_UNITS)}
    sizes: list[Any] = []
    for size, unit in zip(arrays["cache_size"], arrays["cache_size_unit"], strict=True):
        known = size is not pd.NA and unit is not pd.NA and unit in factors
        sizes.append(size * factors[unit] if known and abs(size) <= 2**63 // factors[unit] - 1 else pd.NA)
    arrays["cache_bytes"] = pd.array(sizes, dtype="Int64")


WAN_ACCELERATORS: Final = Table(
    "wan_accelerators",
    "One row per WAN accelerator, as of the collection (`/backupInfrastructure/wanAccelerators`, from 1.2-rev1 on).",
    (
        own_id("wan_accelerator_id", "The WAN accelerator's id.", "id"),
        text("name", "The WAN accelerator's name.", "name", holds="host"),
        ident("host_id", "The id of the managed server that it runs on.", "server.hostId"),
        text("description", "The WAN accelerator's description.", "server.description", holds="prose"),
        flag("high_bandwidth_mode", "High bandwidth mode is enabled.", "server.highBandwidthModeEnabled"),
        whole("streams", "Number of data connections.", "server.streamsCount", unit="streams"),
        text("cache_folder", "The cache folder.", "cache.cacheFolder", holds="path"),
        whole("cache_size", "The cache size in `cache_size_unit`.", "cache.cacheSize"),
        word("cache_size_unit", "The unit of `cache_size`.", "cache.cacheSizeUnit", known=_UNITS),
        Field("cache_bytes", "Int64", "The cache size.", unit="bytes"),
    ),
    key=("wan_accelerator_id",),
    complete=_add_cache_bytes,
    kind=ObjectKind("WAN accelerator", "wan_accelerator_id", "name"),
    sheet=Sheet("WAN accelerators"),
)

CARDS: Final = (
    Dataset(
        PROXIES,
        "Backup proxies",
        "backupInfrastructure/proxies",
        order="Name",
    ),
    Dataset(
        PROXY_STATES,
        "Backup proxy states",
        "backupInfrastructure/proxies/states",
        first_revision="1.3-rev0",
        order="Name",
    ),
    Dataset(
        MANAGED_SERVERS,
        "Managed servers",
        "backupInfrastructure/managedServers",
        order="Name",
        sensitive=True,
    ),
    Dataset(
        WAN_ACCELERATORS,
        "WAN accelerators",
        "backupInfrastructure/wanAccelerators",
        access=roles.WAN_READERS,
        first_revision="1.2-rev1",
        order="Name",
    ),
)
