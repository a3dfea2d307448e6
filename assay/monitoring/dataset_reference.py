"""What a model says of images that it was trained on, as they are: the reference of last resort."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay import catalogue, home
from assay.descriptors import describe
from assay.detector import Detector
from assay.errors import ConfigError
from assay.examination import examined_photos, in_batches
from assay.images import Variant, photo_of
from assay.model_folder import read_facts
from assay.monitoring import kept
from assay.monitoring.frame import DESCRIPTOR, EMBEDDING, FINDING
from assay.monitoring.kept import Found
from assay.monitoring.numbers import Reference, ReferenceKind
from assay.monitoring.settings import ReferenceSettings
from assay.progress import Progress
from assay.records import Photo, Sample, Verdict
from assay.strata import stratum

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset


def find(
    model: Path, version: str, settings: ReferenceSettings, progress: Progress
) -> Found | None:
    """One image each of a few hundred groups of the dataset that the model folder names.

    None where no images are wanted, the dataset is gone, or it has too few groups to compare with.
    """
    key = version, ReferenceKind.DATASET, settings
    if (found := kept.load(*key)) is not None:
        return found
    dataset = _dataset(model)
    chosen = [] if dataset is None else _chosen(dataset, settings.images)
    if dataset is None or len(chosen) < settings.least_pictures:
        return None
    table = _table(Detector.load(model), list(dataset.find(chosen)), progress)
    about = Reference(kind=ReferenceKind.DATASET, captures=len(table), groups=len(table))
    return kept.save(*key, (about, table))


def _dataset(model: Path) -> Dataset | None:
    try:
        version = str(read_facts(model).get("dataset_version", ""))
        return catalogue.resolve(version, home.folder("datasets"))
    except ConfigError:
        return None


def _chosen(dataset: Dataset, images: int) -> list[str]:
    """Identifiers of one image each of at most so many groups, drawn at random."""
    names = dataset.table(["image_id", "group"]).to_pandas()
    each = names.sample(frac=1, random_state=0).drop_duplicates("group")
    return [str(one) for one in each["image_id"][:images]]


def _table(detector: Detector, samples: Sequence[Sample], progress: Progress) -> pd.DataFrame:
    import pandas as pd

    make = partial(photo_of, kind=Variant.AS_IS)
    rows: list[dict[str, Any]] = []
    for batch in in_batches(examined_photos(make, samples)):
        photos = [photo for _, photo in batch]
        rows += map(_row, photos, detector.detect(photos))
        progress(len(rows), len(samples), "reading the reference")
    return pd.DataFrame(rows)


def _row(photo: Photo, verdict: Verdict) -> dict[str, Any]:
    """What a capture of ``photo`` would hold, of the columns that are compared."""
    measured = {one.measurement.id: one.measurement.value for one in verdict.findings}
    return {
        "label": verdict.label.value,
        "score": verdict.score,
        "needs_review": verdict.needs_review,
        "stratum": stratum(photo),
        **{DESCRIPTOR + name: value for name, value in describe(photo).items()},
        **{f"{EMBEDDING}{n}": value for n, value in enumerate(verdict.embedding)},
        **{FINDING + name: np.nan if value is None else value for name, value in measured.items()},
    }
