"""`doctor`: what it says of a server before anything is read, for each way in which a server can be."""

from __future__ import annotations

import datetime as dt
import json
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vbr_audit.api.tls import expiry_of
from vbr_audit.datasets import DATASETS
from vbr_audit.simulator import DEMO_PASSWORD

pytestmark = pytest.mark.usefixtures("account")

ONLY_JOBS = "version: 1\nchecks:\n  '*': {enabled: false, reason: not asked}\n  JOB-003: {enabled: true}\n"


@pytest.fixture
def look(run) -> Any:
    """A function that runs `doctor --json -` and gives the exit code and the document."""

    def doctor(*words: object) -> tuple[int, Any]:
        result = run("doctor", *words, "--json", "-")
        return result.exit_code, json.loads(result.stdout)

    return doctor


def reaches(server: Any) -> dict[str, str]:
    return {found["name"]: found["reach"] for found in server["datasets"]}


def test_a_healthy_server_ends_in_0_and_is_told_in_full(run, server) -> None:
    url = server(revision="1.3-rev1")
    result = run("doctor", url)
    assert result.exit_code == 0, result.output
    port = url.rsplit(":", 1)[1]
    for told in (
        f"Address      127.0.0.1, port {port}",
        "Trust        none (http on loopback)",
        "Account      auditor, signed in",
        "Revision     1.3-rev1 in use",
        "Clock        ",
        "Checks that can be answered: ",
    ):
        assert told in result.stdout
    for name in DATASETS:
        assert re.search(rf"^    (yes|denied|not offered|failed|not tried) +{name} ", result.stdout, re.MULTILINE), name
    assert DEMO_PASSWORD not in result.output


def test_a_check_that_lacks_only_a_site_file_says_so(run, server, tmp_path: Path) -> None:
    words = ("doctor", server(role="Administrator"), "--policy", "default")
    result = run(*words)
    assert result.exit_code == 4
    lines = result.stdout.splitlines()
    at = lines.index("    RUN-013 cannot be answered: Runs keep to the agreed hours")
    assert lines[at + 1] == "            lacks a site file, given with --site"
    site = tmp_path / "site.yaml"
    site.write_text('version: 1\nwindow: {start: "20:00", end: "06:00"}\n', "utf-8")
    assert "lacks a site file" not in run(*words, "--site", site).stdout


def test_it_only_reads_and_asks_for_one_row_of_each(run, server) -> None:
    url = server()
    assert run("doctor", url).exit_code == 0
    log = url.simulator.counts.log
    assert {method for method, path, _ in log if path.startswith("/api/v1/")} == {"GET"}
    assert {path for method, path, _ in log if method != "GET"} == {"/api/oauth2/token", "/api/oauth2/logout"}
    asked = {path for _, path, _ in log}
    paths = {dataset.at("1.3-rev1").path for dataset in DATASETS.values() if dataset.is_offered("1.3-rev1")}
    assert asked >= {path for path in paths if "{" not in path}
    queries = {path: query for _, path, query in log if path in ("/api/v1/jobs", "/api/v1/backups")}
    assert queries
    assert all("limit=1&" in f"{query}&" for query in queries.values())


def test_what_the_role_may_not_read_is_denied_with_the_roles_that_may(run, look, server) -> None:
    code, document = look(server(role="Viewer"))
    assert code == 0
    (found,) = document["servers"]
    by_name = {dataset["name"]: dataset for dataset in found["datasets"]}
    assert by_name["server_info"]["reach"] == "denied"
    assert by_name["server_info"]["roles"] == ["Veeam Backup Administrator"]
    assert found["build"] is None
    assert "denied" in found["build_reason"]
    text = run("doctor", server(role="Viewer")).stdout
    assert "role: Veeam Backup Administrator" in text
    assert "1.3-rev1 came with 13.0.1.180" in text


def test_an_administrator_reads_the_build(look, server) -> None:
    code, document = look(server(role="Administrator"))
    assert code == 0
    assert document["servers"][0]["build"].startswith("13.")
    assert reaches(document["servers"][0])["server_info"] == "readable"


@pytest.mark.parametrize(
    ("fault", "name", "reach"),
    [
        ("denied=jobs", "jobs", "denied"),
        ("missing=job_states", "job_states", "not offered"),
        ("broken=sessions", "sessions", "failed"),
        ("html=jobs", "jobs", "failed"),
        ("cut-json-forever=sessions", "sessions", "failed"),
    ],
)
def test_a_needed_dataset_that_cannot_be_read_ends_in_4_and_names_the_checks(
    run, look, server, fault: str, name: str, reach: str
) -> None:
    code, document = look(server(faults=[fault]))
    assert code == 4
    (found,) = document["servers"]
    (dataset,) = [dataset for dataset in found["datasets"] if dataset["name"] == name]
    assert dataset["reach"] == reach
    assert dataset["reason"]
    lost = [check for check in found["checks"] if check["answer"] != "yes"]
    assert lost
    assert any(name in check["missing"] for check in lost)
    text = run("doctor", server(faults=[fault])).stdout
    assert all(f"    {check['id']} " in text for check in lost)
    assert f"{name} ({reach})" in text


def test_what_stands_below_another_dataset_is_looked_at_there(look, server) -> None:
    _, document = look(server())
    assert reaches(document["servers"][0])["backup_files"] == "readable"
    code, document = look(server(empty=True))
    by_name = {dataset["name"]: dataset for dataset in document["servers"][0]["datasets"]}
    below = by_name["backup_files"]
    assert (below["reach"], below["rows"], below["reason"]) == ("not tried", 0, "no row of backups to look below")
    assert code == 0
    _, document = look(server(faults=["denied=backups"]))
    by_name = {dataset["name"]: dataset for dataset in document["servers"][0]["datasets"]}
    assert (by_name["backup_files"]["reach"], by_name["backup_files"]["reason"]) == ("not tried", "backups: denied")


