"""A capture survives JSON, holds nothing a database refuses, and is drawn by its id alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assay.store import Capture, Selection
from assay.store.columns import storable
from tests.captures import capture

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANY_TEXT)
def test_storable_text_is_utf8_without_nul(text: str):
    kept = storable(text)
    assert "\x00" not in kept
    assert kept.encode().decode() == kept
    assert storable(kept) == kept


@given(ANY_TEXT, st.floats(0, 1), st.integers(0, 2**53))
def test_capture_survives_json(caption: str, score: float, reach: int):
    made = capture(caption=caption, score=score, reach=reach)
    assert Capture.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize("change", [{"score": float("nan")}, {"reach": -1}, {"colour": "red"}])
def test_capture_refuses(change: dict):
    with pytest.raises(ValidationError):
        capture(**change)


def test_same_id_is_always_drawn_alike_and_by_nothing_else():
    first = capture(needs_review=False)
    again = capture("another", id=first.id, needs_review=True, score=0.1)
    for share in (0.01, 0.5, 0.99):
        assert first.drawn(share).is_audit == again.drawn(share).is_audit


def test_audit_share_is_drawn_whatever_the_verdict():
    drawn = [capture(needs_review=bool(n % 2)).drawn(0.3) for n in range(2000)]
    audits = [c for c in drawn if c.is_audit]
    assert 500 < len(audits) < 700  # 600 expected; 20 is one standard deviation
    assert 0.4 < sum(c.needs_review for c in audits) / len(audits) < 0.6
    assert {c.audit_probability for c in drawn} == {0.3}
    assert all(c.selection_reason is Selection.AUDIT for c in audits)


def test_selection_probability_is_that_of_being_seen():
    assert capture(needs_review=True).drawn(0.1).selection_probability == 1
    assert capture(needs_review=False).drawn(0.1).selection_probability == 0.1


def test_review_share_chooses_among_reviews_with_the_probability_that_is_kept():
    drawn = [capture(needs_review=True).drawn(0.1, 0.4) for _ in range(2000)]
    chosen = [c for c in drawn if c.selection_reason is not Selection.NONE]
    assert 710 < len(chosen) < 890  # 800 expected; 22 is one standard deviation
    assert {c.selection_probability for c in drawn} == {0.4}
    assert 140 < sum(c.is_audit for c in drawn) < 260
    assert capture(needs_review=True).drawn(0.4, 0.1).selection_probability == 0.4
    unasked = capture(needs_review=False).drawn(0.0, 0.4)
    assert (unasked.selection_reason, unasked.selection_probability) == (Selection.NONE, 0.0)


SCORES = {"jpeg 70": {"label": "manipulated", "score": 0.7}}
FLIPPED = {**SCORES, "resize 0.5": {"label": "authentic", "score": 0.1}}


@pytest.mark.parametrize(
    ("stability", "expected"), [(None, None), (SCORES, True), (FLIPPED, False)]
)
def test_image_is_stable_where_no_rescoring_says_another_label(stability, expected):
    assert capture(stability=stability).is_stable is expected


def test_estimates_stay_right_where_checks_that_were_drawn_send_flips_to_review():
    """Horvitz and Thompson: what was seen, weighted by its probability, counts every image once."""
    audit_share, check_share, draws = 0.1, 0.2, np.random.default_rng(0)
    unstable, estimate = 5000, 0.0
    for n, is_checked in enumerate(draws.random(unstable) < check_share):
        drawn = capture(id=str(n), needs_review=bool(is_checked)).drawn(audit_share)
        if drawn.is_audit or drawn.needs_review:
            estimate += 1 / drawn.selection_probability
    assert estimate == pytest.approx(unstable, rel=0.1)  # three standard deviations
