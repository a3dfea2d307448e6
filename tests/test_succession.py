"""Who follows the champion: better on the newest labels, not worse on the frozen test set."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from assay import succession
from assay.predictions import positive, score
from assay.promotion import PromotionDecision
from assay.succession import Rivals, SuccessionSettings

SETTINGS = SuccessionSettings(resamples=200)


def said(strength: dict[str, float], n: int = 240, seed: int = 0, noise: int = 0) -> pd.DataFrame:
    """Scores that rise by the ``strength`` of each kind; half of the images are authentic."""
    rng = np.random.default_rng(noise)
    kinds = np.repeat(["", *strength], [n // 2, *[n // 2 // len(strength)] * len(strength)])
    odds = rng.normal(0, 1, n) + np.array([strength.get(kind, 0.0) for kind in kinds])
    labels = {"": "authentic", "resynthesis": "synthesized"}
    return pd.DataFrame(
        {
            "image_id": [f"{seed}-{i}" for i in range(n)],
            "variant": "as_is",
            "label": [labels.get(kind, "manipulated") for kind in kinds],
            "manipulation": kinds,
            "dataset": "captures",
            "group": [f"{seed}-{i // 2}" for i in range(n)],
            "p_authentic": expit(-odds),
        }
    )


OLD = {"splice": 1.5, "resynthesis": 0.0}
NEW = {"splice": 1.5, "resynthesis": 1.5}
BAD = {"splice": 0.2, "resynthesis": 0.0}


def decided(challenger: dict[str, float], old: dict[str, float] = OLD) -> PromotionDecision:
    """The challenger is as good as these strengths, on the newest labels and on the test set."""
    newest = Rivals(said(challenger), said(OLD))
    return succession.decide(newest, Rivals(said(old, seed=1), said(OLD, seed=1)), SETTINGS)


def test_what_is_better_on_the_newest_labels_and_equal_elsewhere_follows() -> None:
    decision = decided(NEW)
    assert decision.promoted
    assert decision.difference is not None
    assert decision.difference.low > 0
    assert "better on the newest labels" in decision.reasons[0]
    assert any("not worse on the test split" in reason for reason in decision.reasons)


def test_a_planted_worse_challenger_is_refused_with_reasons() -> None:
    decision = decided(BAD, BAD)
    assert not decision.promoted
    reasons = " ".join(decision.reasons)
    assert "not credibly better on the newest labels" in reasons
    assert "credibly worse on the newest labels" in reasons
    assert "credibly worse on the test" in reasons


def test_what_is_better_there_and_worse_here_is_refused() -> None:
    decision = decided(NEW, BAD)
    assert not decision.promoted
    assert all("test" in reason for reason in decision.reasons if "worse" in reason)


def test_a_part_that_is_worse_refuses_what_is_better_as_a_whole() -> None:
    decision = decided({"splice": 0.3, "resynthesis": 3.0}, OLD)
    assert decision.difference is not None
    assert decision.difference.value > 0
    assert not decision.promoted
    assert any("manipulation splice" in reason for reason in decision.reasons)


def test_an_equal_challenger_is_refused() -> None:
    assert not decided(OLD).promoted


def test_equal_models_are_hardly_ever_promoted() -> None:
    quick = SuccessionSettings(resamples=40)

    def fresh(seed: int) -> bool:
        newest = Rivals(said(OLD, noise=2 * seed), said(OLD, noise=2 * seed + 1))
        frozen = Rivals(said(OLD, seed=1), said(OLD, seed=1))
        return succession.decide(newest, frozen, quick).promoted

    assert sum(map(fresh, range(1, 13))) <= 1


def test_a_calibration_that_fits_better_follows_though_it_ranks_alike() -> None:
    right = said(OLD)
    shifted = right.assign(p_authentic=right["p_authentic"] ** 3)
    frozen = Rivals(said(OLD, seed=1), said(OLD, seed=1))
    decision = succession.decide(Rivals(right, shifted), frozen, SETTINGS)
    assert decision.promoted
    assert decision.difference is not None
    assert decision.difference.value == 0


def test_images_count_as_much_of_the_traffic_as_they_stand_for() -> None:
    """The challenger is better where labels are dense, and worse where one stands for many."""
    newest = Rivals(
        said({"splice": 0.5, "resynthesis": 2.0}), said({"splice": 1.5, "resynthesis": 0.0})
    )
    weight = np.where(newest.champion["manipulation"] == "splice", 20.0, 1.0)
    frozen = Rivals(said(OLD, seed=1), said(OLD, seed=1))
    weighed = Rivals(newest.challenger.assign(weight=weight), newest.champion)
    found = [succession.decide(pair, frozen, SETTINGS) for pair in (newest, weighed)]
    plain, counted = (one.difference for one in found)
    assert plain is not None
    assert counted is not None
    assert counted.value < 0 < plain.value
    own = [one.newest_auc.value for one in found if one.newest_auc]
    said_there = newest.challenger
    expected = roc_auc_score(positive(said_there["label"]), score(said_there))
    assert own[0] == pytest.approx(expected)
    assert own[1] < own[0] - 0.1


def test_few_images_ranked_rightly_promise_no_perfect_model() -> None:
    newest = Rivals(said({"splice": 99.0}, n=48), said({"splice": 99.0}, n=48))
    frozen = Rivals(said(OLD, seed=1), said(OLD, seed=1))
    promised = succession.decide(newest, frozen, SETTINGS).newest_auc
    assert promised is not None
    assert promised.value == 1
    assert promised.low == pytest.approx(1 - 3 / 12)


def test_images_that_a_model_was_fitted_on_are_not_counted() -> None:
    newest = Rivals(said(NEW).assign(seen=True), said(OLD))
    decision = succession.decide(newest, Rivals(said(OLD), said(OLD)), SETTINGS)
    assert not decision.promoted
    assert "lack authentic or other ones" in decision.reasons[0]


@pytest.mark.parametrize("which", ["newest", "frozen"])
def test_answers_about_other_images_are_refused(which: str) -> None:
    pairs = {"newest": Rivals(said(NEW), said(OLD)), "frozen": Rivals(said(OLD), said(OLD))}
    pairs[which] = Rivals(said(NEW), said(OLD, seed=9))
    assert not succession.decide(pairs["newest"], pairs["frozen"], SETTINGS).promoted
