"""A scrubbed run: the same numbers, and no name of the estate in any byte of any artefact."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import estates
import pandas as pd
import pytest
from history_texts import history_texts
from hypothesis import given
from hypothesis import strategies as st
from original_names import FAST, KEY, names_to_find, original_names
from original_names import scrubbed as without_names
from shared import artefact, once
from typer.testing import CliRunner

import vbr_audit as va
from vbr_audit.checks.derived import left_objects, protection
from vbr_audit.checks.engine.tables import TABLES
from vbr_audit.cli import app
from vbr_audit.collection.snapshot import Snapshot, provenance_tables
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.findings.evaluation import COVERAGE_COLUMNS
from vbr_audit.findings.requirements import REQUIREMENT_COLUMNS
from vbr_audit.findings.table import FINDING_COLUMNS
from vbr_audit.histories.adding import add_to_history
from vbr_audit.histories.seal_checks import check_seals
from vbr_audit.histories.seals import keep_beside
from vbr_audit.pipeline import Audit
from vbr_audit.scrub.free_text import REMOVED, TextScrubber, folded, is_ordinary, make_terms, own_text
from vbr_audit.scrub.pseudonyms import LENGTH, Pseudonyms, ScrubKey, load_key
from vbr_audit.scrub.scrubbing import is_shipped
from vbr_audit.scrub.tables import KINDS, Rule, Scrubber, object_rules, rule_of
from vbr_audit.tables.build.naming import marked, parts_of, words_around
from vbr_audit.tables.build.schema import STRING
from vbr_audit.verifying import verify_run

WRITTEN = (
    *("Petra Meier", "K. Wolff", "W-HANSA-1", "CHG-HANSA-77", "ERP application*", "/r/HANSA", "p.meier", "Mail team"),
    *(estates.SERVER, "hansa", estates.USERNAME, "127.0.0.1"),
)


def scrubbed(make: str) -> Audit:
    return without_names(getattr(estates, make)())


SHOWN = ("html", "executive", "xlsx", "json")
texts_of = lru_cache(estates.texts_of)


def hostile() -> Audit:
    """Hostile names, and datasets that could not be read, of which gaps tell."""
    return estates.audit_of("denied=repositories", "denied=credentials", hostile=True, jobs=4, sessions=60)


@pytest.fixture(scope="module")
def clean_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of `estates.demo` without names; nobody writes into it."""

    def make(folder: Path) -> None:
        scrubbed("demo").save(folder / "clean", formats=FAST)

    return once(tmp_path_factory, "scrubbed-demo", make) / "clean"


@pytest.mark.parametrize("estate", ["demo", "hostile"])
def test_no_artefact_holds_an_original_name(estate: str, clean_demo: Path, tmp_path: Path) -> None:
    whole = estates.demo() if estate == "demo" else hostile()
    names = names_to_find(whole) + (list(WRITTEN) if estate == "demo" else [])
    assert len(names) > 100
    folder = clean_demo if estate == "demo" else whole.scrub(KEY).save(tmp_path / "clean", formats=SHOWN)
    leaks = {path.name: estates.found_in(texts_of(path), names) for path in folder.rglob("*") if path.is_file()}
    assert {name: leaked for name, leaked in leaks.items() if leaked} == {}
    assert not (folder / "evidence").exists()
    assert {path.name for path in folder.iterdir()} >= {"manifest.json", "SHA256SUMS", "report.html", "findings.json"}
    assert not {"policy.yaml", "waivers.yaml", "site.yaml", "assets.csv"} & {path.name for path in folder.iterdir()}


def test_a_history_of_a_scrubbed_run_and_its_seals_hold_no_original_name(tmp_path: Path) -> None:
    whole, clean = estates.incomplete(), scrubbed("incomplete")
    folder = clean.save(tmp_path / "clean", formats=("json",))
    added = add_to_history(tmp_path / "history", folder, clean.snapshot, clean.results)
    assert added.seal is not None
    keep_beside(folder, added.seal)
    names = names_to_find(whole)
    for place in (tmp_path / "history", folder):
        leaks = {path: estates.found_in(text, names) for path, text in history_texts(place).items()}
        assert {path: leaked for path, leaked in leaks.items() if leaked} == {}
    assert check_seals(tmp_path / "history").problems == ()


