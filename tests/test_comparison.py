from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from assay.comparison import (
    METRICS,
    ComparedSlice,
    Comparison,
    ComparisonSettings,
    Outcome,
    compare,
    outcome,
)
from assay.errors import DataError
from assay.flips import Change
from assay.images import Variant
from assay.model_registry import ModelFacts
from tests.predictions import predictions

SETTINGS = ComparisonSettings(resamples=200)


def compared(first: pd.DataFrame, second: pd.DataFrame) -> Comparison:
    return compare(first, second, 0.5, 0.5, SETTINGS)


def part(comparison: Comparison, by: str, name: str) -> ComparedSlice:
    """The bias-controlled slice of that name."""
    found = [s for s in comparison.slices if (s.by, s.name) == (by, name)]
    (slice_,) = [s for s in found if s.variant is Variant.BIAS_CONTROLLED]
    return slice_


def test_worse_model_is_found_significantly_worse():
    comparison = compared(predictions(1.5), predictions(0.3, noise=2))
    assert comparison.outcome is Outcome.WORSE
    assert comparison.primary.change.high < 0
    assert comparison.primary.first > comparison.primary.second


def test_better_model_is_found_significantly_better():
    assert compared(predictions(0.3), predictions(1.5, noise=2)).outcome is Outcome.BETTER


def test_model_of_larger_errors_is_worse_although_its_brier_score_is_higher():
    comparison = compared(predictions(3.0), predictions(0.3, noise=2))
    brier = part(comparison, "all", "all").metrics["brier"]
    assert brier is not None
    assert brier.change.low > 0
    assert outcome("brier", brier.change) is Outcome.WORSE


def test_equal_models_with_other_noise_differ_insignificantly():
    comparison = compared(predictions(0.8), predictions(0.8, noise=2))
    assert comparison.primary.change.value != 0
    assert comparison.outcome is Outcome.UNDECIDED


def test_exchanged_models_turn_every_difference_round():
    first, second = predictions(1.0), predictions(0.6, noise=2)
    there, back = compared(first, second), compared(second, first)
    for forward, backward in zip(there.slices, back.slices, strict=True):
        for name in METRICS:
            one, other = (forward.metrics[name].change, backward.metrics[name].change)  # type: ignore[union-attr]
            expected = [-other.value, -other.high, -other.low]
            assert [one.value, one.low, one.high] == pytest.approx(expected)
    mended, broken = (
        [c.counts[change] for c in there.flip_counts] for change in (Change.MENDED, Change.BROKEN)
    )
    assert mended == [c.counts[Change.BROKEN] for c in back.flip_counts]
    assert broken == [c.counts[Change.MENDED] for c in back.flip_counts]


def test_model_beside_itself_differs_nowhere():
    comparison = compared(predictions(1.0), predictions(1.0))
    changes = [d.change for s in comparison.slices for d in s.metrics.values() if d]
    assert {(c.value, c.low, c.high) for c in changes} == {(0, 0, 0)}
    assert comparison.flips == ()


def test_balanced_accuracy_has_a_threshold_a_model():
    rows = predictions(1.5)
    comparison = compare(rows, rows, 0.5, 0.99, SETTINGS)
    accuracy = part(comparison, "all", "all").metrics["balanced_accuracy"]
    assert accuracy is not None
    assert accuracy.second < accuracy.first
    assert comparison.primary.change.value == 0


def seen(rows: pd.DataFrame, groups: range) -> pd.DataFrame:
    """``rows`` of a model that was fitted on these groups."""
    return rows.assign(seen=rows["group"].isin([f"g{n}" for n in groups]))


def test_images_that_either_has_seen_are_left_out():
    first, second = predictions(1.0), predictions(0.5, noise=2)
    kept = ~first["group"].isin(["g0", "g1"])
    expected = compared(first[kept], second[kept])
    comparison = compared(seen(first, range(1)), seen(second, range(1, 2)))
    assert comparison.slices == expected.slices
    assert comparison.left_out == first[~kept]["image_id"].nunique()


def test_models_that_have_seen_everything_together_are_refused():
    first, second = seen(predictions(1.0), range(6)), seen(predictions(0.5), range(6, 12))
    with pytest.raises(DataError, match="compare them on other images"):
        compared(first, second)


def test_images_of_one_class_are_refused():
    rows = predictions(1.0)
    rows = rows[rows["label"] == "authentic"]
    with pytest.raises(DataError, match="lack authentic or other ones"):
        compared(rows, rows)


@pytest.mark.parametrize("column", ["image_id", "variant", "label"])
def test_tables_of_different_images_are_refused(column: str):
    other = predictions(1.0)
    other.loc[0, column] = "other"
    with pytest.raises(DataError, match="let both predict the same dataset"):
        compared(predictions(1.0), other)


def test_order_of_the_images_does_not_matter():
    first, second = predictions(1.0), predictions(0.5, noise=2)
    mixed = second.sample(frac=1, random_state=0)
    assert compared(first, mixed) == compared(first, second)


def test_slices_are_those_of_an_evaluation():
    from assay.evaluation import evaluate

    first, second = predictions(1.0), predictions(0.5, noise=2)
    judged = evaluate(second, 0.5, 1)
    comparison = compared(first, second)
    cuts = {(s.variant, s.by, s.name): s for s in comparison.slices}
    assert len(cuts) == len(judged.slices) > 8
    for alone in judged.slices:
        slice_ = cuts[alone.variant, alone.by, alone.name]
        assert (slice_.n, slice_.authentic, slice_.groups) == (
            alone.n,
            alone.authentic,
            alone.groups,
        )
        auc = slice_.metrics["auc"]
        assert (auc and auc.second) == (alone.metrics["auc"] and alone.metrics["auc"].value)


def test_defect_of_one_manipulation_shows_in_its_slice_alone():
    first = predictions(1.5)
    second = first.copy()
    spliced = (second["manipulation"] == "splice").to_numpy()
    chance = np.random.default_rng(5).random(spliced.sum())
    second.loc[spliced, "p_authentic"] = chance
    comparison = compared(first, second)
    assert part(comparison, "manipulation", "splice").metrics["auc"].change.high < 0  # type: ignore[union-attr]
    assert part(comparison, "manipulation", "inpaint").metrics["auc"].change.value == 0  # type: ignore[union-attr]


def test_comparison_survives_json():
    models = ModelFacts("version 1", "abc", version="1"), ModelFacts("folder", "def")
    comparison = replace(compared(predictions(1.0), predictions(0.5, noise=2)), models=models)
    text = json.dumps(comparison.as_dict(), allow_nan=False)
    assert Comparison.from_dict(json.loads(text)) == comparison
