from __future__ import annotations

import json

import pytest

from assay.rationales.answers import Hints, Reason, plain, read_hints, read_reason, schema
from tests.rationales.cases import answer, fields


@pytest.mark.parametrize(
    "around",
    ["{}", "```json\n{}\n```", "```\n{}\n```", "Here it is:\n\n{}\nI hope that helps."],
)
def test_an_object_is_found_bare_fenced_and_among_words(around: str) -> None:
    found = read_reason(around.replace("{}", answer()))
    assert isinstance(found, Reason)
    assert found.areas == ("lower left part",)


def test_invisible_characters_and_line_breaks_are_dropped() -> None:
    hostile = "A\x00 coat\u202e desrever\u200b\r\n\x1b[31m red\ud800"
    assert plain(hostile) == "A coat desrever [31m red"
    found = read_reason(json.dumps(fields(content=hostile)))
    assert isinstance(found, Reason)
    assert found.content == "A coat desrever [31m red"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{" * 5000, '{"a": ' * 1200, answer()[:-1], answer() * 20, "NaN"],
    ids=lambda text: f"{len(text)} {text[:8]}",
)
def test_what_is_no_object_is_told_so(text: str) -> None:
    assert isinstance(read_reason(text), str)
    assert isinstance(read_hints(text), str)


def test_a_wrong_field_is_named_without_repeating_what_stood_in_it() -> None:
    told = read_reason(answer(areas=["<script>"]))
    assert isinstance(told, str)
    assert "areas" in told
    assert "script" not in told


def test_the_schema_is_strict_and_without_lengths() -> None:
    made = schema(Reason)
    assert made["additionalProperties"] is False
    assert set(made["required"]) == set(Reason.model_fields)
    assert "maxLength" not in json.dumps(made)


def test_hints_name_known_kinds() -> None:
    found = read_hints('{"kinds": ["pasted"], "why": "the edges"}')
    assert isinstance(found, Hints)
    assert isinstance(read_hints('{"kinds": ["ghosts"], "why": ""}'), str)
