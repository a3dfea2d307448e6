"""Evidence as pictures: of the right size, in the right place, and none where there is none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from assay import evidence_views, images
from assay.errors import UnreadableImage
from assay.evidence import examiners
from tests.scenes import scene

POINTING = [name for name, one in examiners().items() if one.points]


def cloned(height: int = 256, width: int = 384) -> bytes:
    """A scene whose left part stands on its right once more."""
    pixels = scene(3, height, width)
    pixels[60:160, 250:350] = pixels[60:160, 40:140]
    return images.encode_png(pixels)


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


def test_heatmap_is_a_layer_that_is_opaque_where_evidence_points():
    layer = opened(evidence_views.heatmap(cloned(), POINTING, over_image=False))
    assert (layer.mode, layer.size) == ("RGBA", (384, 256))
    opacity = np.asarray(layer)[..., 3]
    assert opacity[80:140, 270:330].mean() > 3 * opacity[200:, 150:230].mean() + 20


def test_heatmap_over_the_image_leaves_the_rest_as_it_is():
    data = cloned()
    shown = np.asarray(opened(evidence_views.heatmap(data, POINTING, over_image=True)), int)
    layer = np.asarray(opened(evidence_views.heatmap(data, POINTING, over_image=False)))
    clear = layer[..., 3] == 0
    assert np.array_equal(shown[clear], images.decode(data).pixels[clear])
    assert np.abs(shown - images.decode(data).pixels)[~clear].max() > 20


def test_only_what_is_named_points():
    assert evidence_views.heatmap(cloned(), ["provenance", "no_such_examiner"], False) is None


def test_what_would_not_be_seen_is_none():
    flat = images.encode_png(np.full((64, 64, 3), 127, np.uint8))
    assert evidence_views.heatmap(flat, ["repeated_regions"], over_image=False) is None


@pytest.mark.parametrize("draw", [evidence_views.residual, evidence_views.error_level])
def test_views_are_at_most_a_thousand_pixels_a_side(draw):
    assert opened(draw(images.encode_jpeg(scene(1, 300, 1536), 90))).size == (1024, 200)
    assert opened(draw(images.encode_png(scene(1, 64, 96)))).size == (96, 64)


@pytest.mark.parametrize(
    "draw",
    [
        evidence_views.residual,
        evidence_views.error_level,
        lambda data: evidence_views.heatmap(data, POINTING, over_image=False),
    ],
)
def test_what_is_no_image_is_refused(draw):
    with pytest.raises(UnreadableImage):
        draw(b"nothing")
