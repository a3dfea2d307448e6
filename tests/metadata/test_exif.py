from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.metadata import exif
from tests import files

CAMERA = files.exif(
    {
        0x010F: "Canon",
        0x0110: "EOS 5D",
        0x0131: "Adobe Photoshop CS3 Windows",
        0x0132: "2010:01:01 00:00:00",
    },
    {0x9003: "2004:02:29 10:00:00"},
)


def test_camera_software_and_dates_are_quoted() -> None:
    found = exif.read(CAMERA)
    assert found.facts == (
        ("EXIF Make", "Canon"),
        ("EXIF Model", "EOS 5D"),
        ("EXIF Software", "Adobe Photoshop CS3 Windows"),
    )
    assert found.dates == (
        ("EXIF DateTimeOriginal", "2004:02:29 10:00:00"),
        ("EXIF DateTime", "2010:01:01 00:00:00"),
    )


@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + "Schritte".encode("utf-16-be"),
        b"UNICODE\0" + "Schritte".encode("utf-16-le"),
        b"UNICODE\0" + "Schritte".encode("utf-16"),
        b"ASCII\0\0\0Schritte\0\0",
        bytes(8) + b"Schritte",
        b"Schritte",
    ],
)
def test_comment_is_read_in_its_character_code(comment: bytes) -> None:
    assert exif.read(files.exif({}, {0x9286: comment})).facts == (("EXIF UserComment", "Schritte"),)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_text_is_read_as_utf_8_or_latin_1(encoding: str) -> None:
    name = "Grün".encode(encoding)
    block = files.exif({0x013B: "x" * len(name)}).replace(b"x" * len(name), name)
    assert exif.read(block).facts == (("EXIF Artist", "Grün"),)


def test_thumbnail_is_cut_out() -> None:
    assert exif.read(files.exif_with_thumbnail(b"picture")).thumbnail == b"picture"


@pytest.mark.parametrize("block", [b"MM", b"II*\0", b"Exif", b"\0" * 40, b"II*\0\xff\xff\xff\x7f"])
def test_block_that_is_none_gives_no_fields(block: bytes) -> None:
    assert exif.read(block).facts in ((), (("EXIF", "unreadable"),))


def test_empty_block_states_nothing() -> None:
    assert exif.read(b"") == exif.Exif()


@given(st.integers(0, len(CAMERA) - 1), st.binary(min_size=1, max_size=6))
def test_wrong_offsets_never_raise(place: int, damage: bytes) -> None:
    found = exif.read(CAMERA[:place] + damage + CAMERA[place + len(damage) :])
    assert all(isinstance(text, str) for fact in found.facts + found.dates for text in fact)
