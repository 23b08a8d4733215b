"""Strict YAML: what is refused, and what the errors say."""

# ruff: noqa: E501 - a case and its message on one line

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from vbr_audit.config.yaml_file import Problem, Version, YamlFile, load_yaml, model_problems, suggestion
from vbr_audit.errors import ConfigurationError


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")

    enabled: StrictBool | None = None
    limit: int = Field(default=1, ge=1, le=9, strict=True)
    rate: float = Field(default=0.5, gt=0, lt=1, allow_inf_nan=False)
    day: str | None = None


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Version
    mode: Literal["strict", "lenient"] = "strict"
    rules: dict[str, Rule] = Field(default_factory=dict)
    items: list[Rule] = Field(default_factory=list)


def load(text: str) -> Document:
    return load_yaml(YamlFile("file.yaml", text), Document, error=ConfigurationError, hint="Correct it.")


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    assert caught.value.hint == "Correct it."
    assert caught.value.__cause__ is None
    return caught.value.message


def test_a_good_file() -> None:
    found = load("version: 1\nrules:\n  A: {enabled: false, limit: 3, day: 2026-10-31}\nitems: [{}, {rate: 0.25}]\n")
    assert found.rules["A"].day == "2026-10-31", "a date stays the text that was written"
    assert found.items[1].rate == 0.25


