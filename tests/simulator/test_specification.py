"""What the simulator answers, held against the vendor's specifications."""

import re

import pytest
from specification_facts import REVISIONS, path_of, schemas_of

from vbr_audit.simulator.access import may_read
from vbr_audit.simulator.endpoints import ENDPOINTS

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}
ROLES = {
    "Viewer": "Backup Viewer",
    "BackupOperator": "Backup Operator",
    "RestoreOperator": "Restore Operator",
    "SecurityAdministrator": "Security Administrator",
    "Administrator": "Backup Administrator",
}


class Reader:
    """Walks a value along its schema and notes what does not fit: names, required names, enum values."""

    def __init__(self, revision):
        self.schemas = schemas_of(revision)
        self.problems = set()

    def target(self, schema):
        parts = schema.get("allOf", [])
        if "$ref" not in schema and len(parts) == 1:
            schema = parts[0]
        return self.schemas[schema["$ref"]] if "$ref" in schema else schema

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


OWN = ("jobs", "jobs/states", "sessions", "serverTime", "serverInfo")
"""What the simulator serves beside its table of endpoints."""
PATHS = sorted({*OWN, *(endpoint.path for endpoint in ENDPOINTS)})
OPEN = {
    ("jobs", "1.3-rev2"): {
        *("FileBackup", "IrisBackup", "ObjectStorageBackup", "LinuxAgentBackup", "WindowsAgentBackup"),
        *("LinuxAgentBackupServerPolicy", "LinuxAgentBackupWorkstationPolicy", "WindowsAgentBackupFailoverCluster"),
        *("WindowsAgentBackupServerPolicy", "WindowsAgentBackupWorkstationPolicy"),
    }
}
"""Kinds of rows that the simulator still writes as the revision before did, in parts that no control reads."""


def model_of(path, revision):
    """The schema of the rows behind a path, or of its one object; None where the revision has no such path."""
    operation = path_of(revision, f"/api/v1/{path.replace('<id>', '{id}')}")
    if operation is None:
        return None
    answer = operation["answer"]
    properties, _, _ = Reader(revision).flat(answer)
    return properties["data"]["items"] if "pagination" in properties else answer


def documents(client, path, revision):
    """Every row behind a path, below each parent where it has one; an object is the only one."""
    if "<id>" not in path:
        answer = client.get(path).json()
        return client.rows(path) if "pagination" in answer else [answer]
    above = next(endpoint.parent for endpoint in ENDPOINTS if endpoint.path == path)
    found = []
    for parent in client.simulator.truth(revision).rows(above):
        answer = client.get(path.replace("<id>", parent["id"]))
        if parent.get("isBuiltIn"):
            assert answer.status_code == 404
            continue
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"] if "pagination" in answer.json() else [answer.json()]
    return found


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("path", PATHS)
def test_answers_fit_the_specification(whole_server, revision, path):
    client = whole_server(revision)
    model = model_of(path, revision)
    if model is None:
        assert client.get(path.replace("<id>", "00000000-0000-4000-8000-000000000000")).status_code in {400, 404}
        return
    reader, found = Reader(revision), documents(client, path, revision)
    assert found
    for row in found:
        reader.read(row, model, row.get("type", path) if isinstance(row.get("type"), str) else path)
    kinds = {re.split("[.:]", problem)[0] for problem in reader.problems}
    assert kinds == OPEN.get((path, revision), set()), sorted(reader.problems)


@pytest.mark.parametrize("revision", REVISIONS)
def test_roles_and_queries_are_those_of_the_specification(revision):
    for endpoint in ENDPOINTS:
        operation = path_of(revision, endpoint.rule.replace("<id>", "{id}"))
        assert (operation is not None) is endpoint.is_offered(revision), endpoint.path
        if operation is None:
            continue
        for role, title in ROLES.items():
            allowed = title in operation["roles"]
            assert may_read(role, endpoint.access, revision) is allowed, (endpoint.path, role)
        declared = operation["parameters"]
        if "orderColumn" in declared:
            name = declared["orderColumn"]["$ref"]
            known, offered = set(endpoint.order.at(revision)), set(schemas_of(revision)[name]["enum"])
            # The newest revision orders by columns that no reader of ours asks for.
            assert known <= offered if revision == REVISIONS[-1] else known == offered, endpoint.path


def test_a_wrong_document_is_noticed():
    reader = Reader("1.3-rev1")
    reader.read({"serverTime": "x", "zone": 1}, {"$ref": "ServerTimeModel"}, "time")
    assert reader.problems == {"time: zone is unknown"}
