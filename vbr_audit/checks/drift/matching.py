"""Which object of an earlier run is which one of a later run: by its id, else by its name, on the same server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from vbr_audit.checks.logic.codes import Cells

OBJECT_COLUMNS: Final = ("server_id", "server", "object_type", "object_id", "object_name")


@dataclass(frozen=True, eq=False)
class Numbered:
    """The rows of `settings` of one run with the number of their object, and the objects by number.

    `objects` has `OBJECT_COLUMNS` and `is_ambiguous`: several objects share what it is known by, or it has neither id
    nor name. `servers` maps the ids of the servers to their names, those without any settings included.
    """

    rows: pd.DataFrame
    objects: pd.DataFrame
    servers: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Matching:
    """The objects that two runs share, as pairs of numbers; -1 stands for an object without a partner.

    `server_of` maps the ids of the servers of the earlier run to those of the later one.
    """

    old: Numbered
    new: Numbered
    pair_of_old: Cells
    pair_of_new: Cells
    pairs: tuple[tuple[int, int], ...]
    server_of: Mapping[str, str]


def numbered(settings: pd.DataFrame, read: pd.DataFrame) -> Numbered:
    """The objects of one run; of a server that the run read under two names, the rows of the first."""
    servers: dict[str, str] = {}
    for frame in (read, settings):
        for server, name in frame[["server_id", "server"]].dropna().drop_duplicates().itertuples(index=False):
            servers.setdefault(server, name)
    own = settings["server"].eq(settings["server_id"].map(servers)).fillna(False).to_numpy(dtype=bool)
    rows = settings[own].reset_index(drop=True)
    ids = rows["object_id"].str.casefold()
    known_by = ("id:" + ids).fillna("name:" + rows["object_name"]).fillna("")
    key = rows["server_id"].astype(object) + "\0" + rows["object_type"].astype(object) + "\0" + known_by.astype(object)
    codes, _ = pd.factorize(key, use_na_sentinel=False)
    rows = rows.assign(object=codes)
    objects = rows.drop_duplicates("object")[list(OBJECT_COLUMNS)].reset_index(drop=True)
    repeated = rows.duplicated(["object", "control"]).to_numpy()
    ambiguous = np.zeros(len(objects), dtype=bool)
    ambiguous[codes[repeated | (known_by == "").to_numpy(dtype=bool)]] = True
    return Numbered(rows, objects.assign(is_ambiguous=ambiguous), servers)


def match_objects(old: Numbered, new: Numbered) -> Matching:
    """The pairs of objects of two runs; an object with an id is never another one with another id."""
    server_of = _matched_servers(old.servers, new.servers)
    keys = [_keys(old.objects, server_of), _keys(new.objects, {name: name for name in new.servers})]
    partner: dict[int, int] = {}
    by_id = {key: number for number, (key, _) in enumerate(keys[1]) if key is not None}
    for number, (key, _) in enumerate(keys[0]):
        if key is not None and key in by_id:
            partner[number] = by_id[key]
    taken = set(partner.values())
    left_old = _by_name([(n, *each) for n, each in enumerate(keys[0]) if n not in partner])
    left_new = _by_name([(n, *each) for n, each in enumerate(keys[1]) if n not in taken])
    for name, (number, has_id) in left_old.items():
        if name in left_new and not (has_id and left_new[name][1]):
            partner[number] = left_new[name][0]
    aside = [frame["is_ambiguous"].to_numpy(dtype=bool) for frame in (old.objects, new.objects)]
    pairs = tuple((a, b) for a, b in sorted(partner.items()) if not aside[0][a] and not aside[1][b])
    pair_of = [np.full(len(frame), -1, dtype=np.int64) for frame in (old.objects, new.objects)]
    for place, pair in enumerate(pairs):
        for side in (0, 1):
            pair_of[side][pair[side]] = place
    return Matching(old, new, pair_of[0], pair_of[1], pairs, server_of)


def _matched_servers(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """The servers of the earlier run by their ids; by name where one of the runs does not know the server's id."""
    matched = {server: server for server in old if server in new}
    left = {name: server for server, name in new.items() if server not in matched}
    for server, name in old.items():
        other = left.get(name)
        if server not in matched and other is not None and (server == name or other == name):
            matched[server] = other
    return matched


def _keys(objects: pd.DataFrame, server_of: Mapping[str, str]) -> list[tuple[Hashable, Hashable]]:
    """What each object is known by: its id, or None, and its name, or None."""
    keys: list[tuple[Hashable, Hashable]] = []
    columns = (objects[name].tolist() for name in ("server_id", "object_type", "object_id", "object_name"))
    for server, kind, object_id, name in zip(*columns, strict=True):
        here = (server_of.get(server), kind)
        by_id = None if object_id is pd.NA or here[0] is None else (*here, object_id.casefold())
        keys.append((by_id, None if name is pd.NA or here[0] is None else (*here, name)))
    return keys


def _by_name(left: list[tuple[int, Any, Any]]) -> dict[Any, tuple[int, bool]]:
    """The objects by name, each with whether it has an id; not those of which several have one name."""
    counts = Counter(name for _, _, name in left)
    return {name: (n, key is not None) for n, key, name in left if name is not None and counts[name] == 1}
