"""The policy: which checks run, how severe they are, with which parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from vbr_audit.checks.outcome import Severity
from vbr_audit.checks.registry import REGISTRY, Check, Registry
from vbr_audit.errors import PolicyError
from vbr_audit.yaml_file import Problem, YamlFile, load_yaml, model_problems, suggestion

DEFAULT_NAME = "default profile"
_HINT = "Correct the policy file; `vbr-audit checks` lists the checks and `vbr-audit checks ID` its parameters."


class CheckRule(BaseModel):
    """What a policy says about one check, or about all that a glob fits."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    enabled: StrictBool | None = None
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = None
    severity: Severity | None = None
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _disabling_needs_a_reason(self) -> CheckRule:
        if self.enabled is False and self.reason is None:
            raise ValueError("a check that is disabled needs a reason")
        return self


class PolicyDocument(BaseModel):
    """The shape of a policy file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Literal[1]
    fail_on: Literal["critical", "high", "medium", "low", "info", "never"] = "high"
    checks: dict[str, CheckRule] = Field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class CheckUse:
    """One check as a policy has it.

    `params` holds every parameter with its value in force, `params_source` where each comes from: `default`, or
    `policy.yaml:12`. `reason` says why a check is disabled.
    """

    check: Check
    enabled: bool
    reason: str | None
    severity: Severity
    severity_from_policy: bool
    params: Mapping[str, Any]
    params_source: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Policy:
    """A policy in force: its document, what it means for every check, and the `text` and hash of its file."""

    document: PolicyDocument
    uses: tuple[CheckUse, ...]
    name: str
    text: str
    sha256: str

    @property
    def version(self) -> int:
        """The version of the file format."""
        return self.document.version

    @property
    def fail_on(self) -> str:
        """The severity from which on a failing finding fails the run, or `never`."""
        return self.document.fail_on

    @property
    def checks(self) -> Mapping[str, CheckRule]:
        """The rules of the file, by id or glob."""
        return self.document.checks

    def use(self, check_id: str) -> CheckUse:
        """What the policy means for one check; raises `KeyError`."""
        for use in self.uses:
            if use.check.id == check_id:
                return use
        raise KeyError(check_id)


def load_policy(source: str | Path | None = None, *, name: str | None = None, registry: Registry = REGISTRY) -> Policy:
    """The policy at `source`, or the profile that ships with the package for None.

    A `str` with a line break is the text itself; `name` is what the policy is called, if not by its file. A check that
    the policy does not name runs with its own severity and parameters. Of several rules that fit a check, an exact id
    counts more than a glob, and a later glob more than an earlier one. Raises `PolicyError`, whose message names file,
    line and key of everything that is wrong.
    """
    if source is None:
        text = resources.files("vbr_audit.checks").joinpath("profiles", "default.yaml").read_text(encoding="utf-8")
        file = YamlFile(DEFAULT_NAME, text)
    else:
        file = YamlFile.read(source, error=PolicyError, default_name="policy.yaml")
    if name is not None:
        file = YamlFile(name, file.text)
    document = load_yaml(
        file, PolicyDocument, error=PolicyError, hint=_HINT, inspect=lambda content: _inspect(content, registry)
    )
    uses = tuple(_use_of(check, document, file) for check in registry.all())
    return Policy(document, uses, file.name, file.text, file.sha256)


def _inspect(content: Any, registry: Registry) -> Iterator[Problem]:
    """Checks that do not exist, and parameters that a check does not take."""
    rules = content.get("checks") if isinstance(content, dict) else None
    known = [check.id for check in registry.all()]
    for key, rule in rules.items() if isinstance(rules, dict) else ():
        fitting = [check for check in registry.all() if fnmatchcase(check.id, str(key))]
        if not fitting:
            word = "no check fits" if any(sign in str(key) for sign in "*?[") else "no such check:"
            yield Problem(("checks", str(key)), f"{word} {key}" + suggestion(str(key), known))
        params = rule.get("params") if isinstance(rule, dict) else None
        if isinstance(params, dict):
            for check in fitting:
                at = ("checks", str(key), "params")
                for problem in model_problems(check.model, params, at=at, key_word="parameter"):
                    of_check = f" ({check.id})" if check.id != key else ""
                    yield Problem(problem.path, problem.message + of_check)


def _use_of(check: Check, document: PolicyDocument, file: YamlFile) -> CheckUse:
    """All rules that fit `check`, laid over each other: the weakest first."""
    fitting = [(key, rule) for key, rule in document.checks.items() if fnmatchcase(check.id, key)]
    fitting.sort(key=lambda pair: pair[0] == check.id)
    enabled, reason, severity = True, None, None
    given: dict[str, Any] = {}
    source = {parameter.name: "default" for parameter in check.parameters}
    for key, rule in fitting:
        if rule.enabled is not None:
            enabled, reason = rule.enabled, rule.reason
        severity = rule.severity or severity
        given |= rule.params
        for name in rule.params:
            source[name] = f"{file.name}:{file.line_of(('checks', key, 'params', name))}"
    return CheckUse(
        check=check,
        enabled=enabled,
        reason=reason,
        severity=severity or check.severity,
        severity_from_policy=severity is not None and severity != check.severity,
        params=check.model.model_validate(given).model_dump(),
        params_source=source,
    )
