"""Batches that depend on a seed and a step alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from assay.experts.forensic import supply
from assay.experts.forensic.supply import Batch, Supply

STEPS = 6


@pytest.fixture(scope="module")
def every(stored: Path) -> Supply:
    return Supply(stored, (0, 1, 2), seed=3, pairs=2, reuse=2, window=3, workers=0)


@pytest.fixture(scope="module")
def uninterrupted(every: Supply) -> list[Batch]:
    return list(islice(every.batches(0), STEPS))


def assert_same(ones: Iterator[Batch], others: list[Batch]) -> None:
    for one, other in zip(ones, others, strict=False):
        assert set(one) == set(other)
        for name, tensor in one.items():
            torch.testing.assert_close(tensor, other[name], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("step", [1, 4])
def test_batches_after_a_restart_are_those_of_an_uninterrupted_run(
    every: Supply, uninterrupted: list[Batch], step: int
) -> None:
    assert_same(every.batches(step), uninterrupted[step:])


def test_batch_holds_whole_pairs(uninterrupted: list[Batch]) -> None:
    batch = uninterrupted[0]
    assert batch["pixels"].shape == (4, 3, 256, 256)
    assert batch["pixels"].is_contiguous(memory_format=torch.channels_last)
    assert batch["mask"].shape == (4, 32, 32)
    assert batch["mask"].max() <= 1
    assert not batch["mask"][1::2].any()
    assert not batch["generated"][1::2].any()


def test_batches_differ_from_one_another(uninterrupted: list[Batch]) -> None:
    firsts = [batch["pixels"][1] for batch in uninterrupted]
    assert not any(torch.equal(one, other) for one, other in pairwise(firsts))


def test_pixels_and_mask_are_turned_alike() -> None:
    pixels = torch.zeros(2, 256, 256, 3, dtype=torch.uint8)
    pixels[0, 16:40, 80:200] = 255
    mask = avg_pool2d(pixels[..., 0].float(), 8).to(torch.uint8)
    seen = set()
    for seed in range(20):
        turned = supply._turned({"pixels": pixels, "mask": mask}, np.random.default_rng(seed))
        seen.add(tuple(turned["mask"][0].nonzero()[0].tolist()))
        again = avg_pool2d(turned["pixels"][..., 0].float(), 8).to(torch.uint8)
        assert torch.equal(again, turned["mask"])
    assert len(seen) > 4
