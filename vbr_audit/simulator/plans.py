"""What the administrators of the simulated company meant each job to be, and where they slipped.

A plan says in a few words what a job is; `documents` spells it out in the tree that its type has. The
defaults are a healthy job, so what a plan names is either its nature or a believable mistake.
"""

from dataclasses import dataclass

REPOSITORIES = {
    "main": "Hardened Repository Hamburg",
    "files": "Dedup Appliance Hamburg",
    "dr": "Hardened Repository Frankfurt",
    "object": "Object Storage - Immutable 30 d",
    "archive": "Archive Object Storage",
    "exports": "NFS export Munich",
    "share": "NAS share Zurich",
    "default": "Default Backup Repository",
}

RENAMED = "-archive"
"""What the names of renamed machines end with."""

Gfs = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One job in a few words.

    `since` is the instant at which a young job was made. The machines with the numbers in `renamed` have got another
    name, those in `remade` were deleted and made anew at an instant; `growth` is the share of their data that is
    new each year.
    """

    name: str
    type: str = "VSphereBackup"
    members: int = 6
    repository: str = "main"
    retention: tuple[str, int] = ("Days", 30)
    gfs: Gfs | None = (4, 12, 3)
    encrypted: bool = True
    key_server: bool = False
    retries: int = 3
    health: str = "monthly"
    app_aware: bool = True
    indexing: bool = False
    automatic: bool = True
    cadence: str = "daily"
    at: str = "22:00"
    follows: str = ""
    mode: str = ""
    source: str = ""
    own_settings: bool = True
    disabled: bool = False
    high_priority: bool = False
    mail: bool = True
    workload: str = ""
    history: str = "good"
    since: int = 0
    renamed: tuple[int, ...] = ()
    remade: tuple[tuple[int, int], ...] = ()
    growth: float = 0.12
