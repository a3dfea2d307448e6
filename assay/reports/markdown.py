"""Markdown from the templates beside this file, every value escaped, and pages made of it.

What strangers wrote (names of datasets, licences, settings) is shown and never interpreted: values
are escaped for Markdown, and raw HTML is off where it becomes a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from assay.reports.page import TEMPLATES

if TYPE_CHECKING:
    from jinja2 import Environment


class Markdown(str):
    """Text that is Markdown already and is not escaped again."""

    __slots__ = ()


def render(template: str, **values: Any) -> str:
    """What ``template`` (a file of `assay.reports.page.TEMPLATES`) makes of ``values``."""
    return _environment().get_template(template).render(**values)


def as_html(text: str) -> str:
    """CommonMark with tables as HTML that is safe to show.

    Raw HTML in it is shown as text, and bare URLs are no links.
    """
    from markdown_it import MarkdownIt

    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    wide = html.replace("<table>", '<div class="wide"><table>')
    return wide.replace("</table>", "</table></div>")


def escape(value: object) -> str:
    """``value`` on one line, as text that Markdown shows and never interprets.

    HTML's characters become entities, which every renderer of Markdown shows alike.
    """
    text = " ".join(str(value).split())
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, entity)
    text = re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", text)
    # Some renderers make links of bare addresses, and lists or rules of what begins a line.
    text = re.sub(r"(?=://)|(?<=\bwww)(?=\.)", r"\\", text)
    return re.sub(r"^(\d*)([-+=.)])(?=\s|$|\2)", r"\1\\\2", text)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Markdown:
    """A table; a column whose name begins with ``>`` holds numbers, aligned right."""
    names = [escape(name.removeprefix(">")) for name in columns]
    rules = ["--:" if name.startswith(">") else "---" for name in columns]
    lines = [names, rules, *([escape(cell) for cell in row] for row in rows)]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def code(text: str) -> Markdown:
    """A block of code, whatever backticks are in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown(f"{fence}\n{text}\n{fence}")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(  # noqa: S701 (no HTML: `finalize` escapes for Markdown)
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: value if isinstance(value, Markdown) else escape(value),
    )
    made.globals |= {"table": table, "code": code}
    return made
