"""Walking what a server answers along the schemas of the vendor's specifications."""

from specification_facts import path_of, schemas_of

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


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


def model_of(path, revision):
    """The schema of the rows behind a path, or of its one object; None where the revision has no such path."""
    operation = path_of(revision, f"/api/v1/{path.replace('<id>', '{id}')}")
    if operation is None:
        return None
    answer = operation["answer"]
    properties, _, _ = Reader(revision).flat(answer)
    return properties["data"]["items"] if "pagination" in properties else answer
