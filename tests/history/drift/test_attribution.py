"""Who changed settings, and whether that was approved: from files on the command line to findings, and kept so."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command_line import invoke, write
from small_server import SmallServer, audited, id_of, schedule_of

import vbr_audit as va
from vbr_audit.checks.drift.register import load_register
from vbr_audit.collection.manifest import standing_clock
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.histories.change_events import load_events
from vbr_audit.pipeline import judge
from vbr_audit.rules import Rules

OLD, NEW = (dt.datetime(2026, month, 1, 6, tzinfo=dt.UTC) for month in (10, 11))
ADMIN, BOSS, TICKET = "HANSA\\p.meier", "Karla Wolff", "CHG-77"
SETTING = "retention_quantity"
REGISTER = "object,control,from,to,approved_by,ticket\n"
APPROVED = f"{REGISTER}Nightly,{SETTING},14,7,{BOSS},{TICKET}\n"
NOT_MADE = f"{REGISTER}Payroll,{SETTING},14,30,{BOSS},{TICKET}\n"


def line(job: str = "Nightly", at: str = "2026-10-20T22:42:30+02:00", **words: str) -> str:
    """An event of a changed job as VBR sends it to a syslog server."""
    named = {"JobID": id_of("job", job), "JobName": job, "UserName": ADMIN, "VbrHostName": "vbr01.hansa.example"}
    text = " ".join(f'{name}="{word}"' for name, word in (named | words).items())
    return f"<14>1 {at} VBR01 Veeam_MP - - [categoryId=0 instanceId=23050 {text}]\n"


def xml(job: str = "Nightly", at: str = "2026-10-20T20:42:30.0000000Z") -> str:
    """The same event as Windows exports it."""
    data = {"JobID": id_of("job", job), "UserName": ADMIN}
    cells = "".join(f'<Data Name="{name}">{word}</Data>' for name, word in data.items())
    return (
        f'<Events><Event><System><EventID>23050</EventID><TimeCreated SystemTime="{at}"/></System>'
        f"<EventData>{cells}</EventData></Event></Events>\n"
    )


def _run(folder: Path, now: dt.datetime, kept_days: int, after: str) -> Path:
    """A run of a server with two jobs, one of which keeps its points so long; the other starts after a third one."""
    vbr = SmallServer("1.3-rev1", now=now)
    vbr.add_job("Nightly", retention=("Days", kept_days))
    chained = schedule_of(afterThisJob={"isEnabled": True, "jobName": after})
    vbr.add_job("Payroll", retention=("Days", 14), schedule=chained)
    with standing_clock(now):
        audit = audited(vbr, since=now - dt.timedelta(days=1), until=now, timezone="Europe/Berlin", only="DRF")
    return audit.save(folder, formats=["json"])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An earlier run and a later one, in which the job Nightly keeps its points for half as long. Not written to."""
    place = tmp_path_factory.mktemp("runs")
    return _run(place / "old", OLD, 14, "Vintage ledger"), _run(place / "new", NEW, 7, "Ledger")


@pytest.fixture(scope="module")
def old(saved: tuple[Path, Path]) -> Path:
    return saved[0]


def check(run: Path, *options: object) -> dict[tuple[str, str], dict[str, Any]]:
    """Judge a run anew on the command line; answers its findings by check and object."""
    done = invoke("check", run, *options, "--fail-on", "never", "--allow-incomplete")
    assert done.exit_code == 0, done.output
    return findings_of(run)


