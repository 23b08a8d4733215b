"""Everything that a snapshot is judged by: what may be given, how it is read, and what a run folder keeps of it.

A new option is a key of `RuleOptions` and a field of `Rules`, with a line in each method that it concerns. The Python
API takes it from there; an entry of `vbr_audit.cli.judging` is its option on the command line.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

from vbr_audit.checks.drift.register import ChangeRegister, load_register
from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.engine.recorded import recorded_answers
from vbr_audit.checks.own.own_checks import OwnChecks, checks_of_run, known_checks, left_out_text
from vbr_audit.checks.policy.policy import Policy
from vbr_audit.checks.site import Site, load_site
from vbr_audit.collection import run_folder
from vbr_audit.collection.manifest import Manifest, RunRecord
from vbr_audit.display import encodable, time_zone
from vbr_audit.findings.requirements import OwnFrameworks, kept_frameworks, read_own_frameworks
from vbr_audit.findings.waivers import Waivers, load_waivers
from vbr_audit.histories.baseline import Baseline, load_baseline
from vbr_audit.histories.baseline import Earlier as EarlierRuns
from vbr_audit.histories.change_events import WARNING, GivenEvents, load_events
from vbr_audit.reports.brand import Brand, kept_brand, load_brand
from vbr_audit.reports.review import Review, load_review
from vbr_audit.reports.sample import checked_size

Judging = TypeVar("Judging", bound=Callable[..., Any])


class RuleOptions(TypedDict, total=False):
    """What may be given to judge by; None is as good as nothing given."""

    policy: str | Path | Policy | None
    """The policy: `default`, `strict`, `minimal`, or a file; else the default, or what the run kept."""
    waivers: str | Path | Waivers | None
    """The file of accepted exceptions."""
    site: str | Path | Site | None
    """The file of what only its owner knows: off-site repositories, tiers, assets."""
    checks: str | Path | OwnChecks | None
    """A folder with checks of your own, beside those declared in this session."""
    frameworks: Iterable[str | Path] | OwnFrameworks | None
    """Files with requirements of your own."""
    review: str | Path | Review | None
    """An earlier workbook whose reviewers' remarks are carried over."""
    sample: int | None
    """How many findings to draw for the workbook; else 25."""
    sample_seed: str | None
    """What the draw goes by; else the id of the run."""
    brand: str | Path | Brand | None
    """The file of who reports: name, logo, colours."""
    baseline: str | Path | Baseline | None
    """An earlier run, or a history, to say what changed since."""
    events: str | Path | Iterable[str | Path] | GivenEvents | None
    """Files of VBR's events, to say who changed settings since."""
    change_register: str | Path | ChangeRegister | None
    """The file of approved changes of settings."""


def shows_rule_options(function: Judging) -> Judging:
    """Let `help()` and the completion of a notebook show each of the options that `function` takes as keywords."""
    signature = inspect.signature(function)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint.__forward_arg__)
        for name, hint in RuleOptions.__annotations__.items()
    ]
    function.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True, eq=False)
