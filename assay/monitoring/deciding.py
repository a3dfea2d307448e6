"""What follows from the newest window, with all that the store knows of those before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.label_intake import deciding, quarantine
from assay.label_intake.ledger import IntakeSettings
from assay.monitoring import decision, late_labels
from assay.monitoring.decision import Action, RetrainDecision
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.settings import DecisionSettings, PerformanceSettings

if TYPE_CHECKING:
    from assay.store import Store

_REMEMBERED = 100
"""Windows before the newest one."""


def decide(
    store: Store,
    numbers: WindowNumbers,
    performance: PerformanceSettings,
    settings: DecisionSettings,
) -> RetrainDecision:
    """The decision on the window ``numbers``, which is not on record yet.

    Earlier windows are read with the labels that have come since. Raises `StoreUnavailable`.
    """
    before = store.windows.newest(limit=_REMEMBERED)[::-1]
    windows = [*(one.numbers for one in before), numbers]
    known = late_labels.judged_anew(store, windows, performance, settings)
    actions = [Action(one.action or Action.NONE) for one in before]
    return decision.decide(known, settings, actions, held_back(store, windows, settings))


def held_back(
    store: Store, windows: Sequence[WindowNumbers], settings: DecisionSettings
) -> list[str]:
    """Whose labels on the newest of ``windows`` the intake would set aside, the worst first."""
    span = windows[-settings.consecutive].since if len(windows) >= settings.consecutive else None
    since, until = span or windows[0].since, windows[-1].until
    if since >= until:
        return []
    seen = deciding.grouped(list(store.labelled_images.between(since, until)))
    aside = quarantine.find(list(deciding.said(seen)), IntakeSettings())
    return [one.who for one in aside]
