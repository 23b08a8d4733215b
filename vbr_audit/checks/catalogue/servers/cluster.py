"""The check of the second node that stands behind a backup server."""

from __future__ import annotations

from typing import Annotated, Final

import pandas as pd

from vbr_audit.checks.engine.outcome import Example, Outcome
from vbr_audit.checks.engine.params import param
from vbr_audit.checks.engine.registry import check
from vbr_audit.checks.logic.three_valued import named, one_of, surely_one, worded

_SOUND_STATES: Final = ("Running", "Streaming")
_BAD_STATES: Final = (
    *("InArchiveRecovery", "Stopped", "Crashed", "Starting", "Restarting", "Stopping", "StartFailed", "StopFailed"),
    *("RestartFailed", "InitializingNewCluster", "InitdbFailed", "CreatingReplica"),
)
_SOUND: Final = {
    "is_online": True,
    "primary_state": "Running",
    "secondary_state": "Streaming",
    "secondary_lag_mb": 3,
}


@check(
    "SRV-007",
    "The High Availability cluster is healthy",
    severity="medium",
    table="high_availability_cluster",
    reads=("is_online", "primary_state", "secondary_state", "secondary_lag_mb"),
    json_path="states.isOnline",
    expected="online, both nodes running, the second at most {max_lag_mb} MB behind",
    failure="{is} offline, {has} a node that does not run, or {lags|lag} by more than {max_lag_mb} MB",
    consequence="could fail to take over when a node is lost",
    remediation="Main menu > High Availability: check the state of the node that is behind; reinitialize it.",
    examples=(
        Example("PASS", _SOUND),
        Example("PASS", {**_SOUND, "secondary_state": "Running", "secondary_lag_mb": 100}),
        Example("FAIL", {**_SOUND, "is_online": False}),
        Example("FAIL", {**_SOUND, "secondary_state": "Stopped"}),
        Example("FAIL", {**_SOUND, "primary_state": "Crashed"}),
        Example("FAIL", {**_SOUND, "secondary_lag_mb": 101}),
        Example("FAIL", {**_SOUND, "is_online": None, "secondary_state": "StartFailed"}),
        Example("UNKNOWN", {**_SOUND, "is_online": None}),
        Example("UNKNOWN", {**_SOUND, "secondary_state": None}),
        Example("UNKNOWN", {**_SOUND, "secondary_state": "Dreaming"}),
        Example("UNKNOWN", {**_SOUND, "secondary_lag_mb": None}),
    ),
)
def cluster_whole(
    clusters: pd.DataFrame,
    *,
    max_lag_mb: Annotated[int, param("Maximum lag of the secondary node.", unit="MB", ge=0)] = 100,
) -> Outcome:
    """The secondary node can take over only the data that it has: a stopped or lagging node does not help in a failure.

    The check does not judge a server without such a cluster.
    """
    online, lag = clusters["is_online"], clusters["secondary_lag_mb"]
    first, second = _runs(clusters["primary_state"]), _runs(clusters["secondary_state"])
    near = lag <= max_lag_mb
    sound = online & first & second & near
    return Outcome(
        sound,
        observed=worded(
            clusters.index,
            (~online, "offline"),
            (~first, "primary node: " + named(clusters["primary_state"], "word")),
            (~second, "secondary node: " + named(clusters["secondary_state"], "word")),
            (~near, lag.astype("string") + " MB behind"),
            (sound, "online, both nodes running"),
        ),
        reason=worded(
            clusters.index, (sound.isna(), "the state of the cluster or of a node is not reported, or not known")
        ),
    )


def _runs(state: pd.Series) -> pd.Series:
    return one_of(state, _SOUND_STATES).mask(~surely_one(state, *_SOUND_STATES, *_BAD_STATES))
