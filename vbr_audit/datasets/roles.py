"""Which built-in role may read what, since which revision; custom roles are as the server decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vbr_audit.revisions import OLDEST, is_at_least


class Role(StrEnum):
    """The built-in roles that read over REST, as Veeam names them."""

    ADMINISTRATOR = "Veeam Backup Administrator"
    BACKUP_OPERATOR = "Veeam Backup Operator"
    RESTORE_OPERATOR = "Veeam Restore Operator"
    TAPE_OPERATOR = "Veeam Tape Operator"
    VIEWER = "Veeam Backup Viewer"
    SECURITY_ADMINISTRATOR = "Veeam Security Administrator"
    INCIDENT_OPERATOR = "Incident API Operator"


@dataclass(frozen=True)
class Access:
    """Who may read one dataset: each role with the revision that opened it to that role."""

    since: Mapping[Role, str] = field(default_factory=dict)

    def allows(self, role: Role, revision: str) -> bool:
        """Whether `role` may read it at `revision`, by the vendor's reference."""
        first = self.since.get(role)
        return first is not None and is_at_least(revision, first)

    def roles(self, revision: str) -> tuple[Role, ...]:
        """The roles that may read it at `revision`."""
        return tuple(role for role in self.since if self.allows(role, revision))

    def describe(self) -> str:
        """The roles as one line: `Veeam Backup Administrator, Veeam Security Administrator (from 1.3-rev1)`."""
        return ", ".join(role if first == OLDEST else f"{role} (from {first})" for role, first in self.since.items())


def granted(*roles: Role, **later: str) -> Access:
    """`roles` from the first revision on; `SECURITY_ADMINISTRATOR="1.3-rev1"` adds one from that revision on."""
    since = dict.fromkeys(roles, OLDEST)
    return Access(since | {Role[name]: first for name, first in later.items()})


OPERATORS = (Role.BACKUP_OPERATOR, Role.RESTORE_OPERATOR, Role.TAPE_OPERATOR)

ANYONE = granted(*Role)
ADMINISTRATOR = granted(Role.ADMINISTRATOR)
SECURITY = granted(Role.ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR)
READERS = granted(Role.ADMINISTRATOR, *OPERATORS, Role.VIEWER)
READERS_AND_SECURITY = granted(Role.ADMINISTRATOR, *OPERATORS, Role.VIEWER, SECURITY_ADMINISTRATOR="1.3-rev1")
SESSION_READERS = granted(Role.ADMINISTRATOR, *OPERATORS, Role.VIEWER, SECURITY_ADMINISTRATOR="1.3-rev0")
REPOSITORY_READERS = granted(Role.ADMINISTRATOR, *OPERATORS, Role.VIEWER, SECURITY_ADMINISTRATOR="1.3-rev2")
REPLICA_READERS = granted(Role.ADMINISTRATOR, Role.RESTORE_OPERATOR)
WAN_READERS = granted(Role.ADMINISTRATOR, RESTORE_OPERATOR="1.3-rev1", TAPE_OPERATOR="1.3-rev1")
CREDENTIAL_READERS = granted(
    Role.ADMINISTRATOR,
    Role.SECURITY_ADMINISTRATOR,
    BACKUP_OPERATOR="1.3-rev1",
    RESTORE_OPERATOR="1.3-rev1",
    TAPE_OPERATOR="1.3-rev1",
)
PASSWORD_READERS = granted(Role.ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, BACKUP_OPERATOR="1.3-rev0")
MALWARE_READERS = granted(
    Role.ADMINISTRATOR,
    Role.INCIDENT_OPERATOR,
    BACKUP_OPERATOR="1.3-rev1",
    RESTORE_OPERATOR="1.3-rev1",
    TAPE_OPERATOR="1.3-rev1",
    VIEWER="1.3-rev1",
    SECURITY_ADMINISTRATOR="1.3-rev1",
)
AGENT_READERS = granted(Role.ADMINISTRATOR, Role.RESTORE_OPERATOR, Role.TAPE_OPERATOR)
ENTITY_READERS = granted(Role.ADMINISTRATOR, RESTORE_OPERATOR="1.3-rev2")
RECOVERY_READERS = granted(
    Role.ADMINISTRATOR,
    Role.RESTORE_OPERATOR,
    BACKUP_OPERATOR="1.3-rev1",
    TAPE_OPERATOR="1.3-rev1",
    VIEWER="1.3-rev1",
    SECURITY_ADMINISTRATOR="1.3-rev1",
)
MOUNT_READERS = REPLICA_READERS
ROLE_READERS = granted(Role.ADMINISTRATOR, BACKUP_OPERATOR="1.3-rev2", RESTORE_OPERATOR="1.3-rev2")
CLUSTER_READERS = granted(Role.ADMINISTRATOR, Role.BACKUP_OPERATOR, Role.RESTORE_OPERATOR, Role.VIEWER)
MALWARE_SETTING_READERS = granted(
    Role.ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.BACKUP_OPERATOR, Role.RESTORE_OPERATOR, Role.VIEWER
)
