from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from assay import images
from assay.baseline import quantisation_scores
from assay.controls import (
    FRAGILE,
    HISTORY,
    SIDES,
    control_scores,
    free_window,
    marks,
    rescaled,
    untouched_window,
)
from assay.evaluation import EvaluationSettings, judge
from assay.images import Variant
from assay.metrics import Metric
from assay.progress import silent
from assay.records import Label, Mask, Photo, Pixels, Sample, Split, Verdict
from tests.datasets import stored
from tests.detectors import BAND
from tests.scenes import sample, scene

SETTINGS = EvaluationSettings(resamples=40, workers=1)


def corner(height: int = 256, width: int = 320) -> Mask:
    """Altered in the upper left."""
    mask = np.zeros((height, width), np.bool_)
    mask[:90, :90] = True
    return mask


def pictures(edited: Callable[[Pixels], Pixels], n: int = 12) -> list[Sample]:
    """Authentic and edited ones in turn, the latter with a mask over the upper left corner."""
    made = []
    for number in range(n):
        pixels, split = scene(number, 256, 320), Split.TEST if number < n // 2 else Split.TRAIN
        fields: dict[str, object] = {"split": split}
        if number % 2:
            pixels = edited(pixels)
            fields |= {"label": Label.MANIPULATED, "mask": images.encode_mask(corner())}
        made.append(sample(number, image=images.encode_png(pixels), **fields))
    return made


class Scored:
    """A detector whose score is a function of the photo."""

    def __init__(self, score: Callable[[Photo], float]) -> None:
        self._score = score

    def detect(self, photos: Sequence[Photo], rationale: bool = False) -> list[Verdict]:
        scores = [self._score(photo) for photo in photos]
        return [
            Verdict(
                Label.AUTHENTIC,
                p,
                {Label.AUTHENTIC: 1 - p, Label.MANIPULATED: p, Label.SYNTHESIZED: 0.0},
                False,
                float(logit(np.clip(p, 1e-6, 1 - 1e-6))),
            )
            for p in scores
        ]

    def has_seen(self, group: str) -> bool:
        return False


def brightness(photo: Photo) -> float:
    return float(photo.pixels.mean()) / 255


def darkness(photo: Photo) -> float:
    """How much of the image is black: only the edit is."""
    return float((photo.pixels.max(axis=2) < 30).mean())


def brighter(pixels: Pixels) -> Pixels:
    """The whole file has another history than its twin."""
    return np.clip(pixels + 60.0, 0, 255).astype(np.uint8)


def blackened(pixels: Pixels) -> Pixels:
    """Nothing but the masked corner is edited."""
    edited = pixels.copy()
    edited[corner()] = 0
    return edited


def test_score_of_a_files_history_is_marked(tmp_path: Path) -> None:
    data = stored(tmp_path, pictures(brighter, 48))
    _, evaluation = judge(Scored(brightness), BAND, data, SETTINGS, silent)
    whole = evaluation.overall(Variant.BIAS_CONTROLLED)
    assert whole is not None
    assert whole.controls["untouched_window"].value > 0.9  # type: ignore[union-attr]
    assert whole.marks == (HISTORY,)


def test_score_of_the_edit_alone_is_not_marked(tmp_path: Path) -> None:
    data = stored(tmp_path, pictures(blackened, 48))
    predictions, evaluation = judge(Scored(darkness), BAND, data, SETTINGS, silent)
    whole = evaluation.overall(Variant.BIAS_CONTROLLED)
    assert whole is not None
    assert whole.metrics["auc"].value == 1  # type: ignore[union-attr]
    assert whole.controls["rescaled"].value == 1  # type: ignore[union-attr]
    assert whole.controls["untouched_window"].value == pytest.approx(0.5, abs=0.2)  # type: ignore[union-attr]
    assert whole.marks == ()
    assert {"bias_controlled/rescaled_auc", "as_is/quantisation_auc"} < set(evaluation.headline())
    as_is = predictions["variant"] == "as_is"
    assert predictions["rescaled"].isna().tolist() == as_is.tolist()


def test_score_that_does_not_survive_rescaling_is_marked(tmp_path: Path) -> None:
    def height_of_a_multiple_of_eight(photo: Photo) -> float:
        return float(photo.size == (320, 250))

    def cropped(pixels: Pixels) -> Pixels:
        return pixels[:250]

    made = pictures(cropped, 48)
    made = [s if s.label is Label.AUTHENTIC else _without_mask(s) for s in made]
    detector = Scored(height_of_a_multiple_of_eight)
    _, evaluation = judge(detector, BAND, stored(tmp_path, made), SETTINGS, silent)
    whole = evaluation.overall(Variant.BIAS_CONTROLLED)
    assert whole is not None
    assert whole.marks == (FRAGILE,)
    assert whole.controls["untouched_window"] is None


def _without_mask(made: Sample) -> Sample:
    return sample(
        0,
        image_id=made.image_id,
        image=made.image,
        label=made.label,
        split=made.split,
        group=made.group,
    )


