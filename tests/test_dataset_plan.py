"""The plan of a dataset: bounded shards, edits in equal share, donors that cannot leak."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from assay.dataset import DataSettings
from assay.dataset_plan import SHARD_BYTES, SHARD_PAIRS, SHARD_ROWS, plan_shards
from assay.dataset_shards import Candidate, Place, Recipe, Shard
from assay.duplicates import PerceptualHash
from assay.records import BASIC_SPLITS, Label, Split

EDITS = ("copy_move", "retouch", "splice")


def candidates(count: int, groups: int = 6, size: int = 1000, **fields: object) -> list[Candidate]:
    """Authentic candidates whose group decides their split, `groups` / 3 groups in each."""
    return [
        Candidate(
            place=Place(Path("000000.arrow"), index),
            image_id=f"i{index}",
            label=fields.get("label", Label.AUTHENTIC),  # type: ignore[arg-type]
            dataset="d",
            group=f"g{index % groups}",
            split=list(Split)[index % groups % 3],
            bytes=size,
            picture=PerceptualHash(b"", 0, b""),
        )
        for index in range(count)
    ]


def planned(members: list[Candidate], edits: tuple[str, ...], **settings: int) -> list[Shard]:
    return plan_shards(members, edits, DataSettings(**settings), Path("dataset"))


def recipes(shards: list[Shard]) -> list[Recipe]:
    return [recipe for shard in shards for recipe in shard.recipes]


def test_plan_without_edits_takes_every_sample_once() -> None:
    members = candidates(30)
    shards = planned(members, ())
    assert {r.sample for r in recipes(shards)} == {m.place for m in members}
    assert all(recipe.donor is None for recipe in recipes(shards))
    assert all(
        {recipe.split for recipe in shard.recipes} == {shard.recipes[0].split} for shard in shards
    )


def test_plan_bounds_shards_by_rows_and_by_bytes() -> None:
    rows = planned(candidates(3 * SHARD_ROWS + 3), ())
    assert sorted(len(shard.recipes) for shard in rows) == [1] * 3 + [SHARD_ROWS] * 3
    large = planned(candidates(30, size=SHARD_BYTES // 2), ())
    assert {len(shard.recipes) for shard in large} == {2}
    pairs = planned(candidates(3 * SHARD_PAIRS), EDITS)
    assert {len(shard.recipes) for shard in pairs} == {SHARD_PAIRS}


def test_plan_deals_edits_in_equal_share_to_each_split() -> None:
    shards = planned(candidates(90), EDITS, pairs_per_sample=2)
    shares = Counter((recipe.split, recipe.manipulation) for recipe in recipes(shards))
    assert shares == {(split, edit): 20 for split in BASIC_SPLITS for edit in EDITS}


@pytest.mark.parametrize("edits", [EDITS, ("splice", "splice", "retouch")])
def test_plan_gives_a_sample_several_different_pairs(edits: tuple[str, ...]) -> None:
    shards = planned(candidates(12), edits, pairs_per_sample=4)
    pairs = Counter((recipe.sample, recipe.manipulation, recipe.seed) for recipe in recipes(shards))
    assert len(pairs) == 12 * 4
    assert set(pairs.values()) == {1}


def test_plan_takes_donors_of_another_group_in_the_same_split() -> None:
    members = candidates(90)
    by_place = {member.place: member for member in members}
    donors = [by_place[recipe.donor] for recipe in recipes(planned(members, EDITS)) if recipe.donor]
    assert len(donors) == 90
    for recipe, donor in zip(recipes(planned(members, EDITS)), donors, strict=True):
        assert donor.split is recipe.split
        assert donor.group != recipe.group
    assert len({donor.image_id for donor in donors}) > 45, "donors are spread"


def test_plan_warns_where_a_split_is_one_photograph(caplog: pytest.LogCaptureFixture) -> None:
    shards = planned(candidates(6, groups=3), EDITS)
    assert all(recipe.donor is not None for recipe in recipes(shards))
    assert "all train images are of one photograph" in caplog.text


def test_plan_edits_authentic_samples_only() -> None:
    shards = planned(candidates(6, label=Label.SYNTHESIZED), EDITS)
    assert {recipe.manipulation for recipe in recipes(shards)} == {""}


def test_plan_is_the_same_again() -> None:
    assert planned(candidates(40), EDITS) == planned(candidates(40), EDITS)
    assert planned(candidates(40), EDITS) != planned(candidates(40), EDITS, seed=1)
