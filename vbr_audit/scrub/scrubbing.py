"""A run without names: what reports are made of, with keyed pseudonyms in place of everything that names somebody.

It is done before any report is made, so that no report can know a name. Evidence, policy, waivers and site file, whose
texts could not be kept, are left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pandas as pd

from vbr_audit.checks.derived import left_objects, offloads, protection
from vbr_audit.checks.own.own_checks import OwnChecks
from vbr_audit.checks.policy.policy import PROFILES
from vbr_audit.collection.snapshot import Snapshot, provenance_tables
from vbr_audit.findings.gaps import Gap, Limit
from vbr_audit.findings.results import Results, Summary
from vbr_audit.findings.table import in_order
from vbr_audit.findings.waivers import Waivers
from vbr_audit.rules import Rules
from vbr_audit.scrub.columns import KINDS
from vbr_audit.scrub.free_text import REMOVED, TextScrubber, make_terms
from vbr_audit.scrub.key import ScrubKey
from vbr_audit.scrub.pseudonyms import Pseudonyms
from vbr_audit.scrub.run_records import (
    PATTERN,
    is_shipped,
    names_of_records,
    scrub_manifest,
    scrub_policy,
    scrub_review,
    scrub_use,
    scrub_waiver,
    scrub_waivers,
)
from vbr_audit.scrub.tables import Scrubber, names_in

Fact = TypeVar("Fact", Gap, Limit)
_ORDER: Final = (*KINDS, "waiver", "ticket", PATTERN, "id", REMOVED)
_PLAIN_FILES: Final = frozenset(
    {"policy.yaml", "waivers.yaml", "site.yaml", "assets.csv", "default profile", *PROFILES}
)


@dataclass(frozen=True, eq=False)
class Material:
    """What of a run holds names: its tables, its findings, and the rules that it was judged by."""

    snapshot: Snapshot
    results: Results
    rules: Rules


def scrub_all(key: ScrubKey, material: Material) -> Material:
    """The same run without names."""
    scrubber = make_scrubber(key, material)
    return Material(
        snapshot=scrub_snapshot(material.snapshot, scrubber),
        results=scrub_results(material.results, scrubber),
        rules=scrub_rules(material.rules, scrubber),
    )


def scrub_rules(rules: Rules, scrubber: Scrubber) -> Rules:
    """The rules without names: the texts of all files are left out, and what is not named here altogether."""
    return Rules(
        policy=scrub_policy(rules.policy, scrubber),
        waivers=Waivers(tuple(scrub_waiver(waiver, scrubber) for waiver in rules.waivers.waivers)),
        checks=OwnChecks(rules.checks.registry),
        review=scrub_review(rules.review, scrubber),
    )


def make_scrubber(key: ScrubKey, material: Material) -> Scrubber:
    """What replaces every name that the run holds anywhere."""
    known: dict[str, set[str]] = {kind: set() for kind in _ORDER}
    for kind, name in _names(material):
        known[kind].add(name)
    names = [(kind, name) for kind in _ORDER for name in sorted(known[kind])]
    pseudonyms = Pseudonyms.over(key, [pair for pair in names if pair[0] not in (REMOVED, "id")])
    return Scrubber(pseudonyms, TextScrubber(pseudonyms, make_terms(names, pseudonyms), _builds(material)))


def _names(material: Material) -> Iterator[tuple[str, str]]:
    snapshot, results = material.snapshot, material.results
    for table, frame in snapshot.tables.items():
        yield from names_in(table, frame)
    yield from names_in(protection.SPEC.name, results.protected)
    yield from names_in(offloads.SPEC.name, results.offloads)
    yield from names_in(left_objects.SPEC.name, results.left)
    rules = material.rules
    files = [name for name in rules.file_names if name not in _PLAIN_FILES]
    yield from names_of_records(snapshot.manifest, results.uses, rules.waivers.waivers, rules.site, files)


def _builds(material: Material) -> frozenset[str]:
    """The builds of servers, which look like addresses."""
    tables = material.snapshot.tables
    found = {str(value) for name in ("servers", "server_info") for value in tables[name]["build"].dropna()}
    found |= set(material.rules.site.document.builds.values())
    return frozenset(found | set(_texts(use.params for use in material.results.uses)))


def _texts(values: Any) -> Iterator[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, dict):
        yield from _texts(values.values())
    elif isinstance(values, Iterable):
        for value in values:
            yield from _texts(value)


def scrub_snapshot(snapshot: Snapshot, scrubber: Scrubber) -> Snapshot:
    """The snapshot with pseudonyms and without evidence."""
    manifest = scrub_manifest(snapshot.manifest, scrubber)
    tables = {name: scrubber.frame(name, frame) for name, frame in snapshot.tables.items()}
    return Snapshot(manifest=manifest, tables=tables | provenance_tables(manifest))


def scrub_results(results: Results, scrubber: Scrubber) -> Results:
    """The results with pseudonyms: the same numbers, the findings in the order of their new names."""
    own = frozenset(use.check.id for use in results.uses if not is_shipped(use.check))
    return dataclasses.replace(
        results,
        findings=in_order(scrubber.findings(results.findings, own)),
        coverage=_coverage(results.coverage, scrubber, own),
        uses=tuple(scrub_use(use, scrubber) for use in results.uses),
        summary=_summary(results.summary, scrubber),
        waivers=scrub_waivers(results.waivers, scrubber),
        gaps=tuple(_fact(gap, scrubber) for gap in results.gaps),
        outside=tuple(_fact(limit, scrubber) for limit in results.outside),
        requirements=scrubber.frame("requirements", results.requirements),
        protected=scrubber.frame(protection.SPEC.name, results.protected),
        offloads=scrubber.frame(offloads.SPEC.name, results.offloads),
        left=scrubber.frame(left_objects.SPEC.name, results.left),
    )


def _fact(fact: Fact, scrubber: Scrubber) -> Fact:
    """A gap or a limit with the pseudonym of its server; what it says besides is cleaned as free text."""
    clean = scrubber.texts.clean
    server = None if fact.server is None else scrubber.name("server", fact.server)
    said = {name: getattr(fact, name, None) for name in ("subject", "reason")}
    texts: dict[str, Any] = {name: clean(text) for name, text in said.items() if text is not None}
    return dataclasses.replace(fact, server=server, **texts)


def _coverage(coverage: pd.DataFrame, scrubber: Scrubber, own: frozenset[str]) -> pd.DataFrame:
    frame = scrubber.frame("coverage", coverage)
    users = coverage["check_id"].isin(list(own)).to_numpy(dtype=bool, na_value=False)
    frame.loc[users, "title"] = [scrubber.texts.clean(text, own=False) for text in coverage.loc[users, "title"]]
    return frame.sort_values(["check_id", "server"], kind="stable", ignore_index=True)


def _summary(summary: Summary, scrubber: Scrubber) -> Summary:
    clean, verdict = scrubber.texts.clean, summary.verdict
    return dataclasses.replace(
        summary,
        sessions_by_result={clean(word): runs for word, runs in summary.sessions_by_result.items()},
        offloads_by_result={clean(word): ended for word, ended in summary.offloads_by_result.items()},
        runs_beside=dataclasses.replace(
            summary.runs_beside,
            carried_in={clean(word): runs for word, runs in summary.runs_beside.carried_in.items()},
            unlisted={clean(word): runs for word, runs in summary.runs_beside.unlisted.items()},
        ),
        verdict=dataclasses.replace(verdict, headline=clean(verdict.headline), detail=clean(verdict.detail)),
    )
