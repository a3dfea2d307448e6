"""Labels come when people have time, mostly after their window was measured; they count as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.monitoring import performance
from assay.monitoring.frame import window_frame
from assay.monitoring.moved import moved
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.settings import DecisionSettings, PerformanceSettings

if TYPE_CHECKING:
    import pandas as pd

    from assay.store import Store


def judged(
    numbers: WindowNumbers, frame: pd.DataFrame, settings: PerformanceSettings
) -> WindowNumbers:
    """``numbers`` with the performance that the labels in ``frame``, its captures, now tell."""
    found = performance.measure(frame, settings, moved(frame, numbers.drifted))
    labelled = int(frame["human_label"].notna().sum())
    return numbers.model_copy(update={"performance": found, "labelled": labelled})


def judged_anew(
    store: Store,
    windows: Sequence[WindowNumbers],
    settings: PerformanceSettings,
    decision: DecisionSettings,
) -> list[WindowNumbers]:
    """``windows``, oldest first, as their labels are now, as far as a decision reads them.

    These are the newest that have to agree, and the first of their model, which they are compared
    with. Raises `StoreUnavailable`.
    """
    large = [one for one in windows if one.is_enough]
    own = [one for one in large if one.model_version == windows[-1].model_version]
    read = [*own[: decision.baseline], *own[-decision.consecutive :]]
    return [_read(store, one, settings) if one in read else one for one in windows]


def _read(store: Store, numbers: WindowNumbers, settings: PerformanceSettings) -> WindowNumbers:
    version = numbers.model_version
    frame = window_frame(store, numbers.since, numbers.until, model_version=version)
    return judged(numbers, frame, settings)
