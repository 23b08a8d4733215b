"""How a ticket system is asked to open, comment, close and reopen a ticket: a file of JSON for each system."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from vbr_audit.delivering.json_template import check_places
from vbr_audit.errors import ConfigurationError

SYSTEMS: Final = ("jira", "jira-cloud", "servicenow", "glpi")
"""The systems whose files are shipped."""
Action = Literal["open", "comment", "close", "reopen"]
ACTIONS: Final[tuple[Action, ...]] = ("open", "comment", "close", "reopen")
FACTS: Final = (
    *(
        "key",
        "title",
        "description",
        "comment",
        "severity",
        "urgency",
        "urgency_5",
        "check_id",
        "server",
        "name",
        "kind",
    ),
    *("owner", "due", "link", "ticket"),
)
"""What a file may name beside the `values` of its channel."""


class Call(BaseModel):
    """One request: `path` and `body` hold places for values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["POST", "PUT", "PATCH"]
    path: str
    body: dict[str, Any]


class Session(BaseModel):
    """What is asked first, where a system wants a session: its token is at `token_at`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    token_at: list[str]


class TicketSystem(BaseModel):
    """One system; `ticket_at` is where the id of a new ticket stands in the answer, `markup` what its texts are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    markup: Literal["none", "jira", "adf", "html", "servicenow"] = "none"
    ticket_at: list[str]
    token_word: str = "Bearer"  # noqa: S105  the name of a scheme
    session: Session | None = None
    open: Call
    comment: Call
    close: Call
    reopen: Call

    def call(self, action: Action) -> Call:
        """The request of an action."""
        made: Call = getattr(self, action)
        return made

    def escaped(self, text: str) -> Any:
        """A text as the system shows it as it stands; of `adf` a document, whose texts know no markup."""
        return _MARKUPS[self.markup](text)


def shipped_system(name: str) -> Any:
    """The content of a shipped file."""
    return json.loads(resources.files("vbr_audit.delivering").joinpath("systems", f"{name}.json").read_text("utf-8"))


def ticket_system(content: Any, values: Iterable[str], place: str) -> TicketSystem:
    """The system of a file called `place`, whose channel gives `values`; raises `ConfigurationError`."""
    try:
        system = TicketSystem.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{place}: {where}: {first['msg']}") from None
    known = (*FACTS, *values)
    for action in ACTIONS:
        call = system.call(action)
        check_places([call.path, call.body], known, f"{place}: {action}")
    return system


def found_at(body: bytes, path: Iterable[str]) -> str | None:
    """The text or number that stands at `path` in an answer; None where there is none."""
    try:
        value: Any = json.loads(body)
        for name in path:
            value = value[name]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    is_id = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value)[:200] if is_id and str(value) else None


_JIRA: Final = re.compile(r"([\\{}\[\]!|*_\-+^~?@#])")
_CODE_TAG: Final = re.compile(r"\[(?=/?code\])", re.IGNORECASE)


def _document(text: str) -> dict[str, Any]:
    """A text in Jira's document format: a paragraph for each line, as no text in it may be empty."""
    lines = [line for line in text.splitlines() if line]
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in lines],
    }


_MARKUPS: Final[Mapping[str, Callable[[str], Any]]] = {
    "none": str,
    "jira": lambda text: _JIRA.sub(r"\\\1", text),
    "adf": _document,
    "html": lambda text: html.escape(text).replace("\n", "<br>"),
    "servicenow": lambda text: _CODE_TAG.sub("[ ", text),
}
