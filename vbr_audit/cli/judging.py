"""The options that say what a run is judged by, given to every command that judges one.

They are listed here alone: a command has one parameter `rules` in their place, which holds them by the names of
`vbr_audit.rules.RuleOptions`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from vbr_audit.cli import options as o

Command = TypeVar("Command", bound=Callable[..., None])
JudgedBy = dict[str, Any]
"""What was given of these options, by name; None where nothing was."""

OPTIONS: Final[Mapping[str, Any]] = {
    "policy": o.Policy,
    "waivers": Annotated[Path | None, typer.Option("--waivers", metavar="FILE", help="Accepted exceptions in YAML.")],
    "site": o.Site,
    "checks": o.OwnChecks,
    "frameworks": Annotated[
        list[Path] | None,
        typer.Option("--framework", metavar="FILE", help="Your own requirements, in YAML; repeat it for more files."),
    ],
    "review": Annotated[
        Path | None,
        typer.Option(
            "--review", metavar="FILE", help="An earlier report.xlsx, to carry over the remarks of reviewers."
        ),
    ],
    "sample": Annotated[
        int | None,
        typer.Option("--sample", min=1, metavar="N", help="Number of findings to draw for the sheet Sample [25]."),
    ],
    "sample_seed": Annotated[
        str | None, typer.Option("--sample-seed", metavar="S", help="Seed of the draw; default: the id of the run.")
    ],
    "baseline": Annotated[
        Path | None,
        typer.Option(
            "--baseline", metavar="DIR", help="An earlier run, or a history of runs, to say what changed since."
        ),
    ],
    "events": o.Events,
    "change_register": o.ChangeRegister,
    "brand": Annotated[
        Path | None,
        typer.Option(
            "--brand",
            metavar="FILE",
            help="Brand of the reports, in YAML: name, logo, colours; default: VBR_AUDIT_BRAND.",
        ),
    ],
}
KEPT: Final = tuple(name for name in OPTIONS if name != "checks")
"""Options that a run folder answers for, so that no setting does; code is never taken from there."""
_AFTER: Final = {"brand": "templates"}
"""Options that stand after another option in `--help`, where a command has it, not with the rest of these."""


def takes_rules(*, without: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Give a command `OPTIONS`, but for those in `without`, where it has the parameter `rules`."""

    def decorate(command: Command) -> Command:
        names = [name for name in OPTIONS if name not in without]

        @functools.wraps(command)
        def run(**options: Any) -> None:
            rules = {name: options.pop(name) for name in names}
            command(rules=rules, **options)

        signature = _signature_with(names, inspect.signature(command, eval_str=True))
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
        return run  # type: ignore[return-value]

    return decorate


def _signature_with(names: list[str], signature: inspect.Signature) -> inspect.Signature:
    """The signature of a command with the options `names` in place of its parameter `rules`."""
    given = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=OPTIONS[name])
        for name in names
    }
    anchors = {name: anchor for name, anchor in _AFTER.items() if anchor in signature.parameters}
    parameters = []
    for parameter in signature.parameters.values():
        if parameter.name == "rules":
            parameters += [option for name, option in given.items() if name not in anchors]
        else:
            after = [option for name, option in given.items() if anchors.get(name) == parameter.name]
            parameters += [parameter, *after]
    return signature.replace(parameters=parameters)
