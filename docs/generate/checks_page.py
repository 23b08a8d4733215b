"""The catalogue of checks as one Markdown page, made of what the checks declare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from vbr_audit.checks.derived import EARLIER, SITE
from vbr_audit.checks.engine.outcome import EXAMPLE_NOW, Example
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.tables import datasets_behind_table, sources_of
from vbr_audit.checks.policy.needs import datasets_behind
from vbr_audit.checks.policy.policy import CheckUse, Policy
from vbr_audit.datasets import DATASETS
from vbr_audit.datasets.card import Dataset
from vbr_audit.datasets.roles import Role
from vbr_audit.findings.requirements import Framework
from vbr_audit.revisions import KNOWN, OLDEST, is_at_least
from vbr_audit.vocabulary import AREAS

_INTRODUCTION = """# Checks

Every check that ships with the package, made from its declaration; `vbr-audit checks ID` tells the same of one.

A check answers PASS, FAIL, NOT_APPLICABLE or UNKNOWN for each object that it judges. What could not be read is
UNKNOWN, never PASS. The examples are run as tests, and so is each passing one with every input taken away in turn.
*now* stands for the run's clock.

*Since* is the first revision of the REST API that has all that a check cannot do without; single fields may have come
later, and are UNKNOWN before. *Roles* are Veeam's built-in roles that may read it, each since that revision unless
another one is named. A table marked with ° is used where it was read; the check answers most objects without it.
Names in braces are parameters.
"""

_SHOWN = 4
"""How many different rows of a further table an example shows."""


def supported_by(frameworks: Iterable[Framework]) -> dict[str, list[str]]:
    """For each check the requirements that it speaks for, as `Title 11.2`, and which are so by own judgement alone."""
    found: dict[str, list[str]] = {}
    for framework in frameworks:
        for requirement in framework.requirements:
            for check_id in requirement.checks:
                mark = " (own judgement)" if requirement.judgement == "own" else ""
                found.setdefault(check_id, []).append(f"{framework.title} {requirement.id}{mark}")
    return found


def render_checks(policy: Policy, requirements: Mapping[str, Sequence[str]] | None = None) -> str:
    """The page over all checks of `policy`; `requirements` names for a check's id what of a framework it supports."""
    order = list(AREAS.values())
    uses = sorted(policy.uses, key=lambda use: (_place(use.check, order), use.check.id))
    lines = [_INTRODUCTION, *_index(uses)]
    for area, several in groupby(uses, key=lambda use: use.check.area):
        lines += ["", f"## {area}"]
        for use in several:
            lines += ["", *_section(use, (requirements or {}).get(use.check.id, ()))]
    return "\n".join(lines) + "\n"


def _place(check: Check, order: list[str]) -> int:
    return order.index(check.area) if check.area in order else len(order)


def _index(uses: Sequence[CheckUse]) -> Iterator[str]:
    yield "| check | the good state | severity | since | site file |"
    yield "|---|---|---|---|---|"
    for use in uses:
        check = use.check
        off = "" if use.enabled else " (off by default)"
        cells = (
            f"[{check.id}](#{check.id.lower()})",
            _cell(check.title) + off,
            use.severity,
            _since(check) or "never",
            _site_word(check),
        )
        yield f"| {' | '.join(cells)} |"


def _section(use: CheckUse, requirements: Sequence[str]) -> Iterator[str]:
    """One check: what it asks and why, then what it needs, then its examples."""
    check = use.check
    yield f"### {check.id}"
    yield ""
    yield f"**{check.title}** ({use.severity})"
    yield ""
    yield check.rationale
    yield ""
    if not use.enabled:
        yield f"- Off by default: {use.reason}"
    yield f"- Judges: each {check.object_kind.kind}"
    if check.expected:
        yield f"- Expected: {check.expected}"
    if check.failure_example:
        yield f"- Where it fails: {check.failure_example}"
    if check.consequence_example:
        yield f"- What may come of it: {check.consequence_example}"
    yield f"- Remediation: {check.remediation}"
    yield f"- Reads: {'; '.join(_reads(check))}"
    yield from _access(check)
    if word := _site_word(check):
        yield f"- Site file: {word}"
    if any(EARLIER in sources_of(table) for table in check.tables):
        yield "- Earlier run: needed"
    if requirements:
        yield f"- Supports: {'; '.join(requirements)}"
    yield from _parameters(check)
    yield ""
    yield "| result | object | beside it |"
    yield "|---|---|---|"
    for example in check.examples:
        severity = f" ({example.severity})" if example.severity and example.result == "FAIL" else ""
        yield f"| {example.result}{severity} | {_row(example.row) or 'as usual'} | {'; '.join(_beside(example))} |"


