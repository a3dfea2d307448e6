from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import images, pairs
from assay.errors import UnknownPlugin, UnreadableImage
from assay.manipulations import manipulations
from assay.pairs import make_pair
from assay.records import Label, Pixels, Sample, Split
from tests.scenes import sample, scene

NAMES = list(manipulations())
SIZE = 96
CHANGED = {"image_id", "image", "label", "manipulation", "mask", "rationale"}


def pair(name: str = "splice", seed: int = 0, size: int = SIZE, **shape: int) -> list[Sample]:
    return list(make_pair(sample(1, **shape), sample(2), name, seed, size))


def pixels(made: Sample) -> Pixels:
    return images.decode(made.image).pixels


def digest() -> str:
    content = b"".join(s.image + s.mask for name in NAMES for s in pair(name, 3))
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_pair_is_labelled(name: str) -> None:
    edited, twin = pair(name)
    assert (edited.label, edited.manipulation) == (manipulations()[name].label, name)
    assert (twin.label, twin.manipulation, twin.mask) == (Label.AUTHENTIC, "", b"")
    assert (edited.image_id, twin.image_id) == (f"scene-1-{name}-0", f"scene-1-{name}-0-twin")


def test_pair_keeps_everything_else() -> None:
    origin = sample(1, split=Split.TEST, licence="CC0-1.0", caption="a ramp", rationale="none")
    for made in make_pair(origin, sample(2), "retouch", 0, SIZE):
        kept = [f.name for f in fields(Sample) if f.name not in CHANGED]
        assert all(getattr(made, name) == getattr(origin, name) for name in kept)
        assert made.rationale == ""


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(NAMES),
    seed=st.integers(0, 10**6),
    height=st.integers(64, 300),
    width=st.integers(64, 300),
    size=st.sampled_from([64, 96, 224]),
)
def test_pair_has_one_format_and_size(
    name: str, seed: int, height: int, width: int, size: int
) -> None:
    edited, twin = pair(name, seed, size, height=height, width=width)
    photos = [images.decode(made.image) for made in (edited, twin)]
    assert [photo.size for photo in photos] == [(size, size)] * 2
    assert photos[0].metadata["qtables"] == photos[1].metadata["qtables"]
    assert {photo.format for photo in photos} == {"JPEG"}
    assert images.decode_mask(edited.mask, (size, size)).mean() >= 0.01


@pytest.mark.parametrize("name", ["splice", "copy_move", "inpaint", "text_overlay"])
def test_mask_follows_geometry(name: str) -> None:
    inside, outside = [], []
    for seed in range(12):
        edited, twin = pair(name, seed, height=200, width=200)
        mask = images.decode_mask(edited.mask, (SIZE, SIZE))
        difference = np.abs(pixels(edited).astype(int) - pixels(twin)).mean(axis=2)
        inside.append(difference[mask].mean())
        outside.append(difference[~mask].mean())
    assert np.mean(inside) > 10 * np.mean(outside)


def test_pair_draws_varied_histories() -> None:
    tables = {images.decode(pair(seed=seed)[1].image).metadata["qtables"] for seed in range(20)}
    grain = [np.diff(pixels(pair(seed=seed)[1]).astype(int), axis=1).std() for seed in range(20)]
    assert len(tables) > 8
    assert max(grain) > 1.3 * min(grain)


def test_pair_moves_the_jpeg_lattice() -> None:
    everywhere = np.ones((256, 256), bool)
    windows = [pairs._window(everywhere, 224, np.random.default_rng(seed)) for seed in range(80)]
    assert {window.left % 8 for window in windows} == set(range(8))
    assert {window.top % 8 for window in windows} == set(range(8))


def test_window_scales_within_bounds() -> None:
    everywhere = np.ones((600, 700), bool)
    windows = [pairs._window(everywhere, 224, np.random.default_rng(seed)) for seed in range(80)]
    scales = [224 / window.side for window in windows]
    assert 0.5 < scales.count(1.0) / len(scales) < 0.8
    assert 0.59 < min(scales) < 0.75
    assert 1.1 < max(scales) < 1.26


def test_window_keeps_a_small_edit_in_view() -> None:
    mask = np.zeros((400, 400), bool)
    mask[360:395, 5:40] = True
    for seed in range(20):
        window = pairs._window(mask, 96, np.random.default_rng(seed))
        assert window.cut_mask(mask).mean() > 0.01


def test_seed_and_donor_change_the_pair() -> None:
    images_made = {pair(seed=seed)[0].image for seed in range(5)}
    images_made.add(make_pair(sample(1), sample(3), "splice", 0, SIZE)[0].image)
    assert len(images_made) == 6


def test_pair_is_same_again_and_in_other_process() -> None:
    root = Path(__file__).resolve().parents[1]
    code = "from tests.test_pairs import digest; print(digest())"
    environment = os.environ | {"PYTHONHASHSEED": "77"}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, check=True
    )
    assert run.stdout.decode().strip() == digest() == digest()


def test_large_photographs_are_reduced_so_that_content_shows() -> None:
    large = sample(1, image=images.encode_jpeg(scene(1, 1500, 2000), 95))
    edited, _ = make_pair(large, sample(2), "splice", 0, SIZE)
    assert images.decode_mask(edited.mask, (SIZE, SIZE)).mean() >= 0.01


def test_small_donor_covers_large_photograph() -> None:
    edited, twin = make_pair(sample(1, 256, 256), sample(2, 64, 80), "splice", 0, 224)
    assert (pixels(edited) != pixels(twin)).any()


def test_unknown_manipulation_names_nearest() -> None:
    with pytest.raises(UnknownPlugin, match="did you mean 'splice'"):
        pair("splize")


def test_undecodable_sample_is_refused() -> None:
    with pytest.raises(UnreadableImage):
        make_pair(sample(1, image=b"not an image"), sample(2), "splice", 0, SIZE)
