"""Copies are found, also turned, scaled, flipped and compressed; what repeats by nature is not."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from assay import images
from assay.evidence.repeated_regions import STRONG, RepeatedRegions
from assay.manipulations.regions import similarity, warp
from assay.records import Heatmap, Mask, Measurement, Photo, Pixels

SOURCE, COPY = (90.0, 80.0), (280.0, 180.0)
RADIUS = 40


def examine(pixels: Pixels, quality: int | None = None) -> Measurement:
    if quality is not None:
        return RepeatedRegions().examine(images.decode(images.encode_jpeg(pixels, quality)))
    return RepeatedRegions().examine(Photo(b"", pixels, "PNG"))


def rocks(seed: int = 0, height: int = 256, width: int = 384) -> Pixels:
    """Structure at several scales and grain: detail everywhere, and nowhere twice."""
    rng = np.random.default_rng(seed)
    picture = rng.normal(128, 2, (height, width, 3))
    for blur in (1.5, 4, 12):
        layer = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), blur)
        picture += 22 * (layer / layer.std())[..., None]
    return picture.clip(0, 255).astype(np.uint8)


def disc(centre: tuple[float, float], shape: tuple[int, ...], factor: int = 1) -> Mask:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    x, y = centre
    return np.asarray(np.hypot(columns - factor * x, rows - factor * y) < factor * RADIUS)


def copy_move(pixels: Pixels, angle: float = 0, scale: float = 1, mirror: bool = False) -> Pixels:
    """The disc around SOURCE, turned and scaled, over the disc around COPY."""
    motion = similarity(np.array(SOURCE), np.array(COPY), angle, scale, mirror=mirror)
    return np.where(disc(COPY, pixels.shape)[..., None], warp(pixels, motion), pixels)


def at(heatmap: Heatmap | None, place: tuple[float, float], pixels: Pixels) -> float:
    assert heatmap is not None
    rows, columns = heatmap.shape
    x, y = place
    return float(heatmap[int(y * rows / pixels.shape[0]), int(x * columns / pixels.shape[1])])


def bricks() -> Pixels:
    """One brick laid in rows, each row half a brick further, under uneven light and grain."""
    brick = np.pad(rocks(3, 16, 36), ((0, 4), (0, 4), (0, 0)), constant_values=90)
    rows = np.concatenate([brick, np.roll(brick, 20, axis=1)])
    return lit(np.tile(rows, (7, 10, 1))[:256, :384].astype(float))


def lit(picture: np.ndarray) -> Pixels:
    """``picture`` brighter to the right, with the grain of a camera."""
    light = np.linspace(0.7, 1.2, picture.shape[1])[None, :, None]
    grain = np.random.default_rng(1).normal(0, 3, picture.shape)
    return (picture * light + grain).clip(0, 255).astype(np.uint8)


def windows() -> Pixels:
    """A facade: the same window at whole pixels, under uneven light and grain."""
    facade = np.full((256, 384), 150.0)
    for y in range(16, 240, 48):
        for x in range(16, 370, 36):
            cv2.rectangle(facade, (x, y), (x + 18, y + 28), 40.0, -1)
            cv2.line(facade, (x + 9, y), (x + 9, y + 28), 200.0, 1)
            cv2.line(facade, (x, y + 10), (x + 18, y + 10), 200.0, 1)
    return lit(np.repeat(facade[..., None], 3, 2))


def crowd() -> Pixels:
    """Heads of one kind, each a little other in place, size, tone and tilt."""
    rng = np.random.default_rng(2)
    picture = np.full((256, 384, 3), 70, np.uint8)
    for y in np.sort(rng.uniform(0, 256, 260)):
        place = rng.uniform(0, 384), y
        size, tone, tilt = rng.uniform(5, 8), rng.uniform(110, 220), rng.normal(0, 12)
        for start, shade in ((0, tone), (180, 30)):
            outline = cv2.ellipse2Poly(
                (int(16 * place[0]), int(16 * place[1])),
                (int(16 * size), int(19 * size)),
                int(tilt),
                start,
                360,
                15,
            )
            cv2.fillPoly(
                picture, [np.asarray(outline)], (shade, 0.8 * shade, 0.7 * shade), cv2.LINE_AA, 4
            )
    return lit(picture.astype(float))


def cloth() -> Pixels:
    """A printed pattern that repeats, seen a little askew: no repetition falls on whole pixels."""
    tile = rocks(5, 64, 64)
    print_ = np.tile(tile, (8, 10, 1))
    corners = np.array([[20, 30], [500, 10], [520, 400], [10, 420]], np.float32)
    frame = np.array([[0, 0], [384, 0], [384, 256], [0, 256]], np.float32)
    seen = cv2.warpPerspective(
        print_, cv2.getPerspectiveTransform(corners, frame), (384, 256), flags=cv2.INTER_AREA
    )
    grain = np.random.default_rng(4).normal(0, 2, seen.shape)
    return (seen + grain).clip(0, 255).astype(np.uint8)


REPEATED = {"bricks": bricks, "windows": windows, "crowd": crowd, "cloth": cloth}


@pytest.mark.parametrize("quality", [None, 75, 90])
@pytest.mark.parametrize(
    ("angle", "scale", "mirror"),
    [(0, 1, False), (12, 1, False), (0, 1.15, False), (-25, 0.9, False), (0, 1, True)],
)
def test_copy_is_strong_however_it_was_moved(
    angle: float, scale: float, mirror: bool, quality: int | None
) -> None:
    original = rocks()
    measured = examine(copy_move(original, angle, scale, mirror), quality)
    assert measured.value is not None
    assert measured.value > STRONG
    for place in (SOURCE, COPY):
        assert at(measured.heatmap, place, original) > 0.3
    assert at(measured.heatmap, (190, 60), original) == 0


@pytest.mark.parametrize("quality", [None, 75, 90])
def test_photograph_without_a_copy_is_weak(quality: int | None) -> None:
    value = examine(rocks(), quality).value
    assert value is not None
    assert value < 3


@pytest.mark.parametrize("quality", [None, 80, 95])
@pytest.mark.parametrize("texture", REPEATED.values(), ids=REPEATED)
def test_repeated_texture_is_not_strong(texture: object, quality: int | None) -> None:
    assert callable(texture)
    value = examine(texture(), quality).value
    assert value is not None
    assert value < STRONG


@pytest.mark.parametrize("seed", range(3))
def test_heatmap_covers_the_copy(seed: int) -> None:
    copied = copy_move(rocks(seed))
    heatmap = examine(copied, 90).heatmap
    assert heatmap is not None
    suspicious = cv2.resize(heatmap, copied.shape[1::-1]) > 0.5
    copy = disc(COPY, copied.shape)
    assert 2 * (suspicious & copy).sum() / (suspicious.sum() + copy.sum()) > 0.8


@pytest.mark.parametrize("seed", range(3))
def test_links_lead_from_the_source_to_the_copy(seed: int) -> None:
    copied = copy_move(rocks(seed))
    measured = examine(copied, 90)
    height, width = copied.shape[:2]
    assert 8 <= len(measured.links) <= 24
    for link in measured.links:
        source = np.hypot(link.source_x * width - SOURCE[0], link.source_y * height - SOURCE[1])
        copy = np.hypot(link.copy_x * width - COPY[0], link.copy_y * height - COPY[1])
        assert max(source, copy) < RADIUS + 4


def test_regions_are_the_copy_and_the_source() -> None:
    regions = examine(copy_move(rocks()), 90).regions
    centres = [((r.left + r.right) * 192, (r.top + r.bottom) * 128) for r in regions]
    np.testing.assert_allclose(centres, [COPY, SOURCE], atol=6)


def test_copy_survives_a_reduction_of_the_working_size() -> None:
    large = rocks(0, 1024, 1536)
    moved = np.roll(large, (401, 759), (0, 1))  # on no whole pixel once reduced
    pixels = np.where(disc(COPY, large.shape, 4)[..., None], moved, large).astype(np.uint8)
    value = examine(np.asarray(pixels), 90).value
    assert value is not None
    assert value > STRONG


def test_picture_without_detail_is_not_measured() -> None:
    ramp = np.repeat(np.linspace(20, 230, 300).astype(np.uint8)[None, :, None], 200, axis=0)
    measured = examine(np.repeat(ramp, 3, axis=2))
    assert measured.value is None
    assert measured.not_applicable


def test_fifty_megapixels_take_hardly_longer() -> None:
    small = rocks(0, 600, 800)
    huge = cv2.resize(small, (8000, 6000), interpolation=cv2.INTER_NEAREST)
    started = time.process_time()
    assert examine(np.asarray(huge, np.uint8)).value is not None
    assert time.process_time() - started < 5


@pytest.mark.shared
@pytest.mark.timeout(600)
def test_copies_in_research_images_are_found_at_few_false_alarms(shared_data: Path) -> None:
    rng = np.random.default_rng(0)
    strong: dict[str, list[bool]] = {"copy_move": [], "authentic": []}
    with (shared_data / "manifest.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == "test"]
    for row in rows:
        kind = "authentic" if row["label"] == "authentic" else row["kind"]
        if kind in strong:
            pixels = images.decode((shared_data / row["file"]).read_bytes()).pixels
            value = examine(pixels, int(rng.integers(80, 98))).value
            strong[kind].append(value is not None and value >= STRONG)
    assert len(strong["copy_move"]) > 25
    assert len(strong["authentic"]) > 100
    assert np.mean(strong["copy_move"]) >= 0.6  # 72 % of all 150; these are 31
    assert np.mean(strong["authentic"]) <= 0.03


@pytest.mark.parametrize("quality", [5, 10, 20, 40])
def test_blocks_that_compression_made_equal_are_no_copy(quality: int) -> None:
    values = [examine(rocks(seed), quality).value or 0.0 for seed in range(6)]
    assert max(values) < STRONG


@pytest.mark.parametrize("size", [3, 4, 5, 7, 12])
@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_lattices_are_no_copies(size: int, noise: float) -> None:
    rows, columns = np.mgrid[:256, :256]
    board = 60.0 + 120 * ((columns // size + rows // size) % 2)
    fence = (
        60.0 + 120 * ((columns + rows) % (3 * size) < 3) + 60 * ((columns - rows) % (3 * size) < 3)
    )
    for plane in (board, fence):
        grainy = plane + np.random.default_rng(0).normal(0, noise, plane.shape)
        pixels = np.repeat(grainy.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
        assert (examine(pixels).value or 0.0) < STRONG


def test_a_copy_by_whole_blocks_is_found_all_the_same() -> None:
    pixels = rocks()
    pixels[120:216, 240:336] = pixels[24:120, 40:136]
    assert (examine(pixels, 90).value or 0.0) >= STRONG
