"""`vbr-audit checks`: what can be checked, and what one check means."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import complain, guarded
from vbr_audit.cli.standing import settled
from vbr_audit.display import plain, shorten
from vbr_audit.errors import ConfigurationError

if TYPE_CHECKING:
    from vbr_audit.checks.engine.registry import Check
    from vbr_audit.checks.own.own_checks import OwnChecks

_WIDTH = 80

CheckId = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="Id of a check, e.g. JOB-003.", autocompletion=o.complete_checks)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


@guarded
@settled()
def checks_command(
    check_id: CheckId = None,
    config: o.Config = None,
    checks: o.OwnChecks = None,
    as_json: AsJson = False,
    debug: o.Debug = False,
) -> None:
    """List all checks, or show one: why it matters, parameters, what it reads, remediation."""
    from vbr_audit.checks.own.own_checks import known_checks

    own = known_checks(checks)
    for source in own.sources:
        if source.fault:
            complain(f"{source.name} could not be used: {source.fault}")
    chosen = list(own.registry) if check_id is None else [_one(own, check_id)]
    if as_json:
        typer.echo(_json([_described(check, own) for check in chosen], one=check_id is not None))
        return
    for line in _list(chosen, own) if check_id is None else _page(chosen[0], own):
        typer.echo(line)


def _one(own: OwnChecks, check_id: str) -> Check:
    import difflib

    known, wanted = [check.id for check in own.registry], check_id.upper()
    if wanted not in known:
        # The shortest way from JOB-03 leads to JOB-003, JOB-023 and others alike: the first by id comes first.
        close = sorted(difflib.get_close_matches(wanted, known, n=len(known), cutoff=0.8))[:3]
        hint = f"Did you mean {' or '.join(close)}?" if close else "`vbr-audit checks` lists all."
        raise ConfigurationError(f"unknown check {check_id!r}", hint=hint)
    return own.registry.get(wanted)


def _list(checks: Iterable[Check], own: OwnChecks) -> Iterator[str]:
    """The checks by area, each on one line of at most 80 columns; own ones are marked."""
    from vbr_audit.vocabulary import AREAS

    order = {area: place for place, area in enumerate(AREAS.values())}
    by_area: dict[str, list[Check]] = {}
    for check in checks:
        by_area.setdefault(check.area, []).append(check)
    for number, area in enumerate(sorted(by_area, key=lambda area: (order.get(area, len(order)), area))):
        yield from ["", plain(area)] if number else [plain(area)]
        for check in by_area[area]:
            mark = " (own)" if check.id in own.ids else ""
            start = f"  {check.id:9} {check.severity:8} "
            yield start + shorten(check.title, _WIDTH - len(start) - len(mark)) + mark


def _page(check: Check, own: OwnChecks) -> Iterator[str]:
    """All about one check."""
    yield from _wrapped(f"{check.id}  ", check.title)
    yield ""
    for paragraph in check.rationale.split("\n\n"):
        yield from _wrapped("", " ".join(paragraph.split()))
        yield ""
    yield from _wrapped("Area         ", check.area)
    yield from _wrapped("Severity     ", check.severity)
    if check.id in own.ids:
        yield from _wrapped("From         ", _origin(check, own) or "")
    if check.failure_example:
        yield from _wrapped("If it fails  ", check.failure_example)
    if check.consequence_example:
        yield from _wrapped("Consequence  ", check.consequence_example)
    for table, columns in check.reads.items():
        yield from _wrapped("Reads        ", f"{table}: {', '.join(columns)}")
    for parameter in check.parameters:
        unit = f" {parameter.unit}" if parameter.unit else ""
        bounds = f", {parameter.bounds}" if parameter.bounds else ""
        description = f"{parameter.name} = {parameter.default}{unit}{bounds}: {parameter.help}"
        yield from _wrapped("Parameter    ", description)
    yield from _wrapped("Remediation  ", check.remediation)


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        plain(text), _WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False
    ) or [start.rstrip()]


def _origin(check: Check, own: OwnChecks) -> str | None:
    return next((source.name for source in own.sources if check in source.checks), None)


def _described(check: Check, own: OwnChecks) -> dict[str, Any]:
    return {
        "id": check.id,
        "title": check.title,
        "area": check.area,
        "severity": check.severity,
        "rationale": check.rationale,
        "remediation": check.remediation,
        "failure": check.failure,
        "consequence": check.consequence,
        "reads": {table: list(columns) for table, columns in check.reads.items()},
        "parameters": [
            {
                "name": parameter.name,
                "type": parameter.type,
                "default": parameter.default,
                "bounds": parameter.bounds,
                "unit": parameter.unit,
                "help": parameter.help,
            }
            for parameter in check.parameters
        ],
        "own": _origin(check, own),
    }


def _json(listed: list[dict[str, Any]], *, one: bool) -> str:
    import orjson

    return orjson.dumps(listed[0] if one else listed, option=orjson.OPT_INDENT_2, default=str).decode()
