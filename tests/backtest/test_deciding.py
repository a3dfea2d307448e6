"""What was served is decided again from what was kept, or from another model's scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.backtest import deciding
from assay.backtest.deciding import Contender
from assay.backtest.replay import Rescored
from assay.calibration import Calibration
from assay.policy import Band, Policy, Rules
from assay.records import Label
from assay.store import Notice, Sibling, Store, StoreSettings
from tests.captures import kept

FITTED = Calibration(1.0, 0.5, 0.4, 0.6)
AS_FITTED = Policy()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(StoreSettings(folder=tmp_path, audit_share=0.0), drain=False) as opened:
        yield opened


def served(store: Store, picture: str, score: float, **changes: Any) -> str:
    """A capture of this score, answered by model 7 as `FITTED` says."""
    label = Label.MANIPULATED if score >= FITTED.threshold else Label.AUTHENTIC
    told = label is Label.MANIPULATED
    facts = {
        "score": score,
        "probabilities": {"authentic": 1 - score, "manipulated": score, "synthesized": 0.0},
        "label": label,
        "needs_review": FITTED.needs_review(score),
        "notice": Notice.CAUTION if told else Notice.NONE,
        "notice_reason": "checked_manipulated" if told else "none",
        "findings": [{"id": "colour_inconsistency", "null_rate": 0.1}],
    }
    return kept(store, picture, **{**facts, **changes}).id


def contender(policy: Policy = AS_FITTED, version: str = "7", hears: bool = False) -> Contender:
    return Contender(version, Rules.of(FITTED, policy), hears)


def decided(store: Store, by: Contender, scores: dict[str, Rescored] | None = None) -> Any:
    rows = list(store.answers.between(None, None))
    return deciding.decided(rows, by, scores or {})


def test_same_model_without_a_policy_turns_nothing(store: Store):
    for n, score in enumerate((0.1, 0.45, 0.55, 0.9)):
        served(store, f"p{n}", score)
    rows, left_out = decided(store, contender())
    assert left_out == {}
    for name in ("label", "score", "review", "notice", "chance"):
        assert rows[f"old_{name}"].tolist() == pytest.approx(rows[f"new_{name}"].tolist())


def test_policy_moves_labels_reviews_and_notices(store: Store):
    served(store, "boat", 0.55)
    rows, _ = decided(store, contender(Policy(threshold=0.58, review=Band(low=0.56, high=0.6))))
    (row,) = rows.to_dict("records")
    assert (row["old_label"], row["new_label"]) == ("manipulated", "authentic")
    assert (row["old_review"], row["new_review"]) == (True, False)
    assert (row["old_notice"], row["new_notice"]) == ("caution", "none")
    assert (row["old_chance"], row["new_chance"]) == (1.0, 0.0)


def test_scores_of_another_model_count_where_it_did_not_answer(store: Store):
    served(store, "boat", 0.9)
    served(store, "harbour", 0.9, model_version="8")
    (boat, _) = store.answers.between(None, None)
    assert deciding.needs_scores([boat], "8") == {boat.pixel_digest: boat.id}
    scores = {boat.pixel_digest: Rescored((0.8, 0.2, 0.0))}
    rows, _ = decided(store, contender(version="8"), scores)
    assert rows["new_score"].tolist() == pytest.approx([0.2, 0.9])
    assert rows["new_label"].tolist() == ["authentic", "manipulated"]


def test_captures_that_cannot_be_scored_are_left_out_with_the_reason(store: Store):
    served(store, "boat", 0.9, keep_image=False)
    served(store, "harbour", 0.9)
    broken = list(store.answers.between(None, None))[1].pixel_digest
    rows, left_out = decided(store, contender(version="8"), {broken: Rescored(error="no image")})
    assert rows.empty
    assert left_out == {"image not kept": 1, "image cannot be read any more": 1}


def test_image_without_evidence_stays_with_people_whatever_the_band(store: Store):
    nothing = [{"id": "colour_inconsistency", "null_rate": None}]
    served(store, "boat", 0.45, findings=nothing)
    served(store, "harbour", 0.45)
    narrow = Policy(review=Band(low=0.5, high=0.6))
    assert decided(store, contender(narrow))[0]["new_review"].tolist() == [True, False]
    heard = decided(store, contender(narrow, hears=True))[0]
    assert heard["new_review"].tolist() == [False, False]


def test_image_that_differs_from_a_near_duplicate_stays_with_people(store: Store):
    other = served(store, "boat", 0.9)
    sibling = Sibling(id=other, kind="locally_different", sentence="They differ.")
    served(store, "edited", 0.9, needs_review=True, siblings=[sibling])
    rows, _ = decided(store, contender())
    assert rows["new_review"].tolist() == [False, True]
    assert rows["group"].nunique() == 1


def test_label_that_did_not_hold_stays_with_people(store: Store):
    flipped = {"jpeg 70": {"label": "authentic", "score": 0.2}}
    held = {"jpeg 70": {"label": "manipulated", "score": 0.8}}
    served(store, "boat", 0.9, needs_review=True, stability=flipped)
    served(store, "harbour", 0.9, stability=held)
    assert decided(store, contender())[0]["new_review"].tolist() == [True, False]


def test_copy_of_what_people_cleared_gets_no_notice(store: Store):
    other = served(store, "boat", 0.9)
    sibling = Sibling(id=other, kind="same_content", sentence="They show the same.")
    silent = {"notice": Notice.NONE, "notice_reason": "none"}
    served(store, "copy", 0.9, siblings=[sibling], **silent)
    assert decided(store, contender())[0]["new_notice"].tolist() == ["caution", "none"]


def test_notice_of_content_credentials_is_no_matter_of_policy(store: Store):
    stated = {"notice": Notice.WARNING, "notice_reason": "signed_generated"}
    served(store, "boat", 0.1, **stated)
    assert decided(store, contender())[0]["new_notice"].tolist() == ["warning"]
