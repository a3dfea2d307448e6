"""The model's word and the evidence as one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit, softmax

from assay.errors import CheckpointMismatch
from assay.fusion import Fusion, log_odds, surprise
from assay.metrics import Floats
from assay.records import Label

LABELS = np.repeat([str(label) for label in Label], (200, 150, 50))
OFFSETS = {Label.MANIPULATED: -1.0, Label.SYNTHESIZED: -2.0}


def surprises(seed: int, found: float) -> dict[Label, Floats]:
    """Of `LABELS`: authentic images by chance, a third of the manipulated more by ``found``."""
    rng = np.random.default_rng(seed)
    kinds = {label: rng.logistic(0, 1, len(LABELS)) for label in OFFSETS}
    kinds[Label.MANIPULATED][200:250] += found
    return kinds


def verdicts(seed: int, skill: float) -> Floats:
    """Logits of a model that knows ``skill`` of the label."""
    logits = np.random.default_rng(seed).normal(0, 1, (len(LABELS), 3))
    for column, label in enumerate(Label):
        logits[label == LABELS, column] += skill
    return logits


def fitted(said: Floats, found: float = 5.0) -> Fusion:
    return Fusion.fit(said, surprises(0, found), LABELS, np.ones(len(LABELS)))


@pytest.mark.parametrize(("share", "counts"), [(0.5, 0.0), (0.1, np.log(9)), (0.9, -np.log(9))])
def test_a_surprise_is_the_log_odds_that_an_authentic_image_measures_lower(
    share: float, counts: float
) -> None:
    assert surprise(share) == pytest.approx(counts, abs=1e-12)


def test_a_finite_reference_is_not_believed_to_be_certain() -> None:
    assert (surprise(1.0), surprise(1e-9)) == pytest.approx((-6.907, 6.907), abs=0.001)


def test_a_model_that_guesses_is_not_heard() -> None:
    heard = [fitted(verdicts(seed, 0.0)).hears_the_model for seed in range(20)]
    assert np.mean(heard) <= 0.2


def test_a_model_with_skill_is_heard_and_counts() -> None:
    said = verdicts(1, 1.0)
    fusion = fitted(said)
    assert fusion.hears_the_model
    logits = fusion.logits(said, surprises(0, 5.0))
    assert (logits.argmax(axis=1) == LABELS_INDEX).mean() > 0.6


LABELS_INDEX = np.repeat([0, 1, 2], (200, 150, 50))


@pytest.mark.parametrize("found", [False, True])
def test_a_conclusive_finding_outweighs_what_others_lack(found: bool) -> None:
    together = surprise(0.005, found) + 2 * surprise(1.0)
    sums = {Label.MANIPULATED: np.array([together]), Label.SYNTHESIZED: np.zeros(1)}
    logits = Fusion().logits(np.full((1, 3), np.nan), sums)
    assert (log_odds(logits)[0] > 0) == found


def test_log_odds_are_those_of_the_softmax() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (50, 3))
    authentic = softmax(logits, axis=1)[:, 0]
    np.testing.assert_allclose(log_odds(logits), logit(1 - authentic), atol=1e-9)


def test_evidence_counts_though_no_label_bears_it_out() -> None:
    """A training set without cloned parts must not silence the finding of clones."""
    fusion = fitted(verdicts(3, 2.0), found=0.0)
    assert fusion.hears_the_model
    calm, clear = (
        fusion.logits(
            np.zeros((1, 3)), {Label.MANIPULATED: np.array([s]), Label.SYNTHESIZED: np.zeros(1)}
        )
        for s in (0.1, 3.0)
    )
    assert clear[0, 1] > calm[0, 1]


@given(st.floats(0, 6), st.floats(0, 6), st.floats(0.01, 3))
def test_more_surprise_never_speaks_for_authenticity(
    manipulated: float, synthesized: float, more: float
) -> None:
    fusion = Fusion(OFFSETS, 0.5)
    said = np.array([[0.2, -0.3, 0.1]])

    def of(first: float, second: float) -> Floats:
        sums = {Label.MANIPULATED: np.array([first]), Label.SYNTHESIZED: np.array([second])}
        return fusion.logits(said, sums)

    assert of(manipulated + more, synthesized)[0, 1] > of(manipulated, synthesized)[0, 1]
    assert of(manipulated, synthesized)[0, 0] == 0


def test_fusion_survives_storage(tmp_path: Path) -> None:
    fusion = Fusion(OFFSETS, 0.25, {Label.SYNTHESIZED: {"noise_inconsistency": 0.1}})
    fusion.save(tmp_path / "fusion.json")
    assert Fusion.load(tmp_path / "fusion.json") == fusion


@pytest.mark.parametrize("text", ["", "{}", '{"offsets": {}, "model": 0}', "[1]"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "fusion.json").write_text(text)
    with pytest.raises(CheckpointMismatch, match="train again"):
        Fusion.load(tmp_path / "fusion.json")
