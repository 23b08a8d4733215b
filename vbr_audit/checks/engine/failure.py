"""What is wrong where a check fails, and what may come of it, in phrases that agree with the number of objects."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from string import Formatter
from typing import Any, Final

from vbr_audit.display import number
from vbr_audit.tables.build.schema import ObjectKind

LONGEST: Final = 100
"""The most characters of a phrase."""

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "is": ("is", "are"),
    "was": ("was", "were"),
    "has": ("has", "have"),
    "does": ("does", "do"),
    "its": ("its", "their"),
}
"""What may stand in braces beside the parameters of the check: the words for one object, and for several."""

_FORMAT: Final = re.compile(r",?(\.\d)?[dfg%]?")
"""How a value may be written: thousands apart, decimals, kind of number. A width could make a phrase of any length."""
_PAIR: Final = re.compile(r"([^|{}]+)\|([^|{}]+)")


def subject(kind: ObjectKind, failing: int, judged: int | None) -> str:
    """`2 of 13 repositories`, or `The repository` where no other one is judged; `judged` is None where not known."""
    if judged is None:
        return f"{number(failing)} of an unknown number of {kind.noun(2)}"
    return f"The {kind.noun(1)}" if judged == 1 else f"{number(failing)} of {number(judged)} {kind.noun(2)}"


def subject_alone(kind: ObjectKind, failing: int) -> str:
    """`The repository`, or `2 repositories`."""
    return f"The {kind.noun(1)}" if failing == 1 else f"{number(failing)} {kind.noun(failing)}"


def predicate(phrase: str, params: Mapping[str, Any], failing: int) -> str:
    """`phrase` for so many failing objects, with the values of the parameters; it must be sound."""
    several = failing != 1
    words = {name: forms[several] for name, forms in WORDS.items()}
    pairs = {name: _forms(name)[several] for name in names_in(phrase) if _PAIR.fullmatch(name)}
    return phrase.format_map({**params, **words, **pairs})


def consequence_told(who: str, consequence: str, failure: str | None, failing: int) -> str:
    """`2 jobs may not run: they are off`: who it is about, what may come of it, and what is wrong, if that is given.

    Both phrases are filled in already.
    """
    why = "" if failure is None else f": {'it' if failing == 1 else 'they'} {failure}"
    return f"{who} {consequence}{why}"


def names_in(phrase: str) -> tuple[str, ...]:
    """What stands in braces, without formats; raises `ValueError` for braces that do not fit each other."""
    return tuple(name for name, _ in _braces(phrase))


def _braces(phrase: str) -> list[tuple[str, str]]:
    """Name and format of what stands in braces; raises `ValueError` for braces that do not fit each other."""
    parts = Formatter().parse(phrase)
    return [(name, f"!{how}" if how else spec or "") for _, name, spec, how in parts if name is not None]


def phrase_faults(
    phrase: str, title: str, defaults: Mapping[str, Any], *, name: str = "failure phrase"
) -> Iterator[str]:
    """What is wrong with a phrase of a check whose parameters have these defaults; `name` is what it is called."""
    try:
        braces = _braces(phrase)
    except ValueError as error:
        yield f"its {name} cannot be read: {error}"
        return
    if strange := [brace for brace, _ in braces if not _is_known(brace, defaults)]:
        known = ", ".join(f"{{{word}}}" for word in (*WORDS, *defaults))
        yield (
            f"its {name} names {', '.join(f'{{{brace}}}' for brace in strange)}; it may name {known}, "
            "or a verb for one object and for several, such as {lies|lie}"
        )
        return
    if not all(_FORMAT.fullmatch(form) for _, form in braces):
        yield f"its {name} may write a number as {{share:.1f}}, {{count:,}} or {{limit:g}}, and no other way"
        return
    try:
        rendered = [predicate(phrase, defaults, failing) for failing in (1, 2)]
    except ValueError as error:
        yield f"its {name} cannot be filled in: {error}"
        return
    if not phrase.strip() or max(map(len, rendered)) > LONGEST:
        yield f"its {name} needs 1 to {LONGEST} characters"
    if phrase.endswith("."):
        yield f"its {name} ends with a full stop, but stands within a line"
    if phrase == title:
        yield f"its {name} must say what is wrong, and its title what is good"


def _is_known(name: str, params: Collection[str]) -> bool:
    return name in WORDS or name in params or _PAIR.fullmatch(name) is not None


def _forms(pair: str) -> tuple[str, str]:
    one, several = pair.split("|")
    return one, several
