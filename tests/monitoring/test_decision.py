"""What the numbers of the windows lead to, and that a single window leads to nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from assay.monitoring.decision import Action, RetrainDecision, decide
from assay.monitoring.numbers import Family, Quality, Reference, ReferenceKind
from assay.monitoring.performance_numbers import Slice
from assay.monitoring.settings import DecisionSettings
from tests.monitoring.windows import (
    RIGHT,
    START,
    drifted,
    figure,
    figures,
    performance,
    window,
    windows,
)

SETTINGS = DecisionSettings()
WRONG = {"agreement": 0.60, "gap": 0.0}

SICK: dict[str, tuple[dict[str, Any], Action]] = {
    "ranking fell": ({"performance": performance(auc=0.75)}, Action.RETRAIN),
    "recall fell": ({"performance": performance(recall=0.50)}, Action.RETRAIN),
    "scores too high": ({"performance": performance(gap=0.12)}, Action.RECALIBRATE),
    "scores too low": ({"performance": performance(gap=-0.12)}, Action.RECALIBRATE),
    "calibration error": ({"performance": performance(ece=0.2)}, Action.RECALIBRATE),
    "precision fell": ({"performance": performance(precision=0.6)}, Action.RECALIBRATE),
    "recall and calibration": (
        {"performance": performance(recall=0.5, gap=-0.12)}, Action.RECALIBRATE,
    ),
    "ranking and calibration": (
        {"performance": performance(auc=0.75, gap=-0.12)}, Action.RETRAIN,
    ),
    "drift that is judged wrong": (
        {"drift": (drifted(),), "performance": performance(moved=WRONG)}, Action.RETRAIN,
    ),
    "drift whose scores are off": (
        {"drift": (drifted(),), "performance": performance(moved={**RIGHT, "gap": -0.3})},
        Action.RETRAIN,
    ),
    "drift that is judged as ever": (
        {"drift": (drifted(),), "performance": performance(moved=RIGHT)}, Action.NONE,
    ),
    "drift without labels": ({"drift": (drifted(),), "performance": None}, Action.PAGE),
    "drift with few labels": (
        {"drift": (drifted(),), "performance": performance(moved={})}, Action.PAGE,
    ),
    "drift with few labels, and scores too low": (
        {"drift": (drifted(),), "performance": performance(moved={}, gap=-0.12)}, Action.PAGE,
    ),
    "drift with few labels, and recall fell": (
        {"drift": (drifted(),), "performance": performance(moved={}, recall=0.5)}, Action.RETRAIN,
    ),
    "drift of everything, and scores too low": (
        {"drift": (drifted(),), "performance": performance(moved=RIGHT, rest={}, gap=-0.12)},
        Action.RECALIBRATE,
    ),
    "refusals": ({"quality": Quality(refused_share=0.4)}, Action.PAGE),
    "one picture everywhere": ({"quality": Quality(largest_group_share=0.7)}, Action.PAGE),
    "a column that is missing": ({"quality": Quality(lost=0.9)}, Action.PAGE),
}  # fmt: skip


@pytest.mark.parametrize("name", SICK)
def test_two_windows_that_agree_lead_to(name: str):
    changed, action = SICK[name]
    found = decide(windows(changed, changed), SETTINGS)
    assert found.action is action
    assert found.evidence
    assert all(not reason[0].islower() and reason.endswith(".") for reason in found.reasons)


@pytest.mark.parametrize("name", SICK)
def test_one_window_by_itself_leads_to_nothing(name: str):
    changed, _ = SICK[name]
    for sequence in ([changed], [changed, {}], [changed, {}, changed]):
        assert decide(windows(*sequence), SETTINGS).action is Action.NONE


@pytest.mark.parametrize("name", SICK)
def test_windows_of_two_models_do_not_agree(name: str):
    changed, _ = SICK[name]
    found = decide(windows(changed, {**changed, "model_version": "2"}), SETTINGS)
    assert found.action is Action.NONE
    assert "Not enough windows of this model yet" in found.reasons[0]


def test_calm_windows_say_why_nothing_is_done():
    found = decide(windows({}, {}), SETTINGS)
    assert found == RetrainDecision(
        action=Action.NONE,
        reasons=("Nothing is beyond its limit in all of the newest windows.",),
    )
    assert "Not enough data" in decide([], SETTINGS).reasons[0]


def test_a_small_window_is_not_judged_and_does_not_interrupt():
    changed = {"performance": performance(auc=0.75)}
    small = {"is_enough": False, "performance": None}
    assert decide(windows(changed, small), SETTINGS).reasons[0].startswith("Not enough data")
    assert decide(windows(changed, small, changed), SETTINGS).action is Action.RETRAIN


def test_requests_that_are_nearly_all_refused_call_a_person():
    refused = Quality(refusals={"unreadable_image": 400}, refused_share=0.95)
    small = {"is_enough": False, "performance": None, "quality": refused}
    found = decide(windows({}, small, small), SETTINGS)
    assert found.action is Action.PAGE
    assert found.reasons == ("95% of the requests could not be judged: 400 of them.",)
    assert decide(windows({}, small), SETTINGS).action is Action.NONE
    few = {**small, "quality": Quality(refusals={"unreadable_image": 9}, refused_share=0.95)}
    assert decide(windows({}, few, few), SETTINGS).action is Action.NONE


def growing(refused: int, served: int, hours: int) -> dict[str, Any]:
    """A small window, which begins where the last large one ended."""
    quality = Quality(refusals={"refused": refused}, refused_share=refused / (refused + served))
    span = {"since": START, "until": START + timedelta(hours=hours)}
    return {"is_enough": False, "performance": None, "quality": quality, **span}


def test_one_burst_of_refusals_is_no_reason_twice():
    for refused, served, action in ((120, 80, "none"), (122, 160, "none"), (200, 90, "page")):
        seen = windows(growing(120, 80, 6), growing(refused, served, 12), calm=0)
        assert decide(seen, SETTINGS).action == action


def test_a_person_is_called_again_though_no_window_ever_fills():
    refused = Quality(refusals={"unreadable_image": 400}, refused_share=0.95)
    small = {"is_enough": False, "performance": None, "quality": refused}
    quiet = {**small, "quality": Quality()}
    for calm, action in ((1, Action.NONE), (SETTINGS.patience, Action.PAGE)):
        sequence = windows({}, small, small, *[quiet] * calm, small, small)
        called = [Action.NONE] * 4 + [Action.PAGE] + [Action.NONE] * (calm + 1)
        assert decide(sequence, SETTINGS, called).action is action


def test_a_fall_has_to_matter_and_to_be_beyond_chance():
    small = {"performance": performance(auc=0.87)}
    assert decide(windows(small, small), SETTINGS).action is Action.NONE
    unsure = performance(auc=0.82)
    wide = unsure.figures["auc"].model_copy(update={"low": 0.6, "high": 0.95})
    vague = {"performance": unsure.model_copy(update={"figures": {**unsure.figures, "auc": wide}})}
    assert decide(windows(vague, vague), SETTINGS).action is Action.NONE


def test_scores_are_moved_only_where_they_are_surely_off_by_more_than_is_let_pass():
    def off(half: float) -> dict[str, Any]:
        said = performance()
        gap = figure(0.066, half)
        return {"performance": said.model_copy(update={"figures": {**said.figures, "gap": gap}})}

    assert decide(windows(off(0.04), off(0.04)), SETTINGS).action is Action.NONE
    assert decide(windows(off(0.02), off(0.02)), SETTINGS).action is Action.RECALIBRATE


def test_a_fall_needs_earlier_windows_of_the_model_to_fall_from():
    changed = {"performance": performance(auc=0.75)}
    assert decide(windows(changed, changed, calm=0), SETTINGS).action is Action.NONE
    assert decide(windows(changed, changed, calm=1), SETTINGS).action is Action.RETRAIN


def test_a_model_without_calm_windows_is_held_to_what_it_was_promoted_for():
    fallen = {"performance": performance(auc=0.75), "promised_auc": figure(0.9, 0.06)}
    assert decide(windows(fallen, fallen, calm=0), SETTINGS).action is Action.RETRAIN
    kept = {"performance": performance(auc=0.86), "promised_auc": figure(0.9, 0.06)}
    assert decide(windows(kept, kept, calm=0), SETTINGS).action is Action.NONE
    own = {"performance": performance(auc=0.75), "promised_auc": figure(0.74, 0.06)}
    assert decide(windows(own, own, calm=1), SETTINGS).action is Action.RETRAIN


def test_a_promise_holds_where_labels_came_after_the_first_windows():
    fallen = {"performance": performance(auc=0.75), "promised_auc": figure(0.9, 0.06)}
    for late in (1, 2, 5):
        found = decide(windows(*[fallen] * (late + 2), calm=0), SETTINGS)
        assert found.reasons[0].startswith("AUC fell from 0.900")


def test_what_a_model_was_promoted_with_is_no_measure_of_one_kind_of_edit():
    harder = Slice(
        by="label", name="manipulated", n=80, groups=80, edited=60, is_enough=True,
        figures=figures({"auc": 0.72}),
    )  # fmt: skip
    known = performance(auc=0.85).model_copy(update={"slices": (harder,)})
    calm = {"performance": known, "promised_auc": figure(0.85, 0.04)}
    assert decide(windows(calm, calm, calm=0), SETTINGS).action is Action.NONE


def test_drift_against_a_dataset_is_no_ground():
    dataset = Reference(kind=ReferenceKind.DATASET, captures=300, groups=300)
    changed = {"drift": (drifted(),), "performance": None, "reference": dataset}
    assert decide(windows(changed, changed), SETTINGS).action is Action.NONE


def test_drift_of_verdicts_alone_is_no_drift_of_inputs():
    changed = {"drift": (drifted("score", Family.VERDICT),), "performance": None}
    assert decide(windows(changed, changed), SETTINGS).action is Action.NONE


def test_other_columns_in_each_window_are_chance():
    first, second = ({"drift": (drifted(name),), "performance": None} for name in ("d_a", "d_b"))
    assert decide(windows(first, second), SETTINGS).action is Action.NONE


def test_a_recalibration_waits_for_its_labels():
    few = {"performance": performance(gap=0.12, labels=40)}
    found = decide(windows(few, few), SETTINGS)
    assert found.action is Action.NONE
    assert "80 labels of the 100" in found.reasons[-1]


def test_labels_in_quarantine_stop_everything_else():
    changed = {"performance": performance(auc=0.75)}
    found = decide(windows(changed, changed), SETTINGS, quarantined=["eve"])
    assert found.action is Action.PAGE
    assert found.reasons[0].startswith("Labels of one labeller are held back")
    assert "eve" not in " ".join(found.reasons)
    assert found.evidence["quarantine"] == {"held_back": ["eve"]}


def after(action: Action, *, version: str, between: int = 0) -> RetrainDecision:
    """The decision on a model that ranks worse, where ``action`` was decided before."""
    sick = {"model_version": version, "performance": performance(auc=0.75)}
    calm = {"model_version": version}
    sequence = windows({}, *[calm] * (1 + between), sick, sick)
    actions = [Action.NONE] * 2 + [action] + [Action.NONE] * (len(sequence) - 4)
    return decide(sequence, SETTINGS, actions)


def test_a_retraining_that_did_not_help_calls_a_person():
    found = after(Action.RETRAIN, version="2")
    assert found.action is Action.PAGE
    assert "retrained within the last windows, which did not suffice" in found.reasons[0]


def test_a_retraining_that_came_to_nothing_calls_a_person():
    found = after(Action.RETRAIN, version="1")
    assert found.action is Action.PAGE
    assert "no new model came of it" in found.reasons[0]


def test_what_was_done_is_forgotten_in_the_end():
    assert after(Action.RETRAIN, version="2", between=SETTINGS.patience).action is Action.RETRAIN


def test_small_windows_use_up_no_patience():
    sick, small = {"model_version": "2", "performance": performance(auc=0.75)}, {"is_enough": False}
    between = [{**small, "model_version": "2", "performance": None}] * SETTINGS.patience
    sequence = windows({"model_version": "2"}, {"model_version": "2"}, *between, sick, sick)
    actions = [Action.NONE, Action.RETRAIN, *[Action.NONE] * (len(sequence) - 3)]
    assert decide(sequence, SETTINGS, actions).action is Action.PAGE


def test_a_fall_is_from_windows_that_were_large_enough():
    bad = performance(auc=0.75)
    small = {"is_enough": False, "performance": bad}
    first = [window(n, **small) for n in range(SETTINGS.baseline)]
    calm = [window(10 + n) for n in range(2)]
    sick = [window(20 + n, performance=bad) for n in range(2)]
    assert decide([*first, *calm, *sick], SETTINGS).action is Action.RETRAIN


def test_a_recalibration_that_did_not_help_becomes_a_retraining():
    off = {"model_version": "2", "performance": performance(gap=0.12)}
    actions = [Action.NONE, Action.NONE, Action.RECALIBRATE, Action.NONE]
    assert decide(windows({}, off, off), SETTINGS, actions).action is Action.RETRAIN


def test_scores_are_moved_again_after_a_retraining():
    moved, learned, off = (
        {"model_version": version, "performance": performance(gap=gap)}
        for version, gap in (("1", 0.12), ("2", 0.0), ("3", 0.12))
    )
    actions = [Action.RECALIBRATE, Action.RETRAIN, Action.NONE]
    found = decide(windows(moved, learned, off, off), SETTINGS, actions)
    assert found.action is Action.RECALIBRATE


def test_a_recalibration_of_which_nothing_came_becomes_a_retraining():
    off = {"performance": performance(gap=0.12)}
    actions = [Action.NONE, Action.NONE, Action.RECALIBRATE]
    found = decide(windows({}, off, off), SETTINGS, actions)
    assert found.action is Action.RETRAIN
    assert "no new model came of it" in found.reasons[0]


@pytest.mark.parametrize(("edited", "action"), [(40, Action.RETRAIN), (10, Action.NONE)])
def test_a_kind_that_is_not_recognised_leads_to_a_retraining(edited: int, action: Action):
    known = performance()
    missed = Slice(
        by="label", name="synthesized", n=160, groups=160, edited=edited, is_enough=True,
        figures=figures({"auc": 0.5}, half=0.08),
    )  # fmt: skip
    new = {"performance": known.model_copy(update={"slices": (missed,)})}
    assert decide(windows({}, new, new), SETTINGS).action is action


def test_a_kind_is_compared_with_itself_where_it_was_known():
    weak = Slice(
        by="label", name="synthesized", n=160, groups=160, edited=40, is_enough=True,
        figures=figures({"auc": 0.5}, half=0.08),
    )  # fmt: skip
    same = {"performance": performance().model_copy(update={"slices": (weak,)})}
    assert decide(windows(same, same, same, same), SETTINGS).action is Action.NONE


def test_a_person_is_called_once():
    broken = {"quality": Quality(refused_share=0.4)}
    actions = [Action.NONE] * 3 + [Action.PAGE]
    found = decide(windows(broken, broken, broken), SETTINGS, actions)
    assert found.action is Action.NONE
    assert found.reasons[0].startswith("A person was called")


def test_a_decision_survives_json():
    changed, _ = SICK["drift that is judged wrong"]
    found = decide(windows(changed, changed), SETTINGS)
    assert RetrainDecision.model_validate_json(found.model_dump_json()) == found


def test_a_window_is_read_back_as_it_was():
    one = window(performance=performance(moved=WRONG), drift=(drifted(),))
    assert type(one).model_validate_json(one.model_dump_json()) == one
