"""What a table could not take from an answer as it stood: counted here, written to the manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VALUE_LENGTH = 100
"""Unknown values are kept up to this many characters."""

VALUES_KEPT = 200
"""Number of different unknown values that are named per column; further ones are counted together."""

OTHER_VALUES = "(other values)"


@dataclass
class Notes:
    """Counters of one table on one server, by column name unless stated otherwise.

    `uncastable`: values of another JSON type than the column's, now NA. `naive_dates`: dates without an
    offset on a server whose zone is not known, now NA. `assumed_dates`: dates without an offset, read in its zone.
    `dates_out_of_range`: dates outside 1990 to 2100, now NA. `unknown_values`: words that no
    known revision lists, kept as text. `unknown_fields`: JSON keys that no known revision lists, by key.
    `not_objects`: rows that were not JSON objects and are not in the table. `missing_keys`: rows whose key is
    NA.
    """

    uncastable: Counter[str] = field(default_factory=Counter)
    naive_dates: Counter[str] = field(default_factory=Counter)
    assumed_dates: Counter[str] = field(default_factory=Counter)
    dates_out_of_range: Counter[str] = field(default_factory=Counter)
    unknown_values: dict[str, Counter[str]] = field(default_factory=dict)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    not_objects: int = 0
    missing_keys: int = 0

    def count_uncastable(self, column: str, times: int = 1) -> None:
        """Count values of `column` that became NA because they are of another JSON type."""
        if times:
            self.uncastable[column] += times

    def count_unknown_value(self, column: str, value: str, times: int = 1) -> None:
        """Count `value` of `column` as one that no known revision lists."""
        counts = self.unknown_values.setdefault(column, Counter())
        word = value[:VALUE_LENGTH]
        counts[word if word in counts or len(counts) < VALUES_KEPT else OTHER_VALUES] += times

    def count_unknown_field(self, key: str, times: int = 1) -> None:
        """Count the JSON key `key` as one that no known revision lists."""
        word = key[:VALUE_LENGTH]
        known = word in self.unknown_fields or len(self.unknown_fields) < VALUES_KEPT
        self.unknown_fields[word if known else OTHER_VALUES] += times

    def merge(self, other: Notes) -> None:
        """Add the counts of `other` to these."""
        self.uncastable.update(other.uncastable)
        self.naive_dates.update(other.naive_dates)
        self.assumed_dates.update(other.assumed_dates)
        self.dates_out_of_range.update(other.dates_out_of_range)
        for column, counts in other.unknown_values.items():
            for value, times in counts.items():
                self.count_unknown_value(column, value, times)
        for key, times in other.unknown_fields.items():
            self.count_unknown_field(key, times)
        self.not_objects += other.not_objects
        self.missing_keys += other.missing_keys

    def to_dict(self) -> dict[str, Any]:
        """The counts that are not zero, as plain sorted data fit for JSON; `{}` when all went well."""
        plain: dict[str, Any] = {
            "uncastable": _sorted(self.uncastable),
            "naive_dates": _sorted(self.naive_dates),
            "assumed_dates": _sorted(self.assumed_dates),
            "dates_out_of_range": _sorted(self.dates_out_of_range),
            "unknown_values": {
                column: _sorted(counts) for column, counts in sorted(self.unknown_values.items()) if counts
            },
            "unknown_fields": _sorted(self.unknown_fields),
            "not_objects": self.not_objects,
            "missing_keys": self.missing_keys,
        }
        return {name: counts for name, counts in plain.items() if counts}


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}
