"""JSON with places for values: they are put in after the JSON was read, so that no value can change its shape.

A text that is one place alone, such as `"{count}"`, becomes the value itself, be it a number or a list. `{{` and `}}`
are braces.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from vbr_audit.config.yaml_file import suggestion
from vbr_audit.errors import ConfigurationError

_PLACE: Final = re.compile(r"\{\{|\}\}|\{(\w+)\}")


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its places filled; every name must be among `values`."""
    if isinstance(template, Mapping):
        return {name: filled(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    return filled_text(template, values) if isinstance(template, str) else template


def filled_text(text: str, values: Mapping[str, Any]) -> Any:
    """One text with its places filled; the value itself where the text is one place."""
    whole = _PLACE.fullmatch(text)
    if whole and whole[1]:
        return values[whole[1]]
    return _PLACE.sub(lambda match: str(values[match[1]]) if match[1] else match[0][0], text)


def places(template: Any) -> Iterator[str]:
    """The names that a template asks for."""
    if isinstance(template, Mapping):
        for value in template.values():
            yield from places(value)
    elif isinstance(template, list):
        for value in template:
            yield from places(value)
    elif isinstance(template, str):
        yield from (match[1] for match in _PLACE.finditer(template) if match[1])


def check_places(template: Any, known: Collection[str], place: str) -> None:
    """Raise `ConfigurationError` where the template, called `place`, asks for a name that is not `known`."""
    for name in places(template):
        if name not in known:
            raise ConfigurationError(
                f"{place}: there is no value {name!r}{suggestion(name, known)}",
                hint=f"A template may name: {', '.join(sorted(known))}.",
            )
