"""What every manipulation promises; a new file in the folder is tested without editing this one."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assay.manipulations import Manipulation, is_material, manipulations
from assay.records import Label, Mask, Pixels
from tests.scenes import scene

NAMES = list(manipulations())
SHARE = 0.02, 0.4

PICTURES = {
    "colour": scene(1),
    "grey": scene(2, grey=True),
    "smallest": scene(3, 64, 64),
    "wide": scene(4, 70, 301),
    "tall": scene(5, 203, 90),
    "black": np.zeros((96, 96, 3), np.uint8),
    "white": np.full((96, 96, 3), 255, np.uint8),
    "flat": np.full((99, 97, 3), 131, np.uint8),
}


@pytest.fixture(params=NAMES)
def manipulation(request: pytest.FixtureRequest) -> Manipulation:
    return manipulations()[request.param]


def edit(manipulation: Manipulation, image: Pixels, seed: int) -> tuple[Pixels, Mask]:
    """Apply ``manipulation`` with a donor of the image's size."""
    donor = scene(100 + seed, *image.shape[:2], grey=seed % 2 == 1)
    return manipulation.apply(image, donor, np.random.default_rng(seed))


def digest(names: list[str]) -> str:
    """A hash of what the named manipulations make of one picture."""
    made = [edit(manipulations()[name], scene(6), seed) for name in names for seed in range(4)]
    content = b"".join(edited.tobytes() + mask.tobytes() for edited, mask in made)
    return hashlib.sha256(content).hexdigest()


def assert_exact(image: Pixels, edited: Pixels, mask: Mask) -> None:
    """The mask is where the pixels differ: nowhere else, and nowhere less."""
    assert edited.dtype == np.uint8
    assert edited.shape == image.shape
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, (edited != image).any(axis=2))


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("seed", range(6))
def test_apply_returns_exact_mask(manipulation: Manipulation, picture: str, seed: int) -> None:
    image = PICTURES[picture]
    edited, mask = edit(manipulation, image, seed)
    assert_exact(image, edited, mask)
    assert mask.mean() > SHARE[0] / 2


def test_apply_alters_local_share_or_everything(manipulation: Manipulation) -> None:
    shares = [edit(manipulation, scene(seed, 256, 256), seed)[1].mean() for seed in range(12)]
    assert all(SHARE[0] <= share <= SHARE[1] or share == 1 for share in shares)


def test_apply_leaves_inputs_untouched(manipulation: Manipulation) -> None:
    image, donor = scene(7), scene(8)
    edited, _ = manipulation.apply(image, donor, np.random.default_rng(0))
    np.testing.assert_array_equal(image, scene(7))
    np.testing.assert_array_equal(donor, scene(8))
    assert not np.shares_memory(edited, image)


def test_apply_accepts_read_only_images(manipulation: Manipulation) -> None:
    image, donor = scene(7), scene(8)
    image.flags.writeable = donor.flags.writeable = False
    edited, mask = manipulation.apply(image, donor, np.random.default_rng(0))
    assert_exact(image, edited, mask)


def test_apply_follows_seed(manipulation: Manipulation) -> None:
    first, _ = edit(manipulation, scene(9), 1)
    again, _ = edit(manipulation, scene(9), 1)
    other, _ = edit(manipulation, scene(9), 2)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_apply_is_same_in_other_process() -> None:
    code = f"from {__name__} import digest; print(digest({NAMES!r}))"
    code = code.replace(__name__, "tests.contracts.test_manipulations")
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONHASHSEED": "4242"}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, check=True
    )
    assert run.stdout.decode().strip() == digest(NAMES)


def test_manipulation_declares_label_and_material(manipulation: Manipulation) -> None:
    assert manipulation.label in (Label.MANIPULATED, Label.SYNTHESIZED)
    assert isinstance(manipulation.material, bool)
    assert is_material(manipulation.name) is manipulation.material


def test_module_is_named_after_its_manipulation(manipulation: Manipulation) -> None:
    assert type(manipulation).__module__ == f"assay.manipulations.{manipulation.name}"


def test_captions_and_filters_are_benign() -> None:
    benign = {name for name in NAMES if not is_material(name)}
    assert benign == {"colour_filter", "text_overlay"}
