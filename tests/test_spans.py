"""Spans of traffic as they are written in settings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import TypeAdapter

from assay.spans import OptionalSpanText, Span, SpanText

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("all", Span()),
        ("30d", Span(NOW - timedelta(days=30))),
        ("12h", Span(NOW - timedelta(hours=12))),
        ("2026-01-05", Span(day(5), day(6))),
        ("2026-01-05..2026-01-12", Span(day(5), day(13))),
    ],
)
def test_span_is_read(text: str, span: Span):
    assert Span.parse(text, NOW) == span


@pytest.mark.parametrize(
    "text", ["", "yesterday", "5", "2026-01-05..", "..2026-01-05", "2026-13-01"]
)
def test_what_is_no_span_is_refused_with_examples(text: str):
    if text == "2026-01-05..":
        assert Span.parse(text, NOW) == Span.parse("2026-01-05", NOW)
    else:
        with pytest.raises(ValueError, match=r"30d, 12h, 2026-01-05"):
            Span.parse(text, NOW)


def test_span_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="ends before it begins"):
        Span.parse("2026-01-12..2026-01-05", NOW)


def test_a_day_that_yaml_read_as_a_date_is_a_span() -> None:
    for kind in (SpanText, OptionalSpanText):
        assert TypeAdapter(kind).validate_python(date(2026, 1, 5)) == "2026-01-05"
