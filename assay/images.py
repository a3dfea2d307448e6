"""The one safe decoder: hostile bytes in, a `Photo` out, or an error that names the reason.

Formats go by content, not by name; limits are checked before any pixel is decoded; orientation is
applied; every colour mode becomes 8-bit RGB; of an animation the first frame counts.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from assay.errors import ImageTooLarge, SchemaViolation, UnreadableImage
from assay.records import Mask, Photo, Pixels, Sample

MAX_BYTES = 50 * 2**20
MAX_REQUEST = MAX_BYTES * 4 // 3 + 2**20
"""Bytes of a request with one image: the largest as base64, and what is said beside it."""
MAX_PIXELS = 50_000_000
MAX_WEBP_SIDE = 16_383
"""Pixels; 14 bits hold a width or a height in WebP's frame header (RFC 6386)."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
BIAS_CONTROL_QUALITIES = range(75, 99)
"""JPEG qualities that `bias_control` draws from, both ends included: 75..98."""

DECODER_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
    struct.error,
    zlib.error,
)
"""What Pillow lets escape on malformed bytes; each was seen under fuzzing or in its source."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Variant(StrEnum):
    """In which form an image is judged."""

    AS_IS = "as_is"
    """The original bytes: what a platform really receives, shortcuts included."""
    BIAS_CONTROLLED = "bias_controlled"
    """After `bias_control`: container, metadata and JPEG quality carry no label."""


def decode(data: bytes) -> Photo:
    """Decode ``data`` to upright 8-bit RGB pixels ``[height, width, 3]``.

    Alpha is composited over white, 16-bit and float images are scaled to 0..255. The metadata are
    those a camera or an editor leaves; see `_metadata`. Raises `UnreadableImage` when the bytes
    are no complete image of `FORMATS`, `ImageTooLarge` beyond `MAX_BYTES` or `MAX_PIXELS`.
    """
    _check_bytes(data)
    with _opened(data) as image:
        _check_pixels(*image.size)
        exif = _exif(image)
        metadata = _metadata(image, exif, len(data))
        image.load()
        # Pillow turns TIFF upright while loading, so the tag is read again afterwards.
        upright = _upright(image, _exif(image).get(ExifTags.Base.Orientation))
        return Photo(data, _rgb(upright), metadata["format"], metadata)


def header(data: bytes) -> dict[str, str]:
    """The metadata that `decode` gives, without decoding a pixel; raises as `decode`."""
    _check_bytes(data)
    with _opened(data) as image:
        _check_pixels(*image.size)
        return _metadata(image, _exif(image), len(data))


def quantisation_tables(data: bytes) -> tuple[tuple[int, ...], ...]:
    """The quantisation tables of a JPEG as stored, 64 numbers each; none for other formats.

    Raises as `decode`; no pixel is decoded.
    """
    _check_bytes(data)
    with _opened(data) as image:
        tables: dict[int, list[int]] = getattr(image, "quantization", None) or {}
        return tuple(tuple(tables[number]) for number in sorted(tables))


def encode_png(pixels: Pixels) -> bytes:
    """Lossless bytes of ``[h, w, 3]`` pixels, without metadata."""
    # OpenCV: a third of Pillow's time at a fifth more bytes, on 256-pixel crops.
    _, buffer = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return buffer.tobytes()


def encode_jpeg(pixels: Pixels, quality: int) -> bytes:
    """Baseline JPEG of ``[h, w, 3]`` pixels, 4:2:0, without metadata; ``quality`` 1..100."""
    return _save(Image.fromarray(pixels), "JPEG", quality=quality, subsampling="4:2:0")


def encode_webp(pixels: Pixels, quality: int) -> bytes:
    """Lossy WebP of ``[h, w, 3]`` pixels, without metadata; ``quality`` 1..100.

    Raises `ImageTooLarge` where a side exceeds `MAX_WEBP_SIDE`.
    """
    if max(pixels.shape[:2]) > MAX_WEBP_SIDE:
        raise ImageTooLarge(
            f"WebP holds at most {MAX_WEBP_SIDE:,} pixels a side; scale the image down"
        )
    options = [cv2.IMWRITE_WEBP_QUALITY, quality]
    _, buffer = cv2.imencode(".webp", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    return buffer.tobytes()


def encode_mask(mask: Mask) -> bytes:
    """One-bit PNG of ``[h, w]``, white where altered."""
    return _save(Image.fromarray(mask), "PNG")


def decode_mask(data: bytes, size: tuple[int, int]) -> Mask:
    """The altered region ``[h, w]`` of an image of ``size`` (width, height).

    True above half of the mask's brightest value, so 0/1, 0/255 and JPEG masks all read alike.
    Raises `SchemaViolation` when the mask is not as large as its image, and as `decode` does.
    """
    photo = decode(data)
    if photo.size != size:
        raise SchemaViolation(
            f"the mask is {_by(*photo.size)} pixels and its image {_by(*size)}; "
            "supply a mask of the image's size"
        )
    brightness = photo.pixels.max(axis=2)
    altered: Mask = brightness > int(brightness.max()) / 2
    return altered


def bias_control(data: bytes, key: str) -> bytes:
    """Decode, drop all metadata, re-save as JPEG of a quality drawn from a hash of ``key``.

    The one normalisation of training and of `Variant.BIAS_CONTROLLED`: afterwards the container
    and its quantisation table say nothing about the label (after Grommelt et al. 2024, "Fake or
    JPEG?"). The same key always draws the same of `BIAS_CONTROL_QUALITIES`.
    """
    return encode_normalised(decode(data).pixels, key)


def encode_normalised(pixels: Pixels, key: str) -> bytes:
    """The second half of `bias_control`, for pixels ``[h, w, 3]`` that are decoded already."""
    draw = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    return encode_jpeg(pixels, BIAS_CONTROL_QUALITIES[draw % len(BIAS_CONTROL_QUALITIES)])


def variant(data: bytes, image_id: str, kind: Variant) -> bytes:
    """The bytes of an image in the form ``kind``; ``image_id`` is the key of its quality."""
    return data if kind is Variant.AS_IS else bias_control(data, image_id)


def photo_of(sample: Sample, kind: Variant) -> Photo:
    """The decoded image of ``sample`` in the form ``kind``; raises as `decode`."""
    return decode(variant(sample.image, sample.image_id, kind))


def mask_of(sample: Sample, photo: Photo) -> Mask | None:
    """The altered region of ``sample``, as large as its ``photo``; None without a mask."""
    return decode_mask(sample.mask, photo.size) if sample.mask else None


def _check_bytes(data: bytes) -> None:
    if not data:
        raise UnreadableImage(f"the file is empty; supply {_format_names()}")
    if len(data) > MAX_BYTES:
        raise ImageTooLarge(
            f"{len(data):,} bytes exceed the limit of {MAX_BYTES:,}; send a smaller file"
        )


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(
            f"{_by(width, height)} pixels exceed the limit of {MAX_PIXELS:,}; scale the image down"
        )


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """Open ``data`` lazily; whatever Pillow raises or warns inside becomes one of our errors."""
    with warnings.catch_warnings():
        # Only Pillow's, as catch_warnings is not thread-safe: nothing else may stay silenced.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                yield image
        except Image.DecompressionBombError as error:
            raise ImageTooLarge(
                f"more pixels than the limit of {MAX_PIXELS:,}; scale the image down"
            ) from error
        except UnidentifiedImageError as error:
            raise UnreadableImage(
                f"not an image ({len(data):,} bytes beginning with {data[:8]!r}); "
                f"supply {_format_names()}"
            ) from error
        except DECODER_ERRORS as error:
            raise UnreadableImage(
                f"damaged or incomplete image ({error}); save it again from the original"
            ) from error


def _exif(image: Image.Image) -> Image.Exif:
    """The EXIF tags; empty when they are malformed, which leaves the pixels as good as before."""
    try:
        return image.getexif()
    except DECODER_ERRORS:
        return Image.Exif()


def _metadata(image: Image.Image, exif: Image.Exif, size: int) -> dict[str, str]:
    """What the container tells without its pixels, as text; every key is always there.

    format, width and height as stored, bytes, mode (Pillow's), exif (number of tags; of a TIFF its
    own directory counts), software, qtables (sum of the JPEG quantisation tables, 0 for others),
    progressive (0 or 1).
    """
    tables: dict[int, list[int]] = getattr(image, "quantization", None) or {}
    software = exif.get(ExifTags.Base.Software) or image.info.get("Software") or ""
    return {
        # Phones write JPEG with further pictures behind the first, which Pillow calls MPO.
        "format": "JPEG" if image.format == "MPO" else str(image.format),
        "width": str(image.width),
        "height": str(image.height),
        "bytes": str(size),
        "mode": image.mode,
        "exif": str(len(exif)),
        "software": str(software).strip("\0 "),
        "qtables": str(sum(sum(table) for table in tables.values())),
        "progressive": str(int("progressive" in image.info)),
    }


def _upright(image: Image.Image, orientation: Any) -> Image.Image:
    # A hostile tag may hold any type, even an unhashable one.
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Pixels:
    if image.mode.startswith(("I", "F")):
        return _grey(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(image.convert("RGB"))


def _grey(image: Image.Image) -> Pixels:
    """RGB of an integer or float greyscale image.

    16-bit images span 0..65535; the others carry no range of their own, so it is the smallest
    customary one that holds their values.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    peak = float(values.max())
    full = 65535.0 if image.mode.startswith("I;16") else _customary_range(peak)
    levels: npt.NDArray[np.float32] = np.clip(values * (255.0 / full), 0.0, 255.0)
    return np.repeat(np.rint(levels).astype(np.uint8)[:, :, None], 3, axis=2)


def _customary_range(peak: float) -> float:
    return next((full for full in (1.0, 255.0, 65535.0) if peak <= full), peak)


def _save(image: Image.Image, container: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, container, **options)
    return buffer.getvalue()


def _format_names() -> str:
    return f"a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image"


def _by(width: int, height: int) -> str:
    return f"{width}x{height}"
