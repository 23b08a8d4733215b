"""In how many days a repository is full: how near the answer is, when there is none, and what odd samples change."""

from __future__ import annotations

import builtins
import datetime as dt
from collections.abc import Sequence
from typing import Any

import capacity_series as made
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vbr_audit.errors import ConfigurationError
from vbr_audit.histories.capacities import LEAST_DAYS, LEAST_SPAN, OUTLOOK, VERDICTS, days_to_full
from vbr_audit.tables.build.schema import DTYPES

DAY = dt.timedelta(days=1)


def outlook(samples: pd.DataFrame, *, later: dt.timedelta = dt.timedelta(0)) -> pd.DataFrame:
    return days_to_full(samples, now=samples["taken_at"].max().to_pydatetime() + later)


def of(used: Sequence[float] | np.ndarray[Any, Any]) -> pd.Series:
    return outlook(made.samples_of(np.asarray(used, dtype=float))).iloc[0]


def growing(days: int = 60, first: float = 20.0, growth: float = 0.5) -> np.ndarray[Any, Any]:
    return first + growth * np.arange(days)


@pytest.mark.parametrize(("days", "number"), [(60, 40), (120, 20)])
@pytest.mark.parametrize("kind", made.GROWING)
def test_the_days_are_within_15_percent_of_what_the_series_was_made_with(kind: str, days: int, number: int) -> None:
    samples, truth = made.suite(made.GROWING[kind], days=days, number=number)
    answers = outlook(samples).set_index("repository")
    known = answers["days_to_full"].dropna()
    errors = (known / pd.Series(truth)[known.index] - 1).abs()
    assert len(known) >= 0.85 * number
    assert errors.median() <= 0.15
    low, high = answers.loc[known.index, "days_low"], answers.loc[known.index, "days_high"]
    assert ((low <= known) & (high.isna() | (known <= high))).all()


def test_a_flat_series_has_no_date() -> None:
    dates, number = 0, 0
    for make in made.FLAT.values():
        for days in (60, 120):
            answers = outlook(made.suite(make, days=days, number=10, seed=days)[0])
            dates += int((answers["days_to_full"].notna() | answers["full_on"].notna()).sum())
            number += len(answers)
    assert dates <= 0.025 * number


def test_a_plain_series_is_full_on_a_day() -> None:
    answer = of(growing())
    assert answer["verdict"] == "filling"
    assert answer["days_to_full"] == pytest.approx((100 - 49.5) / 0.5, rel=1e-6)
    assert answer["full_on"] == pytest.approx(made.FIRST + 160 * DAY, abs=pd.Timedelta(seconds=1))
    assert answer["slope_bytes_per_day"] == pytest.approx(0.005 * made.CAPACITY_BYTES, rel=1e-6)
    assert answer["reason"] == "grows by +51.2 GiB a day over 59 days"
    later = outlook(made.samples_of(growing()), later=10 * DAY).iloc[0]
    assert later["days_to_full"] == pytest.approx(answer["days_to_full"] - 10)
    assert abs(later["full_on"] - answer["full_on"]) < pd.Timedelta(seconds=1)


@pytest.mark.parametrize("every", [1, 2, 4, 7])
def test_samples_of_fewer_than_8_days_or_28_days_give_no_answer(every: int) -> None:
    samples = made.samples_of(growing(200, growth=0.2)).iloc[::-every]
    numbers = [*range(3, 12), 14, 15, 16, 27, 28, 29]
    several = [samples.head(number).assign(repository_id=f"id-{number}") for number in numbers]
    answers = outlook(pd.concat(several)).set_index("repository_id")
    for number in numbers:
        answer = answers.loc[f"id-{number}"]
        enough = number >= LEAST_DAYS and (number - 1) * every >= LEAST_SPAN
        assert (answer["verdict"] == "filling") == enough, (number, every)
        assert answer["days_to_full"] is pd.NA or enough
        assert answer["span_days"] == (number - 1) * every


def test_after_a_jump_only_what_follows_counts() -> None:
    used = growing(80, 40, 0.3)
    used[40:] -= 25
    answer = of(used)
    assert answer["verdict"] == "filling"
    assert answer["first_sample"] == pd.Timestamp(made.FIRST) + 40 * DAY
    assert answer["days_to_full"] == pytest.approx((100 - used[-1]) / 0.3, rel=1e-6)
    assert "since the used space jumped by −2.5 TiB on 10 February 2026" in answer["reason"]
    used = growing(80, 40, 0.3)
    used[60:] -= 25
    assert of(used)["verdict"] == "too few samples"


