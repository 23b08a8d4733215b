"""Machines by their names: what the backups hold of one that another list names, and which one offers a share.

Names are one if they are equal, whatever their case, or if their hosts are and one of them has no domain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.three_valued import Cells, surely

Answer = bool | None
"""Whether there is a restore point; None where that is not reported."""
Held = dict[str, dict[str, tuple[str, Answer]]]
"""By host, and there by the folded name: the name as it was last written, and whether it has a restore point."""


def held_by_name(objects: pd.DataFrame) -> Held:
    """What the rows with `name` and `restore_points_count` hold; those without a name are left out."""
    held: Held = {}
    for name, count in zip(objects["name"].tolist(), objects["restore_points_count"].tolist(), strict=True):
        if name is pd.NA:
            continue
        key = name.casefold()
        known = held.setdefault(_host(key), {})
        _, before = known.get(key, (name, False))
        known[key] = name, _any([before, None if count is pd.NA else bool(count > 0)])
    return held


def are_nameless(objects: pd.DataFrame) -> bool:
    """Whether there are objects, and none of them has a name: then they say nothing of any machine."""
    return len(objects) > 0 and bool(objects["name"].isna().all())


def find_machine(held: Held, name: str) -> tuple[str | None, Answer]:
    """The object that is this machine, and whether it has a restore point; no name and False for none."""
    known = held.get(_host(name.casefold()), {})
    matches = [known[key] for key in machine_keys(held, name)]
    return next((written for written, _ in matches), None), _any([has_point for _, has_point in matches])


def machine_keys(held: Held, name: str) -> list[str]:
    """The folded names of the objects that are this machine, an equal one first."""
    key = name.casefold()
    known = held.get(_host(key), {})
    like = [other for other in known if other != key and ("." not in other or "." not in key)]
    return [*([key] if key in known else []), *like]


def _host(name: str) -> str:
    return name.partition(".")[0]


def _any(answers: Sequence[Answer]) -> Answer:
    return True if True in answers else None if None in answers else False


# Shares by the machine that offers them: one that the backup server offers is the backup server.

SHARE: Final = "network share"
"""The storage class of a repository on a share."""

_EXPORT: Final = re.compile(r"((?:(?!:/).){2,}):/")
"""`host:/export`; one letter before the colon is a drive."""
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def on_backup_server(repositories: pd.DataFrame, names: Iterable[Any]) -> Cells:
    """A plain boolean array: the rows with `storage_class` and `path` that are a share of the machine of these names.

    `names` are what the backup server is called: by itself, and among the managed servers; NA counts as none.
    """
    own = _HERE | {each for name in names if isinstance(name, str) for each in _spellings(name)}
    paths = repositories["path"].fillna("").tolist()
    at_home = np.array([_spellings(share_host(path))[0] in own for path in paths], dtype=bool)
    return np.asarray(surely((repositories["storage_class"] == SHARE).astype("boolean")) & at_home)


def names_of_backup_server(info: pd.DataFrame, managed: pd.DataFrame) -> list[Any]:
    """What the backup server is called: `name` in `server_info`, and in `managed_servers` where it is the server."""
    return [*info["name"].dropna(), *managed["name"][surely(managed["is_backup_server"])].dropna()]


def share_host(path: str) -> str:
    """The machine in `\\\\host\\share`, `smb://host/share` or `host:/export`; empty where there is none."""
    plain = path.replace("\\", "/").strip()
    if "//" in plain:
        return plain.split("//", 1)[1].split("/")[0].split(":")[0]
    match = _EXPORT.match(plain)
    return match[1] if match else ""


def _spellings(name: str) -> list[str]:
    """A machine's name as it may stand in a path: whole, and without its domain where it is no address."""
    whole = name.casefold().rstrip(".")
    return [whole] if whole.replace(".", "").isdigit() else [whole, whole.split(".")[0]]
