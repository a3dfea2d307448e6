"""Stand-ins for generators: every pixel anew, the picture the same."""

from __future__ import annotations

import numpy as np
import pytest

from assay.experts.forensic.generators import GENERATORS, Generator, generated
from tests.scenes import scene

EVERY = pytest.mark.parametrize("generator", [*GENERATORS, generated])


@EVERY
@pytest.mark.parametrize(("height", "width"), [(128, 128), (101, 150)])
def test_generator_makes_the_picture_anew(generator: Generator, height: int, width: int) -> None:
    original = scene(1, height, width)
    before = original.copy()
    made = generator(original, np.random.default_rng(0))
    assert made.shape == original.shape
    assert made.dtype == np.uint8
    assert (made != original).any(axis=2).mean() > 0.5
    assert np.abs(made.astype(float) - original).mean() < 15
    np.testing.assert_array_equal(original, before)


@EVERY
def test_generator_is_deterministic_in_its_random_numbers(generator: Generator) -> None:
    made = [generator(scene(), np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*made)
