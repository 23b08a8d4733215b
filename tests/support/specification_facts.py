"""Facts of the vendor's specifications that tests hold the project against: paths, roles, parameters, fields, words.

`python tests/support/specification_facts.py FOLDER` makes them anew from a folder with the specifications (`openapi`)
and what was collected of older ones (`reference`). Only what the project reads or sends is kept, and nothing of their
prose.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_suffix(".json")
ANSWERS: Final = Path(__file__).with_name("job_answers.json")
"""Answers of 1.1-rev1 about jobs, states and sessions, with the names and texts in them replaced."""
REVISIONS: Final = ("1.2-rev1", "1.3-rev1", "1.3-rev2")
ROLES: Final = (
    *("Backup Viewer", "Backup Operator", "Restore Operator", "Tape Operator"),
    *("Security Administrator", "Incident API Operator", "Backup Administrator"),
)
_SENT: Final = (
    *("JobStopSpec", "JobStartSpec", "EJobType", "ESessionType", "BackupScheduleModel", "ScheduleDailyModel"),
    *("ScheduleRetryModel", "SessionResultModel"),
)
"""Schemas that tests name beside those of the answers."""
_KEPT: Final = ("type", "format", "enum", "required")


@cache
def facts_of(revision: str) -> Mapping[str, Mapping[str, Any]]:
    """`paths`: what each path of a reader answers, who may read it, what it takes; `schemas`: by their names."""
    return {
        part: {name: each["is"] for name, kinds in entries.items() for each in kinds if revision in each["in"]}
        for part, entries in _document().items()
    }


@cache
def _document() -> Mapping[str, Mapping[str, Any]]:
    document: Mapping[str, Mapping[str, Any]] = json.loads(FILE.read_text("utf-8"))
    return document


def schemas_of(revision: str) -> Mapping[str, Any]:
    """The schemas of a revision by name: their fields with types and words, in the shape that OpenAPI gives them."""
    return facts_of(revision)["schemas"]


def path_of(revision: str, path: str) -> Mapping[str, Any] | None:
    """A path such as `/api/v1/jobs/{id}` of a revision: `answer`, `roles`, `parameters`; None where it has none."""
    return facts_of(revision)["paths"].get(path)


@cache
def job_controls(revision: str) -> Mapping[str, Mapping[str, list[str]]]:
    """Job type -> setting -> JSON paths of a revision, of five revisions in all; `_top` are the keys of a document.

    A setting that a type does not have has no path.
    """
    return {name: defaultdict(list, settings) for name, settings in facts_of(revision)["controls"].items()}


@cache
def job_answers() -> list[dict[str, Any]]:
    """Answers of 1.1-rev1 about jobs, their states and the sessions of their operations."""
    answers: list[dict[str, Any]] = json.loads(ANSWERS.read_text("utf-8"))
    return answers


def make_facts(specification: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    """The facts of one specification about the paths in `wanted`, as far as it has them."""
    components = specification["components"]
    paths, names = {}, set(_SENT)
    for path in sorted(set(wanted)):
        operation = specification["paths"].get(path, {}).get("get")
        if operation is None:
            continue
        answer = _bare(next(iter(operation["responses"]["200"]["content"].values()))["schema"])
        parameters = {
            each["name"]: _bare(each["schema"])
            for each in (_resolved(each, components) for each in operation.get("parameters", ()))
            if each["in"] == "query"
        }
        paths[path] = {"roles": _roles(operation["description"]), "parameters": parameters, "answer": answer}
        names |= set(_named([answer, *parameters.values()]))
    schemas: dict[str, Any] = {}
    while names := {name for name in names if name not in schemas and name in components["schemas"]}:
        schemas |= {name: _bare(components["schemas"][name]) for name in names}
        names = {inner for name in names for inner in _named(schemas[name])}
    return {"paths": paths, "schemas": dict(sorted(schemas.items()))}


def _resolved(part: Mapping[str, Any], components: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in part:
        return part
    kind, _, name = part["$ref"].removeprefix("#/components/").partition("/")
    found: Mapping[str, Any] = components[kind][name]
    return found


def _roles(description: str) -> list[str]:
    """The built-in roles that may read; all of them where anyone may."""
    text = re.search(r"Available to[^:]*?(?:&#58;|:)(.*)", description.replace("\n", " "))
    named = "" if text is None else text[1]
    anyone = "Anyone" in named or "All built-in" in named
    return [role for role in ROLES if anyone or role in named]


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without its prose and examples."""
    bare: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if "$ref" in schema:
        bare["$ref"] = schema["$ref"].removeprefix("#/components/schemas/")
    if "properties" in schema:
        bare["properties"] = {name: _bare(inner) for name, inner in schema["properties"].items()}
    if "items" in schema:
        bare["items"] = _bare(schema["items"])
    if "allOf" in schema:
        bare["allOf"] = [_bare(part) for part in schema["allOf"]]
    if "discriminator" in schema:
        chooser = schema["discriminator"]
        models = {value: name.removeprefix("#/components/schemas/") for value, name in chooser["mapping"].items()}
        bare["discriminator"] = {"propertyName": chooser["propertyName"], "mapping": models}
    return bare


