"""The pictures that a page shows: absolute addresses, the largest of each, no ornaments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_MOST = 200
"""Of one page."""
_DRAWN = (".svg", ".ico")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)[wx]")
_NAMED = ('meta[property="og:image"]', 'meta[name="twitter:image"]')


@dataclass(frozen=True, slots=True)
class Shown:
    """An image and what the page says of it."""

    url: str
    alt: str


def pictures(html: str, base: str, min_side: int) -> list[Shown]:
    """The images of ``html`` in order, each once; those said to be under ``min_side`` left out.

    Embedded ones (``data:``) and drawings (SVG) are none. ``base`` is the page's own address,
    which its ``<base>`` may change.
    """
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    base = _base(tree, base)
    found: dict[str, Shown] = {}
    for url, alt in (*_named(tree), *_images(tree, min_side)):
        if (absolute := _absolute(base, url)) and absolute not in found and len(found) < _MOST:
            found[absolute] = Shown(absolute, " ".join(alt.split()))
    return list(found.values())


def title(html: str) -> str:
    """The title of a page; empty without one."""
    from selectolax.lexbor import LexborHTMLParser

    node = LexborHTMLParser(html).css_first("title")
    return " ".join(node.text().split()) if node else ""


def _base(tree: LexborHTMLParser, base: str) -> str:
    node = tree.css_first("base[href]")
    try:
        return urljoin(base, (node.attributes.get("href") or "") if node else "")
    except ValueError:
        return base


def _named(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    """What the page names as its picture."""
    for selector in _NAMED:
        for node in tree.css(selector):
            yield node.attributes.get("content") or "", ""


def _images(tree: LexborHTMLParser, min_side: int) -> Iterator[tuple[str, str]]:
    for node in tree.css("img"):
        sides = [_pixels(node.attributes.get(side)) for side in ("width", "height")]
        if all(side is None or side >= min_side for side in sides):
            yield _largest(node), node.attributes.get("alt") or ""


def _pixels(said: str | None) -> int | None:
    """A size in pixels; None where none is said, or one in per cent."""
    found = re.fullmatch(r"\s*(\d{1,6})(px)?\s*", said or "")
    return int(found[1]) if found else None


def _largest(node: LexborNode) -> str:
    """The largest of an image's addresses, those for later loading included."""
    told = node.attributes.get("srcset") or node.attributes.get("data-srcset") or ""
    if sized := _sized(told):
        return max(sized, key=lambda one: one[1])[0]
    return node.attributes.get("data-src") or node.attributes.get("src") or ""


def _sized(told: str) -> list[tuple[str, float]]:
    """The addresses of a srcset with their sizes; by words, in time linear in its length."""
    words = re.sub(r"(\s[\d.]+[wx]),", r"\1 ", told).split()
    pairs = [(url, _SIZE.fullmatch(said)) for url, said in pairwise(words)]
    return [(url, float(size[1])) for url, size in pairs if size]


def _absolute(base: str, url: str) -> str:
    """The address of ``url`` on the page at ``base``; empty for what is no image on the web."""
    try:
        absolute = urljoin(base, url.strip())
        parts = urlsplit(absolute)
    except ValueError:
        return ""
    if not url.strip() or parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    if parts.path.lower().endswith(_DRAWN):
        return ""
    return parts._replace(fragment="").geturl()
