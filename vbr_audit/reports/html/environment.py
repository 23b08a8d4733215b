"""Where report templates live and what they may do: a sandbox that escapes everything and forgives no unknown name.

A template may read values and print them. It cannot reach a method that does something: writes a file, saves a run,
evaluates text as code. Escaping cannot be turned off, and no filter calls a text safe.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateRuntimeError,
    TemplateSyntaxError,
    Undefined,
    UndefinedError,
)
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from markupsafe import Markup

from vbr_audit.config.yaml_file import suggestion
from vbr_audit.display import count, day, duration, iso, moment, number, percent, plain, size
from vbr_audit.errors import TemplateError
from vbr_audit.reports.html.page import MAX_ROWS, PRINT_BENEATH, PRINT_ROWS
from vbr_audit.reports.template_folder import builtin_templates
from vbr_audit.reports.words import DEFINITIONS, STATUS_MEANINGS, STATUS_WORDS, badge, level_badge
from vbr_audit.vocabulary import COUNT_COLUMNS

VERSION: Final = 1
"""The version of what a template may use; one that is written for another version is refused."""

NAMES: Final = ("report", "fleet", "mail", "page", "brief", "charts", "paper", "csp", "css", "script")
"""The names that pages are rendered with."""

FILTERS: Final[Mapping[str, Any]] = {
    "number": number,
    "percent": percent,
    "duration": duration,
    "size": size,
    "iso": iso,
    "day": day,
    "plain": plain,
    "count": count,
}
FUNCTIONS: Final[Mapping[str, Any]] = {"badge": badge, "level_badge": level_badge, "moment": moment}
CONSTANTS: Final[Mapping[str, Any]] = {
    "STATUS_WORDS": STATUS_WORDS,
    "STATUS_MEANINGS": STATUS_MEANINGS,
    "DEFINITIONS": DEFINITIONS,
    "COUNTED": COUNT_COLUMNS,
    "MAX_ROWS": MAX_ROWS,
    "PRINT_ROWS": PRINT_ROWS,
    "PRINT_BENEATH": PRINT_BENEATH,
}
TABLE_METHODS: Final = (
    *("count", "head", "isna", "items", "iterrows", "itertuples", "max", "min", "notna", "nunique", "sort_values"),
    *("sum", "tail", "to_dict", "tolist", "unique", "value_counts"),
)
"""What a template may call of a DataFrame or a column: it reads, and evaluates no text."""

_DECLARED = re.compile(r"\{#-?\s*vbr-audit templates:\s*(\S+?)\s*-?#\}")
_VALUES = (str, int, float, Mapping, list, tuple, set, frozenset, dt.date, dt.time, dt.timedelta, dt.tzinfo)
_REFUSED_FILTERS = ("safe", "urlize", "random")  # raw markup, links to elsewhere, another page at every run


class Compiled(BytecodeCache):
    """The templates that this process has compiled: to render pages from a folder takes an environment for each."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled of the same file with the same text."""
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._kept[bucket.key, bucket.checksum] = bucket.code


_COMPILED: Final = Compiled()


def make_environment(templates_dir: Path | None = None) -> Environment:
    """The Jinja environment of the reports: sandboxed, strict about unknown names, escaping in every template.

    A name is looked for in `templates_dir`, then among the built-in templates; `builtin:NAME` is always the
    built-in one, so that a replacement can extend what it replaces. Raises `TemplateError` for a missing folder.
    """
    builtin = FileSystemLoader(builtin_templates())
    users: list[BaseLoader] = []
    if templates_dir is not None:
        if not templates_dir.is_dir():
            raise TemplateError(f"no folder of templates: {templates_dir}", hint="Check the path given.")
        users.append(InsideLoader(templates_dir))
    environment = Sandbox(
        loader=ChoiceLoader([*users, builtin, PrefixLoader({"builtin": builtin}, delimiter=":")]),
        extensions=[Rules],
        autoescape=True,
        undefined=UnknownName,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=_COMPILED,
    )
    for name in _REFUSED_FILTERS:
        del environment.filters[name]
    del environment.globals["lipsum"]
    environment.filters.update(FILTERS)
    environment.globals.update({**FUNCTIONS, **CONSTANTS})
    return environment


