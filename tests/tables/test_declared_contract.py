"""The declared tables against the vendor's specifications: no path, no word and no dtype may be a guess."""

from __future__ import annotations

import pytest
from specification_facts import REVISIONS, path_of, schemas_of

from vbr_audit.datasets import DATASETS, scale_out
from vbr_audit.tables.build.fields import Table
from vbr_audit.tables.jobs import table as jobs_table

TABLES = tuple(card.table for card in DATASETS.values() if isinstance(card.table, Table))

# Paths that neither specification has, and where they are known from.
ELSEWHERE = {
    "task_sessions": {"progress.transferedSize": "live servers of 1.2 and 1.3"},
    "restore_tasks": {"progress.transferedSize": "live servers of 1.2 and 1.3"},
    "repositories": {
        "enableTaskLimit": "1.1-rev0",
    },
    "scale_out_repositories": {
        "capacityTier.enabled": "1.1-rev0",
        "capacityTier.encryption.encryptionPasswordIdOrNull": "1.1-rev0, as in jobs",
    },
    "backups": {"policyTag": "1.1-rev0"},
    "replicas": {"policyTag": "1.1-rev0"},
    "credentials": {"autoElevated": "1.1-rev0", "tag": "1.1-rev0"},
    "cloud_credentials": {"tag": "1.1-rev0"},
    "encryption_passwords": {"tag": "1.1-rev0"},
}
# Keys that are known and not read, and that neither specification has in an answer.
KNOWN_ELSEWHERE = {
    "task_sessions": {"platformType", "platformId"},
    "restore_tasks": {"platformType", "platformId"},
    "backup_objects": {"size"},
    "repositories": {"tag"},
    "scale_out_repositories": {"tag"},
    "credentials": {"password", "rootPassword"},
    "cloud_credentials": {"secretKey"},
    "encryption_passwords": {"password"},
    "email_settings": {"userId"},
    "analyzer_last_run": {"activityId", "algorithm", "progress", "originalSessionId", "retryInfo"},
}
DATES_WITHOUT_FORMAT = {"last_online"}
SECRETS = {
    "password", "passphrase", "privateKey", "rootPassword", "secret", "secretKey", "clientSecret", "accessKey",
    "communityString", "handshakeCode", "singleUseCredentials",
}  # fmt: skip
DTYPES = {"boolean": "boolean", "integer": "Int64", "number": "Float64", "string": "string", "date-time": "datetime"}


class Specification:
    """The answers of one revision: for each endpoint the JSON paths of a row, each with its schemas."""

    def __init__(self, revision):
        self.revision, self.schemas = revision, schemas_of(revision)
        self.walked = {}

    def rows_once(self, dataset):
        """The same as `rows`, walked once for all tests of a dataset."""
        if dataset.name not in self.walked:
            self.walked[dataset.name] = self.rows(dataset)
        return self.walked[dataset.name]

    def rows(self, dataset):
        """Path -> schemas at it, over all variants of a row of `dataset`; None if this revision lacks it."""
        found = [self._row(one) for one in (dataset, *dataset.earlier) if path_of(self.revision, one.path)]
        if not found:
            return None
        paths = {}
        for schema in found:
            self._walk(schema, (), paths, ())
        return paths

    def _row(self, dataset):
        schema = path_of(self.revision, dataset.path)["answer"]
        key = dataset.rows_at or "data"
        listed = self._properties(schema).get(key)
        return schema if listed is None else self._resolved(listed)["items"]

    def _resolved(self, schema):
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"]]
        if len(schema.get("allOf", ())) == 1 and "properties" not in schema:
            return self._resolved(schema["allOf"][0])
        return schema

    def _properties(self, schema):
        schema = self._resolved(schema)
        found = dict(schema.get("properties", {}))
        for part in schema.get("allOf", ()):
            found |= self._properties(part)
        return found

    def _walk(self, schema, above, paths, seen):
        schema = self._resolved(schema)
        if id(schema) in seen:
            return
        seen = (*seen, id(schema))
        for key, inner in self._properties(schema).items():
            inner = self._resolved(inner)
            path = (*above, key)
            paths.setdefault(path, []).append(inner)
            if inner.get("type") == "array":
                item = self._resolved(inner["items"])
                paths.setdefault((*path, "[]"), []).append(item)
                self._walk(item, (*path, "[]"), paths, seen)
            else:
                self._walk(inner, path, paths, seen)
        for variant in schema.get("discriminator", {}).get("mapping", {}).values():
            self._walk({"$ref": variant}, above, paths, seen)


@pytest.fixture(scope="module")
def specifications():
    return {revision: Specification(revision) for revision in REVISIONS}


