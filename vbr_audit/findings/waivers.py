"""Waivers: findings that somebody has accepted, for a reason and until a day."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from ruamel.yaml import YAML

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.engine.registry import Registry
from vbr_audit.checks.policy.model import LONGEST_WAIVER
from vbr_audit.config.yaml_file import KeyPath, Problem, Version, YamlFile, load_yaml, model_problems, shown, suggestion
from vbr_audit.errors import WaiverError

SOON = dt.timedelta(days=30)
"""A waiver that ends within this time is listed as expiring soon."""

_EVERYTHING = "would waive every check for every object; name the check or the object"
_HINT = "Correct the waiver file; its keys are described in README.md."


def _calendar_day(value: Any) -> dt.date:
    """A date of the calendar written as YYYY-MM-DD; raises `ValueError` for anything else."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError(f"expected a date such as 2027-01-31, got {shown(value)}")
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value} is not a day of the calendar") from None


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("names no status; give FAIL, UNKNOWN or both")
    if len(set(value)) < len(value):
        raise ValueError("names a status twice")
    return tuple(sorted(value))


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Covers = Annotated[tuple[Literal["FAIL", "UNKNOWN"], ...], AfterValidator(_each_once)]
Day = Annotated[dt.date, BeforeValidator(_calendar_day)]


class Waiver(BaseModel):
    """One accepted exception.

    It accepts the findings of `check` (an id, or a glob) on `server` (every server when None), for the object with
    `object_id` or the objects whose name the glob `object_name` fits. `covers` says which: failing ones, and with
    UNKNOWN those that could not be answered; one whose check broke can never be accepted. `expires` is its last day,
    in UTC, at most 366 days after `created`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: Text
    check: Text
    server: Text | None = None
    object_id: Text | None = None
    object_name: Text | None = None
    covers: Covers = ("FAIL",)
    owner: Text
    approved_by: Text | None = None
    reason: Text
    ticket: Text | None = None
    created: Day | None = None
    expires: Day

    @model_validator(mode="after")
    def _one_object(self) -> Waiver:
        if (self.object_id is None) == (self.object_name is None):
            raise ValueError("needs exactly one of object_id and object_name")
        if _fits_everything(self.check) and _fits_everything(self.object_name or ""):
            raise ValueError(_EVERYTHING)
        if self.created is not None and self.created > self.expires:
            raise ValueError(f"expires on {self.expires}, before it was created on {self.created}")
        if self.created is not None and (self.expires - self.created).days > LONGEST_WAIVER:
            raise ValueError(f"ends more than {LONGEST_WAIVER} days after it was created on {self.created}")
        return self

    def is_too_long(self, now: dt.datetime, horizon_days: int) -> bool:
        """Whether it ends more than `horizon_days` after the day it was created, or `now` if that is not known."""
        start = self.created or now.astimezone(dt.UTC).date()
        return (self.expires - start).days > horizon_days

    def is_active(self, now: dt.datetime) -> bool:
        """Whether it still holds at `now`; its last day counts in full, in UTC."""
        return now.astimezone(dt.UTC).date() <= self.expires

    def expires_soon(self, now: dt.datetime) -> bool:
        """Whether it is active but ends within 30 days."""
        return self.is_active(now) and self.expires <= (now.astimezone(dt.UTC) + SOON).date()

    def fits(self, server: str | None, check_id: str | None, object_id: str | None, object_name: str | None) -> bool:
        """Whether it is about this finding, whatever the date."""
        if self.server is not None and self.server != server:
            return False
        if not fnmatchcase(check_id or "", self.check):
            return False
        if self.object_id is not None:
            return object_id is not None and self.object_id.casefold() == object_id.casefold()
        return object_name is not None and fnmatchcase(object_name, self.object_name or "")


class WaiverDocument(BaseModel):
    """The shape of a waiver file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Version
    waivers: tuple[Waiver, ...] = Field(default=())


@dataclass(frozen=True)
class Waivers:
    """The waivers of a file, with its `name`, `text` and hash; all empty where there is no file."""

    waivers: tuple[Waiver, ...] = ()
    name: str = ""
    text: str = ""
    sha256: str | None = None


def load_waivers(source: str | Path | None = None, *, registry: Registry = REGISTRY) -> Waivers:
    """The waivers at `source` (a path; a `str` with a line break is the text itself), none for None.

    Raises `WaiverError`, whose message names file, line and key of everything that is wrong.
    """
    if source is None:
        return Waivers()
    file = YamlFile.read(source, error=WaiverError, default_name="waivers.yaml")
    known = [check.id for check in registry.all()]
    document = load_yaml(
        file, WaiverDocument, error=WaiverError, hint=_HINT, inspect=lambda content: _inspect(content, known)
    )
    return Waivers(document.waivers, file.name, file.text, file.sha256)


def waiver_problems(content: Any, registry: Registry = REGISTRY) -> list[Problem]:
    """What is wrong with waivers that were read from somewhere else, given as a file's plain content."""
    known = [check.id for check in registry.all()]
    return [*model_problems(WaiverDocument, content), *_inspect(content, known)]


def waivers_yaml(waivers: Iterable[Waiver]) -> str:
    """The waivers as the text of a file that `load_waivers` reads; keys without a value are left out."""
    rows = []
    for waiver in waivers:
        row = waiver.model_dump(exclude_none=True, exclude_defaults=True)
        rows.append({name: list(value) if isinstance(value, tuple) else value for name, value in row.items()})
    stream = io.StringIO()
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output = False, False
    yaml.width = 1_000_000
    yaml.dump({"version": 1, "waivers": rows}, stream)
    return stream.getvalue()


def _inspect(content: Any, known: Iterable[str]) -> Iterator[Problem]:
    """Ids given twice, and checks that do not exist."""
    rows = content.get("waivers") if isinstance(content, dict) else None
    ids: set[str] = set()
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        if not isinstance(row, dict):
            continue
        at: KeyPath = ("waivers", number)
        check, waiver_id = row.get("check"), row.get("id")
        if isinstance(check, str) and not any(fnmatchcase(name, check.strip()) for name in known):
            yield Problem((*at, "check"), f"no such check: {check}" + suggestion(check, known))
        if _is_glob_for_all(check, row.get("object_name"), known):
            yield Problem(at, _EVERYTHING)
        if isinstance(waiver_id, str):
            if waiver_id.strip() in ids:
                yield Problem((*at, "id"), f"the id {waiver_id.strip()} appears twice")
            ids.add(waiver_id.strip())


def _is_glob_for_all(check: Any, name: Any, known: Iterable[str]) -> bool:
    """Whether a glob that looks like a narrower one fits every check that there is, for objects of any name."""
    if not isinstance(check, str) or not isinstance(name, str) or not _fits_everything(name.strip()):
        return False
    pattern = check.strip()
    is_wide = any(sign in pattern for sign in "*?[") and not _fits_everything(pattern)
    return is_wide and all(fnmatchcase(one, pattern) for one in known)


def _fits_everything(pattern: str) -> bool:
    """Whether a glob is made of nothing but wildcards for any text."""
    return "*" in pattern and set(pattern) <= {"*", "?"}