MOST = ("html", "xlsx", "json", "csv", "md")


def test_the_search_finds_the_names_where_they_are(tmp_path_factory: pytest.TempPathFactory) -> None:
    names = names_to_find(estates.demo())
    texts = {name: texts_of(artefact(tmp_path_factory, estates.demo, name)) for name in MOST}
    found = [estates.found_in(text, names) for text in texts.values()]
    assert all(found)
    everywhere = set().union(*found)
    jobs, users = estates.demo().snapshot.jobs["name"].dropna(), estates.demo().snapshot.users["name"].dropna()
    assert {name for name in [*jobs, *users] if name in names} <= everywhere
    assert {"Petra Meier", "hansa"} <= set(estates.found_in(texts["xlsx"], list(WRITTEN)))


@pytest.mark.slow
def test_the_printed_page_holds_no_name(tmp_path: Path) -> None:
    pytest.importorskip("weasyprint")
    audit = estates.small()
    paths = estates.write_all(audit.scrub(KEY), tmp_path, ("executive-pdf", "pdf"))
    for path in paths.values():
        assert estates.found_in(estates.texts_of(path), names_to_find(audit)) == []


@pytest.mark.parametrize("estate", ["demo", "incomplete", "nothing"])
def test_the_numbers_stay(estate: str) -> None:
    whole, clean = getattr(estates, estate)(), scrubbed(estate)
    told = dataclasses.replace(whole.summary, verdict=clean.summary.verdict)
    assert clean.summary == told
    assert clean.summary.verdict.headline == whole.summary.verdict.headline
    counted = ["check_id", "severity", "status"]
    assert clean.findings[counted].value_counts().to_dict() == whole.findings[counted].value_counts().to_dict()
    for name, frame in whole.snapshot.tables.items():
        numbers = frame.select_dtypes(exclude=STRING)
        pd.testing.assert_frame_equal(clean.snapshot.tables[name][numbers.columns], numbers)
    assert [len(line) > 0 for line in clean.results.limits] == [True] * len(whole.results.limits)
    assert clean.context.tiles == whole.context.tiles
    assert [record.name for record in clean.context.unread] == [record.name for record in whole.context.unread]


def test_pseudonyms_join_as_the_names_did() -> None:
    whole, clean = estates.demo().snapshot, scrubbed("demo").snapshot
    for one, key in ((whole, "job_id"), (clean, "job_id")):
        assert one.sessions[key].isin(one.jobs[key]).sum() == whole.sessions["job_id"].isin(whole.jobs["job_id"]).sum()
    named = whole.sessions["name"].isin(whole.jobs["name"]).to_list()
    assert clean.sessions["name"].isin(clean.jobs["name"]).to_list() == named
    found = scrubbed("demo").findings
    jobs = found[found["object_type"] == "job"]
    known = dict(zip(clean.jobs["job_id"], clean.jobs["name"], strict=True))
    assert {known.get(key, name) for key, name in zip(jobs["object_id"], jobs["object_name"], strict=True)} == set(
        jobs["object_name"]
    )


def test_the_same_key_gives_the_same_names_and_another_key_others() -> None:
    first, again = scrubbed("incomplete"), estates.incomplete().scrub(KEY)
    pd.testing.assert_frame_equal(first.findings, again.findings)
    other = estates.incomplete().scrub(ScrubKey(b"o" * 32))
    both = set(other.findings["object_name"].dropna()) & set(first.findings["object_name"].dropna())
    assert [name for name in both if re.search(r"-[0-9a-f]{10}", name)] == []
    assert not set(other.findings["finding_id"]) & set(first.findings["finding_id"])
    run = first.snapshot.manifest.run
    assert run.scrub_key_id == again.snapshot.manifest.run.scrub_key_id != other.snapshot.manifest.run.scrub_key_id
    assert KEY.secret.hex() not in first.snapshot.manifest.to_json().decode()


