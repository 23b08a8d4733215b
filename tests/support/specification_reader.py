"""Walking what a server answers along the schemas of the vendor's specifications."""

from specification_facts import path_of, schemas_of

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


class Reader:
    """Walks a value along its schema and notes what does not fit: names, required names, enum values."""

    def __init__(self, revision):
        self.schemas = schemas_of(revision)
        self.problems = set()
        self._facts = {}

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
        if isinstance(value, dict):
            self._read_object(value, schema, where)
        elif isinstance(value, list):
            inner = self.target(schema).get("items", {})
            for each in value:
                self.read(each, inner, f"{where}[]")
        elif value is not None:
            _, _, values, kinds = self._facts_of(schema)
            if values and value not in values:
                self.problems.add(f"{where}: {value!r} is no value of it")
            elif not isinstance(value, kinds):
                self.problems.add(f"{where}: {value!r} is no {self.target(schema)['type']}")

    def _read_object(self, value, schema, where):
        chooser = self.target(schema).get("discriminator")
        if chooser:
            # Kinds without a model of their own have the properties of the base.
            model = chooser["mapping"].get(value.get(chooser["propertyName"]))
            schema = {"$ref": model} if model else schema
        properties, required, _, _ = self._facts_of(schema)
        # A name may be required that the model does not have: 1.2-rev1 does so once.
        self.problems |= {f"{where}: {name} is missing" for name in required - value.keys()}
        for name, inner in value.items():
            if name in properties:
                self.read(inner, properties[name], f"{where}.{name}")
            else:
                self.problems.add(f"{where}: {name} is unknown")

    def _facts_of(self, schema):
        """Properties, required names that are among them, enum values and Python types of a schema, found once."""
        key = schema.get("$ref") or id(schema)
        if key not in self._facts:
            properties, required, values = self.flat(schema)
            kinds = TYPES.get(self.target(schema).get("type"), object)
            # Kept beside its facts: the number of a schema that is gone may be that of another one.
            self._facts[key] = (properties, required & set(properties), values, kinds), schema
        return self._facts[key][0]


def model_of(path, revision):
    """The schema of the rows behind a path, or of its one object; None where the revision has no such path."""
    operation = path_of(revision, f"/api/v1/{path.replace('<id>', '{id}')}")
    if operation is None:
        return None
    answer = operation["answer"]
    properties, _, _ = Reader(revision).flat(answer)
    return properties["data"]["items"] if "pagination" in properties else answer
