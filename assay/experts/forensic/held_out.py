"""How well the network does on pairs of photographs that it never saw."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from assay.experts.forensic.network import ForensicNetwork
from assay.experts.forensic.supply import Batch, Pairs, collated

SEED = 1 << 30
"""Of held-out pairs, away from any training's."""
_HARD = 20_000
"""Number of the first pair: where post-processing is as hard as it gets."""
_EDITED = 0.5
"""Share of a cell from which it counts as edited."""


def held_out_pairs(pairs: Pairs, count: int) -> list[Batch]:
    """The ``count`` pairs on which a training is watched; always the same."""
    watched = Pairs(pairs.corpus, pairs.photographs, SEED, _HARD)
    return [collated([watched[number]]) for number in range(count)]


def score(network: ForensicNetwork, pairs: list[Batch]) -> dict[str, float]:
    """AUCs by name: of both experts against untouched images, and of the map within images.

    What these pairs do not show, such as a generated image, has no score.
    """
    labels, manipulated, generated, within = [], [], [], []
    training = network.training
    network.train(False)
    for pair in pairs:
        with torch.inference_mode():
            said = network(pair["pixels"].to(next(network.parameters()).device))
        mask = pair["mask"] > _EDITED
        labels += [_kind(m, g) for m, g in zip(mask, pair["generated"], strict=True)]
        manipulated += said.manipulated.tolist()
        generated += said.generated.tolist()
        maps = zip(mask.numpy(), said.map.cpu().numpy(), strict=True)
        within += [_auc(truth.ravel(), told.ravel()) for truth, told in maps]
    network.train(training)
    located = [auc for auc in within if auc is not None]
    scores = {
        "validation/manipulation_auc": _against_untouched(labels, manipulated, "manipulated"),
        "validation/synthesis_auc": _against_untouched(labels, generated, "generated"),
        "validation/pixel_auc": float(np.mean(located)) if located else None,
    }
    return {name: value for name, value in scores.items() if value is not None}


def _kind(mask: torch.Tensor, generated: torch.Tensor) -> str:
    if generated:
        return "generated"
    return "manipulated" if mask.any() else "untouched"


def _against_untouched(labels: list[str], scores: list[float], kind: str) -> float | None:
    used = [i for i, label in enumerate(labels) if label in (kind, "untouched")]
    truth = np.array([labels[i] == kind for i in used])
    return _auc(truth, np.array([scores[i] for i in used]))


def _auc(truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> float | None:
    """None where one of the classes is missing."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, scores)) if 0 < truth.sum() < truth.size else None
