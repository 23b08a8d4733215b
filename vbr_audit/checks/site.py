"""The site file: what only its owner knows of an estate. Without it, the checks that need it say UNKNOWN.

version: 1
repositories:                       # tags by the name of the repository; `*` and `?` as in file names. All rules that
                                    # fit add up; of offsite and onsite, the later one counts
  - {match: "DR-*", tags: [offsite]}
  - {match: "Vault*", tags: [offsite, offline]}
tiers:                              # the first tier that fits a job, or an object, is its tier
  - {name: gold, jobs: ["SQL*"], objects: ["srv-*"], rpo_hours: 24, retention_days: 30, gfs: {weekly: 4, monthly: 12}}
window: {start: "20:00", end: "06:00"}
assets: assets.csv                  # one machine a line; columns `name` and, if wanted, `platform`, `owner`, `exempt`
builds: {"12.3": "12.3.2.3617"}     # the oldest build of each release that is still good
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from vbr_audit.config.given_file import read_given
from vbr_audit.config.yaml_file import Problem, Version, YamlFile, load_yaml, raise_problems, shown, suggestion
from vbr_audit.errors import SiteError

ASSETS_FILE: Final = "assets.csv"
_MOST_ASSETS: Final = 64 * 1024 * 1024
_HINT = "Correct the site file; README shows what may stand in it."
_COLUMNS: Final = ("name", "platform", "owner", "exempt")
_RELEASE: Final = re.compile(r"[0-9]+(\.[0-9]+){0,2}")
_STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Count = Annotated[int, Field(strict=True, ge=1)]
Tag = Literal["offsite", "onsite", "offline", "immutable"]
_PLACES: Final = {"offsite", "onsite"}


class RepositoryRule(BaseModel):
    """Tags for the repositories whose name fits `match`."""

    model_config = _STRICT

    match: Text
    tags: Annotated[tuple[Tag, ...], Field(min_length=1)]


class Gfs(BaseModel):
    """How many weekly, monthly and yearly restore points a tier demands; None demands nothing."""

    model_config = _STRICT

    weekly: Count | None = None
    monthly: Count | None = None
    yearly: Count | None = None


class Tier(BaseModel):
    """What the jobs and objects of one tier must keep; None demands nothing of its own."""

    model_config = _STRICT

    name: Text
    jobs: tuple[Text, ...] = ()
    objects: tuple[Text, ...] = ()
    rpo_hours: Count | None = None
    retention_days: Count | None = None
    gfs: Gfs = Gfs()


class Window(BaseModel):
    """The hours in which jobs may run, as `HH:MM` in the zone of the report; it may reach over midnight."""

    model_config = _STRICT

    start: dt.time
    end: dt.time

    @field_validator("start", "end", mode="before")
    @classmethod
    def _hours_and_minutes(cls, value: Any) -> dt.time:
        if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
            raise ValueError('expected a time of day as "HH:MM", in quotes')
        return dt.time.fromisoformat(value)


class SiteDocument(BaseModel):
    """The shape of a site file."""

    model_config = _STRICT

    version: Version
    repositories: tuple[RepositoryRule, ...] = ()
    tiers: tuple[Tier, ...] = ()
    window: Window | None = None
    assets: Text | None = None
    builds: dict[str, Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+){1,3}$")]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Asset:
    """One machine that must be protected; `exempt` is the reason why it need not be."""

    name: str
    platform: str | None = None
    owner: str | None = None
    exempt: str | None = None


@dataclass(frozen=True)
class Site:
    """A site file in force, with its `name`, `text` and the text of its assets; all empty where there is no file.

    `assets` is None where the file names no list, which is another thing than an empty list.
    """

    document: SiteDocument = field(default_factory=lambda: SiteDocument(version=1))
    assets: tuple[Asset, ...] | None = None
    name: str = ""
    text: str = ""
    assets_text: str = ""

    @property
    def is_given(self) -> bool:
        """Whether there is a site file at all."""
        return bool(self.text)

    @property
    def sha256(self) -> str | None:
        """The SHA-256 over the texts of the file and of its assets; None where there is no file."""
        return hashlib.sha256(f"{self.text}\0{self.assets_text}".encode()).hexdigest() if self.text else None

    @property
    def window(self) -> Window | None:
        """The hours in which jobs may run."""
        return self.document.window

    def text_of(self, part: str) -> str:
        """What the file says of `part`, as JSON, which is the same wherever it says the same."""
        kept = self.document.model_dump(mode="json", include={part})
        return json.dumps(kept, sort_keys=True)

    def has(self, part: str) -> bool:
        """Whether the file says anything of `part`: repositories, tiers, window, assets or builds."""
        return self.assets is not None if part == "assets" else bool(getattr(self.document, part))

    def tags_of(self, repository: str | None) -> frozenset[str]:
        """The tags of the repository with this name, of all rules that fit; of offsite and onsite the later counts."""
        tags: set[str] = set()
        for rule in self.document.repositories if repository else ():
            if fnmatchcase(str(repository), rule.match):
                tags -= _PLACES if _PLACES & set(rule.tags) else set()
                tags |= set(rule.tags)
        return frozenset(tags)

    def tier_of(self, *, job: str | None = None, object_name: str | None = None) -> Tier | None:
        """The first tier of which a pattern fits the job's or the object's name."""
        for tier in self.document.tiers:
            if job is not None and any(fnmatchcase(job, pattern) for pattern in tier.jobs):
                return tier
            if object_name is not None and any(fnmatchcase(object_name, pattern) for pattern in tier.objects):
                return tier
        return None


def load_site(source: str | Path | None = None, *, assets: str | Path | None = None) -> Site:
    """The site file at `source` (a path; a `str` with a line break is the text itself), an empty site for None.

    The list of assets is looked for beside the file, unless `assets` says where it is, or is its text. Raises
    `SiteError`, whose message names file, line and key of everything that is wrong.
    """
    if source is None:
        return Site()
    file = YamlFile.read(source, error=SiteError, default_name="site.yaml")
    document = load_yaml(file, SiteDocument, error=SiteError, hint=_HINT, inspect=_inspect)
    if document.assets is None:
        return Site(document, None, file.name, file.text)
    folder = Path() if isinstance(source, str) and "\n" in source else Path(source).parent
    if isinstance(assets, str) and "\n" in assets:
        listed = tuple(_assets(YamlFile(ASSETS_FILE, assets)))
        return Site(document, listed, file.name, file.text, assets)
    path = Path(assets) if assets is not None else folder / document.assets
    try:
        text = read_given(path, most=_MOST_ASSETS).decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise SiteError(f"{path}: not UTF-8 text (byte {fault.start})", hint="Save the file as UTF-8.") from None
    except OSError as fault:
        line = file.line_of(("assets",))
        raise SiteError(
            f"{file.name}:{line}: assets: cannot read {path}: {fault.strerror or fault}",
            hint="The path is taken from the folder of the site file.",
        ) from None
    return Site(document, tuple(_assets(YamlFile(path.name, text))), file.name, file.text, text)


def _assets(file: YamlFile) -> Iterator[Asset]:
    """The rows of the list of assets; raises `SiteError`."""
    reader = csv.DictReader(io.StringIO(file.text, newline=""), strict=True)
    problems: list[Problem] = []
    assets: list[Asset] = []
    seen: dict[str, int] = {}
    try:
        header = [str(name).strip().casefold() for name in reader.fieldnames or ()]
        problems += [
            Problem((name,), f"unknown column{suggestion(name, _COLUMNS) or '; known: ' + ', '.join(_COLUMNS)}", 1)
            for name in header
            if name not in _COLUMNS
        ]
        problems += [Problem((name,), "appears twice", 1) for name in _COLUMNS if header.count(name) > 1]
        if "name" not in header:
            problems.append(Problem((), "the first line must name the columns, with `name` among them", 1))
        reader.fieldnames = header
        for row in reader if not problems else ():
            cells = {key: (row.get(key) or "").strip() or None for key in _COLUMNS}
            line, name = reader.line_num, cells["name"]
            if None in row:
                problems.append(Problem((), "more cells than columns", line))
            elif name is None:
                if any(cells.values()):
                    problems.append(Problem(("name",), "is empty", line))
            elif name.casefold() in seen:
                problems.append(Problem(("name",), f"{name} stands in line {seen[name.casefold()]} already", line))
            else:
                seen[name.casefold()] = line
                assets.append(Asset(name, cells["platform"], cells["owner"], cells["exempt"]))
    except csv.Error as fault:
        problems.append(Problem((), f"not valid CSV: {fault}", reader.reader.line_num))
    if problems:
        raise_problems(file, problems, error=SiteError, hint=_HINT)
    yield from assets


def _inspect(content: Any) -> Iterable[Problem]:
    """Tiers of the same name or without use, repositories at two places, and builds of another release."""
    if not isinstance(content, dict):
        return
    yield from _tier_problems(content.get("tiers"))
    rules = content.get("repositories")
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        tags = rule.get("tags") if isinstance(rule, dict) else None
        if isinstance(tags, list) and all(place in tags for place in _PLACES):
            yield Problem(("repositories", number, "tags"), "offsite and onsite contradict each other")
    builds = content.get("builds")
    for release, build in builds.items() if isinstance(builds, dict) else ():
        if not isinstance(release, str) or not isinstance(build, str):
            continue
        if not _RELEASE.fullmatch(release):
            yield Problem(("builds", release), f"expected a release such as 12.3, got {shown(release)}")
        elif not f"{build}.".startswith(f"{release}."):
            yield Problem(("builds", release), f"{build} is no build of release {release}")


def _tier_problems(tiers: Any) -> Iterator[Problem]:
    names: set[str] = set()
    for number, tier in enumerate(tiers if isinstance(tiers, list) else []):
        if not isinstance(tier, dict):
            continue
        name = tier.get("name")
        if isinstance(name, str) and name in names:
            yield Problem(("tiers", number, "name"), f"the tier {name} appears twice")
        if isinstance(name, str):
            names.add(name)
        if not tier.get("jobs") and not tier.get("objects"):
            yield Problem(("tiers", number), "needs jobs or objects that it is for")
