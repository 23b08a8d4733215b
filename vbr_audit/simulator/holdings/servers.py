"""The machines of the backup infrastructure: managed servers, proxies and their states, WAN accelerators."""

from dataclasses import dataclass

from vbr_audit.simulator.holdings.world import SECRET, SHAPE_12, World, cased
from vbr_audit.simulator.identity import ZERO
from vbr_audit.simulator.revisions import at_least

Json = dict[str, object]

_DOMAIN = ".hansa.example"


@dataclass(frozen=True, slots=True)
class _Host:
    name: str
    type: str
    about: str
    status: str = "Available"
    updates: str = "NotAvailable"
    first: str = "1.1-rev0"


_HOSTS = (
    _Host("vbr01", "WindowsHost", "Backup server"),
    _Host("hardened01", "LinuxHost", "Hardened repository, Hamburg"),
    _Host("hardened02", "LinuxHost", "Hardened repository, Frankfurt", updates="OutOfDate"),
    _Host("repo03", "LinuxHost", "Extent A of the scale-out repository"),
    _Host("repo04", "LinuxHost", "Extent B of the scale-out repository"),
    _Host("proxy01", "WindowsHost", "Backup proxy, Hamburg"),
    _Host("proxy02", "WindowsHost", "Backup proxy, Hamburg", updates="LastInstallFailed"),
    _Host("proxy03", "WindowsHost", "Backup proxy, Frankfurt", status="Unavailable"),
    _Host("wan01", "WindowsHost", "WAN accelerator, Hamburg"),
    _Host("wan02", "WindowsHost", "WAN accelerator, Frankfurt"),
    _Host("vcenter01", "ViHost", "vCenter, Hamburg"),
    _Host("vcenter02", "ViHost", "vCenter, Frankfurt"),
    _Host("vcd", "CloudDirectorHost", "Tenants", first=SHAPE_12),
    _Host("hv-cluster01", "HvCluster", "Branch offices", first="1.3-rev0"),
)


@dataclass(frozen=True, slots=True)
class _Proxy:
    name: str
    host: str
    type: str = "ViProxy"
    mode: str = "Auto"
    encrypted: bool = True
    disabled: bool = False
    online: bool = True
    outdated: bool = False
    first: str = "1.1-rev0"


_PROXIES = (
    _Proxy("proxy01.hansa.example", "proxy01", mode="VirtualAppliance"),
    _Proxy("proxy02.hansa.example", "proxy02", mode="Network", encrypted=False, outdated=True),
    _Proxy("proxy03.hansa.example", "proxy03", online=False),
    _Proxy("VMware Backup Proxy", "vbr01", disabled=True),
    _Proxy("Hyper-V off-host proxy", "repo03", type="HvProxy", first="1.3-rev0"),
    _Proxy("File proxy", "proxy01", type="GeneralPurposeProxy", first="1.3-rev0"),
)


def managed_server_rows(world: World, revision: str) -> list[Json]:
    """Every managed server whose kind the revision knows."""
    return [_server(host, world, revision) for host in _HOSTS if at_least(revision, host.first)]


def _server(host: _Host, world: World, revision: str) -> Json:
    row: Json = {
        "id": world.id("host", host.name),
        "name": host.name + _DOMAIN,
        "description": host.about,
        "type": host.type,
    }
    if at_least(revision, SHAPE_12):
        row["status"] = host.status
    match host.type:
        case "WindowsHost":
            return row | _windows(host, world, revision)
        case "LinuxHost":
            return row | _linux(host, world, revision)
        case "ViHost":
            vi = {"credentialsId": world.id("credentials", "vcenter"), "viHostType": "VC", "port": 443}
            return row | vi
        case "CloudDirectorHost":
            return row | {
                "credentialsId": world.id("credentials", "vcenter"),
                "url": "https://vcd.hansa.example:443",
                "viServers": [],
            }
    return row | {"credentialsId": world.id("credentials"), "childServers": [{"hvServerName": "hv01.hansa.example"}]}


