from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import images
from assay.evidence.provenance import Provenance
from assay.metadata import LONGEST, MOST_FACTS
from assay.records import Measurement, Photo
from tests import files
from tests.scenes import scene
from tests.signing import signed

ABSENT = ("content credentials", "absent, which proves nothing")
XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
CAMERA = files.exif(
    {0x0131: "Adobe Photoshop CS3 Windows", 0x0132: "2010:01:01 00:00:00"},
    {0x9003: "2004:02:29 10:00:00"},
)


def examined(data: bytes) -> Measurement:
    return Provenance().examine(images.decode(data))


def test_pixels_without_a_file_are_not_applicable() -> None:
    reason = Provenance().examine(Photo(b"", scene(), "PNG")).not_applicable
    assert reason == "there is no file, only pixels"


@pytest.mark.parametrize("data", [files.png(), files.jpeg()], ids=["png", "jpeg"])
def test_silence_proves_nothing_and_says_so(data: bytes) -> None:
    measurement = examined(data)
    assert measurement.facts == ()
    assert "proves nothing either way" in measurement.not_applicable


def test_generation_parameters_are_quoted() -> None:
    data = files.png(files.text("parameters", "a harbour\nSteps: 20, Sampler: Euler a"))
    generator = (
        "Stable Diffusion (parameters as AUTOMATIC1111 writes them), according to PNG parameters"
    )
    assert examined(data).facts == (
        ABSENT,
        ("generator", generator),
        ("PNG parameters", r"a harbour\nSteps: 20, Sampler: Euler a"),
    )


def test_dates_of_exif_and_xmp_are_compared() -> None:
    packet = files.xmp('xmp:CreatorTool="Darkroom 2" xmp:ModifyDate="2012-05-05T10:00:00Z"')
    data = files.jpeg(files.segment(CAMERA), (0xE1, XMP_SEGMENT + packet))
    disagree = (
        "EXIF DateTimeOriginal 2004:02:29 10:00:00; EXIF DateTime 2010:01:01 00:00:00; "
        "XMP xmp:ModifyDate 2012-05-05T10:00:00Z"
    )
    assert examined(data).facts == (
        ABSENT,
        ("dates disagree", disagree),
        ("EXIF Software", "Adobe Photoshop CS3 Windows"),
        ("XMP xmp:CreatorTool", "Darkroom 2"),
    )


def test_thumbnail_of_another_picture_differs() -> None:
    own = files.exif_with_thumbnail(images.encode_jpeg(files.small(scene(), 120, 120), 80))
    other = files.exif_with_thumbnail(images.encode_jpeg(files.small(scene(9), 120, 120), 80))
    assert examined(files.jpeg(files.segment(own))).facts == ()
    _, (name, value) = examined(files.jpeg(files.segment(other))).facts
    assert name == "embedded thumbnail"
    assert value.startswith("differs from the image")


def test_credentials_come_first_and_name_the_generator() -> None:
    facts = examined(signed(files.png(files.text("Software", "NovelAI")), "image/png")).facts
    assert facts[0] == ("content credentials", "signature valid, signer not on a trust list")
    assert ABSENT not in facts
    assert ("generator", "NovelAI, according to PNG Software") in facts


def test_credentials_kept_elsewhere_are_named() -> None:
    data = signed(files.jpeg(), "image/jpeg", url="http://127.0.0.1:9/manifest")
    fact = ("XMP dcterms:provenance", "http://127.0.0.1:9/manifest")
    assert fact in examined(data).facts


def test_damaged_pieces_are_facts() -> None:
    data = files.jpeg(files.segment(b"II*\0"), (0xE1, XMP_SEGMENT + b"<broken"))
    assert ("XMP", "unreadable") in examined(data).facts


def test_facts_are_bounded() -> None:
    names = "".join(f"<rdf:li>{'n' * 400}</rdf:li>" for _ in range(50))
    packet = files.xmp(elements=f"<dc:creator><rdf:Seq>{names}</rdf:Seq></dc:creator>")
    chunks = [files.text(f"key {i}", "v" * 5000) for i in range(100)]
    facts = examined(files.png(files.itxt_xmp(packet), *chunks)).facts
    assert len(facts) <= MOST_FACTS
    assert max(len(value) for _, value in facts) == LONGEST


def test_credentials_library_is_loaded_only_for_files_that_have_some() -> None:
    code = (
        "import sys; from assay.evidence.provenance import Provenance as P;"
        "P().examine(P.example()[0]); assert 'c2pa' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


FILES = {
    "PNG": files.png(
        files.text("parameters", "Steps: 20"),
        files.itxt_xmp(files.xmp('xmp:CreatorTool="x"'), True),
    ),
    "JPEG": files.jpeg(
        files.segment(CAMERA), (0xE1, XMP_SEGMENT + files.xmp('xmp:CreatorTool="x"'))
    ),
}


@pytest.mark.parametrize("container", FILES)
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes_never_raise(container: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray(FILES[container])
    for place, value in flips:
        data[int(place * (min(len(data), 1_500) - 1))] = value
    measurement = Provenance().examine(Photo(bytes(data), scene(), container))
    assert bool(measurement.facts) != bool(measurement.not_applicable)


def test_pixels_stay_as_they_are() -> None:
    suspicious, _ = Provenance.example()
    before = suspicious.pixels.copy()
    Provenance().examine(suspicious)
    np.testing.assert_array_equal(suspicious.pixels, before)
