"""Tables without names: each text column by what it declares to hold, never by a guess."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
import orjson
import pandas as pd

from vbr_audit.checks.engine.objects import OBJECTS, UNREAD, default_cause
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.findings.evaluation import COVERAGE_HOLDS
from vbr_audit.findings.requirements import REQUIREMENT_HOLDS
from vbr_audit.findings.table import FINDING_HOLDS, FINDING_SENTENCES
from vbr_audit.scrub.free_text import REMOVED, TextScrubber, folded, is_ordinary
from vbr_audit.scrub.pseudonyms import Pseudonyms
from vbr_audit.tables.build.arrays import STRING, strings_of
from vbr_audit.tables.build.naming import parts_of
from vbr_audit.tables.build.schema import Holds, NameOf

How = Literal["name", "names", "first", "glob", "id", "ids", "digest", "word", "own", "text", "prose", "json", "kept"]


@dataclass(frozen=True)
class Rule:
    """How the values of a column are scrubbed.

    `name`, `names` (with commas between them) and the `first` of some become pseudonyms that begin with `kind`, a
    `glob` that of a pattern or of the name that it is; `id`, `ids` and `digest` become keyed ones. In a `word` of the
    API's that is not known the names are replaced, in a `text` of the server's also what people wrote. A sentence of
    this package's `own` is told with what becomes of the values in it. `prose`, which people wrote, goes; of `json`
    numbers and known words stay.
    """

    how: How
    kind: str = ""


PATTERN: Final = "pattern"
_LAST: Final = ("waiver", "ticket", PATTERN)
KINDS: Final[tuple[str, ...]] = tuple(kind for kind in get_args(NameOf) if kind not in _LAST) + _LAST
"""The kinds of names in tables; a text that is a name of several kinds goes by the first of them."""

_PROSE: Final = Rule("prose")
_RULES: Final[Mapping[Holds, Rule]] = {
    **{kind: Rule("name", kind) for kind in get_args(NameOf)},
    "pattern": Rule("glob", PATTERN),
    "jobs": Rule("names", "job"),
    "repositories": Rule("names", "repository"),
    "objects": Rule("names", "object"),
    "mails": Rule("names", "mail"),
    "first job": Rule("first", "job"),
    "first repository": Rule("first", "repository"),
    "id": Rule("id"),
    "ids": Rule("ids"),
    "digest": Rule("digest"),
    "word": Rule("word"),
    "own text": Rule("own"),
    "server text": Rule("text"),
    "prose": _PROSE,
    "json": Rule("json"),
    "kept": Rule("kept"),
}
"""How what a column declares to hold is scrubbed."""

_HOLDS: Final[Mapping[str, Mapping[str, Holds]]] = {
    **{name: spec.holds for name, spec in TABLES.items()},
    "findings": FINDING_HOLDS,
    "coverage": COVERAGE_HOLDS,
    "requirements": REQUIREMENT_HOLDS,
}


def rule_of(table: str, column: str) -> Rule | None:
    """How `column` of `table` is scrubbed, by what it declares to hold; None if it declares nothing."""
    holds = _HOLDS.get(table, {}).get(column)
    return None if holds is None else _RULES[holds]


def object_rules() -> dict[str, tuple[Rule, bool]]:
    """For each kind of object that findings speak of: how its name is scrubbed, and whether its id is that name."""
    rules: dict[str, tuple[Rule, bool]] = {}
    for table, kind in OBJECTS.items():
        rules[kind.kind] = (rule_of(table, kind.name_column) or _PROSE, kind.id_column == kind.name_column)
    return rules


def cause_rules() -> dict[str, tuple[Rule, bool]]:
    """The same of each kind of cause: what is no object by itself is called by the name of one."""
    rules = object_rules()
    for table, kind in OBJECTS.items():
        rules[default_cause(table)] = rules[kind.kind]
    return rules | {"machine": (Rule("name", "object"), False), UNREAD: rules["server"]}


_OWN_WORDS: Final = (None, "own text", "kept")
_NO_NAME: Final = re.compile(r"[\d:.,TZ+ -]*")
_COMMA: Final = re.compile(r"(,\s*)")
_MORE: Final = re.compile(r"( and [\d,]+ more)\Z")
WILD: Final = frozenset("*?[")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Scrubber:
    """What replaces the names of one estate: whole values by `pseudonyms`, running text by `texts`."""

    pseudonyms: Pseudonyms
    texts: TextScrubber

    def name(self, kind: str, value: str) -> str:
        """The pseudonym of a name."""
        return self.pseudonyms.name(kind, value)

    def value(self, value: str, rule: Rule) -> str:
        """What a cell becomes under `rule`; what is empty stays."""
        return self._maker(rule)(value) if value else value

    def _maker(self, rule: Rule) -> Callable[[str], str]:
        """What makes the new value of a cell that is not empty."""
        names = self.pseudonyms
        makers: Mapping[str, Callable[[str], str]] = {
            "name": lambda value: names.name(rule.kind, value),
            "names": lambda value: _each_between_commas(value, lambda part: names.name(rule.kind, part)),
            "glob": lambda value: self.glob(value),
            "id": names.identifier,
            "first": lambda value: _first_and_more(value, lambda part: names.name(rule.kind, part)),
            "ids": lambda value: _each_between_commas(value, names.identifier),
            "digest": names.hashed,
            "word": lambda value: _each_between_commas(value, self._word),
            "own": lambda value: self.told(value, lambda words: words),
            "text": lambda value: self.told(value, self.texts.clean),
            "prose": lambda value: REMOVED,
            "json": self._json,
            "kept": lambda value: value,
        }
        return makers[rule.how]

    def told(self, sentence: str, besides: Callable[[str], str]) -> str:
        """A sentence with what becomes of each value by what it holds, and `besides` of the words around them.

        A text that says of itself that it is this package's own is nothing but words: who sent it may want to be told.
        """
        return "".join(
            besides(text) if holds in _OWN_WORDS else self.value(text, _RULES.get(holds, _PROSE))
            for holds, text in parts_of(sentence)
        )

    def glob(self, text: str, kind: str = PATTERN) -> str:
        """The pseudonym of a pattern, or of the name that it is without a wildcard."""
        if set(text) <= WILD:
            return text
        if WILD & set(text):
            return self.name(PATTERN, text)
        term = self.texts.terms.get(folded(text))
        return term.stand_in if term and kind == PATTERN else self.name(kind, text)

    def _word(self, value: str) -> str:
        """A word of the API's, which stays if it is known."""
        return value if is_ordinary(folded(value)) else self.texts.clean(value, prose=False)

    def _json(self, value: str) -> str:
        try:
            document = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value if is_ordinary(folded(value)) else REMOVED
        return orjson.dumps(self._leaves(document)).decode()

    def _leaves(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._leaves(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._leaves(inner) for inner in value]
        if not isinstance(value, str) or not value or _NO_NAME.fullmatch(value):
            return value
        if _UUID.fullmatch(value):
            return self.pseudonyms.identifier(value)
        term = self.texts.terms.get(folded(value))
        if is_ordinary(folded(value)):
            return value
        return term.stand_in if term else REMOVED

    def column(self, values: pd.Series, rule: Rule) -> pd.Series:
        """A text column under `rule`, in the same order."""
        codes, uniques = pd.factorize(values.to_numpy(dtype=object), use_na_sentinel=True)
        made = np.empty(len(uniques) + 1, dtype=object)
        make = self._maker(rule)
        made[:-1] = [make(value) if value else value for value in uniques]
        made[-1] = pd.NA
        return pd.Series(strings_of(made[codes]), index=values.index, dtype=STRING)

    def frame(self, table: str, frame: pd.DataFrame) -> pd.DataFrame:
        """The table called `table`: text columns by their rules, one that is not declared as prose; others stay."""
        changed = {
            name: self.column(frame[name], rule_of(table, str(name)) or _PROSE)
            for name in frame.columns
            if frame[name].dtype == STRING
        }
        return frame.assign(**changed)

    def findings(self, findings: pd.DataFrame, own_checks: Collection[str]) -> pd.DataFrame:
        """Findings, not told yet: objects by their kind, and the words of `own_checks`, which are the user's own."""
        frame = self.frame("findings", findings)
        self._name(frame, findings, object_rules(), ("object_type", "object_id", "object_name"))
        self._name(frame, findings, cause_rules(), ("cause_kind", "cause_key", "cause_name"))
        own = findings["check_id"].isin(list(own_checks)).to_numpy(dtype=bool, na_value=False)
        for name in ("title", "remediation", "json_path", *FINDING_SENTENCES):
            frame.loc[own, name] = self.column(findings.loc[own, name], Rule("text"))
        return frame

    def _name(
        self,
        frame: pd.DataFrame,
        findings: pd.DataFrame,
        rules: Mapping[str, tuple[Rule, bool]],
        columns: tuple[str, str, str],
    ) -> None:
        """Write into `frame` the pseudonyms of what `findings` name, by its kind; `columns` are kind, id and name."""
        kinds, ids, names = (findings[name] for name in columns)
        for kind, (rule, id_is_name) in rules.items():
            rows = kinds.eq(kind).to_numpy(dtype=bool, na_value=False)
            unnamed = rows & names.eq(ids).to_numpy(dtype=bool, na_value=False)
            frame.loc[rows, columns[2]] = self.column(names[rows], rule)
            if id_is_name:
                frame.loc[rows, columns[1]] = self.column(ids[rows], rule)
            else:
                # What has no name of its own is called by its id.
                frame.loc[unnamed, columns[2]] = frame.loc[unnamed, columns[1]]


def names_in(table: str, frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Every name in a table with its kind; texts that people wrote are of the kind `REMOVED`, ids but UUIDs of `id`."""
    for column in frame.columns:
        rule = rule_of(table, str(column))
        if frame[column].dtype != STRING or rule is None or rule.how not in ("name", "names", "prose", "id", "ids"):
            continue
        kind = {"prose": REMOVED, "id": "id", "ids": "id"}.get(rule.how, rule.kind)
        for value in frame[column].dropna().unique():
            several = _COMMA.split(_MORE.sub("", value))[::2] if rule.how in ("names", "ids") else [value]
            yield from ((kind, part) for part in several if part.strip() and not (kind == "id" and _is_dull(part)))


_LONG_ID: Final = 8


def _is_dull(identifier: str) -> bool:
    """Whether an id need not be looked for in texts: UUIDs are found by their form, short ones are everywhere."""
    return len(identifier) < _LONG_ID or _UUID.fullmatch(identifier) is not None


def _first_and_more(value: str, make: Callable[[str], str]) -> str:
    first, more = _MORE.split(value)[:2] if _MORE.search(value) else (value, "")
    return f"{make(first)}{more}"


def _each_between_commas(value: str, make: Callable[[str], str]) -> str:
    several, *more = _MORE.split(value)
    return "".join([*(part if at % 2 else make(part) for at, part in enumerate(_COMMA.split(several))), *more])