def _windows(host: _Host, world: World, revision: str) -> Json:
    row: Json = {"credentialsId": world.id("credentials") if host.name != "vbr01" else ZERO}
    row["networkSettings"] = {"components": [], "portRangeStart": 2500, "portRangeEnd": 3300, "serverSide": False}
    if at_least(revision, "1.3-rev0"):
        row |= {
            "credentialsStorageType": "Permanent",
            "isBackupServer": host.name == "vbr01",
            "isDefaultMountServer": host.name == "vbr01",
            "updatesState": host.updates,
        }
    return row


def _linux(host: _Host, world: World, revision: str) -> Json:
    """One hardened repository was added with credentials that are used once; some revisions can show them."""
    single = host.name == "hardened01"
    row: Json = {
        "credentialsStorageType": "SingleUse" if single else "Permanent",
        "credentialsId": ZERO if single else world.id("credentials", "linux"),
        "sshSettings": {"sshTimeOutMs": 20000, "portRangeStart": 2500, "portRangeEnd": 3300, "serverSide": False},
    }
    if single:
        once: Json = {
            "username": "veeamrepo",
            "password": f"{SECRET}-single-use",
            "description": "Used once",
            "type": "Linux",
        }
        if at_least(revision, "1.3-rev0"):
            once["authenticationType"] = "Password"
        row["singleUseCredentials"] = once
    if at_least(revision, "1.3-rev0"):
        row |= {"isBackupServer": False, "updatesState": host.updates, "isDefaultMountServer": False}
        if host.name == "repo03":
            row |= {"credentialsStorageType": "Certificate", "credentialsId": ZERO}
            row |= {"handshakeCode": f"{SECRET}-handshake", "isVBRLinuxAppliance": True}
    return row


def proxy_rows(world: World, revision: str) -> list[Json]:
    """Every backup proxy whose kind the revision knows."""
    return [_proxy(each, world, revision) for each in _proxies(revision)]


def _proxies(revision: str) -> list[_Proxy]:
    return [each for each in _PROXIES if at_least(revision, each.first)]


def _proxy_head(each: _Proxy, world: World) -> Json:
    return {
        "id": world.id("proxy", each.name),
        "name": each.name,
        "description": f"{each.type} on {each.host}",
        "type": each.type,
    }


def _proxy(each: _Proxy, world: World, revision: str) -> Json:
    server: Json = {"hostId": world.id("host", each.host), "maxTaskCount": 4}
    if at_least(revision, "1.3-rev0"):
        server["hostName"] = each.host + _DOMAIN
    if each.type == "ViProxy":
        server |= {
            "transportMode": cased(each.mode, revision),
            "failoverToNetwork": True,
            "hostToProxyEncryption": each.encrypted,
            "connectedDatastores": {"autoSelectEnabled": True, "datastores": []},
        }
    return _proxy_head(each, world) | {"server": server}


def proxy_state_rows(world: World, revision: str) -> list[Json]:
    """Which proxies are on, online and up to date."""
    return [
        _proxy_head(each, world)
        | {
            "hostId": world.id("host", each.host),
            "hostName": each.host + _DOMAIN,
            "isDisabled": each.disabled,
            "isOnline": each.online,
            "isOutOfDate": each.outdated,
        }
        for each in _proxies(revision)
    ]


def wan_accelerator_rows(world: World, _: str) -> list[Json]:
    """The two WAN accelerators, one at either end."""
    return [
        {
            "id": world.id("wan accelerator", host),
            "name": host + _DOMAIN,
            "server": {
                "hostId": world.id("host", host),
                "description": "WAN accelerator",
                "trafficPort": 6165,
                "streamsCount": 5,
                "highBandwidthModeEnabled": False,
            },
            "cache": {"cacheFolder": "D:\\VeeamWAN", "cacheSize": 100, "cacheSizeUnit": "GB"},
        }
        for host in ("wan01", "wan02")
    ]
