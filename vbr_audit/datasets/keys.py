"""The datasets of what opens doors: `credentials`, `cloud_credentials`, `encryption_passwords`, `kms_servers`.

Names, kinds, ages and switches only: a key, a secret or a password is never read into a column.
"""

from __future__ import annotations

from typing import Final

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset
from vbr_audit.tables.build.fields import Table, flag, moment, own_id, text, whole, word
from vbr_audit.tables.build.schema import ObjectKind, Sheet

CREDENTIALS: Final = Table(
    "credentials",
    "One row per credentials record, as of the collection (`/credentials`).",
    (
        own_id("credentials_id", "The record's id.", "id"),
        text("username", "The account's name.", "username", holds="user"),
        text("description", "The record's description.", "description", holds="prose"),
        word(
            "type",
            "The type of the credentials: Standard, Linux, ManagedService.",
            "type",
            known=("Standard", "Linux", "ManagedService"),
        ),
        moment(
            "created",
            "When the record was created; the server does not report later password changes.",
            "creationTime",
        ),
        word(
            "authentication_type",
            "Linux only: authentication by key or by password. From 1.3-rev0 on.",
            "authenticationType",
            known=("SshKey", "Password"),
        ),
        flag("elevate_to_root", "Linux only: the account is elevated to root.", "elevateToRoot", "autoElevated"),
        flag("add_to_sudoers", "Linux only: the account is added to the sudoers file.", "addToSudoers"),
        flag("use_su", "Linux only: `su` is used if `sudo` fails.", "useSu"),
        whole("ssh_port", "Linux only: the SSH port.", "SSHPort"),
        text("unique_id", "The id that is the same on other servers.", "uniqueId", "tag", holds="id"),
    ),
    key=("credentials_id",),
    also_known="privateKey passphrase password rootPassword isDefaultAppliance",
    kind=ObjectKind("credentials", "credentials_id", "username", nouns=("credential record", "credential records")),
    sheet=Sheet(rank=70),
)

CLOUD_CREDENTIALS: Final = Table(
    "cloud_credentials",
    "One row per cloud credentials record, as of the collection (`/cloudCredentials`).",
    (
        own_id("cloud_credentials_id", "The record's id.", "id"),
        text(
            "name",
            "The name of the account or connection; NA for access keys, which are not read.",
            "account",
            "connectionName",
            "name",
            holds="user",
        ),
        text("description", "The record's description.", "description", holds="prose"),
        word(
            "type",
            "The type of cloud.",
            "type",
            known=("AzureStorage", "AzureCompute", "Amazon", "Google", "GoogleService"),
        ),
        moment("last_modified", "When the record was last changed. From 1.3-rev0 on.", "lastModified"),
        text("unique_id", "The id that is the same on other servers.", "uniqueId", "tag", holds="id"),
    ),
    key=("cloud_credentials_id",),
    also_known="accessKey secretKey deployment subscription projectId",
    kind=ObjectKind(
        "cloud credentials",
        "cloud_credentials_id",
        "name",
        nouns=("cloud credential record", "cloud credential records"),
    ),
)

ENCRYPTION_PASSWORDS: Final = Table(
    "encryption_passwords",
    "One row per encryption password, as of the collection (`/encryptionPasswords`).",
    (
        own_id("encryption_password_id", "The id of the password record.", "id"),
        text("hint", "The password hint.", "hint", holds="hint"),
        moment("modified", "When it was last changed.", "modificationTime"),
        flag(
            "is_imported", "The password was imported with backups of another server. From 1.3-rev0 on.", "isImported"
        ),
        text("unique_id", "The id that is the same on other servers.", "uniqueId", "tag", holds="id"),
    ),
    key=("encryption_password_id",),
    also_known="password",
    kind=ObjectKind("encryption password", "encryption_password_id", "hint"),
)

KMS_SERVERS: Final = Table(
    "kms_servers",
    "One row per key management server, as of the collection (`/kmsServers`, from 1.2-rev1 on).",
    (
        own_id("kms_server_id", "The key management server's id.", "id"),
        text("name", "The key management server's name or address.", "name", holds="host"),
        text("description", "The key management server's description.", "description", holds="prose"),
        word("type", "The type of key management server.", "type", known=("KMS",)),
        whole("port", "The key management server's port.", "port"),
    ),
    key=("kms_server_id",),
    also_known="serverCertificateThumbprint clientCertificateThumbprint",
    sheet=Sheet("KMS servers"),
)

CARDS: Final = (
    Dataset(
        CREDENTIALS,
        "Credentials",
        "credentials",
        access=roles.CREDENTIAL_READERS,
        order="Username",
        sensitive=True,
        accounts=("username", "description"),
    ),
    Dataset(
        CLOUD_CREDENTIALS,
        "Cloud credentials",
        "cloudCredentials",
        access=roles.SECURITY,
        order="Name",
        sensitive=True,
        accounts=("account", "accessKey", "description"),
    ),
    Dataset(
        ENCRYPTION_PASSWORDS,
        "Encryption passwords",
        "encryptionPasswords",
        access=roles.PASSWORD_READERS,
        order="ModificationTime",
        sensitive=True,
        accounts=("hint",),
    ),
    Dataset(
        KMS_SERVERS,
        "Key management servers",
        "kmsServers",
        access=roles.SECURITY,
        first_revision="1.2-rev1",
        order="Name",
        sensitive=True,
    ),
)
