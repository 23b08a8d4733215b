"""What repositories, proxies, servers, licence and configuration backup are judged by, beyond single examples."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbr_audit.checks import REGISTRY
from vbr_audit.checks.engine.answers import cells_of
from vbr_audit.checks.engine.examples import run_example
from vbr_audit.checks.engine.outcome import EXAMPLE_NOW, Example, Outcome
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.collection.manifest import DatasetRecord, DatasetStatus, Manifest, RunRecord
from vbr_audit.collection.snapshot import provenance_tables
from vbr_audit.tables.build.enums import SESSION_TYPES
from vbr_audit.tables.build.naming import told, told_cells
from vbr_audit.tables.build.schema import conform

Rows = Sequence[Mapping[str, Any]]


def judge(check_id: str, row: Mapping[str, Any] | None = None, **others: Rows) -> Any:
    """The finding of one object."""
    return run_example(REGISTRY.get(check_id), Example("PASS", row or {}, others))


def result(check_id: str, row: Mapping[str, Any] | None = None, **others: Rows) -> str:
    return str(judge(check_id, row, **others).result[0])


def ask(check_id: str, rows: Rows, **params: Any) -> Outcome:
    """The plain answer of a check of one table, for many rows."""
    check = REGISTRY.get(check_id)
    columns = {name: [row.get(name) for row in rows] for name in check.reads[check.population]}
    frame = conform(columns, TABLES[check.population])[0][list(check.reads[check.population])]
    answer = check.function(frame, **params)
    return answer if isinstance(answer, Outcome) else Outcome(answer)


def test_proxies_are_counted_by_kind() -> None:
    rows = [{"type": "ViProxy"}, {"type": "HvProxy"}, {"type": "ViProxy"}]
    found = ask("PRX-002", rows)
    assert found.ok.tolist() == [True, False, True]
    assert told_cells(cells_of(found.observed, 3)).tolist() == ["2 ViProxy", "1 HvProxy", "2 ViProxy"]


def test_a_proxy_of_unknown_kind_may_be_the_second_one() -> None:
    found = ask("PRX-002", [{"type": "ViProxy"}, {"type": "ViProxy"}, {"type": "HvProxy"}, {"type": None}])
    assert found.ok.isna().tolist() == [False, False, True, True]


def test_several_faults_of_a_proxy_are_all_said() -> None:
    found = judge("PRX-001", {"is_online": False, "is_out_of_date": True, "is_disabled": True})
    assert found.observed[0] == "offline, out of date, disabled"


@pytest.mark.parametrize(
    ("build", "releases", "expected"),
    [
        ("12.3.2.3617", {"12": "12.9.0.0", "12.3": "12.3.2.3617"}, "PASS"),
        ("12.3.2.3616", {"12": "12.0.0.0", "12.3": "12.3.2.3617"}, "FAIL"),
        ("12.30.2.1", {"12.3": "12.3.2.3617"}, "UNKNOWN"),
        ("13.0.10.1", {"13.0": "13.0.9.9"}, "PASS"),
        ("13.0.1.180 P1", {"13.0": "13.0.0.1"}, "UNKNOWN"),
        ("²13.0", {"13.0": "13.0.0.1"}, "UNKNOWN"),
    ],
)
def test_builds_are_compared_as_numbers(build: str, releases: dict[str, str], expected: str) -> None:
    rows = [{"release": release, "oldest_build": oldest} for release, oldest in releases.items()]
    assert result("SRV-003", {"build": build}, supported_builds=rows) == expected


@given(st.lists(st.tuples(*[st.integers(0, 30)] * 4), min_size=2, max_size=2))
def test_a_newer_build_is_never_judged_worse(builds: list[tuple[int, ...]]) -> None:
    older, newer = sorted((13, 0, *build[2:]) for build in builds)
    rules = [{"release": "13.0", "oldest_build": ".".join(map(str, older))}]
    assert result("SRV-003", {"build": ".".join(map(str, newer))}, supported_builds=rules) == "PASS"
    rules = [{"release": "13.0", "oldest_build": ".".join(map(str, newer))}]
    expected = "PASS" if older == newer else "FAIL"
    assert result("SRV-003", {"build": ".".join(map(str, older))}, supported_builds=rules) == expected


@pytest.mark.parametrize(
    ("algorithm", "bits", "expected"),
    [
        ("RSA", 4096, "PASS"),
        ("rsaEncryption", 2048, "PASS"),
        ("RSA", 1024, "FAIL"),
        ("ECDSA_P256", 256, "PASS"),
        ("ECC", 384, "PASS"),
        ("id-ecPublicKey", 256, "PASS"),
        ("EC", 224, "FAIL"),
        ("DSA", 4096, "UNKNOWN"),
        ("ML-DSA-65", 4096, "UNKNOWN"),
        (None, 4096, "UNKNOWN"),
    ],
)
def test_a_key_is_judged_by_its_algorithm(algorithm: str | None, bits: int, expected: str) -> None:
    row = {
        "valid_until": EXAMPLE_NOW + dt.timedelta(days=400),
        "key_algorithm": algorithm,
        "key_bits": bits,
        "is_trusted": True,
    }
    assert result("SRV-005", server_certificate=[row]) == expected


def test_one_fault_of_the_certificate_is_enough() -> None:
    untrusted = {"server_certificate": [{"is_trusted": False}]}
    demanded = run_example(REGISTRY.get("SRV-005"), Example("FAIL", {}, untrusted, params={"trust_needed": True}))
    weak = judge("SRV-005", server_certificate=[{"key_algorithm": "RSA", "key_bits": 1024}])

    assert (demanded.result[0], demanded.json_path[0]) == ("FAIL", "isTrusted")
    assert (weak.result[0], weak.json_path[0]) == ("FAIL", "keySize")


def test_a_certificate_of_its_own_is_no_fault_unless_trust_is_demanded() -> None:
    row = {"valid_until": EXAMPLE_NOW + dt.timedelta(days=400), "key_algorithm": "RSA", "key_bits": 2048}
    assert result("SRV-005", server_certificate=[{**row, "is_trusted": False}]) == "PASS"


@given(
    st.tuples(*[st.one_of(st.none(), st.integers(0, 200))] * 6),
)
def test_a_licence_passes_only_if_every_kind_is_known_to_have_room(numbers: tuple[int | None, ...]) -> None:
    names = ("used_instances", "licensed_instances", "used_sockets", "licensed_sockets")
    names += ("used_capacity_tb", "licensed_capacity_tb")
    pairs = [(numbers[place], numbers[place + 1]) for place in (0, 2, 4)]
    found = result("LIC-003", license=[dict(zip(names, numbers, strict=True))])
    full = any(used and licensed is not None and used > 0.8 * licensed for used, licensed in pairs)
    half = any((used is None) != (licensed is None) for used, licensed in pairs)
    known = [(used, licensed) for used, licensed in pairs if used is not None and licensed is not None]
    if full:
        assert found == "FAIL"
    elif half or not known:
        assert found == "UNKNOWN"
    else:
        assert found == ("PASS" if any(used or licensed for used, licensed in known) else "NOT_APPLICABLE")


def test_the_licence_says_each_kind_that_it_counts() -> None:
    row = {"used_instances": 5, "licensed_instances": 10, "used_sockets": 0, "licensed_sockets": 0}
    assert judge("LIC-003", license=[row]).observed[0] == "5 of 10 instances"
    row |= {"used_sockets": 2, "licensed_sockets": 4}
    assert judge("LIC-003", license=[row]).observed[0] == "5 of 10 instances, 2 of 4 sockets"


def test_an_expired_licence_says_when_it_ended() -> None:
    row = {"status": "Expired", "expires": EXAMPLE_NOW - dt.timedelta(days=3)}
    found = judge("LIC-001", license=[row])
    assert (found.result[0], found.severity[0]) == ("FAIL", "high")
    assert told(found.observed[0]) == "Expired, 2026-10-29 06:00 UTC (3 days ago)"


def test_backups_on_a_scale_out_repository_are_of_unknown_class() -> None:
    share = [{"repository_id": "a", "storage_class": "network share"}]
    assert result("REP-009", repositories=share, backups=[{"repository_id": "a"}, {"repository_id": "s"}]) == "UNKNOWN"
    assert result("REP-009", repositories=share, backups=[{"repository_id": "a"}]) == "FAIL"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("C:", "FAIL"), ("c:\\x", "FAIL"), ("D:\\C:\\x", "PASS"), ("/c:/x", "PASS"), ("", "PASS")],
)
def test_the_system_drive_is_the_drive_that_the_path_begins_with(path: str, expected: str) -> None:
    host = [{"managed_server_id": "h", "is_backup_server": False}]
    row = {"storage_class": "local disk", "host_id": "h", "path": path}
    assert result("REP-005", row, managed_servers=host) == expected


def test_answered_objects_carry_no_reason() -> None:
    for check in REGISTRY:
        if check.id[:3] in {"REP", "SOB", "PRX", "SRV", "LIC", "CFG"} or check.id in {"EVD-004", "EVD-005", "EVD-006"}:
            for example in check.examples:
                if example.result in ("PASS", "FAIL"):
                    assert not isinstance(run_example(check, example).reason[0], str), check.id


def test_workloads_out_of_sight_are_counted_by_name() -> None:
    kinds = ["TapeBackup", "TapeVaultExport", "CdpPolicy", "SureBackup", "BackupJob", "CloudConnectReplica"]
    found = judge("EVD-005", sessions=[{"session_type": kind} for kind in kinds])
    assert found.observed[0] == (
        "Cloud Connect: 1 session; SureBackup with a virtual lab: 1 session; "
        "continuous data protection (CDP): 1 session; tape: 2 sessions"
    )


def test_sessions_of_another_server_do_not_count() -> None:
    rows = [{"session_type": "BackupJob"}, {"server": "vbr02", "session_type": "SureBackup"}]
    assert result("EVD-005", sessions=rows) == "PASS"


def test_most_known_kinds_of_session_are_in_sight() -> None:
    hidden = [kind for kind in SESSION_TYPES if result("EVD-005", sessions=[{"session_type": kind}]) == "FAIL"]
    assert hidden == [
        "FailoverPlan",
        "FailoverPlanTask",
        "PlatformServiceJob",
        "PlatformSnapshotCopyJob",
        "PlatformSnapshotJob",
        "SureBackup",
    ]


def test_dates_without_an_offset_are_in_the_table_of_datasets() -> None:
    now = EXAMPLE_NOW
    run = RunRecord(now=now, since=now, until=now, timezone="UTC", timezone_source="given", tool_version="0")
    terms: dict[str, Any] = {
        "server": "vbr01",
        "path": "/",
        "revision": "1.3-rev1",
        "status": DatasetStatus.COMPLETE,
        "started": now,
        "ended": now,
    }
    notes = {"naive_dates": {"created": 2, "ended": 1}}
    records = [DatasetRecord(name="sessions", notes=notes, **terms), DatasetRecord(name="jobs", **terms)]
    table = provenance_tables(Manifest(run=run, datasets=records))["datasets"]
    assert table["naive_dates"].tolist() == [3, 0]


@pytest.mark.parametrize("seconds", [-200_000.0, 200_000.0])
def test_a_clock_that_is_days_wrong_is_said_in_days(seconds: float) -> None:
    words = judge("SRV-004", {"clock_skew_s": seconds}).observed[0]
    assert words == f"2.3 days {'ahead' if seconds > 0 else 'behind'}"
