"""The trained network at work: pixels of any size in, scores and a heatmap out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from assay.errors import CheckpointMismatch
from assay.experts.forensic.histories import TRAITS
from assay.experts.forensic.network import STRIDE, ForensicNetwork, in_channels_last
from assay.records import Heatmap, Pixels, Region

_TILE, _HALO = 1024, 64
"""Pixels; larger images are described tile by tile, in bounded memory."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the network says about one image."""

    manipulated: float
    generated: float
    heatmap: Heatmap
    """Probability of each 8x8 cell that it is unlike the rest."""
    regions: tuple[Region, ...]


class Judge:
    """A network with fixed weights; not to be trained further."""

    def __init__(self, network: ForensicNetwork) -> None:
        self._network = in_channels_last(network.train(False))

    @classmethod
    def load(cls, path: Path) -> Judge:
        """Read the weights that `pretraining` wrote; raises `CheckpointMismatch`."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        network = ForensicNetwork(len(TRAITS))
        try:
            network.load_state_dict(load_file(path))
        except (OSError, RuntimeError, SafetensorError) as error:
            raise CheckpointMismatch(f"{path} holds no weights of the experts ({error})") from error
        return cls(network)

    def judge(self, pixels: Pixels) -> Judgement:
        """Judge ``pixels`` of at least 64 pixels a side; rows and columns beyond 8 n are cut."""
        with torch.inference_mode():
            opinion = self._network.judge(self._described(pixels))
        heat = torch.sigmoid(opinion.map[0]).numpy()
        return Judgement(
            manipulated=float(opinion.manipulated),
            generated=float(opinion.generated),
            heatmap=np.asarray(heat, np.float32),
            regions=(),
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
        features: Tensor = self._network.describe(
            planes.contiguous(memory_format=torch.channels_last)
        )
        first_row, first_column = above // STRIDE, before // STRIDE
        rows, columns = (bottom - top) // STRIDE, (right - left) // STRIDE
        return features[..., first_row : first_row + rows, first_column : first_column + columns]
