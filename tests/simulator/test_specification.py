"""What the simulator says, held against the vendor's specification where that lies beside the checkout."""

import json
from functools import cache
from pathlib import Path

import pytest

OPENAPI = Path(__file__).parents[3] / "shared" / "openapi"
pytestmark = pytest.mark.skipif(not OPENAPI.exists(), reason="needs the specifications beside the checkout")
REVISIONS = ["1.2-rev1", "1.3-rev1"]


@cache
def schemas(revision):
    return json.loads((OPENAPI / f"{revision}.json").read_text(encoding="utf-8"))["components"]["schemas"]


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
            schema = {"$ref": chooser["mapping"][value[chooser["propertyName"]]]}
        properties, required, values = self.flat(schema)
        if isinstance(value, dict):
            self.problems |= {f"{where}: {name} is missing" for name in required - set(value)}
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


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(
    ("path", "model"), [("jobs", "JobModel"), ("jobs/states", "JobStateModel"), ("sessions", "SessionModel")]
)
def test_rows_fit_the_specification(start, revision, path, model):
    reader = Reader(revision)
    client = start(asking=revision, revision=revision, jobs=60, sessions=400)
    for row in client.rows(path):
        reader.read(row, {"$ref": f"#/components/schemas/{model}"}, row.get("type", model))
    assert not reader.problems


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(("path", "model"), [("serverTime", "ServerTimeModel"), ("serverInfo", "ServerInfoModel")])
def test_objects_fit_the_specification(start, revision, path, model):
    reader = Reader(revision)
    answer = start(asking=revision, revision=revision, role="Administrator").get(path)
    reader.read(answer.json(), {"$ref": f"#/components/schemas/{model}"}, path)
    assert not reader.problems


def test_a_wrong_document_is_noticed():
    reader = Reader("1.3-rev1")
    reader.read({"serverTime": "x", "zone": 1}, {"$ref": "#/components/schemas/ServerTimeModel"}, "time")
    assert reader.problems == {"time: zone is unknown"}