@pytest.mark.parametrize("every", [1, 3, 7])
@pytest.mark.parametrize("place", [0.12, 0.25, 0.4, 0.6, 0.75, 0.9])
def test_a_repository_that_was_purged_and_fills_is_never_called_not_filling(place: float, every: int) -> None:
    chance = np.random.default_rng(5)
    used = growing(91, 40, 0.3) + chance.normal(0, 0.3, 91)
    used[int(91 * place) :] -= 25
    answer = outlook(made.samples_of(used).iloc[::every]).iloc[0]
    assert answer["verdict"] in ("filling", "range", "too few samples"), answer["reason"]
    if answer["verdict"] == "filling":
        assert answer["days_to_full"] == pytest.approx((100 - 42) / 0.3, rel=0.2)


@pytest.mark.parametrize("length", [1, 3, 5, 8, 10, 12, 15, 20])
def test_a_spike_that_goes_back_is_no_jump(length: int) -> None:
    used = growing(90, 20, 0.3)
    used[40 : 40 + length] += 30
    answer = of(used)
    assert answer["first_sample"] == pd.Timestamp(made.FIRST)
    assert answer["days_to_full"] == pytest.approx((100 - 46.7) / 0.3, rel=0.15)


def test_a_jump_of_the_last_days_may_be_a_spike_and_may_last() -> None:
    used = growing(60, 20, 0.3)
    used[-4:] += 20
    answer = of(used)
    assert answer["verdict"] == "too few samples"
    assert answer["days_to_full"] is pd.NA
    assert "moved by +2.0 TiB within the last days" in answer["reason"]


def test_two_paces_give_a_range() -> None:
    used = np.concatenate([growing(60, 20, 0.1), growing(40, 26, 0.6)])
    answer = of(used)
    assert answer["verdict"] == "range"
    assert answer["days_low"] < (100 - used[-1]) / 0.6 * 1.05
    assert answer["full_on"] is pd.NaT
    assert answer["days_high"] is pd.NA or answer["days_high"] > answer["days_low"] * 1.5


def test_growth_that_only_begins_is_not_called_flat() -> None:
    used = np.concatenate([np.full(150, 30.0), growing(35, 30, 0.8)])
    chance = np.random.default_rng(3)
    answer = of(used + chance.normal(0, 0.1, len(used)))
    assert answer["verdict"] == "range"
    assert answer["days_low"] < 100


def test_an_emptying_repository_is_not_filling() -> None:
    assert of(growing(60, 80, -0.4))["verdict"] == "not filling"
    assert of(np.full(60, 100.0))["verdict"] == "not filling"


def test_another_capacity_starts_anew() -> None:
    samples = made.samples_of(growing(90, 20, 0.3))
    larger = samples.index >= 75
    samples.loc[larger, "capacity_bytes"] = 2 * made.CAPACITY_BYTES
    answer = outlook(samples).iloc[0]
    assert answer["verdict"] == "capacity changed"
    assert "since the capacity changed on 17 March 2026" in answer["reason"]
    samples = made.samples_of(growing(90, 20, 0.3))
    samples.loc[samples.index >= 40, "capacity_bytes"] = 2 * made.CAPACITY_BYTES
    answer = outlook(samples).iloc[0]
    assert (answer["verdict"], answer["days_used"]) == ("filling", 50)
    assert answer["days_to_full"] == pytest.approx((200 - 46.7) / 0.3, rel=1e-6)


