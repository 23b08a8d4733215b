"""The endpoints beyond jobs and sessions: paging, order, filters, revisions, roles, faults."""

from datetime import datetime, timedelta

import pytest

from vbr_audit.datasets import DATASETS as CARDS
from vbr_audit.simulator import DATASETS, REVISIONS, ROLES
from vbr_audit.simulator.endpoint import OBJECT, PAGES
from vbr_audit.simulator.endpoints import ENDPOINTS, MADE
from vbr_audit.simulator.queries import DEFAULT_LIMIT
from vbr_audit.simulator.revisions import at_least

NEWEST = REVISIONS[-1]
PAGED = [each for each in ENDPOINTS if each.shape == PAGES and not each.parent and each.is_offered(NEWEST)]


def paths(endpoints):
    return [each.path for each in endpoints]


@pytest.fixture
def administrator(start):
    def start_one(*faults, **options):
        return start(*faults, **{"role": "Administrator", "revision": NEWEST, **options})

    return start_one


def address(client, endpoint):
    """A path that answers rows: the first parent takes the place of the id."""
    if not endpoint.parent:
        return endpoint.path
    revision = client.http.headers["x-api-version"]
    rows = client.simulator.truth(revision).rows(endpoint.parent)
    parents = [row for row in rows if endpoint.parent != "sessions" or row["sessionType"] in {"BackupJob", "Job"}]
    return endpoint.path.replace("<id>", parents[-1 if endpoint.parent == "roles" else 0]["id"])


def test_every_dataset_has_an_endpoint():
    own = {"jobs", "job_states", "sessions", "server_time", "server_info"}
    assert {each.dataset for each in ENDPOINTS} | own == set(DATASETS)
    assert len(DATASETS) == len(set(DATASETS))


def test_of_the_endpoints_of_each_dataset_exactly_one_says_how_its_answers_are_made(administrator):
    saying = [each.dataset for each in ENDPOINTS if each.made is not None]
    assert len(saying) == len(set(saying))
    assert set(saying) == set(MADE) == {each.dataset for each in ENDPOINTS}
    silent = next(each for each in ENDPOINTS if each.made is None)
    with pytest.raises(LookupError, match="does not say how the answers"):
        silent.make(administrator().simulator.holdings.stock, NEWEST)


def test_the_product_and_the_simulator_know_the_same_datasets():
    served = {(each.path, each.dataset) for each in ENDPOINTS}
    asked = {
        (each.endpoint.replace("{id}", "<id>"), card.name) for card in CARDS.values() for each in (card, *card.earlier)
    }
    apart = {"jobs", "job_states", "sessions", "session_history", "restore_sessions", "restore_tasks"}
    assert {name for _, name in asked - served} == apart | {"server_time", "server_info"}


