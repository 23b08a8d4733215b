"""A run without names: what reports are made of, with keyed pseudonyms in place of everything that names somebody.

It is done before any report is made, so that no report can know a name. Evidence, policy, waivers and site file, whose
texts could not be kept, are left out.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pandas as pd
from pydantic import BaseModel

from vbr_audit.checks.catalogue import REGISTRY
from vbr_audit.checks.derived import left_objects, object_copies, offloads, protection
from vbr_audit.checks.drift.compare import SPEC as DRIFT
from vbr_audit.checks.drift.register import ChangeRegister
from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.own.own_checks import OwnChecks
from vbr_audit.checks.policy.model import CheckRule, PolicyDocument
from vbr_audit.checks.policy.policy import PROFILES, Policy
from vbr_audit.checks.policy.use import DEFAULT, ByPolicy, CheckUse, ObjectRule, ObjectUse
from vbr_audit.checks.site import Site
from vbr_audit.collection.manifest import Manifest
from vbr_audit.collection.snapshot import Snapshot, provenance_tables
from vbr_audit.findings.gaps import Gap, GapKind, Limit, LimitKind
from vbr_audit.findings.results import Planning, Results, Sentences, Summary, WaiverReport
from vbr_audit.findings.table import FINDING_SENTENCES, in_order, without_evidence
from vbr_audit.findings.waivers import Waiver, Waivers
from vbr_audit.reports.review import Remark, Review
from vbr_audit.rules import Rules
from vbr_audit.scrub.free_text import REMOVED, TextScrubber, folded, is_ordinary, make_terms
from vbr_audit.scrub.pseudonyms import Pseudonyms, ScrubKey
from vbr_audit.scrub.tables import KINDS, PATTERN, WILD, Rule, Scrubber, names_in
from vbr_audit.tables.build.schema import empty

Fact = TypeVar("Fact", Gap, Limit)


# The manifest, the policy in force, the waivers and the remarks of reviewers without names.

Record = TypeVar("Record", bound=BaseModel)
_SAYING: Final = Rule("text")
_DIGEST: Final = Rule("digest")
_USER: Final = Rule("name", "user")
_PROSE: Final = Rule("prose")
_WORD: Final = Rule("word")
_OWN: Final = Rule("own")
_RULES: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(("policy_sha256", "waivers_sha256", "site_sha256", "review_sha256", "sha256"), _DIGEST),
    **dict.fromkeys(("events_sha256", "change_register_sha256"), _DIGEST),
    "jobs_pattern": Rule("name", PATTERN),
    "command": _PROSE,
    "fault": _PROSE,
    "note": _SAYING,
    "sample_seed": _SAYING,
    "server": Rule("name", "server"),
    "url": Rule("name", "url"),
    "account": _USER,
    "tenant": Rule("name", "company"),
    "vbr_id": Rule("id"),
    **dict.fromkeys(("timezone", "timezone_source", "tool_version", "revision", "revision_newest"), Rule("kept")),
    **dict.fromkeys(("checks", "kind"), Rule("kept")),
}
"""How the texts of the manifest's records are scrubbed; of every other one the names are replaced."""


def scrub_manifest(manifest: Manifest, scrubber: Scrubber) -> Manifest:
    """The manifest with pseudonyms, keyed hashes and the id of the key."""
    run = _record(manifest.run, scrubber, {})
    run = run.model_copy(update={"scrub_key_id": scrubber.pseudonyms.key.id})
    named = {"name": Rule("name", "server")}
    return manifest.model_copy(
        update={
            "run": run,
            "servers": [_record(server, scrubber, named) for server in manifest.servers],
            "datasets": [_record(dataset, scrubber, {"name": Rule("kept")}) for dataset in manifest.datasets],
            "warnings": [scrubber.texts.clean(text) for text in manifest.warnings],
        }
    )


