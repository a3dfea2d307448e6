"""What the network is taught: where, whether, what by, and what each part has been through."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from assay.experts.forensic.network import Opinion
from assay.experts.forensic.supply import Batch

_SMALLEST_EDIT = 0.002
"""Share of an image from which an edit counts; less may have been cut off by the window."""
_PURE = 0.95
"""Share of a cell that has to be of one kind where cells are compared."""
_SAMPLED = 96
"""Cells an image whose histories are compared with one another."""
_SHARPNESS = 4.0


def losses(opinion: Opinion, batch: Batch, draws: torch.Generator) -> dict[str, Tensor]:
    """Each term of the loss, by name; their sum is minimised.

    ``draws``, on the batch's device, says which cells are compared with one another.
    """
    mask, whole = batch["mask"], batch["generated"]
    edited = mask.flatten(1).mean(dim=1) > _SMALLEST_EDIT
    weight = 1 + 2 * mask
    per_cell = functional.binary_cross_entropy_with_logits(
        opinion.map, mask, weight, reduction="none"
    )
    return {
        "map": per_cell.mean(),
        "manipulated": functional.binary_cross_entropy_with_logits(
            opinion.manipulated, edited.float()
        ),
        "generated": functional.binary_cross_entropy_with_logits(opinion.generated, whole.float()),
        "histories": 0.3 * _same_history_loss(opinion.embedding, mask, draws),
        "traits": _traits_loss(opinion.traits, batch["traits"], mask),
    }


def _same_history_loss(embedding: Tensor, mask: Tensor, draws: torch.Generator) -> Tensor:
    """Whether two cells of an image share a history, told by the angle between their embeddings.

    Contrastive learning of forensic similarity, as Mayer & Stamm 2020 and Huh et al. 2018 do with
    patches; pairs of different history weigh as much as all the others together.
    """
    # Around the image's mean, as the network compares: cells of no special history are orthogonal.
    centred = embedding - embedding.mean(dim=(2, 3), keepdim=True)
    flat, inside = centred.flatten(2), mask.flatten(1)
    chosen = _sampled(inside, draws)
    picked = functional.normalize(
        torch.gather(flat, 2, chosen[:, None].expand(-1, flat.shape[1], -1)), dim=1
    )
    share = torch.gather(inside, 1, chosen)
    logits = _SHARPNESS * torch.einsum("bei,bej->bij", picked, picked)
    clear = ((share < 1 - _PURE) | (share > _PURE)).float()
    # In an image of one history there is nothing to contrast.
    two = (share > _PURE).any(dim=1) & (share < 1 - _PURE).any(dim=1)
    weight = clear[:, :, None] * clear[:, None] * two[:, None, None]
    same = ((share[:, :, None] > 0.5) == (share[:, None] > 0.5)).float()
    loss = functional.binary_cross_entropy_with_logits(logits, same, reduction="none")
    return _mean(loss, weight * same) + _mean(loss, weight * (1 - same))


def _sampled(inside: Tensor, draws: torch.Generator) -> Tensor:
    """Cell indices ``[b, n]``, half of them among those with most of the edit."""
    noise = torch.rand(inside.shape, generator=draws, device=inside.device)
    half = _SAMPLED // 2
    edited = (inside + 0.3 * noise).topk(half, dim=1).indices
    return torch.cat([edited, noise.topk(half, dim=1).indices], dim=1)


def _traits_loss(traits: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Distance between the told and the true history of each cell, where that is known."""
    background, part = truth[:, 0, :, None, None], truth[:, 1, :, None, None]
    target = torch.where(mask[:, None] > 0.5, part, background)
    clear = (((mask < 1 - _PURE) | (mask > _PURE)).float())[:, None].expand_as(traits)
    known = clear * target.isfinite()
    error = functional.smooth_l1_loss(traits, target.nan_to_num(), reduction="none", beta=0.5)
    return _mean(error, known)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1)
