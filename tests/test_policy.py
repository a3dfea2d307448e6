"""A policy changes what it names and nothing else, and refuses what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import selection, strata
from assay.calibration import Calibration
from assay.errors import ConfigError
from assay.notices import Level, NoticeLimits, notice
from assay.policy import Band, Judged, Policy, Rules
from assay.records import Label, Verdict
from assay.review import Review

KIND = "JPEG under 75, under 512 px"
OTHER = "not JPEG, under 512 px"
PROMISE = Review(0.1, 0.9, 100, 100, None, None)
FITTED = Calibration(1.0, 0.5, 0.4, 0.6, strata={KIND: 0.55}, review=PROMISE)
SHARES = st.floats(0, 1)


def judged(score: float, **known: object) -> Judged:
    return Judged((1 - score, score, 0.0), **known)  # type: ignore[arg-type]


def read(folder: Path, text: str) -> Policy:
    (folder / "policy.yaml").write_text(text)
    return Policy.read(folder / "policy.yaml")


def test_policy_without_settings_changes_nothing():
    assert Policy().applied(FITTED) == FITTED


def test_file_is_read_with_all_its_settings(tmp_path: Path):
    text = f"threshold: 0.6\nstrata: {{'{KIND}': 0.7}}\nreview: {{low: 0.3, high: 0.8}}\n"
    made = read(tmp_path, f"{text}notices: {{decided: 0.7, in_review: null}}\naudit_share: 0.05\n")
    assert made == Policy(
        threshold=0.6,
        strata={KIND: 0.7},
        review=Band(low=0.3, high=0.8),
        notices=NoticeLimits(decided=0.7, in_review=None),
        audit_share=0.05,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("treshold: 0.6", "did you mean 'threshold'"),
        ("threshold: 1.2", "threshold: Input should be less than or equal to 1"),
        ("strata: {'JPEG under 75, under 521 px': 0.6}", f"did you mean '{KIND}'"),
        ("threshold: 0.2\nreview: {low: 0.3}", "lies outside the review band 0.3-1"),
        ("review: {low: 0.8, high: 0.3}", "review.low is above review.high"),
        ("- 0.6", "expected a mapping"),
        ("threshold: [", "policy.yaml"),
    ],
    ids=["misspelled", "range", "stratum", "outside", "exchanged", "list", "no-yaml"],
)
def test_mistake_in_a_file_is_one_line_that_names_it(tmp_path: Path, text: str, said: str):
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, text)
    assert said in str(raised.value)
    assert "policy.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        Policy.read(tmp_path / "none.yaml")


def test_threshold_of_a_platform_replaces_those_of_all_strata():
    made = Policy(threshold=0.45, strata={OTHER: 0.5}).applied(FITTED)
    assert made.threshold_for(KIND) == 0.45
    assert made.threshold_for(OTHER) == 0.5


def test_threshold_of_one_stratum_leaves_the_others():
    made = Policy(strata={OTHER: 0.58}).applied(FITTED)
    assert [made.threshold_for(name) for name in (KIND, OTHER, "")] == [0.55, 0.58, 0.5]


def test_band_that_is_set_draws_the_models_own_thresholds_in_and_drops_its_promise():
    made = Policy(review=Band(low=0.52, high=0.54)).applied(FITTED)
    assert (made.threshold, made.strata[KIND], made.review) == (0.52, 0.54, None)


@given(threshold=SHARES, value=SHARES, low=SHARES, high=SHARES)
def test_what_is_applied_is_always_a_sound_calibration(
    threshold: float, value: float, low: float, high: float
):
    band = Band(low=min(low, high, threshold, value), high=max(low, high, threshold, value))
    for review in (None, band):
        made = Policy(threshold=threshold, strata={KIND: value}, review=review).applied(FITTED)
        held = [made.threshold, *made.strata.values()]
        assert made.review_low <= min(held) <= max(held) <= made.review_high
        assert (made.threshold, made.strata[KIND]) == (threshold, value)


@given(score=SHARES, needs_review=st.booleans(), is_benign=st.booleans())
def test_rules_without_a_policy_answer_as_the_service_does(
    score: float, needs_review: bool, is_benign: bool
):
    known = judged(score, is_for_people=needs_review, is_benign=is_benign)
    answer = Rules.of(FITTED, Policy()).answer(known)
    verdict = Verdict(
        FITTED.label((1 - known.score, known.score, 0.0)),
        known.score,
        {},
        needs_review or FITTED.needs_review(known.score),
    )
    told = notice(verdict, is_benign=is_benign)
    assert (answer.label, answer.needs_review) == (verdict.label, verdict.needs_review)
    assert (answer.level, answer.reason) == (told.level, told.reason)


def test_users_are_cautioned_from_the_score_that_the_policy_names():
    rules = Rules.of(FITTED, Policy(notices=NoticeLimits(decided=0.8, in_review=None)))
    levels = [rules.answer(judged(score)).level for score in (0.55, 0.7, 0.85)]
    assert levels == [Level.NONE, Level.NONE, Level.CAUTION]
    assert rules.answer(judged(0.7)).label is Label.MANIPULATED


def test_no_policy_silences_what_a_file_states_of_itself():
    rules = Rules.of(FITTED, Policy(notices=NoticeLimits(decided=None, in_review=None)))
    stated = Level.WARNING, "signed_generated"
    answer = rules.answer(judged(0.1, stated=stated))
    assert (answer.level, answer.reason) == stated


def test_chance_of_being_seen_follows_both_shares():
    rules = Rules.of(FITTED, Policy(review_share=0.5, audit_share=0.1))
    assert rules.chance(needs_review=True, audit_share=0.02) == 0.5
    assert rules.chance(needs_review=False, audit_share=0.02) == 0.1
    assert Rules.of(FITTED, Policy()).chance(False, 0.02) == 0.02
    assert selection.chance(needs_review=True, audit_share=0.3, review_share=0.1) == 0.3


def test_names_of_strata_are_those_that_photos_are_given():
    assert len(set(strata.names())) == 12
    assert {KIND, OTHER} < set(strata.names())
