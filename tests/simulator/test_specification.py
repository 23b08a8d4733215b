"""What the simulator answers, held against the vendor's specifications."""

import re
from collections import Counter

import pytest
from specification_facts import REVISIONS, path_of, schemas_of
from specification_reader import Reader, model_of

from vbr_audit.simulator.access import may_read
from vbr_audit.simulator.endpoints import ENDPOINTS

ROLES = {
    "Viewer": "Backup Viewer",
    "BackupOperator": "Backup Operator",
    "RestoreOperator": "Restore Operator",
    "SecurityAdministrator": "Security Administrator",
    "Administrator": "Backup Administrator",
}


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


KINDS = ("type", "sessionType", "jobType", "platformName", "algorithm", "state", "result", "isBuiltIn")
"""What tells kinds of parents apart."""
ENOUGH = 5


def documents(client, path, revision):
    """Every row behind a path, below some parents of each kind where it has one; an object is the only one."""
    if "<id>" not in path:
        answer = client.get(path).json()
        return client.rows(path) if "pagination" in answer else [answer]
    above = next(endpoint.parent for endpoint in ENDPOINTS if endpoint.path == path)
    found, seen = [], Counter()
    for parent in client.simulator.truth(revision).rows(above):
        # Of hundreds of parents that are alike, some show the shape of what is below.
        kind = tuple(str(parent.get(name)) for name in KINDS)
        seen[kind] += 1
        if seen[kind] > ENOUGH:
            continue
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
