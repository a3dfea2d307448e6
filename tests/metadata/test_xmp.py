from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.metadata import xmp
from assay.metadata.blocks import LARGEST_XMP
from tests import files

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
HISTORY = (
    "<xmpMM:History><rdf:Seq>"
    '<rdf:li stEvt:action="created" stEvt:softwareAgent="Darkroom 2"/>'
    '<rdf:li rdf:parseType="Resource"><stEvt:action>saved</stEvt:action>'
    "<stEvt:when>2010-01-01</stEvt:when></rdf:li>"
    "</rdf:Seq></xmpMM:History>"
)
UNREADABLE = (("XMP", "unreadable"),)


def test_attributes_and_elements_are_read_alike() -> None:
    as_attribute = files.xmp('xmp:CreatorTool="Darkroom 2"')
    as_element = files.xmp(elements="<xmp:CreatorTool>Darkroom 2</xmp:CreatorTool>")
    expected = (("XMP xmp:CreatorTool", "Darkroom 2"),)
    assert xmp.read(as_attribute).facts == xmp.read(as_element).facts == expected


@pytest.mark.parametrize(
    "packet",
    [
        files.xmp(f'Iptc4xmpExt:DigitalSourceType="{GENERATED}"'),
        files.xmp(elements=f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{GENERATED}"/>'),
    ],
)
def test_source_type_is_spelled_out(packet: bytes) -> None:
    (fact,) = xmp.read(packet).facts
    assert fact == (
        "XMP Iptc4xmpExt:DigitalSourceType",
        "trainedAlgorithmicMedia (made by generative AI)",
    )


def test_lists_give_one_fact_each_up_to_a_few() -> None:
    names = "".join(f"<rdf:li>{name}</rdf:li>" for name in "abcdef")
    packet = files.xmp(elements=f"<dc:creator><rdf:Seq>{names}</rdf:Seq></dc:creator>")
    assert xmp.read(packet).facts == tuple(("XMP dc:creator", name) for name in "abc")


def test_history_names_programs_and_moments() -> None:
    assert xmp.read(files.xmp(elements=HISTORY)).facts == (
        ("XMP xmpMM:History", "created Darkroom 2"),
        ("XMP xmpMM:History", "2010-01-01 saved"),
    )


def test_dates_stand_apart() -> None:
    found = xmp.read(files.xmp('xmp:ModifyDate="2010-01-01" photoshop:DateCreated="2004-02-29"'))
    assert found.facts == ()
    assert found.dates == (
        ("XMP photoshop:DateCreated", "2004-02-29"),
        ("XMP xmp:ModifyDate", "2010-01-01"),
    )


def test_entities_are_refused() -> None:
    lines = ['<!ENTITY a0 "ha">']
    lines += [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10)]
    bomb = f"<!DOCTYPE x [{''.join(lines)}]><x>&a9;</x>".encode()
    outside = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><x>&f;</x>'
    assert xmp.read(bomb).facts == xmp.read(outside).facts == UNREADABLE
    assert xmp.read(bomb.decode().encode("utf-16")).facts == UNREADABLE


@pytest.mark.parametrize(
    "packet", [b"<", b"\xff\xfe", b"<a></b>", b"<?xml version='1.0' encoding='none'?><a/>", b" "]
)
def test_what_is_no_xml_is_unreadable(packet: bytes) -> None:
    assert xmp.read(packet).facts == UNREADABLE


def test_large_packet_is_not_read() -> None:
    ((name, value),) = xmp.read(files.xmp(elements=" " * 10_000_000)).facts
    assert (name, value) == ("XMP", f"larger than {LARGEST_XMP:,} bytes, not read")


def test_nesting_gains_nothing() -> None:
    depth = 28_000
    start, end = "<dc:creator>", "</dc:creator>"
    packet = files.xmp(elements=start * depth + "x" + end * depth)
    assert len(packet) < LARGEST_XMP
    before = time.thread_time()  # of no other thread in this process
    xmp.read(packet)
    assert time.thread_time() - before < 5


def test_empty_packet_states_nothing() -> None:
    assert xmp.read(b"") == xmp.Xmp()


@given(st.integers(0, 900), st.binary(min_size=1, max_size=4))
def test_damage_never_raises(place: int, damage: bytes) -> None:
    packet = files.xmp('xmp:CreatorTool="Darkroom 2"', HISTORY)
    xmp.read(packet[:place] + damage + packet[place + len(damage) :])
