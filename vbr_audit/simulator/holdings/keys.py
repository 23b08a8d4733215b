"""Credentials, cloud credentials, encryption passwords and key servers; some answers carry a secret to watch."""

from dataclasses import dataclass

from vbr_audit.simulator.holdings.world import SECRET, World
from vbr_audit.simulator.revisions import at_least

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Account:
    key: str
    username: str
    about: str
    days: int
    type: str = "Standard"
    ssh_key: bool = True
    root: bool = False
    first: str = "1.1-rev0"


_ACCOUNTS = (
    _Account("", "HANSA\\svc-veeam-guest", "Guest processing", 210),
    _Account("vcenter", "svc-veeam@vsphere.local", "vCenter", 120),
    _Account("nas", "HANSA\\svc-veeam-nas", "NAS shares", 90),
    _Account("linux", "veeam", "Linux repositories and servers", 300, "Linux"),
    _Account("old", "HANSA\\administrator", "Domain administrator, from the pilot", 1460),
    _Account("root", "root", "Old Linux servers", 800, "Linux", ssh_key=False, root=True),
    _Account("gmsa", "HANSA\\gmsa-veeam$", "Group managed account", 60, "ManagedService", first="1.3-rev0"),
)


def credential_rows(world: World, revision: str) -> list[Json]:
    """Every credentials record; revisions before 1.3 can show the key of a Linux account."""
    return [_credential(each, world, revision) for each in _ACCOUNTS if at_least(revision, each.first)]


def _credential(each: _Account, world: World, revision: str) -> Json:
    row: Json = {
        "id": world.id("credentials", each.key),
        "username": each.username,
        "description": each.about,
        "type": each.type,
        "creationTime": world.since(each.days),
        "uniqueId": f"credentials-{each.key or 'guest'}",
    }
    if each.type != "Linux":
        return row
    elevated = "elevateToRoot" if at_least(revision, "1.1-rev1") else "autoElevated"
    row |= {"SSHPort": 22, elevated: each.root, "addToSudoers": each.root, "useSu": False}
    if at_least(revision, "1.3-rev0"):
        row["authenticationType"] = "SshKey" if each.ssh_key else "Password"
    elif each.ssh_key:
        row |= {"privateKey": f"-----BEGIN KEY----- {SECRET}-key", "passphrase": f"{SECRET}-passphrase"}
    return row


def cloud_credential_rows(world: World, revision: str) -> list[Json]:
    """Every cloud account, one of them with a client secret."""
    subscription = {
        "tenantId": world.id("azure", "tenant"),
        "applicationId": world.id("azure", "application"),
        "secret": f"{SECRET}-subscription",
        "subscriptions": [],
    }
    kinds: tuple[tuple[str, str, int, Json], ...] = (
        ("S3Compatible", "Amazon", 100, {"accessKey": "hansa-veeam"}),
        ("AmazonS3", "Amazon", 700, {"accessKey": "AKIAHANSACAPACITY"}),
        ("AmazonS3Glacier", "Amazon", 200, {"accessKey": "AKIAHANSAARCHIVE"}),
        ("AzureBlob", "AzureStorage", 150, {"account": "hansaveeam"}),
        (
            "AzureCompute",
            "AzureCompute",
            80,
            {
                "connectionName": "Hansa Azure",
                "deployment": {"deploymentType": "MicrosoftAzure", "region": "Global"},
                "subscription": subscription,
            },
        ),
    )
    rows: list[Json] = []
    for key, kind, days, more in kinds:
        row: Json = {"id": world.id("cloud credentials", key), "description": key, "type": kind}
        if at_least(revision, "1.3-rev0"):
            row["lastModified"] = world.since(days)
        rows.append(row | more | {"uniqueId": f"cloud-{key}"})
    return rows


def encryption_password_rows(world: World, revision: str) -> list[Json]:
    """The passwords that jobs encrypt with: the present one, an old one, and one that came with an import."""
    rows: list[Json] = []
    for key, hint, days, imported in (
        ("", "Backups 2025, in the safe", 190, False),
        ("old", "Backups 2021", 1700, False),
        ("imported", "From the Leeds server", 420, True),
    ):
        row: Json = {
            "id": world.id("password", key),
            "hint": hint,
            "modificationTime": world.since(days),
            "uniqueId": f"backup-{key or '2025'}",
        }
        if at_least(revision, "1.3-rev0"):
            row["isImported"] = imported
        rows.append(row)
    return rows


def kms_server_rows(world: World, _: str) -> list[Json]:
    """The one key management server."""
    return [
        {
            "id": world.id("kms"),
            "name": "kms01.hansa.example",
            "description": "Key management",
            "type": "KMS",
            "port": 5696,
            "serverCertificateThumbprint": "6F2C9A1BD0E35D7740B1A9C2E1F0D3B4A5968778",
            "clientCertificateThumbprint": "0AB1C2D3E4F5061728394A5B6C7D8E9F00112233",
        }
    ]
