"""What a model sees in an image, in a few columns: by them a monitor notices other motifs.

The vision tower looks at a small square of fixed size, so that the columns depend on neither the
image's size nor the pixel budget of a serving plan, and cost little beside the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from assay.errors import CheckpointMismatch
from assay.records import Pixels

Features = npt.NDArray[np.float32]
"""``[n, d]``, one image a row."""

COLUMNS = 8
"""Principal components that are kept, at most."""
SIDE = 112
"""Pixels of the square that the vision tower looks at: sixteen tokens of Qwen2.5-VL."""
_LEAST = 1e-6
"""Share of the largest deviation below which a direction is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """Principal components (Pearson 1901) of the features of the images that a model learned from.

    Each column has mean 0 and deviation 1 over these.
    """

    mean: Features
    """``[d]``."""
    axes: Features
    """``[d, k]``, with k at most `COLUMNS`."""

    @classmethod
    def fit(cls, features: Features) -> Embedding:
        """The components of ``features`` ``[n, d]``; fewer than `COLUMNS` where these vary less."""
        mean = features.mean(axis=0, dtype=np.float64)
        _, deviations, axes = np.linalg.svd(features - mean, full_matrices=False)
        deviations = deviations / np.sqrt(len(features))
        chosen = np.flatnonzero(deviations > _LEAST * deviations[0])[:COLUMNS]
        scaled = _upright(axes[chosen]) / deviations[chosen, None]
        return cls(mean.astype(np.float32), np.ascontiguousarray(scaled.T, np.float32))

    def columns(self, features: Features) -> list[tuple[float, ...]]:
        """The columns of each row of ``features`` ``[n, d]``; none of one that is not finite.

        None of any where nobody tells features (``[n, 0]``). Raises `CheckpointMismatch` for those
        of another model.
        """
        if features.shape[1] == 0:
            return [()] * len(features)
        if features.shape[1] != len(self.mean):
            raise CheckpointMismatch(
                f"the embedding is of {len(self.mean)} features, the model has "
                f"{features.shape[1]}: train it again"
            )
        rows = (features - self.mean) @ self.axes
        return [tuple(map(float, row)) if np.isfinite(row).all() else () for row in rows]

    def save(self, path: Path) -> None:
        """Write safetensors."""
        from safetensors.numpy import save_file

        save_file({"mean": self.mean, "axes": self.axes}, path)

    @classmethod
    def load(cls, path: Path) -> Embedding:
        """Read what `save` wrote; raises `CheckpointMismatch` when the file is something else."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            stored = load_file(path)
            mean, axes = stored["mean"], stored["axes"]
        except (OSError, SafetensorError, KeyError) as error:
            raise CheckpointMismatch(f"{path} holds no embedding ({error}); train again") from error
        if mean.ndim != 1 or axes.shape[:-1] != mean.shape:
            raise CheckpointMismatch(f"{path} holds no embedding ({axes.shape}); train again")
        return cls(mean, axes)


def square(pixels: Pixels) -> Pixels:
    """``pixels`` ``[h, w, 3]`` as the square of `SIDE` that is embedded; aspect is given up."""
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def _upright(axes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """``axes`` ``[k, d]``, each turned so that its largest entry is positive: else it is chance."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1, keepdims=True), axis=1)
    turned: npt.NDArray[np.float64] = axes * np.sign(largest)
    return turned
