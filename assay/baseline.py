"""What a file gives away without its pixels: the scores that every detector has to beat.

In public image sets size, format and quantisation table alone often tell the classes apart. A
score means little until it is read beside those of these baselines, fitted on the same split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.images import FORMATS, Variant, photo_of, quantisation_tables
from assay.metrics import Floats
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
QUANTISATION = "quantisation"
"""Column of `quantisation_scores`."""

_TABLES = 2
"""Quantisation tables that count: that of brightness and that of colour."""


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
        total = dataset.table(["image_id"], Split.TRAIN).num_rows
        rows: list[tuple[list[float], bool]] = []
        samples = dataset.samples(Split.TRAIN)
        for row in parallel_map(partial(_training_row, kind), samples, workers):
            rows.append(row)
            progress(len(rows), total, f"metadata baseline, {kind}")
        return cls(_fitted(rows))

    def scores(self, predictions: pd.DataFrame) -> Floats:
        """Probability ``[n]`` that each row, which holds `FEATURES`, is not authentic."""
        return _scores(self.classifier, predictions[list(FEATURES)].to_numpy(np.float64))


def quantisation_scores(dataset: Dataset, workers: int | None, progress: Progress) -> Floats:
    """What the exact quantisation tables of the files as received say about the test images.

    Probability ``[n]`` that each is not authentic, in the dataset's order, by trees fitted on the
    training split. A file without tables, such as a PNG, is told by zeros.
    """
    rows = {}
    for split in (Split.TRAIN, Split.TEST):
        found = parallel_map(_tables_row, dataset.samples(split), workers)
        rows[split] = list(found)
        total = len(rows[split])
        progress(total, total, f"quantisation tables, {split}")
    return _scores(_fitted(rows[Split.TRAIN]), np.array([values for values, _ in rows[Split.TEST]]))


def _fitted(rows: list[tuple[list[float], bool]]) -> Any:
    """Extremely randomised trees on features and truth; None where that is of one class."""
    from sklearn.ensemble import ExtraTreesClassifier

    positive = np.array([truth for _, truth in rows], dtype=bool)
    if positive.all() or not positive.any():
        return None
    classifier = ExtraTreesClassifier(100, min_samples_leaf=5, random_state=0)
    return classifier.fit(np.array([values for values, _ in rows]), positive)


def _scores(classifier: Any, table: Floats) -> Floats:
    if classifier is None:
        return np.full(len(table), 0.5)
    return np.asarray(classifier.predict_proba(table)[:, 1], np.float64)


def _tables_row(sample: Sample) -> tuple[list[float], bool]:
    tables = quantisation_tables(sample.image)[:_TABLES]
    values = [float(value) for table in tables for value in table]
    padding = [0.0] * (_TABLES * 64 - len(values))
    return values + padding, sample.label != Label.AUTHENTIC


def _training_row(kind: Variant, sample: Sample) -> tuple[list[float], bool]:
    photo = photo_of(sample, kind)
    return list(features(photo).values()), sample.label != Label.AUTHENTIC
