"""What the simulator says, held against the vendor's specification where that lies beside the checkout."""

import json
from functools import cache
from pathlib import Path

import pytest

from vbr_audit.simulator.access import may_read
from vbr_audit.simulator.endpoints import ENDPOINTS

OPENAPI = Path(__file__).parents[3] / "shared" / "openapi"
pytestmark = pytest.mark.skipif(not OPENAPI.exists(), reason="needs the specifications beside the checkout")
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}
ROLES = {
    "Viewer": "Veeam Backup Viewer",
    "BackupOperator": "Veeam Backup Operator",
    "RestoreOperator": "Veeam Restore Operator",
    "SecurityAdministrator": "Veeam Security Administrator",
    "Administrator": "Veeam Backup Administrator",
}
REVISIONS = ["1.2-rev1", "1.3-rev1"]


@cache
def specification(revision):
    return json.loads((OPENAPI / f"{revision}.json").read_text(encoding="utf-8"))


def schemas(revision):
    return specification(revision)["components"]["schemas"]


def paths(revision):
    return specification(revision)["paths"]


class Reader:
    """Walks a value along its schema and notes what does not fit: names, required names, enum values."""

    def __init__(self, revision):
        self.schemas = schemas(revision)
        self.problems = set()

    def target(self, schema):
        parts = schema.get("allOf", [])
        if "$ref" not in schema and len(parts) == 1:
            schema = parts[0]
        return self.schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def flat(self, schema, seen=()):
        """All properties, required names and enum values, through every allOf."""
        if "$ref" in schema:
            name = schema["$ref"]
            return ({}, set(), None) if name in seen else self.flat(self.target(schema), (*seen, name))
        properties, required, values = (
            dict(schema.get("properties", {})),
            set(schema.get("required", [])),
            schema.get("enum"),
        )
        for part in schema.get("allOf", []):
            more, needed, allowed = self.flat(part, seen)
            properties, required, values = more | properties, required | needed, values or allowed
        return properties, required, values

    def read(self, value, schema, where):
        target = self.target(schema)
        chooser = target.get("discriminator")
        if chooser and isinstance(value, dict):
            # Kinds without a model of their own have the properties of the base.
            model = chooser["mapping"].get(value.get(chooser["propertyName"]))
            schema = {"$ref": model} if model else schema
        properties, required, values = self.flat(schema)
        if isinstance(value, dict):
            # A name may be required that the model does not have: 1.2-rev1 does so once.
            self.problems |= {f"{where}: {name} is missing" for name in (required & set(properties)) - set(value)}
            for name, inner in value.items():
                if name in properties:
                    self.read(inner, properties[name], f"{where}.{name}")
                else:
                    self.problems.add(f"{where}: {name} is unknown")
        elif isinstance(value, list):
            for inner in value:
                self.read(inner, target.get("items", {}), f"{where}[]")
        elif value is not None and values and value not in values:
            self.problems.add(f"{where}: {value!r} is no value of it")
        elif value is not None and not isinstance(value, TYPES.get(target.get("type"), object)):
            self.problems.add(f"{where}: {value!r} is no {target['type']}")


