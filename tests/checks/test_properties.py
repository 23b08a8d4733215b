"""Random raw job documents, through tables and engine, against an oracle that reads only the map of settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from controls_oracle import ALIASES, REVISIONS, Job, answer, leaves_of, the_map
from hypothesis import given, settings
from hypothesis import strategies as st

from vbr_audit.checks import load_policy, run_checks
from vbr_audit.checks.policy.policy import Policy
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.tables.jobs import table as job_tables

CHECKS = ("JOB-001", "JOB-003", "JOB-004", "JOB-008")
ASKED = ("retry_", "gfs_", "encryption_enabled", "schedule_type", "primary_job_id")
HEIRS = ["FileBackupCopy", "EntraIDTenantBackupCopy"]
TYPES = [*the_map()["types"], *ALIASES, *HEIRS * 5, "VSphereBackup", "ProxmoxBackup", None, 7]
IDS = ("a", "b", "c")
VARIANTS = sorted(
    {word for entry in the_map()["types"].values() for word in entry.get("variant", {}).get("values", ())}
)
FLAGS = st.sampled_from([True, True, True, False, False, None, "yes", 1, []])
COUNTS = st.sampled_from([0, 1, 2, 3, 10, None, "3", 2.5, True])
WORDS = st.sampled_from([*VARIANTS, "immediate", "Sideways", None, 3])
BROKEN = st.sampled_from([None, [], "x", 5, {}])


def put(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        document = document.setdefault(key, {})
        if not isinstance(document, dict):
            return
    document[path[-1]] = value


@st.composite
def raw_jobs(draw: st.DrawFn) -> dict[str, Any]:
    """A document with settings of its type, of any revision and variant at once; some missing, some nonsense."""
    kind = draw(st.sampled_from(TYPES))
    document: dict[str, Any] = {"id": draw(st.sampled_from(IDS)), "name": "same", "type": kind}
    known = ALIASES.get(kind, kind) if isinstance(kind, str) else None
    entry = the_map()["types"].get(known)
    if draw(st.integers(0, 9)):
        document["isDisabled"] = draw(FLAGS)
    if entry is None:
        return document
    paths = {leaf.path: leaf.control for leaf in leaves_of(known) if leaf.control.startswith(ASKED)}
    variant = draw(st.sampled_from(entry.get("variant", {}).get("values", [None])))
    paths |= {tuple(text.split(".")): "variant" for text in entry.get("variant", {}).get("by", ())}
    gates = {gate for leaf in leaves_of(known) for gate in leaf.said("own")}
    for path, control in (paths | {(gate,): gate for gate in gates}).items():
        if control == "primary_job_id":
            value: Any = draw(st.sampled_from([*IDS, "x", None, 4]))
        elif control in ("variant", "schedule_type"):
            value = variant if draw(st.integers(0, 7)) else draw(WORDS)
        else:
            value = draw(COUNTS if control.endswith(("_count", "_min")) else FLAGS)
        if draw(st.integers(0, 11)):
            put(document, path, value)
    if paths and not draw(st.integers(0, 5)):
        path = draw(st.sampled_from(sorted(paths)))
        put(document, path[: draw(st.integers(1, len(path)))], draw(BROKEN))
    return document


def test_checks_agree_with_the_oracle(snapshot_of: Callable[..., Snapshot]) -> None:
    bare, seen = snapshot_of(), set[tuple[str, str]]()

    @settings(max_examples=70, deadline=None, derandomize=True)
    @given(
        documents=st.lists(raw_jobs(), min_size=1, max_size=8),
        revisions=st.tuples(st.sampled_from(REVISIONS), st.sampled_from(REVISIONS)),
        min_retries=st.integers(1, 4),
    )
    def agree(documents: list[dict[str, Any]], revisions: tuple[str, str], min_retries: int) -> None:
        revision, newest = sorted(revisions)
        built = job_tables.build_jobs(documents, None, server="vbr01", revision=revision, server_revision=newest)
        snapshot = replace(bare, tables={**bare.tables, "jobs": built.jobs})
        frame = run_checks(snapshot, _policy(min_retries)).results
        jobs = [Job(document, documents, revision, newest) for document in documents]
        for check_id in CHECKS:
            found = frame.loc[(frame["check_id"] == check_id).to_numpy(dtype=bool), "result"].tolist()
            expected = [answer(job, check_id, min_retries) for job in jobs]
            assert found == expected, check_id
            seen.update((check_id, result) for result in expected)

    agree()
    wanted = {(check_id, result) for check_id in CHECKS for result in ("PASS", "FAIL", "UNKNOWN")}
    wanted |= {(check_id, "NOT_APPLICABLE") for check_id in CHECKS[1:]}
    assert wanted <= seen, "the random jobs must reach every answer"


@cache
def _policy(min_retries: int) -> Policy:
    rules = "".join(f"  {name}: {{enabled: true}}\n" for name in CHECKS if name != "JOB-003")
    return load_policy(
        "version: 1\nchecks:\n  '*': {enabled: false, reason: not asked}\n"
        f"{rules}  JOB-003: {{enabled: true, params: {{min_retries: {min_retries}}}}}\n"
    )
