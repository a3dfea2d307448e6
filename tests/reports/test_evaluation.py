"""The page of an evaluation says what was computed, whatever is missing or hostile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from assay.evaluation import Evaluation, evaluate
from assay.metrics import Bootstrap
from assay.predictions import score
from assay.reports import evaluation as report
from assay.reports import interval
from assay.review import Review, Side

BOOTSTRAP = Bootstrap(10)


def predictions(n: int = 120, dataset: str = "mixed", **columns: object) -> pd.DataFrame:
    """Both variants of ``n`` images, every second altered, all labels among them."""
    rng = np.random.default_rng(0)
    labels = np.array(["authentic", "manipulated", "authentic", "synthesized"])[np.arange(n) % 4]
    scores = np.clip(rng.normal(0.4 + 0.2 * (labels != "authentic"), 0.1), 0, 1)
    frame = pd.DataFrame(
        {
            "image_id": [f"i{number}" for number in range(n)],
            "label": labels,
            "manipulation": np.where(labels == "manipulated", "splice", ""),
            "source": "folder",
            "dataset": dataset,
            "group": [f"g{number // 6}" for number in range(n)],
            "material": labels != "authentic",
            "seen": False,
            "predicted": np.where(scores >= 0.5, "manipulated", "authentic"),
            "needs_review": np.abs(scores - 0.5) < 0.1,
            "p_authentic": 1 - scores,
            "baseline": 0.5,
        }
    )
    return pd.concat([frame.assign(variant=v, **columns) for v in ("as_is", "bias_controlled")])


def html(rows: pd.DataFrame) -> str:
    """Of one variant: drawing takes half a second each."""
    rows = rows[rows["variant"] == "bias_controlled"]
    return report.page(rows, evaluate(rows, 0.5, 10), BOOTSTRAP).html


def test_page_shows_the_metrics_that_were_computed():
    rows = predictions()
    evaluation = evaluate(rows, 0.5, 10)
    page = report.page(rows, evaluation, BOOTSTRAP).html
    for metric in evaluation.headline().values():
        assert interval(metric) in page
    for part in evaluation.slices:
        assert interval(part.metrics["balanced_accuracy"]) in page
    assert page.count("data:image/svg+xml") == 2 * 6
    assert len(page) < 2_000_000


def test_page_says_how_many_images_were_left_out_as_seen():
    rows = predictions()
    seen = rows["group"].isin(["g0", "g1"])
    assert "12 further test images are left out" in html(rows.assign(seen=seen))
    assert "No test image had to be left out" in html(rows)


@pytest.mark.parametrize(
    ("review", "words"),
    [
        ((0.0, 1.0), "Every image is handed to people"),
        ((0.45, 0.55), "Scores from 0.450 to 0.550 are handed to people"),
        ((0.5, 0.5), "No image is handed to people"),
        (None, "frozen on the training and validation splits"),
    ],
)
def test_page_tells_threshold_and_review_band(review, words):
    rows = predictions()
    slices = evaluate(rows, 0.5, 10).slices
    page = report.page(rows, Evaluation(0.512, slices, review), BOOTSTRAP).html
    assert "reaches the threshold, 0.512" in page
    assert words in page


def promised(rows: pd.DataFrame, bound: float) -> str:
    """The page of a model that flags scores above 0.55 and promised ``bound`` of them."""
    side = Side(images=30, groups=30, errors=0, coverage=0.25, limit=0.07)
    promise = Review(bound, 0.9, 120, 60, None, side)
    rows = rows[rows["variant"] == "bias_controlled"]
    judged = replace(evaluate(rows, 0.5, 10), review=(0.0, 0.55), promise=promise)
    return report.page(rows.assign(needs_review=score(rows) <= 0.55), judged, BOOTSTRAP).html


def test_page_states_the_promise_and_whether_it_held():
    rows = predictions()
    page = promised(rows, 0.45)
    assert "Outside the band at most 45% errors (it only ever calls images not authentic)" in page
    assert "called not authentic" in page
    assert "called authentic" not in page  # there is no clear side
    assert ">held<" in page
    own = rows[(rows["variant"] == "as_is") & (score(rows) > 0.55)]
    wrong = (own["label"] == "authentic").mean()
    assert f"{len(own) / 120:.0%} of images are decided, {wrong:.1%} of them wrong" in page
    assert ">missed<" in promised(rows, 0.01)


def test_page_without_a_promise_checks_none():
    assert "Did the promise hold" not in html(predictions())


def test_page_reports_datasets_of_one_class_apart():
    clean = predictions(24, "clean")
    clean = clean[clean["label"] == "authentic"].assign(predicted="manipulated")
    rows = pd.concat([predictions(), clean.assign(image_id="c" + clean["image_id"])])
    page = html(rows)
    assert "count in no other figure: clean." in page
    assert "1.000 (1.000-1.000)" in page  # all of them are taken for altered
    assert "on\n120 test images" in page


def test_page_warns_where_every_dataset_is_of_one_class():
    rows = predictions()
    rows["dataset"] = np.where(rows["label"] == "authentic", "clean", "fake")
    assert "Every dataset is of one class (clean, fake)" in html(rows)


def test_flagged_share_is_that_taken_for_altered():
    kinds = ["manipulated", "authentic", "synthesized", "authentic"]
    rows = pd.DataFrame({"predicted": kinds, "group": list("abcd")})
    share = report.flagged_share(rows, BOOTSTRAP)
    assert share is not None
    assert (share.value, share.n) == (0.5, 4)


@pytest.mark.parametrize("kept", [["authentic"], ["synthesized"], ["authentic", "manipulated"]])
def test_page_renders_where_labels_are_missing(kept):
    rows = predictions()
    page = html(rows[rows["label"].isin(kept)])
    assert ("ROC, with 95 % band" in page) == (len(kept) == 2)


def test_page_renders_one_image():
    rows = predictions()
    assert "1 test images of 1 photographs" in html(rows[rows["image_id"] == "i0"]).replace(
        "\n", " "
    )


def test_page_escapes_names():
    page = html(predictions(dataset="<script>alert(1)</script>"))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_headline_has_a_column_a_variant():
    rows = predictions()
    columns, lines = report.headline(evaluate(rows, 0.5, 10))
    assert columns == ("metric (95 % interval)", "as_is", "bias_controlled", "n")
    assert lines[0][0] == "auc"
    assert {line[-1] for line in lines} == {"120"}
    assert score(rows).shape == (240,)
