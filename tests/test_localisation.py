from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score, roc_auc_score

from assay import evidence
from assay.localisation import LOCATED, SUSPICIOUS_AREA, fused_heatmap, located, pixel_metrics
from assay.records import Finding, Heatmap, Mask, Measurement

POINTS = {name: one.points for name, one in evidence.examiners().items() if one.points}
FIRST, SECOND = sorted(POINTS, key=lambda name: -POINTS[name])[:2]
"""Each marks a place by itself."""
LEFT = np.repeat(np.array([[1.0, 0.0]], np.float32), 20, axis=1)
RIGHT = LEFT[:, ::-1]


def finding(heatmap: Heatmap | None, rate: float = 0.0, name: str = FIRST) -> Finding:
    return Finding(Measurement(name, 1.0, heatmap=heatmap), rate, "")


def half(height: int = 60, width: int = 80) -> Mask:
    """The left half is altered."""
    mask = np.zeros((height, width), np.bool_)
    mask[:, : width // 2] = True
    return mask


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_located_agrees_with_reference(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    heatmap = rng.random((rows, columns)).astype(np.float32)
    mask = np.zeros((48, 64), np.bool_)
    mask[8 : 8 + rng.integers(1, 40), 8 : 8 + rng.integers(1, 56)] = True
    found = located(heatmap, mask)
    wide = cv2.resize(heatmap, (64, 48), interpolation=cv2.INTER_LINEAR).clip(0, 1).ravel()
    truth, marked = mask.ravel(), wide > 0.5
    assert found["pixel_f1"] == pytest.approx(f1_score(truth, marked, zero_division=0.0))
    assert found["pixel_iou"] == pytest.approx(jaccard_score(truth, marked, zero_division=0.0))
    assert found["pixel_auc"] == pytest.approx(roc_auc_score(truth, np.rint(wide * 65535)))


def test_heatmap_on_the_altered_side_beats_one_on_the_other() -> None:
    right, wrong = pixel_metrics([finding(LEFT)], half()), pixel_metrics([finding(RIGHT)], half())
    assert all(right[name] > 0.95 for name in LOCATED)
    assert all(wrong[name] < 0.05 for name in LOCATED)
    assert right[SUSPICIOUS_AREA] == pytest.approx(0.5, abs=0.02)


def test_image_that_nothing_points_into_is_a_miss() -> None:
    missed = pixel_metrics([finding(None)], half())
    assert missed == {"pixel_f1": 0, "pixel_iou": 0, "pixel_auc": 0.5, SUSPICIOUS_AREA: 0}


@pytest.mark.parametrize("mask", [np.zeros((60, 80), np.bool_), np.ones((60, 80), np.bool_), None])
def test_nothing_is_located_where_nothing_can_be_told_apart(mask: Mask | None) -> None:
    found = pixel_metrics([finding(LEFT)], mask)
    assert all(math.isnan(found[name]) for name in LOCATED)
    assert found[SUSPICIOUS_AREA] == pytest.approx(0.5, abs=0.02)


def test_model_without_findings_has_no_pixel_metrics() -> None:
    assert all(math.isnan(value) for value in pixel_metrics([], half()).values())


def test_fused_heatmap_adds_up_what_points_to_the_same_place() -> None:
    alone = fused_heatmap([finding(LEFT)])
    together = fused_heatmap([finding(LEFT), finding(LEFT, name=SECOND)])
    assert alone is not None
    assert together is not None
    assert alone[0, 0] == pytest.approx(1 - 0.5 ** POINTS[FIRST])
    assert together[0, 0] == pytest.approx(1 - 0.5 ** (POINTS[FIRST] + POINTS[SECOND]))
    assert alone[0, -1] == together[0, -1] == 0


def test_fused_heatmap_has_the_finest_grid() -> None:
    coarse, fine = np.ones((2, 9), np.float32), np.ones((8, 3), np.float32)
    fused = fused_heatmap([finding(coarse), finding(fine, name=SECOND)])
    assert fused is not None
    assert fused.shape == (8, 9)


def test_finding_without_weight_points_nowhere() -> None:
    mute = next(name for name, one in evidence.examiners().items() if not one.points)
    assert fused_heatmap([finding(LEFT, name=mute), finding(None)]) is None


def test_large_image_is_compared_on_a_coarser_grid() -> None:
    found = located(LEFT, half(5000, 8000))
    small = located(LEFT, half(50, 80))
    assert found == pytest.approx(small, abs=0.02)
