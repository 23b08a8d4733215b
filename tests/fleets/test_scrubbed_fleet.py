"""A fleet without names: none in any file, whatever field of a summary held it, and the same numbers."""

from __future__ import annotations

from pathlib import Path

import estates
import pytest
from command_line import invoke, write
from history_texts import history_texts
from hostile_answers import CORE
from made_fleet import made_fleet, made_summary
from original_names import KEY

from vbr_audit.errors import ConfigurationError
from vbr_audit.fleets.fleet import Fleet, load_fleet
from vbr_audit.fleets.picture import picture_of
from vbr_audit.fleets.population import Listed, Population
from vbr_audit.fleets.reporting import write_fleet
from vbr_audit.fleets.scrubbing import FleetScrubber
from vbr_audit.fleets.summaries import CheckCount, NewsGroup, ServerSummary, WorstCause, not_audited
from vbr_audit.scrub.pseudonyms import Pseudonyms, ScrubKey

CANARIES = tuple(f"Qv{place:02}xylith" for place in range(20))
JOB = "JOB-003"


def named_fleet() -> Fleet:
    """A server whose summary has a name of its own in every text field, a lost one, and one with a hostile name."""
    name = iter(CANARIES)
    cause = WorstCause(
        cause="ab" * 8,
        check_id=JOB,
        severity="high",
        failure=f"job {next(name)} is disabled on {CANARIES[1]}",
        name=next(name),
        findings=2,
        kind="job",
        title=next(name),
        consequence=f"nobody restores {next(name)}",
        owner=next(name),
        due="2026-11-30",
    )
    news = NewsGroup(
        state="NEW", severity="high", check_id=JOB, title=next(name), kind="job", objects=9, names=(next(name),)
    )
    whole = made_summary("a", tenant=next(name), share=0.2).model_copy(
        update={
            "server": next(name),
            "reasons": (f"sessions of {next(name)}: 10.2.3.4 refused CORP\\{next(name)}", next(name)),
            "server_id": next(name),
            "run_id": next(name),
            "earlier_run": next(name),
            "folder": next(name),
            "build": next(name),
            "policy_name": next(name),
            "role": f"the role of {CANARIES[0]}",
            "worst": (cause,),
            "news": (news,),
            "changes": {"NEW": 9},
        }
    )
    own = CheckCount(check_id="OWN-001", counts=(0, 3, 0, 0, 0, 0), severity="high", title=CANARIES[18])
    whole = whole.model_copy(update={"checks": (*whole.checks, own)})
    second = made_summary("b.example", share=0.2)
    second = second.model_copy(update={"checks": (*second.checks, own)})
    lost = not_audited(CORE, f"{CANARIES[19]} at https://{CANARIES[19]}:9419 refused 'svc-{CANARIES[19]}'", tenant=CORE)
    return made_fleet(whole, second, lost)


def leaks(place: Path, names: tuple[str, ...] = CANARIES) -> dict[str, list[str]]:
    found = {name: estates.found_in(text, names) for name, text in history_texts(place).items()}
    return {name: those for name, those in found.items() if those}


def test_no_field_of_a_summary_brings_a_name_into_a_report(tmp_path: Path) -> None:
    fleet = named_fleet()
    fleet.write(tmp_path / "whole")
    assert set(leaks(tmp_path / "whole")) >= {"fleet.json", "fleet.html", "fleet.xlsx"}
    fleet.write(tmp_path / "clean", scrub_key=KEY, title=f"Servers of {fleet.summaries[0].server}")
    assert leaks(tmp_path / "clean", (*CANARIES, "10.2.3.4", "CORP", "b.example")) == {}
    clean = load_fleet(tmp_path / "clean")
    assert clean.scrub_key_ids == {KEY.id}
    pages = [path.read_text("utf-8") for path in (tmp_path / "clean").rglob("*.html")]
    assert all("replaced by pseudonyms on purpose" in page for page in pages)
    assert len(pages) == 3
    names = Pseudonyms(KEY)
    first, _, lost = clean.summaries
    assert first.server == names.name("server", fleet.summaries[0].server)
    assert first.worst[0].name == names.name("job", fleet.summaries[0].worst[0].name)
    assert first.news[0].names == (names.name("job", fleet.summaries[0].news[0].names[0]),)
    assert lost.reasons[0].count("refused") == 1


