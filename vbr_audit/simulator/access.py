"""Which role may read what, since which revision; an administrator may read everything."""

from collections.abc import Mapping

from vbr_audit.simulator.revisions import REVISIONS, at_least

ROLES = ("Viewer", "BackupOperator", "RestoreOperator", "SecurityAdministrator", "Administrator")

Access = Mapping[str, str]
"""The roles beside the administrator, each with the first revision that lets it read."""

_ALWAYS = REVISIONS[0]


def _access(*roles: str, **later: str) -> Access:
    return dict.fromkeys(roles, _ALWAYS) | later


ANYONE = _access(*ROLES)
ADMINISTRATOR = _access()
SECURITY = _access("SecurityAdministrator")
READERS = _access("Viewer", "BackupOperator", "RestoreOperator")
JOB_READERS = {**READERS, "SecurityAdministrator": "1.3-rev1"}
SESSION_READERS = {**READERS, "SecurityAdministrator": "1.3-rev0"}
REPOSITORY_READERS = {**READERS, "SecurityAdministrator": "1.3-rev2"}
ROLE_READERS = _access(BackupOperator="1.3-rev2", RestoreOperator="1.3-rev2")
REPLICA_READERS = _access("RestoreOperator")
WAN_READERS = _access(RestoreOperator="1.3-rev1")
CREDENTIAL_READERS = _access("SecurityAdministrator", BackupOperator="1.3-rev1", RestoreOperator="1.3-rev1")
PASSWORD_READERS = _access("SecurityAdministrator", BackupOperator="1.3-rev0")
MALWARE_READERS = dict.fromkeys(("Viewer", "BackupOperator", "RestoreOperator", "SecurityAdministrator"), "1.3-rev1")
RECOVERY_READERS = _access(
    "RestoreOperator", Viewer="1.3-rev1", BackupOperator="1.3-rev1", SecurityAdministrator="1.3-rev1"
)
ENTITY_READERS = _access(RestoreOperator="1.3-rev2")
MALWARE_SETTING_READERS = _access("Viewer", "BackupOperator", "RestoreOperator", "SecurityAdministrator")


def may_read(role: str, access: Access, revision: str) -> bool:
    """Tell whether a role may read at a revision what `access` guards."""
    first = access.get(role)
    return role == "Administrator" or (first is not None and at_least(revision, first))
