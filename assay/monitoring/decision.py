"""What follows from the windows: nothing, a recalibration, a retraining, or a person is called.

The rule, first match first. What it says of drift has to hold in `consecutive` windows of the same
model, one after another; what it says of labels has to go as far in each of them, and beyond chance
in all of them together.

1. Labels are in quarantine, or the data are broken: *page*. Nothing is learned from either.
2. AUC fell, of all or of one kind of edit, or recall fell while inputs drifted, or the images that
   drifted are judged worse than the rest, or their scores are off by another amount: *retrain*.
3. Inputs drifted, and there are too few labels on them to tell whether it matters: *page*.
4. The ranking holds, but scores say too much or too little, or more verdicts are wrong than before:
   *recalibrate*, from `recalibrate_labels` labels on.
5. Recall fell, and nothing of that explains it: *retrain*.

A recalibration that did not help, or of which nothing came, becomes a retraining; a retraining
likewise a page; a page is not repeated within `patience` windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import JsonValue

from assay.monitoring import symptoms
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.settings import DecisionSettings
from assay.monitoring.symptoms import Symptom, Symptoms
from assay.settings import Settings


class Action(StrEnum):
    """What is to be done."""

    NONE = "none"
    RECALIBRATE = "recalibrate"
    RETRAIN = "retrain"
    PAGE = "page"
    """A person has to look."""


class RetrainDecision(Settings):
    """What to do and why."""

    action: Action
    reasons: tuple[str, ...]
    """Sentences, also where nothing is to be done."""
    evidence: Mapping[str, JsonValue] = {}
    """The numbers behind them, by symptom."""


def decide(
    windows: Sequence[WindowNumbers],
    settings: DecisionSettings,
    actions: Sequence[Action] = (),
    quarantined: Sequence[str] = (),
) -> RetrainDecision:
    """What follows from ``windows``, oldest first, of which the last is judged.

    ``actions`` are those decided at the windows before, one each, oldest first; ``quarantined``
    names the labellers and clients whose labels are held back.
    """
    found = symptoms.of(windows, settings, quarantined)
    action, reasons = _wanted(found, settings)
    if action is not Action.NONE:
        action, reasons = _remembering(action, reasons, windows, actions, settings)
    return RetrainDecision(action=action, reasons=tuple(reasons), evidence=found.evidence)


def _wanted(found: Symptoms, settings: DecisionSettings) -> tuple[Action, list[str]]:
    """The rule of this module, as if nothing had been done before."""
    if faults := found.reasons(Symptom.QUARANTINE, Symptom.BROKEN_DATA):
        return Action.PAGE, faults
    drift, fell = found.reasons(Symptom.DRIFT), found.reasons(Symptom.RECALL_FELL)
    worse = found.reasons(Symptom.AUC_FELL, Symptom.KIND_MISSED, Symptom.DRIFT_IS_WRONG)
    if worse or (drift and fell):
        return Action.RETRAIN, [*worse, *fell, *drift]
    if few := found.reasons(Symptom.TOO_FEW_LABELS):
        return Action.PAGE, [*drift, *few]
    if off := found.reasons(Symptom.UNCALIBRATED, Symptom.WRONG_MORE_OFTEN):
        return _recalibration(found, off, settings)
    if fell:
        return Action.RETRAIN, fell
    if drift:
        return Action.NONE, [*drift, "What drifted is judged no worse than the rest."]
    return Action.NONE, [found.otherwise]


def _recalibration(
    found: Symptoms, off: list[str], settings: DecisionSettings
) -> tuple[Action, list[str]]:
    if found.labels >= settings.recalibrate_labels:
        return Action.RECALIBRATE, [*off, "The ranking holds, so the scores are moved."]
    needed = f"{found.labels} labels of the {settings.recalibrate_labels} that it takes are there"
    return Action.NONE, [*off, f"A recalibration waits: {needed}."]


def _remembering(
    action: Action,
    reasons: list[str],
    windows: Sequence[WindowNumbers],
    actions: Sequence[Action],
    settings: DecisionSettings,
) -> tuple[Action, list[str]]:
    """``action``, unless it was tried within `patience` windows, or a person was told of it.

    A window too small to be judged, on which nothing was decided, is none of these, unless the last
    one is as small: where none is ever large, a person would be called once and never again. What
    led to a model before the last one is forgotten: scores may be moved again after a retraining.
    """
    known, is_small = zip(windows[:-1], actions, strict=False), not windows[-1].is_enough
    told = [
        (one, past) for one, past in known if one.is_enough or is_small or past is not Action.NONE
    ]
    here = windows[-1].model_version
    last = next((w.model_version for w in reversed(windows) if w.model_version != here), here)
    before = [
        (w, past) for w, past in told[-settings.patience :] if w.model_version in (here, last)
    ]
    is_here = {past: window.model_version == here for window, past in before}
    if action is Action.RECALIBRATE and is_here.get(Action.RETRAIN):
        action = Action.RETRAIN  # which was decided, and the same model answers still
    while action is not Action.PAGE and action in is_here:
        action, said = _again(action, is_here[action])
        reasons = [said, *reasons]
    if action is Action.PAGE and is_here.get(Action.PAGE):
        return Action.NONE, ["A person was called within the last windows.", *reasons]
    return action, reasons


def _again(action: Action, is_same_model: bool) -> tuple[Action, str]:
    """What follows where ``action`` was decided before, and whether a new model came of it."""
    then = Action.RETRAIN if action is Action.RECALIBRATE else Action.PAGE
    if is_same_model:
        return then, f"To {action.value} was decided before, and no new model came of it."
    done = "recalibrated" if action is Action.RECALIBRATE else "retrained"
    return then, f"The model was {done} within the last windows, which did not suffice."
