"""How runs end, by the character of a job."""

from random import Random

FAILURES = (
    "Processing of all objects failed: the host did not answer in time",
    "The repository has less free space than the run needs",
    "The snapshot could not be created: the guest did not quiesce within 20 minutes",
    "Sign-in to the guest was refused: the password of the service account has expired",
)
WARNINGS = (
    "1 object was processed with a warning: changed block tracking had to be reset",
    "Free space on the repository is below 10 %",
    "Transaction logs of 1 database could not be truncated",
)

GOOD = frozenset({"Success", "Warning"})
"""The results of runs that left their restore points."""

_FLAKY_FAILS = 0.3
_FEW_FAILS = 0.006
_FEW_WARNINGS = 0.03
_MANY_WARNINGS = 0.25


def how_it_ended(character: str, turn: int, chance: Random) -> str:
    """How the run number `turn` ended, counted back from the newest, which is 0."""
    if turn == 0 and character == "failed":
        return "Failed"
    if turn == 0 and character == "warned":
        return "Warning"
    if character == "flaky":
        # Evenly spread, so that every stretch of ten runs has three failures; the newest run is fine.
        return "Failed" if int(turn * _FLAKY_FAILS + 1e-9) != int((turn - 1) * _FLAKY_FAILS + 1e-9) else "Success"
    drawn = chance.random()
    if turn and drawn < _FEW_FAILS:
        return "Failed"
    many = _MANY_WARNINGS if character == "warnings" else _FEW_WARNINGS
    return "Warning" if drawn > 1 - many else "Success"
