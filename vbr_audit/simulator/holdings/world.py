"""What all holdings hang on: the jobs, the sessions, the moment, and the ids of everything around them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vbr_audit.simulator.clock import DAY, local_stamp, stamp
from vbr_audit.simulator.identity import identify
from vbr_audit.simulator.jobs import Job
from vbr_audit.simulator.revisions import at_least
from vbr_audit.simulator.sessions import Session

Json = dict[str, object]

SECRET = "SIM-SECRET-do-not-keep"
"""What stands wherever an answer can carry a secret: it must never show up behind the client."""

SHAPE_12 = "1.1-rev2"
"""From this revision on answers have the shape of 1.2-rev1."""


@dataclass(frozen=True, slots=True)
class Course:
    """What an estate has of the year in which it stands.

    The year goes from `begin` to `end`. `past` are all sessions until now, those among them that the server has
    forgotten, too. `settings` are those of the server that are others than at the end of a year without events, and
    `capacities` makes the sizes of the repositories, in GB by their keys.
    """

    begin: int
    end: int
    past: Sequence[Session]
    settings: Mapping[str, int]
    capacities: Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class World:
    """One estate as its holdings see it; `sessions` stand oldest first."""

    seed: int
    now: int
    jobs: list[Job]
    sessions: list[Session]
    course: Course | None = None

    @property
    def begin(self) -> int:
        """The instant that what is old was made before: the beginning of the year, now without one."""
        return self.course.begin if self.course else self.now

    @property
    def end(self) -> int:
        """The end of the year, now without one."""
        return self.course.end if self.course else self.now

    @property
    def past(self) -> Sequence[Session]:
        """All sessions that there ever were, as far as anything hangs on them."""
        return self.course.past if self.course else self.sessions

    def setting(self, name: str, usual: int) -> int:
        """What a setting of the server is now, where the year changes it."""
        return self.course.settings.get(name, usual) if self.course else usual

    def lasting(self, days: float) -> int:
        """The instant some days before the end of the year; while that is ahead, the same one of an earlier year."""
        at = self.end - round(days * DAY)
        while at > self.now and days >= 0:
            at -= 365 * DAY
        return at

    def has_come(self, days: float) -> bool:
        """Tell whether the instant some days before the end of the year is not ahead."""
        return self.end - round(days * DAY) <= self.now

    def since(self, days: float) -> str:
        """How the server writes a lasting instant; negative days lie ahead."""
        return stamp(self.lasting(days))

    def id(self, kind: str, name: str = "") -> str:
        """The id of a lasting thing."""
        return identify(self.seed, kind, name)

    def ago(self, days: float) -> str:
        """How the server writes the instant some days before now; negative days lie ahead."""
        return stamp(self.now - round(days * DAY))

    def local_ago(self, days: float) -> str:
        """The same where the server leaves out the offset."""
        return local_stamp(self.now - round(days * DAY))


def cased(word: str, revision: str) -> str:
    """An enum word as a revision spells it: with a small first letter before 1.3-rev1."""
    return word if at_least(revision, "1.3-rev1") else word[:1].lower() + word[1:]


def platform_name(platform: str, revision: str) -> str:
    """A platform as a revision calls it; those that it cannot name are custom ones."""
    if not at_least(revision, SHAPE_12):
        platform = {"CloudDirector": "Vcd", "UnstructuredData": "NasBackup"}.get(platform, platform)
    first = _PLATFORMS_SINCE.get(platform)
    return platform if first is None or at_least(revision, first) else "CustomPlatform"


_PLATFORMS_SINCE = {
    "EntraID": SHAPE_12,
    "AzureCompute": "1.3-rev0",
    "Nutanix": "1.3-rev2",
    "Proxmox": "1.3-rev2",
    "Iris": "1.3-rev2",
}
