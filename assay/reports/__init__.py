"""What a run came to: tables in a terminal, and self-contained pages that need no network."""

from __future__ import annotations

from assay.metrics import Metric


def interval(metric: Metric | None, sign: str = "") -> str:
    """A metric with its 95 % interval, ``0.870 (0.820-0.910)``; a dash where undefined.

    ``sign`` is ``+`` for differences, whose ends are then joined by a word: ``(-0.01 to +0.02)``.
    """
    if metric is None:
        return "-"
    low, high = f"{metric.low:{sign}.3f}", f"{metric.high:{sign}.3f}"
    return f"{metric.value:{sign}.3f} ({low}{' to ' if sign else '-'}{high})"