def test_the_cover_says_that_names_are_scrubbed() -> None:
    facts = {fact.label: fact for fact in scrubbed("demo").context.cover}
    assert facts["Scrubbed"].loud
    assert KEY.id in facts["Scrubbed"].value
    assert "Scrubbed" not in {fact.label for fact in estates.demo().context.cover}


def text_columns() -> Iterator[tuple[str, str]]:
    for spec in TABLES.values():
        yield from ((spec.name, column.name) for column in spec.columns if column.dtype == "string")
    yield from (("findings", name) for name in FINDING_COLUMNS)
    yield from (("coverage", name) for name in COVERAGE_COLUMNS)
    yield from (("requirements", name) for name in REQUIREMENT_COLUMNS)


def test_every_text_column_is_declared() -> None:
    assert [f"{table}.{column}" for table, column in text_columns() if rule_of(table, column) is None] == []
    assert all(rule.how != "prose" for rule, _ in object_rules().values())


def test_a_column_that_nobody_declared_is_removed() -> None:
    from vbr_audit.scrub.scrubbing import Material, make_scrubber

    whole = estates.nothing()
    scrubber = make_scrubber(KEY, Material(whole.snapshot, whole.results, whole.rules))
    frame = pd.DataFrame({"brand_new": pd.array(["Petra Meier", pd.NA, ""], dtype=STRING), "job_id": [1, 2, 3]})
    assert scrubber.frame("jobs", frame)["brand_new"].fillna("-").tolist() == [REMOVED, "-", ""]


@pytest.mark.parametrize(
    ("record", "known"),
    [
        (
            "Results",
            "changes copies coverage drift findings gaps left offloads outside planning protected requirements "
            "sentences summary uses waivers",
        ),
        ("Snapshot", "as_read evidence manifest positions tables"),
        (
            "Rules",
            "baseline brand change_register checks events frameworks policy review sample sample_seed site waivers",
        ),
        ("Manifest", "datasets interrupted run servers unwritten version warnings"),
    ],
)
def test_a_new_part_of_a_run_must_be_thought_of_here(record: str, known: str) -> None:
    from vbr_audit.collection.manifest import Manifest
    from vbr_audit.collection.snapshot import Snapshot
    from vbr_audit.findings.results import Results
    from vbr_audit.rules import Rules

    records = {"Results": Results, "Snapshot": Snapshot, "Rules": Rules}
    if record == "Manifest":
        fields = sorted(Manifest.model_fields)
    else:
        fields = sorted(field.name for field in dataclasses.fields(records[record]))
    assert fields == known.split()


def scrubber_of(*names: tuple[str, str]) -> TextScrubber:
    pseudonyms = Pseudonyms.over(KEY, names)
    return TextScrubber(pseudonyms, make_terms(names, pseudonyms), frozenset({"13.0.1.180"}))


def test_texts_lose_names_and_what_looks_like_one() -> None:
    texts = scrubber_of(
        ("host", "srv01.corp.example"), ("job", "Payroll DB"), ("job", "Payroll"), ("user", "CORP\\jdoe")
    )
    name = texts.pseudonyms.name
    job, wide = name("job", "Payroll DB"), name("job", "Payroll")
    assert texts.clean("payroll db of PAYROLL, on disk") == f"{job} of {wide}, on disk"
    for text in (
        "10.1.2.3 said no",
        "fe80::1 said no",
        "CORP\\other said no",
        "corp\\\\jdoe said no",
        "x.y+z@mail.example said no",
        "\\\\nas7\\share\\a said no",
        "D:\\Backups\\a said no",
        "https://nas7:9419/x?y=1 said no",
        "S-1-5-21-1004336348-1177238915 said no",
        "00:15:5d:01:02:03 said no",
        "esx17.corp.example said no",
        "srv01 said no",
        "AB:" * 31 + "CD said no",
    ):
        cleaned = texts.clean(text)
        assert re.fullmatch(r"[a-z]+-[0-9a-f]{10} said no", cleaned), cleaned
    assert texts.clean("build 13.0.1.180, at 12:30:45, 99.5 %") == "build 13.0.1.180, at 12:30:45, 99.5 %"
    first = texts.clean("3f0c9f6a-7e5e-4b0e-9d0a-1c2d3e4f5a6b")
    assert re.fullmatch(r"[0-9a-f-]{36}", first)
    assert first != "3f0c9f6a-7e5e-4b0e-9d0a-1c2d3e4f5a6b"


