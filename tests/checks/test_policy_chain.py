"""What a policy stands on: profiles, other files, and the one text that holds them all."""

# ruff: noqa: E501 - a case and its message on one line

from __future__ import annotations

from pathlib import Path

import pytest

from vbr_audit.checks import REGISTRY, Policy, load_policy
from vbr_audit.checks.engine.tables import datasets_behind_table
from vbr_audit.checks.policy.policy import PROFILES, starting_policy
from vbr_audit.checks.policy.use import policy_changes
from vbr_audit.datasets import DATASETS
from vbr_audit.datasets.roles import Role
from vbr_audit.errors import PolicyError

BASE = """# What all of us agree on.
version: 1
fail_on: low
waiver_horizon_days: 90
checks:
  JOB-003: {severity: high, params: {min_retries: 5}}
  JOB-007: {params: {min_days: 30, min_points: 30}}
  RUN-*: {enabled: false, reason: judged elsewhere}
"""
TOP = """version: 1
extends: base.yaml
checks:
  JOB-0*: {severity: low}
  JOB-007:
    params: {min_days: 14}
  RUN-001: {enabled: true}
"""


def shape(policy: Policy) -> list[tuple[object, ...]]:
    return [
        (
            use.check.id,
            use.enabled,
            use.reason,
            use.enabled_source,
            use.severity,
            use.severity_source,
            dict(use.params),
            dict(use.params_source),
            [(one.match, one.place, [(rule, dict(places)) for rule, places in one.rules]) for one in use.overrides],
        )
        for use in policy.uses
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    (tmp_path / "top.yaml").write_text(TOP, encoding="utf-8")
    return tmp_path


def test_the_last_word_counts_and_every_word_keeps_its_place(folder: Path) -> None:
    policy = load_policy(folder / "top.yaml")
    assert policy.chain == ("default profile", "base.yaml", "top.yaml")
    assert (policy.name, policy.fail_on, policy.waiver_horizon_days) == ("top.yaml", "low", 90)
    retry = policy.use("JOB-003")
    assert (retry.severity, retry.severity_source) == ("low", "top.yaml:4")
    assert (retry.params, retry.params_source) == ({"min_retries": 5}, {"min_retries": "base.yaml:6"})
    kept = policy.use("JOB-007")
    assert kept.params == {"min_days": 14, "min_points": 30}
    assert kept.params_source == {"min_days": "top.yaml:6", "min_points": "base.yaml:7"}
    run, other = policy.use("RUN-001"), policy.use("RUN-003")
    assert (run.enabled, run.enabled_source, run.reason) == (True, "top.yaml:7", None)
    assert (other.enabled, other.enabled_source, other.reason) == (False, "base.yaml:8", "judged elsewhere")


def test_a_later_file_counts_more_even_with_a_glob(folder: Path) -> None:
    (folder / "top.yaml").write_text(
        "version: 1\nextends: base.yaml\nchecks: {JOB-*: {enabled: false, reason: x}}\n", encoding="utf-8"
    )
    assert not load_policy(folder / "top.yaml").use("JOB-003").enabled


def test_the_text_alone_gives_the_same_policy_with_the_same_places(folder: Path, tmp_path: Path) -> None:
    policy = load_policy(folder / "top.yaml")
    again = load_policy(policy.text)
    assert shape(again) == shape(policy)
    assert (again.name, again.text, again.sha256, again.chain) == (
        policy.name,
        policy.text,
        policy.sha256,
        policy.chain,
    )
    assert again.fail_on == "low"
    assert BASE in policy.text
    assert TOP in policy.text
    kept = tmp_path / "elsewhere" / "policy.yaml"
    kept.parent.mkdir()
    kept.write_text(policy.text, encoding="utf-8")
    assert shape(load_policy(kept, name="top.yaml")) == shape(policy)
    (kept.parent / "more.yaml").write_text("version: 1\nextends: policy.yaml\nfail_on: never\n", encoding="utf-8")
    more = load_policy(kept.parent / "more.yaml")
    assert more.chain == ("default profile", "base.yaml", "top.yaml", "more.yaml")
    assert shape(load_policy(more.text)) == shape(more) == shape(policy)


@pytest.mark.parametrize("ending", ["", "\r\n", "\n\n# end"])
def test_the_text_keeps_files_with_other_line_endings(folder: Path, ending: str) -> None:
    (folder / "base.yaml").write_bytes((BASE.rstrip("\n") + ending).replace("\n", "\r\n").encode())
    policy = load_policy(folder / "top.yaml")
    assert shape(load_policy(policy.text)) == shape(policy)
    assert load_policy(policy.text).text == policy.text


def test_a_file_that_extends_a_profile_only_is_kept_as_it_is() -> None:
    text = "version: 1\nextends: strict\n"
    policy = load_policy(text)
    assert policy.text == text
    assert policy.chain == ("default profile", "strict profile", "policy.yaml")
    assert policy.fail_on == load_policy("strict").fail_on


def test_files_of_other_folders_are_found_from_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "site").mkdir()
    (tmp_path / "all" / "root.yaml").write_text("version: 1\nextends: minimal\nfail_on: info\n", encoding="utf-8")
    (tmp_path / "all" / "mid.yaml").write_text("version: 1\nextends: root.yaml\n", encoding="utf-8")
    (tmp_path / "site" / "mid.yaml").write_text("version: 1\nextends: ../all/mid.yaml\n", encoding="utf-8")
    policy = load_policy(tmp_path / "site" / "mid.yaml")
    assert policy.chain == ("default profile", "minimal profile", "root.yaml", "../all/mid.yaml", "mid.yaml")
    assert policy.fail_on == "info"
    assert shape(load_policy(policy.text)) == shape(policy)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": "extends: a.yaml"}, "a.yaml:2: extends: the policy extends itself: a.yaml > a.yaml"),
        (
            {"a": "extends: b.yaml", "b": "extends: ./a.yaml"},
            "b.yaml:2: extends: the policy extends itself: a.yaml > b.yaml > ./a.yaml",
        ),
        ({"a": "extends: strickt"}, "a.yaml:2: extends: strickt: cannot be read: No such file or directory; did you mean 'strict'?"),
        ({"a": "extends: b.yaml", "b": "fail_on: hihg"}, "b.yaml:2: fail_on: expected"),
        ({"a": "extends: ''"}, "a.yaml:2: extends: must not be empty"),
        ({"a": "waiver_horizon_days: 367"}, "a.yaml:2: waiver_horizon_days: must be at most 366, got 367"),
        ({"a": "waiver_horizon_days: 0"}, "a.yaml:2: waiver_horizon_days: must be at least 1, got 0"),
    ],
)  # fmt: skip
def test_wrong_chains_are_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, line in files.items():
        (tmp_path / f"{name}.yaml").write_text(f"version: 1\n{line}\n", encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(tmp_path / "a.yaml")
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_a_text_can_extend_a_profile_but_no_file() -> None:
    with pytest.raises(PolicyError, match=r"policy.yaml:2: extends: a policy given as text cannot extend the file b"):
        load_policy("version: 1\nextends: b.yaml\n")


def test_profiles_go_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_policy("default").sha256 == load_policy().sha256
    for name in PROFILES:
        policy = load_policy(name)
        assert policy.name == f"{name} profile"
        assert shape(load_policy(policy.text, name=policy.name)) == shape(policy)
    with pytest.raises(PolicyError, match=r"^no policy is called 'strickt'; did you mean 'strict'\?"):
        load_policy("strickt")
    Path("strickt").write_text("version: 1\n", encoding="utf-8")
    assert load_policy("strickt").name == "strickt"


@pytest.mark.parametrize("profile", PROFILES)
def test_every_shipped_profile_names_checks_and_parameters_that_exist(profile: str) -> None:
    policy = load_policy(profile)
    known = {check.id for check in REGISTRY}
    named = {name for name in policy.checks if "*" not in name}
    assert named <= known
    load_policy(policy.text.replace("extends: default", "# extends: default"), name="as a file of the user's")


def test_the_minimal_profile_asks_only_what_a_viewer_may_read() -> None:
    minimal = load_policy("minimal")
    for use in minimal.uses:
        if use.enabled:
            vital = [table for table in use.check.tables if table not in use.check.fallback]
            for name in {one for table in vital for one in datasets_behind_table(table)}:
                assert DATASETS[name].access.allows(Role.VIEWER, "1.3-rev2"), (use.check.id, name)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_policy_to_start_from_changes_nothing(profile: str) -> None:
    given = load_policy(profile)
    text = starting_policy(given, profile)
    policy = load_policy(text)
    assert list(policy_changes(policy.uses)) == list(
        policy_changes(load_policy(f"version: 1\nextends: {profile}\n").uses)
    )
    assert all(f"# {check.id}:" in text for check in REGISTRY)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_line_of_a_policy_to_start_from_can_be_taken_in(profile: str) -> None:
    text = starting_policy(load_policy(profile), profile)
    start = text.index("\nchecks:")
    taken = "\n".join(
        line.replace("# ", "", 1) if line.startswith("  # ") and "----" not in line else line
        for line in text[start:].splitlines()
    )
    policy = load_policy(text[:start] + taken + "\n")
    for use in policy.uses:
        before = load_policy(profile).use(use.check.id) if use.check.id == "JOB-003" else None
        assert use.enabled
        assert use.overrides == () or use.check.id.startswith("JOB-")
        if before is not None:
            assert use.params == before.params
            assert use.severity == before.severity


def test_what_a_policy_changes_is_said_with_its_place(folder: Path) -> None:
    (folder / "top.yaml").write_text(
        TOP
        + "overrides:\n  - match: {object_name: LAB-*, server: vbr02}\n    checks: {JOB-003: {params: {min_retries: 1}}, JOB-00*: {enabled: false, reason: lab, severity: info}}\n",
        encoding="utf-8",
    )
    lines = policy_changes(load_policy(folder / "top.yaml").uses)
    assert "JOB-003: min_retries 1 > 5 (base.yaml:6)" in lines
    assert "JOB-008: severity medium > low (top.yaml:4)" in lines
    assert "RUN-003: disabled: judged elsewhere (base.yaml:8)" in lines
    assert "JOB-003: for server vbr02, object_name LAB-*: min_retries 1 (top.yaml:10)" in lines
    assert "JOB-003: for server vbr02, object_name LAB-*: disabled: lab (top.yaml:10)" in lines
    assert "JOB-008: for server vbr02, object_name LAB-*: severity info (top.yaml:10)" in lines