def test_pages_join_to_the_truth(administrator):
    client = administrator()
    truth = client.simulator.truth(NEWEST)
    for endpoint in PAGED:
        whole = truth.rows(endpoint.dataset)
        assert whole
        joined, skip = [], 0
        while page := client.get(endpoint.path, skip=skip, limit=-(-len(whole) // 4)).json()["data"]:
            joined += page
            skip += len(page)
        assert joined == whole, endpoint.path
        pagination = client.get(endpoint.path).json()["pagination"]
        assert pagination["limit"] == DEFAULT_LIMIT
        assert pagination["total"] == len(whole)


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_endpoint_in_every_revision(administrator, is_error, revision):
    client = administrator(asking=revision)
    for endpoint in ENDPOINTS:
        answer = client.get(address(client, endpoint))
        if endpoint.is_offered(revision):
            assert answer.status_code == 200, endpoint.path
        elif endpoint.path.endswith("/states"):
            is_error(answer, 400, "InvalidURI")
        else:
            is_error(answer, 404, "NotFound")


def test_order_columns(administrator, is_error):
    client = administrator()
    for endpoint in PAGED:
        whole = sorted(map(str, client.rows(endpoint.path)))
        for column in endpoint.order.at(NEWEST):
            assert sorted(map(str, client.rows(endpoint.path, orderColumn=column))) == whole
            down = client.rows(endpoint.path, orderColumn=column, orderAsc="false")
            assert sorted(map(str, down)) == whole
        is_error(client.get(endpoint.path, orderColumn="Colour"), 400, "InvalidURI")


def test_newer_order_columns_are_unknown_to_older_revisions(administrator, is_error):
    client = administrator(asking="1.2-rev1")
    is_error(client.get("cloudCredentials", orderColumn="LastModified"), 400, "InvalidURI")
    assert administrator(asking="1.3-rev0").get("cloudCredentials", orderColumn="LastModified").status_code == 200


@pytest.mark.parametrize("path", ["restorePoints", "taskSessions", "replicaPoints", "authorization/events"])
def test_order_by_time(administrator, path):
    client = administrator()

    def times(**query):
        rows = client.rows(path, orderColumn="CreationTime", **query)
        return [datetime.fromisoformat(row["creationTime"]) for row in rows]

    assert times() == sorted(times())
    assert times(orderAsc="false") == sorted(times(), reverse=True)


@pytest.mark.parametrize("path", ["restorePoints", "taskSessions", "replicaPoints", "credentials", "backups"])
def test_date_filters(administrator, path):
    client = administrator()
    rows = client.rows(path, orderColumn="CreationTime") if path != "credentials" else client.rows(path)
    moments = sorted(row["creationTime"] for row in rows)
    after, before = sorted({datetime.fromisoformat(text) for text in moments})[1:3]
    before += timedelta(microseconds=1)  # the server counts a tenth of that
    query = {"createdAfterFilter": after.isoformat(), "createdBeforeFilter": before.isoformat()}
    found = {row["id"] for row in client.rows(path, **query)}
    assert found == {row["id"] for row in rows if after <= datetime.fromisoformat(row["creationTime"]) <= before}
    assert found
    ignored = administrator("ignored-filter")
    assert len(ignored.rows(path, **query)) == len(rows)


def test_malware_events_by_time(administrator):
    client = administrator(jobs=40)
    rows = client.rows("malwareDetection/events", detectedAfterTimeUtcFilter="2026-11-10T00:00:00Z")
    assert [row["severity"] for row in rows] == ["Infected", "Suspicious"]
    earlier = client.rows("malwareDetection/events", detectedBeforeTimeUtcFilter="2026-11-10T00:00:00Z")
    assert len(earlier) == len(client.rows("malwareDetection/events")) - 2


@pytest.mark.parametrize(
    ("path", "query", "key"),
    [
        ("backupInfrastructure/repositories", {"typeFilter": "LinuxHardened"}, "type"),
        ("backupInfrastructure/repositories/states", {"isOnlineFilter": False}, "isOnline"),
        ("backupInfrastructure/proxies/states", {"isDisabledFilter": True}, "isDisabled"),
        ("taskSessions", {"typeFilter": "Replica"}, "type"),
        ("restorePoints", {"platformNameFilter": "VMware"}, "platformName"),
        ("security/users", {"isServiceAccountFilter": True}, "isServiceAccount"),
        ("backupInfrastructure/repositories/states", {"freeSpaceFilter": -1.0}, "freeGB"),
        ("encryptionPasswords", {"hintFilter": "Backups 2021"}, "hint"),
    ],
)
def test_filters(administrator, path, query, key):
    client = administrator()
    wanted = next(iter(query.values()))
    expected = [row for row in client.rows(path) if row[key] == wanted]
    assert expected
    assert client.rows(path, **query) == expected


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("backups", {"jobIdFilter": "7"}),
        ("backups", {"createdAfterFilter": "yesterday"}),
        ("restorePoints", {"backupObjectIdFilter": "none"}),
        ("backupInfrastructure/repositories/states", {"isOnlineFilter": "maybe"}),
        ("backupInfrastructure/repositories/states", {"freeSpaceFilter": "much"}),
        ("credentials", {"typeFilter": "no type"}),
        ("backups", {"limit": "0"}),
        ("backups/7/backupFiles", {}),
    ],
)
def test_malformed_values(administrator, is_error, path, query):
    is_error(administrator().get(path, **query), 400, "InvalidURI")


def test_points_of_one_object(administrator):
    client = administrator()
    backup = client.rows("backups")[0]
    one = client.rows(f"backups/{backup['id']}/objects")[0]
    points = client.rows(f"backupObjects/{one['id']}/restorePoints")
    assert {point["name"] for point in points} == {one["name"]}
    assert client.rows("restorePoints", backupObjectIdFilter=one["id"]) == points
    in_backup = client.rows("restorePoints", backupObjectIdFilter=one["id"], backupIdFilter=backup["id"])
    assert len(in_backup) == one["restorePointsCount"]


def test_unknown_parents(administrator, is_error):
    client = administrator()
    nowhere = "12345678-1234-4234-8234-123456789abc"
    for endpoint in ENDPOINTS:
        if endpoint.parent:
            is_error(client.get(endpoint.path.replace("<id>", nowhere)), 404, "NotFound")


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev0"])
def test_small_collections_ignore_paging_in_older_revisions(administrator, revision):
    client = administrator(asking=revision)
    backup = client.rows("backups")[0]
    path = f"backups/{backup['id']}/objects"
    assert len(client.get(path, skip=2, limit=1).json()["data"]) == len(client.rows(path)) > 2
    newer = administrator(asking="1.3-rev1")
    assert len(newer.get(path, skip=2, limit=1).json()["data"]) == 1


