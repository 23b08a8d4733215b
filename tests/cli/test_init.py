"""`vbr-audit init`: what it writes is valid as it stands, and with every comment taken at its word."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from vbr_audit.checks.policy.policy import load_policy
from vbr_audit.checks.policy.use import policy_changes
from vbr_audit.checks.site import SiteDocument, load_site
from vbr_audit.cli import app, cmd_init
from vbr_audit.config.settings import FILE_KEYS, GUARDED, SettingsFile, load_settings, reading_settings_from
from vbr_audit.findings.waivers import Waiver, load_waivers
from vbr_audit.simulator import DEMO_PASSWORD, DEMO_USERNAME, ServerUrl

NAMES = ["vbr_audit.toml", "policy.yaml", "site.yaml", "waivers.yaml"]


def invoke(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"VBR_AUDIT_PASSWORD": DEMO_PASSWORD})


def uncommented(text: str, pattern: str) -> str:
    """The text with the `# ` taken from every line that fits."""
    return re.sub(rf"(?m)^#( ?)(?={pattern})", "", text)


def test_it_writes_four_files_and_says_what_comes_next(tmp_path: Path) -> None:
    done = invoke("init", tmp_path / "new")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(NAMES)
    assert done.stdout.splitlines()[:4] == [str(tmp_path / "new" / name) for name in NAMES]
    commands = re.findall(r"vbr-audit ([a-z]+).* --config (\S+)", done.stdout)
    assert commands == [(name, str(tmp_path / "new" / "vbr_audit.toml")) for name in ("config", "doctor", "audit")]
    assert f'--config "{tmp_path / "my site" / "vbr_audit.toml"}"' in invoke("init", tmp_path / "my site").stdout
    shown = invoke("config", "show", "--config", commands[0][1])
    assert f"{tmp_path / 'new' / 'policy.yaml'} " in shown.stdout


def test_it_replaces_nothing_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("mine")
    done = invoke("init", tmp_path)
    assert (done.exit_code, [path.name for path in tmp_path.iterdir()]) == (2, ["site.yaml"])
    assert f"{tmp_path / 'site.yaml'} already exists" in done.stderr
    assert invoke("init", tmp_path, "--force").exit_code == 0
    assert (tmp_path / "site.yaml").read_text("utf-8") == cmd_init.SITE


def test_the_files_are_valid_and_change_nothing(tmp_path: Path) -> None:
    invoke("init", tmp_path)
    done = invoke("policy", "validate", tmp_path / "policy.yaml")
    assert done.exit_code == 0, done.output
    assert policy_changes(load_policy(tmp_path / "policy.yaml").uses) == policy_changes(load_policy("default").uses)
    assert load_waivers(tmp_path / "waivers.yaml").waivers == ()
    assert load_site(tmp_path / "site.yaml").document == SiteDocument(version=1)
    with reading_settings_from([SettingsFile(tmp_path / "vbr_audit.toml")]):
        assert load_settings().policy == str(tmp_path / "policy.yaml")


def test_an_audit_with_them_is_an_audit_by_default(
    tmp_path: Path, server: Callable[..., ServerUrl], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = server(sessions=60, role="Administrator")
    words = ("-u", DEMO_USERNAME, "--format", "csv", "--fail-on", "never", "--quiet")
    assert invoke("audit", url, *words, "--out", tmp_path / "without").exit_code == 0
    invoke("init")
    settings = tmp_path / "vbr_audit.toml"
    settings.write_text(settings.read_text("utf-8").replace('# url = "https://vbr01.example"', f'url = "{url}"'))
    assert invoke("audit", *words, "--config", settings, "--out", tmp_path / "with").exit_code == 0
    assert (tmp_path / "with" / "waivers.yaml").is_file()
    pairs = zip(*(facts(tmp_path / name / "findings.csv") for name in ("without", "with")), strict=True)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


def facts(path: Path) -> list[list[str]]:
    """Check, object and result of each finding; a site file that says nothing has other reasons than none."""
    import pandas as pd

    frame = pd.read_csv(path, dtype=str)
    return frame[["check_id", "object_id", "result"]].fillna("").to_numpy().tolist()


def test_every_setting_is_explained_and_its_example_is_valid(tmp_path: Path) -> None:
    text = uncommented(cmd_init.SETTINGS, "[a-z_]+ = ")
    keys = re.findall(r"(?m)^([a-z_]+) = ", text)
    assert sorted(keys) == sorted(FILE_KEYS)
    assert re.findall(r"(?m)^#$\n#$", text) == []
    assert all(re.search(rf"(?m)^#.*\b{name}\b.*(,| and)", text) for name in GUARDED)
    path = tmp_path / "all.toml"
    path.write_text(text)
    with reading_settings_from([SettingsFile(path)]):
        assert load_settings().proxy == "http://proxy.example:3128"


def test_every_comment_of_the_site_file_is_valid(tmp_path: Path) -> None:
    text = uncommented(cmd_init.SITE, r"(repositories|tiers|window|assets|builds):|  - \{")
    (tmp_path / "assets.csv").write_text("name,platform,owner,exempt\nsrv-1,,,\n")
    path = tmp_path / "site.yaml"
    path.write_text(text)
    site = load_site(path)
    assert all(site.has(part) for part in SiteDocument.model_fields if part != "version")


def test_the_example_of_a_waiver_is_valid_and_says_every_key(tmp_path: Path) -> None:
    text = uncommented(cmd_init.WAIVERS, "  - id|    [a-z_]+: ").replace("waivers: []", "waivers:")
    path = tmp_path / "waivers.yaml"
    path.write_text(text)
    (waiver,) = load_waivers(path).waivers
    assert waiver.model_fields_set == Waiver.model_fields.keys() - {"object_id"}
    assert "object_id" in text


def test_a_site_file_that_says_nothing_promises_nothing(tmp_path: Path, server: Callable[..., ServerUrl]) -> None:
    invoke("init", tmp_path)
    words = ("doctor", server(), "-u", DEMO_USERNAME, "--json", "-")
    without, empty = (json.loads(invoke(*words, *more).stdout) for more in ((), ("--site", tmp_path / "site.yaml")))
    assert checks_of(empty) == checks_of(without)
    (tmp_path / "site.yaml").write_text('version: 1\nwindow: {start: "20:00", end: "06:00"}\n')
    assert checks_of(json.loads(invoke(*words, "--site", tmp_path / "site.yaml").stdout)) != checks_of(without)


def checks_of(told: dict[str, Any]) -> Any:
    """What doctor says of the checks."""
    return told["servers"][0]["checks"]
