"""Entries of a waiver file for findings that somebody accepts."""

from __future__ import annotations

import datetime as dt
import glob
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd

from vbr_audit.checks.engine.registry import Registry
from vbr_audit.display import is_known, plain
from vbr_audit.errors import ConfigurationError, WaiverError
from vbr_audit.findings.waivers import Waiver, WaiverDocument, Waivers, load_waivers, waiver_problems, waivers_yaml

_NEEDED: Final = ("finding_id", "server", "check_id", "object_id", "object_name", "status")
_ACCEPTED: Final = ("FAIL", "UNKNOWN")
"""The statuses that a waiver can cover."""


def waiver_entries(
    findings: pd.DataFrame,
    given: Mapping[str, str | None],
    *,
    known: Waivers,
    registry: Registry,
    today: dt.date,
    horizon_days: int,
) -> str:
    """A waiver file with one entry for each of `findings`, which accepts this finding and no other, as YAML.

    `given` are the keys of an entry that are the same in all, None for one to leave out. No id is one of the waivers
    that are `known`. Raises `ConfigurationError` for a table that has no findings, and `WaiverError` for findings that
    cannot be waived and for words that a waiver file cannot hold.
    """
    if missing := [name for name in _NEEDED if name not in findings]:
        raise ConfigurationError(
            f"the table has no column {missing[0]}: it has no findings", hint="Give rows of audit.findings."
        )
    rows = findings[list(_NEEDED)].astype(object).to_dict("records")
    _refuse_unfit(rows)
    same = {key: value for key, value in given.items() if value is not None} | {"created": today.isoformat()}
    entries = list(_entries(rows, same, {waiver.id for waiver in known.waivers}))
    content = {"version": 1, "waivers": entries}
    if problems := waiver_problems(content, registry):
        key = ".".join(map(str, problems[0].path[2:]))
        raise WaiverError(
            f"{key}: {problems[0].message}" if key else problems[0].message, hint="Correct what was given."
        )
    made = WaiverDocument.model_validate(content).waivers
    _refuse_useless(made, rows, today, horizon_days)
    text = waivers_yaml(made)
    if load_waivers(text, registry=registry).waivers != made:
        raise WaiverError("a waiver file cannot hold these texts as they are", hint="Take out control characters.")
    return text


def _refuse_unfit(rows: list[dict[Any, Any]]) -> None:
    if not rows:
        raise WaiverError("there is no finding to waive", hint="Select some rows of audit.findings.")
    others = sorted({str(row["status"]) for row in rows} - set(_ACCEPTED))
    if others:
        raise WaiverError(
            f"a finding that is {others[0]} cannot be waived", hint=f"Select those that are {' or '.join(_ACCEPTED)}."
        )


def _entries(rows: list[dict[Any, Any]], same: Mapping[str, str], taken: set[str]) -> Iterable[dict[str, Any]]:
    for row in rows:
        about = {name: row[name] for name in ("server", "object_id") if is_known(row[name])}
        if "object_id" not in about and is_known(row["object_name"]):
            about["object_name"] = glob.escape(row["object_name"])
        yield {
            "id": _free_id(f"W-{row['finding_id']}", taken),
            "check": row["check_id"],
            **about,
            "covers": [row["status"]],
            **same,
        }


def _free_id(stem: str, taken: set[str]) -> str:
    """An id that no waiver has; a second waiver of a finding, such as a renewed one, is numbered."""
    number, own = 1, stem
    while own in taken:
        number += 1
        own = f"{stem}-{number}"
    taken.add(own)
    return own


def _refuse_useless(
    waivers: Iterable[Waiver], rows: Iterable[Mapping[Any, Any]], today: dt.date, horizon_days: int
) -> None:
    """Raise `WaiverError` for a waiver that would accept nothing."""
    now = dt.datetime.combine(today, dt.time(), dt.UTC)
    for waiver, row in zip(waivers, rows, strict=True):
        if not waiver.is_active(now):
            raise WaiverError(f"expires: {waiver.expires} is over", hint="Give a later day.")
        if waiver.is_too_long(now, horizon_days):
            raise WaiverError(
                f"expires: {waiver.expires} is more than {horizon_days} days away, which the policy does not allow",
                hint="Give an earlier day.",
            )
        about = (row[name] if is_known(row[name]) else None for name in _NEEDED[1:5])
        if not waiver.fits(*about):
            name = plain(row["object_name"])
            raise WaiverError(f"no waiver can name the object {name}", hint="Write a glob for its name by hand.")
