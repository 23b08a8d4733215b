"""The id of a check tells its folder."""

from __future__ import annotations

from vbr_audit.checks import REGISTRY

FOLDERS = {
    "AGT": "agents", "CFG": "config_backup", "CPY": "copies", "DRF": "drift",
    "EVD": "evidence", "IMM": "immutability", "JOB": "jobs",
    "LIC": "licence", "MAL": "malware", "PRX": "proxies", "REP": "repositories", "RPO": "restore_points",
    "RUN": "runs", "SCA": "analyzer", "SEC": "security", "SOB": "scale_out", "SRV": "servers", "TST": "restore_tests",
}  # fmt: skip


def test_the_prefix_of_an_id_is_the_folder_of_its_check() -> None:
    homes = {check.id: check.function.__module__ for check in REGISTRY.all()}
    wrong = {
        name: home
        for name, home in homes.items()
        if not home.startswith(f"vbr_audit.checks.catalogue.{FOLDERS[name.split('-')[0]]}.")
    }
    assert wrong == {}