def rows_of(specifications, table):
    dataset = next(dataset for dataset in DATASETS.values() if table.name in dataset.tables)
    found = [specification.rows_once(dataset) for specification in specifications.values()]
    assert any(found), table.name
    return [paths for paths in found if paths is not None]


def steps(path):
    return tuple(step for part in path.split(".") for step in part.replace("[]", ".[]").split("."))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_path_is_in_a_specification_or_known_from_elsewhere(specifications, table):
    known = {path for paths in rows_of(specifications, table) for path in paths}
    declared = {path for field in table.fields for path in field.paths}
    missing = {path for path in declared if steps(path) not in known}
    assert missing == set(ELSEWHERE.get(table.name, {}))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_key_of_a_specification_is_known(specifications, table):
    keys_there = {path[0] for paths in rows_of(specifications, table) for path in paths}
    assert keys_there <= table.known_keys
    elsewhere = {steps(path)[0] for path in ELSEWHERE.get(table.name, {})} | KNOWN_ELSEWHERE.get(table.name, set())
    assert table.known_keys - keys_there - elsewhere == set()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_word_and_dtype_fits(specifications, table):
    for paths in rows_of(specifications, table):
        for field in table.fields:
            for path in field.paths:
                for schema in paths.get(steps(path), ()):
                    assert_fits(field, schema, paths.get((*steps(path), "[]"), ()))


def assert_fits(field, schema, items):
    if field.kind == "count":
        assert schema["type"] == "array", field.name
        return
    if schema.get("type") == "array":
        assert field.kind == "list", field.name
        schema = items[0]
    is_date = schema.get("format") == "date-time" or field.name in DATES_WITHOUT_FORMAT
    assert DTYPES["date-time" if is_date else schema["type"]] == field.dtype, field.name
    folding = field.folding()
    for word in schema.get("enum", ()) if field.words else ():
        assert folding[word] in field.words
    assert folding.unknown == set()
    if "enum" in schema and field.name not in ("object_type",):
        assert field.words, field.name


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_secret_is_read(table):
    read = {step for field in table.fields for path in field.paths for step in steps(path)}
    assert not read & SECRETS


def test_extents_are_read_where_the_specifications_have_them(specifications):
    for specification in specifications.values():
        paths = specification.rows(DATASETS["scale_out_repositories"])
        for key in ("id", "name", "status"):
            assert ("performanceTier", "performanceExtents", "[]", key) in paths
        assert ("capacityTier", "extents", "[]", "id") in paths
        assert ("archiveTier", "extentId") in paths
        status = ("performanceTier", "performanceExtents", "[]", "status")
        words = {
            word
            for found in (paths[status], paths.get((*status, "[]"), ()))
            for s in found
            for word in s.get("enum", ())
        }
        field = next(field for field in scale_out.EXTENTS.fields if field.name == "status")
        assert words == set(field.words)


def test_what_jobs_take_in_is_read_where_the_specifications_have_it(specifications):
    found = [specification.rows(DATASETS["jobs"]) for specification in specifications.values()]
    for field in jobs_table.SCOPE_FIELDS:
        for path in field.paths:
            schemas = [paths for paths in found if steps(path) in paths]
            assert schemas or path == "secondaryTargets", path  # 1.3-rev2
            for paths in schemas:
                for schema in paths[steps(path)]:
                    assert_fits(field, schema, paths.get((*steps(path), "[]"), ()))


def test_backups_of_logs_are_told_where_the_specifications_have_them(specifications):
    entry = ("guestProcessing", "appAwareProcessing", "appSettings", "[]")
    places = {name: set() for name in ("sql", *jobs_table.DATABASES)}
    for revision, specification in specifications.items():
        paths = specification.rows(DATASETS["jobs"])
        for name, seen in places.items():
            if (*entry, name, "backupMinsCount") in paths:
                seen.add(revision)
        assert paths[*entry, "oracle", "backupLogs"][0]["type"] == "boolean"
        words = {word.casefold() for schema in paths[*entry, "sql", "logsProcessing"] for word in schema["enum"]}
        assert "backup" in words
        assert words <= jobs_table.SQL_WORDS
    assert {name: bool(seen) for name, seen in places.items()} == dict.fromkeys(places, True)


def test_every_dataset_has_its_tables(specifications):
    from vbr_audit.datasets import BUILDERS, SPECS

    wanted = {table for dataset in DATASETS.values() for table in dataset.tables}
    assert wanted <= set(SPECS)
    assert wanted - set(BUILDERS) == {"jobs", "server_time", "server_info"}
    for table in TABLES:
        dataset = next(dataset for dataset in DATASETS.values() if table.name in dataset.tables)
        assert len(table.key) == (len(dataset.key) if dataset.shape.has_rows else 0), table.name
