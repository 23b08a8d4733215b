"""What is wrong where a check fails, as a phrase that agrees with the number of the failing objects."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from string import Formatter
from typing import Any, Final

from vbr_audit.display import number

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

NOUNS: Final[Mapping[str, tuple[str, str]]] = {
    "repository": ("repository", "repositories"),
    "scale-out repository": ("scale-out repository", "scale-out repositories"),
    "proxy": ("proxy", "proxies"),
    "instant recovery": ("instant recovery", "instant recoveries"),
    "group of objects left": ("group of objects left", "groups of objects left"),
    "credentials": ("credential record", "credential records"),
    "cloud credentials": ("cloud credential record", "cloud credential records"),
}
"""The kinds of objects of which one, or several, are not called by the kind, or by the kind with an s."""

_FORMAT: Final = re.compile(r",?(\.\d)?[dfg%]?")
"""How a value may be written: thousands apart, decimals, kind of number. A width could make a phrase of any length."""
_PAIR: Final = re.compile(r"([^|{}]+)\|([^|{}]+)")


def nouns_of(kind: str) -> tuple[str, str]:
    """What one object of a kind is called, and several."""
    return NOUNS.get(kind, (kind, f"{kind}s"))


def subject(kind: str, failing: int, judged: int | None) -> str:
    """`2 of 13 repositories`, or `The repository` where no other one is judged; `judged` is None where not known."""
    one, many = nouns_of(kind)
    if judged is None:
        return f"{number(failing)} of an unknown number of {many}"
    return f"The {one}" if judged == 1 else f"{number(failing)} of {number(judged)} {many}"


def subject_alone(kind: str, failing: int) -> str:
    """`The repository`, or `2 repositories`."""
    one, many = nouns_of(kind)
    return f"The {one}" if failing == 1 else f"{number(failing)} {many}"


def predicate(phrase: str, params: Mapping[str, Any], failing: int) -> str:
    """`phrase` for so many failing objects, with the values of the parameters; it must be sound."""
    several = failing != 1
    words = {name: forms[several] for name, forms in WORDS.items()}
    pairs = {name: _forms(name)[several] for name in names_in(phrase) if _PAIR.fullmatch(name)}
    return phrase.format_map({**params, **words, **pairs})


def names_in(phrase: str) -> tuple[str, ...]:
    """What stands in braces, without formats; raises `ValueError` for braces that do not fit each other."""
    return tuple(name for _, name, _, _ in Formatter().parse(phrase) if name is not None)


def phrase_faults(phrase: str, title: str, defaults: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a phrase of a check whose parameters have these defaults."""
    try:
        strange = [name for name in names_in(phrase) if not _is_known(name, defaults)]
    except ValueError as error:
        yield f"its failure phrase cannot be read: {error}"
        return
    if strange:
        known = ", ".join(f"{{{name}}}" for name in (*WORDS, *defaults))
        yield (
            f"its failure phrase names {', '.join(f'{{{name}}}' for name in strange)}; it may name {known}, "
            "or a verb for one object and for several, such as {lies|lie}"
        )
        return
    parts = [(spec or "", conversion) for _, name, spec, conversion in Formatter().parse(phrase) if name is not None]
    if any(conversion or not _FORMAT.fullmatch(spec) for spec, conversion in parts):
        yield "its failure phrase may write a number as {share:.1f}, {count:,} or {limit:g}, and no other way"
        return
    try:
        rendered = [predicate(phrase, defaults, failing) for failing in (1, 2)]
    except ValueError as error:
        yield f"its failure phrase cannot be filled in: {error}"
        return
    if not phrase.strip() or max(map(len, rendered)) > LONGEST:
        yield f"its failure phrase needs 1 to {LONGEST} characters"
    if phrase.endswith("."):
        yield "its failure phrase ends with a full stop, but stands within a line"
    if phrase == title:
        yield "its failure phrase must say what is wrong, and its title what is good"


def _is_known(name: str, params: Collection[str]) -> bool:
    return name in WORDS or name in params or _PAIR.fullmatch(name) is not None


def _forms(pair: str) -> tuple[str, str]:
    one, several = pair.split("|")
    return one, several