def _record(record: Record, scrubber: Scrubber, more: Mapping[str, Rule]) -> Record:
    """A record in which every text is scrubbed, by its rule or as a text with names somewhere in it."""

    def made(name: str, value: Any) -> Any:
        if isinstance(value, BaseModel):
            return _record(value, scrubber, {})
        if isinstance(value, str):
            rule = more.get(name) or _RULES.get(name)
            if type(value) is not str:
                return value
            return scrubber.value(value, rule) if rule else scrubber.texts.clean(value)
        if isinstance(value, Mapping):
            return {scrubber.value(str(key), _WORD): made("", inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [made(name, inner) for inner in value]
        return value

    return record.model_copy(update={name: made(name, value) for name, value in record})


def scrub_waiver(waiver: Waiver, scrubber: Scrubber) -> Waiver:
    """A waiver whose people, objects, id and ticket are pseudonyms, and whose reason names nobody."""
    texts: dict[str, Callable[[str], str]] = {
        "id": lambda text: scrubber.name("waiver", text),
        "server": lambda text: scrubber.glob(text, "server"),
        "object_id": scrubber.pseudonyms.identifier,
        "object_name": scrubber.glob,
        "owner": lambda text: scrubber.name("user", text),
        "approved_by": lambda text: scrubber.name("user", text),
        "ticket": lambda text: scrubber.name("ticket", text),
        "reason": lambda text: scrubber.texts.clean(text),
    }
    values = {name: getattr(waiver, name) for name in texts}
    return waiver.model_copy(update={name: texts[name](value) for name, value in values.items() if value is not None})


def scrub_waivers(report: WaiverReport, scrubber: Scrubber) -> WaiverReport:
    """The waivers of a run by what became of them."""
    return WaiverReport(
        tuple(dataclasses.replace(one, waiver=scrub_waiver(one.waiver, scrubber)) for one in report.outcomes)
    )


def scrub_review(review: Review, scrubber: Scrubber) -> Review:
    """The remarks under the ids of the scrubbed findings."""
    made = [
        Remark(
            finding_id=scrubber.pseudonyms.hashed(remark.finding_id),
            status=remark.status,
            note=None if remark.note is None else scrubber.texts.clean(remark.note),
        )
        for remark in review.remarks.values()
    ]
    return Review({remark.finding_id: remark for remark in made}, _place(review.source, scrubber))


def scrub_use(use: CheckUse, scrubber: Scrubber) -> CheckUse:
    """A check as the policy has it; the texts of a shipped check stay as they are."""
    return CheckUse(
        check=use.check if is_shipped(use.check) else _own_check(use.check, scrubber),
        general=_object_use(use, scrubber),
        overrides=tuple(_object_rule(rule, scrubber) for rule in use.overrides),
    )


def scrub_policy(policy: Policy, scrubber: Scrubber) -> Policy:
    """What the policy means for each check, without the file that says it."""
    return dataclasses.replace(
        policy,
        document=PolicyDocument(version=1),
        uses=tuple(scrub_use(use, scrubber) for use in policy.uses),
        name=_place(policy.name, scrubber),
        text="",
        sha256=scrubber.pseudonyms.hashed(policy.sha256),
        chain=tuple(_place(name, scrubber) for name in policy.chain),
    )


def is_shipped(check: Check) -> bool:
    """Whether a check is one of the package's own."""
    return check.id in REGISTRY


def _own_check(check: Check, scrubber: Scrubber) -> Check:
    def clean(text: str) -> str:
        return scrubber.texts.clean(text)

    return dataclasses.replace(
        check,
        title=clean(check.title),
        rationale=clean(check.rationale),
        remediation=clean(check.remediation),
        expected=None if check.expected is None else clean(check.expected),
        # A name within braces would be no parameter any more once it was replaced; the title says as much without it.
        failure=None,
        consequence=None,
    )


def _place(text: str, scrubber: Scrubber) -> str:
    """`policy.yaml:12`, or a file or profile alone, without the name that somebody gave to a file."""
    file, colon, line = text.rpartition(":") if text.rpartition(":")[2].isdigit() else (text, "", "")
    return text if file in PLAIN_FILES else f"{scrubber.name('file', file)}{colon}{line}"


def _object_use(checked: CheckUse, scrubber: Scrubber) -> ObjectUse:
    use, usual = checked.general, {parameter.name: parameter.default for parameter in checked.check.parameters}
    return dataclasses.replace(
        use,
        reason=None if use.reason is None else scrubber.texts.clean(use.reason),
        enabled_source=_place(use.enabled_source, scrubber),
        severity_source=_place(use.severity_source, scrubber),
        params={
            name: value if value == usual.get(name) else _plain(value, scrubber) for name, value in use.params.items()
        },
        sources={name: _place(place, scrubber) for name, place in use.sources.items()},
    )


def _object_rule(rule: ObjectRule, scrubber: Scrubber) -> ObjectRule:
    globs = rule.match.globs
    kinds = {"server": "server", "object_name": PATTERN}
    made = {name: scrubber.glob(glob, kinds[name]) for name, glob in globs.items() if name in kinds}
    if "object_id" in globs:
        made["object_id"] = scrubber.pseudonyms.identifier(globs["object_id"])
    return ObjectRule(
        match=rule.match.model_copy(update=made),
        rules=tuple(_by_policy(one, scrubber) for one in rule.rules),
        place=_place(rule.place, scrubber),
    )


def _by_policy(pair: ByPolicy, scrubber: Scrubber) -> ByPolicy:
    rule, places = pair
    reason = None if rule.reason is None else scrubber.texts.clean(rule.reason)
    made = CheckRule.model_copy(rule, update={"reason": reason, "params": _plain(rule.params, scrubber)})
    return made, {name: _place(place, scrubber) for name, place in places.items()}


def _plain(value: Any, scrubber: Scrubber) -> Any:
    """Parameters with the names in them replaced."""
    if isinstance(value, str):
        return scrubber.texts.clean(value)
    if isinstance(value, Mapping):
        return {scrubber.texts.clean(str(name)): _plain(inner, scrubber) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(inner, scrubber) for inner in value)
    return value


def names_of_records(
    manifest: Manifest, uses: Iterable[CheckUse], waivers: Iterable[Waiver], site: Site, files: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Every name that stands in the records and files of a run, with its kind; blank ones are left out."""
    names: list[tuple[str, str | None]] = [(PATTERN, manifest.run.jobs_pattern)]
    for server in manifest.servers:
        names += [("server", server.name), ("url", server.url), ("user", server.account), ("company", server.tenant)]
    for waiver in waivers:
        names += [
            ("user", waiver.owner),
            ("user", waiver.approved_by),
            ("ticket", waiver.ticket),
            ("waiver", waiver.id),
        ]
        names += [("server", waiver.server), (PATTERN, waiver.object_name), ("id", waiver.object_id)]
    for use in uses:
        names += [(PATTERN, glob) for rule in use.overrides for glob in rule.match.globs.values()]
    document = site.document
    names += [(PATTERN, rule.match) for rule in document.repositories]
    names += [(PATTERN, glob) for tier in document.tiers for glob in (*tier.jobs, *tier.objects)]
    for asset in site.assets or ():
        names += [("object", asset.name), ("user", asset.owner), (REMOVED, asset.exempt)]
    names += [("file", name) for name in files]
    yield from ((kind, name) for kind, name in names if name and name.strip() and not set(name) <= WILD)


def names_of_changes(compared: Earlier) -> Iterator[tuple[str, str]]:
    """Every name in what a run is compared with: events, change register and earlier settings; each with its kind.

    A value that was changed or approved may be a name, too: what is neither a number nor an ordinary word is taken for
    one.
    """
    events, register = compared.events, compared.register or ChangeRegister()
    names: list[tuple[str, str | None]] = []
    for event in events.events if events else ():
        names += [("user", event.user), ("server", event.host), ("object", event.object_name), ("id", event.object_id)]
    for approval in register.approvals:
        names += [("object", approval.object), ("user", approval.approved_by), ("ticket", approval.ticket)]
        names += [(REMOVED, value) for text in (approval.before, approval.after) for value in _worded(text)]
    if compared.run is not None:
        values = compared.run.settings["value"].dropna().unique().tolist()
        names += [(REMOVED, part) for part in dict.fromkeys(part for value in values for part in _worded(value))]
    yield from ((kind, name) for kind, name in names if name and name.strip())


def _worded(text: str) -> Iterator[str]:
    """The items of a value, as JSON or as people write it, that may be names; UUIDs are found by their form."""
    for part in map(str.strip, _BETWEEN.split(text)):
        if _LETTER.search(part) and not _UUID.fullmatch(part) and not is_ordinary(folded(part)):
            yield part


_BETWEEN: Final = re.compile(r'[\[\]{}",;]')
_LETTER: Final = re.compile(r"[^\W\d_]")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


_ORDER: Final = (*KINDS, "id", REMOVED)
PLAIN_FILES: Final = frozenset(
    {"", DEFAULT, "policy.yaml", "waivers.yaml", "site.yaml", "assets.csv", "changes.csv"}
    | {*PROFILES, *(f"{name} profile" for name in PROFILES)}
)
"""What files are called that nobody gave a name of their own, and where else a setting may come from."""


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
    yield from names_in(object_copies.SPEC.name, results.copies)
    yield from names_in(offloads.SPEC.name, results.offloads)
    yield from names_in(left_objects.SPEC.name, results.left)
    rules = material.rules
    files = [name for name in rules.file_names if name not in PLAIN_FILES]
    yield from names_of_records(snapshot.manifest, results.uses, rules.waivers.waivers, rules.site, files)
    yield from names_of_changes(rules.compared(rules.baseline.before(snapshot.manifest)))


def _builds(material: Material) -> frozenset[str]:
    """The builds of servers, which look like addresses."""
    tables = material.snapshot.tables
    builds = {str(value) for name in ("servers", "server_info") for value in tables[name]["build"].dropna()}
    builds |= set(material.rules.site.document.builds.values())
    return frozenset(builds | set(_texts(use.params for use in material.results.uses)))


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
    findings, coverage = _not_told(results)
    findings = in_order(without_evidence(scrubber.findings(findings, own)))
    coverage = _coverage(coverage, scrubber, own)
    gaps = tuple(_fact(gap, scrubber) for gap in results.gaps)
    return dataclasses.replace(
        results,
        findings=findings,
        coverage=coverage,
        sentences=Sentences.of(findings, coverage),
        uses=tuple(scrub_use(use, scrubber) for use in results.uses),
        summary=_summary(results, gaps, scrubber),
        planning=_planning(results.planning, scrubber),
        waivers=scrub_waivers(results.waivers, scrubber),
        gaps=gaps,
        outside=tuple(_fact(limit, scrubber) for limit in results.outside),
        requirements=scrubber.frame("requirements", results.requirements),
        protected=scrubber.frame(protection.SPEC.name, results.protected),
        copies=scrubber.frame(object_copies.SPEC.name, results.copies),
        offloads=scrubber.frame(offloads.SPEC.name, results.offloads),
        left=scrubber.frame(left_objects.SPEC.name, results.left),
        # What went since names objects that no table of this run does: the columns of the findings stay, the list goes.
        drift=empty(DRIFT),
        changes=None,
    )


def _not_told(results: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The findings and the coverage with their sentences as they are before they are told."""
    findings, coverage, sentences = results.findings, results.coverage, results.sentences
    said = sentences.findings.reindex(findings["finding_id"].to_numpy(dtype=object))
    reasons = sentences.coverage.reindex(pd.MultiIndex.from_frame(coverage[["check_id", "server"]]))
    return (
        findings.assign(**{name: said[name].array for name in FINDING_SENTENCES}),
        coverage.assign(reason=reasons.array),
    )


def _planning(planning: Planning, scrubber: Scrubber) -> Planning:
    """The owners as pseudonyms, by the ids of the scrubbed findings."""
    owners = scrubber.column(planning.owners, _USER)
    ids = [scrubber.pseudonyms.hashed(name) for name in owners.index]
    return dataclasses.replace(planning, owners=owners.set_axis(pd.Index(ids, dtype=object)))


def _fact(fact: Fact, scrubber: Scrubber) -> Fact:
    """A gap or a limit without names."""
    server = None if fact.server is None else scrubber.name("server", fact.server)
    fields = {name: getattr(fact, name, None) for name in ("subject", "reason")}
    texts: dict[str, Any] = {
        name: scrubber.value(text, _FACTS.get((fact.kind, name), _SAYING))
        for name, text in fields.items()
        if text is not None
    }
    return dataclasses.replace(fact, server=server, **texts)


_FACTS: Final[Mapping[tuple[GapKind | LimitKind, str], Rule]] = {
    (GapKind.EMPTY_SCOPE, "reason"): Rule("name", PATTERN),
    (GapKind.BROKEN, "reason"): _OWN,
    (LimitKind.SCOPE, "subject"): Rule("name", PATTERN),
    (LimitKind.DISABLED, "subject"): Rule("kept"),
    (LimitKind.IDLE_OVERRIDE, "subject"): _OWN,
    (LimitKind.OUT_OF_REACH, "subject"): Rule("kept"),
}
"""What the texts of gaps and limits are by their kind; every other one is a text with names somewhere in it."""


def _coverage(coverage: pd.DataFrame, scrubber: Scrubber, own: frozenset[str]) -> pd.DataFrame:
    frame = scrubber.frame("coverage", coverage)
    users = coverage["check_id"].isin(list(own)).to_numpy(dtype=bool, na_value=False)
    for name in ("title", "reason"):
        frame.loc[users, name] = scrubber.column(coverage.loc[users, name], _SAYING)
    return frame.sort_values(["check_id", "server"], kind="stable", ignore_index=True)


def _summary(results: Results, gaps: Sequence[Gap], scrubber: Scrubber) -> Summary:
    summary, verdict = results.summary, results.summary.verdict
    # Of all that the verdict says, only the gap that it ends with may hold a name.
    detail = verdict.detail.replace(str(results.gaps[0]), str(gaps[0])) if gaps else verdict.detail

    def clean(word: str) -> str:
        return scrubber.value(word, _WORD)

    return dataclasses.replace(
        summary,
        sessions_by_result={clean(word): runs for word, runs in summary.sessions_by_result.items()},
        offloads_by_result={clean(word): ended for word, ended in summary.offloads_by_result.items()},
        runs_beside=dataclasses.replace(
            summary.runs_beside,
            carried_in={clean(word): runs for word, runs in summary.runs_beside.carried_in.items()},
            unlisted={clean(word): runs for word, runs in summary.runs_beside.unlisted.items()},
        ),
        verdict=dataclasses.replace(verdict, detail=detail),
    )