def test_the_first_name_counts_and_of_those_that_begin_alike_the_longest() -> None:
    names = [
        ("job", "Night"),
        ("job", "Night of Berlin"),
        ("host", "of Berlin"),
        ("host", "Berlin-7"),
        ("user", "7 up"),
    ]
    texts = scrubber_of(*names)
    night, berlin, user = (texts.pseudonyms.name(*pair) for pair in (names[1], names[3], names[4]))
    assert texts.clean("NIGHT of berlin, Berlin-7 up") == f"{night}, {berlin} up"
    assert texts.clean("at 7 up") == f"at {user}"
    assert scrubber_of().clean("Night") == "Night"


def test_a_name_that_utf_8_cannot_write_is_replaced() -> None:
    texts = scrubber_of(("job", "Lohn\udcfc7"), ("job", "Größe"))
    lone, big = (texts.pseudonyms.name("job", name) for name in ("Lohn\udcfc7", "Größe"))
    assert texts.clean("job LOHN\udcfc7 and GRÖßE of \udcfc") == f"job {lone} and {big} of \udcfc"


@given(
    names=st.lists(st.text("xyzXYZ \\@-_.é\u202e\x1b", min_size=4, max_size=9), min_size=1, max_size=5),
    words=st.lists(st.sampled_from(["on ", "x", "'", "zy", "\n", ": ", "\\", "@", "."]), min_size=2, max_size=6),
)
def test_no_name_is_left_in_any_text(names: list[str], words: list[str]) -> None:
    named = [name for name in names if len(name.strip()) >= 4]
    texts = scrubber_of(*(("job", name) for name in named))
    text = "".join(f"{words[at % len(words)]}{name}{words[-1]}" for at, name in enumerate(named))
    assert [name for name in named if name.lower() in texts.clean(text).lower()] == []