def declared_version(source: str) -> tuple[str, int] | None:
    """The version that a template says it is written for, with its line; None where it says none."""
    match = _DECLARED.search(source)
    return (match[1], source.count("\n", 0, match.start()) + 1) if match else None


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, without the methods of our own objects and of pandas that do more than read."""

    intercepted_binops = frozenset({"**", "*"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._permitted: dict[tuple[type, str], bool] = {}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Multiply numbers, and no more: `9**9**9` would count for ever, a text times a million fill the memory."""
        if operator == "**" or not isinstance(left, int | float) or not isinstance(right, int | float):
            raise TemplateRuntimeError(f"{operator} is for numbers" if operator == "*" else "there is no operator **")
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may take `attr` of `obj`."""
        if not self._is_permitted(obj, attr, value) or (isinstance(obj, str) and attr == "translate"):
            return False  # translate() of a markup text would bring in text that is not escaped
        if not callable(value) or isinstance(value, Macro) or isinstance(obj, _VALUES):
            return True
        if isinstance(obj, pd.DataFrame | pd.Series):
            return attr in TABLE_METHODS
        return type(obj).__module__.partition(".")[0] == "jinja2"

    def _is_permitted(self, obj: Any, attr: str, value: Any) -> bool:
        """What Jinja's sandbox says: the same of all objects of a type, of which a page takes a name often."""
        known = (type(obj), attr)
        if known not in self._permitted:
            self._permitted[known] = super().is_safe_attribute(obj, attr, value)
        return self._permitted[known]


class InsideLoader(FileSystemLoader):
    """The templates of a folder, without what a link in it would bring in from elsewhere."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """The text of a template, its file, and whether that is still the same."""
        source, path, is_same = super().get_source(environment, template)
        if not is_inside(Path(path), (Path(folder) for folder in self.searchpath)):
            raise TemplateNotFound(template)
        return source, path, is_same


def is_inside(path: Path, folders: Iterable[Path]) -> bool:
    """Whether the file that `path` leads to lies in one of `folders`."""
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder.resolve()) for folder in folders)


class Rules(Extension):
    """Refuses a template that is written for another version, and one that would turn escaping off or on."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Look at the version that `source` declares."""
        declared = declared_version(source)
        if declared is not None and declared[0] != str(VERSION):
            message = f"is written for version {declared[0]} of the templates, and this is version {VERSION}"
            raise TemplateSyntaxError(message, declared[1], name, filename)
        return source

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Look for the tag that changes escaping."""
        return self._checked(stream)

    @staticmethod
    def _checked(stream: TokenStream) -> Iterator[Token]:
        before = ""
        for token in stream:
            if before == "block_begin" and token.test("name:autoescape"):
                raise TemplateSyntaxError("escaping cannot be changed", token.lineno, stream.name, stream.filename)
            before = token.type
            yield token


class UnknownName(StrictUndefined):
    """A name that does not exist: every use of it is an error that says which name comes near."""

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[UndefinedError] = UndefinedError,
    ) -> None:
        super().__init__(hint if hint is not None or name is None else unknown_text(obj, str(name)), obj, name, exc)


def unknown_text(obj: Any, name: str) -> str:
    """What is said of a `name` that does not exist, or that `obj` does not have."""
    if obj is missing:
        return f"there is no name {name!r}{suggestion(name, (*NAMES, *FUNCTIONS, *CONSTANTS))}"
    known = (word for word in dir(obj) if not word.startswith("_"))
    return f"a value of type {type(obj).__name__} has no {name!r}{suggestion(name, known)}"


def _shown(value: Any) -> Any:
    """What an expression of a template prints: text without anything that could steer, markup as it stands."""
    if isinstance(value, Markup | Undefined):
        return value
    return plain(value, lines=True)
