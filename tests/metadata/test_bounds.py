"""What is quoted fits a line, whatever a file holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assay.metadata import LONGEST, MOST_FACTS, bounded, quoted
from assay.metadata.source_types import spelled_out


@given(st.text(max_size=2_000))
def test_quote_is_one_printable_line(text: str) -> None:
    line = quoted(text)
    assert len(line) <= LONGEST
    assert line.isprintable()


def test_quote_of_plain_text_is_the_text() -> None:
    assert quoted("  Größe 5 \0") == "Größe 5"


def test_control_characters_stand_escaped() -> None:
    assert quoted("a\x1b[31m\nb\u202ec\ud800") == r"a\x1b[31m\nb\u202ec\ud800"


def test_cut_is_marked() -> None:
    assert quoted("x" * 301).endswith("x ... (cut)")
    assert quoted("x" * 300) == "x" * 300
    assert quoted(" " * 2_000 + "x").endswith("(cut)")


def test_facts_are_few_and_never_empty() -> None:
    facts = bounded([("empty", " \0"), *[("n" * 999, "v" * 999)] * 100])
    assert len(facts) == MOST_FACTS
    assert {len(name) for name, _ in facts} == {80}
    assert {len(value) for _, value in facts} == {LONGEST}


def test_source_type_is_known_by_uri_and_code() -> None:
    uri = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
    expected = "compositeSynthetic (a composite with parts made by generative AI)"
    assert spelled_out(uri) == spelled_out("digsrctype:compositeSynthetic") == expected
    assert spelled_out("http://example.org/unknown") == "http://example.org/unknown"