def test_a_capacity_of_one_day_is_no_change() -> None:
    samples = made.samples_of(growing(90, 20, 0.3))
    samples.loc[[50, 70], "capacity_bytes"] = [5 * made.CAPACITY_BYTES, made.CAPACITY_BYTES // 2]
    answer = outlook(samples).iloc[0]
    assert (answer["verdict"], answer["set_aside"], answer["days_used"]) == ("filling", 2, 88)
    assert "2 of a passing capacity" in answer["reason"]


def test_old_samples_give_no_date() -> None:
    answer = outlook(made.samples_of(growing()), later=20 * DAY).iloc[0]
    assert (answer["verdict"], answer["reason"]) == ("unknown", "the last usable sample is 20 days old")
    assert answer["full_on"] is pd.NaT


def test_what_cannot_be_right_is_set_aside_and_counted() -> None:
    good = made.samples_of(growing(60))
    odd = pd.concat([good.iloc[[10]]] * 9, ignore_index=True).astype({"used_bytes": "Int64", "capacity_bytes": "Int64"})
    odd["taken_at"] = [made.FIRST + 20 * DAY + dt.timedelta(hours=hour) for hour in range(1, 10)]
    odd["is_online"] = [True] * 5 + [False] + [True] * 3
    odd.loc[0, "used_bytes"] = pd.NA
    odd.loc[1, "used_bytes"] = -5
    odd.loc[2, "used_bytes"] = 2 * made.CAPACITY_BYTES
    odd.loc[3, "capacity_bytes"] = 0
    odd.loc[4, "capacity_bytes"] = pd.NA
    odd.loc[6, "taken_at"] = pd.NaT
    odd.loc[7, "taken_at"] = made.FIRST + 4000 * DAY
    odd.loc[8, ["taken_at", "used_bytes"]] = [good.loc[30, "taken_at"], good.loc[30, "used_bytes"]]
    now = good["taken_at"].max().to_pydatetime()
    clean = days_to_full(good, now=now).iloc[0]
    answer = days_to_full(pd.concat([odd, good]), now=now).iloc[0]
    assert answer["set_aside"] == 9
    assert answer["reason"] == clean["reason"] + (
        "; 9 samples set aside: 2 impossible, 1 of a later day, 1 of an offline repository, 1 repeated, "
        "2 without a capacity, 1 without a date, 1 without used space"
    )
    same = [name for name in OUTLOOK.names if name not in ("samples", "set_aside", "reason")]
    pd.testing.assert_series_equal(answer[same], clean[same], check_names=False)


def test_two_answers_for_one_moment_are_none() -> None:
    good = made.samples_of(growing(60))
    other = good.iloc[[20]].assign(used_bytes=1)
    answer = days_to_full(pd.concat([good, other]), now=good["taken_at"].max().to_pydatetime()).iloc[0]
    assert (answer["set_aside"], answer["days_used"], answer["samples"]) == (2, 59, 61)
    assert "2 contradictory" in answer["reason"]


def test_storage_without_a_capacity_is_unknown() -> None:
    samples = made.samples_of(growing()).assign(capacity_bytes=pd.NA, free_bytes=pd.NA)
    answer = outlook(samples).iloc[0]
    assert answer["verdict"] == "unknown"
    assert answer["reason"] == "no sample can be used; 60 samples set aside: 60 without a capacity"
    assert answer["used_bytes"] is pd.NA


def test_no_samples_are_an_empty_table() -> None:
    answer = days_to_full(made.samples_of(np.array([])), now=made.FIRST)
    assert len(answer) == 0
    assert answer.dtypes.to_dict() == {column.name: DTYPES[column.dtype] for column in OUTLOOK.columns}


def test_without_scipy_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **names: Any) -> Any:
        if name.partition(".")[0] == "scipy":
            raise ImportError("No module named 'scipy'", name="scipy")
        return original(name, *args, **names)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigurationError) as error:
        of(growing())
    assert error.value.hint == "Install it with: pip install 'vbr-audit[history]'"


AMOUNT = st.one_of(
    st.none(), st.integers(-(2**40), 2**45), st.sampled_from([0, 1, -1, made.CAPACITY_BYTES, 2**62, 2**63 - 1])
)
WHEN = st.one_of(st.none(), st.datetimes(dt.datetime(1995, 1, 1), dt.datetime(2090, 1, 1), timezones=st.just(dt.UTC)))
NAME = st.sampled_from([None, "id-odd", "id-other", ""])


@st.composite
def odd_rows(draw: st.DrawFn) -> pd.DataFrame:
    """Rows of another repository, or of none, with whatever a server can send."""
    rows = draw(st.lists(st.tuples(NAME, WHEN, AMOUNT, AMOUNT, st.sampled_from([None, True, False])), max_size=12))
    frame = made.samples_of(np.zeros(len(rows))).astype({"used_bytes": "Int64", "capacity_bytes": "Int64"})
    frame["repository_id"] = pd.array([row[0] for row in rows], dtype=DTYPES["string"])
    frame["repository"] = frame["repository_id"]
    frame["taken_at"] = pd.to_datetime([row[1] for row in rows], utc=True)
    frame["capacity_bytes"] = pd.array([row[2] for row in rows], dtype="Int64")
    frame["used_bytes"] = pd.array([row[3] for row in rows], dtype="Int64")
    frame["is_online"] = pd.array([row[4] for row in rows], dtype="boolean")
    return frame


