"""The files of a policy: the chain of what it extends, and one text that holds them all.

A policy stands on the profile or file that it `extends`, and without that on the profile `default`. What is kept of a
chain of files is each of them as it was read, one after the other, so that it can be read again alone and every line
keeps its number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, NoReturn

from vbr_audit.checks.policy.model import PolicyDocument
from vbr_audit.config.yaml_file import Problem, YamlFile, raise_problems, suggestion
from vbr_audit.errors import PolicyError

PROFILES: Final = ("default", "strict", "minimal")
"""The policies that the package ships, by name."""

HINT: Final = "Correct the policy file; `vbr-audit checks` lists the checks and `vbr-audit checks ID` its parameters."
_PART = re.compile(r"^--- # policy file: (.+?)\r?$", re.MULTILINE)

Parse = Callable[[YamlFile, bool], PolicyDocument]


@dataclass(frozen=True, eq=False)
class Layer:
    """One file of a chain; `is_profile` says that the package ships it."""

    file: YamlFile
    document: PolicyDocument
    is_profile: bool


def profile_file(name: str) -> YamlFile:
    """The text of a shipped profile, called `strict profile`."""
    return YamlFile(f"{name} profile", _profile_text(name))


@cache
def _profile_text(name: str) -> str:
    return resources.files("vbr_audit.checks.policy").joinpath("profiles", f"{name}.yaml").read_text(encoding="utf-8")


def read_layers(source: str | Path | None, name: str | None, parse: Parse) -> tuple[list[Layer], str]:
    """The files of the policy at `source`, the one that all others stand on first, and the text that holds them.

    `name` is what the last one is called; `parse` makes a document of a file, told whether it is a shipped profile.
    Raises `PolicyError`.
    """
    given = "default" if source is None else source
    if isinstance(given, str) and given in PROFILES:
        file = profile_file(given)
        return _profiles(given, parse, called=name or file.name), file.text
    files, path = _opened(given, name)
    layers = [Layer(file, parse(file, False), False) for file in files]
    seen = [] if path is None else [path]
    while (target := layers[0].document.extends) is not None and target not in PROFILES:
        if path is None:
            _refuse(layers[0].file, f"a policy given as text cannot extend the file {target}")
        path = (path.parent / target).resolve()
        if path in seen:
            chain = " > ".join([*(layer.file.name for layer in reversed(layers)), target])
            _refuse(layers[0].file, f"the policy extends itself: {chain}")
        seen.append(path)
        layers[:0] = [Layer(file, parse(file, False), False) for file in _extended(layers[0].file, target, path)]
    text = layers[0].file.text if len(layers) == 1 else _joined([layer.file for layer in layers])
    return [*_profiles(layers[0].document.extends or "default", parse), *layers], text


def _profiles(name: str, parse: Parse, *, called: str | None = None) -> list[Layer]:
    """A shipped profile and those that it stands on; `called` is another name for it."""
    found: list[Layer] = []
    target: str | None = name
    while target is not None:
        file = profile_file(target)
        file = YamlFile(called, file.text) if called is not None and not found else file
        document = parse(file, True)
        found.insert(0, Layer(file, document, True))
        target = document.extends or ("default" if target != "default" else None)
    return found


def _opened(source: str | Path, name: str | None) -> tuple[list[YamlFile], Path | None]:
    """The files in what was given, the last one called `name`, and its path, None for a text."""
    is_text = isinstance(source, str) and "\n" in source
    if isinstance(source, str) and not is_text and not Path(source).exists() and re.fullmatch(r"[\w-]+", source):
        raise PolicyError(
            f"no policy is called {source!r}{suggestion(source, PROFILES)}",
            hint=f"Give one of {', '.join(PROFILES)}, or the path of a policy file.",
        )
    file = YamlFile.read(source, error=PolicyError, default_name="policy.yaml")
    files = _parts(YamlFile(name, file.text) if name is not None else file)
    return files, None if is_text else Path(source).resolve()


def _extended(below: YamlFile, target: str, path: Path) -> list[YamlFile]:
    """The file that `below` extends, called as it is called there."""
    try:
        file = YamlFile.read(path, error=PolicyError, default_name=target)
    except PolicyError as error:
        near = suggestion(target, PROFILES)
        _refuse(below, error.message.replace(str(path), target, 1) + near)
    return _parts(YamlFile(target, file.text))


def _parts(file: YamlFile) -> list[YamlFile]:
    """The files that a kept chain is made of, or the one that `file` is."""
    marks = list(_PART.finditer(file.text))
    if not marks or marks[0].start():
        return [file]
    ends = [*(mark.start() for mark in marks[1:]), len(file.text)]
    return [YamlFile(mark[1], file.text[mark.end() + 1 : end]) for mark, end in zip(marks, ends, strict=True)]


def _joined(files: Sequence[YamlFile]) -> str:
    """The chain as one text, each file after its name."""
    texts = [file.text if file.text.endswith("\n") else file.text + "\n" for file in files]
    return "".join(f"--- # policy file: {file.name}\n{text}" for file, text in zip(files, texts, strict=True))


def _refuse(file: YamlFile, message: str) -> NoReturn:
    raise_problems(file, [Problem(("extends",), message)], error=PolicyError, hint=HINT)
