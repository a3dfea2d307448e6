"""Files with metadata, built byte by byte where no library writes what is wanted."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image

from assay import images
from assay.records import Pixels
from tests.scenes import scene

XMP_HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" '
    'xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
)


def xmp(attributes: str = "", elements: str = "") -> bytes:
    """An XMP packet whose one description has ``attributes`` and ``elements``."""
    body = f"{XMP_HEAD} {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    return f'<?xpacket begin="\ufeff"?>{body}<?xpacket end="w"?>'.encode()


def chunk(kind: bytes, content: bytes) -> bytes:
    """One PNG chunk."""
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def png(*chunks: bytes, late: bool = False) -> bytes:
    """A PNG with further ``chunks`` behind its header, or ``late`` before its end."""
    plain = images.encode_png(scene())
    place = len(plain) - 12 if late else 33
    return plain[:place] + b"".join(chunks) + plain[place:]


def text(keyword: str, content: str) -> bytes:
    """A tEXt chunk."""
    return chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + content.encode("latin-1"))


def itxt_xmp(packet: bytes, compressed: bool = False) -> bytes:
    """The chunk in which a PNG carries XMP."""
    content = zlib.compress(packet) if compressed else packet
    head = b"XML:com.adobe.xmp\0" + bytes([compressed, 0]) + b"\0\0"
    return chunk(b"iTXt", head + content)


def jpeg(*segments: tuple[int, bytes], pixels: Pixels | None = None) -> bytes:
    """A JPEG with marker ``segments`` (0xE1 for EXIF and XMP, 0xFE for comments) at its start."""
    plain = images.encode_jpeg(scene() if pixels is None else pixels, 90)
    added = (
        bytes([0xFF, kind]) + struct.pack(">H", len(data) + 2) + data for kind, data in segments
    )
    return plain[:2] + b"".join(added) + plain[2:]


def exif(tags: dict[int, object], inner: dict[int, object] | None = None) -> bytes:
    """A block of EXIF with ``tags``, and with ``inner`` ones in its EXIF directory."""
    block = Image.Exif()
    block.update(tags)
    block.get_ifd(0x8769).update(inner or {})
    return block.tobytes().removeprefix(b"Exif\0\0")


def exif_with_thumbnail(thumbnail: bytes) -> bytes:
    """A block of EXIF that holds nothing but a JPEG thumbnail."""
    first = b"MM\0*" + struct.pack(">IHI", 8, 0, 14)
    start = 14 + 2 + 2 * 12 + 4
    entries = struct.pack(">HHII", 513, 4, 1, start) + struct.pack(
        ">HHII", 514, 4, 1, len(thumbnail)
    )
    return first + struct.pack(">H", 2) + entries + struct.pack(">I", 0) + thumbnail


def segment(exif_block: bytes) -> tuple[int, bytes]:
    """The JPEG segment of a block of EXIF."""
    return 0xE1, b"Exif\0\0" + exif_block


def small(pixels: Pixels, width: int, height: int) -> Pixels:
    """``pixels`` as a thumbnail."""
    return np.asarray(Image.fromarray(pixels).resize((width, height)))