def _named(value: Any) -> Iterator[str]:
    """The names of the schemas that a bare schema refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        if isinstance(value.get("discriminator"), dict):
            yield from value["discriminator"].get("mapping", {}).values()
        for inner in value.values():
            yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def wanted_paths() -> set[str]:
    """Every path that the project reads or the simulator serves."""
    from vbr_audit.datasets import DATASETS
    from vbr_audit.simulator.endpoints import ENDPOINTS

    read = {one.path for dataset in DATASETS.values() for one in (dataset, *dataset.earlier)}
    return read | {endpoint.rule.replace("<id>", "{id}") for endpoint in ENDPOINTS} | {"/api/v1/jobs/states"}


def written(folder: Path) -> str:
    """The facts of the specifications in a folder as JSON: one path, schema or job type a line."""
    made: dict[str, dict[str, Any]] = {}
    for revision in REVISIONS:
        specification = json.loads((folder / "openapi" / f"{revision}.json").read_text("utf-8"))
        made[revision] = make_facts(specification, wanted_paths())
    controls = json.loads((folder / "reference" / "job_controls.json").read_text("utf-8"))
    for revision, types in controls.items():
        made.setdefault(revision, {})["controls"] = {
            name: {setting: paths for setting, paths in sorted(settings.items()) if paths and setting != "_schema"}
            for name, settings in types.items()
        }
    parts = []
    for part in ("paths", "schemas", "controls"):
        by_name = {name for facts in made.values() for name in facts.get(part, ())}
        lines = [
            f"{json.dumps(name)}:{json.dumps(_by_revision(made, part, name), separators=(',', ':'))}"
            for name in sorted(by_name)
        ]
        parts.append(json.dumps(part) + ":{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _by_revision(made: Mapping[str, Mapping[str, Any]], part: str, name: str) -> list[dict[str, Any]]:
    """An entry as `in` these revisions it `is`: once where revisions agree."""
    kinds: list[dict[str, Any]] = []
    for revision, facts in made.items():
        if name not in facts.get(part, ()):
            continue
        same = next((kind for kind in kinds if kind["is"] == facts[part][name]), None)
        if same is None:
            kinds.append({"in": [revision], "is": facts[part][name]})
        else:
            same["in"].append(revision)
    return kinds


_WORD = re.compile(
    r"[A-Za-z]+\d*|[0-9a-f-]{36}|\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?|\d\d:\d\d(:\d\d)?|[\d,]*|[01,]+|"
)
"""What is a word of the format, an id or a moment; all other texts are somebody's own."""


def answers_written(folder: Path) -> str:
    """The answers in the reference text of 1.1-rev1, one a line, with texts of one's own in place of its own."""
    text = (folder / "reference" / "vbr-rest-1.1-rev1-jobs.txt").read_text("utf-8")
    texts: dict[str, str] = {}
    lines = [json.dumps(_reworded(answer, texts), separators=(",", ":")) for answer in _answers_in(text)]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _reworded(value: Any, texts: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _reworded(inner, texts) for key, inner in value.items()}
    if isinstance(value, list):
        return [_reworded(inner, texts) for inner in value]
    if isinstance(value, str) and not _WORD.fullmatch(value):
        return texts.setdefault(value, f"text {len(texts) + 1}")
    return value


def _answers_in(text: str) -> list[Any]:
    """Every JSON object in a text whose lines begin with list marks ("- ")."""
    lines = [re.sub(r"^([}\]]+,) - ", r"\1 ", re.sub(r"^- ", "", line)) for line in text.splitlines()]
    lines = [re.sub(r"^{- ", "{ ", line) for line in lines]
    clean = "\n".join(lines)
    position, found = 0, []
    decoder = json.JSONDecoder()
    while (start := clean.find("\n{", position)) >= 0:
        try:
            answer, position = decoder.raw_decode(clean, start + 1)
            found.append(answer)
        except json.JSONDecodeError:
            position = start + 2
    return found


if __name__ == "__main__":
    FILE.write_text(written(Path(sys.argv[1])), "utf-8")
    ANSWERS.write_text(answers_written(Path(sys.argv[1])), "utf-8")
