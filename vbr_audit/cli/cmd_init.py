"""`vbr-audit init`: files to start from, with every choice explained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from vbr_audit.cli import options as o
from vbr_audit.cli.guard import guarded
from vbr_audit.display import plain
from vbr_audit.errors import ConfigurationError
from vbr_audit.vocabulary import shipped_names

Folder = Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder to write to; created if it does not exist.")]
Replace = Annotated[bool, typer.Option("--force", help="Replace existing files.")]

_NEXT = """\
Next: write the server's address and the account into {settings}, then run
  vbr-audit config show --config {settings}
      shows every setting and where it is set
  vbr-audit doctor --config {settings}
      shows what this account may read; it changes nothing
  vbr-audit audit --config {settings} --out first-run
      audits the last 30 days: page, workbook and findings
Set VBR_AUDIT_CONFIG to the absolute path of the file, and you can leave out --config. Anybody may have put an
unnamed settings file into a folder: such a file cannot set the server, nor your own checks, the history, seals or
deliveries.
The password comes from --password-stdin, VBR_AUDIT_PASSWORD, the keyring, or a prompt."""


@guarded
def init_command(folder: Folder = Path(), force: Replace = False, debug: o.Debug = False) -> None:
    """Write settings, policy, site file and waivers to start from; they change nothing yet and explain every choice."""
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
                f"{folder / name} already exists", hint="Give another folder, or --force to replace the four files."
            )
    for name, text in texts.items():
        write_bytes(folder / name, text.encode(), for_owner=False)
        typer.echo(plain(folder / name))
    settings = str(folder / FILE_NAME)
    quoted = f'"{settings}"' if " " in settings else settings  # as every shell takes it, that of Windows too
    typer.echo("\n" + plain(_NEXT.format(settings=quoted), lines=True))


# The files that `vbr-audit init` writes: each is valid, and explains every key that it can contain.

SETTINGS: Final = f"""\
# Settings of vbr-audit. `vbr-audit config show` prints every setting and where it is set.
#
# Options on the command line take precedence over this file, and so do variables such as VBR_AUDIT_USERNAME. This file
# takes precedence over config.toml in your own settings folder, and over the defaults. Paths are relative to this file.
#
# Give this file with --config, or its absolute path in the variable VBR_AUDIT_CONFIG. Otherwise it is read from the
# current folder; but then anybody may have put it there, and url, servers, ca_file, fingerprint,
# insecure, proxy, checks, sign_pdf, templates, history, sign, timestamp, timestamp_ca and deliver are refused: they
# decide where your password is sent, which code is run, whose key signs, where each run is kept, who vouches for it,
# and who is told of it.
#
# In Python, `va.connect` and `va.collect` also read their settings from here; give policy, waivers and site file to
# `va.audit`.
#
# Do not write a password into this file. It comes from --password-stdin, from the variable VBR_AUDIT_PASSWORD, from the
# keyring of your system, or from a prompt.

# --- Which server, and how to reach it ---------------------------------------------------------------------------
# The server's REST service; the default port is 9419.
# url = "https://vbr01.example"
# For several servers, instead of url: a file with one [[server]] for each.
# servers = "servers.toml"
# An account with read-only permissions.
# username = "auditor"
# How the server's certificate is trusted, if your system does not trust it. One of: the PEM file of the CA that
# signed it; its SHA-256; or not at all, which every report then shows.
# ca_file = "company-ca.pem"
# fingerprint = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"
# insecure = false
# The REST revision; default: the newest that both sides support.
# revision = "1.3-rev1"
# Seconds to wait for a response.
# timeout = 60
# How long one server may be read, such as 30m, and one dataset of it; what had come by then is kept.
# deadline = "1h"
# dataset_deadline = "20m"
# An HTTP proxy; without name and password, which belong in the variable HTTPS_PROXY.
# proxy = "http://proxy.example:3128"

