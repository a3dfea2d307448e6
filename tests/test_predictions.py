"""What a model says of each image, and which of these rows may be measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.baseline import FEATURES
from assay.dataset import Dataset
from assay.evidence import examiners
from assay.images import Variant
from assay.predictions import measured, predict, two_class, unseen
from assay.progress import silent
from assay.records import Finding, Label, Measurement, Photo, Split, Verdict
from tests.datasets import stored
from tests.detectors import Brightness, brightened
from tests.training_runs import samples

POINTS = next(name for name, one in examiners().items() if one.points >= 2)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    rows = [
        brightened(n, split, n % 2 == 0) for split in (Split.TRAIN, Split.TEST) for n in range(48)
    ]
    return stored(tmp_path_factory.mktemp("dataset"), rows)


def test_predict_gives_one_row_an_image_in_order(dataset: Dataset) -> None:
    rows = predict(Brightness(), dataset, Split.TEST, Variant.AS_IS, silent)
    assert list(rows["image_id"]) == [f"test-{n}" for n in range(48)]
    assert list(rows["variant"].unique()) == ["as_is"]
    np.testing.assert_allclose(rows[[f"p_{label}" for label in Label]].sum(axis=1), 1)
    assert list(rows["material"]) == [n % 2 == 0 for n in range(48)]
    assert set(FEATURES) < set(rows.columns)


def test_predict_gives_label_and_need_of_review(dataset: Dataset) -> None:
    rows = predict(Brightness(), dataset, Split.TEST, Variant.AS_IS, silent)
    expected = np.where(rows["p_synthesized"] >= 0.5, "synthesized", "authentic")
    assert list(rows["predicted"]) == list(expected)
    assert list(rows["needs_review"]) == list(rows["p_synthesized"].between(0.4, 0.6))


def test_predict_judges_the_variant(dataset: Dataset) -> None:
    as_is, controlled = (
        predict(Brightness(), dataset, Split.TEST, kind, silent) for kind in Variant
    )
    assert as_is.groupby("label")["qtables"].nunique().tolist() == [1, 1]
    assert controlled["qtables"].nunique() > 5


def test_predict_reports_progress(dataset: Dataset) -> None:
    calls: list[tuple[int, int, str]] = []
    predict(Brightness(), dataset, Split.TEST, Variant.AS_IS, lambda *call: calls.append(call))
    assert calls[-1][:2] == (48, 48)


def test_predict_marks_what_the_model_was_fitted_on(dataset: Dataset) -> None:
    rows = predict(Brightness(["test-3", "train-4"]), dataset, Split.TEST, Variant.AS_IS, silent)
    assert set(rows[rows["seen"]]["group"]) == {"test-3"}
    assert rows["seen"].sum() == 4


def rows(labels: str, datasets: str, seen: str = "") -> pd.DataFrame:
    """One row a letter: a(uthentic) or not, the name of its dataset, s(een) or not."""
    names = ["authentic" if letter == "a" else "synthesized" for letter in labels]
    frame = pd.DataFrame({"label": names, "dataset": list(datasets)})
    return frame.assign(seen=[letter == "s" for letter in seen]) if seen else frame


def test_two_class_leaves_out_datasets_of_one_class() -> None:
    assert list(two_class(rows("aaxx", "pqqr")).index) == [1, 2]


def test_two_class_keeps_everything_where_no_dataset_has_both() -> None:
    assert list(two_class(rows("aax", "ppq")).index) == [0, 1, 2]
    assert list(two_class(rows("aax", "ppq").drop(columns="dataset")).index) == [0, 1, 2]
    assert two_class(rows("", "")).empty


def test_measured_counts_classes_after_seen_rows_have_gone() -> None:
    table = rows("axaxax", "ppqqrr", "-s----")
    assert list(unseen(table).index) == [0, 2, 3, 4, 5]
    assert list(measured(table).index) == [2, 3, 4, 5]


class Corner(Brightness):
    """Points into the upper left corner of whatever it sees."""

    def detect(self, photos: Sequence[Photo], rationale: bool = False) -> list[Verdict]:
        heatmap = np.zeros((16, 24), np.float32)
        heatmap[:5, :5] = 1
        pointed = Finding(Measurement(POINTS, 1.0, heatmap=heatmap), 0.0, "")
        return [replace(said, findings=(pointed,)) for said in super().detect(photos, rationale)]


def test_predict_measures_where_the_model_pointed(tmp_path: Path) -> None:
    data = stored(tmp_path, samples())
    rows = predict(Corner(), data, Split.TEST, Variant.BIAS_CONTROLLED, silent)
    masked = (rows["label"] == "manipulated").to_numpy()
    assert masked.any()
    assert (rows["pixel_f1"][masked] > 0.9).all()  # the grid is coarse
    assert (rows["pixel_auc"][masked] > 0.95).all()
    assert rows["pixel_f1"][~masked].isna().all()
    assert rows["suspicious_area"].to_numpy() == pytest.approx(25 / (16 * 24), abs=0.01)


def test_predict_without_findings_has_no_pixel_metrics(dataset: Dataset) -> None:
    rows = predict(Brightness(), dataset, Split.TEST, Variant.AS_IS, silent)
    assert rows[["pixel_f1", "pixel_iou", "pixel_auc", "suspicious_area"]].isna().all(axis=None)
