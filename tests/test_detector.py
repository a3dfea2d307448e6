from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay import bundle, grounding, images, measuring, model_folder
from assay.detector import Detector
from assay.embedding import COLUMNS
from assay.errors import CheckpointMismatch, DataError
from assay.fusion import Fusion
from assay.images import Variant, photo_of
from assay.model_folder import CALIBRATION_FILE, EMBEDDING_FILE, MODEL_FILE
from assay.progress import silent
from assay.records import Label, Photo, Split
from assay.review import ReviewSettings
from tests.datasets import stored
from tests.scenes import scene
from tests.training_runs import BASE, dataset_and_measurements, samples


@pytest.fixture(scope="module")
def detector(small_model: Path) -> Detector:
    return Detector.load(small_model)


def photos(count: int) -> list[Photo]:
    sizes = [(64, 96), (128, 128), (300, 200)]
    return [
        images.decode(images.encode_jpeg(scene(n, *sizes[n % len(sizes)]), 90))
        for n in range(count)
    ]


def test_verdict_is_the_calibrated_softmax_of_the_verdict_tokens(detector: Detector) -> None:
    (photo,) = photos(1)
    (verdict,) = detector.detect([photo])
    logits = detector.logits([photo])[0].astype(float) / 2.0
    expected = np.exp(logits) / np.exp(logits).sum()
    assert list(verdict.probabilities.values()) == pytest.approx(expected, abs=1e-6)
    assert verdict.score == pytest.approx(1 - expected[0], abs=1e-6)


def test_a_photo_is_judged_alike_alone_and_among_others(detector: Detector) -> None:
    many = photos(19)
    together = detector.logits(many)
    alone = np.concatenate([detector.logits([photo]) for photo in many])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_findings_stand_in_the_verdict_with_their_null_rates(detector: Detector) -> None:
    (verdict,) = detector.detect(photos(1))
    told = {found.measurement.id for found in verdict.findings} & set(measuring.measured_names())
    assert told == set(detector.preparer.null_rates.names)


def test_rationale_is_written_only_when_asked_for(detector: Detector) -> None:
    (quiet,) = detector.detect(photos(1))
    (spoken,) = detector.detect(photos(1), rationale=True)
    assert quiet.rationale == ""
    assert spoken.label is quiet.label
    assert "<|" not in spoken.rationale


def test_a_rationale_holds_only_what_its_findings_bear_out(detector: Detector) -> None:
    for verdict in detector.detect(photos(6), rationale=True):
        kept = grounding.check(verdict.rationale, verdict.findings, verdict.label)
        assert [checked.fault for checked in kept.claims] == [""] * verdict.grounded_claims
        assert verdict.claims >= verdict.grounded_claims


def test_no_photos_give_no_verdicts(detector: Detector) -> None:
    assert detector.detect([]) == []
    assert detector.logits([]).shape == (0, len(Label))


def test_an_image_on_which_nothing_can_be_measured_is_handed_to_people(small_model: Path) -> None:
    blank = images.decode(images.encode_png(np.full((40, 40, 3), 200, np.uint8)))
    detector = Detector.load(small_model)
    detector.fusion = Fusion()
    detector.calibration = replace(detector.calibration, review_low=0.999, review_high=1.0)
    (sure,) = detector.detect(photos(1))
    (verdict,) = detector.detect([blank])
    assert verdict.score < 0.999
    assert (sure.needs_review, verdict.needs_review) == (False, True)


def changed(small_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_model, tmp_path / "model"))


def test_a_model_of_another_prompt_is_refused(small_model: Path, tmp_path: Path) -> None:
    copy = changed(small_model, tmp_path)
    facts = json.loads((copy / MODEL_FILE).read_text())
    (copy / MODEL_FILE).write_text(json.dumps(facts | {"prompt_version": "0"}))
    with pytest.raises(CheckpointMismatch, match="prompt version '0'"):
        Detector.load(copy)


def test_a_pickled_adapter_is_refused(small_model: Path, tmp_path: Path) -> None:
    copy = changed(small_model, tmp_path)
    weights = copy / "adapter" / "adapter_model.safetensors"
    weights.rename(weights.with_name("adapter_model.bin"))
    with pytest.raises(CheckpointMismatch, match=r"no adapter_model\.safetensors"):
        Detector.load(copy)


