"""What the schema of SARIF 2.1.0 demands of the parts that are written: members, types and words."""

from __future__ import annotations

from typing import Any

from jsonschema_rs import Draft202012Validator

_TEXT = {"type": "string"}
_BAG = {"type": "object", "properties": {"tags": {"type": "array", "items": _TEXT, "uniqueItems": True}}}
_GUID = {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"}
_TIME = {"type": "string", "format": "date-time", "pattern": "Z$"}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}


def _closed(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name.replace("_schema", "$schema"): value for name, value in properties.items()},
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_MESSAGE = _closed(("text",), text={"type": "string", "minLength": 1})
_RULE = _closed(
    ("id",),
    id=_TEXT,
    shortDescription=_MESSAGE,
    fullDescription=_MESSAGE,
    help=_MESSAGE,
    defaultConfiguration=_closed(level=_LEVEL),
    properties=_BAG,
)
_PLACE = _closed(name=_TEXT, fullyQualifiedName=_TEXT, kind=_TEXT)
_SUPPRESSION = _closed(
    ("kind",),
    kind={"enum": ["inSource", "external"]},
    status={"enum": ["accepted", "underReview", "rejected"]},
    justification=_TEXT,
    properties=_BAG,
)
_RESULT = _closed(
    ("message",),
    ruleId=_TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    kind={"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
    level=_LEVEL,
    message=_MESSAGE,
    locations=_list(_closed(logicalLocations=_list(_PLACE, uniqueItems=True))),
    correlationGuid=_GUID,
    partialFingerprints={"type": "object", "additionalProperties": _TEXT},
    suppressions=_list(_SUPPRESSION, uniqueItems=True),
    baselineState={"enum": ["new", "unchanged", "updated", "absent"]},
    provenance=_closed(firstDetectionTimeUtc=_TIME),
    properties=_BAG,
)
_NOTIFICATION = _closed(("message",), message=_MESSAGE, level=_LEVEL)
_INVOCATION = _closed(
    ("executionSuccessful",),
    executionSuccessful={"type": "boolean"},
    endTimeUtc=_TIME,
    toolExecutionNotifications=_list(_NOTIFICATION),
)
_RUN = _closed(
    ("tool",),
    tool=_closed(
        ("driver",), driver=_closed(("name",), name=_TEXT, version=_TEXT, rules=_list(_RULE, uniqueItems=True))
    ),
    automationDetails=_closed(id=_TEXT, guid=_GUID),
    invocations=_list(_INVOCATION),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=_list(_RESULT),
    properties=_BAG,
)
_LOG = _closed(
    ("version", "runs"), _schema={"type": "string", "format": "uri"}, version={"const": "2.1.0"}, runs=_list(_RUN)
)


def sarif_faults(document: Any) -> list[str]:
    """What is wrong with a log: by the schema, and by the rules of the text of the specification."""
    checker = Draft202012Validator(_LOG, validate_formats=True)
    faults = [f"{error.instance_path}: {error.message}" for error in checker.iter_errors(document)]
    for run in document["runs"]:
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        if len(set(rules)) < len(rules):
            faults.append("two rules of one id")
        for place, result in enumerate(run["results"]):
            if result["kind"] != "fail" and result["level"] != "none":
                faults.append(f"result {place}: a level beside the kind {result['kind']}")
            if "ruleIndex" in result and rules[result["ruleIndex"]] != result["ruleId"]:
                faults.append(f"result {place}: the rule at its index is another")
        if len({"baselineState" in result for result in run["results"]}) > 1:
            faults.append("a baselineState in some results only")
    return faults
