"""One date reads alike wherever a report tells it: on the clock of the report, which it names; JSON and CSV in UTC."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook
from small_server import SmallServer, audited, id_of

from vbr_audit.cli.outcome import print_outcome
from vbr_audit.pipeline import Audit

ZONES = ("Pacific/Pago_Pago", "Pacific/Kiritimati", "Europe/Berlin")
MOMENTS = {
    "licence end": dt.datetime(2026, 11, 20, 0, 30, tzinfo=dt.UTC),
    "certificate end": dt.datetime(2026, 11, 21, 0, 40, tzinfo=dt.UTC),
    "run start": dt.datetime(2026, 10, 31, 10, 50, tzinfo=dt.UTC),
    "point": dt.datetime(2026, 10, 30, 23, 17, tzinfo=dt.UTC),
    "offload": dt.datetime(2026, 10, 20, 0, 10, tzinfo=dt.UTC),
}
CHECKS = {"licence end": "LIC-001", "certificate end": "SRV-005", "run start": "RUN-004", "point": "RPO-001"}
CHECKS |= {"offload": "SOB-006"}
AREAS = " ".join(sorted({check.partition("-")[0] for check in CHECKS.values()}))
SINCE, UNTIL = dt.datetime(2026, 9, 30, 22, tzinfo=dt.UTC), dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC)
PRINTED = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


def server() -> SmallServer:
    """A server of which each moment is told by one object."""
    vbr = SmallServer(now="2026-11-01T06:00:00+01:00")
    vbr.objects["license"] = {
        "status": "Valid",
        "type": "Rental",
        "edition": "EnterprisePlus",
        "expirationDate": MOMENTS["licence end"].isoformat(),
        "supportExpirationDate": MOMENTS["licence end"].isoformat(),
    }
    certificate = {"validFrom": "2025-01-01T00:00:00Z", "validBy": MOMENTS["certificate end"].isoformat()}
    vbr.objects["serverCertificate"] = {**certificate, "keySize": "2048", "keyAlgorithm": "RSA", "isTrusted": True}
    vbr.add_repository("Local")
    vbr.add_repository("Bucket", kind="AmazonS3", immutable_days=30)
    job = vbr.add_job("Nightly", repository="Local")
    vbr.add_state(job, MOMENTS["run start"])
    vbr.add_session(job, MOMENTS["run start"])
    backup = vbr.add_backup(job, repository="Local")
    vbr.add_object(backup, "srv1")
    vbr.add_point(backup, "srv1", MOMENTS["point"])
    extents = [{"id": id_of("repository", "Local"), "name": "Local", "status": "Normal"}]
    capacity = {"isEnabled": True, "copyPolicyEnabled": True, "extents": [{"id": id_of("repository", "Bucket")}]}
    sobr = {"id": id_of("sobr"), "name": "SOBR", "performanceTier": {"performanceExtents": extents}}
    vbr.add("backupInfrastructure/scaleOutRepositories", {**sobr, "capacityTier": capacity})
    offload = {"id": id_of("offload"), "name": "SOBR Offload", "type": "Offload"}
    vbr.add_session(offload, MOMENTS["offload"], sessionType="ArchiveBackup")
    return vbr


@lru_cache
def audit_in(zone: str) -> Audit:
    return audited(server(), only=AREAS, since=SINCE, until=UNTIL, timezone=zone)


def told(moment: dt.datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def texts_of_workbook(path: Path) -> Iterator[str]:
    with contextlib.closing(load_workbook(path, read_only=True)) as book:
        for sheet in book:
            for row in sheet.iter_rows(values_only=True):
                for cell in row:
                    if isinstance(cell, dt.datetime):
                        yield f"{cell:%Y-%m-%d %H:%M}"
                    elif isinstance(cell, str):
                        yield cell


@pytest.mark.parametrize("zone", ZONES)
def test_every_date_reads_alike_in_every_artefact(
    zone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = audit_in(zone)
    texts = {
        name: audit.write(name, tmp_path / file).read_text("utf-8")
        for name, file in (("html", "report.html"), ("executive", "executive.html"), ("md", "findings.md"))
    }
    texts["xlsx"] = "\n".join(texts_of_workbook(audit.to_excel(tmp_path / "report.xlsx", sheets="all")))
    print_outcome(audit, (), quiet=False)
    texts["console"] = capsys.readouterr().out

    for name, moment in MOMENTS.items():
        own, others = told(moment, zone), {told(moment, other) for other in (*ZONES, "UTC") if other != zone}
        for artefact in ("html", "xlsx"):
            assert own in texts[artefact], (name, artefact)
        for artefact, text in texts.items():
            found = others & {stamp.replace("T", " ") for stamp in PRINTED.findall(text)}
            assert not found, (name, artefact, found)
    assert all(zone in text for name, text in texts.items() if PRINTED.search(text))


@pytest.mark.parametrize("zone", ZONES)
def test_json_and_csv_tell_dates_in_utc_and_texts_on_the_clock_of_the_report(zone: str, tmp_path: Path) -> None:
    audit = audit_in(zone)
    document = json.loads(audit.to_json(tmp_path / "findings.json").read_text("utf-8"))
    table = audit.to_csv(tmp_path / "findings.csv").read_text("utf-8")

    assert document["run"]["timezone"] == zone
    for name, check in CHECKS.items():
        said = f"{told(MOMENTS[name], zone)} {zone}"
        found = [row for row in document["findings"] if row["check_id"] == check]
        assert any(said in (row["observed"] or "") for row in found), (name, found)
        assert said in table, name
    stamps = [value for row in document["findings"] for value in row.values() if isinstance(value, str)]
    for stamp in filter(re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d").match, stamps):
        assert stamp.endswith("Z"), stamp


def test_the_zone_of_a_report_changes_no_answer() -> None:
    columns = ["server", "check_id", "object_id", "object_name", "status", "severity"]
    answers = [set(map(tuple, audit_in(zone).findings[columns].fillna("").to_numpy().tolist())) for zone in ZONES]
    assert not answers[0] ^ answers[2]
    assert not answers[1] ^ answers[2]
