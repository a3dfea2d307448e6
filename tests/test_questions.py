"""Questions made apart from the model, and the answers to them."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay import images, measuring
from assay.detector import Detector, Rationale
from assay.errors import CheckpointMismatch
from assay.model_folder import NULL_RATES_FILE
from assay.questions import Preparer, Question
from assay.records import Label, Photo, Verdict
from assay.serving_recipe import DEFAULT
from assay.strata import stratum
from tests.scenes import scene


@pytest.fixture(scope="module")
def detector(small_model: Path) -> Detector:
    return Detector.load(small_model)


def photos(count: int) -> list[Photo]:
    return [images.decode(images.encode_jpeg(scene(n, 96, 128), 90 - n)) for n in range(count)]


def prepared(small_model: Path, count: int) -> list[Question]:
    preparer = Preparer.load(small_model)
    return [pickle.loads(pickle.dumps(preparer.prepare(photo))) for photo in photos(count)]


def answers(verdicts: list[Verdict]) -> list[object]:
    """What verdicts say, without the heatmaps, which cannot be compared."""
    return [
        (one.as_dict(), one.log_odds, one.claims, one.grounded_claims, len(one.findings))
        for one in verdicts
    ]


def test_a_question_carries_what_an_answer_needs(small_model: Path) -> None:
    (question,) = prepared(small_model, 1)
    (photo,) = photos(1)
    assert question.pixels.shape[0] % 28 == question.pixels.shape[1] % 28 == 0
    assert question.stratum == stratum(photo)
    measured = {finding.measurement.id for finding in question.findings}
    assert set(Preparer.load(small_model).null_rates.names) <= measured


@pytest.mark.parametrize("rationale", [False, True])
def test_pickled_questions_are_answered_as_their_photos(
    small_model: Path, detector: Detector, rationale: bool
) -> None:
    wanted = Rationale.ALWAYS if rationale else Rationale.NEVER
    questions = prepared(small_model, DEFAULT.batch_size + 2)
    detected = detector.detect(photos(DEFAULT.batch_size + 2), rationale)
    assert answers(detector.answer(questions, wanted)) == answers(detected)


def test_a_preparer_opens_no_weights(small_model: Path, tmp_path: Path) -> None:
    for name in ("assay_model.json", NULL_RATES_FILE):
        (tmp_path / name).write_bytes((small_model / name).read_bytes())
    (tmp_path / "base").mkdir()
    for file in (small_model / "base").iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / "base" / file.name).write_bytes(file.read_bytes())
    assert Preparer.load(tmp_path).prepare(*photos(1)).prompt_ids
    (tmp_path / NULL_RATES_FILE).unlink()
    with pytest.raises(CheckpointMismatch, match="null rates"):
        Preparer.load(tmp_path)


def test_reasons_are_written_for_the_items_that_want_them(
    detector: Detector, small_model: Path
) -> None:
    questions = prepared(small_model, 3)
    together = detector.answer(questions, Rationale.ALWAYS)
    wanted = [Rationale.NEVER, Rationale.ALWAYS, Rationale.NEVER]
    mixed = detector.answer(questions, wanted)
    assert [verdict.claims > 0 for verdict in mixed] == [False, together[1].claims > 0, False]
    assert together[1].claims > 0
    assert mixed[1].rationale == together[1].rationale
    assert [one.score for one in mixed] == [one.score for one in together]


def test_flagged_means_reasons_for_people_and_for_all_but_the_authentic(small_model: Path) -> None:
    detector = Detector.load(small_model)
    questions = prepared(small_model, 4)
    scores = [verdict.score for verdict in detector.answer(questions)]
    low, middle, high = np.quantile(scores, [0.3, 0.5, 0.7])
    detector.calibration = replace(
        detector.calibration, threshold=high, review_low=middle, review_high=high, strata={}
    )
    verdicts = detector.answer(questions, Rationale.FLAGGED)
    assert [one.claims > 0 for one in verdicts] == [score >= middle for score in scores]
    assert low < middle < high
    never = detector.answer(questions, [Rationale.NEVER] * 4)
    assert not any(one.claims for one in never)


@pytest.mark.parametrize(
    ("label", "needs_review", "wanted"),
    [
        (Label.AUTHENTIC, False, False),
        (Label.AUTHENTIC, True, True),
        (Label.MANIPULATED, False, True),
        (Label.SYNTHESIZED, True, True),
    ],
)
def test_rationale_policy(label: Label, needs_review: bool, wanted: bool) -> None:
    verdict = Verdict(label, 0.5, {}, needs_review)
    assert Rationale.FLAGGED.is_wanted(verdict) is wanted
    assert Rationale.ALWAYS.is_wanted(verdict)
    assert not Rationale.NEVER.is_wanted(verdict)


def test_a_wish_for_each_question_or_none(detector: Detector, small_model: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        detector.answer(prepared(small_model, 2), [Rationale.NEVER])
    assert detector.answer([], Rationale.ALWAYS) == []


def test_two_threads_measure_what_one_does() -> None:
    data = images.encode_jpeg(scene(3, 256, 384), 90)
    alone, together = (
        measuring.measure(images.decode(data)),
        measuring.measure_in_two(images.decode(data)),
    )
    assert [one.id for one in together] == [one.id for one in alone]
    assert [one.value for one in together] == [one.value for one in alone]
    assert [one.regions for one in together] == [one.regions for one in alone]
