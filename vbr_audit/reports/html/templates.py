"""The report templates: which there are, copies of them to change, and what is wrong with a user's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2
from jinja2 import Environment, meta, nodes

from vbr_audit.collection.files import write_bytes
from vbr_audit.config.yaml_file import suggestion
from vbr_audit.errors import ConfigurationError, TemplateError
from vbr_audit.reports.html.environment import VERSION, builtin_templates, declared_version, make_environment
from vbr_audit.reports.html.rendering import HINT, PAGES, render_html, source_of, told
from vbr_audit.reports.html.template_names import name_faults, stored_names

KINDS: Final = (".j2", ".css", ".js")
"""The files that a report is made from."""

MOST_USERS: Final = 2
"""A part names so many templates that use it, then counts them."""

_PURPOSES: Final = {
    "base.html.j2": "the frame of every page: head, content security policy, order of the blocks",
    "compliance.html.j2": "the report (formats html, pdf)",
    "executive.html.j2": "one sheet of paper for a manager (format executive)",
    "style.css": "the style of every page",
    "executive.css": "what the executive page adds to the style",
    "brand.css": "what a brand adds to the style",
    "pdf.css": "what the PDF adds to the style: page numbers",
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
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in KINDS)
    return tuple(sorted(found, key=lambda name: ("/" in name, KINDS.index(Path(name).suffix), name)))


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
        write_bytes(folder / name, (builtin_templates() / name).read_bytes())
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
            yield f"{folder / name}: {told(error, name)}"
        except jinja2.TemplateSyntaxError as error:
            yield f"{folder / name}:{error.lineno}: {error.message}"
        except TemplateError as error:
            yield f"{folder / error.message}"
        except UnicodeDecodeError as error:
            yield f"{folder / name}: not UTF-8 text (byte {error.start})"
    builtin = _trees(environment, (f"builtin:{name}" for name in builtin_names() if name.endswith(".j2")))
    stored = {name for _, tree in [*builtin, *trees.items()] for name in stored_names(tree)}
    for name, tree in trees.items():
        for fault in sorted(set(name_faults(tree, environment, stored)), key=lambda fault: fault.line):
            yield f"{folder / name}:{fault.line}: {fault.message}"


def _page_faults(folder: Path) -> Iterator[str]:
    """What is wrong when the pages are rendered."""
    from vbr_audit.reports.html.example_run import example_context

    context = example_context()
    for kind in PAGES:
        try:
            render_html(context, folder, kind=kind)
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
