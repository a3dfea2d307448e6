"""A notice as a fragment of HTML and as a picture (SVG), for platforms to put beside an image.

Nothing is loaded and nothing runs. Colours reach WCAG 2.2 AA against their own ground, in light and
dark, so a label is readable on whatever page it stands; the level is in words, never in colour
alone.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
from html import escape

from assay.notices import Level, Notice

COLOURS = {
    "light": {Level.CAUTION: ("#4a3500", "#fff6dc", "#a87900"),
              Level.WARNING: ("#6b1010", "#fdeeee", "#c62828")},
    "dark": {Level.CAUTION: ("#ffe9a8", "#2e2605", "#b98a12"),
             Level.WARNING: ("#ffd6d2", "#3a1010", "#d9534f")},
}  # fmt: skip
"""Text, ground and edge by level."""

_WIDTH, _CHARACTERS, _LINE, _TOP = 400, 46, 20, 48
_MARK = '<path d="M9 1 17.5 16H.5z" fill="none" stroke="currentColor" stroke-width="1.6" ' \
        'stroke-linejoin="round"/><path d="M9 6v5M9 13v1.4" stroke="currentColor" ' \
        'stroke-width="1.6"/>'  # fmt: skip


def _rules(scheme: str, prefix: str) -> str:
    return "".join(
        f"{prefix}{level.value}{{color:{ink};background:{ground};border-color:{edge};"
        f"--ground:{ground};--edge:{edge}}}"
        for level, (ink, ground, edge) in COLOURS[scheme].items()
    )


def _themes(prefix: str) -> str:
    dark = _rules("dark", prefix)
    return f"{_rules('light', prefix)}@media (prefers-color-scheme:dark){{{dark}}}"


STYLE = (
    ".assay-notice{display:flex;gap:.6em;max-width:34em;padding:.6em .8em;border:1px solid;"
    "border-inline-start-width:.3em;border-radius:.4em;font:1rem/1.45 system-ui,sans-serif}"
    ".assay-notice svg{flex:none;width:1.3em;height:1.3em;margin-top:.1em}"
    ".assay-notice p{margin:0}" + _themes(".assay-notice-")
)
"""Of the HTML fragment."""


SVG_STYLE = (
    _themes(".assay-") + "text{font:15px/1 system-ui,sans-serif;fill:currentColor}"
    ".name{font-weight:700}.box{fill:var(--ground);stroke:var(--edge)}.bar{fill:var(--edge)}"
)
"""Of the picture."""


def style_hash(style: str = STYLE) -> str:
    """The source of a style in a Content-Security-Policy: ``style-src 'sha256-...'``."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def html(notice: Notice) -> str:
    """An ``<aside>`` with its own style; an empty string where there is nothing to tell."""
    if notice.level is Level.NONE:
        return ""
    level, title = notice.level.value, escape(notice.title)
    return (
        f"<style>{STYLE}</style>"
        f'<aside class="assay-notice assay-notice-{level}" role="note" '
        f'lang="{escape(notice.language)}" aria-label="{title}">'
        f'<svg viewBox="0 0 18 18" aria-hidden="true" focusable="false">{_MARK}</svg>'
        f"<p><strong>{title}:</strong> {escape(notice.sentence)}</p></aside>"
    )


def svg(notice: Notice) -> str:
    """A picture 400 units wide, as high as its text; one of no size where there is none."""
    if notice.level is Level.NONE:
        return '<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0" aria-hidden="true"/>'
    language, title = escape(notice.language), escape(notice.title)
    lines = textwrap.wrap(notice.sentence, _CHARACTERS)
    height = _TOP + _LINE * len(lines) + 6
    spans = "".join(
        f'<tspan x="20" y="{_TOP + 6 + _LINE * number}">{escape(line)} </tspan>'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" lang="{language}" '
        f'xml:lang="{language}" aria-labelledby="assay-title assay-text">'
        f'<title id="assay-title">{title}</title>'
        f'<desc id="assay-text">{escape(notice.sentence)}</desc>'
        f"<style>{SVG_STYLE}</style>"
        f'<g aria-hidden="true" class="assay-{notice.level.value}">'
        f'<rect class="box" x=".5" y=".5" width="{_WIDTH - 1}" height="{height - 1}" rx="6"/>'
        f'<rect class="bar" width="6" height="{height}" rx="3"/>'
        f'<g transform="translate(20 12)">{_MARK}</g>'
        f'<text class="name" x="48" y="27">{title}</text>'
        f"<text>{spans}</text></g></svg>"
    )
