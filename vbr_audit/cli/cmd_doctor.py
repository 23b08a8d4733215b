"""`vbr-audit doctor`: before anything is read, what this account may read of each server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import Exit, guarded
from vbr_audit.cli.servers import open_client, take_servers
from vbr_audit.cli.standing import settled

if TYPE_CHECKING:
    from vbr_audit.checks.policy.policy import Policy
    from vbr_audit.cli.diagnosis import Diagnosis
    from vbr_audit.fleets.servers_file import Server

JsonFile = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Also write the results as JSON; - prints only the JSON.")
]


@guarded
@settled()
def doctor_command(
    urls: o.Urls = None,
    servers: o.Servers = None,
    config: o.Config = None,
    username: o.Username = None,
    password_stdin: o.PasswordStdin = False,
    policy: o.Policy = None,
    site: o.Site = None,
    checks: o.OwnChecks = None,
    json_file: JsonFile = None,
    revision: o.Revision = None,
    ca_file: o.CaFile = None,
    fingerprint: o.Fingerprint = None,
    insecure: o.Insecure = None,
    timeout: o.Timeout = None,
    proxy: o.Proxy = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Test before you collect: connection, certificate, revision, and what this account may read. Only reads."""
    from vbr_audit.checks.own.own_checks import known_checks
    from vbr_audit.checks.site import load_site
    from vbr_audit.cli.diagnosis import diagnoses_json, exit_code_of
    from vbr_audit.collection.files import write_bytes

    rules, site_document = known_checks(checks).policy(policy), load_site(site).document
    has_site = bool(site_document.model_fields_set - {"version"})
    chosen = take_servers(
        urls,
        servers,
        password_stdin=password_stdin,
        username=username,
        revision=revision,
        ca_file=ca_file,
        fingerprint=fingerprint,
        insecure=insecure,
        timeout=timeout,
        proxy=proxy,
    )
    diagnoses = _look_at(chosen, rules, has_site, printed=not quiet and json_file != "-")
    if json_file == "-":
        typer.echo(diagnoses_json(diagnoses, rules).decode())
    elif json_file is not None:
        write_bytes(Path(json_file), diagnoses_json(diagnoses, rules))
    raise typer.Exit(exit_code_of(diagnoses) if diagnoses else Exit.NOT_COLLECTED)


def _look_at(servers: tuple[Server, ...], policy: Policy, has_site: bool, *, printed: bool) -> list[Diagnosis]:
    """One server after the other; one that does not answer is told and does not stop the others."""
    import contextlib

    from vbr_audit.cli.diagnosis import diagnose, diagnosis_lines

    diagnoses = []
    with contextlib.ExitStack() as stack:
        for client in [stack.enter_context(open_client(server)) for server in servers]:
            diagnoses.append(diagnose(client, policy, has_site=has_site))
            for line in diagnosis_lines(diagnoses[-1]) if printed else ():
                typer.echo(line)
    return diagnoses
