"""Windows of traffic that cost nothing, with the truth beside them, to measure the monitor with.

Each image has evidence ``x``: standard normal where it is authentic, further up where it is not.
The score is the probability that ``x`` gives at the shares of calm traffic, so calm traffic is
calibrated. Moderators see the review band and a random share of all, and err at a set rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

CLIENTS = ("forum", "news", "market")
LOW, HIGH = 0.15, 0.85
"""Scores between these are for people."""

_SEPARATION = 2.2
_CALM_PREVALENCE = 0.15
_DESCRIPTORS = ("sharpness", "brightness", "contrast", "entropy", "jpeg_quality")
_FINDINGS = ("noise", "compression", "repeated_regions")
_COMPONENTS = 8

Rng = np.random.Generator
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class World:
    """What the traffic is like; the defaults are calm."""

    prevalence: float = _CALM_PREVALENCE
    new_trick: float = 0.0
    """Share of the traffic that a new manipulation adds: it hardly shows in the evidence, and the
    images look different."""
    shift: float = 0.0
    """Added to the evidence of all images: scores move, their order stays."""
    low_quality: float = 0.0
    """Share of the traffic that is recompressed hard: its evidence is half as clear."""
    harmless: float = 0.0
    """Share of the traffic that looks different and is judged as well as ever."""
    repeats: float = 0.1
    """Share of captures that repeat one that came before."""
    audit_share: float = 0.05
    decided: float = 0.9
    """Share of what people were asked that they have answered."""
    in_order: bool = False
    """Whether they answer as the queue hands out: what is least sure first, audits among it."""
    label_error: float = 0.0


def window(rng: Rng, captures: int, world: World = World()) -> pd.DataFrame:
    """A window with the columns of `assay.monitoring.frame`, and ``truth`` beside them."""
    import pandas as pd

    images = pd.DataFrame(_images(rng, captures, world))
    repeats = np.flatnonzero(rng.random(captures) < world.repeats)
    origin = np.arange(captures)
    origin[repeats] = rng.integers(0, np.maximum(repeats, 1))
    frame = images.iloc[origin].reset_index(drop=True)
    frame["group"] = [f"group {n}" for n in origin]
    frame["capture_id"] = [f"{n:08d}" for n in range(captures)]
    return _decided(rng, frame, world)


def _images(rng: Rng, n: int, world: World) -> dict[str, object]:
    kind = rng.random(n)
    is_new = kind < world.new_trick
    is_low = ~is_new & (kind < world.new_trick + world.low_quality)
    is_odd = ~is_new & ~is_low & (kind < world.new_trick + world.low_quality + world.harmless)
    positive = is_new | (rng.random(n) < world.prevalence)
    clarity = np.where(is_low, 0.5, 1.0) * np.where(is_new, 0.15, 1.0)
    evidence = rng.normal(0, 1, n) + _SEPARATION * clarity * positive + world.shift
    score = _score(evidence)
    columns = {f"d_{name}": rng.normal(0, 1, n) for name in _DESCRIPTORS}
    columns |= {f"f_{name}": rng.gamma(2, 1, n) for name in _FINDINGS}
    columns |= {f"e_{component}": rng.normal(0, 1, n) for component in range(_COMPONENTS)}
    columns["d_sharpness"] += 3 * (is_new | is_odd)
    columns["e_0"] += 3 * (is_new | is_odd)
    columns["d_jpeg_quality"] -= 3 * is_low
    kinds = np.where(rng.random(n) < 0.7, "manipulated", "synthesized")
    return {
        "client": rng.choice(CLIENTS, n, p=(0.6, 0.3, 0.1)),
        "media_type": rng.choice(("image/jpeg", "image/png"), n, p=(0.9, 0.1)),
        "stratum": rng.choice(("small", "large"), n),
        "score": score,
        "label": np.where(score < 0.5, "authentic", kinds),
        "truth": np.where(positive, kinds, "authentic"),
        "needs_review": (score >= LOW) & (score <= HIGH),
        "model_version": "1",
        **columns,
    }


def _score(evidence: Floats) -> Floats:
    odds = np.log(_CALM_PREVALENCE / (1 - _CALM_PREVALENCE))
    odds = odds + _SEPARATION * evidence - _SEPARATION**2 / 2
    return np.asarray(1 / (1 + np.exp(-odds)))


def _decided(rng: Rng, frame: pd.DataFrame, world: World) -> pd.DataFrame:
    """``frame`` with what people said.

    A picture is asked about once, and all its captures have the answer; only those that were drawn
    themselves have a weight.
    """
    n = len(frame)
    is_audit = rng.random(n) < world.audit_share
    is_drawn = (is_audit | frame["needs_review"]).to_numpy(bool)
    probability = np.where(frame["needs_review"], 1.0, world.audit_share)
    weight = np.full(n, np.nan)
    weight[is_drawn] = 1 / probability[is_drawn]
    place = rng.random(n)
    if world.in_order:
        unsure = np.where(is_audit, 1.0, 1 - np.abs(2 * frame["score"].to_numpy(float) - 1))
        place[is_drawn] = (-unsure[is_drawn]).argsort(kind="stable").argsort() / is_drawn.sum()
    is_answered = is_drawn & (place < world.decided)
    has_label = frame["group"].isin(frame["group"][is_answered]).to_numpy(bool)
    said = frame["truth"].to_numpy(object)
    errs = (rng.random(n) < world.label_error)[frame["group"].factorize()[0]]
    said = np.where(errs, np.where(said == "authentic", "manipulated", "authentic"), said)
    return frame.assign(
        human_label=np.where(has_label, said, None),
        is_blind=is_audit & has_label,
        decided_by=np.where(has_label, "ada", ""),
        weight=weight,
    )