def test_the_workbook_of_a_scrubbed_run_points_to_no_evidence(
    clean_demo: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert "evidence/" in texts_of(artefact(tmp_path_factory, estates.demo, "xlsx"))
    assert "evidence/" not in texts_of(clean_demo / "report.xlsx")
    page = (clean_demo / "report.html").read_text("utf-8")
    assert "left out of this run on purpose" in page
    assert "evidence/*.zip" not in page


def test_ordinary_words_spoil_neither_words_of_the_api_nor_what_others_wrote() -> None:
    names = [("job", "Backup"), ("server", "server"), (REMOVED, "Backup"), (REMOVED, "Petra's own")]
    pseudonyms = Pseudonyms.over(KEY, [pair for pair in names if pair[0] != REMOVED])
    scrubber = Scrubber(pseudonyms, TextScrubber(pseudonyms, make_terms(names, pseudonyms)))
    job, server = pseudonyms.name("job", "Backup"), pseudonyms.name("server", "server")
    assert scrubber.texts.clean("Job Backup of Petra's own finished") == f"Job {job} of {REMOVED} finished"
    assert scrubber.value("jobs of server: denied", Rule("text")) == f"jobs of {server}: denied"
    assert scrubber.value("Backup", Rule("word")) == "Backup"
    assert scrubber.value("Backup, NewServerThing", Rule("word")) == f"Backup, New{server}Thing"
    sentence = f"the backup server has {marked('job', 'Backup')}, {marked('prose', 'by Petra')}"
    assert scrubber.value(sentence, Rule("own")) == f"the backup server has {job}, {REMOVED}"
    assert scrubber.value(sentence, Rule("text")) == f"the {job} {server} has {job}, {REMOVED}"
    # Who sends marks of ours within a text is not believed.
    for holds in ("kept", "own text", "no such thing"):
        assert "Backup" not in scrubber.value(f"\ufdd0{holds}\ufdd1Backup\ufdd2", Rule("text"))
    assert (
        scrubber.value("Backup, x and 2 more", Rule("names", "job"))
        == f"{job}, {pseudonyms.name('job', 'x')} and 2 more"
    )


def test_a_remedy_stays_as_it_is_whatever_jobs_are_called() -> None:
    whole, clean = estates.nothing(), scrubbed("nothing")
    remedies = {use.check.id: use.check.remediation for use in whole.results.uses}
    assert {use.check.id: use.check.remediation for use in clean.results.uses} == remedies
    assert set(clean.findings["title"]) == set(whole.findings["title"])


def test_names_that_would_share_a_pseudonym_get_longer_ones() -> None:
    names = [("job", f"job {number}") for number in range(300)]
    short = Pseudonyms.over(KEY, names, length=2)
    made = [short.name(kind, name) for kind, name in names]
    assert len(set(made)) == len(names)
    assert len({len(name) for name in made}) > 1
    assert made == [Pseudonyms.over(KEY, reversed(names), length=2).name(kind, name) for kind, name in names]
    assert len(Pseudonyms(KEY).name("job", "x")) == len("job-") + LENGTH
    assert (
        Pseudonyms(KEY).name("job", "SQL") == Pseudonyms(KEY).name("job", "sql") != Pseudonyms(KEY).name("user", "SQL")
    )


def test_a_scrubbed_run_is_verified_but_not_judged_anew(tmp_path: Path) -> None:
    folder = scrubbed("incomplete").save(tmp_path / "clean", formats=["json", "md"])
    assert verify_run(folder) == []
    with pytest.raises(EvidenceError, match="left out on purpose"):
        va.load(folder)
    told = CliRunner().invoke(app, ["verify", str(folder)])
    assert told.exit_code == 0
    assert "no names and no evidence" in told.stdout
    (folder / "findings.json").write_bytes(b"{}")
    assert verify_run(folder) == ["findings.json was changed"]
    assert CliRunner().invoke(app, ["check", str(folder)]).exit_code == 4
    for ask in (lambda: scrubbed("demo").explain("JOB"), lambda: scrubbed("demo").what_if("RUN-005", min_rate=[1])):
        with pytest.raises(ConfigurationError, match="were scrubbed"):
            ask()
    with pytest.raises(ConfigurationError, match="were scrubbed"):
        scrubbed("demo").scrub(KEY)


SMALL_DEMO = ("demo", "--jobs", "2", "--sessions", "20", "--policy", "minimal")


@pytest.fixture
def key_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "vbr_audit" / "scrub.key"


def test_report_writes_a_scrubbed_run_beside_the_saved_one(tmp_path: Path, key_home: Path) -> None:
    run, clean = tmp_path / "run", tmp_path / "clean"
    (tmp_path / "copy").mkdir()
    estates.small().save(run, formats=["json"])
    command = ["report", str(run), "--format", "json,md", "--scrub"]
    told = CliRunner().invoke(app, [*command, "--out", str(clean)])
    assert told.exit_code == 0, told.output
    assert f"a new key for pseudonyms was written to {key_home}" in told.stderr.replace("\n", "")
    if os.name == "posix":
        assert stat.S_IMODE(key_home.stat().st_mode) == 0o600
    assert key_home.read_text().strip() not in (clean / "manifest.json").read_text()
    assert str(clean / "findings.json") in told.stdout.replace("\n", "")
    quiet = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "again")])
    assert "new key" not in quiet.stderr
    assert (tmp_path / "again" / "findings.json").read_bytes() == (clean / "findings.json").read_bytes()
    for wrong, words in (
        ([*command, "--out", str(run)], "holds evidence"),
        ([*command, "--out", str(run), "--force"], "holds evidence"),
        ([*command], "--scrub needs --out"),
        (["report", str(run), "--out", str(clean)], "--out needs --scrub"),
        (["report", str(run), "--scrub-key", "x"], "--scrub-key needs --scrub"),
    ):
        refused = CliRunner().invoke(app, wrong)
        assert refused.exit_code == 2, refused.output
        assert words in refused.stderr


