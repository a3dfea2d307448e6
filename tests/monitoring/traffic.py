"""Windows of traffic in the database of a test."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from assay.store import Store
from benchmarks.synthetic_traffic import store_captures, window
from tests.captures import START

MODEL = "7"


def serve(
    store: Store, pictures: int, *, day: float = 0.0, changed: float = 0.0, model: str = MODEL
) -> None:
    """Let so many pictures be answered, a minute apart, ``day`` days after the start."""
    frame = window(pictures, np.random.default_rng([pictures, round(abs(day) * 100)]), changed)
    store_captures(store, frame, model, START + timedelta(days=day), timedelta(minutes=1))
