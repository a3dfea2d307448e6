from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from assay.metrics import Metric
from assay.promotion import PromotionDecision, PromotionSettings, decide, unless_overtaken
from assay.robustness import Result, Robustness

SETTINGS = PromotionSettings(resamples=200)


def predictions(strength: float, n: int = 400, seed: int = 0, noise: int = 1) -> pd.DataFrame:
    """Scores that rise by ``strength`` deviations for what is not authentic."""
    positive = np.random.default_rng(seed).random(n) < 0.5
    evidence = np.random.default_rng(noise).normal(0, 1, n) + strength * positive
    return pd.DataFrame(
        {
            "image_id": [f"{seed}-{i}" for i in range(n)],
            "variant": "bias_controlled",
            "label": np.where(positive, "manipulated", "authentic"),
            "group": [f"g{i // 4}" for i in range(n)],
            "p_authentic": 1 / (1 + np.exp(evidence)),
        }
    )


def test_first_model_is_promoted_when_it_clears_the_floor() -> None:
    decision = decide(predictions(1.5), None, SETTINGS)
    assert decision.promoted
    assert decision.difference is None
    assert any("no champion" in reason for reason in decision.reasons)


def test_first_model_that_guesses_is_refused() -> None:
    decision = decide(predictions(0), None, SETTINGS)
    assert not decision.promoted
    assert any("floor of 0.5" in reason for reason in decision.reasons)


def test_model_that_metadata_alone_beats_is_refused() -> None:
    rows = predictions(1.0)
    shortcut = rows.assign(baseline=(rows["label"] != "authentic").astype(float))
    decision = decide(shortcut, None, SETTINGS)
    assert not decision.promoted
    assert any("metadata alone" in reason for reason in decision.reasons)
    assert decide(rows.assign(baseline=0.5), None, SETTINGS).promoted


def test_better_challenger_replaces_the_champion() -> None:
    decision = decide(predictions(2.5), predictions(1.0, noise=2), SETTINGS)
    assert decision.promoted
    assert decision.difference is not None
    assert decision.difference.low > 0


def test_worse_challenger_is_refused_with_the_difference() -> None:
    decision = decide(predictions(1.0), predictions(2.5, noise=2), SETTINGS)
    assert not decision.promoted
    assert decision.difference is not None
    assert decision.difference.value < 0
    assert f"{decision.difference.value:+.3f}" in decision.reasons[0]


def test_equal_challenger_is_refused() -> None:
    decision = decide(predictions(1.5), predictions(1.5), SETTINGS)
    assert not decision.promoted
    assert decision.difference is not None
    assert decision.difference.value == 0


def test_small_gain_is_promoted_only_if_surely_no_worse_than_the_margin() -> None:
    challenger, champion = predictions(1.52), predictions(1.5, noise=3)
    difference = decide(challenger, champion, SETTINGS).difference
    assert difference is not None
    assert difference.low < 0
    outcomes = [
        decide(challenger, champion, PromotionSettings(resamples=200, margin=margin)).promoted
        for margin in (0.0, 1.0)
    ]
    assert outcomes == [False, difference.value > 0]


@pytest.mark.parametrize("column", ["image_id", "variant", "label"])
def test_other_test_sets_are_refused(column: str) -> None:
    champion = predictions(0.5)
    champion.loc[0, column] = "authentic" if champion.loc[0, "label"] != "authentic" else "other"
    decision = decide(predictions(2.5), champion, SETTINGS)
    assert not decision.promoted
    assert decision.difference is None
    assert "other test images" in decision.reasons[0]


def test_order_of_the_images_does_not_matter() -> None:
    challenger, champion = predictions(2.0), predictions(1.5, noise=2)
    mixed = champion.sample(frac=1, random_state=0)
    assert decide(challenger, mixed, SETTINGS) == decide(challenger, champion, SETTINGS)


def test_test_set_of_one_class_is_refused() -> None:
    rows = predictions(1.0)
    decision = decide(rows[rows["label"] == "authentic"], None, SETTINGS)
    assert not decision.promoted
    assert "no AUC is defined" in decision.reasons[0]


def without(rows: pd.DataFrame, groups: int) -> pd.DataFrame:
    """``rows`` of a model that was fitted on the first ``groups`` groups."""
    return rows.assign(seen=rows["group"].isin([f"g{n}" for n in range(groups)]))


def test_images_that_either_has_seen_are_not_compared() -> None:
    challenger, champion = predictions(2.0), predictions(1.5, noise=2)
    expected = decide(challenger[160:], champion[160:], SETTINGS)
    cheating = champion.assign(
        p_authentic=champion["p_authentic"].mask(
            champion.index < 160, (champion["label"] == "authentic").astype(float)
        )
    )
    decision = decide(without(challenger, 20), without(cheating, 40), SETTINGS)
    assert decision.difference == expected.difference
    assert decision.difference != decide(challenger, cheating, SETTINGS).difference


def test_dataset_of_one_class_decides_nothing() -> None:
    challenger, champion = predictions(1.5), predictions(2.0, noise=2)
    easy = (challenger["label"] == "authentic") & (challenger.index % 2 == 0)
    mixed = {"dataset": np.where(easy, "clean", "mixed")}
    flattered = challenger.assign(**mixed)
    flattered["p_authentic"] = flattered["p_authentic"].mask(easy, 1.0)
    expected = decide(challenger[~easy], champion[~easy], SETTINGS)
    assert decide(flattered, champion.assign(**mixed), SETTINGS) == expected