def test_an_earlier_run_with_its_evidence_is_not_replaced(tmp_path: Path, key_home: Path) -> None:
    (tmp_path / "run" / "evidence").mkdir(parents=True)
    (tmp_path / "run" / "evidence" / "vbr01.zip").write_bytes(b"kept")
    for command in (["demo"], ["audit", "https://vbr01.example", "--username", "u"]):
        refused = CliRunner().invoke(app, [*command, "--scrub", "--force", "--out", str(tmp_path / "run")])
        assert refused.exit_code == 2, refused.output
        assert "holds evidence" in refused.stderr
    assert (tmp_path / "run" / "evidence" / "vbr01.zip").read_bytes() == b"kept"
    assert not key_home.exists()


def test_demo_scrub_keeps_no_evidence(tmp_path: Path, key_home: Path) -> None:
    told = CliRunner().invoke(app, [*SMALL_DEMO, "--scrub", "--out", str(tmp_path / "run"), "--format", "json"])
    assert told.exit_code == 0, told.output
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "SHA256SUMS",
        "findings.json",
        "manifest.json",
    ]
    assert "hansa" not in (told.stdout + (tmp_path / "run" / "findings.json").read_text()).lower()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ab" * 31, "too short"),
        ("zz" * 32, "no hexadecimal digits"),
        ("é", "not a text of hexadecimal"),
        (None, "cannot use"),
    ],
)
def test_a_wrong_key_file_is_refused(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "a.key"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=words) as caught:
        load_key(path)
    assert (content or "a.key") not in (caught.value.hint or "")


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_key_that_others_may_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    path.write_text("ab" * 32)
    path.chmod(0o644)
    assert "chmod 600" in load_key(path).notes[0]
    path.chmod(0o600)
    assert load_key(path).notes == ()
    assert "ab" * 32 not in repr(load_key(path))


def test_limits_lose_the_names_that_a_policy_gives_and_keep_their_own_words() -> None:
    policy = """\
version: 1
checks:
  JOB-003: {enabled: false, reason: "svc-vbr-report wants no retries"}
overrides:
  - match: {server: override, object_type: job, object_name: "fits*"}
    checks: {JOB-008: {enabled: false, reason: "no guests"}}
"""
    whole = va.audit(estates.snapshot_of(jobs=2, sessions=10), policy=policy)
    limits = whole.scrub(KEY).results.limits
    name = r"[a-z]+-[0-9a-f]{10}"
    told = [limit for limit in limits if "override" in limit or limit.startswith("JOB-003")]
    assert re.fullmatch(f"JOB-003 is disabled by the policy: {name} wants no retries", told[0])
    assert re.fullmatch(
        f"The override for server {name}, object_type job, object_name {name} \\(policy\\.yaml:\\d+\\) "
        "fits no object that its checks judged, so it changes nothing\\.",
        told[1],
    )


# Names are put in sentences as data: a run without names says the same whatever things are called.


def sentences_of(audit: Audit) -> set[str]:
    """Every sentence of the shipped checks in a run, as it is before it is told."""
    sentences, shipped = audit.results.sentences, {use.check.id for use in audit.results.uses if is_shipped(use.check)}
    told = sentences.findings[audit.findings["check_id"].isin(shipped).to_numpy()]
    reasons = sentences.coverage[sentences.coverage.index.get_level_values("check_id").isin(shipped)]
    return {text for cells in (*(told[name] for name in told), reasons) for text in cells.dropna()}


def test_no_name_stands_in_the_words_around_the_values_of_a_sentence() -> None:
    for estate in (estates.demo(), hostile()):
        said = {words_around(text) for text in sentences_of(estate)}
        assert len(said) > 100
        names = sorted(original_names(estate))
        strange = [name for name in names if len(name) > 5 and not is_ordinary(folded(name))]
        assert len(strange) > 50
        assert estates.found_in("\n".join(said), strange) == []