class Rules:
    """Everything that a snapshot is judged by and reported under, read and validated.

    `policy`, `waivers` and `site` are the rules, `checks` and `frameworks` what is asked: those of the package and
    the user's own. `review` holds the remarks that are carried over, `sample` and `sample_seed` what the workbook's
    sample is drawn by (None: as the run says), and `brand` who reports. `baseline` is what the run is compared with,
    `events` say who changed settings since, and `change_register` which of these changes were approved.
    """

    policy: Policy
    checks: OwnChecks
    waivers: Waivers = field(default_factory=Waivers)
    site: Site = field(default_factory=Site)
    frameworks: OwnFrameworks = field(default_factory=OwnFrameworks)
    review: Review = field(default_factory=Review)
    sample: int | None = None
    sample_seed: str | None = None
    brand: Brand = field(default_factory=Brand)
    baseline: Baseline = field(default_factory=Baseline)
    events: GivenEvents = field(default_factory=GivenEvents)
    change_register: ChangeRegister = field(default_factory=ChangeRegister)

    @classmethod
    def load(cls, **given: Unpack[RuleOptions]) -> Rules:
        """The rules that are `given`: files are read, what was read before is taken as it is, the rest is the default.

        Raises `PolicyError`, `WaiverError`, `SiteError`, `RuleError` and `FrameworkError`, naming file and line,
        `ConfigurationError` for review, sample, brand, events and change register, `CheckError` for an id that is
        taken.
        """
        waivers, site = given.get("waivers"), given.get("site")
        events, register = given.get("events"), given.get("change_register")
        review, brand, baseline = given.get("review"), given.get("brand"), given.get("baseline")
        checks = known_checks(given.get("checks"))
        return cls(
            policy=checks.policy(given.get("policy")),
            checks=checks,
            waivers=waivers if isinstance(waivers, Waivers) else load_waivers(waivers, registry=checks.registry),
            site=site if isinstance(site, Site) else load_site(site),
            frameworks=read_own_frameworks(given.get("frameworks") or (), registry=checks.registry),
            review=review if isinstance(review, Review) else load_review(review),
            sample=checked_size(given.get("sample")),
            sample_seed=encodable(given.get("sample_seed") or "") or None,
            brand=brand if isinstance(brand, Brand) else load_brand(brand),
            baseline=baseline if isinstance(baseline, Baseline) else load_baseline(baseline),
            events=events if isinstance(events, GivenEvents) else load_events(events),
            change_register=register if isinstance(register, ChangeRegister) else load_register(register),
        )

    @classmethod
    def kept(cls, folder: str | Path, *, as_recorded: bool = False, **given: Unpack[RuleOptions]) -> Rules:
        """The rules of a saved run: what is `given`, and for the rest what its folder keeps.

        Own checks in Python come from the folder `checks` only, never from the run; with `as_recorded`, those that are
        not at hand answer what they answered when the run was judged. Raises what `load` raises, and `EvidenceError`.
        """
        folder = Path(folder)
        run = run_folder.read_manifest(folder).run
        checks = _checks_of_run(folder, run, given.get("checks"), as_recorded=as_recorded)
        kept: dict[str, Callable[[], Any]] = {
            "policy": lambda: _kept_policy(folder, run, checks),
            "waivers": lambda: _kept_file(folder / run_folder.WAIVERS),
            "site": lambda: _kept_site(folder),
            "frameworks": lambda: kept_frameworks(folder / run_folder.FRAMEWORKS, run.frameworks),
            "review": lambda: _kept_file(folder / run_folder.REVIEW),
            "sample": lambda: run.sample_size,
            "sample_seed": lambda: run.sample_seed,
            "brand": lambda: _kept_brand(folder),
            "baseline": lambda: load_baseline(run_folder.bytes_of(folder / run_folder.EARLIER) or None),
            "events": lambda: GivenEvents(kept=run_folder.bytes_of(folder / run_folder.EVENTS)),
            "change_register": lambda: _kept_file(folder / run_folder.CHANGE_REGISTER),
        }
        anew = {name: value for name, value in given.items() if not _is_nothing(value)}
        again = {name: read() for name, read in kept.items() if name not in anew}
        options: dict[str, Any] = {**anew, **again, "checks": checks}
        return cls.load(**options)

    def of_run(self, run: RunRecord, earlier: EarlierRuns | None) -> Rules:
        """These rules as a run keeps them that is compared with what earlier ones left.

        Raises `ConfigurationError` where kept events do not go back to the earlier run.
        """
        settings = None if earlier is None else earlier.settings
        events = self.events.of_run(
            run.now,
            time_zone(run.timezone),
            None if settings is None else settings.now,
            hides_accounts=run.accounts_masked,
        )
        kept = b"" if earlier is None else self.baseline.kept or earlier.to_bytes()
        return replace(self, baseline=Baseline(kept=kept), events=events)

    def compared(self, earlier: EarlierRuns | None) -> Earlier:
        """What the checks of drift compare a run with that keeps these rules."""
        register = self.change_register if self.change_register.is_given else None
        return Earlier(None if earlier is None else earlier.settings, self.events.events, register)

    def recorded_in(self, manifest: Manifest) -> Manifest:
        """The manifest of a run that is judged by these rules."""
        before = manifest.run
        run = before.model_copy(
            update={
                "policy_name": self.policy.name,
                "policy_sha256": self.policy.sha256,
                "waivers_sha256": self.waivers.sha256,
                "site_sha256": self.site.sha256,
                "events_sha256": self.events.sha256,
                "change_register_sha256": self.change_register.sha256,
                "own_checks": self.checks.records,
                "frameworks": self.frameworks.records,
                "review_sha256": self.review.sha256,
                "sample_size": self.sample or before.sample_size,
                "sample_seed": self.sample_seed or before.sample_seed,
            }
        )
        known_before = {left_out_text(record) for record in before.own_checks}
        known_before |= {text for text in manifest.warnings if text.startswith(WARNING)}
        warnings = [text for text in manifest.warnings if text not in known_before]
        warnings += [*self.checks.warnings, *self.events.warnings]
        return manifest.model_copy(update={"run": run, "warnings": warnings})

    @property
    def kept_files(self) -> dict[str, bytes]:
        """What a run folder keeps, by the name of the file there; empty where there is nothing to keep."""
        texts = {
            run_folder.POLICY: self.policy.text,
            run_folder.WAIVERS: self.waivers.text,
            run_folder.SITE: self.site.text,
            run_folder.ASSETS: self.site.assets_text,
            run_folder.REVIEW: self.review.text,
            run_folder.BRAND: self.brand.text,
            run_folder.CHANGE_REGISTER: self.change_register.text,
        }
        packed = {run_folder.EARLIER: self.baseline.kept, run_folder.EVENTS: self.events.kept}
        return {name: text.encode() for name, text in texts.items()} | packed

    @property
    def copies(self) -> dict[str, dict[str, bytes]]:
        """The files of which a run folder keeps copies, by the folder in it and by name."""
        return {run_folder.OWN_CHECKS: self.checks.files, run_folder.FRAMEWORKS: self.frameworks.files}

    @property
    def file_names(self) -> tuple[str, ...]:
        """The names of the files that the user gave, which may name somebody."""
        single = (*self.policy.chain, self.policy.name, self.waivers.name, self.site.name, self.review.source)
        single += (self.change_register.name,)
        return (*single, *self.checks.files, *self.frameworks.files)


