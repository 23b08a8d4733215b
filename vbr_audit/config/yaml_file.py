"""Strict YAML files of the user's, and errors that name file, line and key.

A file is composed, which keeps positions and shows duplicate keys, and what is composed is made plain by the safe,
pure constructor. Dates stay text (an impossible date is then an error of the model, not a surprise of the loader), and
anchors are refused. `load_yaml` checks the outcome against a pydantic model and lists every problem at once.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from vbr_audit.config.given_file import read_given
from vbr_audit.errors import ConfigurationError

KeyPath = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

_SHOWN = 60
_MOST_BRACKETS = 1000
"""Maximum number of brackets that are open at once: the cost of each grows with those around it."""
_KEPT_TEXTS = 24
"""So many of the last texts are kept as they were read: shipped profiles and frameworks are asked for often."""


class _Constructor(SafeConstructor):
    """The safe constructor, but a date stays the text that was written."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong at `path`; `line` is 1-based, None until the file's positions are known."""

    path: KeyPath
    message: str
    line: int | None = None


@dataclass(frozen=True)
class YamlFile:
    """The text of a YAML file and the `name` that errors call it by."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """The SHA-256 of the text as UTF-8, in lower-case hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def lines(self) -> Mapping[KeyPath, int]:
        """The line of each key and list item by its path; the empty path is the document."""
        return dict(_positions(self.text)[0])

    def line_of(self, path: KeyPath) -> int:
        """The 1-based line of `path`, or of the nearest parent that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    @classmethod
    def read(cls, source: str | Path, *, error: type[ConfigurationError], default_name: str) -> Self:
        """The file at `source`; a `str` with a line break is the text itself. Raises `error` if it cannot be read."""
        if isinstance(source, str) and "\n" in source:
            return cls(default_name, source)
        path = Path(source)
        try:
            name = path.name.encode("utf-8", "replace").decode()  # a name that is no UTF-8 could not be kept
            return cls(name, read_given(path).decode("utf-8-sig"))
        except UnicodeDecodeError as fault:
            raise error(f"{path}: not UTF-8 text (byte {fault.start})", hint="Save the file as UTF-8.") from None
        except OSError as fault:
            reason = fault.strerror or str(fault)
            raise error(f"{path}: cannot be read: {reason}", hint="Check the path and its permissions.") from None


def load_yaml(
    file: YamlFile,
    model: type[Model],
    *,
    error: type[ConfigurationError],
    hint: str,
    inspect: Callable[[Any], Iterable[Problem]] | None = None,
) -> Model:
    """The content of `file` as `model`.

    `inspect` looks at the plain content for what a model cannot know and may yield more problems. Raises `error`,
    whose message has one line `file:line: key.path: what` per problem.
    """
    content = _plain(file, error, hint)
    problems = list(model_problems(model, content))
    if inspect is not None:
        problems += inspect(content)
    if problems:
        raise_problems(file, problems, error=error, hint=hint)
    return model.model_validate(content)


def raise_problems(
    file: YamlFile, problems: Iterable[Problem], *, error: type[ConfigurationError], hint: str
) -> typing.NoReturn:
    """Raise `error` with one line per problem, in the order of the file."""
    located = {(each.line or file.line_of(each.path), _dotted(each.path), each.message) for each in problems}
    texts = [f"{file.name}:{line}: " + (f"{path}: " if path else "") + what for line, path, what in sorted(located)]
    raise error("\n".join(texts), hint=hint)


def model_problems(
    model: type[BaseModel], content: Any, *, at: KeyPath = (), key_word: str = "key"
) -> Iterator[Problem]:
    """What `model` finds wrong in `content`, which stands at the path `at`; `key_word` is what its keys are called."""
    try:
        model.model_validate(content)
    except ValidationError as fault:
        for detail in fault.errors(include_url=False):
            loc = detail["loc"]
            if loc[-1:] == ("[key]",):
                # The file's positions go by the text of a key.
                yield Problem((*at, *loc[:-2], str(loc[-2])), "a key must be text; put it in quotes")
                continue
            yield Problem(at + loc, _message(model, detail, key_word))


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest of the `known` words, or nothing."""
    by_folded = {name.casefold(): name for name in known}
    folded = word.casefold()
    near = difflib.get_close_matches(folded, by_folded, n=len(by_folded) or 1, cutoff=0.6)
    if not near:
        return ""
    matcher = difflib.SequenceMatcher(b=folded)

    def likeness(name: str) -> float:
        matcher.set_seq1(name)
        return matcher.ratio()

    # Of equally near ones the first by name: JOB-03 is rather JOB-003 than JOB-013.
    best = min(near, key=lambda name: (-likeness(name), name))
    return f"; did you mean '{by_folded[best]}'?"