def test_a_value_in_a_sentence_holds_what_its_column_declares() -> None:
    audit = estates.demo()
    tables = {protection.SPEC.name: audit.results.protected, left_objects.SPEC.name: audit.results.left}
    known = {
        (holds, value.strip())
        for table, frame in {**audit.snapshot.tables, **tables}.items()
        for name, holds in TABLES[table].holds.items()
        if name in frame and frame[name].dtype == STRING
        for value in frame[name].dropna().unique()
    }
    named = {"server", "job", "jobs", "repository", "repositories", "object", "objects", "user", "host", "path", "rule"}
    said = {pair for text in sentences_of(audit) for pair in parts_of(text) if pair[0] in named}
    assert len(said) > 20
    assert said - known == set()


@dataclasses.dataclass(frozen=True)
class Renamed(Pseudonyms):
    """The next of `words` in the place of each name."""

    words: Sequence[str] = ()
    given: dict[tuple[str, str], str] = dataclasses.field(default_factory=dict)

    def name(self, kind: str, value: str) -> str:
        return self.given.setdefault((kind, value.casefold()), self.words[len(self.given)]) if value.strip() else value

    def identifier(self, value: str) -> str:
        return value

    def hashed(self, value: str) -> str:
        return value


class Silent(TextScrubber):
    """What servers wrote says nothing, so that no name stands in it."""

    def clean(self, text: str, *, prose: bool = True) -> str:
        return "\u00a7"


def renamed(words: Sequence[str]) -> Audit:
    """A small estate in which everything is called by `words`, judged anew."""
    names = Renamed(KEY, words=words)
    scrubber, whole = Scrubber(names, Silent(names, {})), estates.snapshot_of(jobs=2, sessions=10)
    tables = {name: scrubber.frame(name, frame) for name, frame in whole.tables.items()}
    manifest = whole.manifest
    servers = [each.model_copy(update={"name": names.name("server", each.name)}) for each in manifest.servers]
    # Why a dataset was not read is partly the server's own text, in which ordinary names cannot be told from words.
    said = {"server": names.name("server", manifest.servers[0].name), "reason": None}
    datasets = [each.model_copy(update=said) for each in manifest.datasets]
    manifest = manifest.model_copy(update={"servers": servers, "datasets": datasets})
    return va.audit(Snapshot(manifest=manifest, tables=tables | provenance_tables(manifest)))


def ordinary_words() -> list[str]:
    """Words of this tool's own texts, the worst and the most frequent first."""
    first = ["backup", "the", "disabled", "failed", "not known", "and", "job", "default", "read", "server"]
    counts = Counter(re.findall(r"[a-z]{3,}", own_text()))
    return [*first, *(word for word, _ in counts.most_common() if word not in first)]


_PSEUDONYM: Final = re.compile(rf"(?:{'|'.join((*KINDS, 'id'))})-[0-9a-f]{{{LENGTH},}}")


def said_by(audit: Audit) -> Counter[tuple[str, ...]]:
    """What a run without names says of each object, whatever the pseudonyms are."""
    columns = ["check_id", "object_type", "status", "observed", "expected", "reason", "object_name", "cause_name"]
    rows = audit.scrub(KEY).findings[columns].astype(object).fillna("").itertuples(index=False)
    return Counter(tuple(_PSEUDONYM.sub("#", cell) for cell in row) for row in rows)


def test_a_run_without_names_says_the_same_whatever_things_are_called() -> None:
    ordinary = said_by(renamed(ordinary_words()))
    strange = said_by(renamed([f"Zqx7v{number}" for number in range(20_000)]))
    assert ordinary - strange == strange - ordinary == Counter()
    texts = {cell for row in strange for cell in row}
    assert [text for text in texts if "Zqx7v" in text] == []
    assert sum("#" in text for text in texts) > 5
