"""The trained network at work: pixels of any size in, scores and a heatmap out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from assay.errors import CheckpointMismatch
from assay.evidence.areas import strongest_areas
from assay.experts.forensic.histories import TRAITS
from assay.experts.forensic.network import STRIDE, ForensicNetwork, in_channels_last
from assay.hardware import resolve_precision
from assay.records import Heatmap, Pixels, Region

_TILE, _HALO = 1024, 64
"""Pixels; larger images are described tile by tile, in bounded memory."""
_MOST_CELLS = 2**18
"""Cells that are compared with one another; of more than that (17 megapixels) four count as one, as
comparing takes 3.5 KiB a cell."""
_MARKED = -2.0
"""Smoothed logit of a cell from which it counts as altered: where F1 is highest on pairs, which
is below even odds, as few cells are altered."""
_SMOOTHED = 5
"""Cells a side over which logits are averaged: edits are larger than a cell."""
_REGION_LEVEL = 0.5


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the network says about one image."""

    manipulated: float
    generated: float
    logits: npt.NDArray[np.float32]
    """The same of each 8x8 cell ``[rows, columns]``, smoothed."""
    heatmap: Heatmap
    """How unlike the rest each 8x8 cell is; from one half on it counts as altered."""
    regions: tuple[Region, ...]
    """Boxes of its connected areas above one half, the strongest first, at most five."""


class Judge:
    """A network with fixed weights; not to be trained further."""

    def __init__(self, network: ForensicNetwork) -> None:
        self._network = in_channels_last(network.train(False))
        self._mixed = resolve_precision("auto", "cpu") == "bf16"

    @classmethod
    def load(cls, path: Path) -> Judge:
        """Read the weights that `pretraining` wrote; raises `CheckpointMismatch`."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        network = ForensicNetwork(len(TRAITS))
        try:
            network.load_state_dict(load_file(path))
        except (OSError, RuntimeError, SafetensorError) as error:
            raise CheckpointMismatch(
                f"{path} holds no weights of this network ({error}); restore it with git checkout, "
                "or make new ones: run.py --pipeline pretrain"
            ) from error
        return cls(network)

    def judge(self, pixels: Pixels) -> Judgement:
        """Judge ``pixels`` of at least 64 pixels a side; rows and columns beyond 8 n are cut."""
        with torch.inference_mode():
            features = self._described(pixels)
            while features[0, 0].numel() > _MOST_CELLS:
                features = functional.avg_pool2d(features, 2)
            opinion = self._network.judge(features)
            near = functional.avg_pool2d(
                opinion.map, _SMOOTHED, 1, _SMOOTHED // 2, count_include_pad=False
            )
            heatmap = torch.sigmoid(near[0] - _MARKED).numpy()
            logits = near[0].numpy()
        return Judgement(
            manipulated=float(opinion.manipulated),
            generated=float(opinion.generated),
            logits=logits,
            heatmap=heatmap,
            regions=strongest_areas(heatmap, _REGION_LEVEL),
        )

    def _described(self, pixels: Pixels) -> Tensor:
        """Features of the whole image, described tile by tile with overlap."""
        height, width = (side // STRIDE * STRIDE for side in pixels.shape[:2])
        rows = [
            torch.cat(
                [self._tile(pixels, top, left, height, width) for left in range(0, width, _TILE)], 3
            )
            for top in range(0, height, _TILE)
        ]
        return torch.cat(rows, 2)

    def _tile(self, pixels: Pixels, top: int, left: int, height: int, width: int) -> Tensor:
        above, before = min(_HALO, top), min(_HALO, left)
        bottom, right = min(top + _TILE, height), min(left + _TILE, width)
        window = pixels[
            top - above : min(bottom + _HALO, height), left - before : min(right + _HALO, width)
        ]
        planes = torch.from_numpy(np.ascontiguousarray(window)).permute(2, 0, 1)[None].float()
        features = self._features(planes.contiguous(memory_format=torch.channels_last))
        first_row, first_column = above // STRIDE, before // STRIDE
        rows, columns = (bottom - top) // STRIDE, (right - left) // STRIDE
        return features[..., first_row : first_row + rows, first_column : first_column + columns]

    def _features(self, planes: Tensor) -> Tensor:
        """`ForensicNetwork.describe`, its trunk in half the bits where that is native.

        Residuals and heads keep all their bits: filters that are rounded let content through, and
        rounded logits would be coarse (decision 0008).
        """
        residuals = self._network.residuals(planes)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._mixed):
            features: Tensor = self._network.trunk(residuals)
        return features.float()
