"""Markdown: what strangers wrote is shown as they wrote it, and never interpreted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.reports.markdown import as_html, code, escape, table

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "https://evil.example www.evil.example",
    "*bold* __bold__ ~~gone~~ `code`",
    "a | b | c",
    "&lt;b&gt; &copy;",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "---",
    "ends with \\",
    "[ref]: https://evil.example",
]


def text_of(html: str) -> str:
    from html import unescape

    return unescape(re.sub(r"<[^>]*>", "", html)).strip()


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("frame", ["{}", "- {}", "**{}** after"])
def test_escaped_text_is_only_text(hostile: str, frame: str):
    html = as_html(frame.format(escape(hostile)))
    assert set(re.findall(r"</?([a-z0-9]+)", html)) <= {"p", "ul", "li", "strong"}
    assert text_of(html) == frame.replace("- {}", "{}").replace("*", "").format(hostile)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_in_a_cell_stays_in_its_cell(text: str):
    html = as_html(table(("a", ">b"), [(text, "last")]))
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html, re.DOTALL)
    assert [text_of(cell) for cell in cells] == [
        " ".join(text.replace("\0", "\ufffd").split()),
        "last",
    ]


@pytest.mark.parametrize("text", ["a ``` b", "```\n# out", "~~~"])
def test_code_holds_any_backticks(text: str):
    html = as_html(code(text))
    assert text_of(html) == text
    assert "<h1>" not in html


def test_raw_html_is_shown_as_text():
    assert as_html("<b>no</b>") == "<p>&lt;b&gt;no&lt;/b&gt;</p>\n"


def test_bare_addresses_are_broken_for_renderers_that_link_them():
    assert escape("https://evil.example") == r"https\://evil.example"
    assert escape("www.evil.example") == r"www\.evil.example"