def test_only_what_the_policy_asks_for_counts(run, server, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(ONLY_JOBS)
    assert run("doctor", server(faults=["denied=sessions"]), "--policy", policy).exit_code == 0
    assert run("doctor", server(faults=["denied=jobs"]), "--policy", policy).exit_code == 4


def test_an_older_revision_has_not_all_and_says_since_when(look, server) -> None:
    _, document = look(server(revision="1.2-rev1", role="Administrator"))
    (found,) = document["servers"]
    assert found["revision"] == "1.2-rev1"
    by_name = {dataset["name"]: dataset for dataset in found["datasets"]}
    settings = by_name["security_settings"]
    assert settings["reach"] == "not offered"
    assert settings["reason"] == "revision 1.2-rev1 does not have it; it came with 1.3-rev1"
    assert settings["first_revision"] == "1.3-rev1"


def test_a_pinned_revision_is_told_beside_the_newest(run, server) -> None:
    result = run("doctor", server(revision="1.3-rev1"), "--revision", "1.2-rev1")
    assert "Revision     1.2-rev1 in use; both support 1.3-rev1" in result.stdout


def test_the_certificate_and_its_end_are_shown_whether_trusted_or_not(run, server) -> None:
    url = server(tls=True)
    trusted = run("doctor", url, "--fingerprint", url.fingerprint)
    assert trusted.exit_code == 0, trusted.output
    assert f"Trust        pinned SHA-256 {url.fingerprint}" in trusted.stdout
    assert f"Certificate  SHA-256 {url.fingerprint}" in trusted.stdout
    assert re.search(r"valid until \d+ \w+ \d{4} in UTC \(in \d+ days?\)", trusted.stdout)
    url.simulator.counts.log.clear()
    untrusted = run("doctor", url)
    assert untrusted.exit_code == 3
    assert f"Certificate  SHA-256 {url.fingerprint}" in untrusted.stdout
    assert "NOT READ     TLS with" in untrusted.stdout
    assert url.simulator.counts.log == []


def test_one_server_that_is_down_does_not_stop_the_others(run, look, server, tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_text(
        f'[[server]]\nurl = "http://127.0.0.1:9"\nname = "down"\n[[server]]\nurl = "{server()}"\nname = "up"\n'
    )
    code, document = look("--servers", file)
    assert code == 4
    down, up = document["servers"]
    assert (down["name"], down["answered"], up["name"], up["answered"]) == ("down", False, "up", True)
    assert "cannot connect to 127.0.0.1:9" in down["error"]
    assert down["datasets"] == []
    text = run("doctor", "--servers", file).stdout
    assert text.index("NOT READ     cannot connect") < text.index("up  http://")


def test_no_answer_at_all_ends_in_3(run) -> None:
    result = run("doctor", "http://127.0.0.1:9")
    assert result.exit_code == 3
    assert "cannot connect" in result.stdout


def test_a_refused_password_ends_in_3_and_is_sent_once(run, server) -> None:
    url = server()
    result = run("doctor", url, "--password-stdin", input="wrong\n")
    assert result.exit_code == 3
    assert "refused to sign in 'auditor'" in result.stdout
    assert url.simulator.counts.failed_sign_ins == 1


def test_a_clock_that_is_wrong_is_noted(run, server) -> None:
    text = run("doctor", server(faults=["clock-skew=7200"])).stdout
    assert re.search(r"Clock        (2 h|120 min|1 h 59 min)[^\n]* ahead of this computer's  NOTE", text), text


def test_hostile_text_cannot_steer_the_terminal(run, server, tmp_path: Path) -> None:
    file = tmp_path / "servers.toml"
    file.write_text(f'[[server]]\nurl = "{server(hostile=True)}"\nname = "a\\u001b[31mb\\u202ec"\n')
    result = run("doctor", "--servers", file, "--json", tmp_path / "out.json")
    told = result.stdout + (tmp_path / "out.json").read_text(encoding="utf-8")
    assert "a␛[31mb⟨U+202E⟩c" in told
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", told)


def test_quiet_prints_nothing_and_the_file_is_written(run, server, tmp_path: Path) -> None:
    result = run("doctor", server(), "--quiet", "--json", tmp_path / "out.json")
    assert (result.exit_code, result.stdout) == (0, "")
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert (document["schema"], document["policy"]) == (1, "core.yaml")


def test_a_wrong_policy_ends_in_2_before_anything_is_asked(run, server, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\nchecks: {JOB-999: {enabled: true}}\n")
    url = server()
    assert run("doctor", url, "--policy", tmp_path / "policy.yaml").exit_code == 2
    assert not url.simulator.counts.log


def test_the_end_of_a_certificate_is_what_it_says(server) -> None:
    from cryptography import x509

    host, port = server(tls=True).removeprefix("https://").split(":")
    pem = ssl.get_server_certificate((host, int(port)))
    read = x509.load_pem_x509_certificate(pem.encode())
    assert expiry_of(ssl.PEM_cert_to_DER_cert(pem)) == read.not_valid_after_utc


@pytest.mark.parametrize("year", [2026, 2049, 2050, 2120])
def test_the_end_of_a_certificate_in_either_spelling(year: int) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    end = dt.datetime(year, 6, 1, 12, 30, 5, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC)).not_valid_after(end)
    assert expiry_of(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)) == end


@settings(max_examples=25)
@example(b"")
@example(b"0\x82\x01\x00" + bytes(256))  # as one begins
@given(st.binary(max_size=200))
def test_bytes_that_are_no_certificate_have_no_end(body: bytes) -> None:
    assert expiry_of(body) is None
