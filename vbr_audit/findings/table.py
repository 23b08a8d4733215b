"""The table of findings: identity, status and order of its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from vbr_audit.checks.logic.three_valued import Cells
from vbr_audit.tables.build.arrays import strings_of
from vbr_audit.tables.build.schema import Holds, from_arrays
from vbr_audit.vocabulary import AREAS_BY_URGENCY, SEVERITIES, STATUSES, severities_from

FINDING_HOLDS: Final[Mapping[str, Holds]] = {
    "finding_id": "digest",
    "server": "server",
    "check_id": "kept",
    "title": "kept",
    "area": "kept",
    "severity": "kept",
    "object_type": "kept",
    "object_id": "id",
    "object_name": "prose",
    "status": "kept",
    "result": "kept",
    "observed": "own text",
    "expected": "own text",
    "json_path": "own text",
    "reason": "own text",
    "remediation": "kept",
    "waiver_id": "waiver",
    "waiver_owner": "user",
    "waiver_expires": "kept",
    "cause": "digest",
    "cause_kind": "kept",
    "cause_key": "id",
    "cause_name": "prose",
    "rule": "digest",
    "first_seen": "kept",
    "change": "kept",
    "job_name": "first job",
    "repository_name": "first repository",
    "evidence_file": "file",
    "evidence_entry": "path",
    "evidence_row": "kept",
    "evidence_sha256": "digest",
}
"""What the columns of the findings hold, in order. Objects and causes of a known kind hold what that kind declares."""

FINDING_COLUMNS: Final = tuple(FINDING_HOLDS)
"""The columns of the findings, in order; all of them text, `waiver_expires` as YYYY-MM-DD, but `evidence_row`, Int64.

`rule` is a digest of the parameters in force for the object, by which runs are compared. `first_seen`, an instant in
UTC, and `change`, a lifecycle state, are NA where no earlier run is at hand. `job_name` and `repository_name` are those
that the object has to do with, of several the first and how many more. `evidence_file` in the run folder holds, as its
`evidence_entry`, the page with the document of the object: its row from 0, NA where the page is one document, and the
SHA-256 of the page in hex. They are NA where the evidence has no document of the object.
"""

FINDING_SENTENCES: Final = ("observed", "expected", "reason")
"""The columns that are sentences of this package's own, with names in them."""

EVIDENCE_COLUMNS: Final = ("evidence_file", "evidence_entry", "evidence_row", "evidence_sha256")
"""The columns that say where the evidence holds the object."""


def finding_ids(results: pd.DataFrame) -> Cells:
    """A short id per row that stays the same from run to run: a hash of server, check and object id.

    An object without an id goes by its name; equal ones are numbered in their order.
    """
    names = results["object_name"].to_numpy(dtype=object)
    objects = results["object_id"].to_numpy(dtype=object).copy()
    nameless = pd.isna(objects)
    objects[nameless] = [f"name:{'' if name is pd.NA else name}" for name in names[nameless]]
    keys = (results["server"].astype(object) + "\0" + results["check_id"].astype(object) + "\0").to_numpy() + objects
    if len(set(keys)) < len(keys):
        repeated = pd.Series(keys, dtype=object).groupby(keys, sort=False).cumcount().to_numpy()
        for position in np.flatnonzero(repeated):
            keys[position] = f"{keys[position]}\0{repeated[position]}"
    ids = np.empty(len(keys), dtype=object)
    ids[:] = [hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16] for key in keys]
    return ids


def cause_ids(results: pd.DataFrame) -> Cells:
    """A short id per row that the findings of one cause share: a hash of server, check, kind and key of the cause.

    It stays the same from run to run as long as the job, the repository or whatever it is keeps its id.
    """
    columns = [results[name].astype(object).fillna("") for name in ("server", "check_id", "cause_kind", "cause_key")]
    server, check, kind, key = columns
    keys = (server + "\0" + check + "\0" + kind + "\0" + key).to_numpy(dtype=object)
    codes, texts = pd.factorize(keys)
    hashed = np.empty(len(texts), dtype=object)
    hashed[:] = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16] for text in texts]
    return np.asarray(hashed[codes])


def in_order(findings: pd.DataFrame) -> pd.DataFrame:
    """The findings worst first: by status, severity, area, check, server, object name, object id.

    Of equal severity, a gap in the evidence comes before a backup that did not run, and that before a setting.
    """
    names = ["object_id", "object_name", "server", "check_id"]
    ranks = [_alphabetical(findings[name]) for name in names]
    ranks.append(_ranked(findings["area"], AREAS_BY_URGENCY))
    ranks.append(_ranked(findings["severity"], SEVERITIES))
    ranks.append(_ranked(findings["status"], STATUSES))
    return findings.take(np.lexsort(ranks)).reset_index(drop=True)


def with_waivers(results: pd.DataFrame, added: Mapping[str, Cells | ExtensionArray]) -> pd.DataFrame:
    """The findings with `FINDING_COLUMNS`: the results, and the columns that are `added` or take their place."""
    columns: dict[str, Any] = {}
    for name in FINDING_COLUMNS:
        given = added.get(name, results[name].array if name in results else None)
        columns[name] = strings_of(given) if isinstance(given, np.ndarray) else given
    return from_arrays(columns, len(results))


def without_evidence(findings: pd.DataFrame) -> pd.DataFrame:
    """The findings without where the evidence holds their objects, for a run whose evidence is left out."""
    blank = {name: findings[name].array.take([-1] * len(findings), allow_fill=True) for name in EVIDENCE_COLUMNS}
    return findings.assign(**blank)


def failing_at(findings: pd.DataFrame, threshold: str, *, without: Collection[str] = ()) -> pd.DataFrame:
    """The failing, unwaived findings of severity `threshold` or worse; none for `never`.

    `without` names checks that do not count.
    """
    counted = findings["severity"].isin(severities_from(threshold))
    chosen = (findings["status"] == "FAIL") & counted & ~findings["check_id"].isin(list(without))
    return findings[chosen.to_numpy(dtype=bool, na_value=False)]


def _alphabetical(values: pd.Series) -> Cells:
    """The rank of each text, missing ones last."""
    codes, uniques = pd.factorize(values.to_numpy(dtype=object), use_na_sentinel=True)
    rank = np.empty(len(uniques) + 1, dtype=np.int64)
    rank[np.argsort(np.asarray(uniques, dtype=object), kind="stable")] = np.arange(len(uniques))
    rank[-1] = len(uniques)
    return np.asarray(rank[codes])


def _ranked(values: pd.Series, order: Collection[str]) -> Cells:
    """The place of each word in `order`; a word that is not in it comes last."""
    rank = {word: place for place, word in enumerate(order)}
    return np.array([rank.get(word, len(rank)) for word in values.to_numpy(dtype=object)], dtype=np.int64)
