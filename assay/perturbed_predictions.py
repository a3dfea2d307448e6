"""What a model says about test images after each perturbation, a row each, safe against a kill.

Each starts from the normalised form (`Variant.BIAS_CONTROLLED`), so that what changes is the
perturbation and not the container that a dataset happened to come in.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay import images
from assay.errors import ImageTooLarge
from assay.examination import examined_photos, in_batches
from assay.images import Variant
from assay.journal import Journal, Row
from assay.perturbations import Perturbation
from assay.predictions import DetectsPhotos, KnowsGroups, measured, positive
from assay.progress import Progress
from assay.records import Label, Photo, Sample, Split
from assay.strata import compression_class, size_class

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset

logger = logging.getLogger(__name__)

UNPERTURBED = "unperturbed"
"""How rows about an image as it is are called."""

Tried = Perturbation | None
"""None is the image as it is."""


def predict(
    detector: DetectsPhotos,
    dataset: Dataset,
    tried: Sequence[Tried],
    images_per_class: int,
    seed: int,
    work: Path,
    progress: Progress,
) -> list[Row]:
    """One row a perturbation and image of the `sample` of the test split.

    Columns: perturbation, image_id, label, group, dataset, size and compression (classes of the
    judged file, as in `assay.strata`), score, flagged (not called authentic) and decided (outside
    the review band). Rows are journalled in ``work``, a folder for this model and dataset, so a
    run that was killed goes on where it stopped.
    """
    chosen = sample(detector, dataset, images_per_class, seed)
    work.mkdir(parents=True, exist_ok=True)
    made_from = {"dataset": dataset.version, "images": f"{images_per_class} {seed}"}
    with Journal.beside(work / "verdicts", made_from) as journal:
        for number, perturbation in enumerate(tried, 1):
            what = f"robustness {number} of {len(tried)}: {name_of(perturbation)}"
            left = [i for i in chosen if _key(perturbation, i) not in journal.done]
            done = len(chosen) - len(left)
            for batch in in_batches(_examined(perturbation, dataset, left)):
                progress(done, len(chosen), what)
                journal.append(_judged(perturbation, batch, detector))
                done += len(batch)
            progress(done, len(chosen), what)
        wanted = {_key(perturbation, i) for perturbation in tried for i in chosen}
        return [row for row in journal.rows() if row["key"] in wanted]


def sample(
    detector: KnowsGroups, dataset: Dataset, images_per_class: int, seed: int
) -> frozenset[str]:
    """Ids of authentic test images and of as many others, datasets and photographs dealt in turn.

    Images that the model has seen, and datasets of one class, are left out, as everywhere
    (`assay.predictions.measured`).
    """
    rows = dataset.table(["image_id", "label", "dataset", "group"], Split.TEST).to_pandas()
    rows = measured(rows.assign(seen=[detector.has_seen(group) for group in rows["group"]]))
    rows = rows.assign(draw=[_draw(seed, image_id) for image_id in rows["image_id"]])
    edited = positive(rows["label"])
    parts = (_dealt(rows[edited == kind], images_per_class) for kind in (False, True))
    return frozenset(image_id for part in parts for image_id in part)


def name_of(perturbation: Tried) -> str:
    """The name in rows and tables."""
    return UNPERTURBED if perturbation is None else perturbation.name


def _dealt(rows: pd.DataFrame, count: int) -> list[str]:
    rows = rows.sort_values("draw")
    rows = rows.assign(turn=rows.groupby(["dataset", "group"]).cumcount())
    rows = rows.sort_values(["turn", "draw"])
    rows = rows.assign(turn=rows.groupby("dataset").cumcount())
    return list(rows.sort_values(["turn", "draw"])["image_id"].head(count))


def _draw(seed: int, image_id: str) -> str:
    return hashlib.sha256(f"{seed}\0{image_id}".encode()).hexdigest()


def _key(perturbation: Tried, image_id: str) -> str:
    return f"{name_of(perturbation)}/{image_id}"


def _examined(
    perturbation: Tried, dataset: Dataset, left: Collection[str]
) -> Iterator[tuple[Sample, Photo]]:
    """What is still to judge, perturbed; without what came out larger than any that is accepted."""
    samples = dataset.find(left) if left else ()
    for sample, photo in examined_photos(partial(_photo, perturbation), samples):
        if isinstance(photo, Photo):
            yield sample, photo
        else:
            logger.warning("%s, %s: left out, as %s", sample.image_id, name_of(perturbation), photo)


def _photo(perturbation: Tried, sample: Sample) -> Photo | str:
    """The perturbed image, or why it is none."""
    before = images.photo_of(sample, Variant.BIAS_CONTROLLED)
    if perturbation is None:
        return before
    try:
        return images.decode(perturbation.apply(before.pixels, sample.image_id))
    except ImageTooLarge as error:
        return str(error)


def _judged(
    perturbation: Tried, batch: list[tuple[Sample, Photo]], detector: DetectsPhotos
) -> list[Row]:
    verdicts = detector.detect([photo for _, photo in batch])
    return [
        {
            "key": _key(perturbation, sample.image_id),
            "perturbation": name_of(perturbation),
            "image_id": sample.image_id,
            "label": sample.label.value,
            "group": sample.group,
            "dataset": sample.dataset,
            "size": size_class(photo),
            "compression": compression_class(photo),
            "score": float(verdict.score),
            "flagged": verdict.label != Label.AUTHENTIC,
            "decided": not verdict.needs_review,
        }
        for (sample, photo), verdict in zip(batch, verdicts, strict=True)
    ]
