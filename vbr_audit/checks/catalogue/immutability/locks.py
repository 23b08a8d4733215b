"""Checks of what can lift or pass the lock of an immutable repository."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import beside, named, nullable, one_of, surely, surely_not, worded
from vbr_audit.tables.build.arrays import are_missing

_KNOWN_ITEM = {"best_practice": "Compliance mode is used for repositories with immutability", "status": "OK"}
_SSH = "SSH is disabled on hardened repositories"
_VM = "Hardened repositories are not hosted in virtual machines"
_PROXY = "Hardened repositories are not used as proxies"
_FINE_ITEMS = [{"best_practice": _VM, "status": "OK"}, {"best_practice": _PROXY, "status": "OK"}]
_ALL_FINE = [{"best_practice": _SSH, "status": "OK"}, *_FINE_ITEMS]
_VAULT = {"repository_id": "r1", "name": "Vault", "type": "LinuxHardened", "host_id": "h1"}
_PROXY_OF_H2 = {"host_id": "h2"}
_HOST = {"managed_server_id": "h1", "credentials_storage_type": "SingleUse"}
_MODE_WORDS = r"compliance mode"
_HARDENED_WORDS = r"hardened"
_WITHOUT_CREDENTIALS = ("SingleUse", "Certificate")


@check(
    "IMM-004",
    "Immutable repositories are locked in Compliance mode",
    severity="medium",
    tables=("servers", "best_practices"),
    aggregates=("best_practices",),
    reads=("best_practices.status", "best_practices.best_practice"),
    json_path="status",
    expected="OK",
    failure="{has} immutable repositories outside of Compliance mode",
    consequence="could lose locked backups to somebody with enough rights",
    remediation="Home > Security & Compliance: read the item; recreate the bucket in Compliance mode.",
    examples=(
        Example("PASS", {}, {"best_practices": [_KNOWN_ITEM]}),
        Example("FAIL", {}, {"best_practices": [{**_KNOWN_ITEM, "status": "Violation"}]}),
        Example("UNKNOWN", {}, {"best_practices": [{**_KNOWN_ITEM, "status": "UnableToCheck"}]}),
        Example("UNKNOWN", {}, {"best_practices": [{"best_practice": _SSH, "status": "OK"}]}),
        Example("UNKNOWN", {}, datasets={"best_practices": "denied"}),
    ),
)
def compliance_mode(servers: pd.DataFrame, items: pd.DataFrame) -> Outcome:
    """In Governance mode an administrator can remove the lock, and so can an attacker with administrator rights.

    The REST API shows the mode only in an item of Veeam's analyzer; a suppressed item counts as not known here.
    """
    return _items_good(servers, items, (_MODE_WORDS,))


@check(
    "IMM-005",
    "Hardened repositories are dedicated physical servers with SSH disabled",
    severity="high",
    tables=("servers", "best_practices", "repositories", "proxies"),
    fallback=("best_practices", "repositories", "proxies"),
    reads=(
        "best_practices.status",
        "best_practices.best_practice",
        "repositories.type",
        "repositories.name",
        "repositories.host_id",
        "proxies.host_id",
    ),
    json_path="status",
    expected="OK for SSH, virtual machine and proxy, and no proxy on their hosts",
    failure="{has} a hardened repository that is virtual, open to SSH or on the host of a proxy",
    consequence="could have a hardened repository taken over by an attacker",
    remediation="Home > Security & Compliance: read the items; disable SSH, move proxies away, use a physical server.",
    examples=(
        Example("PASS", {}, {"best_practices": [{"best_practice": n, "status": "OK"} for n in (_SSH, _VM, _PROXY)]}),
        Example(
            "FAIL", {}, {"best_practices": [{"best_practice": n, "status": "Violation"} for n in (_SSH, _VM, _PROXY)]}
        ),
        Example("FAIL", {}, {"best_practices": [{"best_practice": _SSH, "status": "Violation"}]}),
        Example("FAIL", {}, {"best_practices": [{"best_practice": _SSH, "status": "Violation"}, *_FINE_ITEMS[1:]]}),
        Example("FAIL", {}, {"best_practices": _ALL_FINE, "repositories": [_VAULT], "proxies": [{"host_id": "h1"}]}),
        Example(
            "FAIL",
            {},
            {"repositories": [{"host_id": "h2"}, _VAULT], "proxies": [{"host_id": None}, {"host_id": "h1"}]},
            datasets={"best_practices": "denied"},
        ),
        Example(
            "UNKNOWN",
            {},
            {"repositories": [_VAULT, {**_VAULT, "type": "LinuxLocal", "host_id": "h2"}], "proxies": [_PROXY_OF_H2]},
        ),
        Example(
            "UNKNOWN", {}, {"repositories": [{**_VAULT, "host_id": None}], "proxies": [_PROXY_OF_H2, {"host_id": None}]}
        ),
        Example("UNKNOWN", {}, {"best_practices": _ALL_FINE}, datasets={"best_practices": "partial"}),
        Example("UNKNOWN", {}, {"best_practices": [{"best_practice": _SSH, "status": "UnableToCheck"}, *_FINE_ITEMS]}),
        Example("UNKNOWN", {}, {"best_practices": [{"best_practice": n, "status": "OK"} for n in (_SSH, _VM)]}),
        Example(
            "UNKNOWN",
            {},
            {"best_practices": [{"best_practice": n, "status": "Suppressed"} for n in (_SSH, _VM, _PROXY)]},
        ),
    ),
)
def hardened_closed(
    servers: pd.DataFrame, items: pd.DataFrame, repositories: pd.DataFrame, proxies: pd.DataFrame
) -> Outcome:
    """An attacker who reaches the disks through SSH, the hypervisor or another role of the host bypasses every lock.

    The REST API shows this only in items of Veeam's analyzer, and in the backup proxies that run on the same hosts.
    """
    words = (rf"(?=.*{_HARDENED_WORDS}).*\bssh\b", rf"(?=.*{_HARDENED_WORDS}).*\b(?:virtual|vms?)\b", r"hardened.*prox")
    hardened = repositories[surely(repositories["type"] == "LinuxHardened")]
    shared = hardened[hardened["host_id"].isin(proxies["host_id"].dropna().tolist()).to_numpy(dtype=bool)]
    told_names = named(shared["name"], "repository").fillna("a repository without a name")
    names = [f"{name} shares its host with a proxy" for name in told_names]
    return _items_good(servers, items, words, also=tuple(names))


@check(
    "IMM-006",
    "Hardened repositories are accessed with single-use credentials or a certificate",
    severity="high",
    tables=("repositories", "managed_servers"),
    reads=(
        "managed_servers.credentials_storage_type",
        "managed_servers.managed_server_id",
        "host_id",
        "type",
    ),
    json_path="credentialsStorageType",
    expected="single-use credentials, or a certificate",
    failure="{is} reached with credentials that the backup server keeps",
    consequence="could be taken over together with the backup server",
    remediation="Backup Infrastructure > Managed Servers > the host > SSH Connection: choose single-use credentials.",
    examples=(
        Example("PASS", _VAULT, {"managed_servers": [_HOST]}),
        Example("PASS", _VAULT, {"managed_servers": [{**_HOST, "credentials_storage_type": "Certificate"}]}),
        Example("FAIL", _VAULT, {"managed_servers": [{**_HOST, "credentials_storage_type": "Permanent"}]}),
        Example("UNKNOWN", _VAULT, {"managed_servers": [{**_HOST, "credentials_storage_type": "Borrowed"}]}),
        Example("UNKNOWN", _VAULT, {"managed_servers": [{**_HOST, "credentials_storage_type": None}]}),
        Example("UNKNOWN", _VAULT, {"managed_servers": [{**_HOST, "managed_server_id": "h2"}]}),
        Example("UNKNOWN", {**_VAULT, "host_id": None}, {"managed_servers": [_HOST]}),
        Example("UNKNOWN", {**_VAULT, "type": None}, {"managed_servers": [_HOST]}),
        Example("NOT_APPLICABLE", {**_VAULT, "type": "LinuxLocal"}, {"managed_servers": [_HOST]}),
    ),
)
def single_use_credentials(repositories: pd.DataFrame, hosts: pd.DataFrame) -> Outcome:
    """An attacker on the backup server can steal stored credentials, and break the lock from within the host.

    Single-use credentials are not stored after the host is set up; a host that is paired by certificate needs none.
    """
    hardened = repositories["type"] == "LinuxHardened"
    host = beside(repositories["host_id"], hosts, "managed_server_id")
    way = host["credentials_storage_type"]
    good = one_of(way, _WITHOUT_CREDENTIALS).mask(~surely(one_of(way, (*_WITHOUT_CREDENTIALS, "Permanent"))))
    return Outcome(
        good,
        observed=worded(
            repositories.index,
            (good & (way == "SingleUse"), "single-use credentials"),
            (good, "certificate"),
            (~good, "credentials that the backup server keeps"),
        ),
        applies=hardened,
        reason=worded(
            repositories.index,
            (surely_not(hardened), "it is not a hardened repository"),
            (hardened.isna(), "its type is not reported, or not known to this check"),
            (good.notna(), pd.NA),
            (host["managed_server_id"].isna(), "its host is not among the managed servers"),
            (way.isna(), "credentialsStorageType is not reported for its host"),
            default="the server names a way to keep credentials that this check does not know",
        ),
    )


def _items_good(
    servers: pd.DataFrame, items: pd.DataFrame, words: tuple[str, ...], also: tuple[str, ...] = ()
) -> Outcome:
    """Whether every item that fits one of `words` is OK; not known unless each of them fits an item.

    What is `also` wrong counts as much as an item that is violated.
    """
    name, status = items["best_practice"], items["status"]
    good = (status == "OK").astype("boolean").mask(~surely(one_of(status, ("OK", "Violation"))))
    fits = [surely(name.str.contains(word, flags=re.IGNORECASE).astype("boolean")) for word in words]
    chosen = np.logical_or.reduce(fits)
    bad = chosen & surely_not(good)
    sure = all(fit.any() for fit in fits) and not (chosen & are_missing(good)).any()
    wrong = [*(f"violated: {item}" for item in named(name, "word")[bad].tolist()), *also]
    unknown = np.full(len(servers), not (wrong or sure))
    why = "the analyzer has no such item, has not checked it, or it is suppressed"
    return Outcome(
        nullable(np.full(len(servers), not wrong), unknown, servers.index),
        observed=worded(servers.index, (~unknown, "; ".join(wrong) or "OK")),
        reason=worded(servers.index, (unknown, why)),
    )
