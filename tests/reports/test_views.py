"""Views show what they claim at every size, and none changes an image that has nothing to show."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from assay import images
from assay.records import Pixels
from assay.reports import views
from tests.scenes import scene

SIZES = ((64, 64), (1, 300), (700, 33), (90, 1200))


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("view", [views.residual_view, views.error_level_view])
def test_views_are_reduced_to_the_display_size(view, height, width):
    shown = view(scene(1, max(height, 64), max(width, 64))[:height, :width], 240)
    scale = min(1, 240 / max(height, width))
    expected = (max(1, round(height * scale)), max(1, round(width * scale)), 3)
    assert shown.pixels.shape == expected
    assert shown.pixels.dtype == np.uint8


def noisy_half() -> Pixels:
    pixels = np.full((200, 200, 3), 120, np.uint8)
    pixels[:, 100:] = np.random.default_rng(0).integers(100, 140, (200, 100, 3))
    return pixels


def test_residual_is_bright_where_noise_is():
    shown = views.residual_view(noisy_half(), 480)
    assert shown.pixels[:, :95].max() == 0
    assert shown.pixels[:, 105:].mean() > 60
    assert shown.gain > 1


def test_error_level_is_bright_where_a_part_was_not_compressed_before():
    pixels = images.decode(images.encode_jpeg(scene(2, 256, 256), 90)).pixels.copy()
    fresh = np.random.default_rng(0).integers(-12, 13, (128, 256, 1))
    pixels[128:] = np.clip(pixels[128:] + fresh, 0, 255)
    shown = views.error_level_view(pixels, 480)
    assert shown is not None
    assert shown.pixels[136:].mean() > 2 * shown.pixels[:120].mean()


def test_strips_of_a_large_image_leave_no_seam(monkeypatch: pytest.MonkeyPatch):
    pixels = scene(3, 400, 300)
    whole = [views.residual_view(pixels, 200), views.error_level_view(pixels, 200)]
    monkeypatch.setattr(views, "_STRIP_PIXELS", 300 * 80)
    strips = [views.residual_view(pixels, 200), views.error_level_view(pixels, 200)]
    for one, other in zip(whole, strips, strict=True):
        assert one is not None
        assert other is not None
        assert one.gain == other.gain
        assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 0.5


def test_an_image_too_long_for_a_jpeg_has_no_error_level():
    assert views.error_level_view(np.zeros((1, 70_000, 3), np.uint8), 480) is None
    assert views.residual_view(np.zeros((1, 70_000, 3), np.uint8), 480).pixels.max() == 0


def test_heat_covers_only_what_is_hot_and_leaves_it_readable():
    pixels = scene(4, 80, 120)
    shown = views.heated(pixels, np.array([[0, 0, 1]], np.float32))
    assert np.array_equal(shown[:, :20], pixels[:, :20])
    changed = np.abs(shown[:, -20:].astype(int) - pixels[:, -20:]).mean()
    assert changed > 40
    hot = cv2.cvtColor(shown[:, -20:], cv2.COLOR_RGB2GRAY)
    assert hot.std() > 1  # the image still shows through


@pytest.mark.parametrize("value", [np.nan, -1.0, 2.0])
def test_heat_beyond_its_range_is_drawn_as_its_ends(value):
    pixels = scene(5, 64, 64)
    end = np.clip(np.nan_to_num(value), 0, 1)
    assert np.array_equal(
        views.heated(pixels, np.full((2, 2), value, np.float32)),
        views.heated(pixels, np.full((2, 2), end, np.float32)),
    )


def test_overlay_shows_over_an_image_what_is_drawn_into_it():
    pixels = scene(6, 48, 64)
    heatmap = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    layer = views.overlay(heatmap, (64, 48)).astype(float)
    assert layer.shape == (48, 64, 4)
    opacity = layer[..., 3:] / 255
    composed = pixels * (1 - opacity) + layer[..., :3] * opacity
    assert np.abs(composed - views.heated(pixels, heatmap)).max() <= 2


def test_colour_bar_goes_from_grey_to_the_brightest_colour():
    first, *_, last = views.colour_bar(11)
    assert first == "#808080"
    assert sum(bytes.fromhex(last[1:])) > sum(bytes.fromhex(first[1:]))