def test_floor_is_cleared_on_unseen_images_only() -> None:
    guesses = predictions(0)
    learnt = (guesses["label"] == "authentic").astype(float)
    memory = guesses.assign(p_authentic=guesses["p_authentic"].mask(guesses.index < 200, learnt))
    assert decide(memory, None, SETTINGS).promoted
    assert not decide(without(memory, 50), None, SETTINGS).promoted


@pytest.mark.parametrize("seen", [99, 100])
def test_champion_that_has_seen_too_much_cannot_be_compared(seen: int) -> None:
    champion = predictions(1.5, noise=2)
    champion.loc[396:, "label"] = "authentic"
    challenger = predictions(2.0).assign(label=champion["label"])
    decision = decide(challenger, without(champion, seen), SETTINGS)
    assert not decision.promoted
    assert decision.difference is None
    assert "neither model was trained on" in decision.reasons[0]


def test_challenger_that_has_seen_everything_is_refused() -> None:
    decision = decide(without(predictions(2.0), 100), None, SETTINGS)
    assert not decision.promoted
    assert "no AUC is defined" in decision.reasons[0]


def test_promotion_imports_neither_torch_nor_sklearn() -> None:
    code = "import sys, assay.promotion; print({'torch', 'sklearn', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_whoever_was_crowned_during_the_comparison_stays() -> None:
    better = PromotionDecision(True, ("better",), None)
    assert unless_overtaken(better, "3", "3") is better
    assert unless_overtaken(better, None, None) is better
    refused = unless_overtaken(better, "3", "4")
    assert not refused.promoted
    assert refused.reasons[0].startswith("version 4 became champion during the comparison")
    assert refused.reasons[1:] == better.reasons
    assert not unless_overtaken(better, None, "1").promoted


def robustness(**rates: tuple[float, float]) -> Robustness:
    """Value and lower end of each everyday rate, and a dreadful row that happens to nobody."""
    found = {name: Metric(value, low, 1.0, 24) for name, (value, low) in rates.items()}
    certain = Metric(1.0, 1.0, 1.0, 24)
    harsh = result("jpeg 50", False, flip_rate=certain, false_positive_rate=certain)
    return Robustness(0.5, 24, 12, (result("webp 75", True, **found), harsh), ())


def result(name: str, everyday: bool, **rates: Metric) -> Result:
    fields = Result.__dataclass_fields__.values()
    undefined = {field.name: None for field in fields if field.type == "Metric | None"}
    return Result(name, "", everyday, 24, 12, **{**undefined, **rates}, slices=())


@pytest.mark.parametrize(
    ("flip_rate", "false_positive_rate", "limits", "objection"),
    [
        ((0.1, 0.05), (0.2, 0.1), {}, ""),
        ((0.9, 0.3), (0.9, 0.5), {}, ""),  # at the limits, as sure as few images can be
        ((0.4, 0.31), (0.2, 0.1), {}, "flip rate 0.400 [0.310, 1.000] (webp 75)"),
        ((0.1, 0.05), (0.7, 0.51), {}, "false-positive rate 0.700 [0.510, 1.000] (webp 75)"),
        ((0.1, 0.05), (0.2, 0.1), {"max_flip_rate": 0.04}, "exceeds the limit of 0.04"),
        ((0.1, 0.05), (0.2, 0.1), {"max_false_positive_rate": 0.0}, "exceeds the limit of 0"),
    ],
)
def test_fragile_challenger_is_refused_with_the_perturbation_and_the_numbers(
    flip_rate: tuple[float, float],
    false_positive_rate: tuple[float, float],
    limits: dict[str, float],
    objection: str,
) -> None:
    measured = robustness(flip_rate=flip_rate, false_positive_rate=false_positive_rate)
    settings = PromotionSettings(resamples=200, **limits)
    decision = decide(predictions(1.5), None, settings, measured)
    assert decision.promoted is not bool(objection)
    assert objection in " ".join(decision.reasons)
    assert any("jpeg 50" in reason for reason in decision.reasons) is False


@pytest.mark.parametrize(("photographs", "promoted"), [(9, True), (10, False)])
def test_gate_needs_as_many_photographs_as_any_check_of_a_bound(
    photographs: int, promoted: bool
) -> None:
    measured = robustness(flip_rate=(1.0, 0.6), false_positive_rate=(0.2, 0.1))
    decision = decide(predictions(1.5), None, SETTINGS, replace(measured, groups=photographs))
    assert decision.promoted is promoted
    assert any("1.000" in reason and "webp 75" in reason for reason in decision.reasons)


def test_decision_tells_how_robust_a_promoted_model_is() -> None:
    measured = robustness(flip_rate=(0.1, 0.05), false_positive_rate=(0.2, 0.1))
    told = decide(predictions(1.5), None, SETTINGS, measured).reasons
    assert sum("webp 75" in reason for reason in told) == 2


@pytest.mark.parametrize("measured", [None, Robustness(0.5, 0, 0, (), ())])
@pytest.mark.parametrize("strength", [0, 1.5])
def test_robustness_that_was_not_measured_refuses_nothing_and_is_told(
    measured: Robustness | None, strength: float
) -> None:
    decision = decide(predictions(strength), None, SETTINGS, measured)
    assert decision.promoted is (strength > 0)
    assert decision.reasons[-1] == "robustness was not measured"


def test_gate_stands_beside_the_other_reasons() -> None:
    measured = robustness(flip_rate=(0.9, 0.8), false_positive_rate=(0.2, 0.1))
    decision = decide(predictions(0), None, SETTINGS, measured)
    assert len(decision.reasons) == 2
    assert "floor" in decision.reasons[0]