def test_a_version_of_yaml_that_a_file_names_counts() -> None:
    text = "version: 1\nrules:\n  A: {enabled: yes, limit: 010}\n"
    assert load(f"%YAML 1.1\n---\n{text}").rules["A"] == Rule(enabled=True, limit=8)
    assert "got the text 'yes'" in refusal(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file.yaml:1: expected a mapping of keys, got nothing"),
        ("- 1\n", "file.yaml:1: expected a mapping of keys, got a list"),
        ("rules: {}\n", "file.yaml:1: version: is required"),
        ("version: 2\n", "file.yaml:1: version: expected 1, got 2"),
        ("version: 1\nmode: strikt\n", "file.yaml:2: mode: expected 'strict' or 'lenient', got the text 'strikt'; did you mean 'strict'?"),
        ("version: 1\nruels: {}\n", "file.yaml:2: ruels: unknown key; did you mean 'rules'?"),
        ("version: 1\nxyz: {}\n", "file.yaml:2: xyz: unknown key; known: version, mode, rules, items"),
        ("version: 1\nrules:\n  A:\n    enabeld: true\n", "file.yaml:4: rules.A.enabeld: unknown key; did you mean 'enabled'?"),
        ("version: 1\nrules:\n  A: {enabled: no}\n", "file.yaml:3: rules.A.enabled: expected true or false, got the text 'no'"),
        ("version: 1\nrules:\n  A: {limit: '3'}\n", "file.yaml:3: rules.A.limit: expected a whole number, got the text '3'"),
        ("version: 1\nrules:\n  A: {limit: true}\n", "file.yaml:3: rules.A.limit: expected a whole number, got true"),
        ("version: 1\nrules:\n  A: {limit: 0}\n", "file.yaml:3: rules.A.limit: must be at least 1, got 0"),
        ("version: 1\nrules:\n  A: {limit: 10}\n", "file.yaml:3: rules.A.limit: must be at most 9, got 10"),
        ("version: 1\nrules:\n  A: {rate: 1}\n", "file.yaml:3: rules.A.rate: must be below 1, got 1"),
        ("version: 1\nrules:\n  A: {rate: .nan}\n", "file.yaml:3: rules.A.rate: expected a finite number, got nan"),
        ("version: 1\nrules: []\n", "file.yaml:2: rules: expected a mapping of keys, got a list"),
        ("version: 1\nitems: {}\n", "file.yaml:2: items: expected a list, got a mapping"),
        ("version: 1\nitems:\n  - {}\n  - {lim: 3}\n", "file.yaml:4: items[1].lim: unknown key; did you mean 'limit'?"),
        ("version: true\n", "file.yaml:1: version: expected 1, got true"),
        ("version: 1.0\n", "file.yaml:1: version: expected 1, got 1.0"),
        ("version: '1'\n", "file.yaml:1: version: expected 1, got the text '1'"),
        ("version: 1\nrules:\n  7: {}\n", "file.yaml:3: rules.7: a key must be text; put it in quotes"),
        ("version: 1\nrules:\n  <<: {A: {}}\n", "file.yaml:3: rules.<<: merge keys are not accepted; write the keys out"),
        ("version: 1\nversion: 1\n", "file.yaml:2: version: this key appears twice"),
        ("version: 1\nrules:\n  A: {limit: 1, limit: 2}\n", "file.yaml:3: rules.A.limit: this key appears twice"),
        ("version: 1\nrules: &a {}\nitems: *a\n", "file.yaml:3: items: anchors and aliases are not accepted; write the value out"),
        ("version: 1\nrules:\n\t- x\n", "file.yaml:3: not valid YAML: found character '\\t' that cannot start any token"),
        ("version: 1\nrules: {\n", "file.yaml:3: not valid YAML: expected the node content, but found '<stream end>'"),
        ("version: 1\n---\nversion: 1\n", "file.yaml:2: not valid YAML: but found another document"),
        ("version: 1\nmode: \x07\n", "file.yaml:2: not valid YAML: a control character"),
        ("version: !!python/name:os.system\n", "file.yaml:1: not valid YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/name:os.system'"),
        ("[" * 5000, "file.yaml: nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, message: str) -> None:
    assert refusal(text) == message


def test_all_problems_are_listed_in_the_order_of_the_file() -> None:
    text = "mode: lenient\nrules:\n  B: {limit: '3'}\n  A:\n    enabeld: true\nextra: 1\n"
    assert refusal(text).splitlines() == [
        "file.yaml:1: version: is required",
        "file.yaml:3: rules.B.limit: expected a whole number, got the text '3'",
        "file.yaml:5: rules.A.enabeld: unknown key; did you mean 'enabled'?",
        "file.yaml:6: extra: unknown key; known: version, mode, rules, items",
    ]


def test_an_inspector_adds_its_own_problems() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_yaml(
            YamlFile("f", "version: 2\nrules: {A: {}}\n"),
            Document,
            error=ConfigurationError,
            hint="",
            inspect=lambda content: [Problem(("rules", "A"), f"{len(content)} keys")],
        )
    assert caught.value.message == "f:1: version: expected 1, got 2\nf:2: rules.A: 2 keys"


def test_long_values_are_cut() -> None:
    assert len(refusal(f"version: {'x' * 500}\n")) < 120


def test_a_file_is_read_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "given.yaml"
    path.write_bytes("\ufeffversion: 1\n".encode())
    file = YamlFile.read(path, error=ConfigurationError, default_name="x")
    assert (file.name, file.text) == ("given.yaml", "version: 1\n")
    assert YamlFile.read("version: 1\n", error=ConfigurationError, default_name="x") == YamlFile("x", "version: 1\n")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"owner: M\xfcller\n")
    for path, words in ((tmp_path / "none.yaml", "cannot be read: No such file"), (latin, "not UTF-8 text (byte 8)")):
        with pytest.raises(ConfigurationError) as caught:
            YamlFile.read(str(path), error=ConfigurationError, default_name="x")
        assert words in caught.value.message
        assert str(path) in caught.value.message


def test_suggestions() -> None:
    assert suggestion("job-8", ["JOB-008", "RUN-001"]) == "; did you mean 'JOB-008'?"
    assert suggestion("zzz", ["JOB-008"]) == ""
    assert suggestion("JOB-03", ["JOB-013", "JOB-023", "JOB-003", "JOB-033"]) == "; did you mean 'JOB-003'?"


def test_a_model_without_keys_says_so() -> None:
    class Nothing(BaseModel):
        model_config = ConfigDict(extra="forbid")

    (problem,) = model_problems(Nothing, {"x": 1}, key_word="parameter")
    assert problem.message == "unknown parameter; it takes no parameters"


def test_a_list_that_needs_something_says_so() -> None:
    class Marked(BaseModel):
        marks: Annotated[list[str], Field(min_length=1)]

    assert [problem.message for problem in model_problems(Marked, {"marks": []})] == ["must not be empty"]
