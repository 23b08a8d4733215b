"""`vbr-audit policy`: a policy to start from, and what one says."""

from __future__ import annotations

from typing import Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded
from vbr_audit.display import plain

policy_app = typer.Typer(
    help="Write a policy to start from, or validate one.", no_args_is_help=True, rich_markup_mode=None
)

Profile = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="Profile that it extends: default, strict or minimal.")
]
Target = Annotated[str, typer.Argument(metavar="[FILE|-]", help="File to write, - for standard output.")]
Source = Annotated[str, typer.Argument(metavar="FILE", help="A policy file, or default, strict or minimal.")]
Replace = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]


@policy_app.command("init")
@guarded
def policy_init(
    target: Target = "policy.yaml", profile: Profile = "default", force: Replace = False, debug: o.Debug = False
) -> None:
    """Write a policy that changes nothing yet, with every check and its parameters as comments."""
    from vbr_audit.checks.policy.policy import PROFILES, load_policy, starting_policy
    from vbr_audit.config.yaml_file import suggestion
    from vbr_audit.errors import ConfigurationError

    if profile not in PROFILES:
        raise ConfigurationError(
            f"--profile: unknown profile {profile!r}{suggestion(profile, PROFILES)}",
            hint=f"Give one of {', '.join(PROFILES)}.",
        )
    o.write_text(target, starting_policy(load_policy(profile), profile), force=force)


@policy_app.command("validate")
@guarded
def policy_validate(file: Source, checks: o.OwnChecks = None, debug: o.Debug = False) -> None:
    """List what a policy changes; exit 2 with file and line if it is invalid."""
    from vbr_audit.checks.own.own_checks import known_checks
    from vbr_audit.checks.policy.use import policy_changes

    policy = known_checks(checks).policy(file)
    enabled = sum(use.enabled for use in policy.uses)
    exceptions = sum(bool(use.overrides) for use in policy.uses)
    typer.echo(plain(f"{policy.name} is valid. It extends: {', '.join(policy.chain[:-1]) or 'nothing'}."))
    typer.echo(f"{enabled} checks run, {len(policy.uses) - enabled} are disabled, {exceptions} have overrides.")
    typer.echo(f"fail_on is {policy.fail_on}; waivers last at most {policy.waiver_horizon_days} days.")
    for line in policy_changes(policy.uses):
        typer.echo(plain(f"  {line}"))