def test_names_that_look_like_pseudonyms_or_ids_of_checks_are_removed_too() -> None:
    scrubber = FleetScrubber.of(KEY, [("server", "vbr-01")])
    server = Pseudonyms(KEY).name("server", "vbr-01")
    told = scrubber.own_words("JOB-003 of VBR-01: vm-0123456789ab and QXZ-001 were not read in 60 s")
    assert told == f"JOB-003 of {server}: [removed] and [removed] were not read in 60 s"


def test_the_numbers_of_a_scrubbed_fleet_stay() -> None:
    whole, clean = picture_of(named_fleet()), picture_of(named_fleet().scrub(KEY))
    assert (clean.total, clean.judged, clean.grades, clean.coverage_text) == (
        *(whole.total, whole.judged, whole.grades, whole.coverage_text),
    )
    assert [(one.check_id, one.servers, one.objects) for one in clean.shared] == [
        (one.check_id, one.servers, one.objects) for one in whole.shared
    ]
    assert clean.names_note
    assert not whole.names_note


def test_a_list_needs_the_key_of_the_fleet_and_another_key_is_refused(tmp_path: Path) -> None:
    clean, listed = named_fleet().scrub(KEY), Population((Listed("b.example"),), "cmdb.csv")
    with pytest.raises(ConfigurationError, match="those of the list were not"):
        write_fleet(clean, tmp_path, population=listed)
    other = ScrubKey(b"o" * 32)
    with pytest.raises(ConfigurationError, match="with another key"):
        clean.scrub(other)
    with pytest.raises(ConfigurationError, match="with another key"):
        write_fleet(clean, tmp_path, population=FleetScrubber.of(other, ()).population(listed))
    assert clean.scrub(KEY).to_json() == clean.to_json()


def test_the_command_scrubs_a_fleet_with_its_list(tmp_path: Path) -> None:
    key = write(tmp_path / "a.key", KEY.secret.hex())
    key.chmod(0o600)
    named_fleet().save(tmp_path / "fleet")
    listed = write(tmp_path / f"{CANARIES[0]}.csv", f"name\nb.example\n{CANARIES[1]} of the cellar\n")
    words = ("fleet", "report", tmp_path / "fleet", "--population", listed, "--min-coverage", "0", "--fail-on", "never")
    done = invoke(
        *words,
        "--out",
        tmp_path / "clean",
        "--scrub",
        "--scrub-key",
        key,
        "--title",
        f"All of {named_fleet().summaries[0].server}",
    )
    assert done.exit_code == 0, done.output
    assert leaks(tmp_path / "clean", (*CANARIES, "b.example", "cellar")) == {}
    assert estates.found_in(done.stdout, CANARIES) == []
    assert "Against the list: 3 differences" in done.stdout
    again = invoke("fleet", "report", tmp_path / "clean", "--population", listed, "--out", tmp_path / "again")
    assert (again.exit_code, "Give --scrub" in again.stderr) == (2, True)
    assert "--scrub-key needs --scrub" in invoke(*words, "--out", tmp_path / "b", "--scrub-key", key).stderr


def test_a_new_field_of_a_summary_must_be_thought_of_here() -> None:
    known = "build causes_total changes checks checks_cut digest earlier_run folder format news now outcome point "
    known += "policy_name reasons reasons_total revision role rules run_id scrub_key_id seconds server server_id since "
    known += "tenant timezone tool_version until worst"
    assert set(ServerSummary.model_fields) == set(known.split())
    assert set(WorstCause.model_fields) == {
        *("cause", "check_id", "severity", "failure", "name", "findings", "open_since", "kind", "title", "consequence"),
        *("owner", "due", "overdue"),
    }
    assert set(NewsGroup.model_fields) == {"state", "severity", "check_id", "title", "kind", "objects", "names"}
    assert set(CheckCount.model_fields) == {"check_id", "counts", "severity", "title"}
