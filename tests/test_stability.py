"""Questions about an image that something harmless happened to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assay import intake, stability
from assay.perturbations import PERTURBATIONS
from tests.bento.services import photo


def test_names_are_perturbations_that_are_measured_everyday() -> None:
    everyday = {one.name for one in PERTURBATIONS if one.everyday}
    assert set(stability.NAMES) <= everyday


def test_question_is_that_of_the_perturbed_image(small_model: Path) -> None:
    data = photo(0, 224, 224)
    plain = intake.prepare(small_model, data).question
    made = {name: stability.prepare(small_model, data, name, "key") for name in stability.NAMES}
    assert made["jpeg 70"].pixels.shape == plain.pixels.shape
    assert not np.array_equal(made["jpeg 70"].pixels, plain.pixels)
    assert made["jpeg 70"].stratum == "JPEG under 75, under 512 px"
    assert made["resize 0.5"].stratum == "not JPEG, under 512 px"


def test_the_key_determines_what_is_drawn(small_model: Path) -> None:
    data = photo(1)
    first, again, other = (
        stability.prepare(small_model, data, "screenshot jpeg", key) for key in ("a", "a", "b")
    )
    assert np.array_equal(first.pixels, again.pixels)
    assert not np.array_equal(first.pixels, other.pixels)
