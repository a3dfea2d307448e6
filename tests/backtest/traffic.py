"""Simulated traffic of which the truth is known: who was right can be counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tests.captures import START

THRESHOLD = 0.5


@dataclass(frozen=True)
class World:
    """A platform: how much comes in, what is audited, and how many cases people get to."""

    expected: int = 2000
    audit_share: float = 0.1
    band: tuple[float, float] = (0.35, 0.65)
    reached: float = 1.0
    """Share of the cases that people have decided."""

    def drawn(self, seed: int) -> tuple[pd.DataFrame, pd.Series]:
        """The table of a backtest that raises the limit for notices to 0.7, and the truth."""
        rng = np.random.default_rng(seed)
        n = int(rng.poisson(self.expected))
        altered, score = _scored(rng, n)
        in_band = (score >= self.band[0]) & (score <= self.band[1])
        chance = np.where(in_band, 1.0, self.audit_share)
        is_drawn = rng.random(n) < chance
        is_decided = is_drawn & (rng.random(n) < self.reached)
        truth = pd.Series(np.where(altered, "manipulated", "authentic"))
        return table(score, chance, is_drawn, truth.where(is_decided, "")), truth

    def mean(self) -> dict[str, float]:
        """What it brings on average: wrong notices and altered images without one, old and new."""
        altered, score = _scored(np.random.default_rng(0), 1_000_000)
        counts = {}
        for side, limit in (("old", THRESHOLD), ("new", 0.7)):
            counts[f"wrong {side}"] = self.expected * float(((score >= limit) & ~altered).mean())
            counts[f"missed {side}"] = self.expected * float(((score < limit) & altered).mean())
        return counts


def _scored(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each image is altered, and its score."""
    altered = rng.random(n) < 0.3
    return altered, np.where(altered, rng.beta(4, 2, n), rng.beta(2, 4, n))


def table(
    score: np.ndarray, chance: np.ndarray, is_drawn: np.ndarray, human: pd.Series
) -> pd.DataFrame:
    """Rows as `assay.backtest.deciding.decided` makes them, each an image of its own."""
    n = len(score)
    label = np.where(score >= THRESHOLD, "manipulated", "authentic")
    told = {"old": score >= THRESHOLD, "new": score >= 0.7}
    return pd.DataFrame(
        {
            "capture_id": [f"c{i}" for i in range(n)],
            "created_at": pd.Timestamp(START),
            "client": "platform",
            "image": [f"i{i}" for i in range(n)],
            "group": [f"g{i}" for i in range(n)],
            "stratum": "",
            "model_version": "7",
            **{
                f"{side}_{name}": value
                for side in ("old", "new")
                for name, value in (
                    ("label", label),
                    ("score", score),
                    ("review", chance == 1),
                    ("notice", np.where(told[side], "caution", "none")),
                    ("chance", chance),
                )
            },
            "human": human.to_numpy(),
            "is_cleared": (human == "authentic").to_numpy(),
            "is_drawn": is_drawn,
            "is_hidden": False,
            "seconds": np.where(human != "", 20.0, np.nan),
        }
    )
