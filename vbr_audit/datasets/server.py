"""The datasets of the server itself: its clock, its build, its certificate, its licence."""

from __future__ import annotations

import re
from typing import Any, Final

import pandas as pd

from vbr_audit.datasets import roles
from vbr_audit.datasets.card import Dataset, Shape
from vbr_audit.tables import server_info, server_time
from vbr_audit.tables.build.fields import Field, Table, flag, moment, real, text, whole, word
from vbr_audit.tables.build.schema import OwnTable, Sheet

_PLAIN: Final = re.compile(r"[0-9]{1,6}")


def _add_key_bits(arrays: dict[str, Any]) -> None:
    sizes = [int(t) if isinstance(t, str) and _PLAIN.fullmatch(t) else pd.NA for t in arrays["key_size"]]
    arrays["key_bits"] = pd.array(sizes, dtype="Int64")


def _add_earliest(arrays: dict[str, Any]) -> None:
    for name, dates in (
        ("expires", ("license_expires", "instances_expire", "sockets_expire")),
        ("support_expires", ("license_support_expires", "instances_support_expires", "sockets_support_expires")),
    ):
        arrays[name] = pd.concat([pd.Series(arrays[date]) for date in dates], axis=1).min(axis=1).array


CERTIFICATE: Final = Table(
    "server_certificate",
    "One row per server: the certificate of its backup service (`/serverCertificate`).",
    (
        text("subject", "The subject of the certificate.", "subject", holds="certificate"),
        text("issued_to", "Whom the certificate was issued to.", "issuedTo", holds="certificate"),
        text("issued_by", "The issuer of the certificate.", "issuedBy", holds="certificate"),
        text("thumbprint", "The thumbprint of the certificate.", "thumbprint", holds="fingerprint"),
        text("key_algorithm", "The key algorithm.", "keyAlgorithm", holds="word"),
        text("key_size", "The key size as text, as the server wrote it.", "keySize", holds="word"),
        Field("key_bits", "Int64", "The key size; NA unless `key_size` is a plain whole number.", unit="bit"),
        moment("valid_from", "When the certificate becomes valid.", "validFrom"),
        moment("valid_until", "When the certificate expires.", "validBy"),
        flag("is_trusted", "The server trusts the certificate. From 1.3-rev0 on.", "isTrusted"),
    ),
    also_known="serialNumber",
    complete=_add_key_bits,
)

_STATUSES: Final = ("Expired", "Invalid", "Valid")
_TYPES: Final = ("Empty", "Evaluation", "Free", "NFR", "Perpetual", "Rental", "Subscription", "Promo")
_EDITIONS: Final = ("Community", "Enterprise", "EnterprisePlus", "Standard", "Unspecified")

LICENSE: Final = Table(
    "license",
    "One row per server: its installed licence (`/license`, from 1.2-rev1 on).",
    (
        word("status", "Valid, Expired or Invalid.", "status", known=_STATUSES),
        word("type", "The licence type.", "type", known=_TYPES),
        word("edition", "The licence edition.", "edition", known=_EDITIONS),
        text("licensed_to", "Whom the licence is for.", "licensedTo", holds="company"),
        Field("expires", "datetime", "The earliest expiry date that the server reports."),
        moment("license_expires", "When the licence expires. Up to 1.3-rev1.", "expirationDate"),
        moment(
            "instances_expire", "When the instances expire. From 1.3-rev2 on.", "instanceLicenseSummary.expirationDate"
        ),
        moment("sockets_expire", "When the sockets expire. From 1.3-rev2 on.", "socketLicenseSummary.expirationDate"),
        Field("support_expires", "datetime", "The earliest end of support that the server reports."),
        moment("license_support_expires", "When support ends. Up to 1.3-rev1.", "supportExpirationDate"),
        moment(
            "instances_support_expires",
            "When support for the instances ends. From 1.3-rev2 on.",
            "instanceLicenseSummary.supportExpirationDate",
        ),
        moment(
            "sockets_support_expires",
            "When support for the sockets ends. From 1.3-rev2 on.",
            "socketLicenseSummary.supportExpirationDate",
        ),
        real(
            "licensed_instances",
            "Number of licensed instances.",
            "instanceLicenseSummary.licensedInstancesNumber",
            unit="instances",
        ),
        real(
            "licensed_instances_with_promo",
            "Number of licensed instances, including promotional ones.",
            "instanceLicenseSummary.licensedInstancesPromoIncludedNumber",
            unit="instances",
        ),
        real(
            "used_instances",
            "Number of used instances.",
            "instanceLicenseSummary.usedInstancesNumber",
            unit="instances",
        ),
        real(
            "new_instances",
            "Number of instances new this month.",
            "instanceLicenseSummary.newInstancesNumber",
            unit="instances",
        ),
        real(
            "rental_instances",
            "Number of rental instances.",
            "instanceLicenseSummary.rentalInstancesNumber",
            unit="instances",
        ),
        real(
            "promo_instances",
            "Number of promotional instances.",
            "instanceLicenseSummary.promoInstancesNumber",
            unit="instances",
        ),
        moment("promo_expires", "When the promotional instances expire.", "instanceLicenseSummary.promoExpiresOn"),
        whole(
            "licensed_sockets",
            "Number of licensed sockets.",
            "socketLicenseSummary.licensedSocketsNumber",
            unit="sockets",
        ),
        whole("used_sockets", "Number of used sockets.", "socketLicenseSummary.usedSocketsNumber", unit="sockets"),
        real("licensed_capacity_tb", "Licensed capacity.", "capacityLicenseSummary.licensedCapacityTb", unit="TB"),
        real("used_capacity_tb", "Used capacity.", "capacityLicenseSummary.usedCapacityTb", unit="TB"),
        flag("auto_update_enabled", "The licence is updated automatically.", "autoUpdateEnabled"),
    ),
    also_known="""
        supportId freeAgentInstanceConsumptionEnabled cloudConnect IsMultiSection proactiveSupportEnabled
    """,
    complete=_add_earliest,
    sheet=Sheet("Licence", first=("server", "edition", "status", "expires"), rank=80),
)

CARDS: Final = (
    Dataset(
        OwnTable(server_time.SPEC),
        "Server time",
        "serverTime",
        Shape.OBJECT,
        roles.ANYONE,
    ),
    Dataset(
        OwnTable(server_info.SPEC),
        "Server information",
        "serverInfo",
        Shape.OBJECT,
        roles.ADMINISTRATOR,
    ),
    Dataset(
        CERTIFICATE,
        "Server certificate",
        "serverCertificate",
        Shape.OBJECT,
        roles.ANYONE,
    ),
    Dataset(
        LICENSE,
        "Licence",
        "license",
        Shape.OBJECT,
        roles.ADMINISTRATOR,
        first_revision="1.2-rev1",
    ),
)
