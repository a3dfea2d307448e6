"""Traffic that was never served: windows with as many and as related columns as real ones have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.descriptors import NAMES
from assay.metrics import Floats
from assay.records import Label

if TYPE_CHECKING:
    import pandas as pd

FINDINGS, COMPONENTS, CAUSES = 22, 8, 6
"""Columns of findings and of the representation, and what makes them move together."""
_CLIENTS = {"forum": 0.6, "market": 0.3, "press": 0.1}
_MEDIA = {"image/jpeg": 0.85, "image/png": 0.1, "image/webp": 0.05}


def window(pictures: int, rng: np.random.Generator, changed: float = 0.0) -> pd.DataFrame:
    """A window as `assay.monitoring.frame` gives it, of so many pictures, one capture each.

    A share ``changed`` of them has a poorer JPEG quality and half the size, which also moves a few
    findings, as a change of an upload form does.
    """
    import pandas as pd

    causes = rng.standard_normal((pictures, CAUSES))
    is_changed = rng.random(pictures) < changed
    columns = _numbers(causes, is_changed, rng)
    scores = 1 / (1 + np.exp(1.5 - causes[:, 0] - rng.standard_normal(pictures)))
    columns["score"] = scores
    columns["label"] = np.where(scores > 0.5, Label.MANIPULATED.value, Label.AUTHENTIC.value)
    columns["needs_review"] = (scores > 0.4) & (scores < 0.6)
    columns["client"] = rng.choice(list(_CLIENTS), pictures, p=list(_CLIENTS.values()))
    columns["media_type"] = rng.choice(list(_MEDIA), pictures, p=list(_MEDIA.values()))
    return pd.DataFrame({"group": np.arange(pictures), **columns})


def _numbers(
    causes: Floats, is_changed: np.typing.NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, np.typing.NDArray[np.generic]]:
    """Skewed columns that share causes; some findings are 0, or absent, for many images."""
    n, mixing = len(causes), np.random.default_rng(0)
    columns: dict[str, np.typing.NDArray[np.generic]] = {}
    names = [f"d_{name}" for name in NAMES] + [f"f_{number}" for number in range(FINDINGS)]
    for place, name in enumerate(names + [f"e_{number}" for number in range(COMPONENTS)]):
        values = causes @ mixing.standard_normal(CAUSES) + rng.standard_normal(n)
        if name.startswith("d_"):
            values = np.exp(values / 3)
        if name.startswith("f_") and place % 4 == 0:
            values = np.maximum(values, 0.0)
        if name in ("f_1", "f_6"):
            values = values + 1.5 * is_changed
        columns[name] = np.where(rng.random(n) < 0.1 * (place % 5 == 0), np.nan, values)
    quality = rng.choice([75.0, 85.0, 90.0, 95.0], n, p=[0.15, 0.3, 0.35, 0.2])
    columns["d_jpeg_quality"] = np.where(is_changed, quality - 25, quality)
    width = rng.choice([640.0, 1024.0, 1280.0, 2048.0], n)
    columns["d_width"] = np.where(is_changed, width / 2, width)
    return columns
