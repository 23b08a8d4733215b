"""What a run says of its findings, in the form in which runs are compared over time."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from vbr_audit.collection.manifest import Manifest, RunRecord
from vbr_audit.tables.build.arrays import STRING, strings_of
from vbr_audit.tables.build.schema import Column, TableSpec, from_arrays
from vbr_audit.vocabulary import AREAS, shipped_names

FINDINGS_SPEC: Final = TableSpec(
    name="findings",
    key=("key",),
    help="One row per finding of a run, as it is compared with those of other runs.",
    columns=(
        Column("key", "string", "What names the finding over time: server, check and object.", holds="digest"),
        Column("finding_id", "string", "Its id in the run.", holds="digest"),
        Column("server_id", "string", "The server's own id, or its name where it reports none.", holds="digest"),
        Column("server", "string", "The server's name in the run.", holds="server"),
        Column("check_id", "string", "The check.", holds="kept"),
        Column("title", "string", "The good state that the check asks for.", holds="kept"),
        Column("severity", "string", "The severity in the run.", holds="kept"),
        Column("object_type", "string", "What kind of object it is about.", holds="kept"),
        Column("object_id", "string", "The object's id.", holds="id"),
        Column("object_name", "string", "The object's name.", holds="prose"),
        Column("status", "string", "Its status after waivers.", holds="kept"),
        Column("rule", "string", "The digest of the parameters in force for the object.", holds="digest"),
        Column("cause", "string", "What the findings of one cause share; NA of what does not fail.", holds="digest"),
    ),
)

ASKED_SPEC: Final = TableSpec(
    name="asked",
    key=("server_id", "check_id"),
    help="One row per server and check of a run: what was asked, of how many objects, and whether all was read.",
    columns=(
        Column("server_id", "string", "The server's own id, or its name where it reports none.", holds="digest"),
        Column("check_id", "string", "The check.", holds="kept"),
        Column("meaning", "string", "The meaning of the check: it grows when its logic changes.", holds="kept"),
        Column("population", "Int64", "How many objects there are; NA where they could not be read."),
        Column("whole", "boolean", "Whether everything was read that the check asks for."),
        Column("scope", "string", "The pattern of jobs that the run was narrowed to; empty for all.", holds="prose"),
        Column("revision", "string", "The API revision.", holds="kept"),
    ),
)


@dataclass(frozen=True)
class JudgedServer:
    """One server of a run: its own id, its name there, and the API revision in which it was read."""

    server_id: str
    name: str
    revision: str


@dataclass(frozen=True, eq=False)
class Judged:
    """What one run says of its findings.

    `findings` has the columns of `FINDINGS_SPEC`, `asked` those of `ASKED_SPEC`. `policy` is a digest of all that the
    run was judged by, `scope` the pattern of jobs that it was narrowed to, `known_checks` the checks that the run could
    have asked.
    """

    run_id: str
    now: dt.datetime
    timezone: str
    since: dt.datetime
    until: dt.datetime
    policy_name: str
    policy: str
    scope: str
    tool_version: str
    servers: tuple[JudgedServer, ...]
    findings: pd.DataFrame
    asked: pd.DataFrame
    known_checks: frozenset[str]


def judged_run(manifest: Manifest, findings: pd.DataFrame, coverage: pd.DataFrame) -> Judged:
    """What a run says, of its manifest, its findings and its coverage.

    A run of an older version has neither `rule` nor `meaning`: NA, so that nothing of it is taken for the same rule.
    """
    run = manifest.run
    ids = manifest.server_ids
    findings, coverage = _lasting(findings), _lasting(coverage)
    return Judged(
        run_id=manifest.run_id,
        now=run.now,
        timezone=run.timezone,
        since=run.since,
        until=run.until,
        policy_name=run.policy_name or "",
        policy=rules_digest(run),
        scope=run.jobs_pattern or "",
        tool_version=run.tool_version,
        servers=tuple(JudgedServer(ids[each.name], each.name, each.revision) for each in manifest.servers),
        findings=_findings(findings, ids),
        asked=_asked(coverage, ids, manifest),
        known_checks=checks_known_to(run),
    )


def checks_known_to(run: RunRecord) -> frozenset[str]:
    """The checks that a run could have asked: those of the package and its own."""
    return frozenset(shipped_names("checks")) | {one for record in run.own_checks for one in record.checks}


def _lasting(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows without those that say what changed between two runs: a change is not fixed by not happening again."""
    return rows[rows["area"].ne(AREAS["DRF"]).to_numpy(dtype=bool, na_value=True)].reset_index(drop=True)