ODD = made.samples_of(np.zeros(4)).assign(
    repository_id=pd.array([None, "", "id-odd", "id-odd"], dtype=DTYPES["string"]),
    repository=pd.array([None, "", "id-odd", "id-odd"], dtype=DTYPES["string"]),
    taken_at=pd.to_datetime([None, made.FIRST, made.FIRST + 4000 * DAY, made.FIRST], utc=True),
    capacity_bytes=pd.array([None, 0, -1, 2**63 - 1], dtype="Int64"),
    used_bytes=pd.array([2**62, None, 1, 2**45], dtype="Int64"),
    is_online=pd.array([None, True, False, True], dtype="boolean"),
)
"""A row of each oddity that `odd_rows` makes."""


@example(odd=ODD, seed=1, kind="purge")
@example(odd=ODD.head(0), seed=2, kind="flat_wandering")
@settings(max_examples=8)
@given(odd=odd_rows(), seed=st.integers(0, 2**32 - 1), kind=st.sampled_from([*made.GROWING, *made.FLAT]))
def test_rows_of_one_repository_never_change_the_answer_about_another(odd: pd.DataFrame, seed: int, kind: str) -> None:
    chance = np.random.default_rng(seed)
    good = made.samples_of((made.GROWING | made.FLAT)[kind](chance, 60).used).assign(is_online=True)
    now = good["taken_at"].max().to_pydatetime()
    alone = days_to_full(good, now=now)
    together = days_to_full(pd.concat([odd, good]).sample(frac=1, random_state=seed), now=now)
    mine = together[together["repository_id"] == "id-main"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, alone)
    others = together[~(together["repository_id"] == "id-main").fillna(False)]
    assert others["samples"].sum() == len(odd)
    assert set(together["verdict"]) <= set(VERDICTS)
    assert together["reason"].notna().all()
    assert not others["full_on"].notna().any()


@example(seed=1, kind="sawtooth", hours=-12, twice=[0, 59])
@example(seed=2, kind="migration", hours=14, twice=[])
@settings(max_examples=6)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from([*made.GROWING, *made.FLAT]),
    hours=st.integers(-12, 14),
    twice=st.lists(st.integers(0, 59), max_size=5, unique=True),
)
def test_order_zone_and_repeats_of_samples_do_not_matter(seed: int, kind: str, hours: int, twice: list[int]) -> None:
    samples = made.samples_of((made.GROWING | made.FLAT)[kind](np.random.default_rng(seed), 60).used)
    plain = outlook(samples)
    mixed = pd.concat([samples, samples.iloc[twice]]).sample(frac=1, random_state=seed)
    mixed["taken_at"] = mixed["taken_at"].dt.tz_convert(dt.timezone(dt.timedelta(hours=hours)))
    answer = outlook(mixed)
    assert answer.loc[0, "set_aside"] == len(twice)
    same = [name for name in OUTLOOK.names if name not in ("samples", "set_aside", "reason")]
    pd.testing.assert_frame_equal(answer[same], plain[same])


UNITS = (1e-6, 1e-3, 0.5, 4)


@example(seed=1, kind="changed_pace", factor=1e-6)
@example(seed=2, kind="spikes", factor=4)
@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from([*made.GROWING]), factor=st.sampled_from(UNITS))
def test_the_unit_of_the_space_does_not_matter(seed: int, kind: str, factor: float) -> None:
    samples = made.samples_of(made.GROWING[kind](np.random.default_rng(seed), 60).used)
    plain = outlook(samples).iloc[0]
    scaled = samples.assign(
        used_bytes=(samples["used_bytes"] * factor).round().astype("int64"),
        capacity_bytes=round(made.CAPACITY_BYTES * factor),
    )
    answer = outlook(scaled).iloc[0]
    assert answer["verdict"] == plain["verdict"]
    if plain["days_to_full"] is not pd.NA:
        assert answer["days_to_full"] == pytest.approx(plain["days_to_full"], rel=1e-2)


def test_several_samples_a_day_count_as_one() -> None:
    daily = made.samples_of(growing(60, 20, 0.24))
    hourly = pd.concat([daily.assign(taken_at=daily["taken_at"] + pd.Timedelta(hours=hour)) for hour in (-1, 0, 1)])
    answer = outlook(hourly).iloc[0]
    assert (answer["samples"], answer["days_used"]) == (180, 60)
    assert answer["days_to_full"] == pytest.approx(outlook(daily).iloc[0]["days_to_full"], rel=0.01)
