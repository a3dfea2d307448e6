"""Which images two models decide differently, and how."""

from __future__ import annotations

import pandas as pd
import pytest

from assay.comparison import paired
from assay.flips import Change, count_flips, find_flips
from assay.images import Variant
from assay.metrics import Bootstrap
from tests.predictions import predictions

KIND = Variant.BIAS_CONTROLLED


def pairs(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Both models' answers about each image in the form that decides."""
    rows = paired(first, second)
    return rows[rows["variant"] == KIND.value]


def test_flips_are_counted_exactly():
    first = predictions(1.0)
    second = first.copy()
    of_kind = second["variant"] == KIND.value
    right = (first["predicted"] == "authentic") == (first["label"] == "authentic")
    mended, broken = second.index[of_kind & ~right][:5], second.index[of_kind & right][:3]
    turned = {"authentic": "manipulated", "manipulated": "authentic"}
    for row in (*mended, *broken):
        second.loc[row, "predicted"] = turned[first.loc[row, "predicted"]]
    flagged = second.index[of_kind & right & (second["predicted"] == "manipulated")][-2:]
    second.loc[flagged, "predicted"] = "synthesized"
    rows = pairs(first, second)
    counted = count_flips(KIND, rows, Bootstrap(50))
    assert counted.counts == {Change.MENDED: 5, Change.BROKEN: 3, Change.RELABELLED: 2}
    assert counted.net.value == pytest.approx(2 / of_kind.sum())  # type: ignore[union-attr]
    ids = {flip.image_id for flip in find_flips(KIND, rows) if flip.change is Change.MENDED}
    assert ids == set(first.loc[mended, "image_id"])


def test_flip_keeps_truth_and_both_scores():
    first, second = predictions(1.0), predictions(0.2, noise=2)
    flip = find_flips(KIND, pairs(first, second))[0]
    rows = [
        table.set_index(["image_id", "variant"]).loc[(flip.image_id, KIND.value)]
        for table in (first, second)
    ]
    assert flip.scores == tuple(pytest.approx(1 - row["p_authentic"]) for row in rows)
    assert flip.predicted == tuple(row["predicted"] for row in rows)
    assert flip.label == rows[0]["label"]
