"""Windows as the monitor would have measured them, with the figures that a test names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.monitoring.numbers import (
    ColumnDrift,
    Family,
    Quality,
    Reference,
    ReferenceKind,
    WindowNumbers,
)
from assay.monitoring.performance_numbers import Figure, Performance, Slice

START = datetime(2026, 1, 5, tzinfo=UTC)
GOOD = {
    "auc": 0.90, "recall": 0.70, "precision": 0.80, "agreement": 0.92, "gap": 0.0, "ece": 0.03,
}  # fmt: skip
RIGHT = {"agreement": 0.92, "gap": 0.0}


def figure(value: float, half: float = 0.02) -> Figure:
    return Figure(value=value, low=value - half, high=value + half, n=200, groups=200)


def figures(values: Mapping[str, float], half: float = 0.02) -> dict[str, Figure]:
    return {name: figure(value, half) for name, value in values.items()}


def performance(
    moved: Mapping[str, float] | None = None,
    rest: Mapping[str, float] = RIGHT,
    labels: int = 200,
    **changed: float,
) -> Performance:
    """Good figures but those that are ``changed``; ``moved`` are those of what drifted."""
    slices = []
    if moved is not None:
        for name, values in (("moved", moved), ("rest", rest)):
            part = {"by": "moved", "name": name, "n": 60, "groups": 60}
            slices.append(Slice(**part, is_enough=bool(values), figures=figures(values)))
    return Performance(
        labelled=labels,
        n=labels,
        groups=labels,
        is_enough=True,
        figures=figures({**GOOD, **changed}),
        slices=tuple(slices),
    )


def drifted(name: str = "d_sharpness", family: Family = Family.DESCRIPTOR) -> ColumnDrift:
    return ColumnDrift(
        name=name, family=family, kind="numeric", test="Kolmogorov-Smirnov", p=1e-9,
        p_adjusted=1e-8, effect=0.2, drifted=True, reference_n=1000, n=500,
        bins=(0.0, 1.0, 2.0, 3.0), reference_shares=(0.6, 0.4, 0.0), shares=(0.5, 0.3, 0.2),
    )  # fmt: skip


def window(number: int = 0, **changes: Any) -> WindowNumbers:
    """The window of the day ``number``, in which nothing is wrong."""
    values: dict[str, Any] = {
        "model_version": "1",
        "since": START + timedelta(days=number),
        "until": START + timedelta(days=number + 1),
        "captures": 500,
        "groups": 480,
        "is_enough": True,
        "reference": Reference(kind=ReferenceKind.FIRST_CAPTURES, captures=1000, groups=950),
        "quality": Quality(),
        "performance": performance(),
    }
    return WindowNumbers(**{**values, **changes})


def windows(*changes: dict[str, Any], calm: int = 2) -> list[WindowNumbers]:
    """``calm`` windows, then one for each of ``changes``."""
    later = [window(calm + n, **changed) for n, changed in enumerate(changes)]
    return [*(window(n) for n in range(calm)), *later]
