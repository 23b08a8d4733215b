"""The ways in which the simulator misbehaves on demand, and how their names and values are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum, auto

from vbr_audit.simulator.endpoints import ENDPOINTS

_ROUTED_APART = ("jobs", "job_states", "sessions", "server_time", "server_info")
"""What has routes of its own; all else stands in the table of endpoints."""

DATASETS = (*_ROUTED_APART, *dict.fromkeys(endpoint.dataset for endpoint in ENDPOINTS))
"""The datasets that a fault can strike."""

WRITES = "job_writes"
"""The name under which faults of a dataset strike the writes of jobs."""


class _Takes(Enum):
    """What may stand behind the equals sign of a fault."""

    NOTHING = auto()
    COUNT = auto()
    SECONDS = auto()
    SIGNED_SECONDS = auto()
    DATASET = auto()
    DATASET_OR_NOTHING = auto()
    GROWTH = auto()


@dataclass(frozen=True, slots=True)
class _Kind:
    takes: _Takes
    help: str
    default: str | None = None


_KINDS: dict[str, _Kind] = {
    "limit-cap": _Kind(_Takes.COUNT, "answer at most N rows a page, whatever the limit asked for", "100"),
    "token-ttl": _Kind(_Takes.SECONDS, "access tokens live SECONDS only", "2"),
    "token-calls": _Kind(_Takes.COUNT, "access tokens die after N calls", "5"),
    "refuse-refresh": _Kind(_Takes.NOTHING, "refuse every refresh token"),
    "unavailable": _Kind(_Takes.COUNT, "every Nth data request is answered 503 with Retry-After", "5"),
    "throttle": _Kind(_Takes.COUNT, "every Nth data request is answered 429 with Retry-After", "5"),
    "cut-body": _Kind(_Takes.COUNT, "every Nth data answer ends in the middle of its declared length", "5"),
    "cut-json": _Kind(_Takes.COUNT, "every Nth data answer is whole HTTP around cut JSON", "5"),
    "cut-json-forever": _Kind(_Takes.DATASET, "DATASET is always cut JSON"),
    "reset": _Kind(_Takes.COUNT, "every Nth data request loses its connection without an answer", "5"),
    "slow-loris": _Kind(_Takes.SECONDS, "over a socket, data answers drip byte by byte, SECONDS apart", "0.1"),
    "slow": _Kind(_Takes.SECONDS, "every data request takes SECONDS longer", "1"),
    "latency-ms": _Kind(_Takes.COUNT, "every data request takes N milliseconds longer", "50"),
    "denied": _Kind(_Takes.DATASET, "DATASET is refused with 403"),
    "missing": _Kind(_Takes.DATASET, "DATASET is not found: 404"),
    "broken": _Kind(_Takes.DATASET, "DATASET always fails with 500"),
    "html": _Kind(_Takes.DATASET, "DATASET is answered with an HTML sign-in page"),
    "ignored-skip": _Kind(_Takes.DATASET_OR_NOTHING, "skip is ignored: always page one"),
    "growing": _Kind(_Takes.GROWTH, "N new sessions (or unfiltered[:N]) after each sessions page", "5"),
    "shrinking": _Kind(_Takes.COUNT, "the N oldest sessions are deleted after each sessions page", "3"),
    "churn": _Kind(_Takes.COUNT, "the first N rows go after each page and N new ones come: the total stays", "1"),
    "total-high": _Kind(_Takes.COUNT, "totals are N too high", "10"),
    "total-low": _Kind(_Takes.COUNT, "totals are N too low", "10"),
    "duplicates": _Kind(_Takes.NOTHING, "the last row of a page comes again as the first of the next"),
    "ignored-filter": _Kind(_Takes.NOTHING, "date filters are ignored"),
    "short-history": _Kind(_Takes.COUNT, "sessions reach back DAYS only", "10"),
    "clock-skew": _Kind(_Takes.SIGNED_SECONDS, "the server's clock is SECONDS ahead", "3600"),
    "null-rows": _Kind(_Takes.NOTHING, "some rows are null or no objects"),
    "states-500": _Kind(_Takes.NOTHING, "job states answer 500 to revisions older than the server's newest"),
    "certificate-change": _Kind(_Takes.COUNT, "with TLS, another certificate is shown after N requests", "5"),
    "empty-401": _Kind(_Takes.NOTHING, "401 comes with an empty body"),
    "capitalised-grant": _Kind(_Takes.NOTHING, "only Password and Refresh_token are accepted as grant types"),
    "newer-revision": _Kind(_Takes.NOTHING, "the server also speaks 1.4-rev0, which nobody knows yet"),
    "no-version-list": _Kind(_Takes.NOTHING, "the refusal of a revision does not list those supported"),
}

FAULTS: Mapping[str, str] = {name: kind.help for name, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as given: its name and its value, the default filled in."""

    name: str
    value: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read `NAME` or `NAME=VALUE`; anything else is a ValueError that says what would do."""
        name, equals, given = text.partition("=")
        name, given = name.strip(), given.strip()
        kind = _KINDS.get(name)
        if kind is None:
            raise ValueError(_unknown(name))
        if equals and not given:
            raise ValueError(f"fault {name!r}: a value must follow the equals sign")
        value = given or kind.default
        _check(name, kind.takes, value)
        return cls(name, value)


@dataclass(frozen=True, slots=True)
class Faults:
    """All faults of one server, looked up by name."""

    values: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> "Faults":
        """Read several faults; the same name may come more than once."""
        values: dict[str, tuple[str | None, ...]] = {}
        for text in texts:
            fault = Fault.parse(text)
            values[fault.name] = (*values.get(fault.name, ()), fault.value)
        return cls(values)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def count(self, name: str) -> int:
        """The number given to a fault, or 0 when the fault is not on."""
        return int(self._last(name) or 0)

    def seconds(self, name: str) -> float:
        """The seconds given to a fault, or 0 when the fault is not on."""
        return float(self._last(name) or 0)

    def strikes(self, name: str, dataset: str) -> bool:
        """Tell whether a fault that is bound to datasets is on for this one."""
        given = self.values.get(name, ())
        return dataset in given or None in given

    def is_turn(self, name: str, number: int) -> bool:
        """Tell whether a fault that hits every Nth request hits the one with this number."""
        every = self.count(name)
        return every > 0 and number % every == 0

    @property
    def growth(self) -> int:
        """How many sessions appear after each page of sessions."""
        text = self._last("growing")
        if text is None:
            return 0
        number = text.rpartition(":")[2]
        return int(number) if number.isdigit() else int(_KINDS["growing"].default or 0)

    @property
    def growth_is_unfiltered(self) -> bool:
        """Tell whether the new sessions show in spite of a date filter."""
        return (self._last("growing") or "").startswith("unfiltered")

    def _last(self, name: str) -> str | None:
        return self.values[name][-1] if name in self.values else None


def _unknown(name: str) -> str:
    near = get_close_matches(name, _KINDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"unknown fault {name!r}{hint} Known faults: {', '.join(_KINDS)}"


def _check(name: str, takes: _Takes, value: str | None) -> None:
    match takes:
        case _Takes.NOTHING:
            if value is not None:
                raise ValueError(f"fault {name!r} takes no value, got {value!r}")
        case _Takes.COUNT:
            if value is None or not value.isascii() or not value.isdigit() or int(value) < 1:
                raise ValueError(f"fault {name!r} takes a whole number from 1 on, got {value!r}")
        case _Takes.SECONDS | _Takes.SIGNED_SECONDS:
            _check_seconds(name, value, signed=takes is _Takes.SIGNED_SECONDS)
        case _Takes.DATASET | _Takes.DATASET_OR_NOTHING:
            if value not in (*DATASETS, WRITES) and not (value is None and takes is _Takes.DATASET_OR_NOTHING):
                raise ValueError(f"fault {name!r} takes one of {', '.join(DATASETS)}, got {value!r}")
        case _Takes.GROWTH:
            number = (value or "").removeprefix("unfiltered").removeprefix(":")
            plain = value == "unfiltered"
            if not plain and not (number.isascii() and number.isdigit() and int(number) > 0):
                raise ValueError(f"fault {name!r} takes N, unfiltered or unfiltered:N, got {value!r}")


def _check_seconds(name: str, value: str | None, *, signed: bool) -> None:
    try:
        seconds = float(value or "")
    except ValueError:
        raise ValueError(f"fault {name!r} takes a number of seconds, got {value!r}") from None
    if not abs(seconds) < 1e9 or (seconds < 0 and not signed):
        raise ValueError(f"fault {name!r} takes a number of seconds, got {value!r}")
