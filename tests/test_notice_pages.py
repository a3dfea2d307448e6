"""Notices as HTML and SVG: escaped, readable, and announced to those who do not see them."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser

import pytest
from defusedxml import ElementTree

from assay import notice_pages, notices
from assay.notices import Level, Notice

EVIL = Notice(
    Level.WARNING, "x", "de", '<b onload="a">', "</desc><script>alert('1')</script> & so on"
)
REASONS = [(level, key) for level, key in [
    (Level.CAUTION, "checked_manipulated"), (Level.WARNING, "decided_synthesized"),
]]  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


class Tags(HTMLParser):
    """Elements with their attributes, and all text outside styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: dict[str, dict[str, str | None]] = {}
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("level", [Level.CAUTION, Level.WARNING])
def test_colours_reach_aa(scheme: str, level: Level):
    ink, ground, edge = notice_pages.COLOURS[scheme][level]
    assert contrast(ink, ground) >= 4.5
    assert contrast(edge, ground) >= 3.0


@pytest.mark.parametrize("language", notices.languages())
@pytest.mark.parametrize(("level", "reason"), REASONS)
def test_html_is_a_labelled_note_in_its_language(level: Level, reason: str, language: str):
    found = notices.in_language(level, reason, language)
    made = Tags(notice_pages.html(found))
    aside = made.tags["aside"]
    assert (aside["role"], aside["lang"], aside["aria-label"]) == ("note", language, found.title)
    assert made.tags["svg"]["aria-hidden"] == "true"
    assert f"{found.title}: {found.sentence}" in made.text


@pytest.mark.parametrize("language", notices.languages())
@pytest.mark.parametrize(("level", "reason"), REASONS)
def test_svg_is_an_image_with_a_name_and_all_of_its_text_inside(
    level: Level, reason: str, language: str
):
    found = notices.in_language(level, reason, language)
    root = ElementTree.fromstring(notice_pages.svg(found))
    assert root.attrib["role"] == "img"
    assert root.attrib["lang"] == language
    assert root.find(f"{SVG}title").text == found.title
    assert root.find(f"{SVG}desc").text == found.sentence
    spans = root.findall(f".//{SVG}tspan")
    assert "".join(span.text for span in spans).strip() == found.sentence
    assert max(float(span.attrib["y"]) for span in spans) < float(root.attrib["height"]) - 8


def test_text_of_strangers_is_text():
    made = Tags(notice_pages.html(EVIL))
    assert "script" not in made.tags
    assert "b" not in made.tags
    assert EVIL.sentence in made.text
    root = ElementTree.fromstring(notice_pages.svg(EVIL))
    assert root.find(f"{SVG}desc").text == EVIL.sentence
    assert root.find(f".//{SVG}script") is None


@pytest.mark.parametrize("made", [notice_pages.html(EVIL), notice_pages.svg(EVIL)])
def test_nothing_is_loaded(made: str):
    outside = made.replace("http://www.w3.org/2000/svg", "")
    assert not any(word in outside for word in ("http", "url(", "@import", "src="))


def test_style_is_named_for_a_strict_policy():
    html = notice_pages.html(EVIL)
    style = html.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert notice_pages.style_hash() == f"'sha256-{digest}'"
    assert "style=" not in html


def test_style_of_the_picture_is_named_too():
    style = notice_pages.svg(EVIL).partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert notice_pages.style_hash(notice_pages.SVG_STYLE) == f"'sha256-{digest}'"


def test_no_notice_takes_no_place():
    none = notices.in_language(Level.NONE, "none", "en")
    assert notice_pages.html(none) == ""
    root = ElementTree.fromstring(notice_pages.svg(none))
    assert root.attrib["width"] == root.attrib["height"] == "0"
