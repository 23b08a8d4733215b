"""Shares by the machine that offers them: one that the backup server offers is the backup server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.three_valued import Cells, surely

SHARE: Final = "network share"
"""The storage class of a repository on a share."""

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
    host, found, _ = plain.partition(":/")
    return host if found and len(host) > 1 else ""


def _spellings(name: str) -> list[str]:
    """A machine's name as it may stand in a path: whole, and without its domain where it is no address."""
    whole = name.casefold().rstrip(".")
    return [whole] if whole.replace(".", "").isdigit() else [whole, whole.split(".")[0]]