def test_a_torn_adapter_is_named(small_model: Path, tmp_path: Path) -> None:
    copy = changed(small_model, tmp_path)
    weights = copy / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(CheckpointMismatch, match="adapter does not fit"):
        Detector.load(copy)


def test_a_description_without_a_part_names_it(small_model: Path, tmp_path: Path) -> None:
    copy = changed(small_model, tmp_path)
    facts = json.loads((copy / MODEL_FILE).read_text())
    del facts["seen_groups"]
    (copy / MODEL_FILE).write_text(json.dumps(facts))
    with pytest.raises(CheckpointMismatch, match="lacks seen_groups"):
        Detector.load(copy)


def test_detector_knows_the_groups_that_it_was_fitted_on(detector: Detector) -> None:
    fitted = {s.group for s in samples() if s.split is not Split.TEST}
    held_out = {s.group for s in samples() if s.split is Split.TEST}
    assert all(map(detector.has_seen, fitted))
    assert not any(map(detector.has_seen, held_out))


def test_a_folder_without_an_adapter_is_refused(small_model: Path, tmp_path: Path) -> None:
    copy = changed(small_model, tmp_path)
    shutil.rmtree(copy / "adapter")
    with pytest.raises(CheckpointMismatch, match="adapter"):
        Detector.load(copy)


def test_an_adapter_of_another_base_is_refused(small_model: Path, tmp_path: Path) -> None:
    from assay import models

    copy = changed(small_model, tmp_path)
    shutil.rmtree(copy / "base")
    options = BASE.options | {"hidden_size": 192}
    models.family(BASE.family).create_base(options, 0, copy / "base")
    with pytest.raises(CheckpointMismatch, match="does not fit its base"):
        Detector.load(copy)


def test_any_other_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match="is not a model folder"):
        Detector.load(tmp_path)


def test_an_uncalibrated_model_gives_logits_but_no_verdicts(
    small_model: Path, tmp_path: Path
) -> None:
    copy = changed(small_model, tmp_path)
    (copy / CALIBRATION_FILE).unlink()
    uncalibrated = Detector.load(copy)
    assert uncalibrated.logits(photos(1)).shape == (1, 3)
    with pytest.raises(CheckpointMismatch, match="calibrat"):
        uncalibrated.detect(photos(1))


def test_recalibration_learns_nothing_from_what_the_model_was_fitted_on(
    small_model: Path, tmp_path: Path
) -> None:
    dataset = stored(tmp_path / "data", samples())
    with pytest.raises(DataError, match="not fitted on"):
        bundle.recalibrated(small_model, dataset, ReviewSettings(), tmp_path, silent)


@pytest.fixture(scope="module")
def calibrated(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as the step `calibrate` leaves it."""
    folder = tmp_path_factory.mktemp("calibrated")
    data = dataset_and_measurements(folder / "data")
    return bundle.calibrated(small_model, *data, ReviewSettings(), folder, silent)


def test_calibrated_model_tells_what_it_sees_in_columns_of_one_scale(calibrated: Path) -> None:
    detector, control = Detector.load(calibrated), Variant.BIAS_CONTROLLED
    learned = [photo_of(one, control) for one in samples() if one.split is not Split.TEST]
    columns = np.array([verdict.embedding for verdict in detector.detect(learned)])
    assert columns.shape == (18, COLUMNS)
    np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-2)
    np.testing.assert_allclose(columns.std(axis=0), 1, atol=1e-2)


def test_columns_are_those_of_the_image_alone(calibrated: Path) -> None:
    detector = Detector.load(calibrated)
    many = photos(3)
    together = [verdict.embedding for verdict in detector.detect(many)]
    for photo, columns in zip(many, together, strict=True):
        (alone,) = detector.detect([photo])
        assert alone.embedding == pytest.approx(columns, abs=1e-3)
    assert together[0] != pytest.approx(together[1], abs=0.1)


def test_a_model_of_before_has_no_columns(detector: Detector) -> None:
    assert [verdict.embedding for verdict in detector.detect(photos(2))] == [(), ()]


def test_what_calibration_leaves_may_be_packaged(calibrated: Path) -> None:
    assert EMBEDDING_FILE in model_folder.files(calibrated)
