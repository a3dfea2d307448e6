"""What a model says of labelled images, and what their evidence counts: calibrations rest on it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay import ledger, measuring, null_rates
from assay.examination import examined_photos, in_batches
from assay.images import Variant, photo_of
from assay.metrics import Floats
from assay.progress import Progress
from assay.records import Label, Photo, Split
from assay.strata import stratum

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.dataset import Dataset

Judge = Callable[[Sequence[Photo]], Floats]
"""Says logits ``[n, 3]`` of photos."""

_FOLDS = 5


class Answers(NamedTuple):
    """What is known of labelled images, ``[n]`` each and ``logits`` ``[n, 3]``."""

    logits: Floats
    labels: list[Label]
    groups: list[str]
    strata: list[str]
    image_ids: list[str]


def ask(
    judge: Judge | None,
    dataset: Dataset,
    splits: Sequence[Split],
    form: Variant,
    progress: Progress,
    only: Collection[str] | None = None,
) -> Answers:
    """The images of ``splits``, or ``only`` these, with what ``judge`` says, if it is asked."""
    parts = [dataset.find(only)] if only is not None else map(dataset.samples, splits)
    samples = chain.from_iterable(parts)
    total = sum(dataset.table(["image_id"], split).num_rows for split in splits)
    total = total if only is None else len(only)
    make = partial(photo_of, kind=form)
    # Who is not asked needs no evidence.
    photographed = examined_photos(make, samples) if judge else ((s, make(s)) for s in samples)
    answers, logits = Answers(np.zeros((0, len(Label))), [], [], [], []), []
    for batch in in_batches(photographed):
        photos = [photo for _, photo in batch]
        logits.append(judge(photos) if judge else np.full((len(batch), len(Label)), np.nan))
        answers.labels.extend(sample.label for sample, _ in batch)
        answers.groups.extend(sample.group for sample, _ in batch)
        answers.strata.extend(map(stratum, photos))
        answers.image_ids.extend(sample.image_id for sample, _ in batch)
        progress(len(answers.labels), total, "calibrating")
    return answers._replace(logits=np.concatenate([answers.logits, *logits]))


def surprises(
    of: Answers, table: pa.Table, measurements: pa.Table | None = None
) -> dict[str, Floats]:
    """What the evidence of images counts, each held against photographs of other groups alone.

    An image among its own references is never rare, and what is fitted to it would expect too
    little of others. Groups are dealt into `_FOLDS`, and each fold is left out in turn. The
    references are those of ``table``, which also measures the images unless ``measurements`` does.
    """
    measured = measuring.by_image(table if measurements is None else measurements)
    fold_of = {group: zlib.crc32(group.encode()) % _FOLDS for group in of.groups}
    folds = [fold_of[group] for group in of.groups]
    rates = []
    for fold in range(_FOLDS):
        own = {i for i, other in zip(of.image_ids, folds, strict=True) if other == fold}
        rates.append(null_rates.fit_null_rates(table, without=own))
    pairs = zip(of.image_ids, folds, strict=True)
    return ledger.surprises_of([ledger.findings(measured[i], rates[fold]) for i, fold in pairs])
