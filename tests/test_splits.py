"""Splits by group: shares, balance, the source's own splits, and what would leak."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.records import BASIC_SPLITS, Split
from assay.splits import Row, assign_splits

TRAIN, VALIDATION, TEST = Split.TRAIN, Split.VALIDATION, Split.TEST
SHARES = {TRAIN: 0.55, VALIDATION: 0.2, TEST: 0.25}

rows_of_groups = st.lists(
    st.builds(
        Row,
        group=st.sampled_from("abcdefgh"),
        stratum=st.sampled_from(["x", "y"]),
        split=st.sampled_from([None, None, *Split]),
    ),
    min_size=1,
    max_size=60,
)


def ungiven(groups: int, rows: int) -> list[Row]:
    return [Row(f"g{index % groups}", "photos") for index in range(rows)]


@given(rows_of_groups, st.integers(0, 3))
def test_assign_splits_never_tears_a_group(rows: list[Row], seed: int) -> None:
    splits = assign_splits(rows, SHARES, seed)
    kept = {(row.group, split) for row, split in zip(rows, splits, strict=True) if split}
    assert len(kept) == len({group for group, _ in kept})


@given(rows_of_groups)
def test_assign_splits_keeps_every_row_of_the_split_held_out_most(rows: list[Row]) -> None:
    splits = assign_splits(rows, SHARES, 0)
    latest = Split.PRODUCTION
    given = [split for row, split in zip(rows, splits, strict=True) if row.split is latest]
    assert set(given) <= {latest}


@pytest.mark.parametrize("groups", [17, 200])
def test_assign_splits_meets_the_shares(groups: int) -> None:
    rows = ungiven(groups, 600)
    counts = Counter(assign_splits(rows, SHARES, 0))
    assert all(abs(counts[split] / 600 - share) <= 1 / groups for split, share in SHARES.items())


@pytest.mark.parametrize("groups", [3, 4, 5])
def test_assign_splits_fills_every_split_from_three_groups(groups: int) -> None:
    assert set(assign_splits(ungiven(groups, 60), SHARES, 0)) == set(BASIC_SPLITS)


def test_assign_splits_of_nothing_is_nothing() -> None:
    assert assign_splits([], SHARES, 0) == []


def test_assign_splits_puts_a_lone_group_into_training() -> None:
    assert set(assign_splits(ungiven(1, 5), SHARES, 0)) == {TRAIN}


def test_assign_splits_spreads_a_rare_stratum() -> None:
    rows = [Row(f"g{i}", "rare" if i % 20 == 0 else "common") for i in range(400)]
    splits = assign_splits(rows, SHARES, 0)
    rare = Counter(s for row, s in zip(rows, splits, strict=True) if row.stratum == "rare")
    assert rare == {TRAIN: 11, VALIDATION: 4, TEST: 5}


def test_assign_splits_carves_validation_out_of_given_training_groups() -> None:
    rows = [Row(f"g{i}", "x", TEST if i < 30 else TRAIN) for i in range(105)]
    splits = assign_splits(rows, SHARES, 0)
    assert Counter(splits) == {TEST: 30, TRAIN: 55, VALIDATION: 20}
    assert set(splits[:30]) == {TEST}


def test_assign_splits_leaves_a_complete_source_alone() -> None:
    rows = [Row(f"g{i}", "x", list(Split)[i % 3]) for i in range(30)]
    assert assign_splits(rows, SHARES, 0) == [row.split for row in rows]


def test_assign_splits_leaves_a_pure_test_source_alone() -> None:
    assert set(assign_splits([Row(f"g{i}", "x", TEST) for i in range(9)], SHARES, 0)) == {TEST}


def test_assign_splits_drops_training_rows_of_a_torn_group() -> None:
    rows = [Row("a", "x", TRAIN), Row("a", "x", TEST), Row("b", "x", TRAIN), Row("a", "x")]
    splits = assign_splits(rows, SHARES, 0)
    assert [splits[0], splits[1], splits[3]] == [None, TEST, TEST]


def test_assign_splits_gives_nothing_to_a_split_without_share() -> None:
    shares = {TRAIN: 0.5, VALIDATION: 0.0, TEST: 0.5}
    assert VALIDATION not in assign_splits(ungiven(20, 40), shares, 0)


def test_assign_splits_depends_on_the_seed_alone() -> None:
    rows = ungiven(30, 60)
    first = assign_splits(rows, SHARES, 0)
    assert first == assign_splits(rows, SHARES, 0)
    assert first != assign_splits(rows, SHARES, 1)
