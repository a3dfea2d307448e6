"""The blocks of a file that are not pixels: EXIF, XMP, text chunks, comments, manifests.

Pillow reads a PNG's later chunks only while it decodes the pixels, and gives up on the whole file
at a malformed one; walking the containers takes microseconds and survives both.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from assay.metadata import Fact

LARGEST_XMP = 2**20
"""Bytes; editors write tens of thousands. A larger packet is kept one byte longer than this."""
_LARGEST_TEXT = 2**16
"""Bytes of a text that are read, also after decompression: a few hundred of them are quoted."""
_MOST_BLOCKS = 50_000
"""Blocks looked at, so that a file of empty ones costs milliseconds."""
_MOST_TEXTS = 12

_Block = tuple[bytes, bytes]
"""A block's kind and content."""
_JPEG_EXIF, _JPEG_XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_JUMBF = b"jumb"
"""The type of the box that a manifest store is (ISO 19566-5)."""
_PNG_XMP = "XML:com.adobe.xmp"
_SCAN_START, _SCAN_END = b"<x:xmpmeta", b"</x:xmpmeta>"


@dataclass(frozen=True, slots=True)
class Blocks:
    """What stands beside the pixels, undecoded; empty where a file has none."""

    exif: bytes = b""
    """A TIFF structure without any prefix; of a TIFF the whole file."""
    xmp: bytes = b""
    texts: tuple[Fact, ...] = ()
    """Names ("PNG parameters", "JPEG comment") and the beginnings of their texts."""
    has_manifest: bool = False
    """Whether there is a block where content credentials are embedded."""


def read(data: bytes, container: str) -> Blocks:
    """The blocks of ``data``, a file of the format ``container`` (as in `Photo.format`).

    Stops without an error where the structure breaks. Sources: ITU-T T.81 annex B, the PNG
    specification (third edition), Google's WebP container specification, Adobe's XMP
    specification part 3.
    """
    reader = _READERS.get(container)
    return reader(data) if reader else Blocks()


def _jpeg(data: bytes) -> Blocks:
    exif = xmp = b""
    texts: list[Fact] = []
    has_manifest = False
    for kind, content in islice(_jpeg_segments(data), _MOST_BLOCKS):
        if kind == b"\xe1" and content.startswith(_JPEG_EXIF):
            exif = exif or content[len(_JPEG_EXIF) :]
        elif kind == b"\xe1" and content.startswith(_JPEG_XMP):
            xmp = xmp or content[len(_JPEG_XMP) :]
        elif kind == b"\xfe" and len(texts) < _MOST_TEXTS:
            texts.append(("JPEG comment", _text(content)))
        has_manifest |= kind == b"\xeb"
    return Blocks(exif, xmp, tuple(texts), has_manifest)


def _jpeg_segments(data: bytes) -> Iterator[_Block]:
    """Marker segments up to the first scan."""
    position = 2
    while data[position : position + 1] == b"\xff" and position + 4 <= len(data):
        kind = data[position + 1 : position + 2]
        if kind == b"\xff":  # fill byte
            position += 1
            continue
        if kind == b"\xda":
            return
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        yield kind, data[position + 4 : position + 2 + length]
        position += 2 + max(2, length)


def _png(data: bytes) -> Blocks:
    exif = xmp = b""
    texts: list[Fact] = []
    has_manifest = False
    for kind, content in islice(_png_chunks(data), _MOST_BLOCKS):
        if kind == b"eXIf":
            exif = exif or content.removeprefix(_JPEG_EXIF)
        elif kind in _PNG_TEXTS:
            keyword, text = _png_text(kind, content)
            if keyword == _PNG_XMP:
                xmp = xmp or text
            elif _is_stated(keyword) and len(texts) < _MOST_TEXTS:
                texts.append((f"PNG {keyword}", _text(text)))
        has_manifest |= kind == b"caBX"
    return Blocks(exif, xmp, tuple(texts), has_manifest)


def _png_chunks(data: bytes) -> Iterator[_Block]:
    position = 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        # Pixels are most of the file and of no interest: they are not copied.
        yield kind, b"" if kind == b"IDAT" else data[position + 8 : position + 8 + length]
        position += 12 + length


_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


def _png_text(kind: bytes, content: bytes) -> tuple[str, bytes]:
    """Keyword and undecoded text; a text that cannot be decompressed is empty."""
    keyword, _, rest = content[: LARGEST_XMP * 2].partition(b"\0")
    name = keyword[:79].decode("latin-1")
    most = LARGEST_XMP if name == _PNG_XMP else _LARGEST_TEXT
    if kind == b"zTXt":
        return name, _inflated(rest[1:], most)
    if kind == b"iTXt":
        # Flag and method, then a language and a translated keyword, each up to a zero byte.
        text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        return name, _inflated(text, most) if rest[:1] == b"\1" else text[: most + 1]
    return name, rest[: most + 1]


def _inflated(data: bytes, most: int) -> bytes:
    """At most one byte more than ``most`` of a zlib stream: a bomb costs no more than that."""
    try:
        return zlib.decompressobj().decompress(data, most + 1)
    except zlib.error:
        return b""


def _is_stated(keyword: str) -> bool:
    """Whether a text says something; ImageMagick's copies ("exif:Make", "date:create") do not."""
    return bool(keyword) and ":" not in keyword and not keyword.startswith("Raw profile")


def _webp(data: bytes) -> Blocks:
    found: dict[bytes, bytes] = {}
    for kind, content in islice(_riff_chunks(data), _MOST_BLOCKS):
        found.setdefault(kind, content)
    exif = found.get(b"EXIF", b"").removeprefix(_JPEG_EXIF)
    return Blocks(exif, found.get(b"XMP ", b""), has_manifest=b"C2PA" in found)


def _riff_chunks(data: bytes) -> Iterator[_Block]:
    position = 12
    while position + 8 <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        yield data[position : position + 4], data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _scanned(data: bytes) -> Blocks:
    """An XMP packet wherever it stands, as part 3 of its specification allows for any file."""
    start = data.find(_SCAN_START)
    end = data.find(_SCAN_END, start)
    found = start >= 0 and end >= 0
    xmp = data[start : end + len(_SCAN_END)] if found else b""
    return Blocks(xmp=xmp, has_manifest=_JUMBF in data)


def _tiff(data: bytes) -> Blocks:
    return replace(_scanned(data), exif=data)


def _text(content: Iterable[int]) -> str:
    """UTF-8 where it is, else Latin-1, which reads any bytes; cut at `_LARGEST_TEXT`."""
    beginning = bytes(content)[:_LARGEST_TEXT]
    try:
        return beginning.decode()
    except UnicodeDecodeError:
        return beginning.decode("latin-1")


_READERS: dict[str, Callable[[bytes], Blocks]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "TIFF": _tiff,
    "GIF": _scanned,
}
