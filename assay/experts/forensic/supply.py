"""Batches for the pre-training: pairs made in other processes, seen a few times each.

Batches depend on a seed and a step alone, so an interrupted training goes on with the very batches
that it would have seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from assay.experts.forensic.corpus import Corpus
from assay.experts.forensic.examples import SIDE, Example, make_pair
from assay.experts.forensic.network import STRIDE

Batch = dict[str, Tensor]
"""pixels ``[n, 3, SIDE, SIDE]`` in grey levels, mask ``[n, r, c]`` (share of each cell that is
edited), traits ``[n, 2, t]`` and generated ``[n]`` of `Example`; a pair's images are neighbours."""

_CELLS = SIDE // STRIDE
_ENDLESS = 1 << 40


@dataclass(frozen=True, slots=True)
class Pairs(torch.utils.data.Dataset[Batch]):
    """Pair number ``start + i`` as uint8 tensors, made on demand in any process."""

    corpus: Path
    photographs: tuple[int, ...]
    seed: int
    start: int = 0

    def __len__(self) -> int:
        return _ENDLESS

    def __getitem__(self, number: int) -> Batch:
        cv2.setNumThreads(1)
        corpus = _opened(self.corpus, self.photographs)
        return _tensors(make_pair(corpus, self.seed, self.start + number))


@dataclass(frozen=True, slots=True)
class Supply:
    """How pairs become batches."""

    corpus: Path
    photographs: tuple[int, ...]
    seed: int
    pairs: int
    """In a batch."""
    reuse: int
    """How often a pair is seen before it leaves the window, flipped and turned at random."""
    window: int
    """Pairs from which a batch draws."""
    workers: int

    def batches(self, step: int) -> Iterator[Batch]:
        """Endless batches from ``step`` on."""
        made = max(0, self._newest(step - 1) - self.window) if step else 0
        window: deque[Batch] = deque(maxlen=self.window)
        fresh = iter(self._loader(made))
        while True:
            while made < self._newest(step):
                window.append(next(fresh))
                made += 1
            rng = np.random.default_rng([self.seed, step])
            chosen = rng.choice(len(window), self.pairs, replace=False)
            yield collated([_turned(window[int(i)], rng) for i in chosen])
            step += 1

    def _newest(self, step: int) -> int:
        """Pairs that were made when batch ``step`` is drawn."""
        return max(round((step + 1) * self.pairs / self.reuse), self.pairs)

    def _loader(self, start: int) -> torch.utils.data.DataLoader[Batch]:
        return torch.utils.data.DataLoader(
            Pairs(self.corpus, self.photographs, self.seed, start),
            batch_size=None,
            num_workers=self.workers,
            prefetch_factor=32 if self.workers else None,
            multiprocessing_context="spawn" if self.workers else None,
        )


def collated(pairs: list[Batch]) -> Batch:
    """One batch of several pairs."""
    batch = {name: torch.cat([pair[name] for pair in pairs]) for name in pairs[0]}
    pixels = batch["pixels"].permute(0, 3, 1, 2).float()
    return batch | {
        "pixels": pixels.contiguous(memory_format=torch.channels_last),
        "mask": batch["mask"].float() / 255,
    }


@cache
def _opened(corpus: Path, photographs: tuple[int, ...]) -> Corpus:
    return Corpus(corpus).only(photographs)


def _tensors(pair: tuple[Example, Example]) -> Batch:
    masks = np.stack([example.mask for example in pair]).astype(np.float32)
    cells = masks.reshape(2, _CELLS, STRIDE, _CELLS, STRIDE).mean(axis=(2, 4))
    return {
        "pixels": torch.from_numpy(np.stack([example.pixels for example in pair])),
        "mask": torch.from_numpy((cells * 255).astype(np.uint8)),
        "traits": torch.from_numpy(np.stack([example.traits for example in pair])),
        "generated": torch.tensor([example.generated for example in pair]),
    }


def _turned(pair: Batch, rng: np.random.Generator) -> Batch:
    """Flipped and turned by right angles, both members alike; the lattice of 8 stays in place."""
    turns, flip = int(rng.integers(4)), bool(rng.random() < 0.5)

    def moved(planes: Tensor) -> Tensor:
        planes = torch.rot90(planes, turns, dims=(1, 2))
        return planes.flip(2) if flip else planes

    return pair | {"pixels": moved(pair["pixels"]), "mask": moved(pair["mask"])}
