"""TOML files of the user's: strict, with the line of every key, which `tomllib` does not give."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from vbr_audit.config.yaml_file import KeyPath, YamlFile
from vbr_audit.errors import ConfigurationError

SECRETS = re.compile(r"pass(word|wd|phrase)?|pwd|secret|token", re.IGNORECASE)
"""Names of keys under which somebody would write a secret."""


class TomlFile(YamlFile):
    """The text of a TOML file, which knows the line of every key."""

    @cached_property
    def lines(self) -> Mapping[KeyPath, int]:
        """The line of each key and table by its path; the empty path is the document."""
        return positions(self.text)

    def content(self, *, hint: str) -> dict[str, Any]:
        """The content of the file; raises `ConfigurationError` with the line, never a value, if it is no TOML."""
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as fault:
            what, _, place = str(fault).partition(" (at ")
            number = re.match(r"line (\d+)", place)
            line = int(number.group(1)) if number else self.text.count("\n") + 1
            # tomllib may quote a value, and a value may be a password: only its own words are shown
            what = re.sub(r"['\"].*['\"]", "…", what, flags=re.DOTALL)
            raise ConfigurationError(f"{self.name}:{line}: not valid TOML: {what}", hint=hint) from None


def positions(text: str) -> dict[KeyPath, int]:
    """The 1-based line of each key and table of a valid TOML `text`, by its path."""
    lines: dict[KeyPath, int] = {(): 1}
    counts: Counter[KeyPath] = Counter()
    prefix: KeyPath = ()
    statement, start = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        if not statement:
            start = number
        statement += line + "\n"
        try:
            content = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:  # goes on in the next line
            continue
        if statement.lstrip().startswith("["):
            prefix = _table_path(content, counts)
            for depth in range(1, len(prefix) + 1):
                lines.setdefault(prefix[:depth], start)
        else:
            for path in _paths(content):
                lines.setdefault((*prefix, *path), start)
        statement = ""
    return lines


def _table_path(header: Any, counts: Counter[KeyPath]) -> KeyPath:
    """The path that a lone `[table]` or `[[table]]` opens; `counts` holds how many tables each array has so far."""
    path: KeyPath = ()
    while header:
        ((key, header),) = header.items()
        path = (*path, key)
        if isinstance(header, list):
            counts[path] += 1
            header = header[0]
        if counts[path]:
            path = (*path, counts[path] - 1)
    return path


def _paths(content: Any) -> Iterator[KeyPath]:
    pairs: Iterable[tuple[str | int, Any]] = ()
    if isinstance(content, dict):
        pairs = content.items()
    elif isinstance(content, list):
        pairs = enumerate(content)
    for key, value in pairs:
        yield (key,)
        yield from ((key, *path) for path in _paths(value))
