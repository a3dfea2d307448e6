"""What the network is taught: near nothing is left where its opinion is perfect."""

from __future__ import annotations

import math

import pytest
import torch

from assay.experts.forensic.losses import losses
from assay.experts.forensic.network import Opinion
from assay.experts.forensic.supply import Batch

CELLS, TRAITS, SURE = 32, 7, 12.0
TERMS = {"map", "manipulated", "generated", "histories", "traits"}


@pytest.fixture
def batch() -> Batch:
    """An edited image, a generated one, and an untouched one."""
    mask = torch.zeros(3, CELLS, CELLS)
    mask[0, 4:20, 6:24] = 1
    traits = torch.rand(3, 2, TRAITS)
    traits[1] = math.nan
    traits[2, 1] = math.nan
    return {"mask": mask, "traits": traits, "generated": torch.tensor([False, True, False])}


def perfect(batch: Batch) -> Opinion:
    mask = batch["mask"]
    signs = 2 * mask - 1
    embedding = torch.stack([signs, -signs, signs], dim=1)
    background, part = batch["traits"].nan_to_num()[..., None, None].unbind(dim=1)
    traits = torch.where(mask[:, None] > 0.5, part, background)
    manipulated, generated = SURE * torch.tensor([[1.0, -1, -1], [-1, 1, -1]])
    return Opinion(SURE * signs, manipulated, generated, embedding, traits)


def judged(opinion: Opinion, batch: Batch) -> dict[str, float]:
    terms = losses(opinion, batch, torch.Generator().manual_seed(0))
    return {name: float(term) for name, term in terms.items()}


def test_perfect_opinion_leaves_nothing_to_learn(batch: Batch) -> None:
    terms = judged(perfect(batch), batch)
    assert set(terms) == TERMS
    assert max(terms.values()) < 0.02


@pytest.mark.parametrize("name", ["map", "manipulated", "generated", "embedding", "traits"])
def test_each_part_of_an_opinion_that_is_wrong_costs(batch: Batch, name: str) -> None:
    right = perfect(batch)
    part = getattr(right, name)
    wrong = torch.rand_like(part) if name == "embedding" else 1 - part
    term = "histories" if name == "embedding" else name
    assert judged(right._replace(**{name: wrong}), batch)[term] > 0.1


def test_unknown_traits_teach_nothing(batch: Batch) -> None:
    batch["traits"][:] = math.nan
    right = perfect(batch)
    anything = right._replace(traits=torch.randn_like(right.traits).requires_grad_())
    term = losses(anything, batch, torch.Generator())["traits"]
    term.backward()
    assert term.detach() == 0
    assert anything.traits.grad is not None
    assert not anything.traits.grad.any()


def test_which_cells_are_compared_follows_from_the_draws(batch: Batch) -> None:
    opinion = perfect(batch)._replace(embedding=torch.randn(3, 8, CELLS, CELLS))
    once, again, other = (
        float(losses(opinion, batch, torch.Generator().manual_seed(seed))["histories"])
        for seed in (1, 1, 2)
    )
    assert once == again != other
