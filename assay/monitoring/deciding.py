"""What follows from the newest window, with all that the store knows of those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.monitoring import decision, late_labels
from assay.monitoring.decision import Action, RetrainDecision
from assay.monitoring.held_back import held_back
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.settings import DecisionSettings, PerformanceSettings

if TYPE_CHECKING:
    from assay.label_intake import IntakeSettings
    from assay.store import Store
    from assay.store.windows import Window

_REMEMBERED = 100
"""Windows before the newest one, and as many large ones of its model: where little comes, most
windows are small, and the model's first ones would soon be forgotten."""


def decide(
    store: Store,
    numbers: WindowNumbers,
    performance: PerformanceSettings,
    settings: DecisionSettings,
    intake: IntakeSettings,
) -> RetrainDecision:
    """The decision on the window ``numbers``, which is not on record yet.

    Earlier windows are read with the labels that have come since. Raises `StoreUnavailable`.
    """
    before = _before(store, numbers.model_version)
    windows = [*(one.numbers for one in before), numbers]
    known = late_labels.judged_anew(store, windows, performance, settings)
    actions = [Action(one.action or Action.NONE) for one in before]
    aside = held_back(store, known, settings, intake)
    return decision.decide(known, settings, actions, aside)


def _before(store: Store, model_version: str) -> list[Window]:
    """The windows on record, oldest first."""
    windows = store.windows
    found = {
        one.id: one
        for one in (
            *windows.newest(limit=_REMEMBERED),
            *windows.newest(model_version, _REMEMBERED, only_enough=True),
        )
    }
    return sorted(found.values(), key=lambda one: (one.numbers.until, one.id))
