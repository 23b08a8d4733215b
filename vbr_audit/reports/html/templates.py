"""The report templates: which there are, what they may name, copies to change, what is wrong with a user's own."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2 import Environment, meta, nodes
from pydantic import BaseModel

from vbr_audit.collection.files import write_bytes
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.config.yaml_file import suggestion
from vbr_audit.datasets import SPECS
from vbr_audit.errors import ConfigurationError, TemplateError
from vbr_audit.reports.charts.page_charts import Chart
from vbr_audit.reports.context import ReportContext
from vbr_audit.reports.html.environment import NAMES, VERSION, declared_version, make_environment
from vbr_audit.reports.html.executive import Brief
from vbr_audit.reports.html.page import Page
from vbr_audit.reports.html.paper import Paper
from vbr_audit.reports.html.rendering import (
    HINT,
    PAGES,
    builtin_environment,
    error_text,
    given_to,
    render_html,
    source_of,
)
from vbr_audit.reports.template_folder import builtin_templates

KINDS: Final = (".j2", ".css", ".js")
"""The files that a report is made from."""

MOST_USERS: Final = 2
"""A part names so many templates that use it, then counts them."""

_PURPOSES: Final = {
    "base.html.j2": "the frame of every page: head, content security policy, order of the blocks",
    "compliance.html.j2": "the report (format html; with `--pdf full`, pdf too)",
    "executive.html.j2": "one sheet of paper for a manager (format executive)",
    "executive_pdf.html.j2": "the same sheet as a PDF (format executive-pdf)",
    "fleet.html.j2": "many servers together (`fleet report`)",
    "mail.html.j2": "the text of a mail (`deliver`)",
    "pdf.html.j2": "the report on paper (format pdf)",
    "style.css": "the style of every page",
    "charts.css": "the colours of the charts, and what they add to the style",
    "executive.css": "what the executive page adds to the style",
    "fleet.css": "what the fleet report adds to the style",
    "brand.css": "what a brand adds to the style",
    "paper.css": "what the report on paper adds to the style",
    "pdf.css": "what every PDF adds to the style: page numbers, bookmarks",
    "script.js": "sorting and filtering in the report",
}


@dataclass(frozen=True)
class TemplateFile:
    """A built-in template and what it is for."""

    name: str
    purpose: str


def builtin_names() -> tuple[str, ...]:
    """The names of the built-in templates, the pages first, then styles and scripts, then parts."""
    folder = builtin_templates()
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in KINDS)
    return tuple(sorted(names, key=lambda name: ("/" in name, KINDS.index(Path(name).suffix), name)))


def list_templates() -> tuple[TemplateFile, ...]:
    """The built-in templates; a part tells which templates it is a part of."""
    environment = make_environment()
    users: dict[str, list[str]] = {}
    for name, tree in _trees(environment, (name for name in builtin_names() if name.endswith(".j2"))):
        for part in meta.find_referenced_templates(tree):
            users.setdefault(part or "", []).append(name)
    parts = {part: _part_of(sorted(names)) for part, names in users.items()}
    return tuple(TemplateFile(name, _PURPOSES.get(name) or parts.get(name, "")) for name in builtin_names())


def _part_of(names: list[str]) -> str:
    more = f" and {len(names) - MOST_USERS} more" if len(names) > MOST_USERS else ""
    return f"part of {', '.join(names[:MOST_USERS])}{more}"


def copy_templates(names: Iterable[str], folder: Path, *, force: bool = False) -> list[Path]:
    """Copy built-in templates to `folder`, to be changed there; return the files written.

    Raises `TemplateError` for a name that does not exist, `ConfigurationError` for a file that is there already unless
    `force`, before anything is written, and `OutputError`.
    """
    known, wanted = builtin_names(), list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            near = suggestion(name, known)
            raise TemplateError(f"no template is called {name!r}{near}", hint="`vbr-audit templates list` names them.")
        if (folder / name).exists() and not force:
            raise ConfigurationError(f"{folder / name} is there already", hint="Give --force to replace it.")
    for name in wanted:
        write_bytes(folder / name, (builtin_templates() / name).read_bytes(), for_owner=False)
    return [folder / name for name in wanted]


def check_templates(folder: Path | None) -> tuple[str, ...]:
    """Try the templates in `folder` on an invented run; return remarks on what is no fault, but worth a look.

    Raises `TemplateError`, whose message has one line `file:line: what` for each fault.
    """
    if folder is None:
        return ()
    environment = make_environment(folder)
    own = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in KINDS)
    faults = list(_file_faults(environment, folder, own)) or list(_page_faults(folder))
    if faults:
        raise TemplateError("\n".join(faults), hint=HINT)
    return tuple(_remarks(environment, folder, own))


def _file_faults(environment: Environment, folder: Path, own: list[str]) -> Iterator[str]:
    """What is wrong in the files themselves: syntax, version, names that do not exist."""
    trees: dict[str, nodes.Template] = {}
    for name in own:
        try:
            if name.endswith(".j2"):
                environment.get_template(name)
                trees |= dict(_trees(environment, [name]))
            else:
                source_of(environment, name)
        except RecursionError:
            yield f"{folder / name}: nested too deeply"
        except jinja2.TemplateNotFound as error:
            yield f"{folder / name}: {error_text(error, name)}"
        except jinja2.TemplateSyntaxError as error:
            yield f"{folder / name}:{error.lineno}: {error.message}"
        except TemplateError as error:
            yield f"{folder / error.message}"
        except UnicodeDecodeError as error:
            yield f"{folder / name}: not UTF-8 text (byte {error.start})"
    stored = _stored_by_builtin().union(*(stored_names(tree) for tree in trees.values()))
    for name, tree in trees.items():
        for fault in sorted(set(name_faults(tree, environment, stored)), key=lambda fault: fault.line):
            yield f"{folder / name}:{fault.line}: {fault.message}"


@cache
def _stored_by_builtin() -> frozenset[str]:
    """The names that the built-in templates give values to."""
    return frozenset(name for _, tree in _trees(builtin_environment(), builtin_names()) for name in stored_names(tree))


@cache
def _given_to_example(kind: str) -> Mapping[str, Any]:
    """What a page of the invented run is rendered with: the same whatever the templates."""
    from vbr_audit.reports.html.example_run import example_context

    return given_to(example_context(), kind)


def _page_faults(folder: Path) -> Iterator[str]:
    """What is wrong when the pages are rendered."""
    from vbr_audit.reports.html.example_run import example_context

    context = example_context()
    for kind in PAGES:
        try:
            render_html(context, folder, kind=kind, given=_given_to_example(kind))
        except TemplateError as error:
            yield f"format {kind}: {error.message}"


def _remarks(environment: Environment, folder: Path, own: list[str]) -> Iterator[str]:
    known, pages = builtin_names(), {kind.template for kind in PAGES.values()}
    used = {part for _, tree in _trees(environment, own) for part in meta.find_referenced_templates(tree)}
    for name in own:
        if name not in known and name not in used:
            near = suggestion(name, known)
            yield f"{folder / name} takes the place of no built-in template, and nothing uses it{near}"
        elif name in pages and declared_version((folder / name).read_text("utf-8")) is None:
            line = f"{{# vbr-audit templates: {VERSION} #}}"
            yield f"{folder / name} does not say for which version it is written; add {line}"


def _trees(environment: Environment, names: Iterable[str]) -> Iterator[tuple[str, nodes.Template]]:
    for name in names:
        if name.endswith(".j2") and environment.loader is not None:
            source, path, _ = environment.loader.get_source(environment, name)
            yield name, environment.parse(source, name, path)


# The names that a template may use, read off the classes behind them, and what a template gets wrong about them.

ROOTS: Final[Mapping[str, type]] = {
    "report": ReportContext,
    "page": Page,
    "brief": Brief,
    "charts": Chart,
    "paper": Paper,
}
"""What pages are rendered with, by name; `charts` is a list of them."""

_LISTED: Final = ("charts",)
_DOCUMENTED: Final = tuple(f"vbr_audit.{room}." for room in ("reports", "findings", "collection", "checks", "tables"))
_UNDOCUMENTED: Final = ("Example", "Outcome", "EvidenceFile")


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
    members: dict[str, Member] = {}
    if dataclasses.is_dataclass(cls):
        members |= {
            one.name: Member(one.name, str(one.type), one.metadata.get("help", "")) for one in dataclasses.fields(cls)
        }
    elif issubclass(cls, BaseModel):
        annotations = {name: text for base in reversed(cls.__mro__) for name, text in _annotations(base).items()}
        members |= {name: Member(name, annotations.get(name, ""), "") for name in cls.model_fields}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            function = value.fget if isinstance(value, property) else getattr(value, "func", None)
            if isinstance(value, property | cached_property) and function and base.__module__.startswith("vbr_audit"):
                description = inspect.cleandoc(function.__doc__ or "")
                members[name] = Member(name, str(function.__annotations__.get("return", "")), description)
    if cls is Snapshot:
        members |= {
            name: Member(name, "pd.DataFrame", spec.help) for name, spec in SPECS.items() if name not in members
        }
    return {name: member for name, member in members.items() if not name.startswith("_")}


def _annotations(cls: type) -> Mapping[str, str]:
    return {name: str(text) for name, text in vars(cls).get("__annotations__", {}).items()}


def classes_in(annotation: str, cls: type) -> tuple[type, ...]:
    """The classes with members of their own that `annotation`, written in `cls`, names."""
    classes = (_resolved(name, cls.__module__) for name in re.findall(r"\b[A-Z]\w+", annotation))
    return tuple(one for one in classes if isinstance(one, type) and _is_documented(one))


def _is_documented(cls: type) -> bool:
    known = dataclasses.is_dataclass(cls) or issubclass(cls, BaseModel)
    return known and cls.__module__.startswith(_DOCUMENTED) and cls.__name__ not in _UNDOCUMENTED


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
    classes: dict[type, None] = dict.fromkeys(ROOTS.values())
    waiting = list(classes)
    while waiting:
        cls = waiting.pop(0)
        for member in members_of(cls).values():
            for one in classes_in(member.type, cls):
                if one not in classes:
                    classes[one] = None
                    waiting.append(one)
    return tuple(classes)


def stored_names(tree: nodes.Template) -> set[str]:
    """The names that a template gives values to: loop variables, `set`, macros, imports."""
    names = {node.name for node in tree.find_all(nodes.Name) if node.ctx in ("store", "param")}
    names |= {node.name for node in tree.find_all(nodes.Macro)}
    for imported in tree.find_all(nodes.FromImport):
        names |= {name if isinstance(name, str) else name[1] for name in imported.names}
    return names | {node.target for node in tree.find_all(nodes.Import)}


def name_faults(tree: nodes.Template, environment: Environment, stored: Collection[str]) -> Iterator[Fault]:
    """What a template asks for that does not exist, wherever it stands; `stored` are names that other templates set."""
    known = {*NAMES, *environment.globals, *stored}
    undeclared = meta.find_undeclared_variables(tree) - known
    for node in tree.find_all(nodes.Name):
        if node.name in undeclared and node.ctx == "load":
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