def shown(value: Any) -> str:
    """A value of the file, named with its kind and cut to a readable length."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text '{value if len(value) <= _SHOWN else value[:_SHOWN] + '…'}'"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return str(value)


def _whole_number(value: Any) -> Any:
    """`value`, if it is a whole number and neither a truth value nor a text; raises `ValueError`."""
    if type(value) is not int:
        raise ValueError(f"expected 1, got {shown(value)}")
    return value


Version = Annotated[Literal[1], BeforeValidator(_whole_number)]
"""The version of a file format."""


def _plain(file: YamlFile, error: type[ConfigurationError], hint: str) -> Any:
    """The content as plain dicts, lists and scalars; raises `error` for what is no clean YAML."""
    if _brackets(file.text) > _MOST_BRACKETS:
        raise error(f"{file.name}: nested too deeply", hint=hint)
    try:
        _, problems = _positions(file.text)
        if problems:
            raise_problems(file, problems, error=error, hint=hint)
        return deepcopy(_content(file.text))
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        where = f"{file.name}:{mark.line + 1}" if mark else file.name
        what = (fault.problem or fault.context or "cannot be read").strip().splitlines()[0]
        raise error(f"{where}: not valid YAML: {what}", hint=hint) from None
    except ReaderError as fault:
        line = file.text.count("\n", 0, fault.position) + 1
        raise error(f"{file.name}:{line}: not valid YAML: a control character", hint=hint) from None
    except (YAMLError, ValueError) as fault:
        raise error(f"{file.name}: not valid YAML: {str(fault).splitlines()[0]}", hint=hint) from None
    except RecursionError:
        raise error(f"{file.name}: nested too deeply", hint=hint) from None


def _brackets(text: str) -> int:
    """How many brackets are open at once at most, those in texts and comments among them."""
    most = depth = 0
    for sign in re.findall(r"[\[\]{}]", text):
        depth = depth + 1 if sign in "[{" else max(depth - 1, 0)
        most = max(most, depth)
    return most


@lru_cache(maxsize=_KEPT_TEXTS)
def _content(text: str) -> Any:
    """The plain content of a text that is clean YAML, the same object each time."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    if "%YAML" in text:  # the version that a text names is known only while it is parsed
        return yaml.load(text)
    root = _root(text)
    return None if root is None else yaml.constructor.construct_document(root)


@lru_cache(maxsize=1)  # the positions and the content of a text are asked for one after the other
def _root(text: str) -> Node | None:
    """The nodes of a text, which nobody may change; None for a text without any."""
    root: Node | None = YAML(typ="safe", pure=True).compose(text)
    return root


@lru_cache(maxsize=_KEPT_TEXTS)
def _positions(text: str) -> tuple[Sequence[tuple[KeyPath, int]], Sequence[Problem]]:
    """The path and line of every key and item, and the duplicates and anchors among them."""
    root = _root(text)
    lines: list[tuple[KeyPath, int]] = [((), 1)]
    problems: list[Problem] = []
    seen: set[int] = set()
    stack: list[tuple[KeyPath, Node]] = [((), root)] if root is not None else []
    while stack:
        path, node = stack.pop()
        if id(node) in seen:
            problems.append(Problem(path, "anchors and aliases are not accepted; write the value out"))
            continue
        seen.add(id(node))
        keys: set[str | int] = set()
        below: list[tuple[KeyPath, Node]] = []
        for key, key_node, value in _children(node):
            here, line = (*path, key), key_node.start_mark.line + 1
            if key in keys:
                problems.append(Problem(here, "this key appears twice", line))
            if key == "<<":
                problems.append(Problem(here, "merge keys are not accepted; write the keys out", line))
            keys.add(key)
            lines.append((here, line))
            below.append((here, value))
        stack += reversed(below)
    return lines, problems


def _children(node: Node) -> Iterator[tuple[str | int, Node, Node]]:
    """Key, node that carries the position, and value node of each child."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield str(key.value) if isinstance(key, ScalarNode) else "?", key, value
    elif isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            yield number, item, item


def _dotted(path: KeyPath) -> str:
    """`checks.JOB-003.params` or `waivers[2].owner`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else str(part)
    return text


_EXPECTED = {
    "bool_type": "expected true or false",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "string_type": "expected text (in quotes)",
    "dict_type": "expected a mapping of keys",
    "model_type": "expected a mapping of keys",
    "model_attributes_type": "expected a mapping of keys",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
}
_BOUNDS = {
    "greater_than": ("gt", "must be above"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be below"),
    "less_than_equal": ("le", "must be at most"),
}


def _message(model: type[BaseModel], detail: ErrorDetails, key_word: str) -> str:
    """One pydantic error in plain words."""
    kind, value, loc = detail["type"], detail.get("input"), detail["loc"]
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = _fields_at(model, loc[:-1])
        listed = f"; known: {', '.join(known)}" if known else f"; it takes no {key_word}s"
        return f"unknown {key_word}" + (suggestion(str(loc[-1]), known) or listed)
    if kind == "missing":
        return "is required"
    if kind == "string_too_short" or (kind == "too_short" and not value):
        return "must not be empty"
    if kind == "literal_error":
        words = [word.strip("'") for word in re.split(", | or ", context["expected"])]
        near = suggestion(value, words) if isinstance(value, str) else ""
        return f"expected {context['expected']}, got {shown(value)}{near}"
    if kind in _BOUNDS:
        name, demand = _BOUNDS[kind]
        return f"{demand} {context[name]:.12g}, got {shown(value)}"
    if kind in _EXPECTED:
        return f"{_EXPECTED[kind]}, got {shown(value)}"
    message = detail["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _fields_at(model: type[BaseModel], path: KeyPath) -> tuple[str, ...]:
    """The field names of the model that stands at `path` inside `model`."""
    here: Any = model
    for part in path:
        if isinstance(here, type) and issubclass(here, BaseModel) and part in here.model_fields:
            here = _inner_model(here.model_fields[str(part)].annotation)
    return tuple(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else ()


def _inner_model(annotation: Any) -> Any:
    """The model inside an annotation such as `dict[str, Model]` or `Model | None`, or the annotation itself."""
    for argument in typing.get_args(annotation):
        inner = _inner_model(argument)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner
    return annotation
