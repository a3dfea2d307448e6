"""What watching costs and misses: a window of 100,000 captures, false alarms, changes noticed."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from assay.monitoring import drift, late_labels, window
from assay.monitoring.frame import window_frame
from assay.monitoring.kept import Found
from assay.monitoring.numbers import Reference, ReferenceKind
from assay.monitoring.settings import DriftSettings, PerformanceSettings
from assay.reports import evidently, monitoring
from assay.store import Store, StoreSettings
from assay.store.traffic import Span
from benchmarks import synthetic_traffic
from benchmarks.figures import Figure, report

CAPTURES, REFERENCE, SETTINGS = 100_000, 1000, DriftSettings()
START = datetime(2026, 1, 1, tzinfo=UTC)
FEW = 2000
"""Captures of a window that is measured first, while libraries are imported."""
WINDOWS, CHANGED_WINDOWS = 200, 50
NOTICED_WITHIN = 500


def measure() -> list[Figure]:
    """Seconds and memory of a large window, its cost against one half as large, and error rates."""
    with tempfile.TemporaryDirectory() as folder:
        sizes = FEW, CAPTURES // 2, CAPTURES
        _, half, whole = (_seconds(Path(folder) / str(n), n) for n in sizes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    calm = _share_alarmed(WINDOWS, NOTICED_WITHIN, 0.0)
    return [
        Figure(f"monitoring {CAPTURES:,} captures", whole, "s", None, 60.0),
        Figure(f"monitoring {CAPTURES:,} captures, peak memory", peak, "GiB", None, 2.0),
        Figure("monitoring against half as many captures", whole / half, "x", None, 2.5),
        Figure(f"false alarms in {WINDOWS} windows without change", calm, "", None, 0.05),
        Figure(
            f"windows of {NOTICED_WITHIN} where 20 % changed that are noticed",
            _share_alarmed(CHANGED_WINDOWS, NOTICED_WITHIN, 0.2), "", 0.95,
        ),
        Figure(
            f"windows of {NOTICED_WITHIN} with 20 % of a new edit that are noticed",
            _share_alarmed(CHANGED_WINDOWS, NOTICED_WITHIN, 0.2, "edit"), "", 0.95,
        ),
    ]  # fmt: skip


def _seconds(folder: Path, captures: int) -> float:
    """From the database to both pages, of a window of so many captures."""
    rng, reference = np.random.default_rng(0), _reference(np.random.default_rng(1))
    span = Span(START, START + timedelta(days=365), "7")
    with Store.open(StoreSettings(folder=folder), drain=False) as store:
        made = synthetic_traffic.window(captures, rng, 0.2)
        synthetic_traffic.store_captures(store, made, "7", START, timedelta(seconds=1))
        start = time.perf_counter()
        frame = window_frame(store, span.since, span.until, captures, model_version="7")
        refused = window.refused(store, span)
        numbers = window.measure(frame, span, reference, refused, SETTINGS)
        judged = late_labels.judged(numbers, frame, PerformanceSettings())
        evidently.page(judged, reference[1], frame)
        monitoring.page(judged)
        return time.perf_counter() - start


def _reference(rng: np.random.Generator) -> Found:
    about = Reference(kind=ReferenceKind.FIRST_CAPTURES, captures=REFERENCE, groups=REFERENCE)
    return about, synthetic_traffic.window(REFERENCE, rng)


def _share_alarmed(
    windows: int, pictures: int, changed: float, how: synthetic_traffic.Change = "upload"
) -> float:
    """Of so many windows, each against a reference of its own, those in which anything moved."""
    rng, alarmed = np.random.default_rng(2), 0
    for _ in range(windows):
        current = synthetic_traffic.window(pictures, rng, changed, how)
        found = drift.measure(synthetic_traffic.window(REFERENCE, rng), current, SETTINGS)
        alarmed += any(column.drifted for column in found)
    return alarmed / windows


if __name__ == "__main__":
    sys.exit(report(measure))