def test_file_backups_are_refused_in_one_revision(administrator, is_error):
    for revision, refused in (("1.2-rev1", False), ("1.3-rev0", True), ("1.3-rev1", False)):
        client = administrator(asking=revision, revision=revision)
        backup = next(row for row in client.rows("backups") if row["name"] == "NAS projects")
        answer = client.get(f"backups/{backup['id']}/objects")
        if refused:
            is_error(answer, 400, "UnexpectedContent")
        else:
            assert answer.status_code == 200


ONLY_ADMINISTRATOR = {"license", "configBackup", "generalOptions", "trafficRules", "globalExclusions/vm"}
ONLY_ADMINISTRATOR |= {"security/users", "security/settings", "serverInfo"}
READABLE = {
    "Viewer": {"jobs", "sessions", "backups", "restorePoints", "taskSessions", "malwareDetection/events"},
    "BackupOperator": {"jobs", "credentials", "encryptionPasswords", "malwareDetection/events"},
    "RestoreOperator": {"replicas", "replicaPoints", "credentials", "backupInfrastructure/wanAccelerators"},
    "SecurityAdministrator": {"jobs", "sessions", "kmsServers", "cloudCredentials", "authorization/events"},
}
REFUSED = {
    "Viewer": {"credentials", "kmsServers", "replicas", "securityAnalyzer/bestPractices"},
    "BackupOperator": {"replicas", "kmsServers", "cloudCredentials"},
    "RestoreOperator": {"encryptionPasswords", "kmsServers"},
    "SecurityAdministrator": {"taskSessions", "restorePoints", "replicas", "backupInfrastructure/proxies"},
}


@pytest.mark.parametrize("role", READABLE)
def test_roles(start, is_error, role):
    client = start(role=role, revision=NEWEST)
    for path in READABLE[role] | {"serverTime", "serverCertificate"}:
        assert client.get(path).status_code == 200, path
    for path in REFUSED[role] | ONLY_ADMINISTRATOR:
        is_error(client.get(path), 403, "AccessDenied")


@pytest.mark.parametrize(
    ("role", "path", "first"),
    [
        ("SecurityAdministrator", "jobs", "1.3-rev1"),
        ("SecurityAdministrator", "jobs/states", "1.3-rev1"),
        ("SecurityAdministrator", "sessions", "1.3-rev0"),
        ("SecurityAdministrator", "backups", "1.3-rev1"),
        ("SecurityAdministrator", "backupInfrastructure/repositories", "1.3-rev2"),
        ("Viewer", "malwareDetection/events", "1.3-rev1"),
        ("RestoreOperator", "backupInfrastructure/wanAccelerators", "1.3-rev1"),
        ("BackupOperator", "credentials", "1.3-rev1"),
    ],
)
def test_roles_by_revision(start, is_error, role, path, first):
    for revision in REVISIONS[1:]:
        answer = start(role=role, revision=NEWEST, asking=revision).get(path)
        if at_least(revision, first):
            assert answer.status_code == 200
        else:
            is_error(answer, 403, "AccessDenied")


def test_an_absent_endpoint_is_absent_for_every_role(start, is_error):
    for role in ROLES:
        is_error(start(role=role, revision=NEWEST, asking="1.2-rev1").get("security/users"), 404, "NotFound")


@pytest.mark.parametrize(
    ("fault", "status"), [("denied", 403), ("missing", 404), ("broken", 500), ("html", 200), ("cut-json-forever", 200)]
)
def test_lasting_faults(administrator, fault, status):
    struck = [dataset for dataset in DATASETS if dataset != "backups"]
    client = administrator(*(f"{fault}={dataset}" for dataset in struck), asking="1.3-rev1")
    plain = administrator(asking="1.3-rev1")
    assert client.get("backups").content == plain.get("backups").content
    for endpoint in ENDPOINTS:
        if endpoint.dataset in struck and endpoint.is_offered("1.3-rev1"):
            answer = client.get(address(client, endpoint))
            assert answer.status_code == status, endpoint.path
            assert answer.content != plain.get(address(plain, endpoint)).content


def test_faults_of_paging(administrator):
    plain, twice = administrator(), administrator("duplicates")
    client = administrator("limit-cap=2", "ignored-skip", "total-high=3")
    for path in paths(PAGED):
        whole = plain.rows(path)
        answer = client.get(path, skip=1, limit=50).json()
        assert answer["data"] == whole[:2]
        assert answer["pagination"]["total"] == len(whole) + 3
        if len(whole) > 3:
            first, second = (twice.get(path, skip=skip, limit=2).json()["data"] for skip in (0, 2))
            assert first[-1] == second[0]


def test_empty_server(administrator):
    client = administrator(empty=True)
    for endpoint in PAGED:
        assert client.rows(endpoint.path) == []
    assert client.get("securityAnalyzer/bestPractices").json() == {"items": []}
    assert client.get("securityAnalyzer/lastRun").status_code == 404
    for endpoint in ENDPOINTS:
        if endpoint.shape == OBJECT and not endpoint.parent and endpoint.dataset != "analyzer_last_run":
            assert client.get(endpoint.path).status_code == 200
