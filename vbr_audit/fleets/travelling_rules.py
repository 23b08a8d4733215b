"""The rules of an audit as files that travel to where a server is audited, and the rules read from them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from vbr_audit.checks.own.own_checks import known_checks
from vbr_audit.checks.site import load_site
from vbr_audit.collection import run_folder
from vbr_audit.errors import ConfigurationError
from vbr_audit.reports.brand import kept_brand
from vbr_audit.rules import Rules

RuleFiles = Mapping[str, bytes]
"""Content by name, with `/` where a file lies in a folder."""
_POLICY_NAME: Final = "policy-name"
_KEPT: Final = (run_folder.POLICY, run_folder.WAIVERS, run_folder.SITE, run_folder.ASSETS, run_folder.BRAND)


def packed_rules(rules: Rules) -> RuleFiles:
    """What the rules were read from: policy, waivers, site, brand, frameworks, own checks.

    Raises `ConfigurationError` for checks that no file holds, as those of a notebook.
    """
    if homeless := [each.name for each in rules.checks.records if each.kind == "notebook"]:
        raise ConfigurationError(
            f"checks that were declared in {homeless[0]} cannot travel to where a server is audited",
            hint="Put them into a folder of files, and give it with --checks.",
        )
    files = {name: content for name, content in rules.kept_files.items() if name in _KEPT and content}
    for folder, copies in rules.copies.items():
        files |= {f"{folder}/{name}": content for name, content in copies.items()}
    return files | {_POLICY_NAME: rules.policy.name.encode()}


def unpacked_rules(files: RuleFiles, folder: Path, *, history: Path | None = None) -> Rules:
    """The rules of `packed_rules`, by way of files in the empty `folder`; a history is what runs are compared with.

    Raises what `Rules.load` raises.
    """
    for name, content in files.items():
        target = folder / name
        if folder not in target.resolve().parents:
            raise ConfigurationError(f"{name!r} is no name of a file of rules")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def given(name: str) -> Path | None:
        return folder / name if name in files else None

    own, frameworks = folder / run_folder.OWN_CHECKS, folder / run_folder.FRAMEWORKS
    checks = known_checks(own if own.is_dir() else None)
    policy, site, brand = given(run_folder.POLICY), given(run_folder.SITE), given(run_folder.BRAND)
    options: dict[str, Any] = {
        "policy": policy and checks.policy(policy, name=files[_POLICY_NAME].decode()),
        "site": site and load_site(site, assets=given(run_folder.ASSETS)),
        "brand": brand and kept_brand(brand),
        "frameworks": sorted(frameworks.iterdir()) if frameworks.is_dir() else None,
        "baseline": history,
    }
    return Rules.load(checks=checks, waivers=given(run_folder.WAIVERS), **options)
