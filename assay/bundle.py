"""The last touch to a trained model: calibrate it, here or for another platform, and name it."""

from __future__ import annotations

import json
import math
import shutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from assay import ledger, measuring, model_registry, null_rates
from assay.calibration import Calibration, calibrate, recalibrate
from assay.detector import Detector
from assay.embedding import Embedding, Features
from assay.errors import DataError
from assay.examination import examined_photos, in_batches
from assay.fingerprints import content_hash, group_digest
from assay.fusion import Fusion
from assay.images import Variant, photo_of
from assay.metrics import Floats
from assay.model_folder import (
    CALIBRATION_FILE,
    EMBEDDING_FILE,
    FUSION_FILE,
    MODEL_FILE,
    read_facts,
)
from assay.probability_fits import group_weights
from assay.progress import Progress
from assay.records import Label, Photo, Split
from assay.review import ReviewSettings
from assay.strata import stratum

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.dataset import Dataset

RECALIBRATED = "recalibrated"
"""Key of a model's description under which it says from which model, and on which dataset."""

_LABELLED = (Split.TRAIN, Split.VALIDATION)
_FOLDS = 5
_EMBEDDED = 512
"""Images, evenly from all: enough for a few components, and seconds of decoding."""


class _Answers(NamedTuple):
    """What is known of labelled images, ``[n]`` each and ``logits`` ``[n, 3]``."""

    logits: Floats
    labels: list[Label]
    groups: list[str]
    strata: list[str]
    image_ids: list[str]


def calibrated(
    adapter: Path,
    dataset: Dataset,
    measurements: pa.Table,
    settings: ReviewSettings,
    work: Path,
    progress: Progress,
) -> Path:
    """A copy of the model folder ``adapter`` below ``work``, fused and calibrated on ``dataset``.

    ``measurements`` is the table that the adapter was trained with. Images are asked about in the
    normalised form, the one that the adapter learned from. The model says nothing of its own
    training images; where its word counts nothing beside the evidence, they help to calibrate too,
    each held against the null rates of other photographs. The ``version`` is a hash of what was
    trained and of the calibration, so that verdicts name their model wherever it is served from.
    """
    detector, form = Detector.load(adapter), Variant.BIAS_CONTROLLED
    judge = detector.verdict_logits if settings.hear_model else None
    trained = _answers(None, dataset, [Split.TRAIN], form, progress)
    asked = _answers(judge, dataset, [Split.VALIDATION], form, progress)
    fusion = Fusion()
    known = _surprises(asked, measurements)
    if settings.hear_model:
        weights = group_weights(np.asarray(asked.groups))
        fusion = Fusion.fit(asked.logits, known, asked.labels, weights)
    parts, fused = [asked], [fusion.logits(asked.logits, known)]
    if not fusion.hears_the_model:
        parts.append(trained)
        fused.append(fusion.logits(trained.logits, _surprises(trained, measurements)))
    labels, groups, strata = (
        [value for part in parts for value in getattr(part, name)]
        for name in ("labels", "groups", "strata")
    )
    made = calibrate(np.concatenate(fused), labels, groups, strata, settings)
    seen = _embedding(detector, dataset, form, progress)
    return _named(
        adapter, {CALIBRATION_FILE: made, FUSION_FILE: fusion, EMBEDDING_FILE: seen}, {}, work
    )


def _embedding(
    detector: Detector, dataset: Dataset, form: Variant, progress: Progress
) -> Embedding:
    """The embedding of images that the model learned from, `_EMBEDDED` of them at most."""
    total = sum(dataset.table(["image_id"], split).num_rows for split in _LABELLED)
    samples = chain.from_iterable(map(dataset.samples, _LABELLED))
    chosen = islice(samples, None, None, math.ceil(total / _EMBEDDED))
    features: list[Features] = []
    for sample in chosen:
        pixels = detector.preparer.processor.resize(photo_of(sample, form).pixels)
        features.append(detector.backend.features([pixels]))
        progress(len(features), min(total, _EMBEDDED), "embedding")
    return Embedding.fit(np.concatenate(features))


