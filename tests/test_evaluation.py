from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from assay.baseline import MetadataBaseline
from assay.dataset import Dataset
from assay.errors import DataError
from assay.evaluation import Evaluation, EvaluationSettings, Slice, evaluate, judge
from assay.images import Variant
from assay.predictions import predict
from assay.progress import silent
from assay.records import Label, Split
from tests.datasets import stored
from tests.detectors import BAND, Brightness, brightened


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    rows = [
        brightened(n, split, n % 2 == 0) for split in (Split.TRAIN, Split.TEST) for n in range(48)
    ]
    return stored(tmp_path_factory.mktemp("dataset"), rows)


def table(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Predictions about two datasets, one of them of one class, and three kinds of edits."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["", "splice", "resynthesis", "text_overlay"], n, p=[0.5, 0.2, 0.2, 0.1])
    labels = {"": Label.AUTHENTIC, "resynthesis": Label.SYNTHESIZED}
    score = np.clip(rng.normal(0.4 + 0.2 * (kinds != ""), 0.2), 0, 1)
    rows = {
        "image_id": [str(i) for i in range(n)],
        "label": [labels.get(kind, Label.MANIPULATED).value for kind in kinds],
        "manipulation": kinds,
        "source": "folder",
        "dataset": np.where((kinds == "") & (np.arange(n) % 3 == 0), "clean", "mixed"),
        "group": [f"g{i // 4}" for i in range(n)],
        "material": (kinds != "") & (kinds != "text_overlay"),
        "p_authentic": 1 - score,
    }
    frame = pd.DataFrame(rows)
    return pd.concat([frame.assign(variant=kind.value) for kind in Variant], ignore_index=True)


def part(evaluation: Evaluation, by: str, name: str) -> Slice:
    """The bias-controlled slice of that name."""
    found = [s for s in evaluation.slices if (s.by, s.name) == (by, name)]
    (slice_,) = [s for s in found if s.variant is Variant.BIAS_CONTROLLED]
    return slice_


def test_judge_measures_only_what_the_model_was_not_fitted_on(
    dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    seen = [f"test-{n}" for n in range(3)]
    settings = EvaluationSettings(resamples=5, workers=1)
    new = dataset.table(["image_id"], Split.TEST)["image_id"][-1].as_py()
    with caplog.at_level(logging.WARNING):
        predictions, evaluation = judge(
            Brightness(seen), BAND, dataset, settings, silent, {new: "Inferred."}
        )
    assert len(predictions) == 2 * 48
    assert evaluation.likeness is not None
    assert (evaluation.likeness.images, evaluation.likeness.asked) == (48 - 12, 1)
    assert {s.n for s in evaluation.slices if s.by == "all"} == {48 - 12}
    assert (evaluation.threshold, evaluation.review) == (0.5, (0.4, 0.6))
    assert "12 of 48 test images" in caplog.text


def test_evaluate_equals_that_of_the_unseen_rows_alone(caplog: pytest.LogCaptureFixture) -> None:
    rows = table()
    seen = rows["group"].isin([f"g{n}" for n in range(30)])
    marked = rows.assign(seen=seen, p_authentic=rows["p_authentic"].mask(seen, 0.0))
    assert evaluate(marked, 0.5, 10) == evaluate(rows[~seen], 0.5, 10)
    caplog.clear()
    evaluate(rows[rows["dataset"] == "mixed"].assign(seen=False), 0.5, 10)
    assert not caplog.records


def test_evaluate_refuses_a_model_that_was_fitted_on_everything() -> None:
    with pytest.raises(DataError, match="evaluate on other images"):
        evaluate(table().assign(seen=True), 0.5, 10)


def test_baseline_sees_the_shortcut_until_it_is_controlled(dataset: Dataset) -> None:
    settings = EvaluationSettings(resamples=20, workers=1)
    predictions, evaluation = judge(Brightness(), BAND, dataset, settings, silent)
    assert set(predictions["variant"]) == {"as_is", "bias_controlled"}
    metrics = evaluation.headline()
    assert metrics["as_is/baseline_auc"].value == 1
    assert metrics["bias_controlled/baseline_auc"].value < 0.9
    assert metrics["bias_controlled/auc"].value > 0.9


def test_baseline_of_one_class_guesses(tmp_path: Path) -> None:
    dataset = stored(tmp_path, [brightened(n, Split.TRAIN, True) for n in range(3)])
    rows = predict(Brightness(), dataset, Split.TRAIN, Variant.AS_IS, silent)
    scores = MetadataBaseline.fit(dataset, Variant.AS_IS, 1, silent).scores(rows)
    assert scores.tolist() == [0.5] * 3


def test_evaluate_measures_every_slice_in_every_variant() -> None:
    found = {(s.variant.value, s.by, s.name) for s in evaluate(table(), 0.5, 10).slices}
    names = {
        ("all", "all"),
        *(("manipulation", kind) for kind in ("resynthesis", "splice", "text_overlay")),
        *(("impact", name) for name in ("material", "benign")),
        *(("dataset", name) for name in ("clean", "mixed")),
        ("source", "folder"),
    }
    assert found == {(kind.value, *name) for kind in Variant for name in names}


def test_slice_counts_its_groups() -> None:
    mixed = part(evaluate(table(), 0.5, 10), "dataset", "mixed")
    rows = table()
    assert mixed.groups == rows[rows["dataset"] == "mixed"]["group"].nunique() < mixed.n


def test_manipulation_slice_compares_with_all_authentic_images() -> None:
    rows = table()
    once = rows[rows["variant"] == "as_is"]
    compared = once[once["manipulation"].isin(["", "splice"]) & (once["dataset"] == "mixed")]
    expected = roc_auc_score(compared["label"] != "authentic", 1 - compared["p_authentic"])
    splice = part(evaluate(rows, 0.5, 10), "manipulation", "splice")
    assert splice.metrics["auc"].value == pytest.approx(expected)  # type: ignore[union-attr]
    assert splice.n == len(compared)


def test_dataset_of_one_class_counts_in_no_slice_but_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = table()
    evaluation = evaluate(rows, 0.5, 10)
    alone = evaluate(rows[rows["dataset"] == "mixed"], 0.5, 10)
    assert [s for s in evaluation.slices if s.name != "clean"] == list(alone.slices)
    assert evaluation.apart == evaluation.one_class_datasets() == ("clean",)
    assert "measured apart, not in the whole: clean" in caplog.text


def test_datasets_of_one_class_count_where_there_is_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = table()
    apart = rows.assign(dataset=np.where(rows["label"] == "authentic", "clean", "edited"))
    evaluation = evaluate(apart, 0.5, 10)
    assert part(evaluation, "all", "all").n == len(rows) // 2
    assert evaluation.apart == ()
    assert evaluation.one_class_datasets() == ("clean", "edited")
    assert "every dataset is of one class" in caplog.text


def test_slice_of_one_class_gives_its_size_and_no_auc() -> None:
    clean = part(evaluate(table(), 0.5, 10), "dataset", "clean")
    assert clean.n == clean.authentic > 0
    assert clean.metrics["auc"] is None
    assert clean.metrics["brier"] is not None


def test_evaluation_survives_json() -> None:
    evaluation = evaluate(table(), 0.5, 10)
    text = json.dumps(evaluation.as_dict(), allow_nan=False)
    assert Evaluation.from_dict(json.loads(text)) == evaluation


def test_headline_leaves_out_what_is_undefined() -> None:
    rows = table()
    authentic = rows[rows["label"] == "authentic"]
    assert "as_is/auc" in evaluate(rows, 0.5, 10).headline()
    assert set(evaluate(authentic, 0.5, 10).headline()) == {"as_is/ece", "bias_controlled/ece"}


def test_evaluate_is_deterministic_in_its_seed() -> None:
    first, second, other = (evaluate(table(), 0.5, 50, seed) for seed in (0, 0, 1))
    assert first == second != other
    assert first.overall(Variant.AS_IS).metrics["auc"].value == (  # type: ignore[union-attr]
        other.overall(Variant.AS_IS).metrics["auc"].value  # type: ignore[union-attr]
    )


def test_pixel_metrics_are_means_over_images_where_they_are_defined() -> None:
    rows = table()
    authentic = (rows["label"] == "authentic").to_numpy()
    located = np.where(rows["manipulation"] == "splice", 0.75, np.where(authentic, np.nan, 0.25))
    marked = np.where(authentic, 0.5, 1.0)
    judged = evaluate(rows.assign(pixel_f1=located, suspicious_area=marked), 0.5, 10)
    splice = part(judged, "manipulation", "splice").pixels
    assert splice["pixel_f1"].value == 0.75  # type: ignore[union-attr]
    assert splice["pixel_f1"].n == np.isfinite(located[rows["manipulation"] == "splice"]).sum() / 2  # type: ignore[union-attr]
    assert splice["suspicious_area"].value == 0.5  # type: ignore[union-attr]
    assert part(judged, "dataset", "clean").pixels["pixel_f1"] is None
    assert 0.25 < judged.headline()["bias_controlled/pixel_f1"].value < 0.75


def test_images_are_decided_at_their_own_threshold() -> None:
    rows = table()
    edited = (rows["label"] != "authentic").to_numpy()
    perfect = np.where(edited, 0.0, 1.1)
    decided = part(evaluate(rows.assign(threshold=perfect), 0.5, 10), "all", "all")
    assert decided.metrics["balanced_accuracy"].value == 1  # type: ignore[union-attr]
