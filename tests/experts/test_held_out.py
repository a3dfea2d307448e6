"""Scores of the network on pairs that it was not trained on."""

from __future__ import annotations

import torch

from assay.experts.forensic import held_out
from assay.experts.forensic.examples import SIDE
from assay.experts.forensic.network import STRIDE, ForensicNetwork
from assay.experts.forensic.supply import Batch

CELLS = SIDE // STRIDE


def pair(edited: float, generated: bool) -> Batch:
    """An image and its twin; the first is ``edited`` in its upper half, or generated."""
    mask = torch.zeros(2, CELLS, CELLS)
    mask[0, : CELLS // 2] = edited
    noise = torch.Generator().manual_seed(int(edited) + 2 * generated)
    return {
        "pixels": 255 * torch.rand(2, 3, SIDE, SIDE, generator=noise),
        "mask": mask,
        "generated": torch.tensor([generated, False]),
    }


def test_what_the_pairs_do_not_show_has_no_score() -> None:
    torch.manual_seed(0)
    network = ForensicNetwork(4)
    every = held_out.score(network, [pair(1.0, False), pair(0.0, True)])
    assert {name.removeprefix("validation/") for name in every} == {
        "manipulation_auc",
        "synthesis_auc",
        "pixel_auc",
    }
    assert all(0 <= value <= 1 for value in every.values())
    assert set(held_out.score(network, [pair(0.0, True)])) == {"validation/synthesis_auc"}
    assert held_out.score(network, [pair(0.0, False)]) == {}