def _surprises(of: _Answers, table: pa.Table) -> dict[Label, Floats]:
    """What the evidence of images counts, each held against photographs of other groups alone.

    An image among its own references is never rare, and what is fitted to it would expect too
    little of others. Groups are dealt into `_FOLDS`, and each fold is left out in turn.
    """
    measured = measuring.by_image(table)
    fold_of = {group: zlib.crc32(group.encode()) % _FOLDS for group in of.groups}
    folds = [fold_of[group] for group in of.groups]
    rates = []
    for fold in range(_FOLDS):
        own = {i for i, other in zip(of.image_ids, folds, strict=True) if other == fold}
        rates.append(null_rates.fit_null_rates(table, without=own))
    pairs = zip(of.image_ids, folds, strict=True)
    return ledger.surprises_of([ledger.findings(measured[i], rates[fold]) for i, fold in pairs])


def recalibrated(
    model: Path, dataset: Dataset, settings: ReviewSettings, work: Path, progress: Progress
) -> Path:
    """A copy of the calibrated ``model`` below ``work``, moved to the images of ``dataset``.

    Images as they came, of the train and the validation split: those of the test split are left
    to judge it. Photographs that the model was fitted on say nothing and are left out. Raises
    `DataError` unless authentic and other images remain.
    """
    detector, old = Detector.load(model), Calibration.load(model / CALIBRATION_FILE)
    answers = _answers(detector.logits, dataset, _LABELLED, Variant.AS_IS, progress)
    new = np.array([not detector.has_seen(group) for group in answers.groups], bool)
    logits, labels, groups = (np.asarray(part)[new] for part in answers[:3])
    if len({label == Label.AUTHENTIC for label in labels}) < 2:
        raise DataError(
            "recalibration needs authentic and other images that the model was not fitted on; "
            "add labelled images"
        )
    facts, origin = read_facts(model), model_registry.describe(model)
    changes = {
        "seen_groups": sorted({*facts["seen_groups"], *map(group_digest, groups)}),
        RECALIBRATED: {"model": origin.version or origin.name, "dataset": dataset.version},
    }
    made = recalibrate(old, logits, labels, groups, settings)
    return _named(model, {CALIBRATION_FILE: made}, changes, work)


def _answers(
    judge: Callable[[Sequence[Photo]], Floats] | None,
    dataset: Dataset,
    splits: Sequence[Split],
    form: Variant,
    progress: Progress,
) -> _Answers:
    """The images of ``splits``, and what ``judge`` says of them; NaN where nobody does."""
    total = sum(dataset.table(["image_id"], split).num_rows for split in splits)
    samples = chain.from_iterable(map(dataset.samples, splits))
    make = partial(photo_of, kind=form)
    # Who is not asked needs no evidence.
    photographed = examined_photos(make, samples) if judge else ((s, make(s)) for s in samples)
    answers, logits = _Answers(np.zeros((0, len(Label))), [], [], [], []), []
    for batch in in_batches(photographed):
        photos = [photo for _, photo in batch]
        logits.append(judge(photos) if judge else np.full((len(batch), len(Label)), np.nan))
        answers.labels.extend(sample.label for sample, _ in batch)
        answers.groups.extend(sample.group for sample, _ in batch)
        answers.strata.extend(map(stratum, photos))
        answers.image_ids.extend(sample.image_id for sample, _ in batch)
        progress(len(answers.labels), total, "calibrating")
    return answers._replace(logits=np.concatenate([answers.logits, *logits]))


def _named(
    model: Path,
    parts: Mapping[str, Calibration | Fusion | Embedding],
    changes: dict[str, Any],
    work: Path,
) -> Path:
    """A copy of ``model`` with ``parts`` and a description that tells its hash."""
    unfinished = work / f"calibrating-{content_hash(model)[:16]}"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(model, unfinished)
    for name, part in parts.items():
        part.save(unfinished / name)
    description = {**read_facts(model), **changes}
    version = content_hash(unfinished)[:12]
    facts = json.dumps({**description, "version": version}, indent=2)
    (unfinished / MODEL_FILE).write_text(facts, encoding="utf-8")
    finished = work / f"model-{version}"
    shutil.rmtree(finished, ignore_errors=True)
    return unfinished.rename(finished)
