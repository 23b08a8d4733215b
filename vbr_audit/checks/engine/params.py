"""The parameters of a check: its keyword-only arguments, as a strict pydantic model."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from vbr_audit.errors import CheckError

RESERVED: Final = ("now", "since", "until", "needed", "zone", "clocks", "server_zone")
"""Arguments that the engine fills: clock and period, the zones of run and server, the datasets that checks need.

`clocks` are the zones that the run's may be: more than one where only its present offset is known.
"""


_MOST: Final = {"days": 36_500, "hours": 876_000}
"""A hundred years: what lies further off is no date any more."""
_MOST_AT_ALL: Final = 10**12


@dataclass(frozen=True)
class Parameter:
    """One parameter for the reader: type, default, bounds in words (`at least 1`), unit and help."""

    name: str
    type: str
    default: Any
    bounds: str
    unit: str | None
    help: str


def param(help: str, *, unit: str | None = None, ge: float | None = None, le: float | None = None) -> Any:
    """The metadata of a parameter, for `Annotated[int, param("…", unit="days", ge=1)]`.

    Days and hours end at a hundred years, unless `le` says otherwise.
    """
    extra: dict[str, Any] = {"unit": unit} if unit else {}
    le = _MOST.get(unit or "") if le is None else le
    return Field(description=help, ge=ge, le=le, json_schema_extra=extra, allow_inf_nan=None)


def model_of(check_id: str, function: Callable[..., Any]) -> type[BaseModel]:
    """A strict model with one field per parameter of `function`; raises `CheckError` for one without a default."""
    hints = typing.get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for name, argument in inspect.signature(function).parameters.items():
        if argument.kind is not inspect.Parameter.KEYWORD_ONLY or name in RESERVED:
            continue
        if argument.default is inspect.Parameter.empty:
            raise CheckError(f"{check_id}: the parameter {name} needs a default")
        fields[name] = (Annotated[hints[name], AfterValidator(_countable)], argument.default)
    config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, allow_inf_nan=False)
    return create_model(f"{check_id} parameters", __config__=config, **fields)


def _countable(value: Any) -> Any:
    """`value`, if it is no number that a column could not hold; raises `ValueError`."""
    if isinstance(value, (int, float)) and abs(value) > _MOST_AT_ALL:
        raise ValueError(f"{value} is larger than any number that this tool counts")
    return value


def reserved_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of `RESERVED` that `function` asks for."""
    return tuple(name for name in RESERVED if name in inspect.signature(function).parameters)


def describe(model: type[BaseModel]) -> tuple[Parameter, ...]:
    """The parameters of a model in words, in the order of the signature."""
    return tuple(_parameter(name, info) for name, info in model.model_fields.items())


def _parameter(name: str, info: FieldInfo) -> Parameter:
    words = [
        f"{text} {getattr(bound, sign):.12g}"
        for sign, text in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))
        for bound in info.metadata
        if getattr(bound, sign, None) is not None
    ]
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    unit = extra.get("unit")
    return Parameter(
        name=name,
        type=getattr(info.annotation, "__name__", str(info.annotation)),
        default=info.default,
        bounds=", ".join(words),
        unit=str(unit) if unit else None,
        help=info.description or "",
    )