@pytest.mark.parametrize(
    ("auc", "window", "scaled", "expected"),
    [
        ((0.7, 0.6), (0.8, 0.7), (0.7, 0.6), (HISTORY,)),
        ((0.7, 0.6), (0.6, 0.52), (0.65, 0.55), ()),
        ((0.7, 0.6), (0.5, 0.4), (0.5, 0.4), (FRAGILE,)),
        ((0.55, 0.52), (0.5, 0.4), (0.54, 0.48), ()),
        ((0.5, 0.4), (0.5, 0.4), (0.4, 0.3), ()),
    ],
)
def test_marks_need_more_than_the_interval_leaves_open(
    auc: tuple[float, float],
    window: tuple[float, float],
    scaled: tuple[float, float],
    expected: tuple[str, ...],
) -> None:
    of, windows, rescale = (Metric(v, low, 2 * v - low, 40) for v, low in (auc, window, scaled))
    assert marks(of, {"untouched_window": windows, "rescaled": rescale}) == expected
    assert marks(of, {"untouched_window": None}) == marks(None, {}) == ()


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(64, 500), st.integers(64, 500)),
    st.lists(st.tuples(*[st.integers(0, 499)] * 2, *[st.integers(1, 200)] * 2), max_size=3),
    st.floats(0, 1, exclude_max=True),
)
def test_free_window_holds_no_altered_pixel(
    size: tuple[int, int], boxes: list[tuple[int, int, int, int]], place: float
) -> None:
    altered = np.zeros(size, np.bool_)
    for top, left, height, width in boxes:
        altered[top : top + height, left : left + width] = True
    found = free_window(altered, 256, place)
    smallest = np.ones((128, 128))
    filled = cv2.filter2D(altered.astype(np.float64), -1, smallest, anchor=(0, 0))
    fits = filled[: size[0] - 127 : 8, : size[1] - 127 : 8] if min(size) >= 128 else np.ones((0, 0))
    assert (found is not None) == bool((fits < 0.5).any())
    if found is not None:
        left, top, side = found
        assert side in SIDES
        assert left % 8 == top % 8 == 0
        window = altered[top : top + side, left : left + side]
        assert window.shape == (side, side)
        assert not window.any()


def test_window_is_the_largest_that_is_free() -> None:
    assert free_window(np.zeros((512, 512), np.bool_), 256, 0.0) == (0, 0, 256)
    assert free_window(np.zeros((512, 512), np.bool_), 128, 0.0) == (0, 0, 128)
    assert free_window(corner(), 256, 0.99) == (96, 32, 224)


def test_authentic_window_has_a_side_of_an_altered_one(tmp_path: Path) -> None:
    authentic, edited = pictures(brighter, 2)
    sides = {"scenes": [136]}
    assert untouched_window(authentic, sides).size == (136, 136)  # type: ignore[union-attr]
    assert untouched_window(edited, sides).size == (224, 224)  # type: ignore[union-attr]
    assert untouched_window(authentic, {"elsewhere": [136]}) is None
    assert untouched_window(_without_mask(edited), sides) is None


def test_rescaled_image_is_smaller_by_a_factor_of_its_own() -> None:
    factors = [rescaled(one).size[0] / 320 for one in pictures(brighter, 8)]
    assert all(0.69 < factor < 0.96 for factor in factors)
    assert len(set(factors)) > 4
    assert rescaled(pictures(brighter, 1)[0]).format == "JPEG"


def test_controls_have_a_row_for_each_test_image(tmp_path: Path) -> None:
    made = pictures(blackened)
    rows = control_scores(Scored(darkness), stored(tmp_path, made), silent)
    assert list(rows["image_id"]) == [s.image_id for s in made if s.split is Split.TEST]
    assert isinstance(rows, pd.DataFrame)
    assert rows.notna().all(axis=None)


def test_quantisation_tables_tell_classes_apart_that_were_saved_differently(tmp_path: Path) -> None:
    def saved(number: int, split: Split) -> Sample:
        quality, label = ((90, Label.AUTHENTIC), (91, Label.SYNTHESIZED))[number % 2]
        data = images.encode_jpeg(scene(number, 64, 64), quality)
        return sample(number, image=data, label=label, split=split)

    splits = [Split.TRAIN] * 24 + [Split.TEST] * 8
    data = stored(tmp_path, [saved(number, split) for number, split in enumerate(splits)])
    scores = quantisation_scores(data, 1, silent)
    assert scores[1::2].min() > 0.9
    assert scores[::2].max() < 0.1


def test_quantisation_tables_of_one_class_guess(tmp_path: Path) -> None:
    data = stored(
        tmp_path, [sample(n, 64, 64, split=s) for n, s in enumerate((Split.TRAIN, Split.TEST))]
    )
    assert quantisation_scores(data, 1, silent).tolist() == [0.5]
