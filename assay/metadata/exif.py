"""EXIF: camera, software, dates, comments, and where the thumbnail stands.

Places are not read: where somebody stood says nothing about manipulation and is theirs to tell.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image

from assay.images import DECODER_ERRORS
from assay.metadata import UNREADABLE, Fact

_FIELDS = (
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Software,
    ExifTags.Base.ProcessingSoftware,
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
    ExifTags.Base.UserComment,
)
_DATES = (
    ExifTags.Base.DateTimeOriginal,
    ExifTags.Base.DateTimeDigitized,
    ExifTags.Base.DateTime,
)
_LARGEST_THUMBNAIL = 2**20
_CHARACTER_CODES = {b"ASCII\0\0\0": "ascii", b"JIS\0\0\0\0\0": "iso2022_jp", b"\0" * 8: "utf-8"}


@dataclass(frozen=True, slots=True)
class Exif:
    """What a block of EXIF states."""

    facts: tuple[Fact, ...] = ()
    dates: tuple[Fact, ...] = ()
    thumbnail: bytes = b""
    """An encoded image, empty if there is none."""


def read(block: bytes) -> Exif:
    """Read a TIFF structure (CIPA DC-008, EXIF 3.0); malformed ones give the fact "unreadable"."""
    if not block:
        return Exif()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            return _read(block)
        except DECODER_ERRORS:
            return Exif((("EXIF", UNREADABLE),))


def _read(block: bytes) -> Exif:
    exif = Image.Exif()
    exif.load(block)
    tags = dict(exif) | exif.get_ifd(ExifTags.IFD.Exif)
    # Writers of UserComment may put it in either directory; the camera's own tags stand in the
    # first, and Pillow keeps a directory it cannot read out of both.
    return Exif(
        _stated(tags, _FIELDS),
        _stated(tags, _DATES),
        _thumbnail(block, exif.get_ifd(ExifTags.IFD.IFD1)),
    )


def _stated(tags: dict[int, Any], wanted: tuple[ExifTags.Base, ...]) -> tuple[Fact, ...]:
    texts = ((f"EXIF {tag.name}", _text(tags[tag])) for tag in wanted if tag in tags)
    return tuple((name, text) for name, text in texts if text)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return _comment(value)
    if not isinstance(value, str):
        return ""
    try:  # Pillow reads Latin-1; most writers mean UTF-8
        return value.encode("latin-1").decode().strip("\0 ")
    except UnicodeError:
        return value.strip("\0 ")


def _comment(value: bytes) -> str:
    """A UserComment: eight bytes of character code, then the text."""
    code, text = value[:8], value[8:]
    if code == b"UNICODE\0":
        return _utf_16(text)
    encoding = _CHARACTER_CODES.get(code)
    return (text.decode(encoding, "replace") if encoding else value.decode("latin-1")).strip("\0 ")


def _utf_16(text: bytes) -> str:
    """UTF-16 in the byte order that leaves more zero bytes where Latin letters have them."""
    little = text[1::2].count(0) > text[::2].count(0)
    return text.decode("utf-16-le" if little else "utf-16-be", "replace").strip("\ufeff\0 ")


def _thumbnail(block: bytes, directory: dict[int, Any]) -> bytes:
    start = directory.get(ExifTags.Base.JpegIFOffset)
    length = directory.get(ExifTags.Base.JpegIFByteCount)
    if not isinstance(start, int) or not isinstance(length, int):
        return b""
    return block[start : start + min(length, _LARGEST_THUMBNAIL)] if start > 0 < length else b""
