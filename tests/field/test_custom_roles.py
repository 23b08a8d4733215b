"""What custom roles permit, read one by one below the list of roles."""

from __future__ import annotations

from typing import Any

import pytest
from small_server import SmallServer, audited, finding, id_of, statuses_of

ROLES = "security/roles"
WIDE: dict[str, Any] = {
    "manageBackups": True,
    "manageRestores": True,
    "inventoryScope": {"entireInventory": True},
    "repositoryScope": {"allRepositories": True},
    "restorePermissionsScope": {
        "restoreBackupScope": {"entireBackupScope": True},
        "restoreOptions": {"allOptions": True},
    },
    "restoreTargetScope": {"entireBackupScope": True},
}


@pytest.fixture
def vbr() -> SmallServer:
    server = SmallServer("1.3-rev2", now="2026-11-01T06:00:00+01:00")
    server.add(ROLES, {"id": id_of("role", "Backup Viewer"), "name": "Backup Viewer", "isBuiltIn": True})
    return server


def add_role(vbr: SmallServer, name: str, **details: Any) -> None:
    row = vbr.add(ROLES, {"id": id_of("role", name), "name": name, "isBuiltIn": False})
    vbr.objects[f"{ROLES}/{row['id']}/details"] = {"id": row["id"], "name": name, **WIDE, **details}


def audit_of(vbr: SmallServer) -> Any:
    return audited(vbr, only="SEC EVD", month="2026-10", timezone="Europe/Berlin")


def test_each_custom_role_is_judged_by_its_own_scopes(vbr: SmallServer) -> None:
    add_role(vbr, "Engineering")
    add_role(vbr, "Service desk", manageBackups=False)
    add_role(vbr, "Plant Leeds", repositoryScope={"allRepositories": False, "repositories": []})
    add_role(vbr, "Untold", inventoryScope=None)
    audit = audit_of(vbr)
    expected = {"Engineering": "FAIL", "Service desk": "PASS", "Plant Leeds": "PASS", "Untold": "UNKNOWN"}
    assert statuses_of(audit, "SEC-021") == expected
    assert finding(audit, "SEC-021", "Plant Leeds")["observed"] == "repositories are limited"
    proof = audit.explain(finding(audit, "SEC-021", "Engineering")["finding_id"])
    assert any("details" not in line and "custom_roles/" in line for line in str(proof).splitlines())


def test_a_role_that_cannot_be_read_is_a_gap_and_takes_nothing_from_the_others(vbr: SmallServer) -> None:
    add_role(vbr, "Engineering")
    add_role(vbr, "Service desk", manageBackups=False)
    vbr.statuses[f"{ROLES}/{id_of('role', 'Service desk')}/details"] = 404
    audit = audit_of(vbr)
    record = next(each for each in audit.snapshot.manifest.datasets if each.name == "custom_roles")
    assert record.status == "partial"
    assert "below 1 of 2 roles nothing could be read" in (record.reason or "")
    assert finding(audit, "SEC-021", "Engineering")["status"] == "FAIL"
    assert not audit.findings.query("check_id == 'SEC-021' and status == 'PASS'").size


def test_nothing_is_asked_below_built_in_roles(vbr: SmallServer) -> None:
    audit = audit_of(vbr)
    record = next(each for each in audit.snapshot.manifest.datasets if each.name == "custom_roles")
    assert (record.status, record.pages, record.rows_received) == ("complete", 0, 0)
    assert "FAIL" not in statuses_of(audit, "SEC-021").values()