def _is_nothing(value: object) -> bool:
    """Whether an option was left out; an empty list of frameworks is none."""
    return value is None or value in ((), [])


def _checks_of_run(
    folder: Path, run: RunRecord, given: str | Path | OwnChecks | None, *, as_recorded: bool
) -> OwnChecks:
    """The checks for a saved run; answers are taken again only from findings that are as they were written."""
    answers = None
    if as_recorded and run_folder.FINDINGS_JSON not in run_folder.changed_files(folder):
        answers = recorded_answers(folder / run_folder.FINDINGS_JSON)
    return checks_of_run(folder / run_folder.OWN_CHECKS, run.own_checks, given, answers=answers)


def _kept_policy(folder: Path, run: RunRecord, checks: OwnChecks) -> Policy | None:
    path = folder / run_folder.POLICY
    return checks.policy(path, name=run.policy_name) if path.is_file() else None


def _kept_file(path: Path) -> Path | None:
    return path if path.is_file() else None


def _kept_site(folder: Path) -> Site | None:
    path = folder / run_folder.SITE
    return load_site(path, assets=folder / run_folder.ASSETS) if path.is_file() else None


def _kept_brand(folder: Path) -> Brand | None:
    path = folder / run_folder.BRAND
    return kept_brand(path) if path.is_file() else None
