"""The channels of a delivery as a TOML file: one `[[channel]]` each, strict, with file and line in every error.

    outbox = "outbox"                        # a folder, relative to this file
    timeout = 30                             # seconds
    link = "https://audit.example/{run}"     # where the report can be read; {run} is the id of the run

    [[channel]]
    name = "backup team"
    kind = "smtp"                            # or eml, teams, slack, webhook, tickets
    host = "mail.example"
    sender = "audit@example.com"
    to = ["backup@example.com"]

A secret is never in the file, only the place where it is kept: `password_env`, `url_file`, `token_command` …
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field

from vbr_audit.config.toml_file import SECRETS, TomlFile
from vbr_audit.config.yaml_file import Problem, model_problems, raise_problems, suggestion
from vbr_audit.delivering.channels import KINDS
from vbr_audit.delivering.channels.card import Channel, Common, Seconds, Text
from vbr_audit.errors import ConfigurationError

TIMEOUT_S: Final = 30.0
"""How long a receiver may say nothing unless the file says otherwise."""
_HINT: Final = "Correct the file of channels; docs/delivery.md has an example of each kind."
_REFUSED: Final = "a secret does not belong in this file; name the place where it is kept, such as {}_env or {}_file"


class ChannelsDocument(BaseModel):
    """The shape of a file of channels; what a channel holds depends on its kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    outbox: Text = "outbox"
    timeout: Seconds = TIMEOUT_S
    link: Text | None = None
    templates: Text | None = None
    channel: Annotated[list[dict[str, Any]], Field(min_length=1)]


@dataclass(frozen=True)
class Channels:
    """The channels of a file in its order, the folder of their outbox, and how long a receiver may say nothing."""

    channels: tuple[Channel, ...]
    outbox: Path
    timeout: float


def load_channels(path: str | Path) -> Channels:
    """The channels of the file at `path`; no secret is looked up and nothing is reached.

    Raises `ConfigurationError`, with one line `file:line: key: what` for everything that is wrong, and never a value
    that may be a secret.
    """
    path = Path(path)
    file = TomlFile.read(path, error=ConfigurationError, default_name=path.name)
    content = file.content(hint=_HINT)
    problems = list(model_problems(ChannelsDocument, content))
    if not problems:
        problems = [*_link_problems(content), *_channel_problems(content, path.parent)]
    if problems:
        raise_problems(file, problems, error=ConfigurationError, hint=_HINT)
    common = _common(content, path.parent)
    channels = tuple(KINDS[entry["kind"]](entry, common) for entry in content["channel"])
    return Channels(channels, path.parent / content.get("outbox", "outbox"), common.timeout)


def _common(content: dict[str, Any], folder: Path) -> Common:
    templates = content.get("templates")
    return Common(
        folder=folder,
        timeout=float(content.get("timeout", TIMEOUT_S)),
        link=content.get("link", ""),
        templates=folder / templates if templates else None,
    )


def _link_problems(content: dict[str, Any]) -> Iterator[Problem]:
    link = content.get("link")
    if link is None:
        return
    try:
        parsed = httpx.URL(link.replace("{run}", "run"))
        fits = parsed.scheme == "https" and parsed.host and not parsed.userinfo
    except (httpx.InvalidURL, ValueError):
        fits = False
    if not fits:
        yield Problem(("link",), "is not an address that begins with https:// and holds no account")


def _channel_problems(content: dict[str, Any], folder: Path) -> Iterator[Problem]:
    common = _common(content, folder)
    seen: dict[str, int] = {}
    for at, entry in enumerate(content["channel"]):
        here = ("channel", at)
        kind = KINDS.get(entry.get("kind", "")) if isinstance(entry.get("kind"), str) else None
        if kind is None:
            word = str(entry.get("kind", ""))
            yield Problem((*here, "kind"), f"expected one of {', '.join(KINDS)}{suggestion(word, KINDS)}")
            continue
        shape = [_without_secret(one, kind) for one in model_problems(kind.model, entry, at=here)]
        yield from shape
        if not shape:
            yield from (Problem((*here, *one.path), one.message) for one in kind.faults(entry, common))
            first = seen.setdefault(entry["name"].casefold(), at)
            if first != at:
                yield Problem((*here, "name"), "another channel has this name")


def _without_secret(problem: Problem, kind: type[Channel]) -> Problem:
    """A problem whose text does not repeat what stands where somebody would write a secret."""
    key = str(problem.path[-1])
    if key in kind.secrets or (SECRETS.fullmatch(key) and key not in kind.model.model_fields):
        return Problem(problem.path, _REFUSED.format(key, key))
    if any(key.startswith(f"{subject}_") for subject in kind.secrets):
        return Problem(problem.path, "must name the place of a secret: a variable, a file, a command, or true")
    return problem