def rules_digest(run: RunRecord) -> str:
    """A digest of all that a run was judged by: policy, site file, version of vbr-audit."""
    parts = (run.policy_sha256, run.site_sha256, run.tool_version)
    return hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()[:16]


def _findings(findings: pd.DataFrame, ids: Mapping[str, str]) -> pd.DataFrame:
    servers = _mapped(findings["server"], ids)
    columns: dict[str, Any] = {"key": strings_of(history_keys(findings, servers)), "server_id": strings_of(servers)}
    for name in FINDINGS_SPEC.names:
        if name not in columns:
            columns[name] = _text_of(findings, name)
    # Causes are those of what fails: the digests of the rest would be a fifth of what a history keeps.
    others = ~findings["status"].isin(["FAIL", "WAIVED"]).to_numpy(dtype=bool)
    causes = columns["cause"].to_numpy(dtype=object).copy()
    causes[others] = pd.NA
    columns["cause"] = strings_of(causes)
    return from_arrays({name: columns[name] for name in FINDINGS_SPEC.names}, len(findings))


def _asked(coverage: pd.DataFrame, ids: Mapping[str, str], manifest: Manifest) -> pd.DataFrame:
    revisions = {server.name: server.revision for server in manifest.servers}
    digests = {check: record.sha256 for record in manifest.run.own_checks for check in record.checks if record.sha256}
    meaning = _text_of(coverage, "meaning").to_numpy(dtype=object).copy()
    for place, check in enumerate(coverage["check_id"].tolist()):
        if check in digests and meaning[place] is not pd.NA:
            meaning[place] = f"{meaning[place]}/{digests[check][:12]}"
    columns: dict[str, Any] = {
        "server_id": strings_of(_mapped(coverage["server"], ids)),
        "check_id": _text_of(coverage, "check_id"),
        "meaning": strings_of(meaning),
        "population": pd.array(coverage["population"].tolist(), dtype="Int64"),
        "whole": pd.array(coverage["whole"].tolist(), dtype="boolean"),
        "scope": strings_of([manifest.run.jobs_pattern or ""] * len(coverage)),
        "revision": strings_of(_mapped(coverage["server"], revisions)),
    }
    return from_arrays(columns, len(coverage))


def _text_of(frame: pd.DataFrame, name: str) -> Any:
    """A text column; NA throughout where an older run has none."""
    return frame[name].astype(STRING).array if name in frame else pd.array([pd.NA] * len(frame), dtype=STRING)


def _mapped(names: pd.Series, words: Mapping[str, str]) -> npt.NDArray[np.object_]:
    codes, known = pd.factorize(names.to_numpy(dtype=object), use_na_sentinel=False)
    made = np.empty(len(known), dtype=object)
    made[:] = [words.get(name, name) if isinstance(name, str) else "" for name in known]
    return np.asarray(made[codes], dtype=object)


def history_keys(findings: pd.DataFrame, servers: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """What names each finding over time: a hash of the server's own id, the check and the object.

    What is about the server itself goes without a further object, as the name that a user gives it may change. An
    object without an id goes by its name; equal ones are told apart by their finding ids, which are alike from run to
    run.
    """
    names = findings["object_name"].to_numpy(dtype=object)
    objects = findings["object_id"].to_numpy(dtype=object).copy()
    nameless = pd.isna(objects)
    objects[nameless] = [f"name:{'' if name is pd.NA else name}" for name in names[nameless]]
    objects[findings["object_type"].eq("server").to_numpy(dtype=bool, na_value=False)] = "server:"
    keys = servers + "\0" + findings["check_id"].to_numpy(dtype=object) + "\0" + objects
    repeated = pd.Series(keys).duplicated(keep=False).to_numpy()
    if repeated.any():
        alike = findings.loc[repeated, "finding_id"].to_numpy(dtype=object)
        order = pd.Series(alike).groupby(keys[repeated]).rank(method="first").to_numpy(dtype=int)
        keys[repeated] = [f"{key}\0{place}" for key, place in zip(keys[repeated], order, strict=True)]
    made = np.empty(len(keys), dtype=object)
    made[:] = [hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16] for key in keys.tolist()]
    return made
