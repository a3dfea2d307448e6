"""What every examiner promises; a new file in the folder is tested without editing this one."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from assay import images
from assay.evidence import Examiner, Role, examiners
from assay.records import Measurement, Photo, Pixels
from tests.scenes import scene

EVERY = pytest.mark.parametrize("examiner", examiners().values(), ids=examiners())
ODD_PICTURES = {
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "one pixel wide": scene(0, 300, 40)[:, :1],
    "one pixel high": scene(0, 40, 300)[:1],
    "black": np.zeros((128, 128, 3), np.uint8),
    "white": np.full((128, 128, 3), 255, np.uint8),
    "grey": scene(0, grey=True),
    "two tones": np.repeat(np.eye(128, dtype=np.uint8)[..., None] * 255, 3, axis=2),
    "half black": np.concatenate([scene(0), np.zeros((128, 128, 3), np.uint8)]),
    "smallest": scene(0, 64, 64),
    "long": scene(0, 64, 1500),
}
MEASURING = pytest.mark.parametrize(
    "examiner",
    [one for one in examiners().values() if one.role is not Role.VERBATIM],
    ids=lambda one: one.name,
)


def saved(picture: Image.Image, container: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, container, **options)
    return buffer.getvalue()


def page(height: int = 300, width: int = 400) -> Pixels:
    """A rendered page: black text on white and nothing else."""
    picture = np.full((height, width, 3), 255, np.uint8)
    for line in range(30, height, 24):
        cv2.putText(picture, "the quick brown fox jumps over it", (8, line), 3, 0.6, (0, 0, 0))
    return picture


def frames() -> list[Image.Image]:
    return [Image.fromarray(scene(seed, 120, 160)) for seed in range(3)]


def transparent() -> Image.Image:
    veil = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))
    return Image.fromarray(np.dstack([scene(0, 120, 160), veil]), "RGBA")


@cache
def bad_files() -> dict[str, bytes]:
    """Files that tempt a method to make a number up."""
    first, *others = frames()
    moving = {"save_all": True, "append_images": others}
    return {
        "under 64 pixels": images.encode_jpeg(scene(0, 60, 300), 90),
        "flat JPEG": images.encode_jpeg(np.full((200, 200, 3), (30, 90, 160), np.uint8), 80),
        "text PNG": images.encode_png(page()),
        "text JPEG": images.encode_jpeg(page(), 75),
        "one channel": saved(first.convert("L"), "JPEG"),
        "palette": saved(first.convert("P"), "PNG"),
        "transparent PNG": saved(transparent(), "PNG"),
        "wholly transparent PNG": saved(Image.new("RGBA", (160, 120), (9, 9, 9, 0)), "PNG"),
        "animated GIF": saved(first, "GIF", **moving),
        "animated WebP": saved(first, "WEBP", **moving),
        "CMYK JPEG": saved(first.convert("CMYK"), "JPEG"),
        "thumbnail": images.encode_jpeg(cv2.resize(scene(0, 720, 960), (128, 96)), 60),
        "large": images.encode_jpeg(np.tile(scene(0, 350, 500), (3, 3, 1)), 85),
    }


NOTHING_TO_MEASURE = {
    "under 64 pixels": "smaller than 64 pixels",
    "flat JPEG": "a flat picture",
    "wholly transparent PNG": "a flat picture",
    "text PNG": "text or line art",
    "text JPEG": "text or line art",
}


def photo(pixels: Pixels) -> Photo:
    return Photo(b"", pixels, "PNG")


def assert_valid(measurement: Measurement, examiner: Examiner) -> None:
    assert measurement.id == examiner.name
    if examiner.role is Role.VERBATIM:
        assert measurement.value is None
        assert bool(measurement.facts) != bool(measurement.not_applicable)
    else:
        assert (measurement.value is None) == bool(measurement.not_applicable)
    assert measurement.value is None or np.isfinite(measurement.value)
    for box in measurement.regions:
        assert 0 <= box.left < box.right <= 1
        assert 0 <= box.top < box.bottom <= 1
    if measurement.heatmap is not None:
        assert measurement.heatmap.ndim == 2
        assert measurement.heatmap.dtype == np.float32
        assert measurement.heatmap.min() >= 0
        assert measurement.heatmap.max() <= 1


@EVERY
def test_suspicious_example_measures_higher(examiner: Examiner) -> None:
    suspicious, ordinary = (examiner.examine(example) for example in examiner.example())
    assert_valid(suspicious, examiner)
    assert_valid(ordinary, examiner)
    if examiner.role is Role.VERBATIM:
        assert len(suspicious.facts) > len(ordinary.facts)
        return
    assert suspicious.value is not None
    assert ordinary.value is not None
    assert suspicious.value > ordinary.value


@EVERY
def test_examine_is_deterministic(examiner: Examiner) -> None:
    suspicious, _ = examiner.example()
    first, second = examiner.examine(suspicious), examiner.examine(suspicious)
    assert (first.value, first.regions) == (second.value, second.regions)
    np.testing.assert_array_equal(first.heatmap, second.heatmap)


@EVERY
def test_examine_leaves_pixels_alone(examiner: Examiner) -> None:
    suspicious, _ = examiner.example()
    before = suspicious.pixels.copy()
    examiner.examine(suspicious)
    np.testing.assert_array_equal(suspicious.pixels, before)


@EVERY
@pytest.mark.parametrize("pixels", ODD_PICTURES.values(), ids=ODD_PICTURES)
def test_examine_answers_about_odd_pictures(examiner: Examiner, pixels: Pixels) -> None:
    assert_valid(examiner.examine(photo(pixels)), examiner)


@EVERY
@pytest.mark.parametrize("name", bad_files())
def test_examine_answers_about_bad_files(examiner: Examiner, name: str) -> None:
    assert_valid(examiner.examine(images.decode(bad_files()[name])), examiner)


@MEASURING
@pytest.mark.parametrize(("name", "reason"), NOTHING_TO_MEASURE.items(), ids=NOTHING_TO_MEASURE)
def test_no_number_is_made_up(examiner: Examiner, name: str, reason: str) -> None:
    measurement = examiner.examine(images.decode(bad_files()[name]))
    assert measurement.value is None
    assert measurement.not_applicable.startswith(reason)


@MEASURING
def test_animation_is_measured_by_its_first_frame(examiner: Examiner) -> None:
    first = images.decode(saved(frames()[0], "WEBP", lossless=True))
    moving = saved(frames()[0], "WEBP", save_all=True, append_images=frames()[1:], lossless=True)
    assert examiner.examine(images.decode(moving)).value == examiner.examine(first).value


@EVERY
@settings(max_examples=15, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(10, 100))
def test_examine_answers_about_any_size_and_quality(
    examiner: Examiner, height: int, width: int, quality: int
) -> None:
    pixels = scene(height, max(height, 32), max(width, 32))[:height, :width]
    decoded = images.decode(images.encode_jpeg(np.ascontiguousarray(pixels), quality))
    assert_valid(examiner.examine(decoded), examiner)


@EVERY
def test_title_and_name_are_plain(examiner: Examiner) -> None:
    assert examiner.name.isidentifier()
    assert examiner.title
    assert not examiner.title.endswith(".")


def test_noise_inconsistency_points_at_the_noisy_disc() -> None:
    examiner = examiners()["noise_inconsistency"]
    measurement = examiner.examine(examiner.example()[0])
    strongest, heatmap = measurement.regions[0], measurement.heatmap
    assert strongest.left < 80 / 192 < strongest.right
    assert strongest.top < 96 / 192 < strongest.bottom
    assert heatmap is not None
    rows, columns = heatmap.shape
    assert heatmap[rows // 2, columns * 80 // 192] > 2 * np.median(heatmap)


@pytest.mark.parametrize("quality", [None, 80, 95])
@pytest.mark.parametrize("factor", [1.3, 1.5, 2.0])
def test_resampling_peaks_rise_with_enlargement(factor: float, quality: int | None) -> None:
    examiner = examiners()["resampling_peaks"]
    native = cv2.GaussianBlur(scene(1, 160, 160), (0, 0), 0.6)
    enlarged = cv2.resize(native, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    values = []
    for pixels in (native, np.ascontiguousarray(enlarged[:160, :160])):
        saved = (
            images.encode_png(pixels) if quality is None else images.encode_jpeg(pixels, quality)
        )
        values.append(examiner.examine(images.decode(saved)).value)
    assert values[1] > values[0]