def findings_of(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    rows = json.loads((folder / "findings.json").read_bytes())["findings"]
    return {(row["check_id"], row["object_name"]): row for row in rows}


WHO = f"by {ADMIN} (VBR event 23050 at 2026-10-20T20:42:30Z)"
SECRET = '<changes><property name="Key"><old>hunter2</old><new>x</new></property></changes>'
EVENTS = (
    line(ChangesXML=SECRET)
    + line("Payroll", UserName="lone-operator")
    + line("Payroll", "2026-01-01T08:00:00+01:00", UserName="HANSA\\retired")
    + line().replace("2026-10-20T", "2026-13-99T")
)
REGISTERED = (
    f"{APPROVED}Payroll,{SETTING},14,30,{BOSS},\n"
    f"Vault of Meier,{SETTING},old.hansa.example,Tresor Meier,Q. Adams,CHG-99\n"
)


@pytest.fixture(scope="module")
def judged(saved: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The later run, judged on the command line with events and a register. Not written to."""
    place = tmp_path_factory.mktemp("judged")
    folder = Path(shutil.copytree(saved[1], place / "run"))
    given = write(place / "events.log", EVENTS), write(place / "register.csv", REGISTERED)
    check(folder, "--baseline", saved[0], "--events", given[0], "--change-register", given[1])
    for path in given:
        path.unlink()  # whatever was given is in the folder
    return folder


@pytest.fixture
def copy(judged: Path, tmp_path: Path) -> Path:
    """A copy of the judged run, to be judged anew."""
    return Path(shutil.copytree(judged, tmp_path / "run"))


Judge = Callable[..., dict[tuple[str, str], dict[str, Any]]]


@pytest.fixture(scope="module")
def judge_with(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Judges the later run by the content of events and register; answers the findings by check and object."""
    snapshot, known = va.load(judged), Rules.kept(judged)
    path = tmp_path_factory.mktemp("given") / "events.log"

    def judge_by(events: str | bytes | None = None, register: str | None = None) -> Any:
        if events is not None:
            path.write_bytes(events if isinstance(events, bytes) else events.encode())
        given = load_events(None if events is None else path)
        rules = dataclasses.replace(known, events=given, change_register=load_register(register))
        rows = judge(snapshot, rules).findings.to_dict("records")
        return {(row["check_id"], row["object_name"]): row for row in rows}

    return judge_by


def test_a_finding_says_who_made_the_change_when_and_who_approved_it(judged: Path) -> None:
    found = findings_of(judged)
    assert found["DRF-001", "Nightly"]["observed"] == f"{SETTING}: 14 → 7, {WHO}"
    row = found["DRF-003", "Nightly"]
    assert (row["status"], row["observed"]) == ("PASS", f"{SETTING}: 14 → 7, approved by {BOSS} ({TICKET}), {WHO}")
    assert found["DRF-004", "Nightly"]["status"] == "PASS"


def test_an_approved_change_that_was_not_made_fails(judged: Path) -> None:
    row = findings_of(judged)["DRF-004", "Payroll"]
    assert (row["status"], row["observed"]) == ("FAIL", f"{SETTING}: 14 → 30; it is 14")


@pytest.mark.parametrize("events", [line(), xml(), xml().encode("utf-16"), line() * 2, line(JobID="", VbrHostName="x")])
def test_a_change_that_nobody_approved_fails_and_says_who_made_it(judge_with: Judge, events: str | bytes) -> None:
    row = judge_with(events, REGISTER)["DRF-003", "Nightly"]
    assert (row["status"], row["observed"]) == ("FAIL", f"{SETTING}: 14 → 7, {WHO}")


@pytest.mark.parametrize(
    "events",
    ["", "<Events/>", line("Payroll"), line(at="2026-09-30T08:00:00Z"), line(at="2026-11-01T06:10:00Z")],
)
def test_a_change_without_an_event_that_fits_is_not_attributed(judge_with: Judge, events: str) -> None:
    found = judge_with(events, REGISTER)
    for name in ("DRF-001", "DRF-003"):
        assert found[name, "Nightly"]["observed"] == f"{SETTING}: 14 → 7, not attributed"


def test_an_event_without_an_account_says_so(judge_with: Judge) -> None:
    observed = judge_with(line(UserName=""))["DRF-001", "Nightly"]["observed"]
    assert "by an account that the event does not name (VBR event 23050 at " in observed


def test_of_many_events_the_latest_are_shown(judge_with: Judge) -> None:
    events = "".join(line(at=f"2026-10-20T22:4{at}:30+02:00", UserName="x" * 5_000) for at in range(9))
    observed = judge_with(events)["DRF-001", "Nightly"]["observed"]
    assert observed.count("VBR event") == 3
    assert "(VBR event 23050 at 2026-10-20T20:48:30Z; " in observed
    assert observed.endswith("; and 6 more)")
    assert len(observed) < 500


def test_without_files_nothing_is_said_of_who_and_the_register_does_not_apply(judge_with: Judge) -> None:
    found = judge_with()
    assert found["DRF-001", "Nightly"]["observed"] == f"{SETTING}: 14 → 7"
    rows = [row for (name, _), row in found.items() if name in ("DRF-003", "DRF-004")]
    assert {(row["status"], row["reason"]) for row in rows} == {("NOT_APPLICABLE", "no change register")}


def test_dates_of_syslog_without_year_and_zone_are_those_of_the_run(judge_with: Judge) -> None:
    short = line().replace("1 2026-10-20T22:42:30+02:00", "Oct 20 22:42:30")
    assert WHO in judge_with(short)["DRF-001", "Nightly"]["observed"]


# What a run keeps, and what follows from it.


def manifest_of(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_bytes())


LOST = ["Events: 1 event of the files could not be used: no valid date with its zone"]


def test_a_run_keeps_what_it_used_and_no_more(judged: Path) -> None:
    kept = gzip.decompress((judged / "events.json.gz").read_bytes())
    assert {event["user"] for event in json.loads(kept)["events"]} == {ADMIN, "lone-operator"}
    assert b"hunter2" not in kept
    assert (judged / "changes.csv").read_text("utf-8") == REGISTERED
    manifest = manifest_of(judged)
    assert manifest["run"]["events_sha256"] == hashlib.sha256(kept).hexdigest()
    assert manifest["run"]["change_register_sha256"] == hashlib.sha256(REGISTERED.encode()).hexdigest()
    assert [text for text in manifest["warnings"] if text.startswith("Events")] == LOST
    listed = (judged / "SHA256SUMS").read_text("utf-8")
    assert ("  changes.csv\n" in listed, "  events.json.gz\n" in listed) == (True, True)


def test_a_run_that_kept_them_answers_the_same_again(copy: Path) -> None:
    written, names = (copy / "findings.json").read_bytes(), sorted(path.name for path in copy.iterdir())
    assert va.verify(copy) == []
    assert invoke("report", copy, "--format", "json").exit_code == 0
    check(copy)
    assert (copy / "findings.json").read_bytes() == written
    assert [text for text in manifest_of(copy)["warnings"] if text.startswith("Events")] == LOST
    assert sorted({path.name for path in copy.iterdir()} - {"findings.csv"}) == [
        name for name in names if name != "findings.csv"
    ]


def test_what_is_given_again_replaces_what_is_kept(copy: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "e.log", line(UserName="HANSA\\other")), write(tmp_path / "r.csv", NOT_MADE)
    found = check(copy, "--events", other[0], "--change-register", other[1])
    assert "by HANSA\\other" in found["DRF-003", "Nightly"]["observed"]
    assert (copy / "changes.csv").read_text("utf-8") == NOT_MADE


def test_kept_events_are_not_laid_over_an_older_run(judged: Path) -> None:
    given = Rules.kept(judged).events
    assert given.of_run(NEW, dt.UTC, OLD) is given
    with pytest.raises(ConfigurationError, match="keeps events since 2026-10-01 05:55Z only") as caught:
        given.of_run(NEW, dt.UTC, OLD - dt.timedelta(days=1))
    assert "--events" in (caught.value.hint or "")


def test_without_an_earlier_run_all_events_up_to_the_run_are_kept(tmp_path: Path) -> None:
    text = line(at="2025-01-01T00:00:00Z") + line() + line(at="2026-12-24T00:00:00Z")
    kept = load_events([write(tmp_path / "a.log", text), write(tmp_path / "b.xml", xml())]).of_run(NEW, dt.UTC, None)
    assert [event.at.year for event in kept.events.events if kept.events] == [2025, 2026, 2026]
    assert kept.of_run(NEW, dt.UTC, OLD) is kept


def test_damaged_events_of_a_run_are_named(copy: Path) -> None:
    (copy / "events.json.gz").write_bytes(gzip.compress(b'{"events": 1}'))
    refused = invoke("check", copy, "--force")
    assert refused.exit_code == 4
    assert "events.json.gz: not what a run keeps of events" in refused.stderr
    assert "events.json.gz was changed" in va.verify(copy)


def test_masked_accounts_stay_masked(tmp_path: Path) -> None:
    credentials = line(JobID="", JobName="", Name=ADMIN).replace("23050", "25400")
    given = load_events(write(tmp_path / "events.log", line() + credentials))
    kept = given.of_run(NEW, dt.UTC, OLD, hides_accounts=True)
    assert b"meier" not in gzip.decompress(kept.kept)
    assert {event.user for event in kept.events.events if kept.events and event.user} == {kept.events.events[0].user}
    assert (kept.events.events[0].user or "").startswith("account-")


# Files that are wrong.


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--events", "<Events>\n<Event>\n</Events>", "given:3: not well-formed XML"),
        ("--events", "\n<!DOCTYPE x [<!ENTITY a 'b'>]><Events/>", "given:2: declares a document type"),
        ("--events", "name,owner\nsql01,Petra\n", "given:1: no event of VBR is in this file"),
        ("--events", "<html><body/></html>", "given:1: no event of VBR is in this file"),
        ("--change-register", REGISTER + "Nightly,a,1,1,x,\n", "given:2: to: is the same as in column from"),
        ("--change-register", REGISTER.replace("control", "contrl"), "given:1: unknown column 'contrl'; did you mean"),
        ("--change-register", "", "given:1: object: this column is missing"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(
    option: str, text: str, message: str, old: Path, judged: Path, tmp_path: Path
) -> None:
    wrong = write(tmp_path / "given", text)
    out = tmp_path / "out"
    for command in (
        ("check", judged),
        ("diff", old, judged),
        ("audit", "http://127.0.0.1:9", "--out", out, "--username", "u"),
    ):
        refused = invoke(*command, option, wrong)
        assert refused.exit_code == 2, refused.output
        assert message in refused.stderr
    assert not out.exists()


def test_a_file_that_is_not_there_is_named(judged: Path, tmp_path: Path) -> None:
    for option in ("--events", "--change-register"):
        refused = invoke("check", judged, option, tmp_path / "none")
        assert refused.exit_code == 2
        assert "cannot read" in refused.stderr


# Names that are no names.

HOSTILE = "=HYPERLINK(1)<script>alert(1)</script>\x1b[31m"


def test_a_hostile_account_is_only_text(copy: Path, tmp_path: Path) -> None:
    events = write(tmp_path / "e.log", line(UserName=HOSTILE))
    register = write(tmp_path / "r.csv", f'{REGISTER}Nightly,{SETTING},14,7,"{HOSTILE}","=cmd()"\n')
    check(copy, "--events", events, "--change-register", register)
    done = invoke("report", copy, "--format", "html")
    assert (done.exit_code, "\x1b" in done.output) == (0, False)
    page = (copy / "report.html").read_text("utf-8")
    assert "<script>alert(1)" not in page
    assert "HYPERLINK(1)" in page
    rows = list(csv.reader((copy / "findings.csv").read_text("utf-8-sig").splitlines()))
    assert [cell for row in rows for cell in row if cell.startswith("=")] == []
    shown = invoke("explain", copy, "DRF-003:Nightly").stdout
    assert "HYPERLINK(1)" in shown
    assert "\x1b" not in shown


# What is asked of a judged run answers as it was judged.


def test_explain_names_what_was_compared(judged: Path) -> None:
    shown = invoke("explain", judged, "DRF-003:Nightly").stdout
    for fact in ("PASS", WHO, "earlier run: of 2026-10-01 06:00Z", "2 events", "change register: 3 approved changes"):
        assert fact in shown


def test_what_if_answers_what_the_audit_answered(judged: Path) -> None:
    audit = va.load_audit(judged)
    (told,) = audit.findings.query("check_id == 'DRF-002'")["status"]
    trials = audit.what_if("DRF-002", several=[2, 3])
    assert trials.loc[trials["in_force"], told.lower()].tolist() == [1]
    assert trials["not_applicable"].tolist() == [0, 0]


# Two runs side by side.


def test_a_history_takes_a_run_with_what_it_kept(judged: Path, tmp_path: Path) -> None:
    added = invoke("history", "add", tmp_path / "history", judged)
    assert added.exit_code == 0, added.output
    (kept,) = (tmp_path / "history").glob("*/events.json.gz")
    assert kept.read_bytes() == (judged / "events.json.gz").read_bytes()
    assert va.history(tmp_path / "history").verify() == []


@pytest.fixture(scope="module")
def history(saved: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of both runs."""
    place = tmp_path_factory.mktemp("both") / "history"
    assert invoke("history", "add", place, *saved).exit_code == 0
    return place


def test_diff_says_who_changed_which_setting(saved: tuple[Path, Path], tmp_path: Path) -> None:
    events, register = write(tmp_path / "e.xml", xml()), write(tmp_path / "r.csv", APPROVED)
    shown = invoke("diff", *saved, "--events", events, "--change-register", register)
    assert shown.exit_code == 0, shown.output
    assert "2 settings changed." in shown.stdout
    assert f"{SETTING}: 14 → 7, {WHO}, approved by {BOSS} ({TICKET})" in shown.stdout
    only_events = invoke("diff", *saved, "--events", write(tmp_path / "none.log", ""))
    assert f"{SETTING}: 14 → 7, not attributed\n" in only_events.stdout
    assert 'schedule_after_job_name: "Vintage ledger" → "Ledger", not attributed' in only_events.stdout
    assert "setting changed" not in invoke("diff", *saved).stdout


def test_diff_and_drift_in_python(saved: tuple[Path, Path], history: Path, tmp_path: Path) -> None:
    given = {"events": write(tmp_path / "e.log", line()), "change_register": write(tmp_path / "r.csv", NOT_MADE)}
    assert va.diff(*saved).drift is None
    frames = [
        va.diff(*saved, **given).drift,
        va.diff("2026-09", "2026-10", history=history, events=[given["events"]], change_register=NOT_MADE).drift,
        va.history(history).drift(**given),
    ]
    for frame in frames:
        assert frame is not None
        assert frame[["control", "who", "approval"]].astype(object).replace({pd.NA: None}).values.tolist() == [
            [SETTING, ADMIN, "unapproved"],
            ["schedule_after_job_name", None, "unapproved"],
        ]
    assert va.history(history).drift()["who"].isna().tolist() == [True, True]
    with pytest.raises(ConfigurationError, match="cannot read"):
        va.history(history).drift(events=tmp_path / "none")


# A run without names.


@pytest.fixture(scope="module")
def clean(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The judged run without names. Not written to."""
    folder = tmp_path_factory.mktemp("clean") / "run"
    done = invoke("report", judged, "--scrub", "--out", folder, "--format", "json,html")
    assert done.exit_code == 0, done.output
    return folder


def texts_of(folder: Path) -> str:
    """Every text in the files of a run but the packed ones."""
    return "\n".join(path.read_text("utf-8") for path in folder.iterdir() if path.suffix in (".json", ".html")).lower()


NAMES = (
    "meier",
    "lone-operator",
    "wolff",
    "chg-77",
    "chg-99",
    "adams",
    "tresor",
    "hansa",
    "payroll",
    "nightly",
    "vintage",
)


def test_a_scrubbed_run_names_nobody_of_events_and_register(judged: Path, clean: Path) -> None:
    whole, scrubbed = texts_of(judged), texts_of(clean)
    assert [name for name in ("meier", "wolff", "chg-77", "tresor", "vintage") if name not in whole] == []
    assert [name for name in NAMES if name in scrubbed] == []
    assert not {"events.json.gz", "changes.csv", "earlier.json.gz"} & {path.name for path in clean.iterdir()}
    run, own = (manifest_of(folder)["run"] for folder in (clean, judged))
    for key in ("events_sha256", "change_register_sha256"):
        assert run[key] not in (None, own[key])
    kept = [row["observed"] for (name, _), row in findings_of(clean).items() if name == "DRF-003"]
    assert any(text.startswith(f"{SETTING}: 14 → 7, approved by user-") for text in kept)
    assert any(text.startswith('schedule_after_job_name: "[removed]" → "job-') for text in kept)


def test_diff_of_a_run_without_settings_is_refused(old: Path, clean: Path, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="scrubbed"):
        va.diff(old, clean, events=write(tmp_path / "e.log", line()))
