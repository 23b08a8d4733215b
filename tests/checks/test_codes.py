"""Text columns as numbers: the same answers as from the texts, and never those of another column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vbr_audit.checks.logic.codes import Codes, codes_of, combined, matches, repeated, sealed, sealed_part
from vbr_audit.checks.logic.three_valued import listed, one_of, places_of
from vbr_audit.tables.build.arrays import STRING, joined_strings


def column(*texts: str | None) -> pd.Series:
    return pd.Series(texts, dtype=STRING)


def test_a_sealed_column_refuses_writing_and_leaves_its_origin_alone() -> None:
    origin = column("a", "b", None)
    twin = sealed(origin)
    with pytest.raises(ValueError, match="read-only"):
        twin.array[0] = "z"
    frame = pd.DataFrame({"name": twin}, copy=False)
    frame.loc[0, "name"] = "z"
    assert (frame["name"][0], twin[0], origin[0]) == ("z", "a", "a")
    assert codes_of(twin) is codes_of(twin)
    assert codes_of(frame["name"]).texts.tolist() == ["z", "b"]


def test_one_value_for_all_rows_cannot_be_written_to() -> None:
    cells = repeated(pd.NA, 3)
    with pytest.raises(ValueError, match="read-only"):
        cells[0] = "a"
    own = cells.copy()
    own[0] = "a"
    assert own.tolist() == ["a", pd.NA, pd.NA]
    assert repeated("a", 0).tolist() == []


def test_cells_are_joined_to_a_text_column_of_its_own() -> None:
    part = np.array(["a", pd.NA], dtype=object)
    found = joined_strings([part, repeated("b", 2)])
    part[0] = "z"
    assert (found.dtype, found.tolist()) == (STRING, ["a", pd.NA, "b", "b"])
    assert joined_strings([]).tolist() == []


def test_a_part_of_a_sealed_column_has_codes_of_its_own() -> None:
    twin = sealed(column("a", "b", None, "b"))
    assert codes_of(twin).rows.tolist() == [0, 1, -1, 1]
    assert codes_of(twin.iloc[1:]).rows.tolist() == [0, -1, 0]
    assert codes_of(twin.iloc[::-1]).texts.tolist() == ["b", "a"]


@pytest.mark.parametrize("known_before", [True, False])
def test_chosen_rows_of_a_sealed_column_have_the_codes_that_they_would_have_alone(known_before: bool) -> None:
    whole = sealed(column("a", "b", None, "c", "b", "a"))
    if known_before:
        codes_of(whole)
    part = sealed_part(whole, np.array([4, 2, 3, 1]))
    alone = codes_of(column("b", None, "c", "b"))
    assert part.tolist() == ["b", pd.NA, "c", "b"]
    assert codes_of(part).texts.tolist() == alone.texts.tolist() == ["b", "c"]
    assert codes_of(part).rows.tolist() == alone.rows.tolist() == [0, -1, 1, 0]
    assert codes_of(part).firsts.tolist() == [0, 2]
    assert codes_of(part) is codes_of(part)
    with pytest.raises(ValueError, match="read-only"):
        part.array[0] = "z"
    assert codes_of(sealed_part(whole, np.array([], dtype=np.int64))).texts.tolist() == []


def test_answers_of_texts_are_spread_whether_they_are_an_array_or_not() -> None:
    codes = Codes(np.array(["a", "b"], dtype=object), np.array([1, -1, 0]))
    for answers in ([7, 8], np.array([7, 8]), np.array([7, 8], dtype=np.int32)):
        found = codes.spread(answers, np.int64, missing=-1)
        assert (found.dtype, found.tolist()) == (np.int64, [8, -1, 7])
    assert codes.spread(np.array([True, False]), bool, missing=True).tolist() == [False, True, True]


def test_a_column_that_can_be_written_to_is_looked_at_anew() -> None:
    values = column("a", "b")
    assert codes_of(values).among(["a"]).tolist() == [True, False]
    values.iloc[1] = "a"
    assert codes_of(values).among(["a"]).tolist() == [True, True]


def test_missing_texts_are_no_text_at_all() -> None:
    codes = codes_of(column(None, "a", None))
    assert codes.among(["a"]).tolist() == [False, True, False]
    assert codes.text_at(0) is pd.NA
    assert codes.texts_of(np.array([True, False, True])).tolist() == []
    assert one_of(column(None, "a", "b"), ["a"]).tolist() == [pd.NA, True, False]
    assert codes_of(column()).firsts.tolist() == []


def test_the_first_of_equal_keys_is_the_place() -> None:
    assert places_of(column("b", None, "x", "a"), column("a", "b", None, "b")).tolist() == [1, -1, -1, 0]
    assert matches(codes_of(column("x", "b")), codes_of(column("a", "b"))).tolist() == [-1, 1]


def test_rows_are_alike_where_all_columns_are() -> None:
    left, right = np.array([0, 0, -1, 0]), np.array([1, -1, 1, 1])
    assert combined([left, right], 4).tolist() == [0, 1, 2, 0]
    assert combined([], 2).tolist() == [0, 0]


def test_names_are_listed_each_once_in_their_order() -> None:
    owners = np.array([1, 0, 1, 1, 1, 1, -1])
    names = column("d", None, "c", "d", "a", "b", "x")
    assert listed(owners, names, pd.RangeIndex(3)).tolist() == [pd.NA, "d, c, a and 1 more", pd.NA]
    assert listed(owners[:2], names[:2], pd.RangeIndex(2)).tolist() == [pd.NA, "d"]
