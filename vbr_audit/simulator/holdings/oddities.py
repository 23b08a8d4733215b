"""Other people's entries at their worst: hostile names, nulls, wrong types and unknown words in any dataset."""

from collections.abc import Sequence

from vbr_audit.simulator.hostile import TEXTS
from vbr_audit.simulator.lazy import Lazy

Json = dict[str, object]

ODD = "0dd00000-0000-4000-8000-"
"""How the ids of rows begin that break expectations; there is nothing below them."""

_TEXT_KEYS = ("name", "description", "note", "username", "hint", "bestPractice", "details", "createdBy")
_DATE_KEYS = ("creationTime", "modificationTime", "lastModified", "detectionTimeUtc", "endTime")
_WORD_KEYS = ("type", "status", "state", "severity", "platformName", "jobType", "malwareStatus")
_WRONG: tuple[tuple[tuple[str, ...], object], ...] = (
    (("capacityGB", "dataSize", "restorePointsCount", "maxTaskCount", "SSHPort", "originalSize"), "43,5 GB"),
    (_DATE_KEYS, "2026-03-01T02:00:00"),
    (_WORD_KEYS, "Levitating"),
    (("server", "repository", "machine", "account", "inventoryObject", "performanceTier", "result"), ["an", "array"]),
    (("id",), "not-a-uuid"),
    (("isOnline", "isEnabled", "encryptionEnabled", "isServiceAccount", "isImported", "lastRunFailed"), "perhaps"),
)


def spoil_rows(dataset: str, rows: Sequence[Json]) -> Sequence[Json]:
    """The rows themselves, hostile texts in their names, and after them copies that break every expectation."""
    if isinstance(rows, Lazy):
        return rows.altered(_named)
    if not rows:
        return rows
    named = [_named(row, number) for number, row in enumerate(rows)]
    return named + [odd for number, change in enumerate(_WRONG) if (odd := _odd(dataset, rows, number, change))]


def spoil_document(dataset: str, document: Json) -> Json:
    """A document in which parts are null, and texts hostile."""
    number = len(dataset)
    spoilt: Json = {}
    for place, (key, value) in enumerate(document.items()):
        if isinstance(value, dict) and place % 2:
            spoilt[key] = None
        elif isinstance(value, str) and place % 3 == 1:
            spoilt[key] = TEXTS[(number + place) % len(TEXTS)]
        else:
            spoilt[key] = value
    return spoilt


def _named(row: Json, number: int) -> Json:
    """Every other row keeps its texts, so that what joins by name still finds something."""
    if number % 2:
        return row
    texts = {key: TEXTS[(number // 2 + place) % len(TEXTS)] for place, key in enumerate(_TEXT_KEYS) if key in row}
    parts = {key: None for key, value in row.items() if isinstance(value, dict) and number % 8 == 4}
    return row | texts | parts


def _odd(dataset: str, rows: Sequence[Json], number: int, change: tuple[tuple[str, ...], object]) -> Json | None:
    """A copy of one row, with one wrong value, under an id of its own unless the id is what is wrong."""
    keys, wrong = change
    row = next((row for row in reversed(rows) if any(key in row for key in keys)), None)
    if row is None:
        return None
    own: Json = {"id": f"{ODD}{len(dataset):04x}{number:08x}"} if "id" in row else {}
    return row | own | {key: wrong for key in keys if key in row}
