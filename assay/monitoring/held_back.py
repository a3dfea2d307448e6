"""Whose labels should not be learned from before a person has looked at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.label_intake import deciding, quarantine
from assay.label_intake.ledger import IntakeSettings
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.settings import DecisionSettings

if TYPE_CHECKING:
    from assay.store import Store


def held_back(
    store: Store,
    windows: Sequence[WindowNumbers],
    decision: DecisionSettings,
    settings: IntakeSettings,
) -> list[str]:
    """The labellers of the windows that a decision looks at who would be set aside, each once.

    ``windows`` are oldest first. Raises `StoreUnavailable`.
    """
    recent = windows[-decision.consecutive :]
    images = list(store.labelled_images.between(recent[0].since, recent[-1].until))
    said = list(deciding.said(deciding.grouped(images)))
    return sorted({one.who for one in quarantine.find(said, settings)})
