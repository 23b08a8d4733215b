"""The names that a template may use, read off the classes behind them, and what a template gets wrong about them."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

from jinja2 import Environment, meta, nodes
from pydantic import BaseModel

from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.config.yaml_file import suggestion
from vbr_audit.reports.charts.images import Chart
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.html.environment import NAMES
from vbr_audit.reports.html.executive import Brief
from vbr_audit.reports.html.page import Page
from vbr_audit.tables import SPECS

ROOTS: Final[Mapping[str, type]] = {"report": ReportContext, "page": Page, "brief": Brief, "charts": Chart}
"""What pages are rendered with, by name; `charts` is a list of them."""

_LISTED: Final = ("charts",)
_TOLD: Final = ("vbr_audit.reports.", "vbr_audit.findings.", "vbr_audit.collection.", "vbr_audit.checks.")
_UNTOLD: Final = ("Example", "Outcome", "EvidenceFile")


@dataclass(frozen=True)
class Member:
    """A field or property: its type as its class declares it, and what it holds."""

    name: str
    type: str
    help: str


@dataclass(frozen=True)
class Fault:
    """What is wrong in a line of a template."""

    line: int
    message: str


@cache
def members_of(cls: type) -> Mapping[str, Member]:
    """The values that a template may take of an object of `cls`, by name, in the order of their declaration."""
    found: dict[str, Member] = {}
    if dataclasses.is_dataclass(cls):
        found |= {
            one.name: Member(one.name, str(one.type), one.metadata.get("help", "")) for one in dataclasses.fields(cls)
        }
    elif issubclass(cls, BaseModel):
        annotations = {name: text for base in reversed(cls.__mro__) for name, text in _annotations(base).items()}
        found |= {name: Member(name, annotations.get(name, ""), "") for name in cls.model_fields}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            function = value.fget if isinstance(value, property) else getattr(value, "func", None)
            if isinstance(value, property | cached_property) and function and base.__module__.startswith("vbr_audit"):
                told = inspect.cleandoc(function.__doc__ or "")
                found[name] = Member(name, str(function.__annotations__.get("return", "")), told)
    if cls is Snapshot:
        found |= {name: Member(name, "pd.DataFrame", spec.help) for name, spec in SPECS.items() if name not in found}
    return {name: member for name, member in found.items() if not name.startswith("_")}


def _annotations(cls: type) -> Mapping[str, str]:
    return {name: str(text) for name, text in vars(cls).get("__annotations__", {}).items()}


def classes_in(annotation: str, cls: type) -> tuple[type, ...]:
    """The classes with members of their own that `annotation`, written in `cls`, names."""
    found = (_resolved(name, cls.__module__) for name in re.findall(r"\b[A-Z]\w+", annotation))
    return tuple(one for one in found if isinstance(one, type) and _is_told(one))


def _is_told(cls: type) -> bool:
    known = dataclasses.is_dataclass(cls) or issubclass(cls, BaseModel)
    return known and cls.__module__.startswith(_TOLD) and cls.__name__ not in _UNTOLD


@cache
def _resolved(name: str, module: str) -> Any:
    """What `name` stands for in the annotations of `module`, those imports too that only a type checker follows."""
    home = sys.modules[module]
    if hasattr(home, name):
        return getattr(home, name)
    for node in ast.walk(ast.parse(inspect.getsource(home))):
        if isinstance(node, ast.ImportFrom) and node.module and name in {alias.name for alias in node.names}:
            return getattr(importlib.import_module(node.module), name, None)
    return None


def reachable() -> tuple[type, ...]:
    """The classes that a template can come to from `ROOTS`, the nearest first."""
    found: dict[type, None] = dict.fromkeys(ROOTS.values())
    waiting = list(found)
    while waiting:
        cls = waiting.pop(0)
        for member in members_of(cls).values():
            for one in classes_in(member.type, cls):
                if one not in found:
                    found[one] = None
                    waiting.append(one)
    return tuple(found)


def stored_names(tree: nodes.Template) -> set[str]:
    """The names that a template gives values to: loop variables, `set`, macros, imports."""
    found = {node.name for node in tree.find_all(nodes.Name) if node.ctx in ("store", "param")}
    found |= {node.name for node in tree.find_all(nodes.Macro)}
    for imported in tree.find_all(nodes.FromImport):
        found |= {name if isinstance(name, str) else name[1] for name in imported.names}
    return found | {node.target for node in tree.find_all(nodes.Import)}


def name_faults(tree: nodes.Template, environment: Environment, stored: Collection[str]) -> Iterator[Fault]:
    """What a template asks for that does not exist, wherever it stands; `stored` are names that other templates set."""
    known = {*NAMES, *environment.globals, *stored}
    for node in tree.find_all(nodes.Name):
        if node.name in meta.find_undeclared_variables(tree) - known and node.ctx == "load":
            yield Fault(node.lineno, f"there is no name {node.name!r}{suggestion(node.name, known)}")
    own = stored_names(tree)
    guarded = {id(node.node) for node in tree.find_all(nodes.Test) if node.name in ("defined", "undefined")}
    for reading in tree.find_all(nodes.Getattr):
        cls = _class_of(reading.node, own)
        if cls is not None and reading.attr not in members_of(cls) and id(reading) not in guarded:
            yield Fault(reading.lineno, f"{_spelled(reading.node)} has no {reading.attr!r}{_near(reading.attr, cls)}")


def _near(name: str, cls: type) -> str:
    return suggestion(name, members_of(cls))


def _class_of(node: nodes.Node, shadowed: Collection[str]) -> type | None:
    """The class of what an expression such as `report.results.summary` gives, as far as it is known."""
    if isinstance(node, nodes.Name):
        return None if node.name in shadowed or node.name in _LISTED else ROOTS.get(node.name)
    if not isinstance(node, nodes.Getattr):
        return None
    cls = _class_of(node.node, shadowed)
    member = members_of(cls).get(node.attr) if cls is not None else None
    if cls is None or member is None or re.search(r"[\[|]", member.type):
        return None
    return next(iter(classes_in(member.type, cls)), None)


def _spelled(node: nodes.Node) -> str:
    if isinstance(node, nodes.Getattr):
        return f"{_spelled(node.node)}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else "this"
