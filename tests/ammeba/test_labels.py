from __future__ import annotations

import pytest

from assay.ammeba.labels import Dropped, Judged, judge
from assay.ammeba.tables import Annotation
from assay.downloading import Refusal
from assay.records import Label


def row(screenshot: bool = False, **flags: bool) -> Annotation:
    return Annotation("aa", "https://f.example", False, "", "", "", screenshot, flags)


@pytest.mark.parametrize(
    ("flags", "label", "manipulation"),
    [
        ({"content_manipulation": True}, Label.MANIPULATED, "content"),
        ({"content_manipulation": True, "ai_manipulation": True}, Label.SYNTHESIZED, "ai"),
        ({"ai_manipulation": True, "text_manipulation": True}, Label.SYNTHESIZED, "ai"),
        ({"content_manipulation": True, "text_manipulation": True}, Label.MANIPULATED, "text"),
        ({"chyron_manipulation": True, "text_manipulation": True}, Label.MANIPULATED, "chyron"),
        ({"content_manipulation": True, "ai_manipulation": False}, Label.MANIPULATED, "content"),
        ({"content_manipulation": False}, Label.AUTHENTIC, ""),
        ({"content_manipulation": False, "context_manipulation": True}, Label.AUTHENTIC, ""),
        ({"content_manipulation": False, "atypical_manipulation": True}, Label.AUTHENTIC, ""),
    ],
)
def test_flags_make_label_and_manipulation(flags: dict[str, bool], label: Label, manipulation: str):
    found = judge([row(**flags)])
    assert isinstance(found, Judged)
    assert (found.label, found.manipulation) == (label, manipulation)


def test_context_is_its_kinds_and_no_label():
    said = {"location_manipulation": True, "identity_manipulation": True}
    found = judge([row(content_manipulation=False, context_manipulation=True, **said)])
    assert found == Judged(Label.AUTHENTIC, context="identity,location")


def test_context_without_a_kind_is_still_one():
    found = judge([row(content_manipulation=True, context_manipulation=True)])
    assert found == Judged(Label.MANIPULATED, "content", "unnamed")


@pytest.mark.parametrize("flags", [{}, {"context_manipulation": True}, {"ai_manipulation": False}])
def test_silence_about_the_content_is_no_negative(flags: dict[str, bool]):
    assert str(judge([row(**flags)])).startswith("no label: ")


def test_fact_checks_that_contradict_one_another_are_a_conflict():
    both = [row(content_manipulation=True), row(content_manipulation=False)]
    assert str(judge(both)).startswith("conflict: ")
    assert judge(both[:1] * 2) == judge(both[:1])


def test_one_finding_is_enough_where_the_others_are_silent():
    found = judge([row(), row(context_manipulation=True), row(content_manipulation=True)])
    assert found == Judged(Label.MANIPULATED, "content", "unnamed")


def test_row_that_contradicts_itself_counts_as_a_finding():
    found = judge([row(content_manipulation=False, ai_manipulation=True)])
    assert found == Judged(Label.SYNTHESIZED, "ai")


def test_words_of_a_screenshot_are_no_pixels_unless_asked():
    typed = row(True, content_manipulation=True, text_manipulation=True)
    assert str(judge([typed])).startswith("text of a screenshot: ")
    assert judge([typed], screenshots=True) == Judged(Label.MANIPULATED, "text")
    pasted = row(True, content_manipulation=True)
    assert judge([pasted]) == Judged(Label.MANIPULATED, "content")


def test_every_refusal_of_a_download_is_a_reason():
    assert {refusal.name for refusal in Refusal} <= set(Dropped.__members__)
