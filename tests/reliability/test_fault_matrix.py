"""Each way in which a server can misbehave, alone and beside each other: what is lost, and what the run says about it.

The cases stand in `faults.yaml`. `docs/reliability.md` is written from what really happened to each single fault;
`VBR_AUDIT_UPDATE_DOCS=1 pytest tests/reliability` rewrites it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML
from typer.testing import CliRunner

import vbr_audit as va
from vbr_audit.api import answers
from vbr_audit.cli import app
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl, serve

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reliability.md"
UPDATE = os.environ.get("VBR_AUDIT_UPDATE_DOCS") == "1"
CAP = "limit-cap=7"
DATASETS = ("jobs", "job_states", "sessions", "backups", "repositories", "credentials")
PAIRED = ("jobs", "job_states", "sessions", "backups")


class Case(BaseModel):
    """One row of the matrix."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    faults: tuple[str, ...]
    does: str
    user: str
    incomplete: dict[str, str] = {}
    may_be_incomplete: tuple[str, ...] = ()
    lost: bool = False
    exit: int = 0
    revision: str | None = None
    socket: bool = False
    alone: bool = False
    tls: bool = False
    datasets: tuple[str, ...] = DATASETS


CASES = [Case.model_validate(entry) for entry in YAML(typ="safe", pure=True).load(HERE / "faults.yaml")]
FREE = {case.title: case for case in CASES if case.faults and not case.socket and not case.alone and not case.revision}
"""What needs no socket, by its title."""
AT_ONCE = 6
"""So many faults has one server beside each other: then few servers have all pairs."""
PAIRS = [pair for pair in combinations(FREE, 2) if set(pair) != {"Total too high", "Total too low"}]


def all_pairs_by_group() -> list[tuple[str, ...]]:
    """Faults, `AT_ONCE` at a time, so that each of `PAIRS` stands in one group at least."""
    groups: list[tuple[str, ...]] = []
    left = dict.fromkeys(PAIRS)
    while left:
        group = next(iter(left))
        while len(group) < AT_ONCE:
            larger = [
                tuple(title for title in FREE if title in {*group, other}) for other in FREE if other not in group
            ]
            fitting = [each for each in larger if all(pair in PAIRS for pair in combinations(each, 2))]
            group = max(fitting, key=lambda each: sum(pair in left for pair in combinations(each, 2)))
        groups.append(group)
        for pair in combinations(group, 2):
            left.pop(pair, None)
    return groups


ROWS: dict[str, str] = {}
STALE = "stale: VBR_AUDIT_UPDATE_DOCS=1 pytest tests/reliability"


@pytest.fixture
def served(estate: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[Case], Any]:
    """A function that serves the estate with the faults of a case, to a client with that account."""
    monkeypatch.setenv("VBR_AUDIT_USERNAME", DEMO_USERNAME)
    monkeypatch.setenv("VBR_AUDIT_PASSWORD", DEMO_PASSWORD)

    def start(case: Case) -> Any:
        return serve(faults=[CAP, *case.faults], tls=case.tls, **estate)

    return start


def words(case: Case, url: ServerUrl, out: Path) -> list[str]:
    """The command line that collects a case."""
    given = ["collect", str(url), "--out", str(out), "--since", "2026-08-01", "--timezone", "UTC"]
    given += ["--datasets", ",".join(case.datasets)]
    given += ["--revision", case.revision] if case.revision else []
    given += ["--fingerprint", str(url.fingerprint)] if case.tls else []
    return given


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_each_fault_alone(
    case: Case,
    served: Callable[[Case], Any],
    held: Callable[..., Any],
    compared: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if any(fault.startswith("slow-loris") for fault in case.faults):
        monkeypatch.setattr(answers, "LEAST_DEADLINE_S", 0.4)
        monkeypatch.setenv("VBR_AUDIT_TIMEOUT", "0.08")
    with served(case) as url:
        before = held(url.simulator, case.revision)
        result = CliRunner().invoke(app, words(case, url, tmp_path / "run"))
        assert result.exit_code == case.exit, result.output
        snapshot = va.load(tmp_path / "run")
        outcome = compared(snapshot, url.simulator, before, case.revision)
        snapshot.close()
    outcome.check_honesty()
    assert set(case.incomplete) <= outcome.incomplete <= {*case.incomplete, *case.may_be_incomplete}
    for name, phrase in case.incomplete.items():
        assert phrase in str(outcome.records[name].reason)
        assert re.search(rf"{name} +{outcome.records[name].status}", result.stdout)
    if not case.may_be_incomplete:
        assert any(outcome.lost.values()) == case.lost
    ROWS[case.title] = row_of(case, outcome)
    if not UPDATE:
        assert ROWS[case.title] in PAGE.read_text("utf-8").splitlines(), STALE


@pytest.mark.parametrize("titles", all_pairs_by_group(), ids=" + ".join)
def test_faults_at_once(titles: tuple[str, ...], collected: Callable[..., Any]) -> None:
    cases = [FREE[title] for title in titles]
    outcome = collected(CAP, *(fault for case in cases for fault in case.faults), datasets=PAIRED)
    outcome.check_honesty()
    for case in cases:
        if "ignored-skip" not in case.faults:  # if the rows move by as well, page one may show them all in the end
            assert set(case.incomplete) & set(PAIRED) <= outcome.incomplete


def row_of(case: Case, outcome: Any) -> str:
    """The line of a case in the page, from what has really happened."""
    said = [f"`{name}` {outcome.records[name].status}: …{phrase}…" for name, phrase in case.incomplete.items()]
    said += (
        [f"perhaps so: {', '.join(f'`{name}`' for name in case.may_be_incomplete)}"] if case.may_be_incomplete else []
    )
    doubtful = "perhaps some, and said so" if case.may_be_incomplete else "none"
    gone = "some, and said so" if case.lost else doubtful
    faults = " ".join(f"`{fault}`" for fault in case.faults) or f"`{CAP}`"
    cells = [f"{case.title}: {faults}", case.does, "; ".join(said) or "all complete", gone, str(case.exit), case.user]
    return f"| {' | '.join(cells)} |"


HEAD = f"""\
# What becomes of a server that misbehaves

`tests/reliability` writes this page. Each line is a `vbr-audit collect` from the simulator with that fault enabled, in
pages of 7 rows, compared row by row with the rows of the simulator. The tests also run the {len(PAIRS)} pairs of faults
that work without a socket, six faults at a time. In all runs, no row is read twice, and no row that was on the
server all the time is missing from a dataset that the manifest calls complete.

If a dataset is not complete, the checks that need all of it are UNKNOWN. A run whose enabled checks need it ends with
exit code 4.

| fault | what the server does | what the manifest says | rows lost | exit | what to do |
|---|---|---|---|---|---|"""


def test_the_page_has_a_line_for_each_fault_and_no_other() -> None:
    if UPDATE:
        assert [case.title for case in CASES if case.title not in ROWS] == [], "rewrite the page without -n"
        PAGE.write_text("\n".join([*HEAD.splitlines(), *(ROWS[case.title] for case in CASES), ""]), "utf-8")
    lines, head = PAGE.read_text("utf-8").splitlines(), HEAD.splitlines()
    assert lines[: len(head)] == head, STALE
    assert [line.split(":")[0] for line in lines[len(head) :]] == [f"| {case.title}" for case in CASES], STALE
