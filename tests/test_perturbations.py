from __future__ import annotations

import pickle
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import images
from assay.degradations import is_grey, resized, sharpen
from assay.errors import ImageTooLarge
from assay.perturbations import PERTURBATIONS, Perturbation, matrix
from assay.strata import jpeg_quality
from tests.scenes import scene

NAMES = [p.name for p in PERTURBATIONS]
BY_NAME = {p.name: p for p in PERTURBATIONS}
PIXELS = scene(0, 90, 121)
SMALL = scene(3, 40, 40)
"""Too small for a share to cut, so that files can be compared pixel by pixel."""
every = pytest.mark.parametrize("perturbation", PERTURBATIONS, ids=NAMES)


def size(name: str, pixels: np.ndarray = PIXELS, image_id: str = "one") -> tuple[int, int]:
    return images.decode(BY_NAME[name].apply(pixels, image_id)).size


def test_names_are_unique_and_a_dozen_are_everyday():
    assert len(set(NAMES)) == len(NAMES) == len(matrix(full=True))
    assert [p.everyday for p in matrix(full=False)] == [True] * 12


@every
def test_file_depends_on_the_image_and_the_name_alone(perturbation: Perturbation):
    kept = PIXELS.copy()
    assert perturbation.apply(PIXELS, "one") == perturbation.apply(PIXELS, "one")
    assert (kept == PIXELS).all()


def test_what_is_drawn_differs_between_images():
    drawn = {BY_NAME["noise 2"].apply(PIXELS, image_id) for image_id in "abc"}
    assert len(drawn) == 3


def test_files_are_the_same_in_another_process():
    code = (
        "import zlib; from assay.perturbations import PERTURBATIONS;"
        "from tests.scenes import scene;"
        "print([zlib.crc32(p.apply(scene(0, 90, 121), 'one')) for p in PERTURBATIONS])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own = [zlib.crc32(p.apply(PIXELS, "one")) for p in PERTURBATIONS]
    assert done.stdout.strip() == str(own)


@every
@settings(max_examples=8, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), level=st.integers(0, 255))
def test_images_of_any_size_become_readable_files(
    perturbation: Perturbation, height: int, width: int, level: int
):
    flat = np.full((height, width, 3), level, np.uint8)
    assert min(images.decode(perturbation.apply(flat, "flat")).size) >= 1


@pytest.mark.parametrize("factor", [0.25, 0.5, 0.75, 1.5, 2])
def test_resize_gives_the_sides_that_it_names(factor: float):
    assert size(f"resize {factor:g}") == (round(121 * factor), round(90 * factor))


@pytest.mark.parametrize("quality", [50, 60, 70, 80, 90, 95])
def test_jpeg_has_the_quality_that_it_names(quality: int):
    photo = images.decode(BY_NAME[f"jpeg {quality}"].apply(PIXELS, "one"))
    assert (photo.size, jpeg_quality(photo)) == ((121, 90), quality)


def test_webp_is_webp_and_loses_more_at_lower_quality():
    files = [BY_NAME[f"webp {q}"].apply(PIXELS, "one") for q in (50, 75, 90)]
    photos = [images.decode(data) for data in files]
    losses = [np.abs(photo.pixels.astype(int) - PIXELS).mean() for photo in photos]
    assert {photo.format for photo in photos} == {"WEBP"}
    assert losses == sorted(losses, reverse=True)


def test_blur_and_noise_are_saved_without_further_loss():
    photos = [images.decode(BY_NAME[name].apply(PIXELS, "one")) for name in ("blur 1.5", "noise 6")]
    assert [photo.format for photo in photos] == ["PNG", "PNG"]
    assert [photo.size for photo in photos] == [(121, 90)] * 2
    assert (photos[1].pixels.astype(int) - PIXELS).std() == pytest.approx(6, rel=0.1)


@pytest.mark.parametrize("name", ["screenshot png", "screenshot jpeg", "screenshot rounded"])
def test_screenshot_is_on_another_grid(name: str):
    ratios = {size(name, scene(0, 300, 400), f"{n}")[0] / 400 for n in range(12)}
    assert len(ratios) > 2
    assert all(abs(ratio - 1) > 0.1 for ratio in ratios)


def test_screenshot_has_a_frame_of_one_colour():
    pixels = images.decode(BY_NAME["screenshot png"].apply(PIXELS, "one")).pixels
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert len(np.unique(edge)) == 1
    assert len(np.unique(pixels)) > 20


def test_rounded_corners_are_the_only_thing_cut():
    pixels = images.decode(BY_NAME["screenshot rounded"].apply(PIXELS // 4 + 90, "one")).pixels
    corner, middle = pixels[0, 0].astype(int), pixels[pixels.shape[0] // 2, 0].astype(int)
    assert corner.min() > 200 or corner.max() < 60
    assert 60 < middle.mean() < 200


@pytest.mark.parametrize("name", ["once", "3 times"])
def test_sharing_reduces_to_the_sides_of_platforms_and_never_enlarges(name: str):
    large = scene(0, 300, 1600)
    found = {max(size(f"shared {name}", large, f"{n}")) for n in range(8)}
    assert {side for side in found if side in (720, 1080)}
    assert max(found) <= 1080
    assert max(size(f"shared {name}")) <= 121


def test_each_further_share_loses_more():
    def loss(name: str) -> float:
        pixels = images.decode(BY_NAME[name].apply(SMALL, "one")).pixels
        height, width = pixels.shape[:2]
        return float(np.abs(pixels.astype(int) - SMALL[:height, :width]).mean())

    assert 0 < loss("shared once") < loss("shared 5 times")


def test_grey_images_stay_grey():
    grey = scene(0, 64, 64, grey=True)
    for name in ("noise 6", "blur 1.5", "resize 0.75", "screenshot png"):
        assert is_grey(images.decode(BY_NAME[name].apply(grey, "one")).pixels), name


def test_too_large_results_are_refused_before_memory_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 90 * 121 * 2)
    with pytest.raises(ImageTooLarge, match="242x180"):
        BY_NAME["resize 2"].apply(PIXELS, "one")
    with pytest.raises(ImageTooLarge, match="WebP"):
        BY_NAME["webp 75"].apply(np.zeros((1, images.MAX_WEBP_SIDE + 1, 3), np.uint8), "one")


def test_resized_keeps_at_least_one_pixel():
    assert resized(PIXELS[:1], 0.01).shape == (1, 1, 3)


def test_sharpening_raises_contrast_and_keeps_flat_parts():
    edge = np.full((32, 32, 3), 100, np.uint8)
    edge[:, 16:] = 150
    sharp = sharpen(edge, 1.0, 0.5)
    assert sharp.max() > 150
    assert sharp[0, 0].tolist() == [100, 100, 100]


@pytest.mark.parametrize("perturbation", PERTURBATIONS, ids=lambda p: p.name)
def test_other_processes_can_apply_it(perturbation: Perturbation) -> None:
    pixels = scene(0, 64, 64)
    sent = pickle.loads(pickle.dumps(perturbation))
    assert sent.apply(pixels, "a") == perturbation.apply(pixels, "a")