ROWS = {
    "jobs": "JobModel",
    "jobs/states": "JobStateModel",
    "sessions": "SessionModel",
    "taskSessions": "TaskSessionModel",
    "backups": "BackupModel",
    "backupObjects": "BackupObjectModel",
    "restorePoints": "ObjectRestorePointModel",
    "replicas": "ReplicaModel",
    "replicaPoints": "ReplicaPointModel",
    "backupInfrastructure/repositories": "RepositoryModel",
    "backupInfrastructure/repositories/states": "RepositoryStateModel",
    "backupInfrastructure/scaleOutRepositories": "ScaleOutRepositoryModel",
    "backupInfrastructure/proxies": "ProxyModel",
    "backupInfrastructure/proxies/states": "ProxyStateModel",
    "backupInfrastructure/managedServers": "ManagedServerModel",
    "backupInfrastructure/wanAccelerators": "WANAcceleratorModel",
    "credentials": "CredentialsModel",
    "cloudCredentials": "CloudCredentialsModel",
    "encryptionPasswords": "EncryptionPasswordModel",
    "kmsServers": "KeyManagementServerBaseModel",
    "globalExclusions/vm": "GlobalVMExclusionModel",
    "malwareDetection/events": "SuspiciousActivityEventModel",
    "authorization/events": "AuthorizationEventModel",
    "security/users": "UserModel",
}
OBJECTS = {
    "serverTime": "ServerTimeModel",
    "serverInfo": "ServerInfoModel",
    "serverCertificate": "CertificateModel",
    "license": "InstalledLicenseModel",
    "configBackup": "ConfigBackupModel",
    "generalOptions": "GeneralOptionsModel",
    "generalOptions/emailSettings": "GeneralOptionsEmailSettingsBaseModel",
    "generalOptions/notifications": "GeneralOptionsNotificationsModel",
    "generalOptions/eventForwarding": "GeneralOptionsEventForwardingModel",
    "trafficRules": "GlobalNetworkTrafficRulesModel",
    "securityAnalyzer/bestPractices": "BestPracticesComplianceResult",
    "securityAnalyzer/lastRun": "SessionModel",
    "securityAnalyzer/schedule": "SecurityAnalyzerScheduleSettingsModel",
    "security/settings": "UserRoleSettingsModel",
}


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(("path", "model"), ROWS.items())
def test_rows_fit_the_specification(start, revision, path, model):
    reader = Reader(revision)
    client = start(asking=revision, revision=revision, role="Administrator", jobs=60, sessions=400)
    if f"/api/v1/{path}" not in paths(revision):
        assert client.get(path).status_code in {400, 404}
        return
    rows = client.rows(path)
    assert rows
    for row in rows:
        reader.read(row, {"$ref": f"#/components/schemas/{model}"}, row.get("type", model))
    assert not reader.problems


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(("path", "model"), [("objects", "BackupObjectModel"), ("backupFiles", "BackupFileModel")])
def test_rows_of_a_backup_fit_the_specification(start, revision, path, model):
    reader = Reader(revision)
    client = start(asking=revision, revision=revision, jobs=60, sessions=400)
    rows = [row for backup in client.rows("backups") for row in client.rows(f"backups/{backup['id']}/{path}")]
    assert rows
    for row in rows:
        reader.read(row, {"$ref": f"#/components/schemas/{model}"}, model)
    assert not reader.problems


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(("path", "model"), OBJECTS.items())
def test_objects_fit_the_specification(start, revision, path, model):
    reader = Reader(revision)
    answer = start(asking=revision, revision=revision, role="Administrator").get(path)
    if f"/api/v1/{path}" not in paths(revision):
        assert answer.status_code == 404
        return
    reader.read(answer.json(), {"$ref": f"#/components/schemas/{model}"}, path)
    assert not reader.problems


def parameters(operation, revision):
    shared = specification(revision)["components"].get("parameters", {})
    given = operation.get("parameters", [])
    plain = [shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in given]
    return {each["name"]: each for each in plain}


@pytest.mark.parametrize("revision", REVISIONS)
def test_roles_and_queries_are_those_of_the_specification(revision):
    for endpoint in ENDPOINTS:
        operation = paths(revision).get(endpoint.rule.replace("<id>", "{id}"), {}).get("get")
        assert (operation is not None) is endpoint.is_offered(revision), endpoint.path
        if operation is None:
            continue
        readers = operation["description"].partition("Available to")[2]
        for role, title in ROLES.items():
            allowed = title in readers or "Anyone" in readers
            assert may_read(role, endpoint.access, revision) is allowed, (endpoint.path, role)
        declared = parameters(operation, revision)
        if "orderColumn" in declared:
            name = declared["orderColumn"]["schema"]["$ref"].rpartition("/")[2]
            assert set(endpoint.order.at(revision)) == set(schemas(revision)[name]["enum"]), endpoint.path


def test_a_wrong_document_is_noticed():
    reader = Reader("1.3-rev1")
    reader.read({"serverTime": "x", "zone": 1}, {"$ref": "#/components/schemas/ServerTimeModel"}, "time")
    assert reader.problems == {"time: zone is unknown"}
