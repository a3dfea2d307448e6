from __future__ import annotations

import struct
import zlib

import pytest

from assay.metadata import blocks
from tests.files import chunk, itxt_xmp, jpeg, png, text, xmp

PACKET = xmp('xmp:CreatorTool="Darkroom 2"')


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_png_gives_text_and_xmp_before_and_after_the_pixels(late: bool, compressed: bool) -> None:
    data = png(text("Software", "NovelAI"), itxt_xmp(PACKET, compressed), late=late)
    found = blocks.read(data, "PNG")
    assert found.texts == (("PNG Software", "NovelAI"),)
    assert found.xmp == PACKET


def test_png_reads_compressed_and_international_text() -> None:
    dream = "träume".encode()
    chunks = (
        chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b"Steps: 20")),
        chunk(b"iTXt", b"Title\0\0\0de\0Titel\0" + dream),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(dream)),
    )
    assert blocks.read(png(*chunks), "PNG").texts == (
        ("PNG parameters", "Steps: 20"),
        ("PNG Title", "träume"),
        ("PNG Comment", "träume"),
    )


def test_png_leaves_out_what_an_encoder_copies() -> None:
    data = png(text("date:create", "2026"), text("Raw profile type exif", "00"), text("", "x"))
    assert blocks.read(data, "PNG").texts == ()


def test_bomb_is_read_to_the_limit_only() -> None:
    bomb = zlib.compress(bytes(64 * 2**20), 9)
    data = png(chunk(b"zTXt", b"parameters\0\0" + bomb), itxt_xmp(bytes(64 * 2**20), True))
    found = blocks.read(data, "PNG")
    assert len(found.texts[0][1]) == 2**16
    assert len(found.xmp) == blocks.LARGEST_XMP + 1


def test_text_that_cannot_be_decompressed_is_empty() -> None:
    assert blocks.read(png(chunk(b"zTXt", b"prompt\0\0broken")), "PNG").texts == (
        ("PNG prompt", ""),
    )


def test_jpeg_gives_exif_xmp_and_comments() -> None:
    data = jpeg(
        (0xE1, b"Exif\0\0MM\0*"),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PACKET),
        (0xFE, b"made by hand"),
    )
    expected = blocks.Blocks(b"MM\0*", PACKET, (("JPEG comment", "made by hand"),))
    assert blocks.read(data, "JPEG") == expected


def test_webp_gives_exif_and_xmp() -> None:
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
        for kind, content in ((b"EXIF", b"Exif\0\0II*\0x"), (b"XMP ", PACKET))
    )
    data = b"RIFF" + struct.pack("<I", len(body)) + body
    assert blocks.read(data, "WEBP") == blocks.Blocks(b"II*\0x", PACKET)


@pytest.mark.parametrize("container", ["GIF", "TIFF"])
def test_packet_is_found_wherever_it_stands(container: str) -> None:
    start = PACKET.index(b"<x:")
    end = PACKET.index(b"<?xpacket end")
    assert blocks.read(b"..." + PACKET + b"...", container).xmp == PACKET[start:end]


@pytest.mark.parametrize("container", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "unknown"])
@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8" + b"\xff" * 99, b"\0" * 99])
def test_broken_structure_gives_nothing(container: str, data: bytes) -> None:
    found = blocks.read(data, container)
    assert (found.xmp, found.texts) == (b"", ())


def test_file_of_empty_blocks_ends_early() -> None:
    empty = chunk(b"tEXt", b"a\0b")
    assert len(blocks.read(png(*[empty] * 100_000), "PNG").texts) == 12
