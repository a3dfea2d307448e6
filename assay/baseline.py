"""What a file gives away without its pixels: the score that every detector has to beat.

In public image sets size, format and quantisation table alone often tell the classes apart. A
score means little until it is read beside that of this baseline, fitted on the same split of the
same variant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay.images import FORMATS, Variant, photo_of
from assay.parallel import parallel_map
from assay.progress import Progress
from assay.records import Label, Photo, Sample, Split

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset

FEATURES = (
    "bytes",
    "bits_per_pixel",
    "width",
    "height",
    "format",
    "exif",
    "qtables",
    "progressive",
)
"""Columns of `features`; all numbers."""


def features(photo: Photo) -> dict[str, float]:
    """The container of ``photo`` in numbers, by name; nothing that needs its pixels."""
    told = photo.metadata | {"bytes": str(len(photo.data)), "format": photo.format}
    return container_features(told, photo.size)


def container_features(metadata: Mapping[str, str], size: tuple[int, int]) -> dict[str, float]:
    """`features` of an image whose header was read (`assay.images.header`), of (width, height)."""
    width, height = size
    kind, length = metadata["format"], float(metadata["bytes"])
    return {
        "bytes": length,
        "bits_per_pixel": 8.0 * length / (width * height),
        "width": float(width),
        "height": float(height),
        "format": float(FORMATS.index(kind)) if kind in FORMATS else -1.0,
        "exif": float(metadata.get("exif", 0)),
        "qtables": float(metadata.get("qtables", 0)),
        "progressive": float(metadata.get("progressive", 0)),
    }


@dataclass(frozen=True, slots=True)
class MetadataBaseline:
    """A classifier of authentic against the rest that sees `FEATURES` and nothing else."""

    classifier: Any
    """A fitted scikit-learn classifier; None where the training images were of one class."""

    @classmethod
    def fit(
        cls, dataset: Dataset, kind: Variant, workers: int | None, progress: Progress
    ) -> MetadataBaseline:
        """Fit extremely randomised trees on the training split, every image in the form ``kind``.

        Images are re-encoded and read by ``workers`` processes; None takes one a core.
        """
        from sklearn.ensemble import ExtraTreesClassifier

        total = dataset.table(["image_id"], Split.TRAIN).num_rows
        rows: list[tuple[list[float], bool]] = []
        samples = dataset.samples(Split.TRAIN)
        for row in parallel_map(partial(_training_row, kind), samples, workers):
            rows.append(row)
            progress(len(rows), total, f"metadata baseline, {kind}")
        positive = np.array([truth for _, truth in rows], dtype=bool)
        if positive.all() or not positive.any():
            return cls(None)
        classifier = ExtraTreesClassifier(100, min_samples_leaf=5, random_state=0)
        return cls(classifier.fit(np.array([values for values, _ in rows]), positive))

    def scores(self, predictions: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Probability ``[n]`` that each row, which holds `FEATURES`, is not authentic."""
        if self.classifier is None:
            return np.full(len(predictions), 0.5)
        table = predictions[list(FEATURES)].to_numpy(np.float64)
        return np.asarray(self.classifier.predict_proba(table)[:, 1], np.float64)


def _training_row(kind: Variant, sample: Sample) -> tuple[list[float], bool]:
    photo = photo_of(sample, kind)
    return list(features(photo).values()), sample.label != Label.AUTHENTIC
