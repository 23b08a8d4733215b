"""Machines by their names: what the backups hold of a machine that another list names.

Names are one if they are equal, whatever their case, or if their hosts are and one of them has no domain.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

Answer = bool | None
"""Whether there is a restore point; None where that is not told."""
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
    found = [known[key] for key in machine_keys(held, name)]
    return next((written for written, _ in found), None), _any([has_point for _, has_point in found])


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
