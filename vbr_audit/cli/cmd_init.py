"""`vbr-audit init`: files to start from, with every choice explained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError

Folder = Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder to write into; it is made where it is missing.")]
Replace = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]

_NEXT = """\
Next: write the server's address and the account into {settings}, then
  vbr-audit config show --config {settings}
      what is in force, and which place says it
  vbr-audit doctor --config {settings}
      what this account may read; it changes nothing
  vbr-audit audit --config {settings} --out first-run
      the last 30 days: page, workbook and findings
With its whole path in the variable VBR_AUDIT_CONFIG, --config may be left out. A settings file that nobody
named may lie in any folder: it cannot say which server is asked, nor which checks of its own are run.
The password is asked for, or comes from VBR_AUDIT_PASSWORD, the keyring, or --password-stdin."""


@guarded
def init_command(folder: Folder = Path(), force: Replace = False, debug: o.Debug = False) -> None:
    """Write settings, policy, site file and waivers to start from: they change nothing yet and explain every choice."""
    from vbr_audit.checks.policy.policy import load_policy, starting_policy
    from vbr_audit.collection.files import write_bytes
    from vbr_audit.config.settings import FILE_NAME

    texts = {
        FILE_NAME: SETTINGS,
        "policy.yaml": starting_policy(load_policy("default"), "default"),
        "site.yaml": SITE,
        "waivers.yaml": WAIVERS,
    }
    for name in texts:
        if (folder / name).exists() and not force:
            raise ConfigurationError(
                f"{folder / name} is there already", hint="Give another folder, or --force to replace the four files."
            )
    for name, text in texts.items():
        write_bytes(folder / name, text.encode())
        typer.echo(plain(folder / name))
    settings = str(folder / FILE_NAME)
    quoted = f'"{settings}"' if " " in settings else settings  # as every shell takes it, that of Windows too
    typer.echo("\n" + plain(_NEXT.format(settings=quoted), lines=True))


# The files that `vbr-audit init` writes: each valid as it stands, each explaining what may be said in it.

SETTINGS: Final = """\
# Settings of vbr-audit: the standing choices. `vbr-audit config show` prints what is in force, and where it is said.
#
# Stronger than this file: an option on the command line, then a variable such as VBR_AUDIT_USERNAME. Weaker: the file
# config.toml in your own folder of settings, and what is built in. Paths begin at the folder of this file.
#
# Name this file with --config, or by its whole path in the variable VBR_AUDIT_CONFIG. Unnamed, it is found in the
# folder in which vbr-audit is started; but then anybody may have laid it there, and url, servers, ca_file, fingerprint,
# insecure, proxy, checks and templates are refused: they decide to whom your password is sent, and what is run.
#
# From Python, `va.connect` and `va.collect` take their settings from here too; `va.audit` is told policy, waivers
# and site file.
#
# No password belongs in this file. It comes from --password-stdin, from the variable VBR_AUDIT_PASSWORD, from the
# keyring of your system, or you are asked for it.

# --- Which server, and how to reach it ---------------------------------------------------------------------------
# The server's REST service; port 9419 unless said.
# url = "https://vbr01.example"
# For several servers, in place of url: a file with one [[server]] for each.
# servers = "servers.toml"
# An account that may only read.
# username = "auditor"
# How the server's certificate is trusted, if your system does not trust it already. One of: the PEM file of the CA that
# signed it; its SHA-256; or not at all, which every report then says.
# ca_file = "company-ca.pem"
# fingerprint = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"
# insecure = false
# The REST revision, if not the newest that both sides know.
# revision = "1.3-rev1"
# Seconds to wait for an answer.
# timeout = 60
# An HTTP proxy; without name and password, which belong in the variable HTTPS_PROXY.
# proxy = "http://proxy.example:3128"

# --- What is read ------------------------------------------------------------------------------------------------
# The zone of period and report, if not the server's own: a name such as Europe/Berlin.
# timezone = "Europe/Berlin"
# Replace user names and hints before anything is kept.
# mask_accounts = true

# --- What it is judged by ----------------------------------------------------------------------------------------
# A policy file, or one of the shipped ones: default, strict, minimal.
policy = "policy.yaml"
# Accepted exceptions, each with owner, reason and last day.
waivers = "waivers.yaml"
# What only you know: which repositories are off-site, which jobs and machines are how important.
site = "site.yaml"
# A folder with checks of your own. Its .py files are run.
# checks = "checks"
# From which severity on the exit code is 1; stronger than the policy's own fail_on.
# fail_on = "high"

# --- What is written ---------------------------------------------------------------------------------------------
# Some of html, executive, pdf, xlsx, json, csv, junit, ocsf, oscal, md.
# format = ["html", "xlsx", "json", "csv"]
# A folder of templates that replace the built-in ones, and a file with name, logo and colours.
# templates = "templates"
# brand = "brand.yaml"
# What stands on the cover of the workbook.
# classification = "Internal"
"""

WAIVERS: Final = """\
# Waivers: findings that somebody has accepted, for a reason and until a day. A waived finding stays in every report,
# with its owner; after the last day it fails again. What broke can never be waived.
version: 1
waivers: []

# One looks so; write it below `waivers:` in place of []. Exactly one of object_name (a pattern, with * and ?) and
# object_id is needed. Ids of checks: `vbr-audit checks`; ids of objects: the column object_id of findings.csv.
#  - id: W-1
#    check: JOB-003                 # an id, or a pattern such as JOB-*
#    object_name: "Archive*"
#    server: vbr01.example          # every server if not said
#    owner: Jane Doe
#    approved_by: Head of IT        # need not be said; nor ticket, created and covers
#    reason: the storage is switched off on purpose until the move
#    ticket: CHG-1234
#    created: 2026-12-01
#    expires: 2027-05-31            # its last day, at most a year after its first
#    covers: [FAIL]                 # add UNKNOWN to accept as well that it cannot be told
"""

SITE: Final = """\
# Site file: what no server can tell. The checks that need a part of it answer UNKNOWN until it stands here.
version: 1

# Tags of repositories, by name or pattern: offsite, onsite, offline, immutable.
# repositories:
#   - {match: "DR-*", tags: [offsite]}
#   - {match: "Vault*", tags: [offsite, offline]}

# Tiers: the first that fits a job, or a protected machine, is its tier. Demands that are not said are not made.
# tiers:
#   - {name: gold, jobs: ["SQL*"], objects: ["srv-*"], rpo_hours: 24, retention_days: 30, gfs: {weekly: 4, monthly: 12}}
#   - {name: standard, jobs: ["*"], rpo_hours: 48, retention_days: 14}

# The hours in which jobs may run, in the zone of the report; it may reach over midnight.
# window: {start: "20:00", end: "06:00"}

# The machines that must be protected: a CSV file with a column `name` and, if wanted, `platform`, `owner` and `exempt`,
# which is the reason why one need not be.
# assets: assets.csv

# The oldest build of each release that is still good.
# builds: {"12.3": "12.3.2.3617"}
"""
