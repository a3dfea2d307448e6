"""What labels of a platform's own traffic may change about findings, and what they may not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from assay import finding_weights
from assay.finding_weights import Learning
from assay.fusion import Fusion, log_odds
from assay.metrics import Floats
from assay.records import Label

Traffic = tuple[dict[str, Floats], list[Label], np.ndarray]

FUSED, SHOWN = "sharpness_inconsistency", "resampling_peaks"


def traffic(seed: int, n: int = 240, found: float = 3.0) -> Traffic:
    """Half authentic, a quarter that the curve sees, a quarter that one shown finding sees."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(list(Label), (n // 2, n // 4, n // 4))
    fused, shown = rng.logistic(0, 1, (2, n))
    fused[labels == Label.MANIPULATED] += 3
    shown[labels == Label.SYNTHESIZED] += found
    surprises = {FUSED: fused, SHOWN: shown}
    sums = {Label.MANIPULATED: fused, Label.SYNTHESIZED: np.zeros(n)}
    return {**surprises, **sums}, list(map(Label, labels)), np.arange(n)


def learned(rows: Traffic) -> Learning:
    surprises, labels, groups = rows
    said = np.zeros((len(labels), len(Label)))
    return finding_weights.learn(Fusion(), said, surprises, labels, groups, np.ones(len(labels)))


def auc_of_synthesized(fusion: Fusion, rows: Traffic) -> float:
    surprises, labels, _ = rows
    scores = log_odds(fusion.logits(np.zeros((len(labels), 3)), surprises))
    new, authentic = (
        scores[[one is label for one in labels]] for label in (Label.SYNTHESIZED, Label.AUTHENTIC)
    )
    return float((new[:, None] > authentic).mean())


def test_a_manipulation_that_only_a_shown_finding_sees_is_learned() -> None:
    found, other = learned(traffic(0)), traffic(1)
    assert found.low is not None
    assert found.low > 0
    assert auc_of_synthesized(Fusion(), other) < 0.6
    assert auc_of_synthesized(found.fusion, other) > 0.85


def test_labels_that_the_shipped_curve_explains_teach_nothing() -> None:
    heard = 0
    for seed in range(8):
        surprises, labels, groups = traffic(seed)
        chances = softmax(Fusion().logits(np.zeros((len(labels), 3)), surprises), axis=1)
        rng = np.random.default_rng(1000 + seed)
        drawn = [list(Label)[rng.choice(3, p=row)] for row in chances]
        heard += bool(learned((surprises, drawn, groups)).fusion.learned)
    assert heard <= 1


def test_what_is_not_heard_changes_nothing() -> None:
    rows = traffic(0, found=0.0)
    found = learned(rows)
    assert found.fusion == Fusion()
    np.testing.assert_array_equal(found.logits, Fusion().logits(np.zeros((240, 3)), rows[0]))
    assert "not heard" in str(found)


def test_few_photographs_teach_nothing_however_many_crops() -> None:
    surprises, labels, _ = traffic(0)
    found = learned((surprises, labels, np.arange(240) // 10))
    assert found.gain is None
    assert "too few" in str(found)


def test_crops_of_one_photograph_are_no_confirmation() -> None:
    rows = traffic(3, n=120, found=1.0)
    crops = {name: np.repeat(values, 8) for name, values in rows[0].items()}
    labels = [label for label in rows[1] for _ in range(8)]
    said, groups = np.zeros((960, 3)), np.repeat(rows[2], 8)
    counted = finding_weights.learn(Fusion(), said, crops, labels, groups, np.full(960, 1 / 8))
    once = learned(rows)
    assert once.low is not None
    assert counted.low == pytest.approx(once.low, abs=0.02)


def test_a_class_that_nobody_labelled_keeps_what_is_shipped() -> None:
    surprises, labels, groups = traffic(0)
    named = [Label.MANIPULATED if one is Label.SYNTHESIZED else one for one in labels]
    found = learned((surprises, named, groups))
    assert set(found.fusion.learned) == {Label.MANIPULATED}
    assert found.fusion.offsets[Label.SYNTHESIZED] == Fusion().offsets[Label.SYNTHESIZED]


def test_held_out_logits_are_those_of_weights_fitted_to_others() -> None:
    rows = traffic(0)
    found = learned(rows)
    in_sample = found.fusion.logits(np.zeros((240, 3)), rows[0])
    assert not np.allclose(found.logits, in_sample)
    assert np.corrcoef(log_odds(found.logits), log_odds(in_sample))[0, 1] > 0.95


def test_a_conclusive_finding_counts_no_more_than_a_null_rate_is_believed() -> None:
    weighed = replace(Fusion(), learned={Label.SYNTHESIZED: {SHOWN: 0.5}})
    values = {name: np.array([6.9, 41.9]) for name in (*Label, SHOWN)}
    shipped = Fusion().logits(np.zeros((2, 3)), values)
    added = weighed.logits(np.zeros((2, 3)), values) - shipped
    np.testing.assert_allclose(added[:, 2], 0.5 * 6.9, atol=0.01)
