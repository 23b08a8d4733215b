"""Somebody who has only the page, and no script, reads from the top: four questions are answered, in their order."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import estates
import pytest
from compared_runs import compared_demo
from reading import Reading
from shared import artefact

from vbr_audit.display import number
from vbr_audit.findings.lifecycle import State
from vbr_audit.pipeline import Audit

WORST, BETTER, MISSING, KNOWN = ASKED = (
    "What is worst",
    "Is it getting better?",
    "What is missing",
    "How do we know?",
)
MADE = {"with earlier runs": compared_demo, "without": estates.demo, "incomplete": estates.incomplete}
RUNS = tuple(MADE)
Read = Callable[[str], Reading]
Answer = Callable[[str, str], str]
SEVERITIES = ("critical", "high", "medium", "low", "info")


def audit_called(run: str) -> Audit:
    return MADE[run]()


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The page of a run, read once."""

    @cache
    def get(run: str) -> Reading:
        return Reading(artefact(tmp_path_factory, MADE[run], "html").read_text("utf-8"))

    return get


@pytest.fixture(scope="module")
def answer(read: Read) -> Answer:
    """What a page answers to one of the questions."""

    def get(run: str, asked: str) -> str:
        follower = ASKED[ASKED.index(asked) + 1] if asked != KNOWN else "What is wrong, and what to do"
        return read(run).between(asked, follower)

    return get


@pytest.mark.parametrize("run", RUNS)
def test_the_questions_stand_in_their_order_below_the_verdict(run: str, read: Read) -> None:
    reading = read(run)
    words = [heading for _, _, heading in reading.headings]
    verdict = next(at for at, heading in enumerate(words) if audit_called(run).summary.verdict.headline in heading)
    assert words[verdict + 1 : verdict + 5] == list(ASKED)
    assert (words.count("This report is incomplete") == 1) is (run == "incomplete")
    assert words[1] == ("This report is incomplete" if run == "incomplete" else words[verdict])
    details = ["What is wrong, and what to do", "What could not be answered", "What was not looked at", "How we know"]
    assert [heading for heading in words if heading in details] == details


@pytest.mark.parametrize("run", RUNS)
def test_what_is_worst(run: str, answer: Answer) -> None:
    causes = audit_called(run).causes
    worst = causes[causes["severity"] == next(word for word in SEVERITIES if (causes["severity"] == word).any())]
    told = re.findall(r"(\w+) ([A-Z]{3}-\d{3}) (.+?) ([\d,]+) causes?(?= |$)", answer(run, WORST))
    assert len(told) == 3
    by_check = worst["check_id"].value_counts()
    for severity, check, _, many in told[: len(by_check)]:
        assert (severity, many) == (worst["severity"].iloc[0], number(int(by_check[check])))
    consequence = worst[worst["check_id"] == told[0][1]]["consequence"].iloc[0]
    assert consequence.split(": ")[0].split(" could ")[-1] in told[0][2]


def test_is_it_getting_better(answer: Answer) -> None:
    audit = audit_called("with earlier runs")
    assert audit.changes is not None
    told = answer("with earlier runs", BETTER)
    assert re.search(rf"(More|Fewer|As many) causes (than|as) in \w+ \d+: {number(len(audit.causes))} now, ", told)
    assert f"{number(audit.changes.counts[State.NEW])} new" in told
    assert f"{number(audit.changes.counts[State.FIXED])} fixed" in told
    for run in ("without", "incomplete"):
        assert f"{BETTER} Not known: no earlier run is at hand here." in answer(run, BETTER)


@pytest.mark.parametrize("run", RUNS)
def test_what_is_missing(run: str, read: Read, answer: Answer) -> None:
    summary, told = audit_called(run).summary, answer(run, MISSING)
    missing = summary.needed_total - summary.needed_complete
    assert (missing > 0) is (run == "incomplete")
    if missing:
        assert f"{missing} of {summary.needed_total} needed datasets not read whole" in told
        assert "Credentials" in read(run).between("This report is incomplete", WORST)
    else:
        assert f"All {summary.needed_total} datasets that the checks need" in told
    unanswered = number(summary.counts["UNKNOWN"] + summary.counts["ERROR"])
    assert f"{unanswered} questions have no answer" in told


@pytest.mark.parametrize("run", RUNS)
def test_how_we_know(run: str, read: Read, answer: Answer) -> None:
    told = answer(run, KNOWN)
    assert "Each finding names the answer of the server" in told
    assert "vbr-audit verify" in told
    provenance = read(run).between("How we know", None)
    assert "evidence/*.zip" in provenance
    assert "SHA-256" in provenance


def test_a_page_is_read_without_what_is_folded_or_hidden() -> None:
    page = (
        "<html><head><title>no</title></head><body><h1>One <small>two</small></h1><script>no</script>"
        "<p aria-hidden=true>no</p><details><summary>three</summary><p>no<br>no</p></details>"
        "<details open><summary>four</summary><p>five</p></details><h2>Six</h2>seven</body></html>"
    )
    reading = Reading(page)
    assert reading.text == "One two three four five Six seven"
    assert reading.headings == [(0, "h1", "One two"), (24, "h2", "Six")]
    assert reading.between("One two", "Six") == "One two three four five "