def _reads(check: Check) -> Iterator[str]:
    """`jobs° (name, type)` for each table."""
    for table in check.tables:
        columns = ", ".join(check.reads.get(table, ()))
        yield f"`{table}`{'°' if table in check.fallback else ''}" + (f" ({columns})" if columns else "")


def _access(check: Check) -> Iterator[str]:
    """From which datasets, since which revision, and for which roles."""
    names = datasets_behind(check)
    if not names:
        yield "- From: the manifest of the run itself" + (", and the site file" if _site_word(check) else "")
        return
    needed = {table for each in check.tables if each not in check.fallback for table in datasets_behind_table(each)}
    yield "- From: " + ", ".join(f"`{name}`{'' if name in needed else '°'}" for name in names)
    first = _since(check)
    opened = {role: _opened(_vital(check), role) for role in Role}
    names_of = {role: role.removeprefix("Veeam ") for role in Role}
    texts = [
        names_of[role] if since == first else f"{names_of[role]} (from {since})"
        for role, since in opened.items()
        if since
    ]
    yield f"- Since: {first or 'no revision'}; roles: {', '.join(texts) or 'none'}"


def _parameters(check: Check) -> Iterator[str]:
    if not check.parameters:
        return
    yield ""
    yield "| parameter | type | default | bounds | unit | |"
    yield "|---|---|---|---|---|---|"
    for parameter in check.parameters:
        default = f"`{parameter.default!r}`".replace("|", "\\|")
        cells = (f"`{parameter.name}`", _cell(parameter.type), default, parameter.bounds, parameter.unit or "")
        yield f"| {' | '.join(cells)} | {_cell(parameter.help)} |"


def _vital(check: Check) -> tuple[Dataset, ...]:
    """The datasets without which the check says nothing."""
    tables = [table for table in check.tables if table not in check.fallback]
    wanted = {name for table in tables for name in sources_of(table)}
    return tuple(dataset for name, dataset in DATASETS.items() if name in wanted)


def _since(check: Check) -> str | None:
    """The first revision that has all of its vital datasets."""
    return next((revision for revision in KNOWN if all(_is_there(d, revision) for d in _vital(check))), None)


def _opened(datasets: Sequence[Dataset], role: Role) -> str | None:
    """The first revision at which `role` may read all of `datasets`."""
    for revision in KNOWN:
        if all(_is_there(d, revision) and d.at(revision).access.allows(role, revision) for d in datasets):
            return revision
    return None


def _is_there(dataset: Dataset, revision: str) -> bool:
    first = dataset.at(revision).first_revision
    return first == OLDEST or is_at_least(revision, first)


def _site_word(check: Check) -> str:
    """Whether the site file must be there, may be, or does not matter (empty text)."""
    using = [table for table in check.tables if SITE in sources_of(table)]
    return "" if not using else "needed" if any(table not in check.fallback for table in using) else "used if given"


def _beside(example: Example) -> Iterator[str]:
    """The rows of further tables, the parameters, and the datasets that were not read whole."""
    for table, rows in example.others.items():
        texts = [f"({_row(row)})" for row in rows]
        groups = list(_counted(texts))
        more = [f"and {len(groups) - _SHOWN} more"] if len(groups) > _SHOWN else []
        yield f"`{table}`: " + (", ".join([*groups[:_SHOWN], *more]) or "nothing")
    if example.params:
        yield "with " + _row(example.params)
    for dataset, status in example.datasets.items():
        yield f"`{dataset}` {status}"


def _counted(texts: list[str]) -> Iterator[str]:
    """Equal neighbours once, with their number."""
    for text, equal in groupby(texts):
        number = len(list(equal))
        yield text if number == 1 else f"{number} × {text}"


def _row(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in row.items())


def _value(value: Any) -> str:
    """One value of an example, as short as a reader needs it."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        hours = (EXAMPLE_NOW - value).total_seconds() / 3600
        text = f"{abs(hours):g} h" if abs(hours) < 72 else f"{abs(hours) / 24:.4g} d"
        return f"{text} {'before' if hours > 0 else 'after'} now" if hours else "now"
    return _cell(f"{value!s}") if str(value).strip() else '""'


def _cell(text: str) -> str:
    """Text that does not break a row of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
