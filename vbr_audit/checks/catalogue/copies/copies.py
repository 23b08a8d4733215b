"""Checks of the copies of each protected object, by the 3-2-1-1-0 rule."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome, hours_ago
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.dates import minute_text, older_than
from vbr_audit.checks.logic.three_valued import named, phrased, surely, surely_not, worded
from vbr_audit.tables.build.arrays import are_known

_DIGITS = {
    "has_three_copies": True,
    "has_two_media": True,
    "has_offsite": True,
    "has_protected_copy": True,
    "is_verified": True,
}
_NAMES = ("3", "2", "1", "1", "0")
_LAGS = {"has_copies": True, "latest_copy_point": hours_ago(31), "latest_source_point": hours_ago(6)}
_TAPES = "; or there are tape jobs, and what is on tape is not visible here"
_UNREAD = (
    "a backup of it, its restore points, or the repository that holds it, was not read or is of a type that is not "
    "known; or no offload session proves a copy in a capacity tier" + _TAPES
)
_UNTAGGED = (
    "for a copy it is not known where it lies, or whether it is there: tag its repository in the site file, offsite "
    "or onsite" + _TAPES
)
_TAPE = "; copies on tape are not visible here"


_KEPT = ("points_count", "copies_count", "stale_repositories")
_EMPTY = {"points_count": 0, "copies_count": 0}
_STALE = {"points_count": 7, "copies_count": 0, "stale_repositories": "Bucket"}


def _answer(objects: pd.DataFrame, ok: pd.Series, yes: object, no: str | list[str], why: str) -> Outcome:
    """An answer about the copies of an object; one without any restore point has none to judge."""
    index, empty = objects.index, surely((objects["points_count"] == 0).astype("boolean")) & ~surely(ok)
    stale = named(objects["stale_repositories"], "repositories")
    none = surely((objects["copies_count"] == 0).astype("boolean"))
    old = [f"; out of date: {names}" if isinstance(names, str) else "" for names in stale.tolist()]
    words = no if isinstance(no, list) else [no] * len(objects)
    bad = ["no copy of today's data" if lacks else word for lacks, word in zip(none, words, strict=True)]
    bad = [word + more for word, more in zip(bad, old, strict=True)]
    return Outcome(
        ok,
        observed=worded(index, (empty, "no copy"), (ok, yes), (surely_not(ok), bad)),
        applies=pd.Series(~empty, index=index, dtype="boolean"),
        reason=worded(index, (empty, "no copy: it has no restore point; see RPO-003"), (ok.isna(), why)),
    )


@check(
    "CPY-001",
    "Three copies are kept, production included",
    severity="high",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("has_three_copies", *_KEPT),
    expected="backups on at least two repositories",
    failure="{has} fewer than two backup copies",
    consequence="could be lost when a single backup fails",
    remediation="Home > Backup Copy > create a job that copies these backups to another repository; tape is not shown.",
    examples=(
        Example("PASS", {"has_three_copies": True}),
        Example("FAIL", {"has_three_copies": False}),
        Example("FAIL", {**_STALE, "has_three_copies": False}),
        Example("UNKNOWN", {"has_three_copies": None}),
        Example("NOT_APPLICABLE", {**_EMPTY, "has_three_copies": False}),
        Example("UNKNOWN", {"has_three_copies": True}, datasets={"backups": "partial"}),
    ),
)
def three_copies(objects: pd.DataFrame) -> Outcome:
    """With only one backup, the loss of one repository destroys every restore point. Copies on tape are not visible.

    A backup chain counts while its newest restore point is no older than the interval of its job allows, plus one day.
    A copy in a capacity tier counts while its offload sessions succeed.
    """
    no = "fewer than two backup copies" + _TAPE
    return _answer(objects, objects["has_three_copies"], "at least two backup copies", no, _UNREAD)


@check(
    "CPY-002",
    "The copies are on two kinds of media",
    severity="medium",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("has_two_media", *_KEPT),
    expected="one copy on another medium than local disk",
    failure="{has} copies on local disk only",
    consequence="could lose all copies to one fault of the disks",
    remediation="Home > Backup Copy > choose object storage, an appliance or a share as target; tape is not shown.",
    examples=(
        Example("PASS", {"has_two_media": True}),
        Example("FAIL", {"has_two_media": False}),
        Example("FAIL", {**_STALE, "has_two_media": False}),
        Example("UNKNOWN", {"has_two_media": None}),
        Example("NOT_APPLICABLE", {**_EMPTY, "has_two_media": False}),
    ),
)
def two_media(objects: pd.DataFrame) -> Outcome:
    """A fault of one kind of storage can destroy all copies on it. Production counts as local disk (own judgement)."""
    answer = objects["has_two_media"]
    return _answer(objects, answer, "a second medium", "local disk only" + _TAPE, _UNREAD)


@check(
    "CPY-003",
    "One copy is at another site",
    severity="high",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("has_offsite", *_KEPT),
    expected="a copy with a cloud provider, or on a repository tagged offsite",
    failure="{has} no off-site copy",
    consequence="could be lost with {its} site",
    remediation="Home > Backup Copy > choose a repository at another site; tag it offsite in the site file.",
    examples=(
        Example("PASS", {"has_offsite": True}),
        Example("FAIL", {"has_offsite": False}),
        Example("FAIL", {**_STALE, "has_offsite": False}),
        Example("UNKNOWN", {"has_offsite": None}),
        Example("NOT_APPLICABLE", {**_EMPTY, "has_offsite": False}),
    ),
)
def offsite_copy(objects: pd.DataFrame) -> Outcome:
    """Fire, water or theft at one site must not destroy every copy. Only its owner knows where a repository is."""
    return _answer(objects, objects["has_offsite"], "off-site", "on site only" + _TAPE, _UNTAGGED)


@check(
    "CPY-004",
    "One copy is immutable or offline",
    severity="critical",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("has_protected_copy", "locked_until", "unlocked_repositories", *_KEPT),
    expected="a copy on an immutable, offline or rotated repository",
    failure="{has} no immutable or offline copy",
    consequence="could be lost together with {its} backups in an attack",
    remediation="Backup Infrastructure > Backup Repositories: add a hardened one, or enable immutability for a bucket.",
    examples=(
        Example("PASS", {"has_protected_copy": True}),
        Example("FAIL", {"has_protected_copy": False}),
        Example("FAIL", {"has_protected_copy": False, "unlocked_repositories": "Bucket"}),
        Example("FAIL", {**_STALE, "has_protected_copy": False}),
        Example("UNKNOWN", {"has_protected_copy": None}),
        Example("NOT_APPLICABLE", {**_EMPTY, "has_protected_copy": False}),
    ),
)
def protected_copy(objects: pd.DataFrame) -> Outcome:
    """An attacker who takes over the backup server deletes every copy that is neither immutable nor offline.

    A backup chain is locked for the immutability days of its repository, counted from its last restore point: a chain
    that has ended, or that grows less often than that, unlocks.
    """
    until, over = objects["locked_until"], named(objects["unlocked_repositories"], "repositories").tolist()
    known = are_known(until)
    yes = worded(
        objects.index,
        (known, phrased("immutable or offline; locked until {}", minute_text(until), where=known)),
        default="immutable or offline",
    )
    plain = "every copy can be deleted"
    no = [f"{plain}; the lock has ended on {names}" if isinstance(names, str) else plain for names in over]
    return _answer(objects, objects["has_protected_copy"], yes, [text + _TAPE for text in no], _UNREAD)


@check(
    "CPY-005",
    "One copy is verified",
    severity="medium",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("is_verified", "platform"),
    expected="a health check or content scan that ran in the period",
    failure="{has} no verified copy",
    consequence="could turn out not to be restorable in an emergency",
    remediation="Job > Storage > Advanced > Maintenance: enable the health check; or scan with a SureBackup job.",
    examples=(
        Example("PASS", {"is_verified": True}),
        Example("FAIL", {"is_verified": False}),
        Example("UNKNOWN", {"is_verified": None}),
        Example("NOT_APPLICABLE", {"is_verified": False, "platform": "EntraID"}),
    ),
)
def verified_copy(objects: pd.DataFrame) -> Outcome:
    """Damage on the storage stays unnoticed until a restore needs the damaged block.

    A health check has no session of its own: it counts if it is enabled and scheduled, and the job ran in the period.
    Backups of Entra ID tenants support neither a health check nor a content scan.
    """
    why = "the settings of its jobs, or their sessions, are not known"
    verified = objects["is_verified"]
    tenant = surely(objects["platform"] == "EntraID")
    return Outcome(
        verified,
        observed=worded(objects.index, (verified, "verified"), (surely_not(verified), "nothing checks its backups")),
        applies=pd.Series(~tenant, index=objects.index, dtype="boolean"),
        reason=worded(
            objects.index,
            (tenant, "neither a health check nor a content scan is offered for Entra ID"),
            (verified.isna(), why),
        ),
    )


@check(
    "CPY-006",
    "The copies are on different hosts",
    severity="high",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("has_separate_hosts", "has_three_copies"),
    json_path="hostId",
    expected="copies on at least two hosts",
    failure="{has} all copies on one host",
    consequence="could lose every copy with one host",
    remediation="Home > Backup Copy > Target: choose a repository on a different server than the backup.",
    examples=(
        Example("PASS", {"has_separate_hosts": True, "has_three_copies": True}),
        Example("FAIL", {"has_separate_hosts": False, "has_three_copies": True}),
        Example("UNKNOWN", {"has_separate_hosts": None, "has_three_copies": True}),
        Example("UNKNOWN", {"has_separate_hosts": None, "has_three_copies": None}),
        Example("NOT_APPLICABLE", {"has_three_copies": False}),
    ),
)
def separate_hosts(objects: pd.DataFrame) -> Outcome:
    """If all copies are on one server, they are lost with that server."""
    several = objects["has_three_copies"]
    answer = objects["has_separate_hosts"]
    return Outcome(
        answer,
        observed=worded(objects.index, (answer, "on at least two hosts"), (surely_not(answer), "all on one host")),
        applies=several,
        reason=worded(
            objects.index,
            (surely_not(several), "it has fewer than two copies; see CPY-001"),
            (several.isna(), "whether it has two copies is not known; see CPY-001"),
            (answer.isna(), "the host of a repository is not known"),
        ),
    )


@check(
    "CPY-007",
    "The copy keeps up with the backup",
    severity="medium",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=("latest_copy_point", "latest_source_point", "has_copies", "copy_interval_h"),
    expected="newest copy at most {max_lag_hours} h behind, or the time between two starts of the copy job",
    failure="{has} a newest copy too far behind the newest backup",
    consequence="could lose more recent work than expected when restored from the copy",
    remediation="Home > Jobs > Backup Copy: find out why the copy lags; give it more time or bandwidth.",
    examples=(
        Example("PASS", {"has_copies": True, "latest_copy_point": hours_ago(30), "latest_source_point": hours_ago(6)}),
        Example("PASS", {"has_copies": True, "latest_copy_point": hours_ago(5), "latest_source_point": hours_ago(6)}),
        Example("PASS", {**_LAGS, "copy_interval_h": 25}),
        Example("FAIL", {**_LAGS, "copy_interval_h": 24}),
        Example("FAIL", {**_LAGS, "copy_interval_h": 0}),
        Example("UNKNOWN", _LAGS),
        Example("UNKNOWN", {"has_copies": True, "latest_copy_point": hours_ago(30)}),
        Example(
            "UNKNOWN", {"has_copies": True, "latest_copy_point": hours_ago(-30), "latest_source_point": hours_ago(6)}
        ),
        Example(
            "UNKNOWN", {"has_copies": True, "latest_copy_point": hours_ago(-20), "latest_source_point": hours_ago(-30)}
        ),
        Example("UNKNOWN", {"has_copies": True, "latest_source_point": hours_ago(30)}),
        Example("NOT_APPLICABLE", {"has_copies": False}),
    ),
)
def copy_keeps_up(
    objects: pd.DataFrame,
    *,
    now: dt.datetime,
    max_lag_hours: Annotated[int, param("Maximum lag behind the newest backup.", unit="hours", ge=1)] = 24,
) -> Outcome:
    """When the site is lost, only the copy remains: all data newer than the copy is lost.

    A weekly copy job lags by more than a day as intended: the interval of its schedule is the limit if it is longer.
    """
    source, copy, copied = objects["latest_source_point"], objects["latest_copy_point"], objects["has_copies"]
    future = older_than(source, dt.timedelta(0), now=now).isna() | older_than(copy, dt.timedelta(0), now=now).isna()
    hours = ((source - copy).dt.total_seconds() / 3600).astype("Float64").mask(future)
    seen = [f"{max(lag, 0):.0f} h behind" for lag in hours.fillna(0)]
    in_time = (hours <= max_lag_hours) | (hours <= objects["copy_interval_h"])
    return Outcome(
        in_time,
        observed=worded(objects.index, (hours.notna(), seen)),
        applies=copied,
        reason=worded(
            objects.index,
            (surely_not(copied), "no copy job takes its backups"),
            (copied.isna(), "the types of its jobs are not known"),
            (hours.isna(), "the newest restore point of the backup, or of the copy, is not known"),
            (in_time.isna(), "how often its copy job starts is not known, so that nobody can say whether it is late"),
        ),
    )


@check(
    "CPY-008",
    "Backups are copied to the capacity tier as soon as they are created",
    severity="medium",
    table="scale_out_repositories",
    reads=("capacity_copy_enabled", "capacity_move_enabled", "capacity_tier_enabled"),
    json_path="capacityTier.copyPolicyEnabled",
    expected="copied at once",
    failure="{moves|move} backups to the capacity tier without copying them at once",
    consequence="could lose the newest backups with {its} local storage",
    remediation="Backup Infrastructure > Scale-out > Capacity Tier > Copy backups to object storage: enable it.",
    examples=(
        Example("PASS", {"capacity_tier_enabled": True, "capacity_copy_enabled": True}),
        Example("FAIL", {"capacity_tier_enabled": True, "capacity_copy_enabled": False, "capacity_move_enabled": True}),
        Example("UNKNOWN", {"capacity_tier_enabled": True, "capacity_copy_enabled": None}),
        Example("UNKNOWN", {"capacity_tier_enabled": True, "capacity_copy_enabled": False}),
        Example("NOT_APPLICABLE", {"capacity_tier_enabled": False}),
        Example(
            "NOT_APPLICABLE",
            {"capacity_tier_enabled": True, "capacity_copy_enabled": False, "capacity_move_enabled": False},
        ),
    ),
)
def capacity_copied(repositories: pd.DataFrame) -> Outcome:
    """A backup that is only moved to the capacity tier exists once: a move does not create a second copy."""
    tier, copied = repositories["capacity_tier_enabled"], repositories["capacity_copy_enabled"]
    used = tier & (copied | repositories["capacity_move_enabled"])
    return Outcome(
        copied,
        observed=worded(repositories.index, (copied, "copied at once"), (surely_not(copied), "moved only")),
        applies=used,
        reason=worded(
            repositories.index,
            (surely_not(tier), "it has no capacity tier"),
            (surely_not(used), "nothing is copied or moved to its capacity tier"),
            (used.isna() | copied.isna(), "how its capacity tier is filled is missing in the answer"),
        ),
    )


@check(
    "CPY-009",
    "The 3-2-1-1-0 rule is met in full",
    severity="info",
    cause="job",
    table="protected_objects",
    aggregates=("protected_objects",),
    reads=(*_DIGITS, "points_count"),
    expected="3:yes 2:yes 1:yes 1:yes 0:yes",
    failure="{does} not meet the 3-2-1-1-0 rule in full",
    consequence="may have no usable copy left after a disaster",
    remediation="See CPY-001 (3), CPY-002 (2), CPY-003 (1), CPY-004 (1) and CPY-005 (0): each states what to do.",
    examples=(
        Example("PASS", _DIGITS),
        *(Example("FAIL", {**_DIGITS, name: False}) for name in _DIGITS),
        Example("FAIL", {**_DIGITS, "has_offsite": None, "is_verified": False}),
        Example("UNKNOWN", {**_DIGITS, "has_offsite": None}),
        Example("NOT_APPLICABLE", {**dict.fromkeys(_DIGITS, False), "points_count": 0}),
    ),
)
def rule_met(objects: pd.DataFrame) -> Outcome:
    """Three copies on two media, one off-site, one immutable or offline, zero errors: each digit covers one loss.

    Copies on tape are not visible here.
    """
    first, *rest = _DIGITS
    met = objects[first]
    for name in rest:
        met = met & objects[name]
    words = [["?" if cell is pd.NA else "yes" if cell else "no" for cell in objects[name].tolist()] for name in _DIGITS]
    rows = zip(*words, strict=True)
    seen = [" ".join(f"{digit}:{word}" for digit, word in zip(_NAMES, row, strict=True)) for row in rows]
    empty = surely((objects["points_count"] == 0).astype("boolean")) & ~surely(met)
    return Outcome(
        met,
        observed=worded(objects.index, (empty, "no copy"), default=seen),
        applies=pd.Series(~empty, index=objects.index, dtype="boolean"),
        reason=worded(
            objects.index,
            (empty, "no copy: it has no restore point; see RPO-003"),
            (met.isna(), "not every digit is known; see CPY-001 to CPY-005"),
        ),
    )
