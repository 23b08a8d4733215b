"""The shape of a policy file."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from vbr_audit.config.yaml_file import Version
from vbr_audit.vocabulary import Severity, Threshold

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

LONGEST_WAIVER = 366
"""The most days for which anything may be accepted."""


class CheckRule(BaseModel):
    """What a policy says about one check, or about all that a glob fits."""

    model_config = _STRICT

    enabled: StrictBool | None = None
    reason: Text | None = None
    severity: Severity | None = None
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _disabling_needs_a_reason(self) -> CheckRule:
        if self.enabled is False and self.reason is None:
            raise ValueError("a check that is disabled needs a reason")
        return self


class Match(BaseModel):
    """Globs that the objects of an override must fit, all that are given."""

    model_config = _STRICT

    server: Text | None = None
    object_type: Text | None = None
    object_id: Text | None = None
    object_name: Text | None = None

    @model_validator(mode="after")
    def _something_is_named(self) -> Match:
        if not self.globs:
            raise ValueError("needs at least one of server, object_type, object_id, object_name")
        return self

    @property
    def globs(self) -> dict[str, str]:
        """The globs that are given, by what they fit."""
        return {name: glob for name, glob in self if glob is not None}

    def fits(self, server: str | None, object_type: str | None, object_id: str | None, object_name: str | None) -> bool:
        """Whether an object is meant; ids are compared in lower case, and what is not known fits no glob."""
        known = {"server": server, "object_type": object_type, "object_id": object_id, "object_name": object_name}
        return all(_fits(name, known[name], glob) for name, glob in self.globs.items())

    def __str__(self) -> str:
        return ", ".join(f"{name} {glob}" for name, glob in self.globs.items())


class Override(BaseModel):
    """What a policy says about checks of the objects that a pattern fits."""

    model_config = _STRICT

    match: Match
    checks: dict[str, CheckRule] = Field(min_length=1)


def _nothing_is_empty(empty: type[Any]) -> BeforeValidator:
    """A section whose entries are all commented out is an empty one."""
    return BeforeValidator(lambda value: empty() if value is None else value)


class PolicyDocument(BaseModel):
    """One policy file; what it leaves out is as in the policy that it extends."""

    model_config = _STRICT

    version: Version
    extends: Text | None = None
    fail_on: Threshold | None = None
    waiver_horizon_days: Annotated[int, Field(strict=True, ge=1, le=LONGEST_WAIVER)] | None = None
    checks: Annotated[dict[str, CheckRule], _nothing_is_empty(dict)] = Field(default_factory=dict)
    overrides: Annotated[tuple[Override, ...], _nothing_is_empty(tuple)] = ()


def _fits(name: str, value: str | None, glob: str) -> bool:
    if value is None:
        return False
    if name == "object_id":
        return fnmatchcase(value.casefold(), glob.casefold())
    return fnmatchcase(value, glob)
