"""Tables as `assay.predictions.predict` gives them, of models as good as one asks for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from assay.images import Variant
from assay.metrics import Bools, Floats

KINDS = ("splice", "inpaint", "resynthesis", "text_overlay")


def predictions(
    strength: float, n: int = 480, groups: int = 12, noise: int = 1, seed: int = 0
) -> pd.DataFrame:
    """Scores that rise by ``strength`` deviations for what is not authentic, in both variants.

    ``seed`` draws the images, ``noise`` the model.
    """
    rng = np.random.default_rng(seed)
    kinds = np.where(rng.random(n) < 0.5, "", rng.choice(KINDS, n))
    edited = kinds != ""
    frames = []
    for number, kind in enumerate(Variant):
        drawn = np.random.default_rng([noise, number]).normal(0, 1, n) + strength * edited
        score = 1 / (1 + np.exp(strength / 2 - drawn))
        rows = {
            "image_id": [f"{seed}-{i}" for i in range(n)],
            "variant": kind.value,
            "label": np.select(
                [~edited, kinds == "resynthesis"], ["authentic", "synthesized"], "manipulated"
            ),
            "manipulation": kinds,
            "source": "scenes",
            "dataset": np.where(np.arange(n) % 3, "first", "second"),
            "group": [f"g{i % groups}" for i in range(n)],
            "material": edited & (kinds != "text_overlay"),
            "seen": False,
            "predicted": np.where(score < 0.5, "authentic", "manipulated"),
            "needs_review": np.abs(score - 0.5) < 0.1,
            "p_authentic": 1 - score,
            "p_manipulated": score * 0.7,
            "p_synthesized": score * 0.3,
        }
        frames.append(pd.DataFrame(rows))
    return pd.concat(frames, ignore_index=True)


def rising_scores() -> tuple[Floats, Bools, np.ndarray]:
    """Scores ``[240]`` that rise with the truth, the truth, and 60 groups."""
    rng = np.random.default_rng(0)
    positive = rng.random(240) < 0.5
    scores = np.clip(rng.normal(0.4 + 0.2 * positive, 0.15), 0, 1)
    return scores, positive, np.array([f"g{i // 4}" for i in range(240)])