# --- What is read ------------------------------------------------------------------------------------------------
# The time zone of period and report, such as Europe/Berlin; default: the server's.
# timezone = "Europe/Berlin"
# Replace user names and hints before anything is stored.
# mask_accounts = true

# --- Policy, waivers and checks ----------------------------------------------------------------------------------
# A policy file, or a shipped policy: default, strict, minimal.
policy = "policy.yaml"
# Accepted exceptions, each with owner, reason and last day.
waivers = "waivers.yaml"
# Facts that only you know: which repositories are off-site, how important jobs and machines are.
site = "site.yaml"
# A folder with your own checks. Its .py files are run.
# checks = "checks"
# The lowest severity at which a failing finding gives exit code 1; takes precedence over fail_on of the policy.
# fail_on = "high"
# The same for what is new since the run before; needs a history.
# fail_on_new = "critical"

# --- What is written ---------------------------------------------------------------------------------------------
# One or more of {", ".join(shipped_names("formats"))}.
# format = ["html", "xlsx", "json", "csv"]
# What signs each PDF: a PKCS#12 file, a PEM file, or a TOML file that names key, certificate and the place of the
# password; docs/evidence.md has an example.
# sign_pdf = "signer.toml"
# A folder of templates that replace the built-in ones, and a file with name, logo and colours.
# templates = "templates"
# brand = "brand.yaml"
# The history that `vbr-audit audit` compares each run with and adds it to, as with --history; made if it is not there.
# history = "history"
# Seals: the key that signs the seal of each run, whose passphrase is in VBR_AUDIT_SIGN_PASSPHRASE, and the time
# authority that stamps it, with the CA that its certificate must lead to.
# sign = "key.pem"
# timestamp = "http://timestamp.example"
# timestamp_ca = "tsa-ca.pem"
# The file of channels for `vbr-audit deliver`, as with --to.
# deliver = "deliver.toml"
# The classification on the cover of the workbook.
# classification = "Internal"
"""

WAIVERS: Final = """\
# Waivers: findings that somebody has accepted, for a reason and until a day. A waived finding stays in every report,
# with its owner; after the last day it fails again. An ERROR can never be waived.
version: 1
waivers: []

# An example; write yours below `waivers:`, instead of []. Exactly one of object_name (a pattern, with * and ?) and
# object_id is required. Ids of checks: `vbr-audit checks`; ids of objects: the column object_id of findings.csv.
#  - id: W-1
#    check: JOB-003                 # an id, or a pattern such as JOB-*
#    object_name: "Archive*"
#    server: vbr01.example          # default: every server
#    owner: Jane Doe
#    approved_by: Head of IT        # optional, like ticket, created and covers
#    reason: the storage is switched off on purpose until the move
#    ticket: CHG-1234
#    created: 2026-12-01
#    expires: 2027-05-31            # its last day, at most a year after its first
#    covers: [FAIL]                 # add UNKNOWN to also accept findings without an answer
"""

SITE: Final = """\
# Site file: facts that no server can provide. Checks that need a missing part of it are UNKNOWN.
version: 1

# Tags of repositories, by name or pattern: offsite, onsite, offline, immutable.
# repositories:
#   - {match: "DR-*", tags: [offsite]}
#   - {match: "Vault*", tags: [offsite, offline]}

# Tiers: the first that matches a job, or a protected machine, is its tier. A missing key sets no requirement.
# tiers:
#   - {name: gold, jobs: ["SQL*"], objects: ["srv-*"], rpo_hours: 24, retention_days: 30, gfs: {weekly: 4, monthly: 12}}
#   - {name: standard, jobs: ["*"], rpo_hours: 48, retention_days: 14}

# The hours in which jobs may run, in the time zone of the report; the window can extend over midnight.
# window: {start: "20:00", end: "06:00"}

# The machines that must be protected: a CSV file with the column `name` and the optional columns `platform`, `owner`
# and `exempt`, the reason why a machine does not need protection.
# assets: assets.csv

# The oldest acceptable build of each release.
# builds: {"12.3": "12.3.2.3617"}
"""
