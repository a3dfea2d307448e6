"""The decoder against hostile bytes, every colour mode and every way to lie on the side."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from assay import images
from assay.errors import ImageTooLarge, SchemaViolation, UnreadableImage
from assay.images import Variant
from tests.scenes import scene

COLOUR = (200, 100, 50)
ORIENTATION, SOFTWARE = 0x0112, 0x0131


def encoded(image: Image.Image, container: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, container, **options)
    return buffer.getvalue()


def plain(mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", (30, 20), COLOUR).convert(mode)


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(bytes(99)))
        + chunk(b"IEND", b"")
    )


VALID = {
    "JPEG": encoded(plain(), "JPEG"),
    "PNG": encoded(plain(), "PNG"),
    "WEBP": encoded(plain(), "WEBP"),
    "GIF": encoded(plain(), "GIF"),
    "TIFF": encoded(plain(), "TIFF"),
    "BMP": encoded(plain(), "BMP"),
}


@pytest.mark.parametrize("container", images.FORMATS)
def test_decode_reads_every_format(container: str) -> None:
    photo = images.decode(VALID[container])
    assert photo.format == container
    assert photo.size == (30, 20)
    assert np.abs(photo.pixels.astype(int) - COLOUR).max() <= 4


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_decode_turns_every_png_mode_into_rgb(mode: str) -> None:
    photo = images.decode(encoded(plain(mode), "PNG"))
    assert photo.pixels.shape == (20, 30, 3)
    assert photo.pixels.dtype == np.uint8


@pytest.mark.parametrize("container", ["JPEG", "TIFF"])
def test_decode_reads_cmyk_as_the_same_colour(container: str) -> None:
    photo = images.decode(encoded(plain("CMYK"), container))
    assert np.abs(photo.pixels.astype(int) - COLOUR).max() <= 4


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 0x8080, 0xFFFF]], np.uint16), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 100, 250]], np.float32), [0, 100, 250]),
        (np.array([[0, np.nan, np.inf]], np.float32), [0, 0, 0]),
        (np.array([[0, 250_000, 1_000_000]], np.int32), [0, 64, 255]),
    ],
)
def test_decode_scales_deep_images_to_8_bit(values: np.ndarray, expected: list[int]) -> None:
    photo = images.decode(encoded(Image.fromarray(values), "TIFF"))
    assert photo.pixels[0, :, 0].tolist() == expected
    assert (photo.pixels == photo.pixels[:, :, :1]).all()


def test_decode_composites_alpha_over_white() -> None:
    photo = images.decode(encoded(Image.new("RGBA", (1, 1), (0, 0, 0, 64)), "PNG"))
    assert photo.pixels[0, 0].tolist() == [191, 191, 191]


@pytest.mark.parametrize("container", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_decode_applies_the_orientation(container: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera stood on its right side
    picture = Image.new("RGB", (32, 16), "black")
    picture.paste("white", (0, 0, 32, 8))
    photo = images.decode(encoded(picture, container, exif=exif))
    assert photo.size == (16, 32)
    assert photo.pixels[:, 12:].mean() > 250 > 5 > photo.pixels[:, :4].mean()


@pytest.mark.parametrize("container", ["GIF", "WEBP", "PNG", "TIFF"])
def test_decode_takes_the_first_frame(container: str) -> None:
    second = Image.new("RGB", (30, 20), "black")
    animation = encoded(plain(), container, save_all=True, append_images=[second])
    assert np.abs(images.decode(animation).pixels.astype(int) - COLOUR).max() <= 4


def test_decode_reports_what_the_container_tells() -> None:
    exif = Image.Exif()
    exif[SOFTWARE] = "Editor 9"
    data = encoded(plain(), "JPEG", exif=exif, progressive=True, quality=90)
    metadata = images.decode(data).metadata
    assert metadata["software"] == "Editor 9"
    assert (metadata["exif"], metadata["progressive"]) == ("1", "1")
    assert metadata["bytes"] == str(len(data))
    assert 0 < int(metadata["qtables"]) < int(images.decode(VALID["JPEG"]).metadata["qtables"])


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (10_000, 5_001)])
def test_decode_refuses_too_many_pixels_without_allocating(width: int, height: int) -> None:
    tracemalloc.start()
    with pytest.raises(ImageTooLarge, match="scale the image down"):
        images.decode(png_header(width, height))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_decode_refuses_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 100)
    with pytest.raises(ImageTooLarge, match="limit of 100"):
        images.decode(VALID["BMP"])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"a text named photo.jpg", "not an image"),
        (encoded(plain(), "PPM"), "not an image"),
        (VALID["JPEG"][: len(VALID["JPEG"]) // 2], "incomplete"),
        (VALID["PNG"][:60], "incomplete"),
    ],
)
def test_decode_names_what_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        images.decode(data)


def survives(data: bytes) -> None:
    """Decode ``data``; anything but a photo or one of the two errors fails the test."""
    try:
        photo = images.decode(data)
    except (UnreadableImage, ImageTooLarge):
        return
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.shape[2] == 3


@given(st.binary(max_size=300))
def test_decode_survives_any_bytes(data: bytes) -> None:
    survives(data)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(images.FORMATS), st.data())
def test_decode_survives_damaged_files(container: str, data: st.DataObject) -> None:
    damaged = bytearray(VALID[container])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    survives(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))


def test_encode_png_is_lossless() -> None:
    pixels = scene()
    assert (images.decode(images.encode_png(pixels)).pixels == pixels).all()


def test_encode_jpeg_halves_the_colour_planes_and_adds_no_metadata() -> None:
    photo = images.decode(images.encode_jpeg(scene(), 90))
    with Image.open(io.BytesIO(photo.data)) as image:
        assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]
    assert photo.metadata["exif"] == "0"
    assert photo.metadata["progressive"] == "0"


def test_mask_round_trip_is_exact() -> None:
    mask = scene()[:, :, 0] > 120
    assert (images.decode_mask(images.encode_mask(mask), (128, 128)) == mask).all()


@pytest.mark.parametrize("white", [1, 128, 255])
def test_decode_mask_reads_any_brightness_as_altered(white: int) -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[5:9] = white
    altered = images.decode_mask(encoded(Image.fromarray(mask), "PNG"), (30, 20))
    assert (altered == mask.astype(bool)).all()


def test_decode_mask_reads_black_as_untouched() -> None:
    mask = np.zeros((20, 30), bool)
    assert not images.decode_mask(images.encode_mask(mask), (30, 20)).any()


def test_decode_mask_refuses_another_size() -> None:
    with pytest.raises(SchemaViolation, match="30x20 pixels and its image 20x30"):
        images.decode_mask(VALID["PNG"], (20, 30))


def test_bias_control_hides_container_and_metadata() -> None:
    forms = [VALID["PNG"], VALID["BMP"], VALID["GIF"]]
    assert len({images.bias_control(data, "key") for data in forms}) == 1


def test_bias_control_draws_all_qualities_from_the_key() -> None:
    def tables(quality: int) -> str:
        return images.decode(images.encode_jpeg(scene(0, 32, 32), quality)).metadata["qtables"]

    data = images.encode_png(scene(0, 32, 32))
    drawn = {
        images.decode(images.bias_control(data, str(k))).metadata["qtables"] for k in range(400)
    }
    assert drawn == {tables(quality) for quality in range(75, 99)}


def test_variant_is_the_original_or_the_controlled_bytes() -> None:
    data = VALID["PNG"]
    assert images.variant(data, "a", Variant.AS_IS) is data
    assert images.variant(data, "a", Variant.BIAS_CONTROLLED) == images.bias_control(data, "a")
