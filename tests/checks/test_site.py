"""The site file and the list of assets: what is refused, and where the error points."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from vbr_audit.checks.site import Site, load_site
from vbr_audit.errors import SiteError


def refusal(text: str, folder: Path | None = None, assets: str | None = None) -> str:
    source: str | Path = text
    if folder is not None:
        source = folder / "estate.yaml"
        source.write_text(text, encoding="utf-8")
        if assets is not None:
            (folder / "assets.csv").write_bytes(assets.encode("utf-8"))
    with pytest.raises(SiteError) as caught:
        load_site(source)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("version: 1\nrepositorys: []\n", ("site.yaml:2: repositorys:", "did you mean 'repositories'")),
        ("version: 2\n", ("site.yaml:1: version:", "expected 1")),
        ("repositories: []\n", ("site.yaml:1: version: is required",)),
        ("version: 1\nversion: 1\n", ("site.yaml:2:", "version")),
        ("version: 1\nrepositories: {}\n", ("site.yaml:2: repositories",)),
        ("version: 1\nrepositories:\n  - {match: A, tags: [ofsite]}\n", ("site.yaml:3:", "did you mean 'offsite'")),
        ("version: 1\nrepositories:\n  - {match: A, tags: []}\n", ("site.yaml:3:", "tags")),
        ("version: 1\nrepositories:\n  - {match: ' ', tags: [offsite]}\n", ("site.yaml:3:", "match")),
        ("version: 1\nrepositories:\n  - {tags: [offsite]}\n", ("site.yaml:3:", "match")),
        (
            "version: 1\ntiers:\n  - {name: a, jobs: [A]}\n  - {name: a, jobs: [B]}\n",
            ("site.yaml:4:", "appears twice"),
        ),
        ("version: 1\ntiers:\n  - {name: a}\n", ("site.yaml:3:", "needs jobs or objects")),
        ("version: 1\ntiers:\n  - {name: a, jobs: [A], rpo_hours: 0}\n", ("site.yaml:3:", "rpo_hours")),
        ("version: 1\ntiers:\n  - {name: a, jobs: [A], rpo_hours: '24'}\n", ("site.yaml:3:", "rpo_hours")),
        ("version: 1\ntiers:\n  - {name: a, jobs: [A], rpo_hours: 1.5}\n", ("site.yaml:3:", "rpo_hours")),
        ("version: 1\ntiers:\n  - {name: a, jobs: [A], rpo_hour: 1}\n", ("site.yaml:3:", "did you mean 'rpo_hours'")),
        (
            "version: 1\ntiers:\n  - {name: a, jobs: [A], gfs: {montly: 1}}\n",
            ("site.yaml:3:", "did you mean 'monthly'"),
        ),
        ("version: 1\ntiers:\n  - {name: a, jobs: A}\n", ("site.yaml:3:", "jobs")),
        ('version: 1\nwindow: {start: "24:00", end: "06:00"}\n', ("site.yaml:2:", "window.start", '"HH:MM"')),
        ('version: 1\nwindow: {start: "8:00", end: "06:00"}\n', ("site.yaml:2:", "window.start")),
        ("version: 1\nwindow: {start: 20:00, end: 22:00:00}\n", ("site.yaml:2:", "window.end")),
        ('version: 1\nwindow: {start: "20:00"}\n', ("site.yaml:2:", "window.end")),
        ("version: 1\nbuilds: {'12.3': 'newest'}\n", ("site.yaml:2:", "12.3")),
        ("version: 1\nbuilds: {twelve: '12.3.2.1'}\n", ("site.yaml:2: builds.twelve:", "a release such as")),
        ("version: 1\nbuilds: {'13': '12.3.2.1'}\n", ("site.yaml:2: builds.13:", "12.3.2.1 is no build of release 13")),
        (
            "version: 1\nbuilds: {12.3: '12.3.2.1'}\n",
            ("site.yaml:2: builds.12.3: a key must be text; put it in quotes",),
        ),
        (
            "version: 1\nrepositories:\n  - {match: A, tags: [offsite, onsite]}\n",
            ("site.yaml:3: repositories[0].tags:", "offsite and onsite"),
        ),
        ("version: 1\nassets: assets.csv\n", ("site.yaml:2: assets: cannot read",)),
        ("version: 1\nassets: [a]\n", ("site.yaml:2: assets",)),
        ("- 1\n", ("site.yaml:1:",)),
        ("version: 1\n  bad: [\n", ("site.yaml:",)),
    ],
)
def test_a_bad_site_file_is_refused_with_its_place(text: str, parts: tuple[str, ...]) -> None:
    message = refusal(text)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("assets", "parts"),
    [
        ("name,ownr\na,b\n", ("assets.csv:1: ownr:", "did you mean 'owner'")),
        ("name,colour\na,b\n", ("assets.csv:1: colour:", "known: name, platform")),
        ("platform,owner\na,b\n", ("assets.csv:1:", "`name`")),
        ("", ("assets.csv:1:", "`name`")),
        ("name,owner\na,b\nc,d,e\n", ("assets.csv:3:", "more cells than columns")),
        ("name,owner\n,b\n", ("assets.csv:2: name: is empty",)),
        ("name\nsrv\n\nSRV\n", ("assets.csv:4: name: SRV stands in line 2 already",)),
        ('name\n"a\n', ("assets.csv:2:", "not valid CSV")),
        ("name,name\na,b\n", ("assets.csv:1: name:", "twice")),
    ],
)
def test_a_bad_list_of_assets_is_refused_with_its_place(tmp_path: Path, assets: str, parts: tuple[str, ...]) -> None:
    message = refusal("version: 1\nassets: assets.csv\n", tmp_path, assets)
    for part in parts:
        assert part in message


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    message = refusal("version: 1\nassets: assets.csv\n", tmp_path, "name,owner\n,x\na,b,c\n")
    assert "assets.csv:2:" in message
    assert "assets.csv:3:" in message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("version: 1\nassets: assets.csv\n", encoding="utf-8")
    with pytest.raises(SiteError, match=r"site\.yaml:2: assets: cannot read"):
        load_site(tmp_path / "site.yaml")
    (tmp_path / "assets.csv").write_bytes(b"name\n\xff\n")
    with pytest.raises(SiteError, match=r"not UTF-8 text \(byte 5\)"):
        load_site(tmp_path / "site.yaml")
    with pytest.raises(SiteError, match="absent"):
        load_site(tmp_path / "absent.yaml")


def test_a_good_site_file(tmp_path: Path) -> None:
    (tmp_path / "estate.yaml").write_text(
        "version: 1\n"
        'repositories: [{match: "DR-*", tags: [offsite]}, {match: "*-V", tags: [immutable, offline]}]\n'
        "tiers:\n"
        '  - {name: gold, jobs: ["SQL*"], objects: [db], rpo_hours: 24, gfs: {weekly: 4}}\n'
        '  - {name: rest, jobs: ["*"]}\n'
        'window: {start: "20:00", end: "06:00"}\n'
        "assets: assets.csv\n"
        'builds: {"12.3": "12.3.2.3617"}\n',
        encoding="utf-8",
    )
    (tmp_path / "assets.csv").write_bytes("\ufeffName,EXEMPT\r\n srv-1 ,\r\nsrv-2,no data\r\n,\r\n".encode())

    site = load_site(tmp_path / "estate.yaml")

    assert site.tags_of("DR-V") == {"offsite", "immutable", "offline"}
    assert site.tags_of("dr-v") == frozenset()
    assert site.tags_of(None) == frozenset()
    assert [site.tier_of(job="SQL 1"), site.tier_of(object_name="db")] == [site.document.tiers[0]] * 2
    assert site.tier_of(job="sql") is site.document.tiers[1]
    assert site.tier_of(object_name="web") is None
    assert site.window is not None
    assert (site.window.start, site.window.end) == (dt.time(20), dt.time(6))
    assert site.assets is not None
    assert [(asset.name, asset.exempt) for asset in site.assets] == [("srv-1", None), ("srv-2", "no data")]
    assert all(site.has(part) for part in ("repositories", "tiers", "window", "assets", "builds"))
    assert site.sha256 != load_site(tmp_path / "estate.yaml", assets=_other(tmp_path)).sha256


def _other(folder: Path) -> Path:
    path = folder / "other.csv"
    path.write_text("name\n", encoding="utf-8")
    return path


def test_no_site_file_says_nothing() -> None:
    site = load_site(None)
    assert site == Site()
    assert not site.is_given
    assert site.sha256 is None
    assert not any(site.has(part) for part in ("repositories", "tiers", "window", "assets", "builds"))


@pytest.mark.parametrize(
    ("rules", "tags"),
    [
        ("{match: '*', tags: [onsite]}, {match: DR-*, tags: [offsite, offline]}", {"offsite", "offline"}),
        ("{match: '*', tags: [offsite, offline]}, {match: DR-*, tags: [onsite]}", {"onsite", "offline"}),
    ],
)
def test_of_offsite_and_onsite_the_later_rule_counts(rules: str, tags: set[str]) -> None:
    assert load_site(f"version: 1\nrepositories: [{rules}]\n").tags_of("DR-1") == tags
