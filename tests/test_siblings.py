"""Seen before: copies are told from edits, edits are found where they are, in either order."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from assay import images
from assay.degradations import blur, recompress
from assay.manipulations import manipulations
from assay.manipulations.regions import similarity, warp
from assay.records import Mask, Photo, Pixels, Region
from assay.siblings import (
    Comparison,
    Kinship,
    compare,
    compare_encoded,
    pixel_digest,
    relate_encoded,
)
from assay.sources.photos import Photos
from tests.scenes import scene


def photo(pixels: Pixels) -> Photo:
    return Photo(b"", np.ascontiguousarray(pixels), "PNG")


@pytest.fixture(scope="module")
def coffee() -> Pixels:
    """A real photograph that ships in a wheel."""
    samples = Photos(crop_size=384, crops_per_photo=1).fetch()
    return next(images.decode(s.image).pixels for s in samples if s.group == "photos-coffee")


def resized(pixels: Pixels, factor: float) -> Pixels:
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=method).astype(np.uint8)


def brighter(pixels: Pixels) -> Pixels:
    return (pixels * 1.15 + 12).clip(0, 255).astype(np.uint8)


def grey(pixels: Pixels) -> Pixels:
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(
        np.uint8
    )


def bordered(pixels: Pixels) -> Pixels:
    return cv2.copyMakeBorder(pixels, 20, 20, 20, 20, cv2.BORDER_CONSTANT).astype(np.uint8)


def turned(pixels: Pixels) -> Pixels:
    centre = np.array(pixels.shape[1::-1]) / 2
    return warp(pixels, similarity(centre, centre, angle=4, scale=1.1))


def watermarked(pixels: Pixels) -> Pixels:
    ink = np.zeros(pixels.shape[:2], np.uint8)
    cv2.putText(ink, "SAMPLE", (40, 200), cv2.FONT_HERSHEY_SIMPLEX, 2.0, 255, 3, cv2.LINE_AA)
    opacity = 0.4 * (ink[..., None] / 255)
    return (pixels * (1 - opacity) + 255 * opacity).round().astype(np.uint8)


def filtered(pixels: Pixels) -> Pixels:
    rng = np.random.default_rng(3)
    return manipulations()["colour_filter"].apply(pixels, pixels, rng)[0]


def edited(pixels: Pixels, name: str, seed: int = 1) -> tuple[Pixels, Mask]:
    donor = scene(9, *pixels.shape[:2])
    return manipulations()[name].apply(pixels, donor, np.random.default_rng(seed))


COPIES: dict[str, Callable[[Pixels], Pixels]] = {
    "recompressed": lambda p: recompress(p, 50),
    "smaller": lambda p: recompress(resized(p, 0.5), 85),
    "larger": lambda p: resized(p, 1.7),
    "cropped": lambda p: recompress(p[24:-10, 12:-30], 80),
    "mirrored": lambda p: recompress(p[:, ::-1].copy(), 85),
    "brighter": lambda p: recompress(brighter(p), 85),
    "grey": grey,
    "filtered": lambda p: recompress(filtered(p), 85),
    "bordered": lambda p: recompress(bordered(p), 85),
    "turned": turned,
    "blurred": lambda p: blur(p, 1.5),
    "watermarked": lambda p: recompress(watermarked(p), 85),
    "all at once": lambda p: recompress(brighter(resized(p[10:, :-20], 0.8)), 75),
}


def covered(boxes: list[Region], mask: Mask) -> float:
    """Share of the mask that lies inside the boxes."""
    height, width = mask.shape
    inside = np.zeros(mask.shape, bool)
    for box in boxes:
        rows = slice(int(box.top * height), int(np.ceil(box.bottom * height)))
        inside[rows, int(box.left * width) : int(np.ceil(box.right * width))] = True
    return float(inside[mask].mean())


def test_pixel_digest_is_of_pixels_and_not_of_bytes() -> None:
    one = images.decode(images.encode_png(scene()))
    other = Photo(b"other bytes", one.pixels.copy(), "TIFF")
    assert pixel_digest(one) == pixel_digest(other)
    assert len(pixel_digest(one)) == 64


def test_compare_knows_equal_pixels(coffee: Pixels) -> None:
    found = compare(photo(coffee), photo(coffee.copy()))
    assert found.kind is Kinship.IDENTICAL
    assert found.renderings is not None
    assert np.array_equal(*found.renderings)


def test_one_grey_level_is_not_identical_but_the_same_content(coffee: Pixels) -> None:
    other = coffee.copy()
    other[100, 100, 0] ^= 1
    assert compare(photo(coffee), photo(other)).kind is Kinship.SAME_CONTENT


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_the_same_content_in_either_order(name: str, coffee: Pixels) -> None:
    copy = COPIES[name](coffee)
    for first, second in ((coffee, copy), (copy, coffee)):
        found = compare(photo(first), photo(second))
        assert (found.kind, found.differences, found.share) == (Kinship.SAME_CONTENT, (), 0.0)


@pytest.mark.parametrize("name", ["splice", "copy_move", "inpaint"])
def test_an_edit_is_found_in_either_order(name: str, coffee: Pixels) -> None:
    other, mask = edited(coffee, name)
    saved = recompress(other, 80)
    after, before = compare(photo(coffee), photo(saved)), compare(photo(saved), photo(coffee))
    assert after.kind is before.kind is Kinship.LOCALLY_DIFFERENT
    assert covered([d.second for d in after.differences], mask) > 0.8
    assert covered([d.first for d in before.differences], mask) > 0.8
    assert after.share == pytest.approx(mask.mean(), rel=0.5)


def test_an_edit_is_found_through_crop_size_mirror_and_colour(coffee: Pixels) -> None:
    other, mask = edited(coffee, "splice")
    rows, columns = slice(6, -12), slice(10, -8)
    copy = recompress(brighter(resized(other[rows, columns], 0.75)[:, ::-1].copy()), 80)
    found = compare(photo(coffee), photo(copy))
    assert found.kind is Kinship.LOCALLY_DIFFERENT
    assert found.alignment is not None
    assert found.alignment.mirrored
    assert found.alignment.scale == pytest.approx(0.75, rel=0.01)
    moved = cv2.resize(mask[rows, columns].astype(np.uint8), copy.shape[1::-1])[:, ::-1] > 0
    assert covered([d.second for d in found.differences], moved) > 0.8
    assert covered([d.first for d in found.differences], mask) > 0.7


def test_renderings_lie_on_each_other(coffee: Pixels) -> None:
    copy = recompress(resized(coffee[30:, 20:], 0.8)[:, ::-1].copy(), 90)
    found = compare(photo(coffee), photo(copy))
    assert found.renderings is not None
    assert found.heatmap is not None
    first, second = found.renderings
    assert first.shape == second.shape == (*found.heatmap.shape, 3)
    assert np.abs(first.astype(int) - second).mean() < 6
    assert first.any(axis=2).mean() > 0.95


def test_a_heatmap_is_high_where_the_content_differs(coffee: Pixels) -> None:
    other, mask = edited(coffee, "splice")
    heatmap = compare(photo(coffee), photo(recompress(other, 85))).heatmap
    assert heatmap is not None
    assert heatmap[mask].mean() > 0.6
    assert heatmap[~mask].mean() < 0.25


def test_a_watermark_is_named_and_no_difference(coffee: Pixels) -> None:
    found = compare(photo(coffee), photo(recompress(watermarked(coffee), 90)))
    assert found.marks
    assert "see-through mark" in found.sentence


def test_an_edit_beside_a_watermark_is_still_found(coffee: Pixels) -> None:
    patched = watermarked(coffee)
    patched[300:360, 40:120] = scene(4)[:60, :80]
    found = compare(photo(coffee), photo(recompress(patched, 90)))
    assert found.kind is Kinship.LOCALLY_DIFFERENT
    assert any(d.second.top > 0.7 for d in found.differences)


def test_strangers_are_unrelated(coffee: Pixels) -> None:
    found = compare(photo(coffee), photo(scene(2, 300, 300)))
    assert (found.kind, found.renderings, found.heatmap) == (Kinship.UNRELATED, None, None)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (40, 40)])
def test_small_and_flat_pictures_end_in_an_answer(size: tuple[int, int]) -> None:
    flat, other = np.full((*size, 3), 90, np.uint8), scene(1, 64, 64)
    assert isinstance(compare(photo(flat), photo(other)), Comparison)
    assert isinstance(compare(photo(other), photo(flat)), Comparison)
    assert compare(photo(flat), photo(flat + 1)).kind is Kinship.SAME_CONTENT


@pytest.mark.parametrize("name", ["splice", "colour_filter"])
def test_a_sentence_claims_no_direction(name: str, coffee: Pixels) -> None:
    other, _ = edited(coffee, name)
    forth, back = (compare(photo(a), photo(b)) for a, b in ((coffee, other), (other, coffee)))
    claims = ("original", "manipulated", "edited", "before", "after", "fake")
    assert forth.kind is back.kind
    assert not any(word in found.sentence for found in (forth, back) for word in claims)


def test_large_images_are_compared_reduced_and_found_alike(coffee: Pixels) -> None:
    large = resized(coffee, 6)
    other, mask = edited(large, "splice")
    found = compare_encoded(images.encode_jpeg(large, 92), images.encode_jpeg(other, 85))
    assert found.kind is Kinship.LOCALLY_DIFFERENT
    assert covered([d.first for d in found.differences], mask) > 0.8
    assert covered([d.second for d in found.differences], mask) > 0.8
    assert found.renderings is not None
    assert max(found.renderings[0].shape) == 1024


def test_large_images_that_differ_in_a_pixel_are_not_called_equal(coffee: Pixels) -> None:
    large = resized(coffee, 6)
    other = large.copy()
    other[1000, 1000] ^= 1
    one, two = images.encode_png(large), images.encode_png(other)
    assert relate_encoded(one, two).kind is Kinship.SAME_CONTENT
    assert relate_encoded(one, one).kind is Kinship.IDENTICAL
    assert relate_encoded(one, one).renderings is None
