"""The events of changes that a run is judged by: from files as they were given, or what a saved run kept of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from vbr_audit.checks.drift.compare import SettingsOfRun, drift_between
from vbr_audit.checks.drift.events import (
    NO_DATE,
    NO_EVENT,
    OF_ALL,
    SLACK,
    TOO_LONG,
    ChangeEvent,
    ChangeEvents,
    event_file,
    read_events,
)
from vbr_audit.checks.drift.register import ChangeRegister
from vbr_audit.checks.earlier import Earlier
from vbr_audit.collection import run_folder
from vbr_audit.collection.redaction import Redaction
from vbr_audit.display import count
from vbr_audit.errors import ConfigurationError, EvidenceError
from vbr_audit.histories.stored import packed, unpacked

WARNING: Final = "Events: "
"""How the sentences begin that say which events could not be used."""
_LOST: Final = (NO_DATE, TOO_LONG)


class _Kept(BaseModel):
    """The shape of `events.json.gz`: the events `since` a moment, None for all up to the run."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    since: AwareDatetime | None
    events: tuple[ChangeEvent, ...]
    skipped: dict[str, int]


@dataclass(frozen=True)
class GivenEvents:
    """The events of files, or those that a run `kept`; nothing where none were given.

    `found` are those of the files whose dates all name their zone. The other files are in `undated`, by name, until
    the zone and the clock of a run are known.
    """

    found: ChangeEvents | None = None
    undated: tuple[tuple[str, bytes], ...] = ()
    kept: bytes = b""

    @property
    def is_given(self) -> bool:
        """Whether there is a file of events, be it without an event of a change."""
        return self.found is not None or bool(self.undated or self.kept)

    @cached_property
    def _document(self) -> _Kept:
        try:
            return _Kept.model_validate_json(unpacked(self.kept))
        except ValidationError as error:
            raise EvidenceError(
                f"{run_folder.EVENTS}: not what a run keeps of events ({error.error_count()} errors)",
                hint="Take it from a backup of the run folder, or judge the run again with --events.",
            ) from None

    @property
    def events(self) -> ChangeEvents | None:
        """The events that a run keeps; None where none were given."""
        return ChangeEvents(self._document.events, self._document.skipped) if self.kept else None

    @property
    def sha256(self) -> str | None:
        """The hash of the JSON that a run keeps; None where none were given."""
        return hashlib.sha256(unpacked(self.kept)).hexdigest() if self.kept else None

    @property
    def warnings(self) -> list[str]:
        """A sentence for each reason why events could not be used."""
        skipped = self.events.skipped if self.events else {}
        return [
            f"{WARNING}{count(skipped[reason], 'event')} of the files could not be used: {reason}"
            for reason in _LOST
            if skipped.get(reason)
        ]

    def of_run(
        self, now: dt.datetime, zone: dt.tzinfo, since: dt.datetime | None, *, hides_accounts: bool = False
    ) -> GivenEvents:
        """What the run at `now` in `zone`, which is compared with the one at `since`, uses of the events, and keeps.

        These are the events between the two runs, give or take five minutes, without the values that they tell of.
        Without an earlier run they are those up to the run. `hides_accounts` replaces the names of accounts.

        Raises `ConfigurationError` where the events that a run kept do not go back to `since`.
        """
        if self.kept:
            first = self._document.since
            if first is not None and since is not None and since - SLACK < first:
                raise ConfigurationError(
                    f"the run keeps events since {first:%Y-%m-%d %H:%M}Z only, and the earlier run is older",
                    hint="Give the files again with --events.",
                )
            return self
        if not self.is_given:
            return self
        read = [read_events(content, name=name, zone=zone, now=now) for name, content in self.undated]
        every = ChangeEvents.joined([*([self.found] if self.found else []), *read])
        first, last = None if since is None else (since - SLACK).astimezone(dt.UTC), now + SLACK
        mask = Redaction(mask_accounts=True) if hides_accounts else None
        chosen = [
            _as_kept(event, mask) for event in every.events if event.at <= last and (first is None or event.at > first)
        ]
        document = {
            "since": first,
            "events": [dataclasses.asdict(event) for event in dict.fromkeys(chosen)],
            "skipped": dict(every.skipped),
        }
        return GivenEvents(kept=packed(document))


def _as_kept(event: ChangeEvent, mask: Redaction | None) -> ChangeEvent:
    """An event without what nothing is decided by: its values, and what an event about the server as a whole names.

    With `mask`, its account is a pseudonym, and an object that is called by an account has its id only.
    """
    is_of_all = event.event_id in OF_ALL
    is_account = mask is not None and event.event_id in _OF_ACCOUNTS
    return dataclasses.replace(
        event,
        object_id=None if is_of_all else event.object_id,
        object_name=None if is_of_all or is_account else event.object_name,
        user=mask.pseudonym(event.user) if mask and event.user else event.user,
        changes=(),
    )


_OF_ACCOUNTS: Final = frozenset({25400})
"""The events about credentials, which are called by their account."""


def load_events(given: str | Path | Iterable[str | Path] | None = None) -> GivenEvents:
    """The events in one or several files, read and validated; nothing for None.

    Raises `ConfigurationError`, naming file and line, for a file that cannot be read, is damaged, or has no event of
    VBR in it.
    """
    paths = [given] if isinstance(given, str | Path) else list(given or ())
    found: list[ChangeEvents] = []
    undated: list[tuple[str, bytes]] = []
    for path in map(Path, paths):
        content = event_file(path)
        events = read_events(content, name=path.name)
        if not events.events and NO_EVENT in events.skipped and events.skipped.keys() <= {NO_EVENT, TOO_LONG}:
            raise ConfigurationError(
                f"{path.name}:1: no event of VBR is in this file",
                hint="Export the events as XML, or give the lines of a syslog server.",
            )
        if NO_DATE in events.skipped:
            undated.append((path.name, content))
        else:
            found.append(events)
    return GivenEvents(ChangeEvents.joined(found) if found else None, tuple(undated))


def attributed_drift(
    old: SettingsOfRun, new: SettingsOfRun, zone: dt.tzinfo, events: GivenEvents, register: ChangeRegister
) -> pd.DataFrame:
    """What changed between the settings of two runs, with who did it and what the register says.

    Columns: `vbr_audit.checks.drift.compare.SPEC`. Raises what `drift_between` raises.
    """
    own = events.of_run(new.now, zone, old.now, hides_accounts=new.hides_accounts)
    known = Earlier(old, own.events, register if register.is_given else None)
    servers = new.read["server"].dropna().nunique()
    return known.attributed(drift_between(old, new).drift, new.now, is_alone=servers == 1)
