"""XMP: editing tools, their history, IPTC's source type, and what generators declare.

A packet is hostile XML: document type declarations, and entities with them, are refused outright.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from assay.metadata import UNREADABLE, Fact
from assay.metadata.blocks import LARGEST_XMP
from assay.metadata.source_types import spelled_out

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_NAMESPACES = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
_SOURCE_TYPES = ("Iptc4xmpExt:DigitalSourceType", "Iptc4xmpExt:DigitalSourcefileType")
_FIELDS = (
    *_SOURCE_TYPES,
    "Iptc4xmpExt:AISystemUsed",
    "Iptc4xmpExt:AISystemVersionUsed",
    "Iptc4xmpExt:AIPromptInformation",
    "TC260:AIGC",  # the label that China's GB 45438-2025 demands
    "xmp:CreatorTool",
    "tiff:Software",
    "photoshop:Credit",
    "photoshop:Source",
    "photoshop:History",
    "dc:creator",
    "dc:rights",
    "dc:description",
    "dcterms:provenance",
)
_DATES = ("exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate", "xmp:ModifyDate")
_EVENTS = "xmpMM:History"
_MOST_EVENTS = 6
_MOST_VALUES = 3
"""Of one property, which may be a list."""
_MOST_DESCENDANTS = 64
"""Elements read below one property, so that nesting it in itself gains nothing."""


@dataclass(frozen=True, slots=True)
class Xmp:
    """What a packet states."""

    facts: tuple[Fact, ...] = ()
    dates: tuple[Fact, ...] = ()


def read(packet: bytes) -> Xmp:
    """Read a packet (ISO 16684-1); what cannot be read, or is too large, gives a fact that says so.

    `dcterms:provenance` is where content credentials that are not embedded lie; nothing fetches it.
    """
    if not packet:
        return Xmp()
    if len(packet) > LARGEST_XMP:
        return Xmp((("XMP", f"larger than {LARGEST_XMP:,} bytes, not read"),))
    root = _parsed(packet)
    if root is None:
        return Xmp((("XMP", UNREADABLE),))
    found = _properties(root)
    facts = tuple(_facts(found, _FIELDS))
    return Xmp(facts + _history(root), tuple(_facts(found, _DATES)))


def _parsed(packet: bytes) -> Element | None:
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException, ElementTree

    try:
        root: Element = ElementTree.fromstring(packet.strip(b"\0 \t\r\n"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    return root


def _qualified(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


_WANTED = {_qualified(name): name for name in (*_FIELDS, *_DATES)}
_RESOURCE = _qualified("rdf:resource")


def _properties(root: Element) -> dict[str, list[str]]:
    """Texts of the wanted properties, which RDF allows as attributes and as elements."""
    found: dict[str, list[str]] = {}
    for element in root.iter():
        for key, text in element.attrib.items():
            if key in _WANTED:
                found.setdefault(_WANTED[key], []).append(text)
        if element.tag in _WANTED:
            found.setdefault(_WANTED[element.tag], []).extend(_texts(element))
    return found


def _texts(element: Element) -> Iterator[str]:
    for inner in islice(element.iter(), _MOST_DESCENDANTS):
        text = inner.get(_RESOURCE) or inner.text or ""
        if text.strip():
            yield text


def _facts(found: dict[str, list[str]], wanted: tuple[str, ...]) -> Iterator[Fact]:
    for name in wanted:
        for text in found.get(name, [])[:_MOST_VALUES]:
            yield f"XMP {name}", spelled_out(text) if name in _SOURCE_TYPES else text


def _history(root: Element) -> tuple[Fact, ...]:
    """One fact for each step of `xmpMM:History`: when, what, and the program that did it."""
    steps = []
    for history in islice(root.iter(_qualified(_EVENTS)), 1):
        for element in islice(history.iter(_qualified("rdf:li")), _MOST_EVENTS):
            parts = (_event(element, part) for part in ("when", "action", "softwareAgent"))
            steps.append((f"XMP {_EVENTS}", " ".join(part for part in parts if part)))
    return tuple(steps)


def _event(step: Element, part: str) -> str:
    name = _qualified(f"stEvt:{part}")
    return step.get(name) or step.findtext(f".//{name}") or ""
